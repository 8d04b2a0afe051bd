//! The interface itself: whether it is there, up, and of a kind that AF_XDP can use well.

use super::facts::Facts;
use super::{Config, Finding, FindingKind, Severity};
use crate::device::InterfaceError;

/// An interface that could not be looked up.
pub(super) fn not_found(error: &InterfaceError) -> Finding {
    match error {
        InterfaceError::UnknownName { .. } | InterfaceError::UnknownIndex { .. } => {
            Finding::new(Severity::Blocks, FindingKind::NoSuchInterface)
                .what(error.to_string())
                .why("each network namespace has interfaces of its own")
                .remedy("see `ip link` for those of this one")
                .remedy("run it where the interface is (ip netns exec NAME ...)")
        }
        InterfaceError::Gone { name, .. } => gone(name),
        InterfaceError::OtherNamespace { .. } => Finding::new(Severity::Blocks, FindingKind::OtherNamespace)
            .what(error.to_string())
            .why("a socket binds to interfaces of the namespace that it was made in")
            .remedy(
                "enter the other namespace on this thread (setns, Lab::enter), or ip netns exec NAME ...",
            ),
        _ => Finding::new(Severity::Hinders, FindingKind::InterfaceUnknown)
            .what(error.to_string())
            .why("without an answer nothing can be said about it")
            .remedy("try again; if it stays so, look at `ip link` and the kernel's log"),
    }
}

/// An interface that was there before.
pub(super) fn gone(interface: &str) -> Finding {
    let kind = FindingKind::InterfaceGone { interface: interface.to_owned() };
    Finding::new(Severity::Blocks, kind)
        .what(format!("interface {interface} is gone: it was removed, or moved to another network namespace"))
        .why("a socket stays with the interface that it was bound to")
        .remedy("open a new socket when it is back")
}

/// Whether packets can come and go at all.
pub(super) fn state(facts: &Facts) -> Option<Finding> {
    let interface = &facts.interface;
    if !interface.is_up() {
        return Some(down(interface.name()));
    }
    if interface.has_carrier() {
        return None;
    }
    match &facts.peer {
        Some(peer) if !peer.interface.is_up() => Some(peer_down(interface.name(), peer.interface.name())),
        _ => Some(no_carrier(interface.name())),
    }
}

pub(super) fn down(interface: &str) -> Finding {
    let kind = FindingKind::InterfaceDown { interface: interface.to_owned() };
    Finding::new(Severity::Blocks, kind)
        .what(format!("interface {interface} is down"))
        .why("the kernel neither receives nor sends on it")
        .remedy(format!("ip link set {interface} up"))
}

fn no_carrier(interface: &str) -> Finding {
    let kind = FindingKind::NoCarrier { interface: interface.to_owned() };
    Finding::new(Severity::Blocks, kind)
        .what(format!("interface {interface} has no carrier"))
        .why("nothing arrives, and what is sent waits or is dropped; some NICs lose it for seconds after a program is attached")
        .remedy("wait for the link (`ip monitor link`), and look at the cable and at the other side")
        .remedy(format!("ethtool {interface} shows what the NIC has negotiated"))
}

fn peer_down(interface: &str, peer: &str) -> Finding {
    Finding::new(Severity::Blocks, FindingKind::PeerDown { peer: peer.to_owned() })
        .what(format!("{peer}, the other end of {interface}, is down"))
        .why("a veth pair carries packets only while both ends are up")
        .remedy(format!("ip link set {peer} up"))
}

/// What kind of an interface it is, and what that means.
pub(super) fn place(facts: &Facts, config: &Config) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(upper(facts));
    if config.attaches() {
        found.extend(facts.master.as_ref().map(|master| has_master(facts.name(), master.name())));
    }
    found.extend(veth(facts));
    found
}

/// Kinds of interfaces that pass everything on to others.
const UPPER: [&str; 12] = [
    "bond",
    "bridge",
    "team",
    "vlan",
    "macvlan",
    "macvtap",
    "ipvlan",
    "vxlan",
    "geneve",
    "vrf",
    "openvswitch",
    "macsec",
];

fn upper(facts: &Facts) -> Option<Finding> {
    let kind = facts.interface.kind().filter(|kind| UPPER.contains(kind))?;
    let lower: Vec<String> = facts.lower.iter().map(|lower| lower.name().to_owned()).collect();
    let name = facts.name();
    let remedy = match &lower[..] {
        [] => "bind to the NIC below it".to_owned(),
        names => format!("bind to what is below it: {}", names.join(", ")),
    };
    let untagged = if kind == "vlan" { ", where frames carry their VLAN tag" } else { "" };
    Some(
        Finding::new(Severity::Hinders, FindingKind::UpperDevice { kind: kind.to_owned(), lower })
            .what(format!("{name} is a {kind}, not a NIC"))
            .why("zero-copy cannot be had there, and a program runs late or not at all")
            .remedy(format!("{remedy}{untagged}")),
    )
}

fn has_master(interface: &str, master: &str) -> Finding {
    Finding::new(Severity::Note, FindingKind::HasMaster { master: master.to_owned() })
        .what(format!("{interface} belongs to {master}"))
        .why(format!("what a program takes there never reaches {master}: its own traffic included"))
        .remedy("take only what is yours, and pass the rest")
}

fn veth(facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    if !facts.is_veth() {
        return found;
    }
    let target = facts.capabilities.as_ref().and_then(|capabilities| capabilities.xdp().redirect_target());
    let peer = facts.peer.as_ref().map(|peer| peer.interface.name().to_owned());
    if target == Some(false) {
        let there = peer.clone().unwrap_or_else(|| "its other end".into());
        found.push(
            Finding::new(Severity::Note, FindingKind::PeerWithoutNapi { peer: peer.clone() })
                .what(format!("{there} has neither an XDP program nor GRO"))
                .why(format!(
                    "what an XDP program redirects to {} or bounces there (XDP_TX) is dropped; what a socket sends is not",
                    facts.name()
                ))
                .remedy(format!("ethtool -K {} gro on", peer.as_deref().unwrap_or("PEER")))
                .remedy("attach a program that passes everything there"),
        );
    }
    if let Some(peer) = &facts.peer {
        let offloads = peer.features.as_ref().and_then(|features| features.has_tx_checksum()) == Some(true);
        if offloads {
            found.push(partial_checksums(peer.interface.name()));
        }
    }
    found
}

fn partial_checksums(peer: &str) -> Finding {
    Finding::new(Severity::Note, FindingKind::PartialChecksums { peer: peer.to_owned() })
        .what(format!("what the kernel's stack sends on {peer} arrives without its checksums"))
        .why("a veth leaves them to a NIC that never comes, and a socket sees the packet as it is")
        .remedy(format!("ethtool -K {peer} tx off"))
        .remedy("do not check TCP and UDP checksums of packets from this machine")
}

/// Whether the longest frame fits a chunk in copy mode; zero-copy has a rule of its own.
pub(super) fn frame_fits(facts: &Facts, config: &Config) -> Option<Finding> {
    const ETHERNET_HEADER: u32 = 14;
    let mtu = facts.interface.mtu();
    let frame = mtu.saturating_add(ETHERNET_HEADER);
    let fits = capacity(config.chunk_size, config.headroom);
    if !config.direction.receives() || config.multi_buffer || frame <= fits {
        return None;
    }
    let name = facts.name();
    let largest = fits.saturating_sub(ETHERNET_HEADER);
    Some(
        Finding::new(Severity::Hinders, FindingKind::MtuExceedsChunk { mtu, frame, fits })
            .what(format!("the MTU of {name} is {mtu}, and the longest frame of {frame} bytes does not fit a chunk"))
            .why(format!(
                "a chunk of {} bytes with {} of headroom takes frames of {fits} bytes; longer ones are dropped",
                config.chunk_size, config.headroom
            ))
            .remedy(format!("ip link set {name} mtu {largest}"))
            .remedy("use larger chunks, or less headroom")
            .remedy("SocketBuilder::multi_buffer(MultiBuffer::Prefer): packets of several frames (Linux 6.6)"),
    )
}

/// Bytes of the longest frame that is received into a chunk in copy mode.
pub(super) fn capacity(chunk_size: u32, headroom: u32) -> u32 {
    chunk_size.saturating_sub(xdp_core::layout::XDP_PACKET_HEADROOM).saturating_sub(headroom)
}

/// A NIC drops what is for others before anybody sees it.
pub(super) fn mac_filter(facts: &Facts) -> Option<Finding> {
    let interface = &facts.interface;
    let filters = interface.kind().is_none() && interface.is_promiscuous() == Some(false);
    interface.mac().filter(|_| filters).map(|mac| only_for(interface.name(), mac))
}

fn only_for(interface: &str, mac: [u8; 6]) -> Finding {
    let mac = mac.map(|byte| format!("{byte:02x}")).join(":");
    Finding::new(Severity::Note, FindingKind::MacFilter { mac: mac.clone() })
        .what(format!("{interface} takes packets for {mac} and broadcasts only"))
        .why("a NIC drops those for other hardware addresses before a program could see them")
        .remedy(format!("ip link set {interface} promisc on"))
        .remedy(format!("send to {mac}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nic_that_filters_addresses_is_told_how_not_to() {
        let finding = only_for("eth0", [2, 0, 0, 0, 0, 0x1f]);
        assert!(finding.summary().contains("02:00:00:00:00:1f"), "{finding}");
        assert_eq!(finding.remedies()[0], "ip link set eth0 promisc on");
    }

    #[test]
    fn the_room_of_a_chunk_is_what_kernel_and_user_leave_of_it() {
        assert_eq!((capacity(2048, 0), capacity(4096, 128), capacity(2048, 4000)), (1792, 3712, 0));
    }
}
