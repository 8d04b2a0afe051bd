//! Queues: whether the one that is wanted exists, is free, and gets packets.

use super::facts::Facts;
use super::{Config, Finding, FindingKind, Severity};
use crate::QueueId;
use crate::device::occupant::occupant;
use crate::device::queue::QueueProbe;
use crate::device::{FlowTarget, Interface, NicQueue, Occupant, QueueSide, QueueUser};
use crate::socket::options::Mode;

pub(super) fn check(facts: &Facts, config: &Config) -> Vec<Finding> {
    let mut found = Vec::new();
    match missing(&facts.interface, config) {
        Some(finding) => found.push(finding),
        None => {
            found.extend(busy(&facts.interface, config.queue));
            found.extend(memory_provider(facts, config));
            if config.direction.receives() {
                found.extend(not_named(facts, config.queue));
                found.extend(steered(facts, config.queue));
                found.extend(others(facts, config.queue, Severity::Note));
            }
        }
    }
    found
}

/// Whether the queue is beyond those in use.
pub(super) fn missing(interface: &Interface, config: &Config) -> Option<Finding> {
    let queues = interface.queues();
    let sides = [
        (config.direction.receives(), queues.rx, "receive"),
        (config.direction.sends(), queues.tx, "transmit"),
    ];
    let (_, count, direction) =
        sides.into_iter().find(|(used, count, _)| *used && config.queue.0 >= *count)?;
    let allocated = interface.allocated_queues();
    let most = if direction == "receive" { allocated.rx } else { allocated.tx };
    let name = interface.name();
    let finding = no_such_queue(name, config.queue, count, direction);
    Some(match config.queue.0 {
        wanted if wanted < most => finding
            .remedy(format!("ethtool -L {name} combined {} (or rx and tx), if the driver can", wanted + 1)),
        _ => finding,
    })
}

pub(super) fn no_such_queue(
    interface: &str,
    queue: QueueId,
    queues: u32,
    direction: &'static str,
) -> Finding {
    let last = queues.saturating_sub(1);
    Finding::new(Severity::Blocks, FindingKind::NoSuchQueue { queue, queues, direction })
        .what(format!(
            "there is no queue {queue}: {interface} has {queues} {direction} queues, counted from 0"
        ))
        .why("the kernel binds sockets to queues in use only, and the number wraps at 65536")
        .remedy(format!("take a queue from 0 to {last}"))
}

/// Whether a socket is bound there, as far as the kernel tells.
fn busy(interface: &Interface, queue: QueueId) -> Option<Finding> {
    let probe = QueueProbe::open(interface.index(), queue.0)?;
    (probe.has_socket() == Some(true))
        .then(|| queue_busy(interface.name(), queue, occupant(interface.index(), queue.0)))
}

pub(super) fn queue_busy(interface: &str, queue: QueueId, occupant: Option<Occupant>) -> Finding {
    let by = occupant.as_ref().map_or_else(String::new, |occupant| format!(", {occupant}"));
    let end = match occupant.as_ref().and_then(Occupant::process) {
        Some((pid, _)) => format!("end process {pid}"),
        None => "end the process that has it (ss --xdp -p, or lsof | grep XDP)".into(),
    };
    Finding::new(Severity::Blocks, FindingKind::QueueBusy { queue, occupant })
        .what(format!("queue {queue} of {interface} is bound by another AF_XDP socket{by}"))
        .why("a queue has one fill ring and one completion ring, and so one UMEM")
        .remedy(end)
        .remedy("take another queue")
}

fn memory_provider(facts: &Facts, config: &Config) -> Option<Finding> {
    has_memory_provider(&facts.queues).then(|| {
        let severity = if config.mode == Mode::ZeroCopy { Severity::Blocks } else { Severity::Hinders };
        memory_taken(facts.name(), severity)
    })
}

/// Whether something else than AF_XDP has the memory of one of the queues.
pub(super) fn has_memory_provider(queues: &[NicQueue]) -> bool {
    queues.iter().any(|queue| matches!(queue.user(), Some(QueueUser::DeviceMemory | QueueUser::IoUring)))
}

pub(super) fn memory_taken(interface: &str, severity: Severity) -> Finding {
    Finding::new(severity, FindingKind::MemoryProvider)
        .what(format!("queues of {interface} receive into io_uring's or a device's own memory"))
        .why("the kernel allows that or AF_XDP on an interface, not both")
        .remedy("end that program (io_uring zero-copy receive, devmem TCP)")
        .remedy("use another interface")
}

/// Whether the table that spreads packets leaves the queue out.
pub(super) fn not_named(facts: &Facts, queue: QueueId) -> Option<Finding> {
    let named = facts.rss.as_ref()?.queues();
    (!named.is_empty() && !named.contains(&queue.0)).then(|| not_in_table(facts.name(), queue, named))
}

fn not_in_table(interface: &str, queue: QueueId, named: Vec<u32>) -> Finding {
    let list: Vec<_> = named.iter().take(16).map(ToString::to_string).collect();
    Finding::new(Severity::Hinders, FindingKind::NotInRssTable { queue, named })
        .what(format!("{interface} spreads packets over queues {}, not {queue}", list.join(", ")))
        .why("only packets that a rule sends there arrive at this queue")
        .remedy(format!("ethtool -X {interface} equal N, with N above {queue}"))
        .remedy(format!(
            "steer your packets there: ethtool -N {interface} flow-type udp4 dst-port PORT action {queue}"
        ))
}

/// Whether rules of the NIC send packets elsewhere.
pub(super) fn steered(facts: &Facts, queue: QueueId) -> Option<Finding> {
    let elsewhere = facts.rules.iter().filter(|rule| rule.target != FlowTarget::Queue(queue));
    let locations: Vec<u32> = elsewhere.map(|rule| rule.location).collect();
    (!locations.is_empty()).then(|| steered_elsewhere(facts.name(), queue, locations))
}

fn steered_elsewhere(interface: &str, queue: QueueId, locations: Vec<u32>) -> Finding {
    let (count, first) = (locations.len(), locations.first().copied().unwrap_or_default());
    Finding::new(Severity::Note, FindingKind::SteeredElsewhere { queue, locations })
        .what(format!(
            "{count} rules of {interface} send packets elsewhere than to queue {queue}, or drop them"
        ))
        .why("the NIC looks at its rules before it spreads packets")
        .remedy(format!(
            "ethtool -n {interface} lists them, ethtool -N {interface} delete {first} removes one"
        ))
        .remedy("FlowRule::list and FlowRule::remove_at")
}

/// Which other queues get packets, too.
pub(super) fn others(facts: &Facts, queue: QueueId, severity: Severity) -> Option<Finding> {
    let queues = facts.interface.queues().rx;
    if queues < 2 {
        return None;
    }
    let received = facts.counters.iter().filter(|counters| counters.side() == QueueSide::Rx);
    let packets = received.filter_map(|counters| Some((counters.id().0, counters.packets()?))).collect();
    let is_combined = facts.channels.as_ref().is_none_or(|channels| channels.combined().max > 0);
    let spread = Spread { queues, packets, channels: if is_combined { "combined" } else { "rx" } };
    Some(other_queues(facts.name(), queue, spread, severity))
}

/// How an interface spreads packets.
struct Spread {
    /// Receive queues in use.
    queues: u32,
    /// Packets received, by queue, where that is counted.
    packets: Vec<(u32, u64)>,
    /// What `ethtool -L` calls the receive queues.
    channels: &'static str,
}

fn other_queues(interface: &str, queue: QueueId, spread: Spread, severity: Severity) -> Finding {
    let Spread { queues, packets, channels } = spread;
    let each: Vec<_> =
        packets.iter().take(16).map(|(queue, packets)| format!("{queue}: {packets}")).collect();
    let counted = if each.is_empty() { String::new() } else { format!(" (so far {})", each.join(", ")) };
    Finding::new(severity, FindingKind::OtherQueues { queue, queues, packets })
        .what(format!(
            "{interface} spreads packets over {queues} receive queues{counted}, and a socket on queue {queue} gets only \
             what arrives there"
        ))
        .why("the NIC picks a queue by a hash of addresses and ports (RSS); a socket sees one queue")
        .remedy(format!("bind a socket to each of the {queues} queues"))
        .remedy(format!("use one queue: ethtool -L {interface} {channels} 1"))
        .remedy(format!("steer your packets: ethtool -N {interface} flow-type udp4 dst-port PORT action {queue}"))
}

#[cfg(test)]
mod tests {
    use xdp_sys::netdev::{
        NETDEV_A_QUEUE_DMABUF, NETDEV_A_QUEUE_ID, NETDEV_A_QUEUE_IO_URING, NETDEV_A_QUEUE_TYPE,
        NETDEV_A_QUEUE_XSK,
    };

    use super::*;
    use crate::device::netlink::Attributes;
    use crate::device::netlink::script::attributes;

    /// A receive queue as the kernel tells it, taken by the user whose attribute this is.
    fn taken_by(user: u16) -> NicQueue {
        let answer = attributes(|body| {
            body.value(NETDEV_A_QUEUE_ID, &0_u32);
            body.value(NETDEV_A_QUEUE_TYPE, &0_u32);
            body.bytes(user, &[]);
        });
        NicQueue::read(Attributes::new(&answer)).expect("a queue")
    }

    #[test]
    fn queues_whose_memory_is_another_s_are_told_and_those_of_sockets_are_not() {
        for user in [NETDEV_A_QUEUE_DMABUF, NETDEV_A_QUEUE_IO_URING] {
            assert!(has_memory_provider(&[taken_by(NETDEV_A_QUEUE_XSK), taken_by(user)]));
        }
        assert!(!has_memory_provider(&[taken_by(NETDEV_A_QUEUE_XSK)]));
        let finding = memory_taken("eth0", Severity::Blocks);
        assert_eq!(*finding.kind(), FindingKind::MemoryProvider);
        assert!(finding.remedies()[0].contains("io_uring"), "{finding}");
    }

    #[test]
    fn a_queue_that_the_table_leaves_out_is_told_with_both_ways_in() {
        let finding = not_in_table("eth0", QueueId(3), vec![0, 1]);
        assert!(finding.summary().contains("over queues 0, 1, not 3"), "{finding}");
        assert!(finding.remedies()[0].starts_with("ethtool -X eth0 equal"), "{finding}");
        assert!(finding.remedies()[1].ends_with("action 3"), "{finding}");
    }

    #[test]
    fn rules_that_send_packets_elsewhere_are_counted_with_the_commands() {
        let finding = steered_elsewhere("eth0", QueueId(1), vec![7, 9]);
        assert!(finding.summary().starts_with("2 rules of eth0"), "{finding}");
        assert!(finding.remedies()[0].contains("ethtool -N eth0 delete 7"), "{finding}");
    }

    #[test]
    fn what_other_queues_have_counted_is_told() {
        let spread = Spread { queues: 2, packets: vec![(0, 0), (1, 77)], channels: "combined" };
        let finding = other_queues("eth0", QueueId(0), spread, Severity::Hinders);
        assert!(finding.summary().contains("(so far 0: 0, 1: 77)"), "{finding}");
        assert!(finding.to_string().contains("ethtool -L eth0 combined 1"), "{finding}");
    }
}
