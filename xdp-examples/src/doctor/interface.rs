//! One interface.

use serde::Serialize;
use xdp::device::{
    Capabilities, CapabilitySource, Channels, Count, Features, NicQueue, NicRings, QueueUser,
    RelatedInterface,
};
use xdp::diagnosis::Config;
use xdp::{Diagnosis, Finding, FindingKind, Interface, QueueId};

use super::finding::FindingReport;

/// One interface.
#[derive(Debug, Serialize)]
pub struct InterfaceReport {
    /// Its name.
    pub name: String,
    /// Its number.
    pub index: u32,
    /// Further names.
    pub alternative_names: Vec<String>,
    /// The kind of a virtual interface.
    pub kind: Option<String>,
    /// The driver.
    pub driver: Option<String>,
    /// The hardware address.
    pub mac: Option<String>,
    /// The MTU in bytes.
    pub mtu: u32,
    /// Whether it is set up.
    pub is_up: bool,
    /// Whether the other side is there.
    pub has_carrier: bool,
    /// Whether the default route leaves by it.
    pub has_default_route: bool,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// The interface above it.
    pub master: Option<String>,
    /// The interface below it.
    pub lower: Option<String>,
    /// The other end of a pair.
    pub peer: Option<String>,
    /// The NUMA node of the NIC.
    pub numa_node: Option<u32>,
    /// Queues in use, and the most that there can be.
    pub queues: QueuesReport,
    /// Descriptors of the NIC's receive ring.
    pub rx_ring: Option<CountReport>,
    /// Descriptors of the NIC's transmit ring.
    pub tx_ring: Option<CountReport>,
    /// What its driver can do.
    pub modes: Option<ModesReport>,
    /// What the NIC does to packets: the features of `ethtool -k` that matter here.
    pub offloads: Vec<OffloadReport>,
    /// The programs that run there.
    pub programs: Vec<ProgramReport>,
    /// The queues that are taken, and by what.
    pub occupied: Vec<OccupiedReport>,
    /// What is in the way of a socket with the library's defaults on queue 0.
    pub findings: Vec<FindingReport>,
}

/// Queues.
#[derive(Debug, Serialize)]
pub struct QueuesReport {
    /// Receive queues in use.
    pub rx: u32,
    /// Transmit queues in use.
    pub tx: u32,
    /// The most receive queues that there can be, if the driver says.
    pub rx_max: Option<u32>,
    /// The most transmit queues that there can be, if the driver says.
    pub tx_max: Option<u32>,
}

/// How many there are and could be.
#[derive(Debug, Serialize)]
pub struct CountReport {
    /// Now.
    pub current: u32,
    /// At most.
    pub max: u32,
}

/// What a driver can do; each is none where it is not known.
#[derive(Debug, Serialize)]
pub struct ModesReport {
    /// Whether the kernel said so; else it is a guess by the driver's name.
    pub told_by_kernel: bool,
    /// Programs in the driver.
    pub native: Option<bool>,
    /// Sockets without copies.
    pub zero_copy: Option<bool>,
    /// Programs see packets of several buffers.
    pub multi_buffer: Option<bool>,
    /// Other interfaces may redirect packets to it.
    pub redirect_target: Option<bool>,
    /// Descriptors a packet in zero-copy mode.
    pub zero_copy_segments: Option<u32>,
    /// What programs learn about received packets.
    pub rx_metadata: Vec<&'static str>,
    /// What zero-copy sockets can have done to sent packets.
    pub tx_metadata: Vec<&'static str>,
}

/// A feature of the NIC.
#[derive(Debug, Serialize)]
pub struct OffloadReport {
    /// Its name for ethtool.
    pub name: &'static str,
    /// Whether it is on.
    pub is_on: bool,
    /// Whether it cannot be changed.
    pub is_fixed: bool,
}

/// A program.
#[derive(Debug, Serialize)]
pub struct ProgramReport {
    /// Its number.
    pub id: u32,
    /// Its name, if it may be seen.
    pub name: Option<String>,
    /// Where it runs: `driver`, `generic` or `hardware`.
    pub mode: &'static str,
}

/// A queue that is taken.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct OccupiedReport {
    /// Its number.
    pub queue: u32,
    /// By what.
    pub by: &'static str,
}

/// What is in the way of a socket with the library's defaults.
pub fn diagnose(interface: &Interface) -> Diagnosis {
    xdp::diagnosis::diagnose(interface, &Config::new(QueueId(0)))
}

/// Offloads that change what a socket sees or may stand in the way of a program.
const OFFLOADS: [&str; 6] =
    ["rx-lro", "rx-gro-hw", "rx-gro", "rx-ntuple-filter", "rx-checksum", "rx-vlan-hw-parse"];

impl InterfaceReport {
    /// Looks at an interface.
    pub fn look(interface: &Interface) -> Self {
        let queues = interface.queues();
        let channels = Channels::of(interface).ok().flatten();
        let rings = NicRings::of(interface).ok().flatten();
        let features = Features::of(interface).ok().flatten();
        let xdp = interface.xdp();
        let programs = [("driver", xdp.driver()), ("generic", xdp.generic()), ("hardware", xdp.hardware())];
        let named = |related: RelatedInterface| name_of(interface, related);
        Self {
            name: interface.name().to_owned(),
            index: interface.index(),
            alternative_names: interface.alternative_names().to_vec(),
            kind: interface.kind().map(str::to_owned),
            driver: interface.driver().map(str::to_owned),
            mac: interface.mac().map(|mac| mac.map(|byte| format!("{byte:02x}")).join(":")),
            mtu: interface.mtu(),
            is_up: interface.is_up(),
            has_carrier: interface.has_carrier(),
            has_default_route: false,
            addresses: addresses(interface),
            master: interface.master().map(|master| {
                Interface::by_index(master)
                    .map_or_else(|_| format!("#{master}"), |master| master.name().to_owned())
            }),
            lower: interface.lower().map(named),
            peer: interface.peer().map(named),
            numa_node: interface.numa_node(),
            queues: QueuesReport {
                rx: queues.rx,
                tx: queues.tx,
                rx_max: channels.map(|channels| channels.rx().max.saturating_add(channels.combined().max)),
                tx_max: channels.map(|channels| channels.tx().max.saturating_add(channels.combined().max)),
            },
            rx_ring: rings.and_then(|rings| rings.rx()).map(CountReport::of),
            tx_ring: rings.and_then(|rings| rings.tx()).map(CountReport::of),
            modes: Capabilities::of(interface).ok().map(|capabilities| ModesReport::of(&capabilities)),
            offloads: features.map(|features| offloads(&features)).unwrap_or_default(),
            programs: programs
                .into_iter()
                .filter_map(|(mode, id)| Some(ProgramReport { id: id?, name: None, mode }))
                .collect(),
            occupied: occupied(interface),
            findings: Vec::new(),
        }
    }

    /// The findings know the names of programs, as far as they may be seen.
    pub fn take_program_names(&mut self, findings: &[Finding]) {
        for finding in findings {
            let (FindingKind::ForeignProgram { program } | FindingKind::ModeConflict { program }) =
                finding.kind()
            else {
                continue;
            };
            for report in self.programs.iter_mut().filter(|report| report.id == program.id) {
                report.name = program.name.clone();
            }
        }
    }
}

/// The name of an interface above or below.
fn name_of(interface: &Interface, related: RelatedInterface) -> String {
    if related.is_elsewhere() {
        return format!("#{} of another network namespace", related.index());
    }
    if related.index() == interface.index() {
        return interface.name().to_owned();
    }
    Interface::by_index(related.index())
        .map_or_else(|_| format!("#{}", related.index()), |other| other.name().to_owned())
}

fn addresses(interface: &Interface) -> Vec<String> {
    let addresses = interface.addresses().unwrap_or_default();
    addresses.iter().map(|address| format!("{}/{}", address.address(), address.prefix())).collect()
}

fn offloads(features: &Features) -> Vec<OffloadReport> {
    let mut reports = Vec::new();
    for name in OFFLOADS {
        reports.extend(features.get(name).map(|feature| OffloadReport {
            name,
            is_on: feature.is_active(),
            is_fixed: feature.is_fixed(),
        }));
    }
    reports
}

/// The queues that are taken; a socket is shown on both sides of its queue.
fn occupied(interface: &Interface) -> Vec<OccupiedReport> {
    let mut occupied = Vec::new();
    for queue in NicQueue::of(interface).ok().flatten().unwrap_or_default() {
        let by = match queue.user() {
            Some(QueueUser::AfXdp) => "AF_XDP",
            Some(QueueUser::DeviceMemory) => "device memory",
            Some(QueueUser::IoUring) => "io_uring",
            Some(QueueUser::Lease) => "lent to another interface",
            Some(_) => "something else",
            None => continue,
        };
        let report = OccupiedReport { queue: queue.id().0, by };
        if !occupied.contains(&report) {
            occupied.push(report);
        }
    }
    occupied
}

impl CountReport {
    fn of(count: Count) -> Self {
        Self { current: count.current, max: count.max }
    }
}

impl ModesReport {
    fn of(capabilities: &Capabilities) -> Self {
        let (xdp, rx, tx) = (capabilities.xdp(), capabilities.rx_metadata(), capabilities.tx_offloads());
        let held = |list: &[(&'static str, Option<bool>)]| {
            list.iter().filter(|(_, held)| *held == Some(true)).map(|(name, _)| *name).collect()
        };
        Self {
            told_by_kernel: capabilities.source() == CapabilitySource::Kernel,
            native: xdp.basic(),
            zero_copy: xdp.zero_copy(),
            multi_buffer: xdp.rx_fragments(),
            redirect_target: xdp.redirect_target(),
            zero_copy_segments: capabilities.zero_copy_segments(),
            rx_metadata: held(&[
                ("timestamp", rx.timestamp()),
                ("hash", rx.hash()),
                ("vlan tag", rx.vlan_tag()),
            ]),
            tx_metadata: held(&[
                ("timestamp", tx.timestamp()),
                ("checksum", tx.checksum()),
                ("launch time", tx.launch_time()),
            ]),
        }
    }
}
