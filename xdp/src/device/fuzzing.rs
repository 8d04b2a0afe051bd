//! What a fuzzer feeds: everything that reads bytes of the kernel about interfaces. Only there under `cfg(fuzzing)` and
//! in tests.

use std::collections::{BTreeSet, VecDeque};

use xdp_sys::Plain;
use xdp_sys::ethtool_rxnfc::ethtool_rxnfc;
use xdp_sys::genetlink::genlmsghdr;
use xdp_sys::netlink::nlmsghdr;

use super::address::InterfaceAddress;
use super::ethtool::{Channels, Features, NicRings, RssTable};
use super::events::Links;
use super::monitor::LinkChange;
use super::netdev::{Capabilities, Napi, NicQueue, QueueCounters};
use super::netlink::{Attributes, Family, Gathered, Message, Messages};
use super::route::DefaultRoute;
use super::sock_diag::XdpSocket;
use super::steering::{FlowTarget, InstalledRule};
use super::{AttachedXdp, Interface};

/// Reads a datagram in every way there is. Whatever the bytes are, each reader ends, stays inside, and says as much as it
/// can.
pub fn netlink(datagram: &[u8]) {
    let mut taken = 0;
    let mut links = Links::default();
    let mut news = VecDeque::new();
    let mut change = LinkChange::Unchanged;
    for message in Messages::new(datagram) {
        let Ok(message) = message else { break };
        taken += size_of::<nlmsghdr>() + message.payload.len();
        assert!(taken <= datagram.len(), "a message is inside its datagram");
        let _ = message.role();
        change = follow(change, message);
        let before = news.len();
        links.take(message.header.nlmsg_type, message.payload, &mut news);
        assert!(news.len() - before <= 4, "a message is a few events at most");
        payload(message.payload);
        // The reader of a list of rules is fed by ioctl(2), not by netlink.
        rule(message.payload);
    }
    news.iter().for_each(|event| assert!(!event.to_string().is_empty()));
    news.clear();
    links.keep(&BTreeSet::new(), &mut news);
    assert!(news.len() <= taken / size_of::<nlmsghdr>(), "no link is gone that was not there");
    gather(datagram);
}

/// A removal is final, whatever follows.
fn follow(change: LinkChange, message: Message<'_>) -> LinkChange {
    let index = 1;
    let now = change.after(index, message);
    assert!(change != LinkChange::Removed || now == LinkChange::Removed);
    now
}

/// What the socket makes of the datagram, as the answer to the question that its first message names.
fn gather(datagram: &[u8]) {
    let Some(first) = nlmsghdr::read(datagram) else { return };
    for is_dump in [false, true] {
        let mut gathered = Gathered::new(first.nlmsg_seq, is_dump);
        match gathered.take(datagram, &|_| true) {
            Ok(_) => {
                let bytes = gathered.into_answers().iter().map(|answer| answer.payload.len()).sum::<usize>();
                assert!(bytes <= datagram.len(), "no more is kept than was said");
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

/// All that read the payload of a message, whatever its type says.
fn payload(payload: &[u8]) {
    let _ = Interface::read(payload);
    let _ = InterfaceAddress::read(payload);
    let _ = DefaultRoute::read(payload);
    let _ = Family::read(payload);
    if let Some(socket) = XdpSocket::read(payload) {
        assert!(!socket.to_string().is_empty());
    }
    if let Some((_, attributes)) = Attributes::after::<genlmsghdr>(payload) {
        generic(attributes);
    }
    attributes_end(Attributes::new(payload), payload.len(), 0);
}

fn generic(attributes: Attributes<'_>) {
    let _ = (Capabilities::read(attributes), NicQueue::read(attributes), Napi::read(attributes));
    let _ = QueueCounters::read(attributes);
    let _ = (Channels::read(attributes), NicRings::read(attributes), RssTable::read(attributes));
    let features = Features::read(attributes);
    let _ = (features.ntuple(), features.lro(), features.iter().count());
    let _ = AttachedXdp::read(attributes).to_string();
}

/// Attributes end, and lie inside what holds them.
fn attributes_end(attributes: Attributes<'_>, len: usize, depth: u32) {
    let mut taken = 0;
    for attribute in attributes {
        taken += 4 + attribute.payload.len();
        assert!(taken <= len, "an attribute is inside what holds it");
        let _ = (attribute.value::<u64>(), attribute.text());
        if depth < 4 {
            attributes_end(attribute.nested(), attribute.payload.len(), depth + 1);
        }
    }
}

/// A steering rule as a driver lists it.
fn rule(bytes: &[u8]) {
    let Some(argument) = ethtool_rxnfc::read(bytes) else { return };
    let rule = InstalledRule::read(&argument);
    assert!(!rule.to_string().is_empty());
    if let (Some(matches), FlowTarget::Queue(queue)) = (rule.matches, rule.target) {
        assert!(!matches.to_queue(queue).to_string().is_empty());
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Real answers are where a fuzzer begins; nothing in them may look wrong.
    #[test]
    fn captured_answers_are_read_in_every_way() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds/netlink");
        let seeds: Vec<_> = std::fs::read_dir(folder).expect("the captured answers").collect();
        assert!(seeds.len() >= 20, "{} are too few to be all", seeds.len());
        let mut links = 0;
        for seed in seeds {
            let datagram = std::fs::read(seed.expect("a file").path()).expect("readable");
            netlink(&datagram);
            links += Messages::new(&datagram)
                .map_while(Result::ok)
                .filter(|message| Interface::read(message.payload).is_some_and(|link| link.mtu() > 0))
                .count();
        }
        assert!(links > 0, "links are among them");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_in_every_way(
            kind in prop_oneof![Just(2_u16), Just(3), Just(16), Just(17), any::<u16>()],
            flags: u16,
            payload in vec(any::<u8>(), 0..300),
        ) {
            let header = nlmsghdr {
                nlmsg_len: (size_of::<nlmsghdr>() + payload.len()) as u32,
                nlmsg_type: kind,
                nlmsg_flags: flags,
                ..nlmsghdr::default()
            };
            netlink(&[header.as_bytes(), &payload].concat());
        }
    }
}
