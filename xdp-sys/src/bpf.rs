//! The parts of bpf(2) that XDP programs, their maps and their attachment need.
//!
//! Reference: uapi `linux/bpf.h`. The flags of a link to an XDP hook are in [`crate::if_link`].
//!
//! `union bpf_attr` is one struct per command here, and each holds only the fields that are used: the kernel takes the
//! size of what it is given, and reads the rest as zero. A short struct is therefore accepted by the oldest kernel and
//! by the newest, where the whole union of a new header is refused with `E2BIG` by an older kernel only if the unknown
//! tail is not zero. Every struct has its size and each offset asserted beside it.
#![allow(
    non_camel_case_types,
    reason = "the kernel's own spelling, so that its documentation can be searched by name"
)]
#![allow(unsafe_code, reason = "the system call itself")]

use core::ffi::{c_int, c_long, c_void};

use crate::{Result, syscall};

mod info;
mod insn;

pub use info::*;
pub use insn::*;

// enum bpf_cmd

/// Create a map. Minimum kernel: 3.18.
pub const BPF_MAP_CREATE: c_int = 0;
/// Write one element of a map. Minimum kernel: 3.18.
pub const BPF_MAP_UPDATE_ELEM: c_int = 2;
/// Delete one element of a map. Minimum kernel: 3.18.
pub const BPF_MAP_DELETE_ELEM: c_int = 3;
/// Verify and load a program. Minimum kernel: 3.18.
pub const BPF_PROG_LOAD: c_int = 5;
/// Run a program once on bytes of the caller. Minimum kernel: 4.12.
pub const BPF_PROG_TEST_RUN: c_int = 10;
/// A descriptor of the program with a given id; needs `CAP_SYS_ADMIN`. Minimum kernel: 4.13.
pub const BPF_PROG_GET_FD_BY_ID: c_int = 13;
/// What the kernel knows of a program, map or link. Minimum kernel: 4.13.
pub const BPF_OBJ_GET_INFO_BY_FD: c_int = 15;
/// Attach a program through a link. Minimum kernel: 5.7, for XDP 5.9.
pub const BPF_LINK_CREATE: c_int = 28;
/// Replace the program of a link, without a packet in between. Minimum kernel: 5.7, for XDP 5.9.
pub const BPF_LINK_UPDATE: c_int = 29;
/// Detach a link now, whoever else still holds it. Minimum kernel: 5.9.
pub const BPF_LINK_DETACH: c_int = 34;

// enum bpf_map_type, bpf_prog_type, bpf_attach_type

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

/// Argument of [`BPF_MAP_CREATE`], up to the name.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct bpf_attr_map_create {
    /// Kind of map, for instance [`BPF_MAP_TYPE_XSKMAP`].
    pub map_type: u32,
    /// Bytes of a key.
    pub key_size: u32,
    /// Bytes of a value.
    pub value_size: u32,
    /// Number of elements.
    pub max_entries: u32,
    /// `BPF_F_*` flags of the map.
    pub map_flags: u32,
    /// Descriptor of the inner map, for maps of maps.
    pub inner_map_fd: u32,
    /// NUMA node, with `BPF_F_NUMA_NODE` only.
    pub numa_node: u32,
    /// Name shown by tools, terminated by zero.
    pub map_name: [u8; BPF_OBJ_NAME_LEN],
    /// Interface to create the map on, for offload only; 0 otherwise.
    pub map_ifindex: u32,
}

assert_layout!(bpf_attr_map_create, 48, {
    map_type: u32 => 0,
    key_size: u32 => 4,
    value_size: u32 => 8,
    max_entries: u32 => 12,
    map_flags: u32 => 16,
    inner_map_fd: u32 => 20,
    numa_node: u32 => 24,
    map_name: [u8; BPF_OBJ_NAME_LEN] => 28,
    map_ifindex: u32 => 44,
});

/// Argument of [`BPF_MAP_UPDATE_ELEM`] and [`BPF_MAP_DELETE_ELEM`] (which takes the map and the key only).
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct bpf_attr_map_elem {
    /// Descriptor of the map.
    pub map_fd: u32,
    /// Zero: C leaves four bytes here to align the key.
    pub reserved: u32,
    /// Address of the key.
    pub key: u64,
    /// Address of the value.
    pub value: u64,
    /// [`BPF_ANY`], [`BPF_NOEXIST`] or [`BPF_EXIST`].
    pub flags: u64,
}

assert_layout!(bpf_attr_map_elem, 32, {
    map_fd: u32 => 0,
    reserved: u32 => 4,
    key: u64 => 8,
    value: u64 => 16,
    flags: u64 => 24,
});

/// Argument of [`BPF_PROG_LOAD`], up to the attach type.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct bpf_attr_prog_load {
    /// Kind of program, for instance [`BPF_PROG_TYPE_XDP`].
    pub prog_type: u32,
    /// Number of instruction slots.
    pub insn_cnt: u32,
    /// Address of the instructions.
    pub insns: u64,
    /// Address of the licence's name, terminated by zero.
    pub license: u64,
    /// How much the verifier writes to the log: 0 nothing, 1 what matters, 2 every state.
    pub log_level: u32,
    /// Bytes of the log buffer: at most 2^24 - 1 before Linux 5.4.
    pub log_size: u32,
    /// Address of the log buffer.
    pub log_buf: u64,
    /// Unused by the kernel.
    pub kern_version: u32,
    /// `BPF_F_*` flags of the program.
    pub prog_flags: u32,
    /// Name shown by tools, terminated by zero.
    pub prog_name: [u8; BPF_OBJ_NAME_LEN],
    /// Interface that the program is for, with offload or [`BPF_F_XDP_DEV_BOUND_ONLY`]; 0 otherwise.
    pub prog_ifindex: u32,
    /// Attach type that the verifier checks for; 0 is right for XDP on an interface.
    pub expected_attach_type: u32,
}

assert_layout!(bpf_attr_prog_load, 72, {
    prog_type: u32 => 0,
    insn_cnt: u32 => 4,
    insns: u64 => 8,
    license: u64 => 16,
    log_level: u32 => 24,
    log_size: u32 => 28,
    log_buf: u64 => 32,
    kern_version: u32 => 40,
    prog_flags: u32 => 44,
    prog_name: [u8; BPF_OBJ_NAME_LEN] => 48,
    prog_ifindex: u32 => 64,
    expected_attach_type: u32 => 68,
});

/// Argument of [`BPF_PROG_TEST_RUN`], up to the context.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct bpf_attr_test_run {
    /// Descriptor of the program.
    pub prog_fd: u32,
    /// Written by the kernel: what the program returned.
    pub retval: u32,
    /// Bytes of the packet: at least 14, an Ethernet header.
    pub data_size_in: u32,
    /// Room for the packet afterwards; the kernel writes the bytes that there are.
    pub data_size_out: u32,
    /// Address of the packet.
    pub data_in: u64,
    /// Address of room for the packet afterwards, or 0.
    pub data_out: u64,
    /// How often to run it; 0 is once.
    pub repeat: u32,
    /// Written by the kernel: nanoseconds of one run.
    pub duration: u32,
    /// Bytes of the context.
    pub ctx_size_in: u32,
    /// Room for the context afterwards.
    pub ctx_size_out: u32,
    /// Address of the context, a [`xdp_md`] here, or 0. Minimum kernel for XDP: 5.14.
    pub ctx_in: u64,
    /// Address of room for the context afterwards, or 0.
    pub ctx_out: u64,
}

assert_layout!(bpf_attr_test_run, 64, {
    prog_fd: u32 => 0,
    retval: u32 => 4,
    data_size_in: u32 => 8,
    data_size_out: u32 => 12,
    data_in: u64 => 16,
    data_out: u64 => 24,
    repeat: u32 => 32,
    duration: u32 => 36,
    ctx_size_in: u32 => 40,
    ctx_size_out: u32 => 44,
    ctx_in: u64 => 48,
    ctx_out: u64 => 56,
});

/// Argument of [`BPF_PROG_GET_FD_BY_ID`].
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct bpf_attr_get_id {
    /// Id of the object.
    pub id: u32,
    /// Unused here.
    pub next_id: u32,
    /// `BPF_F_RDONLY` and its like; 0 for programs.
    pub open_flags: u32,
}

assert_layout!(bpf_attr_get_id, 12, {
    id: u32 => 0,
    next_id: u32 => 4,
    open_flags: u32 => 8,
});

/// Argument of [`BPF_OBJ_GET_INFO_BY_FD`].
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct bpf_attr_info {
    /// Descriptor of the program, map or link.
    pub bpf_fd: u32,
    /// Bytes at `info`; the kernel writes how many it filled in.
    pub info_len: u32,
    /// Address of a [`bpf_prog_info`], [`bpf_map_info`] or [`bpf_link_info`].
    pub info: u64,
}

assert_layout!(bpf_attr_info, 16, {
    bpf_fd: u32 => 0,
    info_len: u32 => 4,
    info: u64 => 8,
});

/// Argument of [`BPF_LINK_CREATE`], up to the flags.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct bpf_attr_link_create {
    /// Descriptor of the program.
    pub prog_fd: u32,
    /// Interface to attach to, in the network namespace of the calling thread.
    pub target_ifindex: u32,
    /// [`BPF_XDP`] here.
    pub attach_type: u32,
    /// [`crate::if_link`]'s `XDP_FLAGS_*`: at most one mode.
    pub flags: u32,
}

assert_layout!(bpf_attr_link_create, 16, {
    prog_fd: u32 => 0,
    target_ifindex: u32 => 4,
    attach_type: u32 => 8,
    flags: u32 => 12,
});

/// Argument of [`BPF_LINK_UPDATE`].
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct bpf_attr_link_update {
    /// Descriptor of the link.
    pub link_fd: u32,
    /// Descriptor of the program that shall run from now on.
    pub new_prog_fd: u32,
    /// `BPF_F_REPLACE` to compare with `old_prog_fd`, or 0.
    pub flags: u32,
    /// Descriptor of the program that must run now, with `BPF_F_REPLACE` only.
    pub old_prog_fd: u32,
}

assert_layout!(bpf_attr_link_update, 16, {
    link_fd: u32 => 0,
    new_prog_fd: u32 => 4,
    flags: u32 => 8,
    old_prog_fd: u32 => 12,
});

/// Argument of [`BPF_LINK_DETACH`].
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct bpf_attr_link_detach {
    /// Descriptor of the link.
    pub link_fd: u32,
}

assert_layout!(bpf_attr_link_detach, 4, {
    link_fd: u32 => 0,
});

/// bpf(2). Answers with a descriptor for the commands that make one, 0 for the others.
///
/// Every descriptor that it makes is close-on-exec. A call is not repeated here: `BPF_PROG_LOAD` gives `EAGAIN` and
/// `BPF_PROG_TEST_RUN` gives `EINTR` when a signal is pending, and the caller decides whether to go on.
///
/// # Safety
///
/// `attr` points to `size` bytes that are initialised, writable and laid out as the struct of this module that belongs
/// to `cmd`. Each address in it is 0 or points to memory that is valid for what the command does with it: read for
/// keys, values, instructions, licence and packets, written for logs, infos and outputs, with the lengths that the
/// struct states, or for a key and a value those of the map. Each descriptor in it is open during the call.
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
