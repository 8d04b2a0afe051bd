//! Which interface the default route leaves by.

use xdp_sys::Plain;
use xdp_sys::rtnetlink::{
    RT_TABLE_MAIN, RTA_MULTIPATH, RTA_OIF, RTA_PRIORITY, RTA_TABLE, RTM_F_CLONED, RTM_GETROUTE, RTN_UNICAST,
    rtmsg, rtnexthop,
};

use super::netlink::{Attributes, NetlinkSocket, Protocol, Request};
use super::{Interface, InterfaceError};

/// The interface of the default route, of IPv4 before IPv6.
pub(crate) fn default_interface() -> Result<Option<Interface>, InterfaceError> {
    let failed = |cause| InterfaceError::Query { what: "the default route".into(), cause };
    let mut socket = NetlinkSocket::open(Protocol::Route).map_err(failed)?;
    for family in [libc::AF_INET, libc::AF_INET6] {
        let header = rtmsg { rtm_family: family as u8, ..rtmsg::default() };
        let request = Request::dump(RTM_GETROUTE).fixed(&header);
        // A router knows a million routes: only those to everywhere are kept.
        let answers = socket.request_some(&request, leads_everywhere).map_err(failed)?;
        let routes = answers.iter().filter_map(|answer| DefaultRoute::read(&answer.payload));
        // Of equal ones the kernel takes the one that it lists first, and so does `min_by_key`.
        let Some(route) = routes.min_by_key(|route| route.metric) else { continue };
        if let Some(interface) = Interface::query_index(&mut socket, route.interface).map_err(failed)? {
            return Ok(Some(interface));
        }
    }
    Ok(None)
}

fn leads_everywhere(payload: &[u8]) -> bool {
    rtmsg::read(payload).is_some_and(|route| route.rtm_dst_len == 0)
}

/// A route to everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DefaultRoute {
    interface: u32,
    metric: u32,
}

impl DefaultRoute {
    /// Reads the payload of `RTM_NEWROUTE`; `None` if it is no default route that packets take without a rule of
    /// their own.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let (header, attributes) = Attributes::after::<rtmsg>(payload)?;
        let number = |kind| attributes.find(kind).and_then(|attribute| attribute.value::<u32>());
        let table = number(RTA_TABLE).unwrap_or(header.rtm_table.into());
        let counts = header.rtm_dst_len == 0
            && header.rtm_src_len == 0
            && header.rtm_type == RTN_UNICAST
            && header.rtm_flags & RTM_F_CLONED == 0
            && table == RT_TABLE_MAIN;
        let several = || attributes.find(RTA_MULTIPATH).and_then(|ways| rtnexthop::read(ways.payload));
        let first = || several().and_then(|way| u32::try_from(way.rtnh_ifindex).ok());
        let interface = number(RTA_OIF).or_else(first).filter(|&index| index != 0)?;
        counts.then_some(Self { interface, metric: number(RTA_PRIORITY).unwrap_or(0) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::device::netlink::Body;
    use crate::device::netlink::script::attributes;

    fn route(header: rtmsg, fill: impl FnOnce(&mut Body)) -> Option<DefaultRoute> {
        let bytes = attributes(|body| {
            body.fixed(&header);
            fill(body);
        });
        DefaultRoute::read(&bytes)
    }

    const TO_EVERYWHERE: rtmsg = rtmsg {
        rtm_family: 2,
        rtm_dst_len: 0,
        rtm_src_len: 0,
        rtm_tos: 0,
        rtm_table: 254,
        rtm_protocol: 0,
        rtm_scope: 0,
        rtm_type: RTN_UNICAST,
        rtm_flags: 0,
    };

    #[test]
    fn what_packets_do_not_take_without_a_rule_is_no_default_route() {
        let leave = |body: &mut Body| body.value(RTA_OIF, &7_u32);
        let plain = DefaultRoute { interface: 7, metric: 0 };
        assert_eq!(route(TO_EVERYWHERE, leave), Some(plain));
        for other in [
            rtmsg { rtm_dst_len: 24, ..TO_EVERYWHERE },
            rtmsg { rtm_src_len: 64, ..TO_EVERYWHERE },
            rtmsg { rtm_table: 77, ..TO_EVERYWHERE },
            rtmsg { rtm_type: 7, ..TO_EVERYWHERE },
            rtmsg { rtm_flags: RTM_F_CLONED, ..TO_EVERYWHERE },
        ] {
            assert_eq!(route(other, leave), None, "{other:?}");
        }
        assert_eq!(route(TO_EVERYWHERE, |_| {}), None, "a route to nowhere");
        let large_table = route(rtmsg { rtm_table: 252, ..TO_EVERYWHERE }, |body| {
            leave(body);
            body.value(RTA_TABLE, &RT_TABLE_MAIN);
        });
        assert_eq!(large_table, Some(plain), "the attribute counts and not the byte");
    }

    #[test]
    fn the_first_of_several_ways_is_taken() {
        let several = route(TO_EVERYWHERE, |body| {
            let way = |interface| rtnexthop { rtnh_len: 8, rtnh_ifindex: interface, ..rtnexthop::default() };
            body.bytes(RTA_MULTIPATH, &[way(9).as_bytes(), way(7).as_bytes()].concat());
            body.value(RTA_PRIORITY, &100_u32);
        });
        assert_eq!(several, Some(DefaultRoute { interface: 9, metric: 100 }));
        assert_eq!(route(TO_EVERYWHERE, |body| body.bytes(RTA_MULTIPATH, &[8, 0])), None, "cut short");
    }

    proptest! {
        #[test]
        fn a_route_read_from_any_bytes_does_not_panic(payload in vec(any::<u8>(), 0..80)) {
            let _ = DefaultRoute::read(&payload);
        }
    }
}
