//! How many packets each rule has decided about.

use std::io;

use xdp_sys::Result;
use xdp_sys::bpf::BPF_MAP_TYPE_ARRAY;

use super::bpf::{MapFd, MapShape, ObjectName};
use super::compile::Layout;

/// How many packets each rule has decided about since the program was loaded, read at one moment while it goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Packets of each rule, in the order of the rules. A packet that found no socket in its slot counts too.
    pub rules: Vec<u64>,
    /// Packets that no rule matched.
    pub otherwise: u64,
}

/// The counters in the kernel: a map of one value, which the program writes to directly.
#[derive(Debug)]
pub(super) struct CounterMap {
    pub(super) map: MapFd,
    layout: Layout,
}

impl CounterMap {
    pub(super) fn create(layout: Layout) -> Result<Self> {
        let shape = MapShape {
            kind: BPF_MAP_TYPE_ARRAY,
            key: size_of::<u32>(),
            value: layout.bytes(),
            entries: 1,
            flags: 0,
        };
        let name = ObjectName::new("xdp_counters").unwrap_or_default();
        Ok(Self { map: MapFd::create(&shape, &name)?, layout })
    }

    pub(super) fn read(&self) -> io::Result<Counters> {
        let mut value = vec![0; self.layout.bytes()];
        self.map.lookup(&0_u32.to_ne_bytes(), &mut value).map_err(crate::sys::io_error)?;
        let (rules, otherwise) = self.layout.read(&value);
        Ok(Counters { rules, otherwise })
    }
}
