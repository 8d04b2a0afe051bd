//! What is known about an interface and those around it, asked once for all checks.

use crate::device::{
    Capabilities, Channels, Features, FlowRule, InstalledRule, Interface, InterfaceError, InterfaceRef,
    NicQueue, NicRings, QueueCounters, RssTable,
};
use crate::program::ForeignProgram;

/// An interface and what is around it. What could not be asked is none.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(super) interface: Interface,
    pub(super) capabilities: Option<Capabilities>,
    pub(super) features: Option<Features>,
    pub(super) rings: Option<NicRings>,
    pub(super) channels: Option<Channels>,
    pub(super) rss: Option<RssTable>,
    pub(super) queues: Vec<NicQueue>,
    pub(super) counters: Vec<QueueCounters>,
    /// The rules by which the NIC picks queues.
    pub(super) rules: Vec<InstalledRule>,
    /// The other end of a pair, if it is in this namespace.
    pub(super) peer: Option<Peer>,
    /// The interface above.
    pub(super) master: Option<Interface>,
    /// The interfaces below.
    pub(super) lower: Vec<Interface>,
    /// Whoever runs a program there.
    pub(super) program: Option<ForeignProgram>,
}

/// The other end of a pair.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) interface: Interface,
    pub(super) features: Option<Features>,
}

impl Facts {
    /// Asks for everything.
    pub(crate) fn of(interface: InterfaceRef<'_>) -> Result<Self, InterfaceError> {
        let interface = Interface::find(interface)?;
        let peer = interface.peer().filter(|peer| !peer.is_elsewhere());
        let peer = peer.and_then(|peer| Interface::by_index(peer.index()).ok());
        Ok(Self {
            capabilities: Capabilities::of(&interface).ok(),
            features: Features::of(&interface).ok().flatten(),
            rings: NicRings::of(&interface).ok().flatten(),
            channels: Channels::of(&interface).ok().flatten(),
            rss: RssTable::of(&interface).ok().flatten(),
            queues: NicQueue::of(&interface).ok().flatten().unwrap_or_default(),
            counters: QueueCounters::of(&interface).ok().flatten().unwrap_or_default(),
            rules: FlowRule::list(&interface).unwrap_or_default(),
            peer: peer.map(|peer| Peer { features: Features::of(&peer).ok().flatten(), interface: peer }),
            master: interface.master().and_then(|master| Interface::by_index(master).ok()),
            lower: lower(&interface),
            program: ForeignProgram::on(interface.index()).ok().flatten(),
            interface,
        })
    }

    /// The driver, or else the kind, or else that it is not known.
    pub(super) fn driver(&self) -> String {
        let interface = &self.interface;
        interface.driver().or(interface.kind()).unwrap_or("unknown").to_owned()
    }

    pub(super) fn name(&self) -> &str {
        self.interface.name()
    }

    pub(super) fn is_veth(&self) -> bool {
        self.interface.kind() == Some("veth")
    }
}

/// What an interface is built on: the link below, or the ports of a bridge or bond.
fn lower(interface: &Interface) -> Vec<Interface> {
    if let Some(below) = interface.lower() {
        let below = Some(below).filter(|below| !below.is_elsewhere() && below.index() != interface.index());
        return below.and_then(|below| Interface::by_index(below.index()).ok()).into_iter().collect();
    }
    if !matches!(interface.kind(), Some("bond" | "bridge" | "team" | "vrf" | "openvswitch")) {
        return Vec::new();
    }
    let all = Interface::all().unwrap_or_default();
    all.into_iter().filter(|each| each.master() == Some(interface.index())).collect()
}
