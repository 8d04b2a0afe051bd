//! The packets that are sent: Ethernet, IPv4 and UDP with right checksums, a number and a pattern as payload.

use anyhow::{Context, ensure};
use etherparse::{PacketBuilder, SlicedPacket, TransportSlice};

/// Bytes of the headers: 14 of Ethernet, 20 of IPv4, 8 of UDP.
const HEADERS: usize = 42;

/// Bytes of the packet's number, which begins the payload.
const NUMBER: usize = 8;

/// Bytes of the smallest packet: its headers and its number.
pub const SMALLEST: usize = HEADERS + NUMBER;

/// From and to networks that are set aside for measurements (RFC 2544), to the port that discards.
const SOURCE: [u8; 4] = [198, 18, 0, 1];
const DESTINATION: [u8; 4] = [198, 19, 0, 1];
const DISCARD: u16 = 9;

/// A hardware address that no NIC has: locally administered, and readable in a capture.
pub const NOBODY: [u8; 6] = [0x02, b'x', b'd', b'p', 0xff, 0xff];

/// Packets of one size between two hardware addresses.
#[derive(Debug, Clone)]
pub struct Packets {
    from: [u8; 6],
    to: [u8; 6],
    payload: Vec<u8>,
}

impl Packets {
    /// Packets of `size` bytes, Ethernet header included.
    pub fn new(from: [u8; 6], to: [u8; 6], size: usize) -> anyhow::Result<Self> {
        ensure!(
            size >= SMALLEST,
            "a packet of {size} bytes cannot be: its headers and its number take {SMALLEST}"
        );
        ensure!(size <= 65_535, "a packet of {size} bytes cannot be: UDP ends at 65535");
        Ok(Self { from, to, payload: vec![0; size - HEADERS] })
    }

    /// Bytes of each packet.
    pub fn size(&self) -> usize {
        HEADERS + self.payload.len()
    }

    /// Writes packet `number` into `bytes`, which are as many as [`Packets::size`] says.
    pub fn write(&mut self, number: u64, mut bytes: &mut [u8]) -> anyhow::Result<()> {
        let (front, pattern) = self.payload.split_at_mut(NUMBER);
        front.copy_from_slice(&number.to_be_bytes());
        (0..).zip(pattern).for_each(|(i, byte)| *byte = pattern_at(number, i));
        PacketBuilder::ethernet2(self.from, self.to)
            .ipv4(SOURCE, DESTINATION, 64)
            .udp(DISCARD, DISCARD)
            .write(&mut bytes, &self.payload)
            .context("cannot build a packet")
    }

    /// The bytes of packet 0, for those who send the same over and over.
    pub fn first(&mut self) -> anyhow::Result<Vec<u8>> {
        let mut bytes = vec![0; self.size()];
        self.write(0, &mut bytes)?;
        Ok(bytes)
    }
}

/// The number of a packet that arrived whole: headers, UDP checksum and every byte of the payload are right.
pub fn number_of(bytes: &[u8]) -> Option<u64> {
    let packet = SlicedPacket::from_ethernet(bytes).ok()?;
    let Some(TransportSlice::Udp(udp)) = &packet.transport else { return None };
    let header = udp.to_header();
    if header.calc_checksum_ipv4_raw(SOURCE, DESTINATION, udp.payload()) != Ok(header.checksum) {
        return None;
    }
    let (number, pattern) = udp.payload().split_first_chunk()?;
    let number = u64::from_be_bytes(*number);
    (0..).zip(pattern).all(|(i, byte)| *byte == pattern_at(number, i)).then_some(number)
}

/// Byte `i` of the pattern behind the number: another one in each packet, so that a stale chunk is noticed.
fn pattern_at(number: u64, i: u64) -> u8 {
    number.wrapping_mul(31).wrapping_add(i) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_tells_its_number_and_one_with_a_wrong_byte_does_not() {
        let mut packets = Packets::new(NOBODY, NOBODY, 128).unwrap();
        let mut bytes = vec![0; packets.size()];
        packets.write(77, &mut bytes).unwrap();
        assert_eq!(number_of(&bytes), Some(77));
        for place in 14..bytes.len() {
            let mut broken = bytes.clone();
            broken[place] ^= 1;
            // Of the headers, those fields are checked that decide where the payload lies, and the addresses by the
            // UDP checksum.
            if place >= HEADERS {
                assert_eq!(number_of(&broken), None, "byte {place}");
            }
        }
    }

    #[test]
    fn a_size_that_no_packet_has_is_refused() {
        assert!(Packets::new(NOBODY, NOBODY, 49).is_err());
        assert!(Packets::new(NOBODY, NOBODY, 50).is_ok());
        assert!(Packets::new(NOBODY, NOBODY, 65_536).is_err());
    }
}
