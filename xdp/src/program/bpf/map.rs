//! Maps: made, read and written with keys and values of the size that they have.

use std::mem::size_of;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use xdp_sys::bpf::*;
use xdp_sys::{Errno, Result};

use super::{ObjectName, call, descriptor, object_info, open};

/// What a map shall be like.
#[derive(Debug, Clone, Copy)]
pub(in crate::program) struct MapShape {
    pub(in crate::program) kind: u32,
    pub(in crate::program) key: usize,
    pub(in crate::program) value: usize,
    pub(in crate::program) entries: u32,
    pub(in crate::program) flags: u32,
}

impl MapShape {
    /// The sizes of every socket map: a queue and a descriptor.
    pub(in crate::program) fn sockets(entries: u32) -> Self {
        let word = size_of::<u32>();
        Self { kind: BPF_MAP_TYPE_XSKMAP, key: word, value: word, entries, flags: 0 }
    }
}

/// The descriptor of a map, with the sizes of its keys and values: those that it was made with, or those that the
/// kernel said, which is why the calls below know how many bytes the kernel reads and writes.
///
/// None of the kinds that keep a value for each CPU, whose values take more room than their size says.
#[derive(Debug)]
pub(in crate::program) struct MapFd {
    fd: OwnedFd,
    key: usize,
    value: usize,
}

impl MapFd {
    pub(in crate::program) fn create(shape: &MapShape, name: &ObjectName) -> Result<Self> {
        if ![BPF_MAP_TYPE_XSKMAP, BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_LPM_TRIE]
            .contains(&shape.kind)
        {
            return Err(Errno::EINVAL);
        }
        let mut attr = bpf_attr_map_create {
            map_type: shape.kind,
            key_size: u32::try_from(shape.key).map_err(|_| Errno::EINVAL)?,
            value_size: u32::try_from(shape.value).map_err(|_| Errno::EINVAL)?,
            max_entries: shape.entries,
            map_flags: shape.flags,
            map_name: name.0,
            ..Default::default()
        };
        // SAFETY: the struct belongs to this command and holds no address and no descriptor in use (the inner map's
        // is read for maps of maps only).
        let fd = unsafe { open(BPF_MAP_CREATE, &mut attr) }?;
        Ok(Self { fd, key: shape.key, value: shape.value })
    }

    /// Takes a socket map that somebody else made, with its number of entries. `None` if it is another kind of map,
    /// or no map.
    pub(in crate::program) fn adopt_sockets(fd: OwnedFd) -> Result<Option<(Self, u32)>> {
        let mut info = bpf_map_info::default();
        object_info(fd.as_fd(), &mut info)?;
        let shape = MapShape::sockets(info.max_entries);
        let sizes = (info.key_size as usize, info.value_size as usize);
        // The info of a program or link has another number in this place, or happens to have other sizes.
        if info.r#type != shape.kind || sizes != (shape.key, shape.value) {
            return Ok(None);
        }
        Ok(Some((Self { fd, key: shape.key, value: shape.value }, info.max_entries)))
    }

    /// The kernel's number for it.
    pub(in crate::program) fn id(&self) -> Result<u32> {
        let mut info = bpf_map_info::default();
        object_info(self.fd.as_fd(), &mut info)?;
        Ok(info.id)
    }

    /// Writes an element.
    pub(in crate::program) fn update(&self, key: &[u8], value: &[u8], flags: u64) -> Result<()> {
        self.check(key, value.len())?;
        let mut attr = bpf_attr_map_elem { value: value.as_ptr() as u64, flags, ..self.element(key) };
        // SAFETY: the struct belongs to this command. The kernel reads a key and a value of the map's sizes, which
        // these borrowed ones have, as checked above; the descriptor is open.
        unsafe { call(BPF_MAP_UPDATE_ELEM, &mut attr) }.map(drop)
    }

    /// Reads an element; `ENOENT` if there is none.
    pub(in crate::program) fn lookup(&self, key: &[u8], value: &mut [u8]) -> Result<()> {
        self.check(key, value.len())?;
        let mut attr = bpf_attr_map_elem { value: value.as_mut_ptr() as u64, ..self.element(key) };
        // SAFETY: the struct belongs to this command. The kernel reads a key and writes a value of the map's sizes,
        // which these borrowed ones have, as checked above; no map here has a value for each CPU. The descriptor is
        // open.
        unsafe { call(BPF_MAP_LOOKUP_ELEM, &mut attr) }.map(drop)
    }

    /// Deletes an element.
    pub(in crate::program) fn delete(&self, key: &[u8]) -> Result<()> {
        self.check(key, self.value)?;
        let mut attr = self.element(key);
        // SAFETY: the struct belongs to this command. The kernel reads a key of the map's size, which this borrowed
        // one has, as checked above; the descriptor is open.
        unsafe { call(BPF_MAP_DELETE_ELEM, &mut attr) }.map(drop)
    }

    /// The key after `key`, or the first one; `ENOENT` at the end.
    pub(in crate::program) fn next_key(&self, key: Option<&[u8]>, next: &mut [u8]) -> Result<()> {
        if let Some(key) = key {
            self.check(key, self.value)?;
        }
        self.check(next, self.value)?;
        let mut attr = bpf_attr_map_elem {
            key: key.map_or(0, |key| key.as_ptr() as u64),
            value: next.as_mut_ptr() as u64,
            ..self.element(&[])
        };
        // SAFETY: the struct belongs to this command. The kernel reads a key of the map's size, or none where the
        // address is 0, and writes one, both of which these borrowed ones have room for, as checked above; the
        // descriptor is open.
        unsafe { call(BPF_MAP_GET_NEXT_KEY, &mut attr) }.map(drop)
    }

    fn check(&self, key: &[u8], value: usize) -> Result<()> {
        if key.len() == self.key && value == self.value { Ok(()) } else { Err(Errno::EINVAL) }
    }

    fn element(&self, key: &[u8]) -> bpf_attr_map_elem {
        bpf_attr_map_elem {
            map_fd: descriptor(self.fd.as_fd()),
            key: key.as_ptr() as u64,
            ..Default::default()
        }
    }
}

impl AsFd for MapFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// A map by its number. Needs `CAP_SYS_ADMIN`.
pub(in crate::program) fn map_by_id(id: u32) -> Result<OwnedFd> {
    let mut attr = bpf_attr_get_id { id, ..Default::default() };
    // SAFETY: the struct belongs to this command and holds neither address nor descriptor.
    unsafe { open(BPF_MAP_GET_FD_BY_ID, &mut attr) }
}
