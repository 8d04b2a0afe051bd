//! The kernel's counters of a socket.

use std::fmt;
use std::io;

use xdp_sys::if_xdp::{self, SOL_XDP, XDP_STATISTICS};

use crate::socket::port::Port;
use crate::sys;

/// What the kernel has counted since the socket was made.
#[doc(alias = "xdp_statistics")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Statistics {
    /// Packets dropped because they did not fit a chunk, or there was no chunk.
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
    /// Packets dropped because the fill ring was empty: too few chunks, or they come back too slowly.
    pub fill_ring_empty: u64,
    /// Times that the kernel looked at an empty tx ring.
    pub tx_ring_empty: u64,
}

impl Statistics {
    pub(crate) fn read(port: &Port) -> io::Result<Self> {
        let Some(fd) = port.kernel() else { return Ok(Self::default()) };
        let (raw, written): (if_xdp::xdp_statistics, usize) =
            sys::option(fd, SOL_XDP, XDP_STATISTICS).map_err(sys::io_error)?;
        let rings = RingStatistics {
            rx_ring_full: raw.rx_ring_full,
            fill_ring_empty: raw.rx_fill_ring_empty_descs,
            tx_ring_empty: raw.tx_ring_empty_descs,
        };
        Ok(Self {
            rx_dropped: raw.rx_dropped,
            rx_invalid: raw.rx_invalid_descs,
            tx_invalid: raw.tx_invalid_descs,
            rings: (written >= size_of::<if_xdp::xdp_statistics>()).then_some(rings),
        })
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
