//! What the error numbers of the set-up calls mean on this machine, the likeliest cause first.

use xdp_sys::Errno;

use super::facts::Facts;
use super::machine::{self, Capability, Machine};
use super::{Config, Finding, FindingKind, Severity, link, mode, programs, queues, sizes};
use crate::device::Interface;
use crate::device::occupant::occupant;
use crate::error::RegisterError;
use crate::program::{
    AttachError, AttachMode, DriverRefusal, LoadError, MapCreateError, MapError, MissingPrivilege,
};
use crate::socket::error::{BindError, Step};
use crate::socket::options::Mode;
use crate::umem::UmemError;

/// A set-up call that the kernel refused.
#[derive(Debug)]
pub(crate) struct RefusedCall<'a> {
    pub(crate) step: Step,
    pub(crate) errno: Errno,
    pub(crate) interface: &'a Interface,
    pub(crate) config: &'a Config,
}

impl RefusedCall<'_> {
    /// What it may come from; empty where nothing is known about it.
    pub(crate) fn causes(&self) -> Vec<Finding> {
        match (self.step, self.errno) {
            (_, Errno::EMFILE | Errno::ENFILE) => vec![machine::too_many_files()],
            (Step::Socket, Errno::EPERM | Errno::EACCES) => vec![not_allowed(Capability::NetRaw)],
            (Step::Socket, Errno::EAFNOSUPPORT) => vec![machine::no_af_xdp()],
            (Step::RegisterUmem, errno) => self.of_umem(errno),
            (Step::RingSize(ring), Errno::EINVAL) => vec![sizes::ring_size(ring, self.entries(ring))],
            (Step::Bind, errno) => self.of_bind(errno),
            (_, Errno::ENOMEM | Errno::ENOBUFS | Errno::EAGAIN) => vec![machine::out_of_memory("the rings")],
            _ => Vec::new(),
        }
    }

    fn entries(&self, ring: crate::socket::error::RingKind) -> u32 {
        use crate::socket::error::RingKind;
        let rings = self.config.rings;
        match ring {
            RingKind::Rx => rings.rx,
            RingKind::Tx => rings.tx,
            RingKind::Fill => rings.fill,
            RingKind::Completion => rings.completion,
        }
    }

    fn of_umem(&self, errno: Errno) -> Vec<Finding> {
        match errno {
            // The kernel's answer to too much locked memory (`xdp_umem_account_pages`).
            Errno::ENOBUFS => vec![too_much_locked(self.config.locked_memory(), None)],
            Errno::ENOMEM | Errno::EFAULT => vec![machine::out_of_memory("the umem")],
            Errno::EINVAL => {
                // Kernels from 7.0 on leave less of a chunk to the headroom than older ones.
                let most = self.config.chunk_size.saturating_sub(704);
                let is_too_much = self.config.headroom > most;
                is_too_much
                    .then(|| sizes::headroom_too_large(self.config.headroom, most))
                    .into_iter()
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    fn of_bind(&self, errno: Errno) -> Vec<Finding> {
        let name = self.interface.name();
        match errno {
            Errno::EPERM | Errno::EACCES => return vec![not_allowed(Capability::NetRaw)],
            Errno::ENETDOWN => return vec![link::down(name)],
            Errno::ENOMEM => return vec![machine::out_of_memory("the rings of the NIC")],
            _ => {}
        }
        // What is around may have changed since it was looked up: look again.
        let facts = match Facts::of(self.interface.into()) {
            Ok(facts) => facts,
            Err(error) => return vec![link::not_found(&error)],
        };
        let mut found = Vec::new();
        match errno {
            Errno::EBUSY => {
                if queues::has_memory_provider(&facts.queues) {
                    found.push(queues::memory_taken(name, Severity::Blocks));
                }
                let occupant = occupant(self.interface.index(), self.config.queue.0);
                found.push(queues::queue_busy(name, self.config.queue, occupant));
            }
            Errno::ENODEV | Errno::ENXIO => found.push(link::gone(name)),
            Errno::EINVAL => {
                found.extend(queues::missing(&facts.interface, self.config));
                found.extend(self.of_zero_copy(&facts));
            }
            Errno::EOPNOTSUPP => found.extend(self.of_zero_copy(&facts)),
            _ => {}
        }
        found
    }

    /// Why zero-copy may have been refused, whatever the number.
    fn of_zero_copy(&self, facts: &Facts) -> Vec<Finding> {
        let mut found = Vec::new();
        if self.config.mode == Mode::Copy {
            return found;
        }
        let known = facts.capabilities.as_ref().and_then(|capabilities| capabilities.xdp().zero_copy());
        let none = || mode::no_zero_copy(facts, Severity::Blocks);
        found.extend((known == Some(false)).then(none));
        found.extend(mode::zero_copy_frame(facts, self.config, Severity::Blocks));
        found.extend(mode::merging(facts, Severity::Blocks));
        // The driver may have zero-copy and refuse it for this queue.
        found.extend((known != Some(false) && self.errno == Errno::EOPNOTSUPP).then(none));
        found
    }
}

/// A capability is missing, or held where it does not count.
fn not_allowed(capability: Capability) -> Finding {
    match Machine::look().holds(capability) {
        Some(true) => machine::user_namespace(capability),
        _ => capability.missing(),
    }
}

fn too_much_locked(needed: u64, limit: Option<u64>) -> Finding {
    let (soft, hard) = Machine::look().locked_memory().unwrap_or_default();
    machine::locked_memory(needed, limit.or(soft).unwrap_or(u64::MAX), hard)
}

/// The likeliest causes of an error of the builder's. What it does not carry is looked at now.
pub(crate) fn of(error: &BindError) -> Vec<Finding> {
    let mut found = by_kind(error);
    if let Some(cause) = exhausted(error) {
        let is_told = |finding: &Finding| {
            matches!(finding.kind(), FindingKind::OutOfMemory { .. }) || finding.kind() == cause.kind()
        };
        if !found.iter().any(is_told) {
            found.insert(0, cause);
        }
    }
    found
}

/// Whether something ran out, whatever it was needed for: the number stands at the end of the chain.
fn exhausted(error: &BindError) -> Option<Finding> {
    let chain = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    let numbers = chain.filter_map(|cause| cause.downcast_ref::<std::io::Error>()?.raw_os_error());
    match Errno::from_raw(numbers.last()?) {
        Errno::EMFILE | Errno::ENFILE => Some(machine::too_many_files()),
        Errno::ENOMEM => Some(machine::out_of_memory("it")),
        _ => None,
    }
}

fn by_kind(error: &BindError) -> Vec<Finding> {
    match error {
        BindError::Kernel { causes, .. } | BindError::NoZeroCopy { causes, .. } => causes.clone(),
        BindError::Interface(error) => vec![link::not_found(error)],
        BindError::InterfaceDown { interface } => vec![link::down(interface)],
        BindError::InterfaceGone { interface } => vec![link::gone(interface)],
        BindError::Queue { interface, queue, queues, direction } => {
            vec![queues::no_such_queue(interface, *queue, *queues, direction)]
        }
        BindError::RingSize { ring, entries } => vec![sizes::ring_size(*ring, *entries)],
        BindError::TxBudget { budget, most } => vec![sizes::tx_budget(*budget, *most)],
        BindError::Chunks { free, wanted } => vec![sizes::few_chunks(*free, *wanted)],
        BindError::Permission { .. } => vec![not_allowed(Capability::NetRaw)],
        BindError::NoAfXdp => vec![machine::no_af_xdp()],
        BindError::NoTxMetadata => vec![machine::old_kernel("TX metadata", "6.8")],
        BindError::LockedMemory { needed, limit } => vec![too_much_locked(*needed, Some(*limit))],
        BindError::QueueBusy { interface, queue, occupant } => {
            vec![queues::queue_busy(interface, *queue, occupant.clone())]
        }
        BindError::Umem(error) => of_memory(error),
        BindError::Load(error) => of_load(error),
        BindError::Attach(error) => of_attach(error),
        BindError::Register(error) => of_registration(error),
        BindError::NoMultiBuffer => vec![machine::old_kernel("packets of several frames in AF_XDP", "6.6")],
        _ => Vec::new(),
    }
}

fn of_memory(error: &UmemError) -> Vec<Finding> {
    use xdp_core::LayoutError;
    match error {
        UmemError::HugePages { pages, .. } => {
            vec![machine::huge_pages(*pages as u64, Machine::look().huge_pages().map(|(_, free)| free))]
        }
        UmemError::Memory { .. } => vec![machine::out_of_memory("the umem")],
        UmemError::Layout(LayoutError::Headroom { headroom, most, .. }) => {
            vec![sizes::headroom_too_large(*headroom, *most)]
        }
        UmemError::Layout(LayoutError::Chunks { chunks, most, .. }) => {
            vec![sizes::too_many_chunks(*chunks, *most)]
        }
        // The errors say all that is known of these.
        UmemError::Layout(_) | UmemError::ShortMemory { .. } | UmemError::UnalignedMemory => Vec::new(),
    }
}

/// Each capability that is missing; if none is, then they are another user namespace's.
fn of_privilege(missing: &MissingPrivilege) -> Vec<Finding> {
    let names = missing.capabilities();
    let all = [Capability::Bpf, Capability::NetAdmin];
    let missed = all.into_iter().filter(|capability| names.contains(&capability.name()));
    let found: Vec<_> = missed.map(Capability::missing).collect();
    if found.is_empty() { vec![machine::user_namespace(Capability::Bpf)] } else { found }
}

fn of_load(error: &LoadError) -> Vec<Finding> {
    match error {
        LoadError::Permission { missing, .. } | LoadError::Map(MapCreateError::Permission { missing }) => {
            of_privilege(missing)
        }
        LoadError::Map(MapCreateError::Unsupported) => vec![machine::no_af_xdp()],
        LoadError::Map(MapCreateError::Memory { .. }) => vec![machine::out_of_memory("a socket map")],
        LoadError::NoMultiBuffer { .. } => {
            vec![machine::old_kernel("programs for packets of several buffers", "5.18")]
        }
        _ => Vec::new(),
    }
}

fn of_attach(error: &AttachError) -> Vec<Finding> {
    match error {
        AttachError::Interface(error) => vec![link::not_found(error)],
        AttachError::Occupied { interface, program } => {
            vec![programs::foreign(interface, program, Severity::Blocks)]
        }
        AttachError::UpperOccupied { interface } => vec![programs::upper_program(interface)],
        AttachError::Driver { interface, refusal } => of_driver(interface, refusal),
        AttachError::Permission { missing, .. } => of_privilege(missing),
        AttachError::Gone { interface } => vec![link::gone(interface)],
        _ => Vec::new(),
    }
}

/// A driver's refusal: what its interface shows that drivers refuse for.
fn of_driver(interface: &str, refusal: &DriverRefusal) -> Vec<Finding> {
    let Ok(facts) = Facts::of(interface.into()) else { return Vec::new() };
    let config = Config { attach: AttachMode::Driver, ..Config::new(crate::QueueId(0)) };
    let mut found = mode::driver_program(&facts, &config, &Machine::look());
    if found.is_empty()
        && matches!(refusal, DriverRefusal::Unsupported | DriverRefusal::UnsupportedOrMtu { .. })
    {
        found.push(mode::no_driver_xdp(&facts.driver(), facts.name(), Severity::Blocks));
    }
    found
}

fn of_registration(error: &RegisterError) -> Vec<Finding> {
    match error {
        RegisterError::Map(error) => of_map(error),
        RegisterError::OtherInterface { socket, program } => vec![programs::elsewhere(socket, program)],
        RegisterError::SingleBufferProgram { interface, .. } => {
            vec![programs::buffer_mismatch(interface, false)]
        }
        RegisterError::SingleBufferSocket { interface, .. } => {
            vec![programs::buffer_mismatch(interface, true)]
        }
    }
}

fn of_map(error: &MapError) -> Vec<Finding> {
    match error {
        MapError::Taken { queue } => vec![programs::slot_taken(*queue)],
        MapError::Permission { missing } => of_privilege(missing),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::QueueId;
    use crate::socket::error::RingKind;

    /// The likeliest cause of a refusal on the loopback interface, which every namespace has.
    fn likeliest(step: Step, errno: Errno, config: &Config) -> FindingKind {
        let interface = Interface::by_name("lo").expect("every namespace has one");
        let causes = RefusedCall { step, errno, interface: &interface, config }.causes();
        let first = causes.first().unwrap_or_else(|| panic!("{step:?} and {errno} have a cause"));
        assert!(!first.remedies().is_empty(), "{first}");
        first.kind().clone()
    }

    #[test]
    fn each_number_of_each_step_has_a_likeliest_cause() {
        let config = Config::new(QueueId(0));
        let of = |step, errno| likeliest(step, errno, &config);
        assert_eq!(of(Step::Socket, Errno::EMFILE), FindingKind::TooManyFiles);
        assert_eq!(of(Step::Socket, Errno::EAFNOSUPPORT), FindingKind::NoAfXdp);
        assert!(matches!(
            of(Step::Socket, Errno::EPERM),
            FindingKind::MissingCapability { capability: "CAP_NET_RAW", .. }
                | FindingKind::UserNamespace { capability: "CAP_NET_RAW" }
        ));
        assert!(matches!(
            of(Step::RegisterUmem, Errno::ENOBUFS),
            FindingKind::LockedMemory { needed, .. } if needed == 4096 * 4096
        ));
        assert_eq!(of(Step::RegisterUmem, Errno::ENOMEM), FindingKind::OutOfMemory { purpose: "the umem" });
        let large = Config { headroom: 3393, ..Config::new(QueueId(0)) };
        let finding = likeliest(Step::RegisterUmem, Errno::EINVAL, &large);
        assert_eq!(finding, FindingKind::Headroom { headroom: 3393, most: 3392 });
        let ring = RingKind::Fill;
        assert_eq!(of(Step::RingSize(ring), Errno::EINVAL), FindingKind::RingSize { ring, entries: 4096 });
        for step in [Step::RingSize(ring), Step::MapRing(ring)] {
            assert_eq!(of(step, Errno::ENOMEM), FindingKind::OutOfMemory { purpose: "the rings" });
        }
        assert!(matches!(of(Step::Bind, Errno::EBUSY), FindingKind::QueueBusy { queue: QueueId(0), .. }));
        assert!(matches!(of(Step::Bind, Errno::ENODEV), FindingKind::InterfaceGone { .. }));
        assert!(matches!(of(Step::Bind, Errno::ENETDOWN), FindingKind::InterfaceDown { .. }));
        assert!(matches!(
            of(Step::Bind, Errno::EPERM),
            FindingKind::MissingCapability { .. } | FindingKind::UserNamespace { .. }
        ));
    }

    #[test]
    fn an_invalid_bind_is_first_the_queue_and_then_the_arithmetic_of_zero_copy() {
        let beyond = Config { mode: Mode::ZeroCopy, ..Config::new(QueueId(9)) };
        assert!(matches!(likeliest(Step::Bind, Errno::EINVAL, &beyond), FindingKind::NoSuchQueue { .. }));
        let interface = Interface::by_name("lo").expect("every namespace has one");
        let config = Config { mode: Mode::ZeroCopy, ..Config::new(QueueId(0)) };
        let call =
            RefusedCall { step: Step::Bind, errno: Errno::EINVAL, interface: &interface, config: &config };
        let kinds: Vec<_> = call.causes().iter().map(|cause| cause.kind().clone()).collect();
        let too_long = |kind: &FindingKind| matches!(kind, FindingKind::ZeroCopyMtu { .. });
        assert!(kinds.iter().any(too_long), "the loopback's MTU is 65536: {kinds:?}");
    }

    #[test]
    fn copy_mode_is_never_explained_by_zero_copy() {
        let interface = Interface::by_name("lo").expect("every namespace has one");
        let config = Config { mode: Mode::Copy, ..Config::new(QueueId(0)) };
        for errno in [Errno::EINVAL, Errno::EOPNOTSUPP] {
            let causes =
                RefusedCall { step: Step::Bind, errno, interface: &interface, config: &config }.causes();
            assert_eq!(causes, [], "{errno}");
        }
    }

    #[test]
    fn what_ran_out_is_found_at_the_end_of_the_chain() {
        let cause = std::io::Error::from_raw_os_error(libc::EMFILE);
        let error = BindError::Load(LoadError::Kernel { name: "ours".into(), cause });
        assert_eq!(of(&error).first().map(Finding::kind), Some(&FindingKind::TooManyFiles));
        let cause = std::io::Error::from_raw_os_error(libc::EIO);
        assert_eq!(of(&BindError::Load(LoadError::Kernel { name: "ours".into(), cause })), []);
    }
}
