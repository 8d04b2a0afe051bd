//! Packets whose every byte follows from a number and a key.

/// Bytes of the shortest packet.
pub(crate) const LEAST: usize = 24;

/// Bytes of the longest packet that fits a chunk of 2 KiB behind the kernel's headroom, and a link of 1500 bytes.
pub(crate) const MOST: usize = 1500;

/// Fills a packet with what follows from `number` and `key`: a frame of nobody's protocol to nobody's address.
pub(crate) fn write(bytes: &mut [u8], number: u64, key: u8) {
    bytes[..12].fill(0x02);
    bytes[12] = 0x88;
    bytes[13] = 0xb5; // an EtherType for experiments
    bytes[14..22].copy_from_slice(&number.to_le_bytes());
    bytes[22] = key;
    for (i, byte) in bytes.iter_mut().enumerate().skip(23) {
        *byte = pattern(number, key, i);
    }
}

/// The number of a packet, all of whose bytes are as they were written.
pub(crate) fn read(bytes: &[u8]) -> u64 {
    assert!(bytes.len() >= LEAST, "a packet of {} bytes", bytes.len());
    let number = u64::from_le_bytes(bytes[14..22].try_into().expect("eight bytes"));
    let key = bytes[22];
    assert_eq!(bytes[..14], [2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0x88, 0xb5], "packet {number} is torn");
    let torn = bytes.iter().enumerate().skip(23).find(|&(i, byte)| *byte != pattern(number, key, i));
    assert_eq!(torn, None, "packet {number} of {} bytes is torn", bytes.len());
    number
}

fn pattern(number: u64, key: u8, i: usize) -> u8 {
    (number as u8).wrapping_mul(29) ^ (number >> 8) as u8 ^ key ^ (i as u8).wrapping_mul(7)
}
