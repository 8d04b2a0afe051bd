//! Safe functions over bpf(2), for this folder only.
//!
//! Each fills in the struct of its command from borrowed memory and borrowed descriptors, so what the kernel reads
//! and writes lives as long as the call. No policy: errors come back as the kernel gave them, but for the retry of a
//! load that a signal interrupted.
#![allow(unsafe_code, reason = "bpf(2) takes addresses")]

use std::ffi::{CStr, c_int};
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use xdp_sys::bpf::{self, *};
use xdp_sys::{Errno, Result};

use super::Instruction;

mod map;

pub(super) use map::{MapFd, MapShape, map_by_id};

/// How often a load or a test run that a signal interrupted is begun again.
const INTERRUPTED_RETRIES: u32 = 10;

/// A name as the kernel stores it: up to 15 letters, digits, `_` and `.`, then zeroes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ObjectName([u8; BPF_OBJ_NAME_LEN]);

impl ObjectName {
    /// `None` where the kernel would refuse the name with a bare `EINVAL`.
    pub(super) fn new(name: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.';
        if name.len() >= BPF_OBJ_NAME_LEN || !name.bytes().all(allowed) {
            return None;
        }
        let mut bytes = [0; BPF_OBJ_NAME_LEN];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        Some(Self(bytes))
    }
}

/// Everything that the kernel is told about a program.
#[derive(Debug)]
pub(super) struct XdpSource<'a> {
    pub(super) name: ObjectName,
    pub(super) instructions: &'a [Instruction],
    /// The maps that its instructions name by their place here; the first is what [`Instruction::load_map`] loads.
    pub(super) maps: &'a [BorrowedFd<'a>],
    pub(super) flags: u32,
    /// The interface of the calling thread's network namespace that it is bound to; 0 for none.
    pub(super) ifindex: u32,
}

/// Loads an XDP program. `log` receives what the verifier writes, as text that ends with a zero.
pub(super) fn load_xdp(source: &XdpSource<'_>, mut log: Option<&mut [u8]>) -> Result<OwnedFd> {
    /// The helpers that need a licence compatible with the GPL are open to this one.
    const LICENSE: &CStr = c"Dual MIT/GPL";
    let instructions: Vec<_> = source.instructions.iter().map(|each| each.with_maps(source.maps)).collect();
    let mut attr = bpf_attr_prog_load {
        prog_type: BPF_PROG_TYPE_XDP,
        insn_cnt: u32::try_from(instructions.len()).map_err(|_| Errno::E2BIG)?,
        insns: instructions.as_ptr() as u64,
        license: LICENSE.as_ptr() as u64,
        prog_flags: source.flags,
        prog_ifindex: source.ifindex,
        prog_name: source.name.0,
        ..Default::default()
    };
    if let Some(log) = &mut log {
        attr.log_level = 1;
        attr.log_size = u32::try_from(log.len()).map_err(|_| Errno::E2BIG)?;
        attr.log_buf = log.as_mut_ptr() as u64;
    }
    uninterrupted(Errno::EAGAIN, || {
        // SAFETY: the struct belongs to this command. The kernel reads `insn_cnt` instructions of 8 bytes (which is
        // what `Instruction`, transparent over `bpf_insn`, has), reads the licence to its zero, and writes at most
        // `log_size` bytes to `log_buf`: all three live for the whole of this function. The only descriptors that
        // instructions name are those of `source.maps`, written above and borrowed, so open: `Instruction` has no
        // other way to name one, its field being private.
        unsafe { open(BPF_PROG_LOAD, &mut attr) }
    })
}

/// What the kernel knows of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProgramInfo {
    pub(super) id: u32,
    pub(super) name: String,
}

pub(super) fn program_info(program: BorrowedFd<'_>) -> Result<ProgramInfo> {
    let mut info = bpf_prog_info::default();
    object_info(program, &mut info)?;
    Ok(ProgramInfo { id: info.id, name: name_in(&info.name) })
}

/// Looks a program up by its id. Needs `CAP_SYS_ADMIN`.
pub(super) fn program_by_id(id: u32) -> Result<OwnedFd> {
    let mut attr = bpf_attr_get_id { id, ..Default::default() };
    // SAFETY: the struct belongs to this command and holds neither address nor descriptor.
    unsafe { open(BPF_PROG_GET_FD_BY_ID, &mut attr) }
}

/// Runs a program on a copy of `packet` and gives what it returned.
pub(super) fn test_run(program: BorrowedFd<'_>, packet: &[u8]) -> Result<u32> {
    let mut attr = bpf_attr_test_run {
        prog_fd: descriptor(program),
        data_size_in: u32::try_from(packet.len()).map_err(|_| Errno::E2BIG)?,
        data_in: packet.as_ptr() as u64,
        repeat: 1,
        ..Default::default()
    };
    uninterrupted(Errno::EINTR, || {
        // SAFETY: the struct belongs to this command. The kernel copies `data_size_in` bytes of `packet`, which is
        // borrowed during the call; no room for output is given; the descriptor is borrowed, so open.
        unsafe { call(BPF_PROG_TEST_RUN, &mut attr) }
    })?;
    Ok(attr.retval)
}

/// Attaches a program to the interface of this index in the calling thread's network namespace.
pub(super) fn link_xdp(program: BorrowedFd<'_>, ifindex: u32, flags: u32) -> Result<OwnedFd> {
    let mut attr = bpf_attr_link_create {
        prog_fd: descriptor(program),
        target_ifindex: ifindex,
        attach_type: BPF_XDP,
        flags,
    };
    // SAFETY: the struct belongs to this command and holds no address; the descriptor is borrowed, so open.
    unsafe { open(BPF_LINK_CREATE, &mut attr) }
}

/// Whether this kernel attaches XDP programs by links at all (5.9).
///
/// Asked with a descriptor that cannot exist: a kernel that knows the attach type answers `EBADF`, one that does not
/// knows no better than `EINVAL`, which is also its answer to many other mistakes.
pub(super) fn xdp_links_exist() -> bool {
    let mut attr = bpf_attr_link_create { prog_fd: u32::MAX, attach_type: BPF_XDP, ..Default::default() };
    // SAFETY: the struct belongs to this command and holds no address; its descriptor is -1, which nobody can have
    // open, so the call cannot act on anything.
    match unsafe { call(BPF_LINK_CREATE, &mut attr) } {
        Err(errno) => errno != Errno::EINVAL,
        Ok(_) => true,
    }
}

/// Replaces the program of a link, if it is `old`, without a packet in between.
pub(super) fn link_update(link: BorrowedFd<'_>, new: BorrowedFd<'_>, old: BorrowedFd<'_>) -> Result<()> {
    let mut attr = bpf_attr_link_update {
        link_fd: descriptor(link),
        new_prog_fd: descriptor(new),
        flags: BPF_F_REPLACE,
        old_prog_fd: descriptor(old),
    };
    // SAFETY: the struct belongs to this command and holds no address; the descriptors are borrowed, so open.
    unsafe { call(BPF_LINK_UPDATE, &mut attr) }.map(drop)
}

/// Detaches a link for everybody who holds it.
pub(super) fn link_detach(link: BorrowedFd<'_>) -> Result<()> {
    let mut attr = bpf_attr_link_detach { link_fd: descriptor(link) };
    // SAFETY: the struct belongs to this command and holds no address; the descriptor is borrowed, so open.
    unsafe { call(BPF_LINK_DETACH, &mut attr) }.map(drop)
}

/// What the kernel knows of a link to an interface's XDP hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LinkInfo {
    pub(super) id: u32,
    pub(super) program: u32,
    /// The interface that it holds; 0 once the interface is gone or the link was detached.
    pub(super) ifindex: u32,
}

pub(super) fn link_info(link: BorrowedFd<'_>) -> Result<LinkInfo> {
    let mut info = bpf_link_info::default();
    object_info(link, &mut info)?;
    Ok(LinkInfo { id: info.id, program: info.prog_id, ifindex: info.xdp_ifindex })
}

/// Gives an object a name in the BPF file system, which keeps it from then on.
pub(super) fn pin(object: BorrowedFd<'_>, path: &CStr) -> Result<()> {
    let mut attr =
        bpf_attr_obj { pathname: path.as_ptr() as u64, bpf_fd: descriptor(object), ..Default::default() };
    // SAFETY: the struct belongs to this command. The kernel reads the path to its zero, which is borrowed during the
    // call; the descriptor is borrowed, so open.
    unsafe { call(BPF_OBJ_PIN, &mut attr) }.map(drop)
}

/// The object that has a name in the BPF file system.
pub(super) fn pinned(path: &CStr) -> Result<OwnedFd> {
    let mut attr = bpf_attr_obj { pathname: path.as_ptr() as u64, ..Default::default() };
    // SAFETY: the struct belongs to this command. The kernel reads the path to its zero, which is borrowed during the
    // call; there is no descriptor in it.
    unsafe { open(BPF_OBJ_GET, &mut attr) }
}

/// One of the info structs of the kernel: nothing but integers, so that every pattern of bytes is a value of it.
trait Info {}
impl Info for bpf_prog_info {}
impl Info for bpf_link_info {}
impl Info for bpf_map_info {}

fn object_info<T: Info>(object: BorrowedFd<'_>, info: &mut T) -> Result<()> {
    let mut attr = bpf_attr_info {
        bpf_fd: descriptor(object),
        info_len: size_of::<T>() as u32,
        info: std::ptr::from_mut(info) as u64,
    };
    // SAFETY: the struct belongs to this command. The kernel writes at most `info_len` bytes to `info`, which is that
    // long, borrowed during the call, and a struct of integers whatever the object is (`Info`). The addresses that
    // the info itself may hold are zero: the callers pass defaults.
    unsafe { call(BPF_OBJ_GET_INFO_BY_FD, &mut attr) }.map(drop)
}

/// bpf(2) with one of the argument structs.
///
/// # Safety
///
/// `attr` is the struct that belongs to `cmd`, and the addresses and descriptors in it are valid as [`bpf::bpf`]
/// says.
unsafe fn call<T>(cmd: c_int, attr: &mut T) -> Result<RawFd> {
    // SAFETY: the struct is initialised, exclusively borrowed and as long as stated; the caller vouches for its type
    // and for what it points to.
    unsafe { bpf::bpf(cmd, std::ptr::from_mut(attr).cast(), size_of::<T>() as u32) }
}

/// bpf(2) with a command that makes a descriptor.
///
/// # Safety
///
/// As for [`call`]; and `cmd` is one of those commands.
unsafe fn open<T>(cmd: c_int, attr: &mut T) -> Result<OwnedFd> {
    // SAFETY: the same contract, kept by the caller.
    let fd = unsafe { call(cmd, attr) }?;
    // SAFETY: the command just made this descriptor, as the caller vouches: it is open and has no owner yet.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Begins again, a bounded number of times, when a signal came in between; `interrupted` is how this command says so.
fn uninterrupted<T>(interrupted: Errno, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    for _ in 0..INTERRUPTED_RETRIES {
        match attempt() {
            Err(errno) if errno == interrupted => {}
            answer => return answer,
        }
    }
    attempt()
}

/// The number that the kernel's structs hold, unsigned there. A borrowed descriptor is never negative.
fn descriptor(fd: BorrowedFd<'_>) -> u32 {
    fd.as_raw_fd() as u32
}

/// A name of the kernel's, up to its zero or, should that be missing, the end.
fn name_in(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_the_kernel_would_refuse_is_refused_here() {
        assert!(ObjectName::new("xdp_redirect.1").is_some());
        assert!(ObjectName::new("").is_some());
        assert!(ObjectName::new("fifteen_letters").is_some());
        assert!(ObjectName::new("sixteen_letters_").is_none());
        assert!(ObjectName::new("with space").is_none());
        assert!(ObjectName::new("ümlaut").is_none());
    }

    #[test]
    fn a_name_without_its_zero_ends_with_the_field() {
        assert_eq!(name_in(b"abc\0def"), "abc");
        assert_eq!(name_in(b"abc"), "abc");
        assert_eq!(name_in(b""), "");
    }

    #[test]
    fn an_interrupted_call_is_begun_again_a_bounded_number_of_times() {
        let mut calls = 0;
        let answer = uninterrupted(Errno::EAGAIN, || {
            calls += 1;
            if calls < 3 { Err(Errno::EAGAIN) } else { Ok(7) }
        });
        assert_eq!((answer, calls), (Ok(7), 3));
        let mut calls = 0;
        let answer = uninterrupted(Errno::EAGAIN, || {
            calls += 1;
            Err::<(), _>(Errno::EAGAIN)
        });
        assert_eq!((answer, calls), (Err(Errno::EAGAIN), INTERRUPTED_RETRIES + 1));
    }
}
