//! Memory and processors that are far from the NIC.

use std::fs;

use super::{Finding, FindingKind, Severity};
use crate::device::Interface;

/// Whether the calling thread runs on another node than the NIC's. Where it runs next the scheduler decides, unless
/// the thread is pinned.
pub(super) fn check(interface: &Interface) -> Option<Finding> {
    let nic = interface.numa_node()?;
    let stat = fs::read_to_string("/proc/thread-self/stat").ok()?;
    let thread = node_of(processor_in(&stat)?)?;
    (thread != nic).then(|| far(interface.name(), nic, thread))
}

fn far(interface: &str, nic: u32, thread: u32) -> Finding {
    Finding::new(Severity::Note, FindingKind::FarNode { nic, thread })
        .what(format!("{interface} is on NUMA node {nic} and this thread runs on node {thread}"))
        .why("each packet crosses the connection between the nodes, and so does the umem if it is made here")
        .remedy(format!(
            "numactl --cpunodebind={nic} --membind={nic}, or pin the thread before it makes the umem"
        ))
}

/// Field 39 of proc(5)'s stat; the name in field 2 may hold anything, so it is counted from the bracket behind it.
fn processor_in(stat: &str) -> Option<u32> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(36)?.parse().ok()
}

fn node_of(processor: u32) -> Option<u32> {
    let entries = fs::read_dir(format!("/sys/devices/system/cpu/cpu{processor}")).ok()?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter_map(|name| name.strip_prefix("node")?.parse().ok()).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_found_behind_any_name() {
        let fields: Vec<String> = (3..=52).map(|field| field.to_string()).collect();
        let stat = format!("1 (a) b (c) {}", fields.join(" "));
        assert_eq!(processor_in(&stat), Some(39));
        assert_eq!(processor_in("1 (x"), None);
        assert!(processor_in(&fs::read_to_string("/proc/thread-self/stat").expect("proc")).is_some());
    }

    #[test]
    fn a_thread_far_from_its_nic_is_told_where_to_go() {
        assert!(far("eth0", 1, 0).remedies()[0].contains("numactl --cpunodebind=1"));
    }
}
