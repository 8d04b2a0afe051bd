//! A socket made by hand, which publishes whatever a test wants: the rings of `xdp-core`, the calls of `xdp-sys`, and
//! no rule in between.
//!
//! - W1 the memory of the UMEM and of the rings is mapped as long as the socket lives, or longer.
//! - W2 nothing here is ever a reference into the UMEM: its bytes are copied in and out by pointer.

#![allow(unsafe_code, reason = "makes a socket by hand (W1, W2)")]

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Instant;

use xdp::Interface;
use xdp_core::ring::{ConsumerRing, Entry, ProducerRing, RingMemory, RingOffsets};
use xdp_core::{ChunkSize, Desc, Entries, UmemLayout};
use xdp_sys::if_xdp::{
    AF_XDP, SOL_XDP, XDP_COPY, XDP_MMAP_OFFSETS, XDP_PGOFF_RX_RING, XDP_PGOFF_TX_RING, XDP_RX_RING,
    XDP_STATISTICS, XDP_TX_RING, XDP_UMEM_COMPLETION_RING, XDP_UMEM_FILL_RING,
    XDP_UMEM_PGOFF_COMPLETION_RING, XDP_UMEM_PGOFF_FILL_RING, XDP_UMEM_REG, sockaddr_xdp, xdp_mmap_offsets,
    xdp_ring_offset, xdp_statistics, xdp_umem_reg,
};
use xdp_sys::{Errno, Plain, syscall};

use crate::PATIENCE;

/// Entries of each ring.
const ENTRIES: u32 = 64;

/// A socket with four rings and a UMEM of 2 KiB chunks.
pub(crate) struct RawSocket {
    // Rings that stay mapped keep the queue bound, so they go before the descriptor.
    pub(crate) fill: ProducerRing<u64>,
    pub(crate) completion: ConsumerRing<u64>,
    pub(crate) rx: ConsumerRing<Desc>,
    pub(crate) tx: ProducerRing<Desc>,
    pub(crate) layout: UmemLayout,
    pub(crate) fd: OwnedFd,
    memory: Mapping,
}

impl RawSocket {
    /// A socket bound to queue 0 of an interface, in copy mode; nothing is in any ring.
    pub(crate) fn bind(interface: &str, chunks: u32) -> Self {
        let layout = UmemLayout::new(ChunkSize::K2, chunks, 0).unwrap();
        let raw = syscall::socket(AF_XDP, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0).unwrap();
        // SAFETY: the kernel has just returned this descriptor to us, so it is open and nobody else's.
        let fd = unsafe { OwnedFd::from_raw_fd(raw) };
        let memory = Mapping::new(layout.bytes(), libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0);
        let shape = xdp_umem_reg {
            addr: memory.base.as_ptr().expose_provenance() as u64,
            len: layout.bytes() as u64,
            chunk_size: layout.chunk_bytes(),
            ..xdp_umem_reg::default()
        };
        // The memory is a mapping of ours that holds no Rust value, so the kernel may write to it as it likes (W2).
        set(&fd, XDP_UMEM_REG, &shape);
        for ring in [XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_RX_RING, XDP_TX_RING] {
            set(&fd, ring, &ENTRIES);
        }
        let offsets = get::<xdp_mmap_offsets>(&fd, XDP_MMAP_OFFSETS);
        let socket = Self {
            fill: ProducerRing::new(ring(&fd, XDP_UMEM_PGOFF_FILL_RING, offsets.fr)),
            completion: ConsumerRing::new(ring(&fd, XDP_UMEM_PGOFF_COMPLETION_RING, offsets.cr)),
            rx: ConsumerRing::new(ring(&fd, XDP_PGOFF_RX_RING, offsets.rx)),
            tx: ProducerRing::new(ring(&fd, XDP_PGOFF_TX_RING, offsets.tx)),
            layout,
            memory,
            fd,
        };
        let address = sockaddr_xdp {
            sxdp_family: AF_XDP as u16,
            sxdp_flags: XDP_COPY,
            sxdp_ifindex: Interface::by_name(interface).unwrap().index(),
            ..sockaddr_xdp::default()
        };
        let deadline = Instant::now() + PATIENCE;
        loop {
            // SAFETY: the descriptor is open: `socket` owns it.
            match unsafe { syscall::bind(socket.fd.as_raw_fd(), &address) } {
                Ok(()) => return socket,
                // The kernel lets go of the last socket some time after it was closed, and has no event for it.
                Err(Errno::EBUSY) if Instant::now() < deadline => std::thread::yield_now(),
                Err(errno) => panic!("{interface}: {errno}"),
            }
        }
    }

    /// Copies bytes into the UMEM.
    pub(crate) fn write(&mut self, addr: u64, bytes: &[u8]) {
        assert!(addr as usize + bytes.len() <= self.layout.bytes());
        // SAFETY: the bytes end inside the mapping by the check above (W1).
        let target = unsafe { self.memory.base.add(addr as usize) };
        // SAFETY: as above; nothing of ours refers to that memory (W2), and the test writes only to chunks that it has
        // not handed over.
        unsafe { target.as_ptr().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    }

    /// sendto(2) without data: makes the kernel send.
    pub(crate) fn kick(&self) -> Result<(), Errno> {
        // SAFETY: the descriptor is open: we own it.
        unsafe { syscall::send(self.fd.as_raw_fd(), &[], libc::MSG_DONTWAIT) }.map(drop)
    }

    /// The kernel's counters.
    pub(crate) fn statistics(&self) -> xdp_statistics {
        get(&self.fd, XDP_STATISTICS)
    }
}

fn set<T: Plain>(fd: &OwnedFd, name: i32, value: &T) {
    // SAFETY: the descriptor is open, and the one value that names memory, the UMEM's, names a mapping that outlives the
    // socket's use of it: the kernel pins its pages (W1).
    unsafe { syscall::setsockopt(fd.as_raw_fd(), SOL_XDP, name, value) }.unwrap();
}

fn get<T: Plain>(fd: &OwnedFd, name: i32) -> T {
    // SAFETY: the descriptor is open.
    unsafe { syscall::getsockopt(fd.as_raw_fd(), SOL_XDP, name) }.unwrap().0
}

/// Maps one ring.
fn ring<T: Entry>(fd: &OwnedFd, page_offset: u64, offsets: xdp_ring_offset) -> RingMemory<T> {
    let offsets = RingOffsets {
        producer: offsets.producer as usize,
        consumer: offsets.consumer as usize,
        flags: offsets.flags as usize,
        entries: offsets.desc as usize,
    };
    let len = offsets.entries + ENTRIES as usize * size_of::<T>();
    let mapping = Mapping::new(len, libc::MAP_SHARED | libc::MAP_POPULATE, fd.as_raw_fd(), page_offset);
    let base = mapping.base;
    // SAFETY: the mapping is the kernel's ring of `ENTRIES` entries, whose words and entries lie where the kernel has
    // said, page-aligned and initialised; the owner keeps it mapped (W1), and each ring is mapped once.
    unsafe { RingMemory::new(base, offsets, Entries::new(ENTRIES).unwrap(), Arc::new(mapping)) }
}

/// A mapped range; unmapped on drop.
#[derive(Debug)]
pub(crate) struct Mapping {
    pub(crate) base: NonNull<u8>,
    len: usize,
}

impl Mapping {
    pub(crate) fn new(len: usize, flags: i32, fd: i32, offset: u64) -> Self {
        // SAFETY: the descriptor is -1, or one that the caller has open.
        let base = unsafe { syscall::mmap(len, libc::PROT_READ | libc::PROT_WRITE, flags, fd, offset) };
        Self { base: base.unwrap(), len }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range came from `mmap` with this length, and who uses it holds this value.
        unsafe { syscall::munmap(self.base, self.len) }.unwrap();
    }
}

// SAFETY: a mapping is addresses only; unmapping works from any thread.
unsafe impl Send for Mapping {}

// SAFETY: a shared mapping gives no access.
unsafe impl Sync for Mapping {}
