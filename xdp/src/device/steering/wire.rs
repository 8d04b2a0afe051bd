//! Rules as the kernel has them: `struct ethtool_rx_flow_spec`, and back.

use std::net::IpAddr;

use xdp_sys::Plain;
use xdp_sys::ethtool_rxnfc::{
    ETHER_FLOW, ETHTOOL_RX_FLOW_SPEC_RING, ETHTOOL_RX_FLOW_SPEC_RING_VF, FLOW_EXT, FLOW_MAC_EXT,
    RX_CLS_FLOW_DISC, TCP_V4_FLOW, TCP_V6_FLOW, UDP_V4_FLOW, UDP_V6_FLOW, ethhdr, ethtool_rx_flow_spec,
    ethtool_tcpip4_spec, ethtool_tcpip6_spec,
};

use super::{FlowKind, FlowMatch, FlowTarget};
use crate::QueueId;

/// The bits of a VLAN tag that are its number; the others are priorities.
const VLAN_ID: u16 = 0x0fff;
const MAC: [u8; 6] = [0xff; 6];

/// The rule for the kernel. Where it goes and its location are left to the caller.
pub(super) fn encode(matches: &FlowMatch) -> ethtool_rx_flow_spec {
    let mut spec = ethtool_rx_flow_spec::zeroed();
    let port =
        |port: Option<u16>| (port.unwrap_or(0).to_be_bytes(), [if port.is_some() { 0xff } else { 0 }; 2]);
    let (psrc, psrc_mask) = port(matches.source_port);
    let (pdst, pdst_mask) = port(matches.destination_port);
    spec.flow_type = match matches.kind {
        FlowKind::Udp4 => UDP_V4_FLOW,
        FlowKind::Tcp4 => TCP_V4_FLOW,
        FlowKind::Udp6 => UDP_V6_FLOW,
        FlowKind::Tcp6 => TCP_V6_FLOW,
        FlowKind::Ethernet => ETHER_FLOW,
    };
    match matches.kind {
        FlowKind::Udp4 | FlowKind::Tcp4 => {
            let (ip4src, src_mask) = address::<4>(matches.source);
            let (ip4dst, dst_mask) = address::<4>(matches.destination);
            let value = ethtool_tcpip4_spec { ip4src, ip4dst, psrc, pdst, ..Default::default() };
            let mask = ethtool_tcpip4_spec {
                ip4src: src_mask,
                ip4dst: dst_mask,
                psrc: psrc_mask,
                pdst: pdst_mask,
                ..Default::default()
            };
            put(&mut spec, &value, &mask);
        }
        FlowKind::Udp6 | FlowKind::Tcp6 => {
            let (ip6src, src_mask) = address::<16>(matches.source);
            let (ip6dst, dst_mask) = address::<16>(matches.destination);
            let value = ethtool_tcpip6_spec { ip6src, ip6dst, psrc, pdst, ..Default::default() };
            let mask = ethtool_tcpip6_spec {
                ip6src: src_mask,
                ip6dst: dst_mask,
                psrc: psrc_mask,
                pdst: pdst_mask,
                ..Default::default()
            };
            put(&mut spec, &value, &mask);
        }
        FlowKind::Ethernet => {
            let mask = |is_there: bool| if is_there { MAC } else { [0; 6] };
            let value = ethhdr {
                h_dest: matches.destination_mac.unwrap_or_default(),
                h_source: matches.source_mac.unwrap_or_default(),
                h_proto: matches.ethertype.unwrap_or(0).to_be_bytes(),
            };
            let mask = ethhdr {
                h_dest: mask(matches.destination_mac.is_some()),
                h_source: mask(matches.source_mac.is_some()),
                h_proto: [if matches.ethertype.is_some() { 0xff } else { 0 }; 2],
            };
            put(&mut spec, &value, &mask);
        }
    }
    if let Some(id) = matches.vlan {
        spec.flow_type |= FLOW_EXT;
        spec.h_ext.vlan_tci = id.to_be_bytes();
        spec.m_ext.vlan_tci = VLAN_ID.to_be_bytes();
    }
    if let (Some(mac), false) = (matches.destination_mac, matches.kind == FlowKind::Ethernet) {
        spec.flow_type |= FLOW_MAC_EXT;
        spec.h_ext.h_dest = mac;
        spec.m_ext.h_dest = MAC;
    }
    spec
}

/// Where the kernel is to send the packets.
pub(super) fn encode_target(target: FlowTarget) -> u64 {
    match target {
        FlowTarget::Queue(queue) => queue.0.into(),
        FlowTarget::Drop => RX_CLS_FLOW_DISC,
        FlowTarget::Other(cookie) => cookie,
    }
}

pub(super) fn decode_target(cookie: u64) -> FlowTarget {
    let queue = u32::try_from(cookie & ETHTOOL_RX_FLOW_SPEC_RING).unwrap_or(u32::MAX);
    match cookie {
        RX_CLS_FLOW_DISC => FlowTarget::Drop,
        _ if cookie & (ETHTOOL_RX_FLOW_SPEC_RING | ETHTOOL_RX_FLOW_SPEC_RING_VF) != cookie => {
            FlowTarget::Other(cookie)
        }
        _ if cookie & ETHTOOL_RX_FLOW_SPEC_RING_VF != 0 => FlowTarget::Other(cookie),
        _ => FlowTarget::Queue(QueueId(queue)),
    }
}

/// What a rule of the kernel matches; `None` if it is more than a [`FlowMatch`] can say, which others may have added.
pub(super) fn decode(spec: &ethtool_rx_flow_spec) -> Option<FlowMatch> {
    let kind = match spec.flow_type & !(FLOW_EXT | FLOW_MAC_EXT) {
        UDP_V4_FLOW => FlowKind::Udp4,
        TCP_V4_FLOW => FlowKind::Tcp4,
        UDP_V6_FLOW => FlowKind::Udp6,
        TCP_V6_FLOW => FlowKind::Tcp6,
        ETHER_FLOW => FlowKind::Ethernet,
        _ => return None,
    };
    let mut matches = FlowMatch::new(kind);
    match kind {
        FlowKind::Udp4 | FlowKind::Tcp4 => {
            let (value, mask) = take::<ethtool_tcpip4_spec>(spec)?;
            matches.source = network(value.ip4src, mask.ip4src);
            matches.destination = network(value.ip4dst, mask.ip4dst);
            matches.source_port = number(value.psrc, mask.psrc)?;
            matches.destination_port = number(value.pdst, mask.pdst)?;
        }
        FlowKind::Udp6 | FlowKind::Tcp6 => {
            let (value, mask) = take::<ethtool_tcpip6_spec>(spec)?;
            matches.source = network(value.ip6src, mask.ip6src);
            matches.destination = network(value.ip6dst, mask.ip6dst);
            matches.source_port = number(value.psrc, mask.psrc)?;
            matches.destination_port = number(value.pdst, mask.pdst)?;
        }
        FlowKind::Ethernet => {
            let (value, mask) = take::<ethhdr>(spec)?;
            matches.source_mac = mac(value.h_source, mask.h_source)?;
            matches.destination_mac = mac(value.h_dest, mask.h_dest)?;
            matches.ethertype = number(value.h_proto, mask.h_proto)?;
        }
    }
    if spec.flow_type & FLOW_EXT != 0 {
        let tag = u16::from_be_bytes(spec.h_ext.vlan_tci);
        matches.vlan = match u16::from_be_bytes(spec.m_ext.vlan_tci) {
            0 => None,
            VLAN_ID => Some(tag & VLAN_ID),
            _ => return None,
        };
    }
    if spec.flow_type & FLOW_MAC_EXT != 0 && kind != FlowKind::Ethernet {
        matches.destination_mac = mac(spec.h_ext.h_dest, spec.m_ext.h_dest)?;
    }
    // The type of service, user data, the type of a VLAN tag, a field in part: only what reads back whole was said.
    let again = encode(&matches);
    let is_all = again.m_u == spec.m_u && again.m_ext == spec.m_ext;
    is_all.then_some(matches)
}

fn put<T: Plain>(spec: &mut ethtool_rx_flow_spec, value: &T, mask: &T) {
    spec.h_u[..size_of::<T>()].copy_from_slice(value.as_bytes());
    spec.m_u[..size_of::<T>()].copy_from_slice(mask.as_bytes());
}

fn take<T: Plain>(spec: &ethtool_rx_flow_spec) -> Option<(T, T)> {
    Some((T::read(&spec.h_u)?, T::read(&spec.m_u)?))
}

/// An address and its mask. What the mask leaves out is zero, as drivers want it.
fn address<const N: usize>(network: Option<(IpAddr, u8)>) -> ([u8; N], [u8; N]) {
    let (mut value, mut mask) = ([0; N], [0; N]);
    let Some((address, prefix)) = network else { return (value, mask) };
    let octets = match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    for (i, octet) in octets.iter().take(N).enumerate() {
        let ones = usize::from(prefix).saturating_sub(i * 8).min(8);
        mask[i] = !(0xff_u16 >> ones) as u8;
        value[i] = octet & mask[i];
    }
    (value, mask)
}

/// The reverse, going by the ones that the mask begins with. Whether there are others the caller sees.
fn network<const N: usize>(value: [u8; N], mask: [u8; N]) -> Option<(IpAddr, u8)> {
    let whole = mask.iter().take_while(|&&byte| byte == 0xff).count();
    let prefix = 8 * whole as u32 + mask.get(whole).map_or(0, |byte| byte.leading_ones());
    let address = <[u8; 4]>::try_from(&value[..]).map(IpAddr::from);
    let address = address.or_else(|_| <[u8; 16]>::try_from(&value[..]).map(IpAddr::from)).ok()?;
    (prefix > 0).then_some((address, prefix as u8))
}

/// `None` if only part of the number counts, and `Some(None)` if nothing does.
fn number(value: [u8; 2], mask: [u8; 2]) -> Option<Option<u16>> {
    match mask {
        [0, 0] => Some(None),
        [0xff, 0xff] => Some(Some(u16::from_be_bytes(value))),
        _ => None,
    }
}

fn mac(value: [u8; 6], mask: [u8; 6]) -> Option<Option<[u8; 6]>> {
    match mask {
        [0, 0, 0, 0, 0, 0] => Some(None),
        MAC => Some(Some(value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::array::uniform4;
    use proptest::option;
    use proptest::prelude::*;
    use xdp_sys::ethtool_rxnfc::{ETHTOOL_SRXCLSRLINS, RX_CLS_LOC_ANY, ethtool_rxnfc};

    use super::*;
    use crate::device::steering::FlowRule;

    /// The whole argument of the command that adds a rule, as hexadecimal digits.
    fn argument(rule: &FlowRule, location: u32) -> String {
        let mut fs = encode(&rule.matches);
        fs.ring_cookie = encode_target(rule.target);
        fs.location = location;
        let whole = ethtool_rxnfc { cmd: ETHTOOL_SRXCLSRLINS, fs, ..ethtool_rxnfc::zeroed() };
        whole.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn digits(text: &str) -> String {
        text.split_whitespace().collect()
    }

    // The bytes below were written by a C compiler from assignments to the structs of linux/ethtool.h, on a little-endian
    // machine.

    #[test]
    #[cfg(target_endian = "little")]
    fn a_rule_about_udp_is_byte_for_byte_what_c_writes() {
        let rule = FlowRule::udp4().src_net(Ipv4Addr::new(10, 1, 2, 3), 16).dst_port(4433).vlan(42);
        let expected = "32000000000000000000000000000000020000800a010000000000000000115100000000000000000000000000000000 \
         00000000000000000000000000000000000000000000000000000000000000000000002a0000000000000000ffff0000 \
         000000000000ffff00000000000000000000000000000000000000000000000000000000000000000000000000000000 \
         000000000000000000000fff000000000000000000000000030000000000000007000000000000000000000000000000";
        assert_eq!(argument(&rule.to_queue(QueueId(3)), 7), digits(expected));
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn a_rule_about_tcp_over_ipv6_is_byte_for_byte_what_c_writes() {
        let address = "fd00::1".parse::<Ipv6Addr>().expect("an address");
        let rule = FlowRule::tcp6().dst(address).src_port(80).dst_mac([2, 0, 0, 0, 0, 1]);
        let expected = "320000000000000000000000000000000500004000000000000000000000000000000000fd0000000000000000000000 \
         000000010050000000000000000000000000000000000000000002000000000100000000000000000000000000000000 \
         000000000000000000000000ffffffffffffffffffffffffffffffffffff000000000000000000000000000000000000 \
         0000ffffffffffff00000000000000000000000000000000ffffffffffffffffffffffff000000000000000000000000";
        assert_eq!(argument(&rule.to_nowhere(), RX_CLS_LOC_ANY), digits(expected));
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn a_rule_about_an_ethertype_is_byte_for_byte_what_c_writes() {
        let rule = FlowRule::ethernet().ethertype(0x88f7).to_queue(QueueId(1));
        let expected = "320000000000000000000000000000001200000000000000000000000000000088f70000000000000000000000000000 \
         000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000 \
         0000000000000000ffff0000000000000000000000000000000000000000000000000000000000000000000000000000 \
         00000000000000000000000000000000000000000000000001000000000000000f000000000000000000000000000000";
        assert_eq!(argument(&rule, 15), digits(expected));
    }

    #[test]
    fn a_rule_that_says_more_than_we_can_is_not_taken_for_less() {
        let mut spec = encode(&FlowRule::udp4().dst_port(53));
        assert!(decode(&spec).is_some());
        // The type of service counts too.
        spec.m_u[12] = 0xff;
        assert_eq!(decode(&spec), None);
        let mut spec = encode(&FlowRule::udp4().dst(Ipv4Addr::LOCALHOST));
        spec.m_u[4..8].copy_from_slice(&[0xff, 0xf0, 0xff, 0]);
        assert_eq!(decode(&spec), None, "no prefix");
        let mut spec = encode(&FlowRule::udp4());
        spec.flow_type = 0x0d;
        assert_eq!(decode(&spec), None, "IPv4 without ports");
    }

    #[test]
    fn a_target_that_is_no_queue_of_the_interface_is_kept_as_it_is() {
        assert_eq!(decode_target(3), FlowTarget::Queue(QueueId(3)));
        assert_eq!(decode_target(u64::MAX), FlowTarget::Drop);
        for other in [u64::MAX - 1, 2 << 32 | 3] {
            assert_eq!(decode_target(other), FlowTarget::Other(other));
            assert_eq!(encode_target(FlowTarget::Other(other)), other);
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(
            which in 0_u8..5,
            ports in (option::of(any::<u16>()), option::of(any::<u16>())),
            networks in (option::of((uniform4(any::<u32>()), 1_u8..=128)), option::of((uniform4(any::<u32>()), 1_u8..=128))),
            vlan in option::of(0_u16..4096),
            macs in (option::of(any::<[u8; 6]>()), option::of(any::<[u8; 6]>())),
            ethertype in option::of(any::<u16>()),
        ) {
            let network = |network: Option<([u32; 4], u8)>, is_v6: bool| {
                let (words, prefix) = network?;
                let whole = words.iter().fold(0_u128, |whole, word| whole << 32 | u128::from(*word));
                Some(if is_v6 {
                    (IpAddr::from(Ipv6Addr::from(whole & u128::MAX << (128 - u32::from(prefix)))), prefix)
                } else {
                    let prefix = prefix.clamp(1, 32);
                    (IpAddr::from(Ipv4Addr::from(words[0] & u32::MAX << (32 - u32::from(prefix)))), prefix)
                })
            };
            let kinds = [FlowKind::Udp4, FlowKind::Tcp4, FlowKind::Udp6, FlowKind::Tcp6, FlowKind::Ethernet];
            let kind = kinds[usize::from(which)];
            let mut matches = FlowMatch { vlan, destination_mac: macs.1, ..FlowMatch::new(kind) };
            if kind == FlowKind::Ethernet {
                matches = FlowMatch { source_mac: macs.0, ethertype, ..matches };
            } else {
                let is_v6 = matches!(kind, FlowKind::Udp6 | FlowKind::Tcp6);
                matches.source = network(networks.0, is_v6);
                matches.destination = network(networks.1, is_v6);
                matches.source_port = ports.0;
                matches.destination_port = ports.1;
            }
            prop_assert_eq!(matches.fault(), None);
            prop_assert_eq!(decode(&encode(&matches)), Some(matches));
        }

        #[test]
        fn a_rule_of_any_bytes_does_not_panic_and_reads_back_as_it_was_understood(bytes: [[u8; 8]; 21]) {
            let spec = ethtool_rx_flow_spec::read(bytes.as_flattened()).expect("of that size");
            if let Some(matches) = decode(&spec) {
                prop_assert_eq!(matches.fault(), None);
                prop_assert_eq!(decode(&encode(&matches)), Some(matches));
            }
        }
    }
}
