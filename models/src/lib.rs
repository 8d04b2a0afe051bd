//! What must hold of the rings, chunks and sockets: one model a subject, each a plain function over words.
//!
//! A model drives the real thing and something obviously right (a queue, counters, a table, wide arithmetic) through
//! the same steps, and panics where they differ. The first word says how everything is set up, each further word is one
//! step; every word means something, so any engine can supply them:
//!
//! - proptest, which shrinks what fails: `tests/properties.rs`, part of `cargo test`;
//! - a seeded generator for as long as you like: `models/long-run.sh`;
//! - libFuzzer, which follows what the code does with the words: `fuzz/run.sh`.
//!
//! | module | what must hold |
//! |---|---|
//! | [`cursor`] | one end of a ring is one end of a bounded queue; impossible words are ignored and counted |
//! | [`ring`] | what comes out of each of the four rings is what went in: in order, once, whole |
//! | [`layout`] | a place is a place: aligned and unaligned, in both encodings, against wide arithmetic |
//! | [`packets`] | packets of several frames are shown whole or not at all, and no packet tears the next one |
//! | [`wake`] | no work lies in a ring while both sides sleep |
//! | [`pools`] | pools, the return path and the custody table lose no chunk and double none |
//! | [`sockets`] | whole sockets over a kernel that keeps the protocol: packets, bytes and chunks are conserved |
//! | [`shared_queue`] | several sockets on one queue: packets, bytes and chunks are conserved as members come and go |
//! | [`edits`] | a frame is a vector of bytes that ends where its chunk ends |
//! | [`hostile_rings`] | a runtime on `xdp-core` against a kernel that breaks the protocol: no chunk has two owners |
//! | [`hostile_socket`] | whole sockets against such a kernel |

#![forbid(unsafe_code)]

pub mod cursor;
pub mod edits;
mod hands;
pub mod hostile_rings;
pub mod hostile_socket;
pub mod layout;
pub mod packets;
pub mod pools;
pub mod ring;
pub mod shared_queue;
pub mod sockets;
mod subject;
pub mod wake;
mod word;

pub use subject::{SUBJECTS, Subject};
pub use word::{Word, splitmix, words_of};
