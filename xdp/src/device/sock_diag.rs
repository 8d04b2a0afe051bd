//! The AF_XDP sockets of all processes.

use std::fmt;
use std::time::Instant;

use xdp_sys::Errno;
use xdp_sys::if_xdp::AF_XDP;
use xdp_sys::sock_diag::{
    SOCK_DIAG_BY_FAMILY, XDP_DIAG_INFO, XDP_DIAG_RX_RING, XDP_DIAG_STATS, XDP_DIAG_TX_RING, XDP_DIAG_UID,
    XDP_DIAG_UMEM, XDP_DIAG_UMEM_COMPLETION_RING, XDP_DIAG_UMEM_FILL_RING, XDP_DU_F_ZEROCOPY, XDP_SHOW_INFO,
    XDP_SHOW_RING_CFG, XDP_SHOW_STATS, XDP_SHOW_UMEM, xdp_diag_info, xdp_diag_msg, xdp_diag_req,
    xdp_diag_stats, xdp_diag_umem,
};

use super::netlink::{Attributes, NetlinkError, NetlinkSocket, Protocol, Request};
use super::occupant::{PATIENCE, process_of};
use crate::{QueueId, RingStatistics, Statistics};

/// An AF_XDP socket of any process, as the kernel lists it.
///
/// Numbers that this kernel does not tell, or that the socket does not have, are `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct XdpSocket {
    /// The socket's inode, as `/proc/PID/fd` shows it.
    pub inode: u32,
    /// The kernel's number for it, never given twice (`SO_COOKIE`).
    pub cookie: u64,
    /// Where it is bound: the index of the interface, and the queue.
    pub bound: Option<(u32, QueueId)>,
    /// The user who made it.
    pub uid: Option<u32>,
    /// Length of its rx ring, in entries.
    pub rx_entries: Option<u32>,
    /// Length of its tx ring, in entries.
    pub tx_entries: Option<u32>,
    /// Length of its fill ring, in entries.
    pub fill_entries: Option<u32>,
    /// Length of its completion ring, in entries.
    pub completion_entries: Option<u32>,
    /// The memory of its packets.
    pub umem: Option<SocketUmem>,
    /// Its counters. Minimum kernel: 5.9.
    pub statistics: Option<Statistics>,
}

/// The memory of the packets of a socket, as the kernel lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketUmem {
    /// The kernel's number for it: sockets that share a UMEM have the same.
    pub id: u32,
    /// Length, in bytes.
    pub bytes: u64,
    /// Number of pages that it lies on.
    pub pages: u32,
    /// Size of a chunk, in bytes.
    pub chunk_size: u32,
    /// Headroom of a chunk, in bytes.
    pub headroom: u32,
    /// Whether the driver reads and writes it itself (zero-copy).
    pub zero_copy: bool,
    /// How many sockets and queues use it.
    pub references: u32,
}

/// Why the sockets could not be listed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketsError {
    /// The kernel does not tell.
    #[error(
        "this kernel does not list AF_XDP sockets: its module xsk_diag is not loaded (modprobe xsk_diag), or it was built \
         without CONFIG_XDP_SOCKETS_DIAG"
    )]
    Unsupported,
    /// The kernel could not be asked.
    #[error("cannot list the AF_XDP sockets")]
    Query {
        /// Why not.
        #[source]
        cause: NetlinkError,
    },
}

/// Lists the AF_XDP sockets of all processes in the network namespace of the calling thread.
///
/// Needs no privilege. Minimum kernel: 5.1, with `CONFIG_XDP_SOCKETS_DIAG`.
///
/// ```no_run
/// for socket in xdp::device::sockets()? {
///     println!("{socket}");
/// }
/// # Ok::<(), xdp::device::SocketsError>(())
/// ```
pub fn sockets() -> Result<Vec<XdpSocket>, SocketsError> {
    let asked = NetlinkSocket::open(Protocol::SockDiag).and_then(|mut socket| ask(&mut socket));
    asked.map_err(|cause| match cause.refusal() {
        // Nobody answers for the family; the kernel looks for a module first.
        Some(Errno::ENOENT) => SocketsError::Unsupported,
        _ => match cause {
            // A kernel without any socket diagnosis has not even the protocol.
            NetlinkError::Socket { cause, .. }
                if cause.raw_os_error() == Some(Errno::EPROTONOSUPPORT.raw()) =>
            {
                SocketsError::Unsupported
            }
            cause => SocketsError::Query { cause },
        },
    })
}

pub(super) fn ask(socket: &mut NetlinkSocket) -> Result<Vec<XdpSocket>, NetlinkError> {
    let question = xdp_diag_req {
        sdiag_family: AF_XDP as u8,
        xdiag_show: XDP_SHOW_INFO | XDP_SHOW_RING_CFG | XDP_SHOW_UMEM | XDP_SHOW_STATS,
        ..xdp_diag_req::default()
    };
    let answers = socket.request(&Request::dump(SOCK_DIAG_BY_FAMILY).fixed(&question))?;
    Ok(answers.iter().filter_map(|answer| XdpSocket::read(&answer.payload)).collect())
}

impl XdpSocket {
    /// A process that has the socket open, and its name. Without privilege only the user's own are found. Looks through
    /// `/proc` for at most 200 ms.
    pub fn process(&self) -> Option<(u32, String)> {
        process_of(self.inode, Instant::now() + PATIENCE)
    }

    /// Reads one answer.
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        let (socket, attributes) = Attributes::after::<xdp_diag_msg>(payload)?;
        let number = |kind| attributes.find(kind).and_then(|attribute| attribute.value::<u32>());
        let bound = attributes.find(XDP_DIAG_INFO).and_then(|info| info.value::<xdp_diag_info>());
        let umem = attributes.find(XDP_DIAG_UMEM).and_then(|umem| umem.value::<xdp_diag_umem>());
        let counters = attributes.find(XDP_DIAG_STATS).and_then(|stats| stats.value::<xdp_diag_stats>());
        let [low, high] = socket.xdiag_cookie;
        Some(Self {
            inode: socket.xdiag_ino,
            cookie: u64::from(high) << 32 | u64::from(low),
            bound: bound.filter(|at| at.ifindex != 0).map(|at| (at.ifindex, QueueId(at.queue_id))),
            uid: number(XDP_DIAG_UID),
            rx_entries: number(XDP_DIAG_RX_RING),
            tx_entries: number(XDP_DIAG_TX_RING),
            fill_entries: number(XDP_DIAG_UMEM_FILL_RING),
            completion_entries: number(XDP_DIAG_UMEM_COMPLETION_RING),
            umem: umem.map(SocketUmem::from),
            statistics: counters.map(Statistics::from),
        })
    }
}

impl From<xdp_diag_umem> for SocketUmem {
    fn from(umem: xdp_diag_umem) -> Self {
        Self {
            id: umem.id,
            bytes: umem.size,
            pages: umem.num_pages,
            chunk_size: umem.chunk_size,
            headroom: umem.headroom,
            zero_copy: umem.flags & XDP_DU_F_ZEROCOPY != 0,
            references: umem.refs,
        }
    }
}

impl From<xdp_diag_stats> for Statistics {
    fn from(counters: xdp_diag_stats) -> Self {
        Self {
            rx_dropped: counters.n_rx_dropped,
            rx_invalid: counters.n_rx_invalid,
            tx_invalid: counters.n_tx_invalid,
            rings: Some(RingStatistics {
                rx_ring_full: counters.n_rx_full,
                fill_ring_empty: counters.n_fill_ring_empty,
                tx_ring_empty: counters.n_tx_ring_empty,
            }),
        }
    }
}

impl fmt::Display for XdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "socket {}", self.inode)?;
        match self.bound {
            Some((interface, queue)) => write!(f, " on queue {queue} of interface {interface}")?,
            None => f.write_str(" is not bound")?,
        }
        if let Some(uid) = self.uid {
            write!(f, ", uid {uid}")?;
        }
        if let Some(umem) = &self.umem {
            let mode = if umem.zero_copy { "zero-copy" } else { "copy" };
            write!(f, ", {mode} mode, umem {} of {} bytes", umem.id, umem.bytes)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use xdp_sys::Plain;
    use xdp_sys::netlink::{NLMSG_DONE, NLMSG_ERROR, nlattr, nlmsgerr, nlmsghdr};

    use super::*;
    use crate::device::netlink::script::{message, scripted};

    /// An answer as `xdp_diag_fill` of the kernel writes it.
    fn answer() -> Vec<u8> {
        let attribute = |kind, payload: &[u8]| {
            let header = nlattr { nla_len: 4 + payload.len() as u16, nla_type: kind };
            [header.as_bytes(), payload].concat()
        };
        let socket = xdp_diag_msg {
            xdiag_family: 44,
            xdiag_type: 3,
            xdiag_ino: 4242,
            xdiag_cookie: [7, 1],
            ..xdp_diag_msg::default()
        };
        let umem = xdp_diag_umem {
            size: 1 << 23,
            id: 5,
            num_pages: 2048,
            chunk_size: 4096,
            headroom: 64,
            ifindex: 3,
            queue_id: 1,
            flags: XDP_DU_F_ZEROCOPY,
            refs: 2,
        };
        let counters = xdp_diag_stats {
            n_rx_dropped: 1,
            n_rx_invalid: 2,
            n_rx_full: 3,
            n_fill_ring_empty: 4,
            n_tx_invalid: 5,
            n_tx_ring_empty: 6,
        };
        [
            socket.as_bytes().to_vec(),
            attribute(XDP_DIAG_INFO, xdp_diag_info { ifindex: 3, queue_id: 1 }.as_bytes()),
            attribute(XDP_DIAG_UID, 1000_u32.as_bytes()),
            attribute(XDP_DIAG_RX_RING, 2048_u32.as_bytes()),
            attribute(XDP_DIAG_TX_RING, 1024_u32.as_bytes()),
            attribute(XDP_DIAG_UMEM, umem.as_bytes()),
            attribute(XDP_DIAG_UMEM_FILL_RING, 4096_u32.as_bytes()),
            attribute(XDP_DIAG_UMEM_COMPLETION_RING, 512_u32.as_bytes()),
            attribute(XDP_DIAG_STATS, counters.as_bytes()),
        ]
        .concat()
    }

    #[test]
    fn an_answer_tells_all_of_a_socket() {
        let socket = XdpSocket::read(&answer()).expect("whole");
        assert_eq!((socket.inode, socket.cookie), (4242, 1 << 32 | 7));
        assert_eq!((socket.bound, socket.uid), (Some((3, QueueId(1))), Some(1000)));
        assert_eq!((socket.rx_entries, socket.tx_entries), (Some(2048), Some(1024)));
        assert_eq!((socket.fill_entries, socket.completion_entries), (Some(4096), Some(512)));
        let expected = SocketUmem {
            id: 5,
            bytes: 1 << 23,
            pages: 2048,
            chunk_size: 4096,
            headroom: 64,
            zero_copy: true,
            references: 2,
        };
        assert_eq!(socket.umem, Some(expected));
        let rings = RingStatistics { rx_ring_full: 3, fill_ring_empty: 4, tx_ring_empty: 6 };
        let expected = Statistics { rx_dropped: 1, rx_invalid: 2, tx_invalid: 5, rings: Some(rings) };
        assert_eq!(socket.statistics, Some(expected));
        assert_eq!(
            socket.to_string(),
            "socket 4242 on queue 1 of interface 3, uid 1000, zero-copy mode, umem 5 of 8388608 bytes"
        );
    }

    #[test]
    fn what_is_missing_from_an_answer_is_not_made_up() {
        let bare = XdpSocket::read(&answer()[..16]).expect("a socket that is not bound says no more");
        assert_eq!(bare.to_string(), "socket 4242 is not bound");
        assert_eq!((bare.umem, bare.statistics, bare.rx_entries), (None, None, None));
        for len in 0..16 {
            assert_eq!(XdpSocket::read(&answer()[..len]), None, "{len} bytes");
        }
    }

    #[test]
    fn sockets_are_listed_to_the_end_mark() {
        let mut socket = scripted(|question| {
            let part = message(SOCK_DIAG_BY_FAMILY, 0, question, &answer());
            let end = message(NLMSG_DONE, 0, question, 0_i32.as_bytes());
            vec![part.clone(), [part, end].concat()]
        });
        assert_eq!(ask(&mut socket).expect("listed").len(), 2);
    }

    #[test]
    fn a_kernel_that_does_not_tell_is_an_error_that_says_what_to_do() {
        let mut socket = scripted(|question| {
            let error = nlmsgerr { error: -Errno::ENOENT.raw(), msg: nlmsghdr::default() };
            vec![message(NLMSG_ERROR, 0, question, error.as_bytes())]
        });
        let error = ask(&mut socket).expect_err("refused");
        assert_eq!(error.refusal(), Some(Errno::ENOENT));
        assert!(SocketsError::Unsupported.to_string().contains("modprobe xsk_diag"));
    }

    proptest! {
        #[test]
        fn an_answer_of_any_bytes_does_not_panic(payload in vec(any::<u8>(), 0..200)) {
            if let Some(socket) = XdpSocket::read(&payload) {
                prop_assert!(!socket.to_string().is_empty());
            }
        }
    }
}
