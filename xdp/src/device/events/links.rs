//! From messages about links to what has happened: each is held against what was known before.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use xdp_sys::if_link::{IFLA_IFNAME, IFLA_MTU, IFLA_NEW_NETNSID, IFLA_XDP};
use xdp_sys::rtnetlink::{IFF_LOWER_UP, IFF_UP, RTM_DELLINK, RTM_NEWLINK, ifinfomsg};

use super::{DownReason, LinkEvent, LinkId};
use crate::device::AttachedXdp;
use crate::device::netlink::Attributes;

/// What is known of the links that are watched.
#[derive(Debug, Default)]
pub(in crate::device) struct Links {
    known: BTreeMap<u32, Link>,
}

/// What is known of one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Link {
    name: String,
    flags: u32,
    mtu: u32,
    xdp: AttachedXdp,
}

impl Links {
    /// Takes a message of the kernel and appends what it tells that is new; the index of the link that it is about.
    pub(in crate::device) fn take(
        &mut self,
        kind: u16,
        payload: &[u8],
        news: &mut VecDeque<LinkEvent>,
    ) -> Option<u32> {
        let (header, attributes) = Attributes::after::<ifinfomsg>(payload)?;
        let index = u32::try_from(header.ifi_index).ok()?;
        // Bridges tell of their ports by the same messages under their own family.
        if header.ifi_family != 0 {
            return None;
        }
        match kind {
            RTM_NEWLINK => self.changed(index, header.ifi_flags, attributes, news),
            RTM_DELLINK => {
                let moved = attributes.find(IFLA_NEW_NETNSID).is_some();
                let how = if moved { LinkEvent::Moved } else { LinkEvent::Removed };
                news.extend(self.forget(index).map(how));
            }
            _ => return None,
        }
        Some(index)
    }

    pub(in crate::device) fn knows(&self, index: u32) -> bool {
        self.known.contains_key(&index)
    }

    /// Forgets all that are not among `there`, and appends that they are gone.
    pub(in crate::device) fn keep(&mut self, there: &BTreeSet<u32>, news: &mut VecDeque<LinkEvent>) {
        let gone: Vec<u32> = self.known.keys().copied().filter(|index| !there.contains(index)).collect();
        news.extend(gone.into_iter().filter_map(|index| self.forget(index)).map(LinkEvent::Removed));
    }

    fn changed(
        &mut self,
        index: u32,
        flags: u32,
        attributes: Attributes<'_>,
        news: &mut VecDeque<LinkEvent>,
    ) {
        let before = self.known.get(&index).cloned();
        // Some messages, those of wireless drivers for example, tell a part only: the rest is as it was.
        let old = before.clone().unwrap_or_default();
        let number = |kind| attributes.find(kind).and_then(|attribute| attribute.value::<u32>());
        let now = Link {
            name: attributes.find(IFLA_IFNAME).map_or(old.name, |name| name.text()),
            flags,
            mtu: number(IFLA_MTU).unwrap_or(old.mtu),
            xdp: attributes.find(IFLA_XDP).map_or(old.xdp, |xdp| AttachedXdp::read(xdp.nested())),
        };
        let id = || LinkId { index, name: now.name.clone() };
        match &before {
            None => {
                news.push_back(LinkEvent::Added(id()));
                if now.is_up() {
                    news.push_back(LinkEvent::Up(id()));
                }
            }
            Some(before) => now.differences(before, id, news),
        }
        self.known.insert(index, now);
    }

    fn forget(&mut self, index: u32) -> Option<LinkId> {
        self.known.remove(&index).map(|link| LinkId { index, name: link.name })
    }
}

impl Link {
    fn is_up(&self) -> bool {
        self.flags & (IFF_UP | IFF_LOWER_UP) == IFF_UP | IFF_LOWER_UP
    }

    fn differences(&self, before: &Self, id: impl Fn() -> LinkId, news: &mut VecDeque<LinkEvent>) {
        if self.name != before.name {
            news.push_back(LinkEvent::Renamed { link: id(), before: before.name.clone() });
        }
        if self.mtu != before.mtu {
            news.push_back(LinkEvent::Mtu { link: id(), before: before.mtu, now: self.mtu });
        }
        if self.xdp != before.xdp {
            news.push_back(LinkEvent::Programs { link: id(), before: before.xdp, now: self.xdp });
        }
        match (before.is_up(), self.is_up()) {
            (false, true) => news.push_back(LinkEvent::Up(id())),
            (true, false) if self.flags & IFF_UP == 0 => {
                news.push_back(LinkEvent::Down { link: id(), reason: DownReason::Administrator });
            }
            (true, false) => news.push_back(LinkEvent::Down { link: id(), reason: DownReason::Carrier }),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use xdp_sys::if_link::IFLA_XDP_DRV_PROG_ID;

    use super::*;
    use crate::device::netlink::Request;

    const RUNNING: u32 = IFF_UP | IFF_LOWER_UP;

    /// The payload of a message about link 7.
    fn about(family: u8, flags: u32, fill: impl FnOnce(Request) -> Request) -> Vec<u8> {
        let header = ifinfomsg { ifi_family: family, ifi_index: 7, ifi_flags: flags, ..ifinfomsg::default() };
        fill(Request::new(0, 0).fixed(&header)).bytes(0, 0).expect("short")[16..].to_vec()
    }

    fn whole(name: &str, flags: u32, mtu: u32, program: u32) -> Vec<u8> {
        about(0, flags, |link| {
            let link = link.text(IFLA_IFNAME, name).value(IFLA_MTU, &mtu);
            link.nest(IFLA_XDP, |xdp| xdp.value(IFLA_XDP_DRV_PROG_ID, &program))
        })
    }

    fn take(links: &mut Links, kind: u16, payload: &[u8]) -> Vec<LinkEvent> {
        let mut news = VecDeque::new();
        links.take(kind, payload, &mut news);
        news.into()
    }

    fn id(name: &str) -> LinkId {
        LinkId { index: 7, name: name.into() }
    }

    #[test]
    fn a_link_is_told_of_once_and_then_its_changes() {
        let mut links = Links::default();
        let first = whole("eth0", RUNNING, 1500, 0);
        let added = [LinkEvent::Added(id("eth0")), LinkEvent::Up(id("eth0"))];
        assert_eq!(take(&mut links, RTM_NEWLINK, &first), added);
        assert_eq!(take(&mut links, RTM_NEWLINK, &first), [], "nothing is new");
        let now = AttachedXdp { driver: Some(3), ..AttachedXdp::default() };
        let all_at_once = take(&mut links, RTM_NEWLINK, &whole("wan", IFF_UP, 9000, 3));
        assert_eq!(
            all_at_once,
            [
                LinkEvent::Renamed { link: id("wan"), before: "eth0".into() },
                LinkEvent::Mtu { link: id("wan"), before: 1500, now: 9000 },
                LinkEvent::Programs { link: id("wan"), before: AttachedXdp::default(), now },
                LinkEvent::Down { link: id("wan"), reason: DownReason::Carrier },
            ]
        );
        assert_eq!(take(&mut links, RTM_NEWLINK, &whole("wan", 0, 9000, 3)), [], "it is down already");
        assert_eq!(take(&mut links, RTM_DELLINK, &about(0, 0, |it| it)), [LinkEvent::Removed(id("wan"))]);
        assert_eq!(take(&mut links, RTM_DELLINK, &about(0, 0, |it| it)), [], "gone already");
    }

    #[test]
    fn a_message_that_tells_a_part_changes_nothing_else() {
        let mut links = Links::default();
        take(&mut links, RTM_NEWLINK, &whole("eth0", RUNNING, 1500, 3));
        assert_eq!(take(&mut links, RTM_NEWLINK, &about(0, RUNNING, |it| it)), []);
        assert_eq!(take(&mut links, RTM_NEWLINK, &whole("eth0", RUNNING, 1500, 3)), []);
    }

    #[test]
    fn leaving_a_bridge_is_no_removal_and_a_move_is_none_either() {
        let mut links = Links::default();
        take(&mut links, RTM_NEWLINK, &whole("eth0", RUNNING, 1500, 0));
        let port = about(libc::AF_BRIDGE as u8, 0, |it| it);
        assert_eq!(take(&mut links, RTM_DELLINK, &port), []);
        assert_eq!(take(&mut links, RTM_NEWLINK, &port), []);
        let moved = about(0, 0, |it| it.value(IFLA_NEW_NETNSID, &0_i32));
        assert_eq!(take(&mut links, RTM_DELLINK, &moved), [LinkEvent::Moved(id("eth0"))]);
    }

    #[test]
    fn links_that_a_whole_list_does_not_name_are_gone() {
        let mut links = Links::default();
        take(&mut links, RTM_NEWLINK, &whole("eth0", RUNNING, 1500, 0));
        let mut news = VecDeque::new();
        links.keep(&BTreeSet::from([7]), &mut news);
        assert!(news.is_empty());
        links.keep(&BTreeSet::from([8]), &mut news);
        assert_eq!(news, [LinkEvent::Removed(id("eth0"))]);
    }

    proptest! {
        #[test]
        fn messages_of_any_bytes_make_no_more_than_a_few_events(
            messages in vec((prop_oneof![Just(RTM_NEWLINK), Just(RTM_DELLINK)], vec(any::<u8>(), 0..80)), 0..20)
        ) {
            let mut links = Links::default();
            for (kind, bytes) in messages {
                prop_assert!(take(&mut links, kind, &bytes).len() <= 4);
            }
        }
    }
}
