//! Filters, compiled and run by the kernel, against the plain matcher in Rust.
//!
//! `long-run.sh` beside this file runs the comparison for longer.
#![cfg(feature = "lab")]

mod coexist;
mod differential;
mod generate;
mod hints;
mod live;
mod net;
mod packet;
mod privileges;
mod semantics;
mod spread;
mod throughput;
mod wire;
