//! What a forked child can do to its parent: nothing.

use std::io::{Read, pipe};
use std::os::fd::{AsRawFd, OwnedFd};

use xdp::lab::{self, Lab};
use xdp::program::{AttachMode, Program};
use xdp::{Mode, QueueId, Socket, Umem};

use super::no_forks;

/// A forked child; killed and reaped on drop.
struct Child(libc::pid_t);

impl Child {
    /// Forks and runs `work` in the child, which then waits to be killed.
    ///
    /// The process has other threads, so `work` must not wait for anything that one of them may have held: no output,
    /// no panic.
    fn fork(work: impl FnOnce()) -> Self {
        // SAFETY: the child runs `work`, of which the tests below see that it only closes descriptors and gives
        // memory back (the C library makes its allocator usable after fork), and then calls nothing but pause(2).
        let pid = unsafe { libc::fork() };
        assert!(pid >= 0, "{}", std::io::Error::last_os_error());
        if pid == 0 {
            work();
            loop {
                // SAFETY: it takes no argument, and returns after a signal only.
                unsafe { libc::pause() };
            }
        }
        Self(pid)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // SAFETY: the child is ours and not yet reaped, so the number is its own.
        unsafe { libc::kill(self.0, libc::SIGKILL) };
        // SAFETY: as above; no status is asked for.
        unsafe { libc::waitpid(self.0, std::ptr::null_mut(), 0) };
    }
}

/// Closes all descriptors but the standard ones and `kept`.
fn close_all_but(kept: &OwnedFd) {
    for fd in (3..4096).filter(|&fd| fd != kept.as_raw_fd()) {
        // SAFETY: called in a child only, which uses none of its copies of the parent's descriptors afterwards.
        unsafe { libc::close(fd) };
    }
}

#[test]
fn a_child_that_drops_its_copy_of_an_attachment_leaves_the_program_at_work() {
    if !lab::require("a_child_that_drops_its_copy_of_an_attachment_leaves_the_program_at_work") {
        return;
    }
    let lab = Lab::new().unwrap();
    let _inside = lab.enter().unwrap();
    let program = Program::redirect_all().load().unwrap();
    let attachment = program.attach(lab.pair(0).a(), AttachMode::Driver).unwrap();
    let (mut done, doing) = pipe().unwrap();
    let _alone = no_forks();
    // SAFETY: the child's copy is another value in another memory: it is dropped there once, and here once.
    let copy = unsafe { std::ptr::read(&raw const attachment) };
    let copy = std::mem::ManuallyDrop::new(copy);
    let _child = Child::fork(|| {
        drop(std::mem::ManuallyDrop::into_inner(copy));
        drop(doing);
    });
    assert_eq!(done.read(&mut [0]).unwrap(), 0, "the child has dropped its copy");
    assert!(attachment.is_attached().unwrap());
    drop(attachment);
}

#[test]
fn a_child_that_lives_on_does_not_keep_a_queue_bound() {
    if !lab::require("a_child_that_lives_on_does_not_keep_a_queue_bound") {
        return;
    }
    let lab = Lab::new().unwrap();
    let _inside = lab.enter().unwrap();
    let bound = || {
        let umem = Umem::builder().chunks(64).build().unwrap();
        Socket::builder(&umem)
            .mode(Mode::Copy)
            .rx_entries(64)
            .tx_entries(64)
            .fill_entries(64)
            .completion_entries(64)
            .bind(lab.pair(0).a(), QueueId(0))
    };
    let socket = bound().unwrap();
    let (mut done, doing) = pipe().unwrap();
    let doing = OwnedFd::from(doing);
    let _alone = no_forks();
    let _child = Child::fork(|| {
        // The descriptors are gone: what could still hold the socket is a ring that is mapped.
        close_all_but(&doing);
        drop(doing);
    });
    assert_eq!(done.read(&mut [0]).unwrap(), 0, "the child has closed its copies");
    drop(socket);
    // The kernel releases a closed socket a little later, for which the bind waits by itself.
    bound().unwrap();
}
