//! The rings of a kernel socket: made, measured, mapped.

#![allow(
    unsafe_code,
    reason = "describes the kernel's mappings to the rings, after checking that they lie inside"
)]

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use xdp_core::ring::{ConsumerRing, Entry, ProducerRing, RingMemory, RingOffsets};
use xdp_core::{Desc, Entries};
use xdp_sys::if_xdp::{
    SOL_XDP, XDP_MMAP_OFFSETS, XDP_PGOFF_RX_RING, XDP_PGOFF_TX_RING, XDP_RX_RING, XDP_TX_RING,
    XDP_UMEM_COMPLETION_RING, XDP_UMEM_FILL_RING, XDP_UMEM_PGOFF_COMPLETION_RING, XDP_UMEM_PGOFF_FILL_RING,
    xdp_mmap_offsets, xdp_mmap_offsets_v1, xdp_ring_offset, xdp_ring_offset_v1,
};

use crate::socket::at::At;
use crate::socket::error::{BindError, RingKind, Step};
use crate::socket::gauge::Watches;
use crate::socket::options::RingSizes;
use crate::sys::{self, RingMapping};

/// The rings of a socket; those of a direction that is not used are missing.
#[derive(Debug)]
pub(crate) struct Rings {
    pub(crate) rx: Option<(ConsumerRing<Desc>, ProducerRing<u64>)>,
    pub(crate) tx: Option<(ProducerRing<Desc>, ConsumerRing<u64>)>,
    pub(crate) watches: Watches,
    /// Whether the rings have a flags word. Minimum kernel: 5.4.
    pub(crate) has_flags: bool,
}

/// Makes the rings that have a size, and maps those that are used.
pub(crate) fn make(at: &At<'_>, fd: &OwnedFd, sizes: RingSizes) -> Result<Rings, BindError> {
    let RingSizes { rx, tx, fill, completion } = sizes;
    set_sizes(at, fd, sizes)?;
    let (offsets, has_flags) = read_offsets(at, fd)?;
    let map = Mapper { at, fd };
    let mut rings = Rings { rx: None, tx: None, watches: Watches::default(), has_flags };
    if rx > 0 {
        let ring = map.ring::<Desc>(RingKind::Rx, XDP_PGOFF_RX_RING, offsets.rx, rx)?;
        let fill = map.ring::<u64>(RingKind::Fill, XDP_UMEM_PGOFF_FILL_RING, offsets.fr, fill)?;
        rings.watches.rx = Some(ring.watch());
        rings.watches.fill = Some(fill.watch());
        rings.rx = Some((ConsumerRing::new(ring), ProducerRing::new(fill)));
    }
    if tx > 0 {
        let ring = map.ring::<Desc>(RingKind::Tx, XDP_PGOFF_TX_RING, offsets.tx, tx)?;
        let done =
            map.ring::<u64>(RingKind::Completion, XDP_UMEM_PGOFF_COMPLETION_RING, offsets.cr, completion)?;
        rings.watches.completion = Some(done.watch());
        rings.watches.tx = Some(ring.watch());
        rings.tx = Some((ProducerRing::new(ring), ConsumerRing::new(done)));
    }
    Ok(rings)
}

/// The rings of one owner of a shared queue: the fill and the completion ring. The smallest rx and tx ring are made,
/// since the kernel binds no socket without, and not mapped.
pub(crate) fn make_owner(
    at: &At<'_>,
    fd: &OwnedFd,
    sizes: RingSizes,
) -> Result<(ProducerRing<u64>, ConsumerRing<u64>, bool), BindError> {
    set_sizes(at, fd, sizes)?;
    let (offsets, has_flags) = read_offsets(at, fd)?;
    let map = Mapper { at, fd };
    let fill = map.ring::<u64>(RingKind::Fill, XDP_UMEM_PGOFF_FILL_RING, offsets.fr, sizes.fill)?;
    let done =
        map.ring::<u64>(RingKind::Completion, XDP_UMEM_PGOFF_COMPLETION_RING, offsets.cr, sizes.completion)?;
    Ok((ProducerRing::new(fill), ConsumerRing::new(done), has_flags))
}

/// The rings of a member of a shared queue, those that have a size: it must not have others.
pub(crate) fn make_member(at: &At<'_>, fd: &OwnedFd, sizes: RingSizes) -> Result<MemberRings, BindError> {
    set_sizes(at, fd, RingSizes { fill: 0, completion: 0, ..sizes })?;
    let (offsets, _) = read_offsets(at, fd)?;
    let map = Mapper { at, fd };
    let mut rings = MemberRings::default();
    if sizes.rx > 0 {
        rings.rx =
            Some(ConsumerRing::new(map.ring(RingKind::Rx, XDP_PGOFF_RX_RING, offsets.rx, sizes.rx)?));
    }
    if sizes.tx > 0 {
        rings.tx =
            Some(ProducerRing::new(map.ring(RingKind::Tx, XDP_PGOFF_TX_RING, offsets.tx, sizes.tx)?));
    }
    Ok(rings)
}

/// The rings of a member of a shared queue.
#[derive(Debug, Default)]
pub(crate) struct MemberRings {
    pub(crate) rx: Option<ConsumerRing<Desc>>,
    pub(crate) tx: Option<ProducerRing<Desc>>,
}

/// Whether rings could not be made because the kernel wants the UMEM before them: before 5.10, where there is no
/// sharing.
pub(crate) fn wants_umem_first(error: &BindError) -> bool {
    // The sizes were checked before, so there is nothing else that the kernel could object to.
    matches!(error, BindError::Kernel { step: Step::RingSize(RingKind::Fill), cause, .. }
        if cause.raw_os_error() == Some(libc::EINVAL))
}

/// Makes the rings that have a size.
fn set_sizes(at: &At<'_>, fd: &OwnedFd, sizes: RingSizes) -> Result<(), BindError> {
    let RingSizes { rx, tx, fill, completion } = sizes;
    for (ring, option, entries) in [
        (RingKind::Fill, XDP_UMEM_FILL_RING, fill),
        (RingKind::Completion, XDP_UMEM_COMPLETION_RING, completion),
        (RingKind::Rx, XDP_RX_RING, rx),
        (RingKind::Tx, XDP_TX_RING, tx),
    ] {
        if entries > 0 {
            sys::set_option(fd.as_fd(), SOL_XDP, option, &entries)
                .map_err(|errno| at.error(Step::RingSize(ring), errno))?;
        }
    }
    Ok(())
}

/// Where the parts of the rings lie, and whether there is a flags word among them.
///
/// Kernels up to 5.3 know no flags and answer with a shorter struct. The word behind the consumer's index stands in
/// for them: it is in the mapping and always zero.
fn read_offsets(at: &At<'_>, fd: &OwnedFd) -> Result<(xdp_mmap_offsets, bool), BindError> {
    let failed = |errno| at.error(Step::RingOffsets, errno);
    let (offsets, written) =
        sys::option::<xdp_mmap_offsets>(fd.as_fd(), SOL_XDP, XDP_MMAP_OFFSETS).map_err(failed)?;
    if written >= size_of::<xdp_mmap_offsets>() {
        return Ok((offsets, true));
    }
    let (old, _) =
        sys::option::<xdp_mmap_offsets_v1>(fd.as_fd(), SOL_XDP, XDP_MMAP_OFFSETS).map_err(failed)?;
    let with_flags = |old: xdp_ring_offset_v1| xdp_ring_offset {
        producer: old.producer,
        consumer: old.consumer,
        desc: old.desc,
        flags: old.consumer + 4,
    };
    let [rx, tx, fr, cr] = [old.rx, old.tx, old.fr, old.cr].map(with_flags);
    Ok((xdp_mmap_offsets { rx, tx, fr, cr }, false))
}

struct Mapper<'a> {
    at: &'a At<'a>,
    fd: &'a OwnedFd,
}

impl Mapper<'_> {
    fn ring<T: Entry>(
        &self,
        kind: RingKind,
        page_offset: u64,
        offsets: xdp_ring_offset,
        entries: u32,
    ) -> Result<RingMemory<T>, BindError> {
        let impossible = || BindError::Layout { ring: kind };
        let entries = Entries::new(entries).ok_or(BindError::RingSize { ring: kind, entries })?;
        let offset = |offset: u64, align: usize| {
            usize::try_from(offset)
                .ok()
                .filter(|offset| *offset < 1 << 20 && offset % align == 0)
                .ok_or_else(impossible)
        };
        let offsets = RingOffsets {
            producer: offset(offsets.producer, 4)?,
            consumer: offset(offsets.consumer, 4)?,
            flags: offset(offsets.flags, 4)?,
            entries: offset(offsets.desc, 8)?,
        };
        let len = offsets.entries + entries.get() as usize * size_of::<T>();
        if [offsets.producer, offsets.consumer, offsets.flags].iter().any(|word| word + 4 > len) {
            return Err(impossible());
        }
        let mapping = RingMapping::new(self.fd.as_fd(), len, page_offset)
            .map_err(|errno| self.at.error(Step::MapRing(kind), errno))?;
        let base = mapping.ptr();
        // SAFETY: the mapping is the kernel's ring of this kind, `len` bytes long, initialised and page-aligned; the
        // words and entries lie inside and are aligned by the checks above; the owner keeps it mapped. The kernel
        // keeps the ring's protocol, and this ring is mapped once for each socket, since the descriptor is not given
        // out before the set-up is done.
        Ok(unsafe { RingMemory::new(base, offsets, entries, Arc::new(mapping)) })
    }
}
