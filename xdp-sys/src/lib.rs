//! The kernel's ABI for AF_XDP in Rust.
#![no_std]
#![deny(unsafe_code)]

pub mod bpf;
