//! AF_XDP rings, descriptors, UMEM geometry and frame ownership, without `std`.
//!
//! This crate is for those who write their own runtime: bring the memory, the system calls and the event loop, and
//! take from here what must be right. Crate `xdp` is built on it and is what an application wants.
//!
//! | module | what it holds |
//! |---|---|
//! | [`cursor`] | index arithmetic of one ring end: wrapping, with a cached view of the other side |
//! | [`ring`] | a cursor over shared memory: [`ProducerRing`] (fill, tx) and [`ConsumerRing`] (rx, completion) |
//! | [`desc`] | descriptors, addresses, options |
//! | [`layout`] | the geometry of a UMEM, and the check of every address that the kernel names |
//! | [`packets`] | packets of several frames: whole or not at all |
//! | [`frames`] | free chunks: pool, return path, custody |
//! | [`wake`] | when the kernel has to be woken |
//! | [`metadata`] | what stands in front of a frame: requests when it is sent, hints when it was received |
#![cfg_attr(
    feature = "fake-kernel",
    doc = "| [`fake`] | the kernel's side of all four rings, over heap memory |"
)]
//!
//! The invariants are stated once, at the head of the module that upholds them: C1 to C3 (`cursor`), R1 to R4 (`ring`),
//! L1 to L5 (`layout`), Q1 (`packets`), F1 and F2 (`frames`), D1 (`metadata`). The atomic accesses are numbered
//! through all modules.
//!
//! ```
//! # #[cfg(feature = "fake-kernel")] {
//! use xdp_core::fake::FakeKernel;
//!
//! let (mut kernel, mut rings) = FakeKernel::new(64).unwrap();
//! assert_eq!(rings.fill.submit_from(&[0, 4096]), 2);        // two chunks to receive into
//! kernel.receive(60, 256);                                  // a packet of 60 bytes arrives
//! let mut batch = rings.rx.peek(64);
//! assert_eq!((batch.len(), batch.get(0).unwrap().len), (1, 60));
//! batch.release(1);
//! # }
//! ```

#![no_std]
#![deny(unsafe_code)] // Opted into by: the files of ring/, fake.rs, and of the models plain.rs and home.rs.

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod cursor;
pub mod desc;
#[cfg(all(feature = "fake-kernel", not(all(test, loom))))]
pub mod fake;
pub mod frames;
pub mod layout;
pub mod metadata;
#[cfg(all(test, loom))]
mod models;
pub mod packets;
// A model checker's atomics cannot be cast out of memory: its build has the cursors, and no rings.
#[cfg(not(all(test, loom)))]
pub mod ring;
mod sync;
pub mod wake;

pub use cursor::Entries;
pub use desc::{Addr, Desc, Options};
pub use layout::{Chunk, ChunkSize, LayoutError, UmemLayout};
#[cfg(not(all(test, loom)))]
pub use ring::{ConsumerRing, ProducerRing, RingMemory, RingOffsets};
pub use wake::WakePolicy;
