//! eBPF instructions: one type, a constructor per form that a packet program needs, and a line of text for each.
//!
//! Not here: whether a program makes sense. The kernel's verifier decides that, and a wrong program is refused with
//! its log (see [`LoadError`](super::LoadError)), so nothing here can harm the machine.
//!
//! An instruction is 8 bytes: an opcode, two register numbers of 4 bits, an offset and an immediate. A 64-bit
//! immediate takes two of them, and counts as two wherever a jump counts. Reference: kernel
//! `Documentation/bpf/standardization/instruction-set.rst`.

use std::os::fd::{AsRawFd, BorrowedFd};

use xdp_sys::bpf::{self, bpf_insn};

mod operand;
#[cfg(test)]
mod tests;
mod text;

pub use operand::{AluOp, Condition, Helper, Operand, Register, Size};

/// One eBPF instruction, or one half of a 64-bit immediate.
///
/// ```
/// use xdp::program::{Instruction, Register, Size};
///
/// let queue = Instruction::load(Size::Word, Register::R2, Register::R1, 16);
/// assert_eq!(queue.to_string(), "r2 = *(u32 *)(r1 +16)");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct Instruction(bpf_insn);

impl Instruction {
    /// `dst = source`, 64 bits; an immediate is sign-extended.
    pub fn mov(dst: Register, source: impl Into<Operand>) -> Self {
        Self::arithmetic(bpf::BPF_ALU64, bpf::BPF_MOV, dst, source.into())
    }

    /// `dst = dst op source`, 64 bits; an immediate is sign-extended.
    pub fn alu(op: AluOp, dst: Register, source: impl Into<Operand>) -> Self {
        Self::arithmetic(bpf::BPF_ALU64, op as u8, dst, source.into())
    }

    /// `dst = source`, 32 bits; the upper half of `dst` becomes zero.
    pub fn mov32(dst: Register, source: impl Into<Operand>) -> Self {
        Self::arithmetic(bpf::BPF_ALU, bpf::BPF_MOV, dst, source.into())
    }

    /// `dst = dst op source`, 32 bits; the upper half of `dst` becomes zero.
    pub fn alu32(op: AluOp, dst: Register, source: impl Into<Operand>) -> Self {
        Self::arithmetic(bpf::BPF_ALU, op as u8, dst, source.into())
    }

    /// Converts the low bytes of `dst` between network and machine order and clears the rest.
    ///
    /// A byte is the same in both orders: with [`Size::Byte`] only the clearing is left.
    pub fn network_order(dst: Register, size: Size) -> Self {
        match size {
            Size::Byte => Self::alu(AluOp::And, dst, 0xff),
            Size::Half | Size::Word | Size::Double => {
                Self::new(bpf::BPF_ALU | bpf::BPF_END | bpf::BPF_TO_BE, dst, None, 0, size.bytes() * 8)
            }
        }
    }

    /// `dst = *(base + offset)`, zero-extended; `offset` in bytes.
    pub fn load(size: Size, dst: Register, base: Register, offset: i16) -> Self {
        Self::new(bpf::BPF_LDX | bpf::BPF_MEM | size as u8, dst, Some(base), offset, 0)
    }

    /// `*(base + offset) = source`; `offset` in bytes.
    pub fn store(size: Size, base: Register, offset: i16, source: impl Into<Operand>) -> Self {
        match source.into() {
            Operand::Immediate(value) => {
                Self::new(bpf::BPF_ST | bpf::BPF_MEM | size as u8, base, None, offset, value)
            }
            Operand::Register(source) => {
                Self::new(bpf::BPF_STX | bpf::BPF_MEM | size as u8, base, Some(source), offset, 0)
            }
        }
    }

    /// `*(base + offset) += source` in one step, whoever else adds at the same time; `offset` in bytes. Words and
    /// double words only.
    pub fn add_atomically(size: Size, base: Register, offset: i16, source: Register) -> Self {
        let code = bpf::BPF_STX | bpf::BPF_XADD | size as u8;
        Self::new(code, base, Some(source), offset, i32::from(bpf::BPF_ADD))
    }

    /// Goes on `offset` instructions after the next one.
    pub fn jump(offset: i16) -> Self {
        Self::new(bpf::BPF_JMP | bpf::BPF_JA, Register::R0, None, offset, 0)
    }

    /// Goes on `offset` instructions after the next one if the condition holds for 64 bits.
    pub fn jump_if(condition: Condition, left: Register, right: impl Into<Operand>, offset: i16) -> Self {
        Self::branch(bpf::BPF_JMP, condition, left, right.into(), offset)
    }

    /// Goes on `offset` instructions after the next one if the condition holds for the low 32 bits.
    pub fn jump32_if(condition: Condition, left: Register, right: impl Into<Operand>, offset: i16) -> Self {
        Self::branch(bpf::BPF_JMP32, condition, left, right.into(), offset)
    }

    /// Calls a function of the kernel: arguments in r1 to r5, which it destroys, the answer in r0.
    pub fn call(helper: Helper) -> Self {
        Self::new(bpf::BPF_JMP | bpf::BPF_CALL, Register::R0, None, 0, helper as i32)
    }

    /// Calls a function of the kernel that is no helper, by its number in the running kernel's BTF; arguments and
    /// answer as for [`call`](Self::call).
    pub(super) fn call_kernel(function: i32) -> Self {
        let regs = bpf_insn::regs(Register::R0 as u8, bpf::BPF_PSEUDO_KFUNC_CALL);
        Self(bpf_insn { code: bpf::BPF_JMP | bpf::BPF_CALL, regs, off: 0, imm: function })
    }

    /// Ends the program with the action in r0.
    pub fn exit() -> Self {
        Self::new(bpf::BPF_JMP | bpf::BPF_EXIT, Register::R0, None, 0, 0)
    }

    /// `dst = value`, all 64 bits of it.
    pub fn load_u64(dst: Register, value: u64) -> [Self; 2] {
        Self::wide(dst, 0, value)
    }

    /// `dst = map`, in the form that helpers such as [`Helper::RedirectMap`] take it.
    ///
    /// Which map that is, is no part of the instruction: it is the socket map that the program is loaded with
    /// ([`Program::map`](super::Program::map)).
    pub fn load_map(dst: Register) -> [Self; 2] {
        Self::wide(dst, bpf::BPF_PSEUDO_MAP_FD, 0)
    }

    /// `dst = map`, for one of the maps of the list that the program is loaded with. The socket map is number 0.
    pub(super) fn load_map_number(dst: Register, number: u16) -> [Self; 2] {
        Self::wide(dst, bpf::BPF_PSEUDO_MAP_FD, number.into())
    }

    /// `dst = address of a byte in the only value of a map`, for an array of one element. Minimum kernel: 5.2.
    pub(super) fn load_value(dst: Register, map: u16, offset: u32) -> [Self; 2] {
        Self::wide(dst, bpf::BPF_PSEUDO_MAP_VALUE, u64::from(offset) << 32 | u64::from(map))
    }

    /// The same instruction, but that it names the map by its descriptor where it loads one: what the kernel takes. A
    /// number that is not in the list becomes -1, which nobody has open.
    pub(super) fn with_maps(self, maps: &[BorrowedFd<'_>]) -> Self {
        match self.map_use() {
            Some(MapUse { number, .. }) => {
                let map = usize::try_from(number).ok().and_then(|number| maps.get(number));
                Self(bpf_insn { imm: map.map_or(-1, AsRawFd::as_raw_fd), ..self.0 })
            }
            None => self,
        }
    }

    fn map_use(self) -> Option<MapUse> {
        if self.0.code != bpf::BPF_LD | bpf::BPF_IMM | bpf::BPF_DW {
            return None;
        }
        let number = self.0.imm;
        match self.0.src() {
            bpf::BPF_PSEUDO_MAP_FD => Some(MapUse { number, is_value: false }),
            bpf::BPF_PSEUDO_MAP_VALUE => Some(MapUse { number, is_value: true }),
            _ => None,
        }
    }

    /// Where the instruction may go on besides the next one, in slots after the next one.
    pub(super) fn jump_offset(self) -> Option<i16> {
        let class = self.0.code & bpf::BPF_CLASS_MASK;
        let is_jump = matches!(class, bpf::BPF_JMP | bpf::BPF_JMP32);
        let stays = matches!(self.0.code & bpf::BPF_OP_MASK, bpf::BPF_CALL | bpf::BPF_EXIT);
        (is_jump && !stays).then_some(self.0.off)
    }

    /// The same jump by another distance.
    pub(super) fn with_jump_offset(self, off: i16) -> Self {
        Self(bpf_insn { off, ..self.0 })
    }

    /// Whether the next instruction is never reached from this one.
    pub(super) fn ends_here(self) -> bool {
        self.0.code & bpf::BPF_CLASS_MASK == bpf::BPF_JMP
            && matches!(self.0.code & bpf::BPF_OP_MASK, bpf::BPF_JA | bpf::BPF_EXIT)
    }

    fn new(code: u8, dst: Register, src: Option<Register>, off: i16, imm: i32) -> Self {
        Self(bpf_insn { code, regs: bpf_insn::regs(dst as u8, src.map_or(0, |src| src as u8)), off, imm })
    }

    fn arithmetic(class: u8, op: u8, dst: Register, source: Operand) -> Self {
        match source {
            Operand::Immediate(value) => Self::new(class | op | bpf::BPF_K, dst, None, 0, value),
            Operand::Register(src) => Self::new(class | op | bpf::BPF_X, dst, Some(src), 0, 0),
        }
    }

    fn branch(class: u8, condition: Condition, left: Register, right: Operand, off: i16) -> Self {
        let code = class | condition as u8;
        match right {
            Operand::Immediate(value) => Self::new(code | bpf::BPF_K, left, None, off, value),
            Operand::Register(right) => Self::new(code | bpf::BPF_X, left, Some(right), off, 0),
        }
    }

    /// The low half comes first, and the second slot is nothing but the upper half.
    fn wide(dst: Register, pseudo_source: u8, value: u64) -> [Self; 2] {
        let code = bpf::BPF_LD | bpf::BPF_IMM | bpf::BPF_DW;
        let regs = bpf_insn::regs(dst as u8, pseudo_source);
        [
            Self(bpf_insn { code, regs, off: 0, imm: value as u32 as i32 }),
            Self(bpf_insn { code: 0, regs: 0, off: 0, imm: (value >> 32) as u32 as i32 }),
        ]
    }
}

/// That an instruction names a map.
struct MapUse {
    /// Its place in the list of the program's maps.
    number: i32,
    /// Whether its value is meant.
    is_value: bool,
}
