//! Which CPU a thread runs on.

use std::fs;

use crate::device::Interface;
use crate::sys;

/// Where the threads of [`Queues::run`](super::Queues::run) run.
///
/// A thread that stays on its CPU keeps its caches, and does best on one that also takes its queue's interrupts, or
/// beside it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Pinning {
    /// Wherever the scheduler puts them.
    #[default]
    Never,
    /// Each on one of these CPUs, the n-th thread on the n-th, and from the first on again where there are fewer.
    Cpus(Vec<usize>),
    /// Each on one of the CPUs that the calling thread may run on: of those on the NIC's NUMA node, where that is
    /// known and there are some, else of all; from the first on again where there are fewer.
    NearNic,
}

/// Why threads cannot run where they are to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PinningError {
    /// No CPU was named.
    #[error("threads are to be pinned to no cpu at all: name one for each queue")]
    NoCpus,
    /// There is no such CPU, or this thread may not run there.
    #[error(
        "cpu {cpu} is not among those that this process may use ({allowed} are): see taskset -p, cgroups and nproc"
    )]
    NotAllowed {
        /// The CPU.
        cpu: usize,
        /// How many may be used.
        allowed: usize,
    },
    /// The kernel does not tell which may be used.
    #[error("cannot tell which cpus this process may use")]
    Kernel {
        /// What the kernel said.
        #[source]
        cause: std::io::Error,
    },
}

impl Pinning {
    /// The CPU of each of `threads`; none for wherever.
    pub(super) fn cpus(
        &self,
        threads: usize,
        interface: &Interface,
    ) -> Result<Vec<Option<usize>>, PinningError> {
        if *self == Self::Never {
            return Ok(vec![None; threads]);
        }
        let allowed =
            sys::allowed_cpus().map_err(|errno| PinningError::Kernel { cause: sys::io_error(errno) })?;
        let chosen = match self {
            Self::Cpus(cpus) => cpus.clone(),
            _ => near(&allowed, interface.numa_node()),
        };
        if let Some(&cpu) = chosen.iter().find(|cpu| !allowed.contains(cpu)) {
            return Err(PinningError::NotAllowed { cpu, allowed: allowed.len() });
        }
        if chosen.is_empty() {
            return Err(PinningError::NoCpus);
        }
        Ok(chosen.into_iter().cycle().take(threads).map(Some).collect())
    }
}

/// Those of `allowed` that are on a node, or all if none is, or that is unknown.
fn near(allowed: &[usize], node: Option<u32>) -> Vec<usize> {
    let list =
        node.and_then(|node| fs::read_to_string(format!("/sys/devices/system/node/node{node}/cpulist")).ok());
    let there = list.map_or_else(Vec::new, |list| parse(&list));
    let near: Vec<usize> = allowed.iter().copied().filter(|cpu| there.contains(cpu)).collect();
    if near.is_empty() { allowed.to_vec() } else { near }
}

/// Reads a list as the kernel writes it: `0-3,8`. What makes no sense is left out.
fn parse(list: &str) -> Vec<usize> {
    const MOST: usize = 1 << 16;
    let number = |text: &str| text.trim().parse().ok().filter(|cpu| *cpu < MOST);
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(number(first)?..=number(last)?)
    };
    list.split(',').filter_map(range).flatten().collect()
}

/// Keeps the calling thread on a CPU. One that was taken away meanwhile is no error: then the scheduler decides.
pub(super) fn stay_on(cpu: usize) {
    let _is_there = sys::stay_on(cpu).is_ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_cpus_are_read_as_the_kernel_writes_them() {
        assert_eq!(parse("0-3,8,10-11\n"), [0, 1, 2, 3, 8, 10, 11]);
        assert!(parse("\n").is_empty());
        assert_eq!(parse("7-4,x,2-,99999999,5"), [5]);
    }

    #[test]
    fn cpus_near_the_nic_are_those_allowed_there_or_all() {
        assert_eq!(near(&[1, 2], None), [1, 2]);
        assert_eq!(near(&[1, 2], Some(u32::MAX)), [1, 2], "no such node");
    }
}
