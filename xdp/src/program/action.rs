//! What a program decides about a packet.

use xdp_sys::bpf;

/// What an XDP program decides about a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Action {
    /// The program failed: the packet is dropped, and the tracepoint `xdp:xdp_exception` fires.
    #[doc(alias = "XDP_ABORTED")]
    Aborted = bpf::XDP_ABORTED,
    /// The packet is dropped.
    #[doc(alias = "XDP_DROP")]
    Drop = bpf::XDP_DROP,
    /// The packet goes to the kernel's network stack, as if there were no program.
    #[doc(alias = "XDP_PASS")]
    Pass = bpf::XDP_PASS,
    /// The packet goes back out of the interface that it came in by.
    #[doc(alias = "XDP_TX")]
    Transmit = bpf::XDP_TX,
    /// The packet goes to the socket that the program chose.
    #[doc(alias = "XDP_REDIRECT")]
    Redirect = bpf::XDP_REDIRECT,
}

impl Action {
    /// `None` for a number that the kernel treats as [`Action::Aborted`] with a warning in its log.
    pub(super) fn from_raw(raw: u32) -> Option<Self> {
        [Self::Aborted, Self::Drop, Self::Pass, Self::Transmit, Self::Redirect]
            .into_iter()
            .find(|&action| action as u32 == raw)
    }
}
