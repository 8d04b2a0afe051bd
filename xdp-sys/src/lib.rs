//! The kernel's ABI for AF_XDP in Rust: structs, constants, one thin function per system call. No policy.
//!
//! | module | what | header or call |
//! |---|---|---|
//! | [`errno`] | the number a call fails with | errno(3) |
//! | [`bpf`] | programs, maps and links | `linux/bpf.h`, bpf(2) |
//!
//! Names are exactly the C spelling, so that the kernel's documentation can be searched for them. Beside each struct
//! stand compile-time assertions of its size, of every offset and of the absence of padding.
//!
//! `unsafe` is denied for the crate; these files opt in: none yet.
#![no_std]
#![deny(unsafe_code)]

pub mod bpf;
pub mod errno;

pub use errno::{Errno, Result};
