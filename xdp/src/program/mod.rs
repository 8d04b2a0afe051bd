//! XDP programs: what decides, for every packet of an interface, whether a socket or the kernel's stack gets it.
//!
//! Instructions are assembled here and loaded through bpf(2): there is no compiler, no object file and no C library
//! in between. The program that [`Program::redirect_all`] loads is all of this:
//!
//! ```text
//!  r2 = *(u32 *)(r1 +16)       the queue that the packet came in by (context->rx_queue_index)
//!  r1 = map[xsks_map] ll       the map from queue to socket
//!  r3 = 2                      XDP_PASS: what happens if that queue has no socket
//!  call bpf_redirect_map#51    r0 = XDP_REDIRECT, or r3
//!  exit
//!
//!            ┌────────────────────── slot holds a socket ──► its rx ring (XDP_REDIRECT)
//!  packet ─ queue n ─► xsks_map[n]
//!            └────────────────────── slot is empty ────────► the kernel's network stack (XDP_PASS)
//! ```
//!
//! [`Program::redirect`] takes what a [`Filter`] matches and leaves the rest to the stack, SSH and ARP included;
//! several filters with a verdict each are [`Rules`], which count what they match. Ports and prefixes that change
//! while the program runs are in a [`PortSet`] or [`PrefixSet`]. [`ProgramBuilder::instructions`] shows what comes of
//! it.
//!
//! What the driver knows of a packet, when it arrived for example, is put in front of those that go to a socket by
//! [`ProgramBuilder::rx_metadata`].
//!
//! An [`Attachment`] is a bpf_link: the program leaves the interface when it is dropped, and when the process dies,
//! however it dies. Driver mode runs the program before a socket buffer exists, generic mode after it, slower, on
//! every interface. Somebody else's program is never replaced.
//!
//! # Together with other loaders
//!
//! A map or program is the kernel's, whoever made it, and each side takes what the other has by descriptor, by number
//! or by pin:
//!
//! | made by | used by | how |
//! |---|---|---|
//! | bpftool, libbpf, libxdp, aya | sockets of this library | [`XskMap::from_fd`], [`XskMap::by_id`], [`XskMap::open`] (a pin); then [`XskMap::insert`], or `AsFd` of the socket for the other side |
//! | this library | bpftool, libbpf, aya | `AsFd`, `id` or `pin` of [`XskMap`] and [`Program`]: `bpftool map show id N`, `aya::maps::MapData::from_pin` |
//! | this library | an interface, attached by bpftool | [`Program::pin`], then `bpftool net attach xdp pinned PATH dev NAME` |
//!
//! An interface with somebody else's program is left alone: [`AttachError`] names that program. To receive all the same,
//! join its map as above, or take it off with the tool that put it there (`xdp-loader unload NAME --all`). The other way
//! round, `xdp-loader` refuses to replace a program of this library. Tested with bpftool 7.1,
//! xdp-loader 1.3 and aya 0.14; how libxdp chains several programs was not at hand.
//!
//! The only files here with `unsafe` are `bpf.rs` and `bpf/map.rs`: bpf(2) takes addresses.

mod action;
mod assembler;
mod attach;
mod attach_error;
mod bpf;
mod btf;
mod compile;
mod counters;
mod driver_refusal;
mod filter;
mod foreign;
mod hints;
mod hook;
mod instruction;
mod load;
mod load_error;
mod loaded;
mod map;
mod pin;
mod privilege;
mod redirect;
mod replace_error;
mod rules;
mod sets;
mod verifier_log;

pub use action::Action;
pub use assembler::{AssembleError, Assembler, Label};
pub use attach::{AttachMode, AttachedMode, Attachment};
pub use attach_error::AttachError;
pub use compile::CompileError;
pub use counters::Counters;
pub use driver_refusal::DriverRefusal;
pub use filter::{Filter, Fragments, Ports, Prefix, PrefixError, Prefixes};
pub use foreign::ForeignProgram;
pub use hints::RxHint;
pub use instruction::{AluOp, Condition, Helper, Instruction, Operand, Register, Size};
pub use load::ProgramBuilder;
pub use load_error::LoadError;
pub use loaded::{Program, TestRunError};
pub use map::{MapCreateError, MapError, MapOpenError, XskMap};
pub use pin::{Pin, PinError};
pub use privilege::MissingPrivilege;
pub use replace_error::ReplaceError;
pub use rules::{Rules, Spread, Target, Verdict};
pub use sets::{PortSet, PrefixSet, SetError};
pub use verifier_log::VerifierLog;
