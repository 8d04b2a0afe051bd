//! XDP programs against the running kernel: loading, the socket map, attaching, and what is left behind (nothing).
#![cfg(feature = "lab")]

mod attach;
mod aya_maps;
mod conflict;
mod fork;
mod held;
mod load;
mod loader;
mod map;
mod netlink;
mod pin;
mod replace;
mod traffic;

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use xdp::device::Interface;
use xdp::program::{Action, Instruction, LoadError, Program, ProgramBuilder, Register};

/// What programs are tried on: nothing in it matters to them.
const PACKET: [u8; 64] = [0; 64];

/// An AF_XDP socket that is not bound, with an rx ring: all that a map needs.
fn xdp_socket() -> OwnedFd {
    // SAFETY: socket(2) takes no memory of ours.
    let fd = unsafe { libc::socket(libc::AF_XDP, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
    assert!(fd >= 0, "{}", std::io::Error::last_os_error());
    // SAFETY: the call above just made it, and nobody else owns it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    let entries = 64_u32;
    let (value, length) = ((&raw const entries).cast(), size_of::<u32>() as libc::socklen_t);
    // SAFETY: the kernel reads the four bytes of `entries`, which lives during the call.
    let answer = unsafe { libc::setsockopt(fd, libc::SOL_XDP, libc::XDP_RX_RING, value, length) };
    assert_eq!(answer, 0, "{}", std::io::Error::last_os_error());
    socket
}

/// A program with the same decision for every packet.
fn always(action: Action) -> ProgramBuilder {
    Program::from_instructions(vec![Instruction::mov(Register::R0, action as i32), Instruction::exit()])
}

/// The program that an interface has in its driver, as the kernel says now.
fn driver_program(name: &str) -> Option<u32> {
    Interface::by_name(name).unwrap().xdp().driver()
}

/// Whether this kernel has programs for packets of several buffers (5.18).
fn has_multi_buffer() -> bool {
    match Program::redirect_all().multi_buffer().load() {
        Ok(_) => true,
        Err(LoadError::NoMultiBuffer { .. }) => {
            eprintln!("SKIPPED packets of several buffers: this kernel has no programs for them");
            false
        }
        Err(error) => panic!("{error}"),
    }
}

fn is_close_on_exec(fd: BorrowedFd<'_>) -> bool {
    // SAFETY: F_GETFD takes no memory, and the descriptor is borrowed, so open.
    let flags = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFD) };
    flags & libc::FD_CLOEXEC != 0
}

/// No child process is started by another test while this is held.
///
/// Between fork and exec a child has copies of all our descriptors, so that closing one of them does nothing yet.
fn no_forks() -> MutexGuard<'static, ()> {
    static FORKS: Mutex<()> = Mutex::new(());
    FORKS.lock().unwrap_or_else(PoisonError::into_inner)
}
