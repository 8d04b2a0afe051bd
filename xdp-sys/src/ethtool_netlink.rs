//! `linux/ethtool_netlink.h`: the generic netlink family for what drivers can be told. Minimum kernel: 5.6.
//!
//! Features, rings and channels came with 5.7. Answers leave out what a driver does not have.

/// Name of the family.
pub const ETHTOOL_GENL_NAME: &str = "ethtool";
/// Version of the family.
pub const ETHTOOL_GENL_VERSION: u8 = 1;

// Commands: `enum` of the header, `ETHTOOL_MSG_*` of user space.

/// Features: which there are, which are on.
pub const ETHTOOL_MSG_FEATURES_GET: u8 = 11;
/// Turn features on and off.
pub const ETHTOOL_MSG_FEATURES_SET: u8 = 12;
/// Sizes of the NIC's rings.
pub const ETHTOOL_MSG_RINGS_GET: u8 = 15;
/// Change the sizes of the NIC's rings.
pub const ETHTOOL_MSG_RINGS_SET: u8 = 16;
/// Numbers of queues.
pub const ETHTOOL_MSG_CHANNELS_GET: u8 = 17;
/// Change the numbers of queues.
pub const ETHTOOL_MSG_CHANNELS_SET: u8 = 18;
/// How received packets are spread over queues. Minimum kernel: 6.2.
pub const ETHTOOL_MSG_RSS_GET: u8 = 38;

// The nest that each request and each answer begins with; its number is 1 in all of them.

/// Nest: which interface.
pub const ETHTOOL_A_HEADER: u16 = 1;
/// In [`ETHTOOL_A_HEADER`]: index of the interface, a `u32`.
pub const ETHTOOL_A_HEADER_DEV_INDEX: u16 = 1;
/// In [`ETHTOOL_A_HEADER`]: name of the interface, ended by a zero byte.
pub const ETHTOOL_A_HEADER_DEV_NAME: u16 = 2;
/// In [`ETHTOOL_A_HEADER`]: bits that choose the form of the answer, a `u32`.
pub const ETHTOOL_A_HEADER_FLAGS: u16 = 3;

// A set of bits with names.

/// A list of bits instead of values and a mask: what is not listed is off.
pub const ETHTOOL_A_BITSET_NOMASK: u16 = 1;
/// Number of bits, a `u32`.
pub const ETHTOOL_A_BITSET_SIZE: u16 = 2;
/// Nest: the bits, one nest [`ETHTOOL_A_BITSET_BITS_BIT`] each.
pub const ETHTOOL_A_BITSET_BITS: u16 = 3;
/// In [`ETHTOOL_A_BITSET_BITS`]: nest of one bit.
pub const ETHTOOL_A_BITSET_BITS_BIT: u16 = 1;
/// In [`ETHTOOL_A_BITSET_BITS_BIT`]: number of the bit, a `u32`.
pub const ETHTOOL_A_BITSET_BIT_INDEX: u16 = 1;
/// In [`ETHTOOL_A_BITSET_BITS_BIT`]: name of the bit, ended by a zero byte.
pub const ETHTOOL_A_BITSET_BIT_NAME: u16 = 2;
/// In [`ETHTOOL_A_BITSET_BITS_BIT`]: present, without payload, if the bit is on.
pub const ETHTOOL_A_BITSET_BIT_VALUE: u16 = 3;

// Attributes of features: each a set of bits.

/// Features that can be changed, of all that there are.
pub const ETHTOOL_A_FEATURES_HW: u16 = 2;
/// Features that were asked for.
pub const ETHTOOL_A_FEATURES_WANTED: u16 = 3;
/// Features that are on.
pub const ETHTOOL_A_FEATURES_ACTIVE: u16 = 4;
/// Features that can never be changed.
pub const ETHTOOL_A_FEATURES_NOCHANGE: u16 = 5;

// Attributes of rings: `u32` unless said otherwise.

/// Most descriptors of a receive ring.
pub const ETHTOOL_A_RINGS_RX_MAX: u16 = 2;
/// Most descriptors of a transmit ring.
pub const ETHTOOL_A_RINGS_TX_MAX: u16 = 5;
/// Descriptors of a receive ring.
pub const ETHTOOL_A_RINGS_RX: u16 = 6;
/// Descriptors of a transmit ring.
pub const ETHTOOL_A_RINGS_TX: u16 = 9;
/// Length of a receive buffer, in bytes. Minimum kernel: 5.17.
pub const ETHTOOL_A_RINGS_RX_BUF_LEN: u16 = 10;
/// [`ETHTOOL_TCP_DATA_SPLIT_UNKNOWN`] and its neighbours, a `u8`. Minimum kernel: 5.18.
pub const ETHTOOL_A_RINGS_TCP_DATA_SPLIT: u16 = 11;

/// Value of [`ETHTOOL_A_RINGS_TCP_DATA_SPLIT`]: the driver does not say; in a request: let it choose.
pub const ETHTOOL_TCP_DATA_SPLIT_UNKNOWN: u8 = 0;
/// Value of [`ETHTOOL_A_RINGS_TCP_DATA_SPLIT`]: headers and data arrive together.
pub const ETHTOOL_TCP_DATA_SPLIT_DISABLED: u8 = 1;
/// Value of [`ETHTOOL_A_RINGS_TCP_DATA_SPLIT`]: headers arrive in buffers of their own.
pub const ETHTOOL_TCP_DATA_SPLIT_ENABLED: u8 = 2;

// Attributes of channels, each a `u32`.

/// Most channels that only receive.
pub const ETHTOOL_A_CHANNELS_RX_MAX: u16 = 2;
/// Most channels that only send.
pub const ETHTOOL_A_CHANNELS_TX_MAX: u16 = 3;
/// Most channels for other purposes.
pub const ETHTOOL_A_CHANNELS_OTHER_MAX: u16 = 4;
/// Most channels that receive and send.
pub const ETHTOOL_A_CHANNELS_COMBINED_MAX: u16 = 5;
/// Channels that only receive.
pub const ETHTOOL_A_CHANNELS_RX_COUNT: u16 = 6;
/// Channels that only send.
pub const ETHTOOL_A_CHANNELS_TX_COUNT: u16 = 7;
/// Channels for other purposes.
pub const ETHTOOL_A_CHANNELS_OTHER_COUNT: u16 = 8;
/// Channels that receive and send.
pub const ETHTOOL_A_CHANNELS_COMBINED_COUNT: u16 = 9;

// Attributes of the spreading of packets.

/// Number of the table, a `u32`; absent for the interface's own.
pub const ETHTOOL_A_RSS_CONTEXT: u16 = 2;
/// Bits of the hash functions in use, a `u32`: `ETH_RSS_HASH_TOP` and its neighbours.
pub const ETHTOOL_A_RSS_HFUNC: u16 = 3;
/// The table: the queue of each hash value, `u32`s.
pub const ETHTOOL_A_RSS_INDIR: u16 = 4;
/// The key of the hash, bytes.
pub const ETHTOOL_A_RSS_HKEY: u16 = 5;
