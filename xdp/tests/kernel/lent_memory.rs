//! A UMEM in memory that others have mapped, too.

#![allow(unsafe_code, reason = "lends memory, and looks at it from the side")]

use std::ffi::CStr;
use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd};
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use xdp::{ChunkSize, Mode, Receive, Socket, Umem, UmemBuilder, UmemError};

use crate::raw::Mapping;
use crate::{PATIENCE, QUEUE, enter, lab, umem};

const CHUNKS: u32 = 64;
const BYTES: usize = CHUNKS as usize * 2048;
const NAME: &CStr = c"packets";

/// Memory as one process hands it to another by its descriptor.
fn memory_file(len: usize) -> File {
    // SAFETY: the name ends with a zero byte and lives during the call.
    let fd = unsafe { libc::memfd_create(NAME.as_ptr(), libc::MFD_CLOEXEC) };
    assert!(fd >= 0, "{}", std::io::Error::last_os_error());
    // SAFETY: the kernel has just returned this descriptor to us, so it is open and nobody else's.
    let file = unsafe { File::from_raw_fd(fd) };
    file.set_len(len as u64).unwrap();
    file
}

fn map(file: &File, len: usize) -> Mapping {
    Mapping::new(len, libc::MAP_SHARED, file.as_raw_fd(), 0)
}

fn builder() -> UmemBuilder {
    Umem::builder().chunks(CHUNKS).chunk_size(ChunkSize::K2)
}

/// Says when the memory is not needed any more.
struct Lent(#[expect(dead_code, reason = "keeps the memory mapped")] Mapping, Arc<AtomicBool>);

impl Drop for Lent {
    fn drop(&mut self) {
        self.1.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_packet_can_be_read_by_whoever_shares_the_memory_and_the_memory_comes_back() {
    let test = "a_packet_can_be_read_by_whoever_shares_the_memory_and_the_memory_comes_back";
    let Some(lab) = lab(test) else { return };
    let (_inside, a, b) = enter(&lab);
    let file = memory_file(BYTES);
    let (ours, theirs) = (map(&file, BYTES), map(&file, BYTES));
    let is_back = Arc::new(AtomicBool::new(false));
    let base = ours.base;
    // SAFETY: the memory is mapped as long as `ours` is, which the UMEM owns; it was zeroed. The other mapping is only
    // read from, while this test holds the frame in question and does not write to it.
    let lent = unsafe { builder().build_on(base, BYTES, Lent(ours, Arc::clone(&is_back))) }.unwrap();
    let mut tx = Socket::builder(&umem(64)).mode(Mode::Copy).bind_tx(&a, QUEUE).unwrap();
    let mut rx =
        Socket::builder(&lent).receive(Receive::Everything).mode(Mode::Copy).bind_rx(&b, QUEUE).unwrap();
    for round in 0..100u8 {
        let mut frame = tx.alloc().unwrap();
        frame.extend(200).unwrap().fill(round);
        tx.send(frame).unwrap();
        tx.flush(PATIENCE).unwrap();
        assert!(rx.wait(PATIENCE).unwrap());
        let frame = rx.recv(1).next().unwrap();
        let offset = frame.chunk().0 as usize * 2048 + 256;
        // SAFETY: the frame's bytes lie there in the other mapping, too, and nobody writes to them now.
        let seen = unsafe { slice::from_raw_parts(theirs.base.as_ptr().wrapping_add(offset), 200) };
        assert_eq!((seen, &frame[..]), (&[round; 200][..], &[round; 200][..]));
    }
    assert!(lent.accounting().is_balanced(), "{}", lent.accounting());
    drop(rx);
    assert!(!is_back.load(Ordering::SeqCst), "the handle keeps it");
    drop(lent);
    assert!(is_back.load(Ordering::SeqCst));
}

#[test]
fn memory_that_does_not_do_is_refused_and_comes_back() {
    let file = memory_file(BYTES);
    for (skip, len) in [(0, BYTES - 1), (2048, BYTES)] {
        let (memory, is_back) = (map(&file, BYTES), Arc::new(AtomicBool::new(false)));
        // SAFETY: it lies in the mapping, or at its end.
        let base = unsafe { memory.base.add(skip) };
        // SAFETY: nothing is used of memory that is refused.
        let refused = unsafe { builder().build_on(base, len, Lent(memory, Arc::clone(&is_back))) };
        match refused.unwrap_err() {
            UmemError::ShortMemory { len, needed } => assert_eq!((len, needed), (BYTES - 1, BYTES)),
            UmemError::UnalignedMemory => assert_eq!(skip, 2048),
            other => panic!("{other}"),
        }
        assert!(is_back.load(Ordering::SeqCst));
    }
}
