//! XDP programs: what decides, for every packet of an interface, whether a socket or the kernel's stack gets it.
//!
//! Instructions are assembled here and loaded through bpf(2): there is no compiler, no object file and no C library in
//! between. The program that [`Program::redirect_all`] loads is all of this:
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
//! An [`Attachment`] is a bpf_link: the program leaves the interface when it is dropped, and when the process dies,
//! however it dies. Driver mode runs the program before a socket buffer exists, generic mode after it, slower, on every
//! interface. Somebody else's program is never replaced.
//!
//! The only file here with `unsafe` is `bpf.rs`: bpf(2) takes addresses.

mod action;
mod attach;
mod attach_error;
mod bpf;
mod driver_refusal;
mod foreign;
mod instruction;
mod load;
mod loaded;
mod map;
mod privilege;
mod redirect;
mod verifier_log;

pub use action::Action;
pub use attach::{AttachMode, AttachedMode, Attachment};
pub use attach_error::AttachError;
pub use driver_refusal::DriverRefusal;
pub use foreign::ForeignProgram;
pub use instruction::{AluOp, Condition, Helper, Instruction, Operand, Register, Size};
pub use load::{LoadError, ProgramBuilder};
pub use loaded::{Program, TestRunError};
pub use map::{MapCreateError, MapError, XskMap};
pub use privilege::MissingPrivilege;
pub use verifier_log::VerifierLog;
