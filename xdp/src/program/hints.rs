//! What a driver knows of a packet, asked by the program and put in front of the packet.
//!
//! The program calls the kernel's metadata functions, which it may because it is bound to one device, collects what
//! they say on its stack in the layout of [`RxHints`], and copies that to where the socket's owner reads it.

use std::fmt;
use std::mem::offset_of;

use xdp_core::metadata::{FromMetadata, RxHints};
use xdp_sys::bpf::xdp_md;

use super::{AluOp, Assembler, Condition, Helper, Instruction, Register, Size, btf};
use crate::device::RxMetadata;

use Register::{R0, R1, R2, R3, R4, R6, R9, R10};

/// One of the things that a driver may know of a packet: see [`RxHints`](crate::metadata::RxHints).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RxHint {
    /// When it arrived. Minimum kernel: 6.3.
    #[doc(alias = "bpf_xdp_metadata_rx_timestamp")]
    Timestamp,
    /// The hash that chose its queue. Minimum kernel: 6.3.
    #[doc(alias = "bpf_xdp_metadata_rx_hash")]
    Hash,
    /// The VLAN tag that was taken off it. Minimum kernel: 6.8.
    #[doc(alias = "bpf_xdp_metadata_rx_vlan_tag")]
    Vlan,
}

impl RxHint {
    pub(super) const ALL: [Self; 3] = [Self::Timestamp, Self::Hash, Self::Vlan];

    /// The kernel's function that gives it.
    const fn function(self) -> &'static str {
        match self {
            Self::Timestamp => "bpf_xdp_metadata_rx_timestamp",
            Self::Hash => "bpf_xdp_metadata_rx_hash",
            Self::Vlan => "bpf_xdp_metadata_rx_vlan_tag",
        }
    }

    const fn bit(self) -> u32 {
        match self {
            Self::Timestamp => RxHints::TIMESTAMP,
            Self::Hash => RxHints::HASH,
            Self::Vlan => RxHints::VLAN,
        }
    }

    /// Where the function's arguments behind the context point to, in bytes from the start of the metadata.
    const fn places(self) -> &'static [usize] {
        match self {
            Self::Timestamp => &[RxHints::TIMESTAMP_AT],
            Self::Hash => &[RxHints::HASH_AT, RxHints::HASH_TYPE_AT],
            Self::Vlan => &[RxHints::VLAN_PROTOCOL_AT, RxHints::VLAN_TCI_AT],
        }
    }

    /// What the kernel says of an interface's driver.
    pub(super) fn is_told_by(self, driver: RxMetadata) -> Option<bool> {
        match self {
            Self::Timestamp => driver.timestamp(),
            Self::Hash => driver.hash(),
            Self::Vlan => driver.vlan_tag(),
        }
    }

    /// The first kernel that has the function.
    pub(super) const fn since(self) -> &'static str {
        match self {
            Self::Timestamp | Self::Hash => "6.3",
            Self::Vlan => "6.8",
        }
    }
}

impl fmt::Display for RxHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timestamp => "timestamp",
            Self::Hash => "hash",
            Self::Vlan => "VLAN tag",
        })
    }
}

/// The functions of the running kernel that give hints: for each its number in the kernel's BTF.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct HintFunctions([Option<i32>; RxHint::ALL.len()]);

impl HintFunctions {
    pub(super) fn of_this_kernel() -> Self {
        Self(btf::kernel_functions(RxHint::ALL.map(RxHint::function)))
    }

    pub(super) fn has(&self, hint: RxHint) -> bool {
        self.each().any(|(each, _)| each == hint)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.each().next().is_none()
    }

    fn each(&self) -> impl Iterator<Item = (RxHint, i32)> {
        RxHint::ALL.into_iter().zip(self.0).filter_map(|(hint, number)| Some((hint, number?)))
    }

    /// The beginning of a program that finds its context in r1 as if nothing had been in front of it.
    pub(super) fn prologue(&self) -> Vec<Instruction> {
        if self.is_empty() {
            return Vec::new();
        }
        let mut program = Assembler::new();
        program.push(Instruction::mov(R6, R1));
        self.emit(&mut program);
        program.push(Instruction::mov(R1, R6));
        // No jump but to a label that `emit` binds behind it, and a short one.
        program.finish().unwrap_or_default()
    }

    /// Appends what writes the hints of the packet, given its context in r6. r0 to r5 and r9 are lost, and so are
    /// pointers into the packet. A packet in front of which there is no room goes on without them.
    pub(super) fn emit(&self, program: &mut Assembler) {
        if self.is_empty() {
            return;
        }
        // What a function leaves unwritten is told from hints by its bit, but the verifier wants to see it written.
        for at in (0..LEN).step_by(8) {
            program.push(Instruction::store(Size::Double, R10, STACK + at, 0));
        }
        program.push(Instruction::mov(R9, RxHints::MARK as i32));
        for (hint, function) in self.each() {
            let missing = program.label();
            program.push(Instruction::mov(R1, R6));
            for (argument, &at) in [R2, R3].into_iter().zip(hint.places()) {
                program.push(Instruction::mov(argument, R10));
                program.push(Instruction::alu(AluOp::Add, argument, i32::from(STACK) + at as i32));
            }
            program.push(Instruction::call_kernel(function));
            // An int: the upper half of the register says nothing.
            program.jump32_if(Condition::NotEqual, R0, 0, missing);
            program.push(Instruction::alu(AluOp::Or, R9, hint.bit() as i32));
            program.bind(missing);
        }
        program.push(Instruction::store(Size::Word, R10, STACK + RxHints::VALID_AT as i16, R9));
        let full = program.label();
        program.push(Instruction::mov(R1, R6));
        program.push(Instruction::mov(R2, -i32::from(LEN)));
        program.push(Instruction::call(Helper::AdjustMeta));
        program.jump_if(Condition::NotEqual, R0, 0, full);
        program.push(Instruction::load(Size::Word, R2, R6, offset_of!(xdp_md, data_meta) as i16));
        program.push(Instruction::load(Size::Word, R3, R6, offset_of!(xdp_md, data) as i16));
        program.push(Instruction::mov(R1, R2));
        program.push(Instruction::alu(AluOp::Add, R1, i32::from(LEN)));
        // Never so, but the verifier does not know what the helper has done.
        program.jump_if(Condition::Greater, R1, R3, full);
        for at in (0..LEN).step_by(8) {
            program.push(Instruction::load(Size::Double, R4, R10, STACK + at));
            program.push(Instruction::store(Size::Double, R2, at, R4));
        }
        program.bind(full);
    }
}

/// Bytes of the metadata.
const LEN: i16 = RxHints::LEN as i16;
/// Where it is collected, in bytes from r10: below the fields that rules look at.
const STACK: i16 = super::compile::LOWEST_FIELD - LEN;
const _: () = assert!(LEN % 8 == 0 && STACK % 8 == 0 && STACK >= -512);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_without_the_functions_gets_no_instructions() {
        assert!(HintFunctions::default().prologue().is_empty());
    }

    #[test]
    fn only_the_functions_that_a_kernel_has_are_called() {
        let functions = HintFunctions([Some(70), None, Some(90)]);
        let text: Vec<_> = functions.prologue().iter().map(ToString::to_string).collect();
        let calls: Vec<_> = text.iter().filter(|line| line.starts_with("call")).collect();
        let expected = ["call kernel-function#70", "call kernel-function#90", "call bpf_xdp_adjust_meta#54"];
        assert_eq!(calls, expected);
        assert_eq!((&*text[0], text.last().map(|line| &**line)), ("r6 = r1", Some("r1 = r6")));
    }
}
