//! Which capability is missing when the kernel says no more than `EPERM`.

use std::{fmt, fs};

/// What the calling thread lacked when the kernel refused it with `EPERM`.
///
/// XDP programs and socket maps need `CAP_BPF` and `CAP_NET_ADMIN` in the initial user namespace. `CAP_SYS_ADMIN`
/// stands for `CAP_BPF`, and is the one that kernels before 5.8 ask for; newer kernels, Linux 6.18 for one, take it
/// for both. So whoever holds it and is refused lacks `CAP_NET_ADMIN`, on a kernel that asks for that too. Read from
/// the thread's own status right after the refusal. Reference: kernel `include/uapi/linux/capability.h`,
/// capabilities(7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingPrivilege {
    /// The effective set as a bit mask; `None` where /proc does not tell.
    effective: Option<u64>,
    /// Whether `CAP_PERFMON` is among what it needs.
    follows_headers: bool,
}

impl MissingPrivilege {
    const CAP_NET_ADMIN: u32 = 12;
    const CAP_SYS_ADMIN: u32 = 21;
    const CAP_PERFMON: u32 = 38;
    const CAP_BPF: u32 = 39;

    /// Looks at the calling thread.
    pub(super) fn of_this_thread() -> Self {
        let status = fs::read_to_string("/proc/thread-self/status").ok();
        Self { effective: status.as_deref().and_then(Self::effective_in), follows_headers: false }
    }

    /// The same for a program that follows headers of variable length: the verifier lets it add unknown numbers to
    /// pointers only if the loader holds `CAP_PERFMON` too.
    pub(super) fn to_follow_headers() -> Self {
        Self { follows_headers: true, ..Self::of_this_thread() }
    }

    /// The names of the missing capabilities: empty if all are held, or if it is not known.
    pub fn capabilities(&self) -> Vec<&'static str> {
        let Some(effective) = self.effective else { return Vec::new() };
        let held = |capability: u32| effective & (1 << capability) != 0;
        let mut missing = Vec::new();
        if !held(Self::CAP_BPF) && !held(Self::CAP_SYS_ADMIN) {
            missing.push("CAP_BPF");
        }
        if !held(Self::CAP_NET_ADMIN) {
            missing.push("CAP_NET_ADMIN");
        }
        if self.follows_headers && !held(Self::CAP_PERFMON) && !held(Self::CAP_SYS_ADMIN) {
            missing.push("CAP_PERFMON");
        }
        missing
    }

    fn effective_in(status: &str) -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
        u64::from_str_radix(line.trim(), 16).ok()
    }
}

impl fmt::Display for MissingPrivilege {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let missing = self.capabilities();
        if self.effective.is_some() && missing.is_empty() {
            // The three remaining causes, most likely first.
            return f.write_str(
                "CAP_BPF and CAP_NET_ADMIN are held, so they are probably those of a user namespace where the initial \
                 one's are needed, or a security module forbids bpf(2), or (before Linux 5.11) the limit of locked \
                 memory is too low: see ulimit -l",
            );
        }
        let names =
            if missing.is_empty() { "CAP_BPF and CAP_NET_ADMIN".into() } else { missing.join(" and ") };
        write!(f, "it needs {names}: run as root, or grant ")?;
        f.write_str(if missing.len() == 1 { "it" } else { "them" })?;
        f.write_str(
            " with setcap or the service manager (before Linux 5.8, CAP_SYS_ADMIN instead of CAP_BPF)",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(effective: Option<u64>) -> MissingPrivilege {
        MissingPrivilege { effective, follows_headers: false }
    }

    fn missing(effective: u64) -> Vec<&'static str> {
        with(Some(effective)).capabilities()
    }

    #[test]
    fn the_missing_capability_is_named() {
        assert_eq!(missing(0), ["CAP_BPF", "CAP_NET_ADMIN"]);
        assert_eq!(missing(1 << 12), ["CAP_BPF"]);
        assert_eq!(missing(1 << 39), ["CAP_NET_ADMIN"]);
        assert_eq!(missing(1 << 21), ["CAP_NET_ADMIN"]);
        assert!(missing(1 << 12 | 1 << 39).is_empty());
        assert!(missing(1 << 12 | 1 << 21).is_empty());
        let follows = |effective| MissingPrivilege { follows_headers: true, ..with(Some(effective)) };
        assert_eq!(follows(1 << 39 | 1 << 12).capabilities(), ["CAP_PERFMON"]);
        assert!(follows(1 << 21 | 1 << 12).capabilities().is_empty());
        let text = with(Some(1 << 39)).to_string();
        assert!(text.starts_with("it needs CAP_NET_ADMIN: run as root, or grant it with"), "{text}");
    }

    #[test]
    fn an_unknown_or_complete_set_names_what_else_it_may_be() {
        let unknown = with(None);
        assert!(unknown.capabilities().is_empty());
        assert!(
            unknown.to_string().starts_with("it needs CAP_BPF and CAP_NET_ADMIN: run as root, or grant them")
        );
        let all = with(Some(u64::MAX)).to_string();
        assert!(all.contains("user namespace") && all.contains("locked memory"), "{all}");
    }

    #[test]
    fn the_effective_set_is_read_from_the_status_of_a_thread() {
        let status = "Name:\tx\nCapPrm:\t000001ffffffffff\nCapEff:\t0000008000001000\nCapBnd:\t0\n";
        assert_eq!(MissingPrivilege::effective_in(status), Some(1 << 39 | 1 << 12));
        assert_eq!(MissingPrivilege::effective_in("CapEff:\tzz\n"), None);
        assert_eq!(MissingPrivilege::effective_in(""), None);
        assert!(MissingPrivilege::of_this_thread().effective.is_some());
    }
}
