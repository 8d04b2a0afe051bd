//! What a runtime brings: memory, a socket with its rings, a program that feeds it, and a way to sleep.
//!
//! `unsafe` stands for what the core cannot know: that memory is mapped (K1: as long as its [`Mapping`] lives), that
//! a descriptor is open (K2: as long as its `OwnedFd` lives), that a struct belongs to a command (K3: written beside
//! it).
#![allow(unsafe_code, reason = "system calls, and the memory that they map")]

use std::ffi::CString;
use std::mem::{offset_of, size_of};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

use xdp_core::ring::{ConsumerRing, Entry, ProducerRing, RingMemory, RingOffsets};
use xdp_core::{Desc, Entries, UmemLayout};
use xdp_sys::syscall::{self, *};
use xdp_sys::{Errno, bpf::*, if_xdp::*};

/// Memory from mmap(2).
pub(crate) struct Mapping(NonNull<u8>, usize);

// SAFETY: shared or not, it gives out an address and no access; munmap(2) works from any thread.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Zeroed memory for packets.
    pub(crate) fn anonymous(len: usize) -> Result<Self, Errno> {
        Self::new(len, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    }

    fn new(len: usize, flags: i32, fd: i32, offset: u64) -> Result<Self, Errno> {
        // SAFETY: -1, or the socket that `ring` borrows (K2).
        unsafe { syscall::mmap(len, PROT_READ | PROT_WRITE, flags, fd, offset) }.map(|base| Self(base, len))
    }

    /// The bytes of a frame, which only the owner of the memory can make a slice of: the core knows addresses.
    ///
    /// # Safety
    ///
    /// The frame lies inside one chunk of this memory, and while the slice lives nobody else has that chunk.
    pub(crate) unsafe fn bytes<'a>(&self, frame: Desc) -> &'a mut [u8] {
        // SAFETY: inside the mapping (K1) by the caller's contract.
        let first = unsafe { self.0.add(frame.addr.0 as usize) };
        // SAFETY: mapped (K1) and initialised by mmap(2); nobody else looks, by the caller's contract.
        unsafe { std::slice::from_raw_parts_mut(first.as_ptr(), frame.len as usize) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped by `new` with this length; who has pointers into it owns or borrows this value (K1).
        let _ = unsafe { syscall::munmap(self.0, self.1) };
    }
}

/// An AF_XDP socket that gets every frame of a queue. Fields in the order of dropping: rings before the descriptor,
/// since a ring that is still mapped would keep the queue taken.
pub(crate) struct Socket {
    pub(crate) fill: ProducerRing<u64>,
    pub(crate) completion: ConsumerRing<u64>,
    pub(crate) rx: ConsumerRing<Desc>,
    pub(crate) tx: ProducerRing<Desc>,
    /// The program runs as long as this is open.
    pub(crate) program: Option<OwnedFd>,
    signals: OwnedFd,
    epoll: OwnedFd,
    fd: OwnedFd,
}

impl Socket {
    /// Set-up in the kernel's order: memory, ring sizes, rings, bind, program.
    pub(crate) fn open(
        interface: &str,
        queue: u32,
        (memory, layout): (&Mapping, UmemLayout),
        entries: Entries,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let fd = owned(syscall::socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0)?);
        let raw = fd.as_raw_fd();
        let umem = xdp_umem_reg {
            addr: memory.0.as_ptr().expose_provenance() as u64,
            len: memory.1 as u64,
            chunk_size: layout.chunk_bytes(),
            headroom: layout.headroom(),
            ..Default::default()
        };
        // SAFETY: K2, K3. The kernel may write to the memory: it is nobody's but custody's to give out, and the
        // kernel keeps its pages even should it be unmapped.
        unsafe { syscall::setsockopt(raw, SOL_XDP, XDP_UMEM_REG, &umem) }?;
        for ring in [XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_RX_RING, XDP_TX_RING] {
            // SAFETY: K2, K3: a number.
            unsafe { syscall::setsockopt(raw, SOL_XDP, ring, &entries.get()) }?;
        }
        // SAFETY: K2, K3.
        let (at, _) = unsafe { syscall::getsockopt::<xdp_mmap_offsets>(raw, SOL_XDP, XDP_MMAP_OFFSETS) }?;
        let mut socket = Self {
            fill: ProducerRing::new(ring(&fd, XDP_UMEM_PGOFF_FILL_RING, at.fr, entries)?),
            completion: ConsumerRing::new(ring(&fd, XDP_UMEM_PGOFF_COMPLETION_RING, at.cr, entries)?),
            rx: ConsumerRing::new(ring(&fd, XDP_PGOFF_RX_RING, at.rx, entries)?),
            tx: ProducerRing::new(ring(&fd, XDP_PGOFF_TX_RING, at.tx, entries)?),
            program: None,
            signals: owned(syscall::signals_to_fd(&[SIGINT, SIGTERM])?),
            epoll: owned(syscall::epoll_create()?),
            fd,
        };
        let address = sockaddr_xdp {
            sxdp_family: AF_XDP as u16,
            sxdp_flags: XDP_USE_NEED_WAKEUP,
            sxdp_ifindex: syscall::if_nametoindex(&CString::new(interface)?)?,
            sxdp_queue_id: queue,
            ..Default::default()
        };
        // A queue becomes free some milliseconds after whoever had it has closed his socket.
        let mut tries = 0..100;
        // SAFETY: K2, K3.
        while let Err(errno) = unsafe { syscall::bind(raw, &address) } {
            if errno != Errno::EBUSY || tries.next().is_none() {
                return Err(errno.into());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        for (fd, is_signal) in [(&socket.fd, 0), (&socket.signals, 1)] {
            let event = epoll_event { events: EPOLLIN as u32, u64: is_signal };
            // SAFETY: K2, both.
            unsafe { syscall::epoll_ctl(socket.epoll.as_raw_fd(), EPOLL_CTL_ADD, fd.as_raw_fd(), event) }?;
        }
        socket.program = Some(attach(&address, &socket.fd)?);
        Ok(socket)
    }

    /// Makes the kernel send.
    pub(crate) fn kick_tx(&self) -> Result<(), Errno> {
        // SAFETY: K2.
        progress(unsafe { syscall::send(self.fd.as_raw_fd(), &[], MSG_DONTWAIT) })
    }

    /// Makes the driver look at the fill ring.
    pub(crate) fn kick_rx(&self) -> Result<(), Errno> {
        // SAFETY: K2.
        progress(unsafe { syscall::recv(self.fd.as_raw_fd(), &mut [], MSG_DONTWAIT) })
    }

    /// Sleeps until frames come, and at most so long. Whether a signal came; an error if the interface is gone, of
    /// which no event tells.
    pub(crate) fn wait(&self, timeout: Duration) -> Result<bool, Errno> {
        let mut events = [epoll_event { events: 0, u64: 0 }; 2];
        // SAFETY: K2.
        let n =
            unsafe { syscall::epoll_wait(self.epoll.as_raw_fd(), &mut events, timeout.as_millis() as i32) }?;
        // SAFETY: K2, K3: a number.
        match unsafe { syscall::getsockopt::<i32>(self.fd.as_raw_fd(), SOL_SOCKET, SO_ERROR) }? {
            (0, _) => Ok(events[..n].iter().any(|event| event.u64 == 1)),
            (errno, _) => Err(Errno::from_raw(errno)),
        }
    }
}

/// Maps one ring of a socket.
fn ring<T: Entry>(fd: &OwnedFd, page: u64, at: xdp_ring_offset, n: Entries) -> Result<RingMemory<T>, Errno> {
    let [producer, consumer, flags, entries] =
        [at.producer, at.consumer, at.flags, at.desc].map(|at| at as usize);
    let len = entries + n.get() as usize * size_of::<T>();
    let mapping = Mapping::new(len, MAP_SHARED | MAP_POPULATE, fd.as_raw_fd(), page)?;
    let (base, offsets) = (mapping.0, RingOffsets { producer, consumer, flags, entries });
    // SAFETY: the kernel made this ring, told where its parts lie, and keeps the protocol; the owner keeps it mapped
    // (K1); `open` maps each ring of a new socket once.
    Ok(unsafe { RingMemory::new(base, offsets, n, Arc::new(mapping)) })
}

/// Puts a socket into a map and a program in front of its interface that looks there; the program ends with the
/// descriptor that is returned.
fn attach(address: &sockaddr_xdp, socket: &OwnedFd) -> Result<OwnedFd, Errno> {
    let (queue, socket) = (address.sxdp_queue_id, socket.as_raw_fd());
    let map = bpf_attr_map_create {
        map_type: BPF_MAP_TYPE_XSKMAP,
        key_size: 4,
        value_size: 4,
        max_entries: queue + 1,
        ..Default::default()
    };
    // SAFETY: K3: no address in it.
    let map = owned(unsafe { bpf(BPF_MAP_CREATE, map) }?);
    let (key, value) = (&raw const queue as u64, &raw const socket as u64);
    let element = bpf_attr_map_elem { map_fd: map.as_raw_fd() as u32, key, value, ..Default::default() };
    // SAFETY: K2, K3: key and value are four bytes each, as the map was made, and live here.
    unsafe { bpf(BPF_MAP_UPDATE_ELEM, element) }?;

    let insn = |code, dst, src, off, imm| bpf_insn { code, regs: bpf_insn::regs(dst, src), off, imm };
    let redirect = [
        insn(BPF_LDX | BPF_MEM | BPF_W, 2, 1, offset_of!(xdp_md, rx_queue_index) as i16, 0), // r2 = the queue
        insn(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, map.as_raw_fd()),           // r1 = the map
        insn(0, 0, 0, 0, 0),                                         // ... its upper half
        insn(BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, XDP_PASS as i32), // r3 = for queues without a socket
        insn(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_redirect_map),
        insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
    ];
    let program = bpf_attr_prog_load {
        prog_type: BPF_PROG_TYPE_XDP,
        insn_cnt: redirect.len() as u32,
        insns: redirect.as_ptr() as u64,
        license: c"Dual MIT/GPL".as_ptr() as u64,
        ..Default::default()
    };
    // SAFETY: K2, K3: the instructions live here, the licence for ever.
    let program = owned(unsafe { bpf(BPF_PROG_LOAD, program) }?);
    let (prog_fd, target_ifindex) = (program.as_raw_fd() as u32, address.sxdp_ifindex);
    let link = bpf_attr_link_create { prog_fd, target_ifindex, attach_type: BPF_XDP, flags: 0 };
    // SAFETY: K2, K3: no address in it.
    unsafe { bpf(BPF_LINK_CREATE, link) }.map(owned)
}

/// # Safety
///
/// K3: the struct belongs to the command; what it points to lives, and its descriptors are open, during the call.
unsafe fn bpf<T>(command: i32, mut attr: T) -> Result<i32, Errno> {
    // SAFETY: the struct is a local of that size; the rest is the caller's contract.
    unsafe { xdp_sys::bpf::bpf(command, (&raw mut attr).cast(), size_of::<T>() as u32) }
}

/// A descriptor that a call has just made.
fn owned(fd: i32) -> OwnedFd {
    // SAFETY: every caller passes what a system call has just returned as new: open, and nobody else's.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// What only takes longer, a full queue or a bounded share of work for each call, is no error.
fn progress(result: Result<usize, Errno>) -> Result<(), Errno> {
    match result {
        Ok(_) | Err(Errno::EAGAIN | Errno::EBUSY | Errno::ENOBUFS) => Ok(()),
        Err(errno) => Err(errno),
    }
}
