//! eBPF instructions: one type, a constructor per form that a packet program needs, and a line of text for each.
//!
//! Not here: whether a program makes sense. The kernel's verifier decides that, and a wrong program is refused with its
//! log (see [`LoadError`](super::LoadError)), so nothing here can harm the machine.
//!
//! An instruction is 8 bytes: an opcode, two register numbers of 4 bits, an offset and an immediate. A 64-bit immediate
//! takes two of them, and counts as two wherever a jump counts.
//! Reference: kernel `Documentation/bpf/standardization/instruction-set.rst`.

use std::fmt;
use std::os::fd::{AsRawFd, BorrowedFd};

use xdp_sys::bpf::{self, bpf_insn};

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

    /// The same instruction, but that it names the map by its descriptor where it loads one: what the kernel takes.
    pub(super) fn with_map(self, map: BorrowedFd<'_>) -> Self {
        if self.loads_map() { Self(bpf_insn { imm: map.as_raw_fd(), ..self.0 }) } else { self }
    }

    fn loads_map(self) -> bool {
        self.0.code == bpf::BPF_LD | bpf::BPF_IMM | bpf::BPF_DW && self.0.src() == bpf::BPF_PSEUDO_MAP_FD
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

/// The line that the verifier's log and bpftool show, but for addresses that only they know.
impl fmt::Display for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bpf_insn { code, off, imm, .. } = self.0;
        match code & bpf::BPF_CLASS_MASK {
            bpf::BPF_ALU64 => self.fmt_arithmetic(f, 'r'),
            bpf::BPF_ALU => self.fmt_arithmetic(f, 'w'),
            bpf::BPF_JMP => self.fmt_jump(f, 'r'),
            bpf::BPF_JMP32 => self.fmt_jump(f, 'w'),
            bpf::BPF_LDX => {
                write!(f, "r{} = *({} *)(r{} {off:+})", self.0.dst(), c_type(code), self.0.src())
            }
            bpf::BPF_ST => write!(f, "*({} *)(r{} {off:+}) = {imm}", c_type(code), self.0.dst()),
            bpf::BPF_STX => {
                write!(f, "*({} *)(r{} {off:+}) = r{}", c_type(code), self.0.dst(), self.0.src())
            }
            // The class of 64-bit immediates, whose second half has the opcode 0.
            _ if code == 0 => write!(f, "(upper half {:#x})", imm as u32),
            _ if self.loads_map() => write!(f, "r{} = xsks_map ll", self.0.dst()),
            _ => write!(f, "r{} = {:#x} ll", self.0.dst(), imm as u32),
        }
    }
}

impl Instruction {
    fn fmt_arithmetic(&self, f: &mut fmt::Formatter<'_>, file: char) -> fmt::Result {
        let (code, dst) = (self.0.code, self.0.dst());
        let symbol = match code & bpf::BPF_OP_MASK {
            bpf::BPF_ADD => "+=",
            bpf::BPF_SUB => "-=",
            bpf::BPF_MUL => "*=",
            bpf::BPF_DIV => "/=",
            bpf::BPF_OR => "|=",
            bpf::BPF_AND => "&=",
            bpf::BPF_LSH => "<<=",
            bpf::BPF_RSH => ">>=",
            bpf::BPF_MOD => "%=",
            bpf::BPF_XOR => "^=",
            bpf::BPF_MOV => "=",
            bpf::BPF_ARSH => "s>>=",
            // The only other one that can be made here: byte order.
            _ => return write!(f, "r{dst} = be{} r{dst}", self.0.imm),
        };
        write!(f, "{file}{dst} {symbol} ")?;
        if code & bpf::BPF_X != 0 { write!(f, "{file}{}", self.0.src()) } else { write!(f, "{}", self.0.imm) }
    }

    fn fmt_jump(&self, f: &mut fmt::Formatter<'_>, file: char) -> fmt::Result {
        let bpf_insn { code, off, imm, .. } = self.0;
        let symbol = match code & bpf::BPF_OP_MASK {
            bpf::BPF_JEQ => "==",
            bpf::BPF_JGT => ">",
            bpf::BPF_JGE => ">=",
            bpf::BPF_JSET => "&",
            bpf::BPF_JNE => "!=",
            bpf::BPF_JSGT => "s>",
            bpf::BPF_JSGE => "s>=",
            bpf::BPF_JLT => "<",
            bpf::BPF_JLE => "<=",
            bpf::BPF_JSLT => "s<",
            bpf::BPF_JSLE => "s<=",
            bpf::BPF_CALL if imm == bpf::BPF_FUNC_redirect_map => {
                return f.write_str("call bpf_redirect_map#51");
            }
            bpf::BPF_CALL => return write!(f, "call #{imm}"),
            bpf::BPF_EXIT => return f.write_str("exit"),
            _ => return write!(f, "goto pc{off:+}"),
        };
        write!(f, "if {file}{} {symbol} ", self.0.dst())?;
        if code & bpf::BPF_X != 0 {
            write!(f, "{file}{}", self.0.src())?
        } else {
            write!(f, "{imm}")?
        };
        write!(f, " goto pc{off:+}")
    }
}

impl fmt::Debug for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn c_type(code: u8) -> &'static str {
    match code & bpf::BPF_SIZE_MASK {
        bpf::BPF_B => "u8",
        bpf::BPF_H => "u16",
        bpf::BPF_W => "u32",
        _ => "u64",
    }
}

/// A register of the eBPF machine, 64 bits wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Register {
    /// The answer of a call, and the program's action at its end.
    R0,
    /// The context at the program's start; argument 1 of a call, which destroys it.
    R1,
    /// Argument 2 of a call, which destroys it.
    R2,
    /// Argument 3 of a call, which destroys it.
    R3,
    /// Argument 4 of a call, which destroys it.
    R4,
    /// Argument 5 of a call, which destroys it.
    R5,
    /// Survives calls.
    R6,
    /// Survives calls.
    R7,
    /// Survives calls.
    R8,
    /// Survives calls.
    R9,
    /// The stack: 512 bytes below this address. Read only.
    R10,
}

/// The right-hand side of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operand {
    /// A number.
    Immediate(i32),
    /// What a register holds.
    Register(Register),
}

impl From<i32> for Operand {
    fn from(value: i32) -> Self {
        Self::Immediate(value)
    }
}

impl From<Register> for Operand {
    fn from(register: Register) -> Self {
        Self::Register(register)
    }
}

/// The width of a load or store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Size {
    /// 1 byte.
    Byte = bpf::BPF_B,
    /// 2 bytes.
    Half = bpf::BPF_H,
    /// 4 bytes.
    Word = bpf::BPF_W,
    /// 8 bytes.
    Double = bpf::BPF_DW,
}

impl Size {
    const fn bytes(self) -> i32 {
        match self {
            Self::Byte => 1,
            Self::Half => 2,
            Self::Word => 4,
            Self::Double => 8,
        }
    }
}

/// An operation of two operands. Division is unsigned; by zero it gives zero, and a remainder leaves the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum AluOp {
    /// `+`
    Add = bpf::BPF_ADD,
    /// `-`
    Sub = bpf::BPF_SUB,
    /// `*`
    Mul = bpf::BPF_MUL,
    /// `/`, unsigned
    Div = bpf::BPF_DIV,
    /// `|`
    Or = bpf::BPF_OR,
    /// `&`
    And = bpf::BPF_AND,
    /// `<<`
    ShiftLeft = bpf::BPF_LSH,
    /// `>>`, zeroes come in
    ShiftRight = bpf::BPF_RSH,
    /// `%`, unsigned
    Mod = bpf::BPF_MOD,
    /// `^`
    Xor = bpf::BPF_XOR,
    /// `>>`, the sign comes in
    ShiftRightSigned = bpf::BPF_ARSH,
}

/// When a conditional jump is taken: left of it a register, right of it an operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Condition {
    /// `==`
    Equal = bpf::BPF_JEQ,
    /// `!=`
    NotEqual = bpf::BPF_JNE,
    /// `>`, unsigned
    Greater = bpf::BPF_JGT,
    /// `>=`, unsigned
    GreaterOrEqual = bpf::BPF_JGE,
    /// `<`, unsigned
    Less = bpf::BPF_JLT,
    /// `<=`, unsigned
    LessOrEqual = bpf::BPF_JLE,
    /// `>`, signed
    GreaterSigned = bpf::BPF_JSGT,
    /// `>=`, signed
    GreaterOrEqualSigned = bpf::BPF_JSGE,
    /// `<`, signed
    LessSigned = bpf::BPF_JSLT,
    /// `<=`, signed
    LessOrEqualSigned = bpf::BPF_JSLE,
    /// A common bit is set.
    AnyBit = bpf::BPF_JSET,
}

/// A function of the kernel that a program may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
#[non_exhaustive]
pub enum Helper {
    /// `bpf_redirect_map(map, key, flags)`: the packet goes to what the map holds for the key. The low two bits of the
    /// flags are the action for an empty slot (Minimum kernel: 5.3).
    RedirectMap = bpf::BPF_FUNC_redirect_map,
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;
    use Register::*;

    /// Opcode, both registers, offset and immediate as the instruction set's document writes them down.
    fn encoded(instruction: Instruction) -> (u8, u8, u8, i16, i32) {
        let insn = instruction.0;
        (insn.code, insn.dst(), insn.src(), insn.off, insn.imm)
    }

    #[test]
    fn instructions_have_the_encoding_of_the_instruction_set() {
        let cases = [
            (Instruction::mov(R3, 2), (0xb7, 3, 0, 0, 2), "r3 = 2"),
            (Instruction::mov(R6, R1), (0xbf, 6, 1, 0, 0), "r6 = r1"),
            (Instruction::mov32(R0, -1), (0xb4, 0, 0, 0, -1), "w0 = -1"),
            (Instruction::alu(AluOp::Add, R2, 14), (0x07, 2, 0, 0, 14), "r2 += 14"),
            (Instruction::alu(AluOp::Sub, R2, R3), (0x1f, 2, 3, 0, 0), "r2 -= r3"),
            (Instruction::alu32(AluOp::And, R4, 15), (0x54, 4, 0, 0, 15), "w4 &= 15"),
            (Instruction::alu(AluOp::ShiftRightSigned, R9, R8), (0xcf, 9, 8, 0, 0), "r9 s>>= r8"),
            (Instruction::network_order(R2, Size::Half), (0xdc, 2, 0, 0, 16), "r2 = be16 r2"),
            (Instruction::network_order(R2, Size::Double), (0xdc, 2, 0, 0, 64), "r2 = be64 r2"),
            (Instruction::network_order(R2, Size::Byte), (0x57, 2, 0, 0, 255), "r2 &= 255"),
            (Instruction::load(Size::Word, R2, R1, 16), (0x61, 2, 1, 16, 0), "r2 = *(u32 *)(r1 +16)"),
            (Instruction::load(Size::Byte, R0, R6, 23), (0x71, 0, 6, 23, 0), "r0 = *(u8 *)(r6 +23)"),
            (Instruction::load(Size::Half, R0, R6, 12), (0x69, 0, 6, 12, 0), "r0 = *(u16 *)(r6 +12)"),
            (Instruction::load(Size::Double, R0, R10, -8), (0x79, 0, 10, -8, 0), "r0 = *(u64 *)(r10 -8)"),
            (Instruction::store(Size::Word, R10, -4, 7), (0x62, 10, 0, -4, 7), "*(u32 *)(r10 -4) = 7"),
            (Instruction::store(Size::Double, R10, -8, R1), (0x7b, 10, 1, -8, 0), "*(u64 *)(r10 -8) = r1"),
            (Instruction::jump(-3), (0x05, 0, 0, -3, 0), "goto pc-3"),
            (Instruction::jump_if(Condition::Greater, R2, R3, 5), (0x2d, 2, 3, 5, 0), "if r2 > r3 goto pc+5"),
            (Instruction::jump_if(Condition::NotEqual, R0, 8, 1), (0x55, 0, 0, 1, 8), "if r0 != 8 goto pc+1"),
            (
                Instruction::jump32_if(Condition::LessSigned, R0, 0, 2),
                (0xc6, 0, 0, 2, 0),
                "if w0 s< 0 goto pc+2",
            ),
            (Instruction::call(Helper::RedirectMap), (0x85, 0, 0, 0, 51), "call bpf_redirect_map#51"),
            (Instruction::exit(), (0x95, 0, 0, 0, 0), "exit"),
        ];
        for (instruction, encoding, text) in cases {
            assert_eq!(encoded(instruction), encoding, "{text}");
            assert_eq!(instruction.to_string(), text);
        }
    }

    #[test]
    fn a_wide_immediate_takes_two_slots_with_the_low_half_first() {
        let [low, high] = Instruction::load_u64(R7, 0x1122_3344_5566_7788);
        assert_eq!(encoded(low), (0x18, 7, 0, 0, 0x5566_7788));
        assert_eq!(encoded(high), (0, 0, 0, 0, 0x1122_3344));
        assert_eq!(low.to_string(), "r7 = 0x55667788 ll");
        assert_eq!(high.to_string(), "(upper half 0x11223344)");
    }

    #[test]
    fn the_map_is_named_when_a_program_is_loaded_and_not_before() {
        let [low, high] = Instruction::load_map(R1);
        assert_eq!(encoded(low), (0x18, 1, 1, 0, 0));
        assert_eq!(encoded(high), (0, 0, 0, 0, 0));
        assert_eq!(low.to_string(), "r1 = xsks_map ll");

        let file = std::fs::File::open("/dev/null").expect("it exists");
        let descriptor = file.as_fd().as_raw_fd();
        assert_eq!(encoded(low.with_map(file.as_fd())), (0x18, 1, 1, 0, descriptor));
        let [number, _] = Instruction::load_u64(R1, 0);
        for other in [high, number, Instruction::exit(), Instruction::mov(R1, R1)] {
            assert_eq!(other.with_map(file.as_fd()), other, "loads no map");
        }
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn the_bytes_in_memory_are_those_of_a_little_endian_compiler() {
        let bpf_insn { code, regs, off, imm } = Instruction::load(Size::Word, R2, R1, 16).0;
        let mut bytes = vec![code, regs];
        bytes.extend(off.to_ne_bytes());
        bytes.extend(imm.to_ne_bytes());
        assert_eq!(bytes, [0x61, 0x12, 0x10, 0, 0, 0, 0, 0]);
    }
}
