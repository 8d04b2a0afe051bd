//! The short way in: one call for a socket that sends, receives, or both, with a UMEM of its own.

use crate::QueueId;
use crate::device::InterfaceRef;
use crate::rx::Rx;
use crate::socket::Socket;
use crate::socket::builder::{Direction, SocketBuilder};
use crate::socket::error::BindError;
use crate::socket::options::{Mode, NeedWakeup, Receive};
use crate::tx::Tx;
use crate::umem::{HugePages, Umem};

/// What is asked for, or left to the library and the kernel; what each means stands at the fields of [`XdpConfig`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wish {
    /// It is to be so.
    Force,
    /// It is not to be so.
    Forbid,
    /// What is usual.
    #[default]
    Default,
}

/// How a socket of the `create_*` functions is to be; the default suits most.
///
/// ```
/// use xdp::{Wish, XdpConfig};
///
/// let config = XdpConfig { zero_copy: Wish::Forbid, ..XdpConfig::default() };
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct XdpConfig {
    /// Zero-copy. `Force`: it or an error. `Forbid`: copy mode. `Default`: zero-copy where the driver can, else copy
    /// mode.
    pub zero_copy: Wish,
    /// Huge pages. `Force`: tried, with ordinary pages where none are set aside. `Forbid` and `Default`: ordinary
    /// pages.
    pub huge_page: Wish,
    /// Whether the kernel says when it wants to be woken. `Force` and `Default`: it does. `Forbid`: every kick is a
    /// system call.
    pub need_wakeup: Wish,
}

impl XdpConfig {
    fn builder(self) -> Result<SocketBuilder, BindError> {
        let huge_pages = match self.huge_page {
            Wish::Force => HugePages::Prefer,
            Wish::Forbid | Wish::Default => HugePages::Never,
        };
        let mode = match self.zero_copy {
            Wish::Force => Mode::ZeroCopy,
            Wish::Forbid => Mode::Copy,
            Wish::Default => Mode::PreferZeroCopy,
        };
        let need_wakeup = match self.need_wakeup {
            Wish::Forbid => NeedWakeup::Always,
            Wish::Force | Wish::Default => NeedWakeup::WhenAsked,
        };
        let umem = Umem::builder().huge_pages(huge_pages).build()?;
        Ok(Socket::builder(&umem).mode(mode).need_wakeup(need_wakeup))
    }
}

/// A socket of one of the directions; see [`create_socket`].
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "made once a socket, and taken apart at once")]
pub enum DirectedSocket {
    /// It receives.
    Rx(Rx),
    /// It sends.
    Tx(Tx),
    /// It does both; all chunks are shared half and half.
    Both(Socket),
}

/// A socket that sends only: all chunks are for sending, and nothing is taken from the kernel's stack.
///
/// # Errors
///
/// [`BindError`] says which step failed, on what, and what to do.
pub fn create_tx_socket<'a>(
    interface: impl Into<InterfaceRef<'a>>,
    queue: QueueId,
    config: XdpConfig,
) -> Result<Tx, BindError> {
    config.builder()?.bind_tx(interface, queue)
}

/// A socket that receives only: all chunks are for receiving. What it takes from the kernel's stack is for the caller
/// to say.
///
/// # Errors
///
/// As [`create_tx_socket`].
pub fn create_rx_socket<'a>(
    interface: impl Into<InterfaceRef<'a>>,
    queue: QueueId,
    receive: Receive,
    config: XdpConfig,
) -> Result<Rx, BindError> {
    config.builder()?.receive(receive).bind_rx(interface, queue)
}

/// A socket for both ways, with half of the chunks each; [`Socket::split`] takes it apart.
///
/// # Errors
///
/// As [`create_tx_socket`].
pub fn create_bi_socket<'a>(
    interface: impl Into<InterfaceRef<'a>>,
    queue: QueueId,
    receive: Receive,
    config: XdpConfig,
) -> Result<Socket, BindError> {
    config.builder()?.receive(receive).bind(interface, queue)
}

/// A socket of the direction that is asked for. It takes nothing from the kernel's stack by itself: register it with
/// a program ([`Rx::register`]) if it is to receive, or use one of the other functions.
///
/// # Errors
///
/// As [`create_tx_socket`].
pub fn create_socket<'a>(
    interface: impl Into<InterfaceRef<'a>>,
    queue: QueueId,
    direction: Direction,
    config: XdpConfig,
) -> Result<DirectedSocket, BindError> {
    let builder = config.builder()?;
    Ok(match direction {
        Direction::Rx => DirectedSocket::Rx(builder.bind_rx(interface, queue)?),
        Direction::Tx => DirectedSocket::Tx(builder.bind_tx(interface, queue)?),
        Direction::Both => DirectedSocket::Both(builder.bind(interface, queue)?),
    })
}
