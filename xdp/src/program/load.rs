//! From instructions to a program that the kernel has verified.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use xdp_sys::Errno;
use xdp_sys::bpf::{BPF_F_XDP_DEV_BOUND_ONLY, BPF_F_XDP_HAS_FRAGS};

use super::bpf::{self, ObjectName, XdpSource};
use super::compile::{Compiled, compile};
use super::counters::CounterMap;
use super::hints::HintFunctions;
use super::loaded::{Bound, Facts};
use super::{
    Action, CompileError, Instruction, LoadError, MissingPrivilege, Program, Rules, RxHint, VerifierLog,
    XskMap, redirect,
};
use crate::device::{Capabilities, Interface};
use crate::sys::io_error;

/// How a program is loaded: made by [`Program::redirect`], [`Program::rules`], [`Program::redirect_all`] or
/// [`Program::from_instructions`].
#[derive(Debug, Clone)]
#[must_use = "nothing is loaded before `load`"]
pub struct ProgramBuilder {
    source: Source,
    otherwise: Action,
    name: String,
    map_entries: u32,
    /// A map that is there already.
    map: Option<Arc<XskMap>>,
    flags: u32,
    /// The interface whose hints the program writes, if it writes any.
    hints_of: Option<Interface>,
    required: Vec<RxHint>,
}

/// What makes the instructions.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// Everything goes to the socket of its queue.
    All,
    Rules(Rules),
    Own(Vec<Instruction>),
}

impl ProgramBuilder {
    /// More queues than NICs have, and 8 KiB of kernel memory.
    const MAP_ENTRIES: u32 = 1024;

    pub(super) fn new(name: &str, source: Source) -> Self {
        Self {
            source,
            otherwise: Action::Pass,
            name: name.to_owned(),
            map_entries: Self::MAP_ENTRIES,
            map: None,
            flags: 0,
            hints_of: None,
            required: Vec::new(),
        }
    }

    /// What happens to packets that no rule matches, or that are to be redirected and find no socket in their slot.
    /// They pass to the kernel's stack unless said otherwise. Of no consequence to a program of your own
    /// instructions.
    ///
    /// [`Action::Redirect`] is refused: add a rule for [`Filter::any`](super::Filter::any).
    pub fn otherwise(mut self, action: Action) -> Self {
        self.otherwise = action;
        self
    }

    /// The instructions that [`load`](Self::load) would load: what their text shows is what runs.
    ///
    /// ```
    /// use xdp::program::{Filter, Program};
    ///
    /// for instruction in Program::redirect(Filter::arp()).instructions()? {
    ///     println!("{instruction}");
    /// }
    /// # Ok::<(), xdp::program::CompileError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`CompileError`] if the rules make no program.
    pub fn instructions(&self) -> Result<Vec<Instruction>, CompileError> {
        self.compile(self.hint_functions()).map(|(instructions, _)| instructions)
    }

    /// The instructions, and what belongs to rules.
    fn compile(&self, hints: HintFunctions) -> Result<(Vec<Instruction>, Option<Compiled>), CompileError> {
        let behind_hints = |instructions: &[Instruction]| [&hints.prologue(), instructions].concat();
        match &self.source {
            Source::All if self.otherwise == Action::Redirect => Err(CompileError::OtherwiseRedirect),
            Source::All => Ok((behind_hints(&redirect::redirect_all(self.otherwise)), None)),
            Source::Own(instructions) => Ok((behind_hints(instructions), None)),
            Source::Rules(rules) => {
                let compiled = compile(rules, self.otherwise, self.is_multi_buffer(), hints)?;
                Ok((compiled.instructions.clone(), Some(compiled)))
            }
        }
    }

    /// What the program can ask: nothing if no hints are wanted.
    fn hint_functions(&self) -> HintFunctions {
        self.hints_of.as_ref().map_or_else(HintFunctions::default, |_| HintFunctions::of_this_kernel())
    }

    fn is_multi_buffer(&self) -> bool {
        self.flags & BPF_F_XDP_HAS_FRAGS != 0
    }

    /// The number of queues that can have a socket, counted from queue 0. 1024 unless said otherwise.
    pub fn map_entries(mut self, entries: u32) -> Self {
        self.map_entries = entries;
        self
    }

    /// Looks into a socket map that is there already, such as one that somebody else made:
    /// [`XskMap::open`], [`XskMap::by_id`], [`XskMap::from_fd`].
    pub fn socket_map(mut self, map: impl Into<Arc<XskMap>>) -> Self {
        self.map = Some(map.into());
        self
    }

    /// Looks into the socket map of another program, to take its place: see
    /// [`Attachment::replace`](super::Attachment::replace).
    pub fn sharing(self, program: &Program) -> Self {
        self.socket_map(program.shared_map())
    }

    /// The name that tools such as bpftool show: at most 15 letters, digits, `_` and `.`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Lets packets of several buffers reach the program, and so MTUs beyond one page in driver mode.
    ///
    /// Packets longer than a chunk then arrive as several frames, which the socket must be bound for. Minimum kernel:
    /// 5.18, and 6.6 for sockets.
    #[doc(alias = "BPF_F_XDP_HAS_FRAGS")]
    pub fn multi_buffer(mut self) -> Self {
        self.flags |= BPF_F_XDP_HAS_FRAGS;
        self
    }

    /// Puts what the driver of this interface knows of a packet, when it arrived for example, in front of each packet
    /// that goes to a socket, where [`Frame::metadata`](crate::Frame::metadata) reads it as
    /// [`RxHints`](crate::metadata::RxHints).
    ///
    /// The program asks the functions that the running kernel has; what the driver does not know of a packet is
    /// missing from its hints, and a kernel without any function loads a program that writes none:
    /// [`require_hint`](Self::require_hint) makes that an error. Otherwise the program is bound to the interface: it
    /// can be attached there only, in driver mode, and not be tried by [`Program::test_run`]. A program of your own
    /// instructions gets hints in front of every packet that it sees, before its first instruction, with the context
    /// in r1 still. A veth knows all three of packets that its peer's stack has sent; their timestamp is that of the
    /// NIC they came in by, or 0.
    ///
    /// ```no_run
    /// use xdp::Interface;
    /// use xdp::program::{AttachMode, Filter, Program, RxHint};
    ///
    /// let nic = Interface::by_name("eth0")?;
    /// let program = Program::redirect(Filter::udp().dst_port(319))
    ///     .rx_metadata(&nic)
    ///     .require_hint(RxHint::Timestamp)
    ///     .load()?;
    /// let attachment = program.attach(&nic, AttachMode::Driver)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Minimum kernel: 6.3 for timestamp and hash, 6.8 for the VLAN tag, with `CONFIG_DEBUG_INFO_BTF` and the JIT
    /// compiler, and /sys mounted, since the functions are found in `/sys/kernel/btf/vmlinux`.
    #[doc(alias("BPF_F_XDP_DEV_BOUND_ONLY", "kfunc"))]
    pub fn rx_metadata(mut self, interface: &Interface) -> Self {
        self.hints_of = Some(interface.clone());
        self
    }

    /// Loads no program that cannot ask for this hint, because the kernel has no function for it or the driver is
    /// known not to give it (from Linux 6.7; before that, it may still be missing from every packet). Of consequence
    /// with [`rx_metadata`](Self::rx_metadata) only.
    pub fn require_hint(mut self, hint: RxHint) -> Self {
        self.required.push(hint);
        self
    }

    /// The interface that the program is to be bound to, once it is clear that this gives what is required.
    fn binding(&self, functions: HintFunctions) -> Result<Option<Bound>, LoadError> {
        let Some(interface) = &self.hints_of else { return Ok(None) };
        if let Some(&hint) = self.required.iter().find(|&&hint| !functions.has(hint)) {
            return Err(LoadError::NoHintFunction { hint });
        }
        if !self.required.is_empty() {
            let told = Capabilities::of(interface)?.rx_metadata();
            if let Some(&hint) = self.required.iter().find(|hint| hint.is_told_by(told) == Some(false)) {
                return Err(LoadError::NoHint { hint, interface: interface.name().to_owned() });
            }
        }
        let bound = Bound { ifindex: interface.index(), interface: interface.name().to_owned() };
        Ok((!functions.is_empty()).then_some(bound))
    }

    /// Makes the maps, puts them into the instructions that load them, and has the kernel verify these. Nothing runs
    /// the program yet: see [`Program::attach`].
    ///
    /// Needs `CAP_BPF` and `CAP_NET_ADMIN` (before Linux 5.8 `CAP_SYS_ADMIN` and `CAP_NET_ADMIN`), and `CAP_PERFMON`
    /// for programs that look into packets; 6.18 wants that only where a filter looks behind an IP header, at ports
    /// for example, and 7.2 no more. Only if the kernel refuses the program is it loaded a second time to get the
    /// verifier's log, which the error then holds.
    pub fn load(self) -> Result<Program, LoadError> {
        let Some(name) = ObjectName::new(&self.name) else {
            return Err(LoadError::Name { name: self.name });
        };
        let functions = self.hint_functions();
        let bound = self.binding(functions)?;
        let (instructions, compiled) = self.compile(functions)?;
        let map = match self.map.clone() {
            Some(map) => map,
            None => Arc::new(XskMap::create(self.map_entries)?),
        };
        let kernel = |errno| LoadError::Kernel { name: self.name.clone(), cause: io_error(errno) };
        let counters = match &compiled {
            Some(compiled) => Some(CounterMap::create(compiled.layout).map_err(|errno| match errno {
                Errno::EPERM => LoadError::Permission {
                    name: self.name.clone(),
                    missing: MissingPrivilege::of_this_thread(),
                },
                errno => kernel(errno),
            })?),
            None => None,
        };
        let mut maps = vec![map.as_fd()];
        maps.extend(counters.as_ref().map(|counters| counters.map.as_fd()));
        maps.extend(compiled.iter().flat_map(|compiled| &compiled.sets).map(AsFd::as_fd));
        let source = XdpSource {
            name,
            instructions: &instructions,
            maps: &maps,
            flags: self.flags | bound.as_ref().map_or(0, |_| BPF_F_XDP_DEV_BOUND_ONLY),
            ifindex: bound.as_ref().map_or(0, |bound| bound.ifindex),
        };
        let fd = Attempt { name: &self.name, source: &source, bound: bound.as_ref() }.load()?;
        let info = bpf::program_info(fd.as_fd()).map_err(kernel)?;
        Ok(Program::new(fd, map, counters, Facts { info, multi_buffer: self.is_multi_buffer(), bound }))
    }
}

/// An attempt to load a program, named for errors.
struct Attempt<'a> {
    name: &'a str,
    source: &'a XdpSource<'a>,
    bound: Option<&'a Bound>,
}

impl Attempt<'_> {
    /// The first size of the log: enough for every program that people write.
    const LOG_BYTES: usize = 64 << 10;
    /// The last: kernels before 5.4 refuse a longer one.
    const MAX_LOG_BYTES: usize = (1 << 24) - 1;

    fn load(&self) -> Result<OwnedFd, LoadError> {
        match bpf::load_xdp(self.source, None) {
            Ok(fd) => Ok(fd),
            Err(errno) => self.diagnose(errno),
        }
    }

    /// Turns a refusal into an error that helps. Succeeds if the second load does: the first refusal was for the
    /// moment.
    fn diagnose(&self, errno: Errno) -> Result<OwnedFd, LoadError> {
        // The verifier has nothing to say about these: it was not asked.
        let unasked = [Errno::EPERM, Errno::ENOSYS, Errno::EMFILE, Errno::ENFILE, Errno::EAGAIN];
        if unasked.contains(&errno) {
            return Err(self.error(errno, VerifierLog::from_buffer(&[])));
        }
        self.load_with_log().map_err(|(errno, log)| self.error(errno, log))
    }

    /// What a refusal means, given what the verifier wrote until it ended or was interrupted.
    fn error(&self, errno: Errno, log: VerifierLog) -> LoadError {
        let name = self.name.to_owned();
        match errno {
            Errno::EPERM => LoadError::Permission { name, missing: MissingPrivilege::of_this_thread() },
            Errno::ENOSYS => LoadError::Unsupported,
            // Signals, one after the other: the log is cut short, and its last line is no reason.
            Errno::EAGAIN => LoadError::Kernel { name, cause: io_error(errno) },
            Errno::EACCES if log.asks_for_perfmon() => {
                LoadError::Permission { name, missing: MissingPrivilege::to_follow_headers() }
            }
            _ if !log.is_empty() => LoadError::Refused { name, log },
            Errno::E2BIG => LoadError::Length { name, instructions: self.source.instructions.len() },
            Errno::EINVAL | Errno::EOPNOTSUPP if self.bound.is_some() => {
                let interface = self.bound.map_or_else(String::new, |bound| bound.interface.clone());
                LoadError::Binding { name, interface, cause: io_error(errno) }
            }
            Errno::EINVAL if self.source.flags & BPF_F_XDP_HAS_FRAGS != 0 => {
                LoadError::NoMultiBuffer { name }
            }
            _ => LoadError::Kernel { name, cause: io_error(errno) },
        }
    }

    /// Loads once more, for the log. `ENOSPC` says that the buffer was too short for it.
    fn load_with_log(&self) -> Result<OwnedFd, (Errno, VerifierLog)> {
        let mut bytes = Self::LOG_BYTES;
        loop {
            let mut buffer = vec![0; bytes];
            match bpf::load_xdp(self.source, Some(&mut buffer)) {
                Ok(fd) => return Ok(fd),
                Err(Errno::ENOSPC) if bytes < Self::MAX_LOG_BYTES => {
                    bytes = (bytes * 16).min(Self::MAX_LOG_BYTES);
                }
                Err(errno) => return Err((errno, VerifierLog::from_buffer(&buffer))),
            }
        }
    }
}

#[cfg(all(test, feature = "lab"))]
mod tests {
    use super::super::Register;
    use super::*;
    use crate::lab::require;

    /// Calls `test` with an attempt at a program that any kernel would take.
    fn with_attempt(test: impl FnOnce(Attempt<'_>)) {
        let map = XskMap::create(1).expect("the lab needed the same privilege");
        let instructions = [Instruction::mov(Register::R0, 2), Instruction::exit()];
        let name = ObjectName::new("attempt").expect("a name");
        let maps = [map.as_fd()];
        let source = XdpSource { name, instructions: &instructions, maps: &maps, flags: 0, ifindex: 0 };
        test(Attempt { name: "attempt", source: &source, bound: None });
    }

    #[test]
    fn too_many_open_files_is_said_as_such_and_not_asked_of_the_verifier() {
        if !require("too_many_open_files_is_said_as_such_and_not_asked_of_the_verifier") {
            return;
        }
        with_attempt(|attempt| {
            for errno in [Errno::EMFILE, Errno::ENFILE, Errno::EAGAIN] {
                let error = attempt.diagnose(errno).expect_err("a second load would succeed");
                let LoadError::Kernel { cause, .. } = &error else { panic!("{error}") };
                assert_eq!(cause.raw_os_error(), Some(errno.raw()));
            }
        });
    }

    #[test]
    fn a_log_that_signals_cut_short_is_not_taken_for_a_reason() {
        if !require("a_log_that_signals_cut_short_is_not_taken_for_a_reason") {
            return;
        }
        with_attempt(|attempt| {
            let log = || VerifierLog::from_buffer(b"0: (b7) r0 = 2");
            let interrupted = attempt.error(Errno::EAGAIN, log());
            assert!(matches!(interrupted, LoadError::Kernel { .. }), "{interrupted}");
            let refused = attempt.error(Errno::EACCES, log());
            assert!(matches!(refused, LoadError::Refused { .. }), "{refused}");
        });
    }
}
