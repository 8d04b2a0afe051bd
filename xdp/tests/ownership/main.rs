//! Ownership across threads: sockets, workers and NICs on threads of their own, at random, and each chunk in exactly
//! one place whenever all of them stand still.
//!
//! Every run has a seed, which is printed when it fails; `XDP_TEST_SEED=n` runs that one alone.
#![cfg(all(feature = "fake-kernel", feature = "lab"))]
#![allow(
    clippy::drop_non_drop,
    clippy::forget_non_drop,
    reason = "whether a batch does anything when it is dropped is not for these tests to know"
)]

mod crew;
mod drops;
mod fake;
mod gate;
mod hunger;
mod journal;
mod mailbox;
mod observer;
mod packet;
mod random;
mod site;
mod veth;
