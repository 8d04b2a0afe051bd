//! Zero-copy, the driver, and what its settings forbid.

use super::facts::Facts;
use super::quirks::{KnownFault, RESETS_LINK, known_faults};
use super::{Config, Finding, FindingKind, Machine, Severity};
use crate::program::AttachMode;
use crate::socket::options::Mode;

pub(super) fn check(facts: &Facts, config: &Config, machine: &Machine) -> Vec<Finding> {
    let mut found = Vec::new();
    if config.mode != Mode::Copy {
        match zero_copy(facts) {
            Some(false) => found.push(no_zero_copy(facts, severity(config))),
            _ => {
                found.extend(zero_copy_frame(facts, config, severity(config)));
                found.extend(segments(facts, config));
            }
        }
    }
    if config.attaches() && config.attach != AttachMode::Generic {
        found.extend(driver_program(facts, config, machine));
    }
    if config.attaches() || config.mode != Mode::Copy {
        found.extend(resets(facts));
    }
    let zero_copy = may_be_zero_copy(facts, config);
    let faults = known_faults(facts.interface.driver()).filter(|fault| zero_copy || !fault.of_zero_copy);
    found.extend(faults.map(|fault| quirk(&facts.driver(), fault)));
    found
}

/// What is only preferred does not block.
fn severity(config: &Config) -> Severity {
    if config.mode == Mode::ZeroCopy { Severity::Blocks } else { Severity::Note }
}

/// Whether a socket would get zero-copy, as far as anybody tells.
pub(super) fn may_be_zero_copy(facts: &Facts, config: &Config) -> bool {
    config.mode != Mode::Copy && zero_copy(facts) != Some(false)
}

/// Whether the driver has zero-copy; none where nobody tells.
fn zero_copy(facts: &Facts) -> Option<bool> {
    facts.capabilities.as_ref().and_then(|capabilities| capabilities.xdp().zero_copy())
}

pub(super) fn no_zero_copy(facts: &Facts, severity: Severity) -> Finding {
    let driver = facts.driver();
    let finding = Finding::new(severity, FindingKind::NoZeroCopy { driver: driver.clone() })
        .what(format!("driver {driver} of {} has no zero-copy", facts.name()))
        .why("the kernel copies each packet between the NIC's memory and the umem then")
        .remedy("Mode::PreferZeroCopy or Mode::Copy, which work everywhere");
    let nics = facts.lower.iter().map(|lower| lower.name()).collect::<Vec<_>>();
    if nics.is_empty() {
        finding.remedy(
            "a NIC whose driver has it (i40e, ice, ixgbe, mlx5_core, igc, virtio_net from Linux 6.11, ...)",
        )
    } else {
        finding.remedy(format!("bind to what is below it: {}", nics.join(", ")))
    }
}

/// Bytes that the largest frame takes, as the kernel counts it for zero-copy: an Ethernet header, a checksum and two
/// VLAN tags beyond the MTU.
const FRAME_OVERHEAD: u32 = 26;

/// Bytes of a chunk that a frame can have in zero-copy mode: NICs take multiples of 128, and where packets may have
/// several buffers the kernel keeps its table of fragments at the end.
fn zero_copy_capacity(chunk_size: u32, headroom: u32, multi_buffer: bool) -> u32 {
    const FRAGMENT_TABLE: u32 = 320;
    const GRANULE: u32 = 128;
    let tail = if multi_buffer { FRAGMENT_TABLE } else { 0 };
    super::link::capacity(chunk_size, headroom).saturating_sub(tail) / GRANULE * GRANULE
}

pub(super) fn zero_copy_frame(facts: &Facts, config: &Config, severity: Severity) -> Option<Finding> {
    let segments =
        match facts.capabilities.as_ref().and_then(|capabilities| capabilities.zero_copy_segments()) {
            Some(segments) if config.multi_buffer => segments.max(1),
            _ => 1,
        };
    zero_copy_mtu(facts.name(), facts.interface.mtu(), config, segments, severity)
}

/// Whether the driver takes packets of several frames without copies.
fn segments(facts: &Facts, config: &Config) -> Option<Finding> {
    let most = facts.capabilities.as_ref()?.zero_copy_segments()?;
    (config.multi_buffer && most == 1).then(|| one_segment(&facts.driver(), facts.name(), severity(config)))
}

fn one_segment(driver: &str, interface: &str, severity: Severity) -> Finding {
    Finding::new(severity, FindingKind::ZeroCopySegments { driver: driver.to_owned() })
        .what(format!("driver {driver} of {interface} takes no packets of several frames in zero-copy mode"))
        .why("zero-copy is refused to a socket that wants them")
        .remedy("MultiBuffer::Never, with an MTU that fits a chunk")
        .remedy("Mode::Copy")
}

fn zero_copy_mtu(
    interface: &str,
    mtu: u32,
    config: &Config,
    segments: u32,
    severity: Severity,
) -> Option<Finding> {
    let needed = mtu.saturating_add(FRAME_OVERHEAD);
    let fitting = |headroom| {
        zero_copy_capacity(config.chunk_size, headroom, config.multi_buffer).saturating_mul(segments)
    };
    let fits = fitting(config.headroom);
    if !config.direction.receives() || needed <= fits {
        return None;
    }
    // The largest multiple of 64 with which it would fit.
    let headroom =
        (0..config.headroom).rev().find(|&headroom| headroom % 64 == 0 && fitting(headroom) >= needed);
    let finding = Finding::new(severity, FindingKind::ZeroCopyMtu { needed, fits, headroom })
        .what(format!(
            "in zero-copy mode a frame of {interface} takes {needed} bytes (MTU {mtu}) and a chunk of {} with {} of \
             headroom has {fits}",
            config.chunk_size, config.headroom
        ))
        .why("kernels from 2026 on refuse such a bind with \"invalid argument\"; older drivers drop long frames");
    let finding = match headroom {
        Some(headroom) => finding.remedy(format!("a headroom of {headroom} bytes or less")),
        None => finding,
    };
    let finding = if config.chunk_size < 4096 { finding.remedy("chunks of 4096 bytes") } else { finding };
    Some(finding.remedy(format!("ip link set {interface} mtu {}", fits.saturating_sub(FRAME_OVERHEAD))))
}

/// The largest MTUs with which drivers take a program that sees one buffer. Source: the drivers of Linux 6.x.
const DRIVER_MTU: [(&str, u32); 8] = [
    ("i40e", 3046),
    ("ice", 3046),
    ("igb", 3046),
    ("ixgbe", 3050),
    ("mlx5_core", 3498),
    ("igc", 1500),
    ("tun", 1500),
    ("gve", 2032),
];

/// Of a veth the other end's counts: what it sends must fit the page that this end receives into.
const VETH_PEER_MTU: u32 = 3506;

pub(super) fn driver_program(facts: &Facts, config: &Config, machine: &Machine) -> Vec<Finding> {
    let mut found = Vec::new();
    let severity = if config.attach == AttachMode::Driver { Severity::Blocks } else { Severity::Hinders };
    let native = facts.capabilities.as_ref().and_then(|capabilities| capabilities.xdp().basic());
    if native == Some(false) {
        found.push(no_driver_xdp(&facts.driver(), facts.name(), severity));
        return found;
    }
    if !config.multi_buffer {
        found.extend(mtu_for_driver(facts, severity));
    }
    found.extend(merging(facts, severity));
    found.extend(header_split(facts, severity));
    found.extend(tx_rings(facts, machine, severity));
    found
}

pub(super) fn no_driver_xdp(driver: &str, interface: &str, severity: Severity) -> Finding {
    Finding::new(severity, FindingKind::NoDriverXdp { driver: driver.to_owned() })
        .what(format!("driver {driver} of {interface} runs no XDP programs"))
        .why("a program runs in generic mode there: after the driver, on socket buffers, slower")
        .remedy("AttachMode::Generic or AttachMode::PreferDriver")
        .remedy("a NIC whose driver has XDP")
}

pub(super) fn mtu_for_driver(facts: &Facts, severity: Severity) -> Option<Finding> {
    let (interface, most) = match (&facts.peer, facts.interface.driver()) {
        (Some(peer), Some("veth")) => (&peer.interface, VETH_PEER_MTU),
        (_, Some(driver)) => {
            let (_, most) = DRIVER_MTU.iter().find(|(name, _)| *name == driver)?;
            (&facts.interface, *most)
        }
        _ => return None,
    };
    let (mtu, name) = (interface.mtu(), interface.name());
    (mtu > most).then(|| {
        Finding::new(severity, FindingKind::MtuForbidsDriver { mtu, most })
            .what(format!(
                "the MTU of {name} is {mtu}, too large for a program in the driver of {}",
                facts.name()
            ))
            .why(format!("a program that sees packets of one buffer needs {most} or less there"))
            .remedy(format!("ip link set {name} mtu {most}"))
            .remedy("load the program for several buffers (ProgramBuilder::multi_buffer)")
            .remedy("AttachMode::Generic")
    })
}

pub(super) fn merging(facts: &Facts, severity: Severity) -> Option<Finding> {
    let features = facts.features.as_ref()?;
    let candidates = [("lro", features.lro()), ("rx-gro-hw", features.gro_hw())];
    let (feature, _) =
        candidates.into_iter().find(|(_, state)| state.is_some_and(|state| state.is_active()))?;
    Some(large_receive(facts.name(), feature, severity))
}

fn large_receive(interface: &str, feature: &'static str, severity: Severity) -> Finding {
    Finding::new(severity, FindingKind::LargeReceiveOffload { feature })
        .what(format!("{feature} is on: {interface} merges packets before a program could see them"))
        .why("most drivers refuse a program then, with \"invalid argument\" or \"not supported\"")
        .remedy(format!("ethtool -K {interface} {feature} off"))
}

fn header_split(facts: &Facts, severity: Severity) -> Option<Finding> {
    let split = facts.rings.as_ref().and_then(|rings| rings.tcp_data_split()) == Some(true);
    split.then(|| {
        Finding::new(severity, FindingKind::HeaderSplit)
            .what(format!("{} splits the headers of TCP packets from their data", facts.name()))
            .why("drivers refuse a program that sees packets of one buffer then")
            .remedy(format!("ethtool -G {} tcp-data-split off", facts.name()))
    })
}

fn tx_rings(facts: &Facts, machine: &Machine, severity: Severity) -> Option<Finding> {
    // Other drivers have rings of their own for XDP.
    let channels =
        facts.channels.as_ref().filter(|_| facts.interface.driver() == Some("virtio_net"))?.combined();
    let counts = (channels.current, channels.max);
    // Newer kernels share rings under a lock instead.
    few_tx_rings(facts.name(), counts, machine.processors(), severity.min(Severity::Hinders))
}

fn few_tx_rings(
    interface: &str,
    (channels, most): (u32, u32),
    processors: u32,
    severity: Severity,
) -> Option<Finding> {
    let fewer = most.saturating_sub(processors).max(1);
    (channels.saturating_add(processors) > most).then(|| {
        Finding::new(severity, FindingKind::FewTxRings { channels, most, processors })
            .what(format!(
                "{interface} uses {channels} of its {most} queues and XDP wants one more for each of {processors} \
                 processors"
            ))
            .why("older kernels refuse the program (\"too few free TX rings\"), newer ones share rings under a lock")
            .remedy(format!("ethtool -L {interface} combined {fewer}"))
            .remedy("give the virtual machine more queues")
    })
}

fn resets(facts: &Facts) -> Option<Finding> {
    let driver = facts.interface.driver().filter(|driver| RESETS_LINK.contains(driver))?;
    Some(
        Finding::new(Severity::Note, FindingKind::LinkReset { driver: driver.to_owned() })
            .what(format!(
                "driver {driver} restarts its queues when a program is attached or a zero-copy socket bound"
            ))
            .why("the link is down for up to seconds, and what is sent meanwhile is lost")
            .remedy("attach once and keep the Attachment for all sockets")
            .remedy("wait for the carrier before sending"),
    )
}

fn quirk(driver: &str, known: &KnownFault) -> Finding {
    let kind = FindingKind::DriverQuirk { driver: driver.to_owned(), fault: known.fault };
    Finding::new(Severity::Hinders, kind)
        .what(format!("this version of driver {driver} has a known fault: {}", known.fault))
        .why(known.source)
        .remedy(known.remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::QueueId;

    fn config(chunk_size: u32, headroom: u32) -> Config {
        Config { chunk_size, headroom, ..Config::new(QueueId(0)) }
    }

    fn judged(config: &Config, mtu: u32, segments: u32) -> Option<Finding> {
        zero_copy_mtu("eth0", mtu, config, segments, Severity::Blocks)
    }

    #[test]
    fn a_chunk_of_2048_takes_an_mtu_of_1500_with_256_of_headroom_and_no_more() {
        assert_eq!(judged(&config(2048, 256), 1500, 1), None);
        let finding = judged(&config(2048, 257), 1500, 1).expect("1408 bytes for 1526");
        assert_eq!(
            *finding.kind(),
            FindingKind::ZeroCopyMtu { needed: 1526, fits: 1408, headroom: Some(256) }
        );
        assert!(finding.remedies()[0].contains("headroom of 256"), "{finding}");
        assert!(finding.to_string().contains("chunks of 4096") && finding.to_string().contains("mtu 1382"));
    }

    #[test]
    fn several_segments_take_larger_frames() {
        let jumbo = Config { multi_buffer: true, ..config(4096, 0) };
        assert_eq!(judged(&jumbo, 9000, 3), None, "3 x 3456 bytes");
        let finding = judged(&jumbo, 9000, 1).expect("does not fit one");
        assert!(
            matches!(finding.kind(), FindingKind::ZeroCopyMtu { fits: 3456, headroom: None, .. }),
            "{finding}"
        );
    }

    #[test]
    fn one_frame_a_packet_without_copies_is_told_with_both_ways_out() {
        let finding = one_segment("igc", "eth0", Severity::Blocks);
        assert!(finding.summary().starts_with("driver igc of eth0"), "{finding}");
        assert!(
            finding.remedies()[0].contains("MultiBuffer::Never") && finding.remedies()[1] == "Mode::Copy"
        );
    }

    #[test]
    fn virtio_without_free_queues_is_told_how_many_to_give_up() {
        let finding = few_tx_rings("eth0", (4, 4), 2, Severity::Hinders).expect("none is left");
        assert!(finding.remedies()[0].contains("combined 2"), "{finding}");
        assert!(few_tx_rings("eth0", (2, 4), 2, Severity::Hinders).is_none());
    }

    #[test]
    fn merged_packets_name_the_feature_to_turn_off() {
        let finding = large_receive("eth0", "lro", Severity::Blocks);
        assert_eq!(finding.remedies(), ["ethtool -K eth0 lro off"]);
    }
}
