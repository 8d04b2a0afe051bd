//! `linux/ethtool.h` and `linux/sockios.h`: questions to a driver by ioctl(2).
#![allow(
    non_camel_case_types,
    reason = "C spelling, so that the kernel's documentation can be searched for the name"
)]

/// The ioctl(2) request (`linux/sockios.h`).
pub const SIOCETHTOOL: u32 = 0x8946;

/// Command: [`ethtool_drvinfo`].
pub const ETHTOOL_GDRVINFO: u32 = 0x3;
/// Command: [`ethtool_ringparam`].
pub const ETHTOOL_GRINGPARAM: u32 = 0x10;
/// Command: change what [`ethtool_ringparam`] says.
pub const ETHTOOL_SRINGPARAM: u32 = 0x11;
/// Command: [`ethtool_rxfh_indir`].
pub const ETHTOOL_GRXFHINDIR: u32 = 0x38;
/// Command: [`ethtool_channels`].
pub const ETHTOOL_GCHANNELS: u32 = 0x3c;
/// Command: change what [`ethtool_channels`] says.
pub const ETHTOOL_SCHANNELS: u32 = 0x3d;

/// Which driver serves an interface. Strings end at their first zero byte.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ethtool_drvinfo {
    /// [`ETHTOOL_GDRVINFO`].
    pub cmd: u32,
    /// Short name of the driver.
    pub driver: [u8; 32],
    /// Version of the driver, since 5.6 mostly that of the kernel.
    pub version: [u8; 32],
    /// Version of the firmware.
    pub fw_version: [u8; 32],
    /// Address on the bus.
    pub bus_info: [u8; 32],
    /// Version of the option ROM.
    pub erom_version: [u8; 32],
    /// Not used.
    pub reserved2: [u8; 12],
    /// Number of private flags.
    pub n_priv_flags: u32,
    /// Number of counters.
    pub n_stats: u32,
    /// Number of self-tests.
    pub testinfo_len: u32,
    /// Length of the EEPROM, in bytes.
    pub eedump_len: u32,
    /// Length of the register dump, in bytes.
    pub regdump_len: u32,
}

assert_layout!(ethtool_drvinfo, 196, {
    cmd: u32 => 0, driver: [u8; 32] => 4, version: [u8; 32] => 36, fw_version: [u8; 32] => 68, bus_info: [u8; 32] => 100,
    erom_version: [u8; 32] => 132, reserved2: [u8; 12] => 164, n_priv_flags: u32 => 176, n_stats: u32 => 180,
    testinfo_len: u32 => 184, eedump_len: u32 => 188, regdump_len: u32 => 192,
});

/// How many descriptors the rings of a NIC have and could have.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ethtool_ringparam {
    /// [`ETHTOOL_GRINGPARAM`] or [`ETHTOOL_SRINGPARAM`].
    pub cmd: u32,
    /// Most descriptors of a receive ring.
    pub rx_max_pending: u32,
    /// Most descriptors of a ring for small packets.
    pub rx_mini_max_pending: u32,
    /// Most descriptors of a ring for large packets.
    pub rx_jumbo_max_pending: u32,
    /// Most descriptors of a transmit ring.
    pub tx_max_pending: u32,
    /// Descriptors of a receive ring.
    pub rx_pending: u32,
    /// Descriptors of a ring for small packets.
    pub rx_mini_pending: u32,
    /// Descriptors of a ring for large packets.
    pub rx_jumbo_pending: u32,
    /// Descriptors of a transmit ring.
    pub tx_pending: u32,
}

assert_layout!(ethtool_ringparam, 36, {
    cmd: u32 => 0, rx_max_pending: u32 => 4, rx_mini_max_pending: u32 => 8, rx_jumbo_max_pending: u32 => 12,
    tx_max_pending: u32 => 16, rx_pending: u32 => 20, rx_mini_pending: u32 => 24, rx_jumbo_pending: u32 => 28,
    tx_pending: u32 => 32,
});

/// Room of [`ethtool_rxfh_indir`] for entries, more than any driver has that is asked this way.
pub const RXFH_INDIR_ENTRIES: usize = 4096;

/// How received packets are spread over queues: `struct ethtool_rxfh_indir` with room for its entries.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ethtool_rxfh_indir {
    /// [`ETHTOOL_GRXFHINDIR`].
    pub cmd: u32,
    /// On entry the number of entries that there is room for; 0 asks for their number alone.
    pub size: u32,
    /// The queue of each remainder of a hash.
    pub ring_index: [u32; RXFH_INDIR_ENTRIES],
}

assert_layout!(ethtool_rxfh_indir, 16392, {
    cmd: u32 => 0, size: u32 => 4, ring_index: [u32; RXFH_INDIR_ENTRIES] => 8,
});

/// How many queues an interface has and could have.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ethtool_channels {
    /// [`ETHTOOL_GCHANNELS`] or [`ETHTOOL_SCHANNELS`].
    pub cmd: u32,
    /// Most channels that only receive.
    pub max_rx: u32,
    /// Most channels that only send.
    pub max_tx: u32,
    /// Most channels for other purposes.
    pub max_other: u32,
    /// Most channels that receive and send.
    pub max_combined: u32,
    /// Channels that only receive.
    pub rx_count: u32,
    /// Channels that only send.
    pub tx_count: u32,
    /// Channels for other purposes.
    pub other_count: u32,
    /// Channels that receive and send.
    pub combined_count: u32,
}

assert_layout!(ethtool_channels, 36, {
    cmd: u32 => 0, max_rx: u32 => 4, max_tx: u32 => 8, max_other: u32 => 12, max_combined: u32 => 16, rx_count: u32 => 20,
    tx_count: u32 => 24, other_count: u32 => 28, combined_count: u32 => 32,
});
