//! The list of sockets, where the kernel has it, and the error that says so where it has not.

use std::os::fd::{AsFd, AsRawFd};

use xdp::Socket;
use xdp::device::{SocketsError, sockets};

use super::*;

#[test]
fn the_sockets_of_a_namespace_are_listed_or_the_error_says_what_is_missing() {
    let Some(lab) = lab("the_sockets_of_a_namespace_are_listed_or_the_error_says_what_is_missing") else {
        return;
    };
    let (_inside, a, _b) = enter(&lab);
    let builder = Socket::builder(&small_umem()).mode(Mode::Copy).tx_entries(16);
    let tx = builder.bind_tx(&a, QUEUE).unwrap();
    let all = match sockets() {
        Ok(all) => all,
        Err(error) => {
            assert!(matches!(error, SocketsError::Unsupported), "{error}");
            assert!(error.to_string().contains("modprobe xsk_diag"), "{error}");
            eprintln!("NOT LISTED on this kernel: {error}");
            return;
        }
    };
    let link = fs::read_link(format!("/proc/self/fd/{}", tx.as_fd().as_raw_fd())).unwrap();
    let [socket] = &all[..] else { panic!("one socket, not {all:?}") };
    assert_eq!(format!("socket:[{}]", socket.inode), link.to_str().unwrap());
    assert_eq!(socket.bound, Some((lab.pair(0).a().index(), QUEUE)));
    assert_eq!((socket.tx_entries, socket.rx_entries), (Some(16), None));
    let umem = socket.umem.as_ref().unwrap();
    assert_eq!((umem.bytes, umem.chunk_size, umem.zero_copy), (64 * 2048, 2048, false));
    assert_eq!(socket.process().unwrap().0, std::process::id());
}
