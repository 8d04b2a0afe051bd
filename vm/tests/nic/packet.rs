//! Packets that can be told apart: UDP over IPv4, of a length and with bytes that follow from their number.

/// Bytes before the number: Ethernet, IPv4 and UDP.
const HEADERS: usize = 14 + 20 + 8;

/// The shortest packet, without the checksum that the NIC adds: Ethernet's least.
const LEAST: usize = 60;

/// The longest: an MTU of 1500 bytes.
const MOST: usize = 1514;

/// Where a packet goes and where it is from, and the flow that it is of: NICs choose the queue by the addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) from: [u8; 6],
    pub(crate) to: [u8; 6],
    pub(crate) flow: u8,
}

/// Bytes of packet `number`: all lengths come, in a mixed order.
pub(crate) fn len(number: u64) -> usize {
    LEAST + (number as usize * 641) % (MOST - LEAST + 1)
}

/// Writes packet `number` into `len(number)` bytes.
pub(crate) fn write(bytes: &mut [u8], route: Route, number: u64) {
    assert_eq!(bytes.len(), len(number));
    let ip_len = (bytes.len() - 14) as u16;
    bytes[..6].copy_from_slice(&route.to);
    bytes[6..12].copy_from_slice(&route.from);
    bytes[12..14].copy_from_slice(&[0x08, 0x00]);
    let ip = &mut bytes[14..34];
    ip.fill(0);
    ip[0] = 0x45;
    ip[2..4].copy_from_slice(&ip_len.to_be_bytes());
    ip[8..10].copy_from_slice(&[64, 17]);
    // Test networks of RFC 5737.
    ip[12..16].copy_from_slice(&[192, 0, 2, route.flow]);
    ip[16..20].copy_from_slice(&[198, 51, 100, 1]);
    let sum = checksum(ip);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    let udp = &mut bytes[34..HEADERS];
    udp[..2].copy_from_slice(&4433_u16.to_be_bytes());
    udp[2..4].copy_from_slice(&4433_u16.to_be_bytes());
    udp[4..6].copy_from_slice(&(ip_len - 20).to_be_bytes());
    udp[6..].fill(0);
    let (head, body) = bytes[HEADERS..].split_at_mut(8);
    head.copy_from_slice(&number.to_be_bytes());
    for (i, byte) in body.iter_mut().enumerate() {
        *byte = pattern(number, i);
    }
}

/// The number of a packet that took this route, each byte of it checked.
pub(crate) fn read(bytes: &[u8], route: Route) -> u64 {
    assert!(bytes.len() >= LEAST, "{} bytes: {bytes:02x?}", bytes.len());
    let number = u64::from_be_bytes(bytes[HEADERS..HEADERS + 8].try_into().expect("eight bytes"));
    let mut expected = vec![0; len(number)];
    write(&mut expected, route, number);
    assert_eq!(bytes.len(), expected.len(), "packet {number} is whole");
    let differs = (0..expected.len()).find(|&i| bytes[i] != expected[i]);
    assert_eq!(differs, None, "packet {number} is unchanged");
    number
}

/// The flow that a packet is of, by its address.
pub(crate) fn flow(bytes: &[u8]) -> u8 {
    bytes[29]
}

/// Sends a packet back where it came from.
pub(crate) fn swap_macs(bytes: &mut [u8]) {
    let (to, from) = bytes[..12].split_at_mut(6);
    to.swap_with_slice(from);
}

fn pattern(number: u64, i: usize) -> u8 {
    (number as usize).wrapping_mul(31).wrapping_add(i.wrapping_mul(7)) as u8
}

/// The checksum of an IPv4 header whose own field is zero (RFC 1071).
fn checksum(header: &[u8]) -> u16 {
    let words = header.chunks_exact(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])));
    let sum: u32 = words.sum();
    !((sum & 0xffff) + (sum >> 16)) as u16
}
