//! What happens to interfaces, as a stream that can be waited for.

mod event;
mod links;
#[cfg(all(test, feature = "lab"))]
mod tests;

use std::collections::{BTreeSet, VecDeque};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use xdp_sys::if_link::IFLA_EXT_MASK;
use xdp_sys::rtnetlink::{RTEXT_FILTER_SKIP_STATS, RTM_GETLINK, RTM_NEWLINK, ifinfomsg};
use xdp_sys::{Errno, Plain};

use super::monitor::subscribe_to_links;
use super::netlink::{Messages, NetlinkError, NetlinkSocket, Protocol, Received, Request, receive_whole};
use super::{Interface, InterfaceError, InterfaceRef};
use crate::sys::{self, PollFd};
#[cfg(any(fuzzing, test))]
pub(super) use links::Links;
#[cfg(not(any(fuzzing, test)))]
use links::Links;

pub use event::{DownReason, LinkEvent, LinkId};

/// How often programs are looked for, that the kernel does not tell of.
const PROGRAM_LOOK: Duration = Duration::from_millis(200);
/// Events that are kept at most: more are left with the kernel until these were taken.
const KEPT: usize = 1024;
/// How often a first look is repeated while things change.
const CALM_ATTEMPTS: u32 = 8;

/// The changes of one interface, or of all in a network namespace, in order.
///
/// The namespace is that of the thread that opens it, whoever uses it later. What happened before is not told.
///
/// ```no_run
/// use std::time::Duration;
/// use xdp::device::{LinkEvent, LinkEvents};
///
/// let mut events = LinkEvents::of("eth0")?;
/// while let Some(event) = events.next_event(Duration::MAX)? {
///     println!("{event}");
///     if let LinkEvent::Removed(_) = event {
///         break;
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The kernel tells of everything at once but of XDP programs: those attached by a `bpf_link`, as this library and most
/// others do, change without a word (seen on 6.18; attaching over netlink, as `ip link set NAME xdp` does, is told). So
/// [`next_event`](Self::next_event) looks for them every 200 ms while it waits. Who waits by other means, as the
/// descriptor allows, calls [`look`](Self::look) now and then if programs matter.
///
/// To catch one program that comes and goes in less time is luck.
#[derive(Debug)]
pub struct LinkEvents {
    feed: OwnedFd,
    /// Asks how things are now: a socket of its own, so that answers and news do not mix.
    asker: NetlinkSocket,
    /// The one that is watched, or all.
    only: Option<u32>,
    /// The one that was watched is gone: nothing will be told any more.
    has_ended: bool,
    links: Links,
    news: VecDeque<LinkEvent>,
    next_look: Instant,
    buffer: Vec<u8>,
}

impl LinkEvents {
    /// The changes of one interface, until it is removed.
    pub fn of<'a>(interface: impl Into<InterfaceRef<'a>>) -> Result<Self, InterfaceError> {
        let interface = Interface::find(interface)?;
        let (name, index) = (interface.name(), interface.index());
        let events = Self::open(Some(index)).map_err(|cause| InterfaceError::Query {
            what: format!("interface {}", name.escape_debug()),
            cause,
        })?;
        // It may have gone since it was found.
        let is_there = events.links.knows(index);
        is_there.then_some(events).ok_or_else(|| InterfaceError::Gone { name: name.to_owned(), index })
    }

    /// The changes of all interfaces of the calling thread's network namespace, those that are added later among them.
    pub fn all() -> Result<Self, NetlinkError> {
        Self::open(None)
    }

    fn open(only: Option<u32>) -> Result<Self, NetlinkError> {
        let mut events = Self {
            feed: subscribe_to_links()?,
            asker: NetlinkSocket::open(Protocol::Route)?,
            only,
            has_ended: false,
            links: Links::default(),
            news: VecDeque::new(),
            next_look: Instant::now() + PROGRAM_LOOK,
            buffer: Vec::new(),
        };
        // A look that nothing happens during is no older than the news that follow it.
        for _ in 0..CALM_ATTEMPTS {
            events.look()?;
            events.news.clear();
            events.read()?;
            if events.news.is_empty() {
                break;
            }
            events.news.clear();
        }
        Ok(events)
    }

    /// Waits for an event, at most `timeout`; `None` when the time is up, and at once when the one interface that was
    /// watched is gone and its removal was told.
    pub fn next_event(&mut self, timeout: Duration) -> Result<Option<LinkEvent>, NetlinkError> {
        // A deadline beyond what the clock can tell is none.
        let deadline = Instant::now().checked_add(timeout);
        loop {
            if let Some(event) = self.try_next()? {
                return Ok(Some(event));
            }
            if self.has_ended {
                return Ok(None);
            }
            let now = Instant::now();
            if now >= self.next_look {
                self.look()?;
                continue;
            }
            let left = deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(now));
            if left.is_zero() {
                return Ok(None);
            }
            let nap = left.min(self.next_look - now);
            match sys::poll(&mut [PollFd::new(self.feed.as_fd(), libc::POLLIN)], Some(nap)) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(NetlinkError::socket("wait for", errno)),
            }
        }
    }

    /// An event that the kernel has told of already; `None` if there is none. Never waits, so call it until then when
    /// a poller says that the descriptor is readable.
    pub fn try_next(&mut self) -> Result<Option<LinkEvent>, NetlinkError> {
        if self.news.is_empty() {
            self.read()?;
        }
        Ok(self.news.pop_front())
    }

    /// Asks how things are now, for what the kernel does not tell of: programs attached by a `bpf_link`. The events are
    /// for [`try_next`](Self::try_next) and [`next_event`](Self::next_event) to return, which calls this by itself. Does
    /// nothing while 1024 events wait to be taken.
    pub fn look(&mut self) -> Result<(), NetlinkError> {
        // What was told before is older than the answer.
        self.read()?;
        // With so many events to be taken, some news are still with the kernel.
        if self.has_ended || self.news.len() >= KEPT {
            return Ok(());
        }
        self.next_look = Instant::now() + PROGRAM_LOOK;
        let header = ifinfomsg { ifi_index: self.only.unwrap_or(0) as i32, ..ifinfomsg::default() };
        let request = match self.only {
            Some(_) => Request::new(RTM_GETLINK, 0),
            None => Request::dump(RTM_GETLINK),
        };
        let request = request.fixed(&header).value(IFLA_EXT_MASK, &RTEXT_FILTER_SKIP_STATS);
        let answers = match self.asker.request(&request) {
            Err(error) if self.only.is_some() && error.refusal() == Some(Errno::ENODEV) => Vec::new(),
            answers => answers?,
        };
        let mut there = BTreeSet::new();
        for answer in answers.iter().filter(|answer| answer.kind == RTM_NEWLINK) {
            there.extend(self.take(answer.kind, &answer.payload));
        }
        self.links.keep(&there, &mut self.news);
        self.end_at_removal();
        Ok(())
    }

    /// Takes in what the kernel has told, without waiting.
    fn read(&mut self) -> Result<(), NetlinkError> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let result = self.read_into(&mut buffer);
        self.buffer = buffer;
        self.end_at_removal();
        result
    }

    fn read_into(&mut self, buffer: &mut Vec<u8>) -> Result<(), NetlinkError> {
        while self.news.len() < KEPT {
            match receive_whole(self.feed.as_fd(), buffer) {
                Ok(Received::Datagram(len)) => {
                    for message in Messages::new(&buffer[..len]) {
                        match message {
                            Ok(message) => drop(self.take(message.header.nlmsg_type, message.payload)),
                            Err(_) => self.lost(),
                        }
                    }
                }
                Ok(Received::NotKernel) => {}
                Ok(Received::Nothing) => break,
                // The kernel threw messages away; those that it kept are read next.
                Ok(Received::TooLong) | Err(Errno::ENOBUFS) => self.lost(),
                Err(errno) => return Err(NetlinkError::socket("read from", errno)),
            }
        }
        Ok(())
    }

    fn take(&mut self, kind: u16, payload: &[u8]) -> Option<u32> {
        let about = ifinfomsg_index(payload)?;
        if self.has_ended || self.only.is_some_and(|only| only != about) {
            return None;
        }
        self.links.take(kind, payload, &mut self.news)
    }

    fn lost(&mut self) {
        self.news.push_back(LinkEvent::Lost);
        self.next_look = Instant::now();
    }

    /// An interface that gets the index of the one that was watched is another one.
    fn end_at_removal(&mut self) {
        let is_end = |event: &LinkEvent| matches!(event, LinkEvent::Removed(_) | LinkEvent::Moved(_));
        let end = self.news.iter().position(is_end).filter(|_| self.only.is_some());
        if let Some(end) = end {
            self.news.truncate(end + 1);
            self.has_ended = true;
        }
    }
}

fn ifinfomsg_index(payload: &[u8]) -> Option<u32> {
    u32::try_from(ifinfomsg::read(payload)?.ifi_index).ok()
}

/// Readable when there is news; see [`LinkEvents::try_next`].
impl AsFd for LinkEvents {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.feed.as_fd()
    }
}
