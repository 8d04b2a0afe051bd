//! Zero-copy, the driver, and what its settings forbid.

use std::fs;

use super::facts::Facts;
use super::quirks::{KnownFault, RESETS_LINK, known_faults};
use super::{Config, Finding, FindingKind, Machine, Severity};
use crate::device::{Feature, NicRings};
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
    // The largest multiple of 64 with which it would fit. No chunk is larger than the largest page, 64 KiB.
    let headrooms = (0..config.headroom.min(1 << 16)).step_by(64).rev();
    let headroom = headrooms.into_iter().find(|&headroom| fitting(headroom) >= needed);
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
const DRIVER_MTU: [(&str, u32); 7] = [
    ("i40e", 3046),
    ("ice", 3046),
    ("igb", 3046),
    ("ixgbe", 3050),
    ("mlx5_core", 3498),
    ("igc", 1500),
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
    // Where it may, virtio_net turns its own off for as long as a program is there.
    let yields = |name: &str, feature: &Feature| {
        facts.interface.driver() == Some("virtio_net") && name == "rx-gro-hw" && !feature.is_fixed()
    };
    let mut active = candidates.into_iter().filter_map(|(name, state)| Some((name, state?)));
    let (name, feature) = active.find(|(name, state)| state.is_active() && !yields(name, state))?;
    let remedy = if feature.is_fixed() {
        "turn it off where the NIC is made (of a virtio_net of QEMU: guest_tso4=off,guest_tso6=off); it is fixed here"
            .to_owned()
    } else {
        format!("ethtool -K {} {name} off", facts.name())
    };
    Some(large_receive(facts.name(), name, severity).remedy(remedy))
}

fn large_receive(interface: &str, feature: &'static str, severity: Severity) -> Finding {
    Finding::new(severity, FindingKind::LargeReceiveOffload { feature })
        .what(format!("{feature} is on: {interface} merges packets before a program could see them"))
        .why("most drivers refuse a program then, with \"invalid argument\" or \"not supported\"")
}

fn header_split(facts: &Facts, severity: Severity) -> Option<Finding> {
    splits(facts.rings.as_ref()).then(|| headers_are_split(facts.name(), severity))
}

fn splits(rings: Option<&NicRings>) -> bool {
    rings.and_then(NicRings::tcp_data_split) == Some(true)
}

fn headers_are_split(interface: &str, severity: Severity) -> Finding {
    Finding::new(severity, FindingKind::HeaderSplit)
        .what(format!("{interface} splits the headers of TCP packets from their data"))
        .why("drivers refuse a program that sees packets of one buffer then")
        .remedy(format!("ethtool -G {interface} tcp-data-split off"))
}

fn tx_rings(facts: &Facts, machine: &Machine, severity: Severity) -> Option<Finding> {
    // Other drivers have rings of their own for XDP.
    let channels =
        facts.channels.as_ref().filter(|_| facts.interface.driver() == Some("virtio_net"))?.combined();
    let counts = (channels.current, channels.max);
    // Newer kernels share rings under a lock instead.
    let possible = fs::read_to_string("/sys/devices/system/cpu/possible").ok();
    // Whatever the thread may run on: the driver wants a ring for each that the kernel is ready for.
    let processors = possible.and_then(|list| count(&list)).unwrap_or_else(|| machine.processors());
    few_tx_rings(facts.name(), counts, processors, severity.min(Severity::Hinders))
}

/// How many processors a list of ranges has room for ("0-3,8"): one more than its last.
fn count(list: &str) -> Option<u32> {
    list.trim().rsplit([',', '-']).next()?.parse::<u32>().ok()?.checked_add(1)
}

fn few_tx_rings(
    interface: &str,
    (channels, most): (u32, u32),
    processors: u32,
    severity: Severity,
) -> Option<Finding> {
    let fewer = most.saturating_sub(processors).max(1);
    (channels.saturating_add(processors) > most).then(|| {
        let finding = Finding::new(severity, FindingKind::FewTxRings { channels, most, processors })
            .what(format!(
                "{interface} uses {channels} of its {most} queues and XDP wants one more for each of {processors} \
                 processors"
            ))
            .why("older kernels refuse the program (\"too few free TX rings\"), newer ones share rings under a lock");
        let helps = fewer < channels && fewer.saturating_add(processors) <= most;
        let finding =
            if helps { finding.remedy(format!("ethtool -L {interface} combined {fewer}")) } else { finding };
        finding.remedy("give the virtual machine more queues")
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
    use xdp_sys::ethtool_netlink::{
        ETHTOOL_A_RINGS_TCP_DATA_SPLIT, ETHTOOL_TCP_DATA_SPLIT_DISABLED, ETHTOOL_TCP_DATA_SPLIT_ENABLED,
    };

    use super::*;
    use crate::QueueId;
    use crate::device::netlink::Attributes;
    use crate::device::netlink::script::attributes;

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
        let alone = few_tx_rings("eth0", (1, 1), 2, Severity::Hinders).expect("none is left");
        assert_eq!(
            alone.remedies(),
            ["give the virtual machine more queues"],
            "one queue cannot be given up"
        );
    }

    #[test]
    fn processors_are_counted_by_the_last_of_a_list() {
        assert_eq!(
            [count("0-7\n"), count("0"), count("0-3,8"), count("")],
            [Some(8), Some(1), Some(9), None]
        );
    }

    #[test]
    fn merged_packets_name_the_feature_that_merges_them() {
        let finding = large_receive("eth0", "lro", Severity::Blocks);
        assert!(finding.summary().starts_with("lro is on"), "{finding}");
    }

    #[test]
    fn split_headers_are_told_with_the_command_where_the_driver_says_so() {
        let rings = |split: u8| {
            let answer = attributes(|body| body.value(ETHTOOL_A_RINGS_TCP_DATA_SPLIT, &split));
            NicRings::read(Attributes::new(&answer))
        };
        assert!(splits(Some(&rings(ETHTOOL_TCP_DATA_SPLIT_ENABLED))));
        assert!(!splits(Some(&rings(ETHTOOL_TCP_DATA_SPLIT_DISABLED))) && !splits(None));
        let finding = headers_are_split("eth0", Severity::Blocks);
        assert_eq!(*finding.kind(), FindingKind::HeaderSplit);
        assert_eq!(finding.remedies(), ["ethtool -G eth0 tcp-data-split off"]);
    }

    #[test]
    fn a_headroom_beyond_all_reason_is_judged_at_once() {
        let finding = judged(&config(4096, u32::MAX), 1500, 1).expect("nothing fits");
        assert!(finding.remedies()[0].contains("headroom of 2304"), "{finding}");
    }
}
