//! A program that the kernel has verified.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use xdp_sys::Errno;

use super::bpf::{self, ProgramInfo};
use super::counters::CounterMap;
use super::hook::Way;
use super::load::Source;
use super::{
    Action, AttachError, AttachMode, Attachment, Counters, Filter, Instruction, Pin, PinError,
    ProgramBuilder, Rules, XskMap,
};
use crate::device::InterfaceRef;
use crate::sys::io_error;

/// A verified XDP program with its socket map. A clone is another handle of the same program.
///
/// It runs on no interface until it is [attached](Program::attach), and is unloaded when the last handle and the last
/// [`Attachment`] are gone. One program can be attached to several interfaces: they then share the map, so that queue
/// 0 of each leads to the same slot; load one program per interface to keep them apart.
///
/// ```no_run
/// use xdp::program::{AttachMode, Program};
///
/// let program = Program::redirect_all().load()?;
/// let attachment = program.attach("eth0", AttachMode::PreferDriver)?;
/// println!("{} runs in {} mode", program.name(), attachment.mode());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Program {
    loaded: Arc<Loaded>,
}

#[derive(Debug)]
struct Loaded {
    fd: OwnedFd,
    map: Arc<XskMap>,
    counters: Option<CounterMap>,
    facts: Facts,
}

/// What is known of a program once it is loaded.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) info: ProgramInfo,
    pub(super) multi_buffer: bool,
    pub(super) bound: Option<Bound>,
}

/// The interface that a program is bound to: see [`ProgramBuilder::rx_metadata`].
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) ifindex: u32,
    pub(super) interface: String,
}

impl Program {
    /// Every packet of a queue goes to the socket that the map holds for that queue; packets of a queue without a
    /// socket go to the kernel's network stack, as if there were no program.
    ///
    /// Mind that a queue with a socket loses everything to it, ARP and a remote shell's packets included.
    ///
    /// Minimum kernel: 5.3.
    pub fn redirect_all() -> ProgramBuilder {
        ProgramBuilder::new("xdp_redirect", Source::All)
    }

    /// The packets that a filter matches go to the socket that the map holds for their queue; everything else passes
    /// to the kernel's network stack, or what [`ProgramBuilder::otherwise`] says.
    ///
    /// ```no_run
    /// use xdp::program::{Action, Filter, Program};
    ///
    /// let filter = Filter::udp().dst_port(4433).or(Filter::arp());
    /// let program = Program::redirect(filter).otherwise(Action::Pass).load()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Minimum kernel: 5.4.
    pub fn redirect(filter: Filter) -> ProgramBuilder {
        Self::rules(filter)
    }

    /// The first rule that matches a packet decides, and is counted: see [`Program::counters`].
    ///
    /// Minimum kernel: 5.4.
    pub fn rules(rules: impl Into<Rules>) -> ProgramBuilder {
        ProgramBuilder::new("xdp_filter", Source::Rules(rules.into()))
    }

    /// A program of your own. [`Instruction::load_map`] means the socket map that it is loaded with.
    ///
    /// The program starts with its context in r1 (uapi `struct xdp_md`) and ends with an [`Action`] in r0. Whatever
    /// it does, the kernel's verifier decides whether it is safe: a program that is not comes back as
    /// [`LoadError::Refused`](super::LoadError::Refused).
    ///
    /// ```no_run
    /// use xdp::program::{Action, Instruction, Program, Register};
    ///
    /// let drop_all = vec![Instruction::mov(Register::R0, Action::Drop as i32), Instruction::exit()];
    /// let program = Program::from_instructions(drop_all).name("drop_all").load()?;
    /// assert_eq!(program.test_run(&[0; 64])?, Action::Drop);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_instructions(instructions: Vec<Instruction>) -> ProgramBuilder {
        ProgramBuilder::new("xdp_custom", Source::Own(instructions))
    }

    pub(super) fn new(fd: OwnedFd, map: Arc<XskMap>, counters: Option<CounterMap>, facts: Facts) -> Self {
        Self { loaded: Arc::new(Loaded { fd, map, counters, facts }) }
    }

    /// Runs the program for every packet that comes in by an interface, until the attachment is dropped.
    ///
    /// The interface is one of the calling thread's network namespace. A program that runs there already is never
    /// replaced: [`AttachError::Occupied`] names it.
    ///
    /// Minimum kernel: 5.9; before that as [`attach_by_netlink`](Self::attach_by_netlink), from which it differs in
    /// what the end of the process leaves behind.
    pub fn attach<'a>(
        &self,
        interface: impl Into<InterfaceRef<'a>>,
        mode: AttachMode,
    ) -> Result<Attachment, AttachError> {
        Attachment::new(self.clone(), interface.into(), mode, Way::Best)
    }

    /// The same without a link, as [`attach`](Self::attach) does it before Linux 5.9.
    ///
    /// Dropping the attachment takes the program off the interface all the same, but the end of the process does not:
    /// killed, it leaves the program there, with an empty socket map, and so every packet to what happens
    /// [otherwise](ProgramBuilder::otherwise). Minimum kernel: 4.8.
    pub fn attach_by_netlink<'a>(
        &self,
        interface: impl Into<InterfaceRef<'a>>,
        mode: AttachMode,
    ) -> Result<Attachment, AttachError> {
        Attachment::new(self.clone(), interface.into(), mode, Way::Netlink)
    }

    /// The map from queue to socket that the program looks into.
    pub fn map(&self) -> &XskMap {
        &self.loaded.map
    }

    /// How many packets each rule has decided about so far. A program that was not made of rules counts nothing.
    pub fn counters(&self) -> io::Result<Counters> {
        self.loaded.counters.as_ref().map_or_else(|| Ok(Counters::default()), CounterMap::read)
    }

    pub(super) fn shared_map(&self) -> Arc<XskMap> {
        Arc::clone(&self.loaded.map)
    }

    pub(super) fn shares_map_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.loaded.map, &other.loaded.map)
    }

    /// Gives the program a name in the BPF file system, by which other programs find it.
    pub fn pin(&self, path: impl AsRef<Path>) -> Result<Pin, PinError> {
        Pin::new(self.as_fd(), path.as_ref())
    }

    /// The kernel's number for the program, unique in the machine while it is loaded: `bpftool prog show id`.
    pub fn id(&self) -> u32 {
        self.loaded.facts.info.id
    }

    /// The name that the kernel knows it by.
    pub fn name(&self) -> &str {
        &self.loaded.facts.info.name
    }

    /// Whether packets of several buffers reach it: see [`ProgramBuilder::multi_buffer`].
    pub fn multi_buffer(&self) -> bool {
        self.loaded.facts.multi_buffer
    }

    /// The name, when it was loaded, of the interface that the program is bound to, because it asks that interface's
    /// driver: it runs nowhere else, and in driver mode only. See [`ProgramBuilder::rx_metadata`].
    pub fn bound_to(&self) -> Option<&str> {
        self.bound().map(|bound| &*bound.interface)
    }

    pub(super) fn bound(&self) -> Option<&Bound> {
        self.loaded.facts.bound.as_ref()
    }

    /// What the program decides about a packet, without an interface or traffic: for tests of programs.
    ///
    /// The packet starts with its Ethernet header. It is from 14 to about 3500 bytes long, a page less what the
    /// kernel reserves in it; from Linux 5.18 to about 70000 bytes, of which the program reads the first buffer
    /// directly. To the program it came in by queue 0 of the loopback interface. It is delivered nowhere.
    ///
    /// Minimum kernel: 4.12. Needs the capabilities that loading needs.
    #[doc(alias = "BPF_PROG_TEST_RUN")]
    pub fn test_run(&self, packet: &[u8]) -> Result<Action, TestRunError> {
        let length = packet.len();
        if let Some(interface) = self.bound_to() {
            return Err(TestRunError::Bound { interface: interface.to_owned() });
        }
        let answer = bpf::test_run(self.as_fd(), packet).map_err(|errno| match errno {
            Errno::EINVAL | Errno::E2BIG => TestRunError::Length { length },
            // More buffers than a packet may have, but for the rare case that this little memory is missing.
            Errno::ENOMEM if length > 4096 => TestRunError::Length { length },
            errno => TestRunError::Kernel { length, cause: io_error(errno) },
        })?;
        Action::from_raw(answer).ok_or(TestRunError::NoAction { answer })
    }
}

impl AsFd for Program {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.loaded.fd.as_fd()
    }
}

/// Which bound a length breaks.
fn bounds(length: usize) -> &'static str {
    const ETHERNET_HEADER: usize = 14;
    if length < ETHERNET_HEADER {
        "it needs at least the 14 bytes of an ethernet header"
    } else {
        "the kernel takes about 3500 bytes before Linux 5.18, and about 70000 since"
    }
}

/// Why a program gave no decision about a packet.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestRunError {
    /// The kernel runs programs on packets of other lengths only.
    #[error("a packet of {length} bytes cannot be tried: {}", bounds(*length))]
    Length {
        /// Bytes of the packet.
        length: usize,
    },
    /// The kernel tries no program that is bound to an interface.
    #[error(
        "the program asks the driver of {interface}, and can only be tried with packets that arrive there"
    )]
    Bound {
        /// The interface.
        interface: String,
    },
    /// What the program returned is no action: on an interface this would count as [`Action::Aborted`].
    #[error("the program returned {answer}, which is no action")]
    NoAction {
        /// What it returned.
        answer: u32,
    },
    /// Another error of the kernel's.
    #[error("the kernel refused to try the program on a packet of {length} bytes")]
    Kernel {
        /// Bytes of the packet.
        length: usize,
        /// What the kernel answered.
        #[source]
        cause: io::Error,
    },
}
