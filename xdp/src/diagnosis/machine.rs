//! What the calling thread may do, and what the machine lets it have.

use std::fmt;
use std::fs;

use super::{Finding, FindingKind, Severity};
use crate::sys;

/// A capability that AF_XDP asks for. Reference: capabilities(7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// To make an AF_XDP socket, in the user namespace that owns the network namespace.
    NetRaw,
    /// To attach programs and to change interfaces.
    NetAdmin,
    /// To load programs and make maps, in the initial user namespace. Minimum kernel: 5.8; before, `CAP_SYS_ADMIN`.
    Bpf,
    /// To lock more memory than `RLIMIT_MEMLOCK`, in the initial user namespace.
    IpcLock,
    /// To see whose a program is; stands for [`Capability::Bpf`].
    SysAdmin,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::NetRaw, Self::NetAdmin, Self::Bpf, Self::IpcLock, Self::SysAdmin];

    /// The kernel's name, `CAP_NET_RAW` for example.
    pub fn name(self) -> &'static str {
        match self {
            Self::NetRaw => "CAP_NET_RAW",
            Self::NetAdmin => "CAP_NET_ADMIN",
            Self::Bpf => "CAP_BPF",
            Self::IpcLock => "CAP_IPC_LOCK",
            Self::SysAdmin => "CAP_SYS_ADMIN",
        }
    }

    /// What it is for, to complete "it is needed to".
    pub fn needed_for(self) -> &'static str {
        match self {
            Self::NetRaw => "make AF_XDP sockets",
            Self::NetAdmin => "attach programs and to change interfaces",
            Self::Bpf => "load programs and to make their maps",
            Self::IpcLock => "lock more memory than RLIMIT_MEMLOCK allows",
            Self::SysAdmin => "see whose programs are attached",
        }
    }

    /// Its bit in the kernel's sets (`include/uapi/linux/capability.h`).
    fn bit(self) -> u64 {
        1 << match self {
            Self::NetRaw => 13,
            Self::NetAdmin => 12,
            Self::Bpf => 39,
            Self::IpcLock => 14,
            Self::SysAdmin => 21,
        }
    }

    /// The finding that the thread lacks it.
    pub(super) fn missing(self) -> Finding {
        let (capability, needed_for) = (self.name(), self.needed_for());
        Finding::new(Severity::Blocks, FindingKind::MissingCapability { capability, needed_for })
            .what(format!("this thread lacks {capability}"))
            .why(format!("it is needed to {needed_for}"))
            .remedy("run as root")
            .remedy(format!("setcap {}+ep on the program", capability.to_lowercase()))
            .remedy(format!("AmbientCapabilities={capability} in its systemd unit"))
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What the calling thread may do, and what it may have: looked at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The effective set as a bit mask; none where /proc does not tell.
    pub(super) effective: Option<u64>,
    /// None where it is not known.
    pub(super) in_initial_user_namespace: Option<bool>,
    pub(super) locked: Option<(Option<u64>, Option<u64>)>,
    pub(super) huge_pages: Option<(u64, u64)>,
    pub(super) processors: u32,
}

impl Machine {
    /// Looks at the calling thread and the machine. What /proc does not show is left open.
    pub fn look() -> Self {
        let effective = fs::read_to_string("/proc/thread-self/status").ok();
        let map = fs::read_to_string("/proc/thread-self/uid_map").ok();
        Self {
            effective: effective.and_then(|status| effective_in(&status)),
            in_initial_user_namespace: map.map(|map| is_initial(&map)),
            locked: sys::memlock_limit().ok().map(|limit| (limit.soft, limit.hard)),
            huge_pages: free_huge_pages(),
            processors: std::thread::available_parallelism()
                .map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX)),
        }
    }

    /// Whether the thread holds a capability; none where it is not known.
    pub fn holds(&self, capability: Capability) -> Option<bool> {
        let holds = |capability: Capability| self.effective.map(|set| set & capability.bit() != 0);
        match capability {
            // Kernels before 5.8 know no CAP_BPF, and newer ones take the old one for it.
            Capability::Bpf => Some(holds(Capability::Bpf)? || holds(Capability::SysAdmin)?),
            other => holds(other),
        }
    }

    /// Whether the thread is in the initial user namespace, whose capabilities are the only ones that count for some
    /// things; none where it is not known.
    pub fn is_in_initial_user_namespace(&self) -> Option<bool> {
        self.in_initial_user_namespace
    }

    /// Bytes that may be locked without `CAP_IPC_LOCK`, soft limit and hard limit; `None` inside is no limit.
    #[doc(alias = "RLIMIT_MEMLOCK")]
    pub fn locked_memory(&self) -> Option<(Option<u64>, Option<u64>)> {
        self.locked
    }

    /// Huge pages of 2 MiB: set aside, and free of those. None where the machine has none of that size.
    pub fn huge_pages(&self) -> Option<(u64, u64)> {
        self.huge_pages
    }

    /// Processors that the thread may run on.
    pub fn processors(&self) -> u32 {
        self.processors
    }

    /// What stands in the way of a thread that wants this.
    pub(super) fn check(&self, wants: &Wants) -> Vec<Finding> {
        let mut found = Vec::new();
        let mut privileges = vec![Capability::NetRaw];
        if wants.program {
            privileges.extend([Capability::Bpf, Capability::NetAdmin]);
        }
        for capability in privileges {
            if self.may(capability) == Some(false) {
                found.push(capability.missing());
            } else if capability != Capability::NetRaw && self.in_initial_user_namespace == Some(false) {
                found.push(user_namespace(capability));
            }
        }
        found.extend(self.check_locked(wants.locked));
        found.extend(self.check_huge_pages(wants.huge_pages));
        found
    }

    /// Whether the thread may do what the capability is for. Newer kernels take `CAP_SYS_ADMIN` for what programs need.
    fn may(&self, capability: Capability) -> Option<bool> {
        match capability {
            Capability::NetAdmin => Some(self.holds(capability)? || self.holds(Capability::SysAdmin)?),
            other => self.holds(other),
        }
    }

    /// Whether so many bytes may be locked; what is locked already the kernel does not tell.
    pub(super) fn check_locked(&self, needed: u64) -> Option<Finding> {
        let counts =
            self.holds(Capability::IpcLock) == Some(true) && self.in_initial_user_namespace != Some(false);
        let (limit, hard) = self.locked.and_then(|(soft, hard)| Some((soft?, hard)))?;
        (!counts && needed > limit).then(|| locked_memory(needed, limit, hard))
    }

    fn check_huge_pages(&self, bytes: u64) -> Option<Finding> {
        let needed = bytes.div_ceil(sys::HUGE_PAGE as u64);
        let free = self.huge_pages.map(|(_, free)| free);
        (needed > free.unwrap_or(0)).then(|| huge_pages(needed, free))
    }
}

/// What a set-up wants of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wants {
    /// Whether a program is loaded and attached.
    pub(super) program: bool,
    /// Bytes locked.
    pub(super) locked: u64,
    /// Bytes in huge pages; 0 if none are wanted.
    pub(super) huge_pages: u64,
}

/// The UMEM is larger than what may be locked.
pub(super) fn locked_memory(needed: u64, limit: u64, hard: Option<u64>) -> Finding {
    let kib = |bytes: u64| bytes.div_ceil(1024);
    let reachable = hard.is_none_or(|hard| hard >= needed);
    let raise = format!("raise RLIMIT_MEMLOCK to {} KiB or more (ulimit -l {})", kib(needed), kib(needed));
    let above = format!(
        "raise the hard limit of RLIMIT_MEMLOCK as root (LimitMEMLOCK={} in its systemd unit, memlock in \
         /etc/security/limits.conf)",
        needed
    );
    let finding = Finding::new(Severity::Blocks, FindingKind::LockedMemory { needed, limit, hard })
        .what(format!(
            "the umem needs {} KiB of locked memory and the limit is {} KiB, less what this user has locked already",
            kib(needed),
            kib(limit)
        ))
        .why("without CAP_IPC_LOCK in the initial user namespace the kernel counts a umem against the limit");
    let finding = if reachable { finding.remedy(raise) } else { finding.remedy(above) };
    finding.remedy("grant CAP_IPC_LOCK").remedy("use fewer chunks")
}

/// The capability is held, and does not count.
pub(super) fn user_namespace(capability: Capability) -> Finding {
    let capability = capability.name();
    Finding::new(Severity::Blocks, FindingKind::UserNamespace { capability })
        .what(format!("{capability} is held in a user namespace, where it does not count"))
        .why("the kernel asks for it in the user namespace that owns the network, or in the initial one")
        .remedy("run outside the container or unshare -U")
        .remedy("have a privileged process open the socket and pass its descriptor")
}

pub(super) fn too_many_files() -> Finding {
    Finding::new(Severity::Blocks, FindingKind::TooManyFiles)
        .what("too many files are open")
        .why("a socket, a program and a map are a file descriptor each")
        .remedy("ulimit -n 4096 or more (LimitNOFILE= in its systemd unit)")
        .remedy("close what is not used")
}

pub(super) fn out_of_memory(purpose: &'static str) -> Finding {
    Finding::new(Severity::Blocks, FindingKind::OutOfMemory { purpose })
        .what(format!("the kernel has no memory for {purpose}"))
        .why("rings and umem are locked, and the rings each in one piece")
        .remedy("smaller rings or fewer chunks")
        .remedy(
            "free memory, or raise the limits: of the control group (memory.max), of addresses (ulimit -v)",
        )
}

pub(super) fn old_kernel(feature: &'static str, since: &'static str) -> Finding {
    Finding::new(Severity::Blocks, FindingKind::OldKernel { feature, since })
        .what(format!("this kernel has no {feature}"))
        .why(format!("Linux has it from {since} on"))
        .remedy(format!("run Linux {since} or later"))
}

pub(super) fn huge_pages(needed: u64, free: Option<u64>) -> Finding {
    let have = match free {
        Some(free) => format!("{free} are free"),
        None => "the machine has none of that size".into(),
    };
    Finding::new(Severity::Hinders, FindingKind::HugePages { needed, free })
        .what(format!("the umem wants {needed} huge pages of 2 MiB and {have}"))
        .why("with ordinary pages every few packets cost an address translation more")
        .remedy(format!(
            "echo {needed} > /proc/sys/vm/nr_hugepages (soon after boot, while memory is in one piece)"
        ))
        .remedy("HugePages::Prefer, which falls back to ordinary pages")
}

/// The kernel has no AF_XDP.
pub(super) fn no_af_xdp() -> Finding {
    Finding::new(Severity::Blocks, FindingKind::NoAfXdp)
        .what("this kernel has no AF_XDP")
        .why("it is older than Linux 4.18 or was built without CONFIG_XDP_SOCKETS")
        .remedy("run a kernel with CONFIG_XDP_SOCKETS=y (grep XDP /proc/net/protocols shows it)")
}

fn effective_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

/// Whether a map of user ids is that of the initial namespace: all ids, each as itself.
fn is_initial(map: &str) -> bool {
    map.split_whitespace().eq(["0", "0", "4294967295"])
}

fn free_huge_pages() -> Option<(u64, u64)> {
    let read = |file| {
        let path = format!("/sys/kernel/mm/hugepages/hugepages-2048kB/{file}");
        fs::read_to_string(path).ok()?.trim().parse().ok()
    };
    Some((read("nr_hugepages")?, read("free_hugepages")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(effective: u64) -> Machine {
        Machine {
            effective: Some(effective),
            in_initial_user_namespace: Some(true),
            locked: Some((Some(8 << 20), Some(64 << 20))),
            huge_pages: Some((4, 1)),
            processors: 2,
        }
    }

    fn kinds(findings: &[Finding]) -> Vec<&FindingKind> {
        findings.iter().map(Finding::kind).collect()
    }

    #[test]
    fn what_is_held_is_not_missed() {
        let wants = Wants { program: true, locked: 1 << 30, huge_pages: 0 };
        assert_eq!(machine(u64::MAX).check(&wants), []);
        let found = machine(0).check(&Wants { locked: 0, ..wants });
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found.iter().all(|finding| finding.to_string().contains("setcap")));
    }

    #[test]
    fn locked_memory_is_counted_only_without_the_capability_that_lifts_the_limit() {
        let found = machine(0).check_locked((8 << 20) + 1).expect("too much");
        assert!(found.remedies()[0].contains("ulimit -l"), "{found}");
        assert_eq!(machine(0).check_locked(8 << 20), None);
        assert_eq!(machine(Capability::IpcLock.bit()).check_locked(u64::MAX), None);
        let inside = Machine { in_initial_user_namespace: Some(false), ..machine(Capability::IpcLock.bit()) };
        assert!(inside.check_locked(9 << 20).is_some(), "another namespace's capability does not count");
        let beyond = machine(0).check_locked(65 << 20).expect("too much");
        assert!(beyond.remedies()[0].contains("hard limit"), "{beyond}");
    }

    #[test]
    fn capabilities_of_another_user_namespace_do_not_count_for_programs() {
        let inside = Machine { in_initial_user_namespace: Some(false), ..machine(u64::MAX) };
        let found = inside.check(&Wants { program: true, ..Wants::default() });
        let expected =
            ["CAP_BPF", "CAP_NET_ADMIN"].map(|capability| FindingKind::UserNamespace { capability });
        assert_eq!(kinds(&found), expected.iter().collect::<Vec<_>>());
    }

    #[test]
    fn too_few_huge_pages_are_counted() {
        let found = machine(u64::MAX).check(&Wants { huge_pages: 3 << 20, ..Wants::default() });
        assert_eq!(kinds(&found), [&FindingKind::HugePages { needed: 2, free: Some(1) }]);
    }

    #[test]
    fn the_files_of_proc_are_read_with_care() {
        assert_eq!(effective_in("Name:\tx\nCapEff:\t0000000000002000\n"), Some(1 << 13));
        assert_eq!(effective_in("CapEff:\tzz\n"), None);
        assert!(is_initial("         0          0 4294967295\n"));
        assert!(!is_initial("         0       1000          1\n"));
        assert!(!is_initial(""));
    }
}
