//! The kernel's counters of a socket.

use std::fmt;
use std::io;
use std::os::fd::BorrowedFd;

use xdp_sys::if_xdp::{self, SOL_XDP, XDP_STATISTICS};

use crate::socket::port::Port;
use crate::sys;

/// What the kernel has counted since the socket was made.
#[doc(alias = "xdp_statistics")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Statistics {
    /// Packets dropped because they did not fit a chunk, or there was no chunk; before Linux 5.9 also those for which
    /// the rx ring had no room.
    pub rx_dropped: u64,
    /// Always 0 on the kernels known to us: bad addresses in the fill ring are counted elsewhere, where nobody can
    /// read it (`xsk_getsockopt` reads the rx queue's counter).
    pub rx_invalid: u64,
    /// Descriptors in the tx ring that made no sense.
    pub tx_invalid: u64,
    /// The following three are told by kernels from 5.9 on.
    pub rings: Option<RingStatistics>,
}

/// Counters of the rings. Minimum kernel: 5.9.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RingStatistics {
    /// Packets dropped because the rx ring was full: take them faster, or make it larger.
    pub rx_ring_full: u64,
    /// Copy mode: packets dropped because the fill ring was empty; too few chunks, or they come back too slowly. In
    /// zero-copy mode how often the driver found it empty, with or without a packet to drop.
    pub fill_ring_empty: u64,
    /// Times that the kernel looked at an empty tx ring.
    pub tx_ring_empty: u64,
}

impl Statistics {
    pub(crate) fn read(port: &Port) -> io::Result<Self> {
        port.kernel().map_or(Ok(Self::default()), Self::of)
    }

    /// Asks a socket.
    pub(crate) fn of(fd: BorrowedFd<'_>) -> io::Result<Self> {
        let (raw, written) = sys::option(fd, SOL_XDP, XDP_STATISTICS).map_err(sys::io_error)?;
        Ok(Self::from_answer(raw, written))
    }

    /// Reads an answer of which the kernel wrote so many bytes: those before 5.9 write half, the rest is zero.
    fn from_answer(raw: if_xdp::xdp_statistics, written: usize) -> Self {
        let rings = RingStatistics {
            rx_ring_full: raw.rx_ring_full,
            fill_ring_empty: raw.rx_fill_ring_empty_descs,
            tx_ring_empty: raw.tx_ring_empty_descs,
        };
        Self {
            rx_dropped: raw.rx_dropped,
            rx_invalid: raw.rx_invalid_descs,
            tx_invalid: raw.tx_invalid_descs,
            rings: (written >= size_of::<if_xdp::xdp_statistics>()).then_some(rings),
        }
    }

    /// What was counted since an earlier look at the same socket.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let rings = match (&self.rings, &earlier.rings) {
            (Some(now), Some(then)) => Some(RingStatistics {
                rx_ring_full: now.rx_ring_full.saturating_sub(then.rx_ring_full),
                fill_ring_empty: now.fill_ring_empty.saturating_sub(then.fill_ring_empty),
                tx_ring_empty: now.tx_ring_empty.saturating_sub(then.tx_ring_empty),
            }),
            _ => None,
        };
        Self {
            rx_dropped: self.rx_dropped.saturating_sub(earlier.rx_dropped),
            rx_invalid: self.rx_invalid.saturating_sub(earlier.rx_invalid),
            tx_invalid: self.tx_invalid.saturating_sub(earlier.tx_invalid),
            rings,
        }
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "rx dropped {}, rx invalid {}, tx invalid {}",
            self.rx_dropped, self.rx_invalid, self.tx_invalid
        )?;
        match &self.rings {
            Some(rings) => write!(
                f,
                ", rx ring full {}, fill ring empty {}, tx ring empty {}",
                rings.rx_ring_full, rings.fill_ring_empty, rings.tx_ring_empty
            ),
            None => Ok(()),
        }
    }
}

#[cfg(all(test, feature = "lab"))]
mod tests {
    use std::os::fd::AsFd;

    use xdp_sys::if_xdp::{xdp_statistics, xdp_statistics_v1};

    use super::*;
    use crate::lab::Lab;
    use crate::{Mode, QueueId, Socket, Umem};

    /// Asked with the shorter struct, today's kernel answers as one before 5.9 does.
    #[test]
    fn the_shorter_answer_of_old_kernels_is_read_too() {
        if !crate::lab::require("the_shorter_answer_of_old_kernels_is_read_too") {
            return;
        }
        let lab = Lab::new().unwrap();
        let _inside = lab.enter().unwrap();
        let umem = Umem::builder().chunks(64).build().unwrap();
        let rx = Socket::builder(&umem).mode(Mode::Copy).bind_rx(lab.pair(0).a(), QueueId(0)).unwrap();
        let (short, written): (xdp_statistics_v1, usize) =
            sys::option(rx.as_fd(), SOL_XDP, XDP_STATISTICS).unwrap();
        assert_eq!(written, size_of::<xdp_statistics_v1>());
        let raw = xdp_statistics {
            rx_dropped: short.rx_dropped + 7,
            tx_invalid_descs: short.tx_invalid_descs + 9,
            ..xdp_statistics::default()
        };
        let read = Statistics::from_answer(raw, written);
        assert_eq!((read.rx_dropped, read.tx_invalid, read.rings), (7, 9, None));
        assert!(!read.to_string().contains("ring full"), "{read}");
        assert!(Statistics::of(rx.as_fd()).is_ok());
    }

    #[test]
    fn what_was_counted_between_two_looks_is_their_difference() {
        let ring = |n: u64| RingStatistics { rx_ring_full: n, fill_ring_empty: 2 * n, tx_ring_empty: 3 * n };
        let look =
            |n: u64, rings| Statistics { rx_dropped: 4 * n, rx_invalid: 5 * n, tx_invalid: 6 * n, rings };
        assert_eq!(look(9, Some(ring(9))).since(&look(2, Some(ring(2)))), look(7, Some(ring(7))));
        assert_eq!(look(9, Some(ring(9))).since(&look(2, None)), look(7, None));
        assert_eq!(look(1, None).since(&look(2, None)), look(0, None), "another socket's: never negative");
    }
}
