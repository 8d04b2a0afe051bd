//! Sets that change while a program runs: the program asks the kernel's map, and so sees every change at once.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use xdp_sys::Errno;
use xdp_sys::bpf::{BPF_F_NO_PREALLOC, BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_LPM_TRIE, BPF_NOEXIST};

use super::bpf::{MapFd, MapShape, ObjectName};
use super::{MissingPrivilege, Prefix};
use crate::sys::io_error;

mod error;
pub(super) mod prefix_key;

pub use error::SetError;
use prefix_key::PrefixKey;

/// A set in the kernel: what is in it is a key of a map, with nothing to it.
#[derive(Debug, Clone)]
struct Set {
    map: Arc<MapFd>,
    capacity: u32,
}

const NOTHING: [u8; 1] = [0];

impl Set {
    fn create(kind: u32, key: usize, capacity: u32, name: &str) -> Result<Self, SetError> {
        if capacity == 0 {
            return Err(SetError::NoCapacity);
        }
        let shape = MapShape { kind, key, value: NOTHING.len(), entries: capacity, flags: BPF_F_NO_PREALLOC };
        let name = ObjectName::new(name).unwrap_or_default();
        let map = MapFd::create(&shape, &name).map_err(|errno| match errno {
            Errno::EPERM => SetError::Permission { missing: MissingPrivilege::of_this_thread() },
            Errno::ENOMEM | Errno::E2BIG => SetError::Memory { capacity },
            errno => SetError::Kernel { step: "make", cause: io_error(errno) },
        })?;
        Ok(Self { map: Arc::new(map), capacity })
    }

    fn insert(&self, key: &[u8]) -> Result<(), SetError> {
        // Never replaced: the kernel uses the memory of a replaced element again at once, and a program that looks at
        // it just then would miss a key that is in the set all the while.
        match self.map.update(key, &NOTHING, BPF_NOEXIST) {
            Ok(()) | Err(Errno::EEXIST) => Ok(()),
            // A hash table says the first when it is full, a trie the second.
            Err(Errno::E2BIG | Errno::ENOSPC) => Err(SetError::Full { capacity: self.capacity }),
            Err(errno) => Err(failed("add to", errno)),
        }
    }

    fn remove(&self, key: &[u8]) -> Result<bool, SetError> {
        found(self.map.delete(key)).map_err(|errno| failed("remove from", errno))
    }

    fn contains(&self, key: &[u8]) -> Result<bool, SetError> {
        found(self.map.lookup(key, &mut [0])).map_err(|errno| failed("look into", errno))
    }

    /// Calls `each` with every key. What is added or removed meanwhile may or may not be seen.
    fn for_each(&self, key: &mut [u8], mut each: impl FnMut(&[u8])) -> Result<(), SetError> {
        let mut before: Option<Vec<u8>> = None;
        // When the key that we stand at is removed the walk starts anew: bounded, whoever removes.
        for _ in 0..u64::from(self.capacity) * 4 {
            match self.map.next_key(before.as_deref(), key) {
                Ok(()) => each(key),
                Err(Errno::ENOENT) => break,
                Err(errno) => return Err(failed("list", errno)),
            }
            before = Some(key.to_vec());
        }
        Ok(())
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.map, &other.map)
    }
}

fn found(answer: xdp_sys::Result<()>) -> xdp_sys::Result<bool> {
    match answer {
        Ok(()) => Ok(true),
        Err(Errno::ENOENT) => Ok(false),
        Err(errno) => Err(errno),
    }
}

fn failed(step: &'static str, errno: Errno) -> SetError {
    match errno {
        Errno::EPERM => SetError::Permission { missing: MissingPrivilege::of_this_thread() },
        errno => SetError::Kernel { step, cause: io_error(errno) },
    }
}

/// A set of ports that can change while programs ask it: every packet after a change sees it.
///
/// A clone is another handle of the same set; a program that asks it keeps it.
///
/// ```no_run
/// use xdp::program::{Filter, PortSet, Program};
///
/// let ports = PortSet::create(64)?;
/// let program = Program::redirect(Filter::udp().dst_port(&ports)).load()?;
/// ports.insert(4433)?;                                  // from now on, without loading anything
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct PortSet(Set);

impl PortSet {
    /// Makes an empty set for up to `capacity` ports.
    ///
    /// Needs `CAP_BPF` (before Linux 5.8 `CAP_SYS_ADMIN`).
    pub fn create(capacity: u32) -> Result<Self, SetError> {
        Set::create(BPF_MAP_TYPE_HASH, size_of::<u16>(), capacity, "xdp_ports").map(Self)
    }

    /// Adds a port. One that is there already stays.
    pub fn insert(&self, port: u16) -> Result<(), SetError> {
        self.0.insert(&port.to_ne_bytes())
    }

    /// Removes a port; whether it was there.
    pub fn remove(&self, port: u16) -> Result<bool, SetError> {
        self.0.remove(&port.to_ne_bytes())
    }

    /// Whether a port is in the set.
    pub fn contains(&self, port: u16) -> Result<bool, SetError> {
        self.0.contains(&port.to_ne_bytes())
    }

    /// All ports. What others add or remove meanwhile may or may not be among them.
    pub fn ports(&self) -> Result<BTreeSet<u16>, SetError> {
        let mut ports = BTreeSet::new();
        self.0.for_each(&mut [0; 2], |key| {
            ports.extend(key.first_chunk().map(|key| u16::from_ne_bytes(*key)));
        })?;
        Ok(ports)
    }

    /// How many ports it can hold.
    pub fn capacity(&self) -> u32 {
        self.0.capacity
    }
}

/// Whether they are handles of the same set.
impl PartialEq for PortSet {
    fn eq(&self, other: &Self) -> bool {
        self.0.is(&other.0)
    }
}

impl Eq for PortSet {}

impl AsFd for PortSet {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.map.as_fd()
    }
}

/// A set of address prefixes, IPv4 and IPv6, that can change while programs ask it: every packet after a change sees
/// it.
///
/// An address is in the set if it is in one of its prefixes, which may overlap. A clone is another handle of the same
/// set; a program that asks it keeps it. Minimum kernel: 4.11, and 4.16 to list them.
#[derive(Debug, Clone)]
pub struct PrefixSet(Set);

impl PrefixSet {
    /// Makes an empty set for up to `capacity` prefixes.
    ///
    /// Needs `CAP_BPF` (before Linux 5.8 `CAP_SYS_ADMIN`).
    pub fn create(capacity: u32) -> Result<Self, SetError> {
        Set::create(BPF_MAP_TYPE_LPM_TRIE, PrefixKey::BYTES, capacity, "xdp_prefixes").map(Self)
    }

    /// Adds a prefix. One that is there already stays.
    pub fn insert(&self, prefix: impl Into<Prefix>) -> Result<(), SetError> {
        let prefix = prefix.into();
        match self.0.insert(&PrefixKey::of(prefix).bytes()) {
            // Older kernels, 5.10 for one, say so of a full trie before they look whether it holds the prefix.
            Err(SetError::Full { .. }) if self.prefixes()?.contains(&prefix) => Ok(()),
            other => other,
        }
    }

    /// Removes a prefix; whether it was there. Others that overlap it stay.
    pub fn remove(&self, prefix: impl Into<Prefix>) -> Result<bool, SetError> {
        self.0.remove(&PrefixKey::of(prefix.into()).bytes())
    }

    /// Whether an address is in one of the prefixes.
    pub fn matches(&self, address: IpAddr) -> Result<bool, SetError> {
        self.0.contains(&PrefixKey::of(address.into()).bytes())
    }

    /// All prefixes. What others add or remove meanwhile may or may not be among them.
    pub fn prefixes(&self) -> Result<BTreeSet<Prefix>, SetError> {
        let mut prefixes = BTreeSet::new();
        self.0.for_each(&mut [0; PrefixKey::BYTES], |key| prefixes.extend(PrefixKey::prefix(key)))?;
        Ok(prefixes)
    }

    /// How many prefixes it can hold.
    pub fn capacity(&self) -> u32 {
        self.0.capacity
    }
}

/// Whether they are handles of the same set.
impl PartialEq for PrefixSet {
    fn eq(&self, other: &Self) -> bool {
        self.0.is(&other.0)
    }
}

impl Eq for PrefixSet {}

impl AsFd for PrefixSet {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.map.as_fd()
    }
}
