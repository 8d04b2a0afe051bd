//! The parts of bpf(2) that XDP programs, their maps and their attachment need.
//!
//! Reference: uapi `linux/bpf.h`. The flags of a link to an XDP hook are in [`crate::if_link`].
//!
//! `union bpf_attr` is one struct per command here, and each holds only the fields that are used: the kernel takes
//! the size of what it is given, and reads the rest as zero. A short struct is therefore accepted by the oldest
//! kernel and by the newest, where the whole union of a new header is refused with `E2BIG` by an older kernel only if
//! the unknown tail is not zero. Every struct has its size and each offset asserted beside it.
#![allow(
    non_camel_case_types,
    reason = "the kernel's own spelling, so that its documentation can be searched by name"
)]
#![allow(unsafe_code, reason = "the system call itself")]

use core::ffi::{c_int, c_long, c_void};

use crate::{Result, syscall};

mod attr;
mod info;
mod insn;

pub use attr::*;
pub use info::*;
pub use insn::*;

// enum bpf_cmd

/// Create a map. Minimum kernel: 3.18.
pub const BPF_MAP_CREATE: c_int = 0;
/// Read one element of a map. Minimum kernel: 3.18.
pub const BPF_MAP_LOOKUP_ELEM: c_int = 1;
/// Write one element of a map. Minimum kernel: 3.18.
pub const BPF_MAP_UPDATE_ELEM: c_int = 2;
/// Delete one element of a map. Minimum kernel: 3.18.
pub const BPF_MAP_DELETE_ELEM: c_int = 3;
/// The key after a given one, or the first. Minimum kernel: 3.18, for LPM tries 4.16.
pub const BPF_MAP_GET_NEXT_KEY: c_int = 4;
/// Verify and load a program. Minimum kernel: 3.18.
pub const BPF_PROG_LOAD: c_int = 5;
/// Give an object a name in the BPF file system, which keeps it. Minimum kernel: 4.4.
pub const BPF_OBJ_PIN: c_int = 6;
/// A descriptor of the object that has a name in the BPF file system. Minimum kernel: 4.4.
pub const BPF_OBJ_GET: c_int = 7;
/// Run a program once on bytes of the caller. Minimum kernel: 4.12.
pub const BPF_PROG_TEST_RUN: c_int = 10;
/// A descriptor of the program with a given id; needs `CAP_SYS_ADMIN`. Minimum kernel: 4.13.
pub const BPF_PROG_GET_FD_BY_ID: c_int = 13;
/// A descriptor of the map with a given id; needs `CAP_SYS_ADMIN`. Minimum kernel: 4.13.
pub const BPF_MAP_GET_FD_BY_ID: c_int = 14;
/// What the kernel knows of a program, map or link. Minimum kernel: 4.13.
pub const BPF_OBJ_GET_INFO_BY_FD: c_int = 15;
/// Attach a program through a link. Minimum kernel: 5.7, for XDP 5.9.
pub const BPF_LINK_CREATE: c_int = 28;
/// Replace the program of a link, without a packet in between. Minimum kernel: 5.7, for XDP 5.9.
pub const BPF_LINK_UPDATE: c_int = 29;
/// Detach a link now, whoever else still holds it. Minimum kernel: 5.9.
pub const BPF_LINK_DETACH: c_int = 34;

// enum bpf_map_type, bpf_prog_type, bpf_attach_type

/// A hash table.
pub const BPF_MAP_TYPE_HASH: u32 = 1;
/// An array, whose elements are always there.
pub const BPF_MAP_TYPE_ARRAY: u32 = 2;
/// A trie that finds the longest prefix of a key. Minimum kernel: 4.11.
pub const BPF_MAP_TYPE_LPM_TRIE: u32 = 11;
/// A map from queue to AF_XDP socket. Minimum kernel: 4.18.
pub const BPF_MAP_TYPE_XSKMAP: u32 = 17;
/// An XDP program.
pub const BPF_PROG_TYPE_XDP: u32 = 6;
/// The attach type of a link to an interface's XDP hook. Minimum kernel: 5.9.
pub const BPF_XDP: u32 = 37;

/// Bytes of an object's name with its terminating zero; letters, digits, `_` and `.` only. Minimum kernel: 4.15.
pub const BPF_OBJ_NAME_LEN: usize = 16;
/// Bytes of a program's tag, a hash of its instructions.
pub const BPF_TAG_SIZE: usize = 8;

// Flags of BPF_MAP_CREATE

/// Elements take memory when they are made; tries want it so.
pub const BPF_F_NO_PREALLOC: u32 = 1 << 0;

// Flags of BPF_MAP_UPDATE_ELEM

/// Create the element or replace it.
pub const BPF_ANY: u64 = 0;
/// Create the element only if there is none.
pub const BPF_NOEXIST: u64 = 1;
/// Replace the element only if there is one.
pub const BPF_EXIST: u64 = 2;

// Flags of BPF_PROG_LOAD

/// The program understands packets of several buffers. Minimum kernel: 5.18.
pub const BPF_F_XDP_HAS_FRAGS: u32 = 1 << 5;
/// The program runs on one device only, which lets it read that device's metadata. Minimum kernel: 6.3.
pub const BPF_F_XDP_DEV_BOUND_ONLY: u32 = 1 << 6;

// enum xdp_action

/// The program failed: the packet is dropped and a tracepoint fires.
pub const XDP_ABORTED: u32 = 0;
/// The packet is dropped.
pub const XDP_DROP: u32 = 1;
/// The packet goes to the kernel's network stack.
pub const XDP_PASS: u32 = 2;
/// The packet goes back out of the interface that it came in by.
pub const XDP_TX: u32 = 3;
/// The packet goes where the redirect helper said: a socket, a device or a CPU.
pub const XDP_REDIRECT: u32 = 4;

// Flags of BPF_LINK_UPDATE

/// Replace the program only if it is the given one. Minimum kernel: 5.7.
pub const BPF_F_REPLACE: u32 = 1 << 2;

/// `bpf_map_lookup_elem(map, key)`: the address of the value, or 0.
#[allow(non_upper_case_globals, reason = "the kernel's own spelling")]
pub const BPF_FUNC_map_lookup_elem: i32 = 1;
/// `bpf_xdp_get_buff_len(context)`: the bytes of the packet in all of its buffers. Minimum kernel: 5.18.
#[allow(non_upper_case_globals, reason = "the kernel's own spelling")]
pub const BPF_FUNC_xdp_get_buff_len: i32 = 188;
/// `bpf_xdp_adjust_meta(context, delta)`: moves where the metadata in front of the packet begins. Minimum kernel:
/// 4.15.
#[allow(non_upper_case_globals, reason = "the kernel's own spelling")]
pub const BPF_FUNC_xdp_adjust_meta: i32 = 54;
/// `bpf_redirect_map(map, key, flags)`: the low two bits of the flags are the action for an empty slot (5.3).
#[allow(non_upper_case_globals, reason = "the kernel's own spelling")]
pub const BPF_FUNC_redirect_map: i32 = 51;

/// What an XDP program is called with, in register 1. Programs address it by offset; the fields are rewritten by the
/// verifier, so this is no memory of the kernel.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct xdp_md {
    /// First byte of the packet.
    pub data: u32,
    /// One past the last byte of the packet's first buffer.
    pub data_end: u32,
    /// First byte of the metadata before the packet. Minimum kernel: 4.15.
    pub data_meta: u32,
    /// Interface that the packet came in by. Minimum kernel: 4.16.
    pub ingress_ifindex: u32,
    /// Queue that the packet came in by. Minimum kernel: 4.16.
    pub rx_queue_index: u32,
    /// Interface that the packet leaves by, in programs of a device map only. Minimum kernel: 5.8.
    pub egress_ifindex: u32,
}

assert_layout!(xdp_md, 24, {
    data: u32 => 0,
    data_end: u32 => 4,
    data_meta: u32 => 8,
    ingress_ifindex: u32 => 12,
    rx_queue_index: u32 => 16,
    egress_ifindex: u32 => 20,
});

/// bpf(2). Answers with a descriptor for the commands that make one, 0 for the others.
///
/// Every descriptor that it makes is close-on-exec. A call is not repeated here: `BPF_PROG_LOAD` gives `EAGAIN` and
/// `BPF_PROG_TEST_RUN` gives `EINTR` when a signal is pending, and the caller decides whether to go on.
///
/// # Safety
///
/// `attr` points to `size` bytes that are initialised, writable and laid out as the struct of this module that
/// belongs to `cmd`. Each address in it is 0 or points to memory that is valid for what the command does with it:
/// read for keys, values, instructions, licence and packets, written for logs, infos and outputs, with the lengths
/// that the struct states, or for a key and a value those of the map. Each descriptor in it is open during the call.
pub unsafe fn bpf(cmd: c_int, attr: *mut c_void, size: u32) -> Result<c_int> {
    // SAFETY: the kernel reads and writes `size` bytes at `attr` and the memory that it points to, all of which the
    // caller guarantees to be valid for that; bpf(2) touches no other memory of the process.
    let answer: c_long = unsafe { libc::syscall(libc::SYS_bpf, cmd, attr, size) };
    if answer < 0 {
        return Err(syscall::errno());
    }
    // A descriptor or 0: it fits, the kernel's own type for it is int.
    Ok(answer as c_int)
}
