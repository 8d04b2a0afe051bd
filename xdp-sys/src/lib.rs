//! The kernel's ABI for AF_XDP in Rust: structs, constants, one thin function per system call. No policy.
//!
//! | module | what | header or call |
//! |---|---|---|
//! | [`errno`] | the number a call fails with | errno(3) |
//! | [`syscall`] | the calls | sections 2 and 3 of the manual |
//! | [`if_xdp`] | AF_XDP: addresses, options, rings, memory | `linux/if_xdp.h` |
//! | [`bpf`] | programs, maps and links | `linux/bpf.h`, bpf(2) |
//! | [`netlink`] | envelope of messages | `linux/netlink.h` |
//! | [`rtnetlink`], [`if_link`] | interfaces | `linux/rtnetlink.h`, `linux/if_link.h` |
//! | [`genetlink`], [`netdev`] | what an interface can do | `linux/genetlink.h`, `linux/netdev.h` |
//! | [`sock_diag`] | sockets of all processes | `linux/xdp_diag.h` |
//! | [`ethtool`], [`ethtool_netlink`] | queues, drivers, features | `linux/ethtool.h`, `linux/ethtool_netlink.h` |
//! | [`ethtool_rxnfc`] | rules that steer received packets | `linux/ethtool.h` |
//! | [`plain`] | types that are nothing but their bytes | |
//!
//! Names are exactly the C spelling, so that the kernel's documentation can be searched for them. Beside each struct
//! stand compile-time assertions of its size, of every offset and of the absence of padding.
//!
//! `unsafe` is denied for the crate; these files opt in: `bpf.rs`, `plain.rs`, `syscall.rs`.
#![no_std]
#![deny(unsafe_code)]

#[macro_use]
mod layout;

pub mod bpf;
pub mod errno;
pub mod ethtool;
pub mod ethtool_netlink;
pub mod ethtool_rxnfc;
pub mod genetlink;
pub mod if_link;
pub mod if_xdp;
pub mod netdev;
pub mod netlink;
pub mod plain;
pub mod rtnetlink;
pub mod sock_diag;
pub mod syscall;

pub use errno::{Errno, Result};
pub use plain::Plain;
