//! A kernel of a test's own: it answers a [`NetlinkSocket`] with what the test says.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;

use xdp_sys::Plain;
use xdp_sys::netlink::nlmsghdr;

use super::{Body, NetlinkSocket};

/// A socket whose requests `kernel` answers: it is given the header of each and returns datagrams.
///
/// One end of a pair stands for the netlink socket. Its other end has no address, which reads as the kernel's port, zero.
pub(crate) fn scripted(kernel: impl FnMut(nlmsghdr) -> Vec<Vec<u8>> + Send + 'static) -> NetlinkSocket {
    let (ours, theirs) = UnixDatagram::pair().expect("a socket pair");
    let mut kernel = kernel;
    // Ends when our end is closed and nothing more comes.
    std::thread::spawn(move || {
        let mut request = [0; 4096];
        while let Ok(len @ 1..) = theirs.recv(&mut request) {
            let question = nlmsghdr::read(&request[..len]).expect("a whole request");
            for datagram in kernel(question) {
                theirs.send(&datagram).expect("somebody reads");
            }
        }
    });
    NetlinkSocket::over(OwnedFd::from(ours))
}

/// A whole message that answers a question.
pub(crate) fn message(kind: u16, flags: u16, question: nlmsghdr, payload: &[u8]) -> Vec<u8> {
    let header = nlmsghdr {
        nlmsg_len: (size_of::<nlmsghdr>() + payload.len()) as u32,
        nlmsg_type: kind,
        nlmsg_flags: flags,
        ..question
    };
    let mut bytes = [header.as_bytes(), payload].concat();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// The bytes of attributes alone.
pub(crate) fn attributes(fill: impl FnOnce(&mut Body)) -> Vec<u8> {
    let mut body = Body::default();
    fill(&mut body);
    body.into_bytes()
}
