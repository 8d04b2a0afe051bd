//! How instructions are encoded.
//!
//! Reference: uapi `linux/bpf_common.h` and `linux/bpf.h`; kernel
//! `Documentation/bpf/standardization/instruction-set.rst`.

/// Class: 64-bit immediate.
pub const BPF_LD: u8 = 0x00;
/// Class: load from memory into a register.
pub const BPF_LDX: u8 = 0x01;
/// Class: store an immediate to memory.
pub const BPF_ST: u8 = 0x02;
/// Class: store a register to memory.
pub const BPF_STX: u8 = 0x03;
/// Class: 32-bit arithmetic; the upper half of the destination becomes zero.
pub const BPF_ALU: u8 = 0x04;
/// Class: jumps that compare 64 bits, calls and exit.
pub const BPF_JMP: u8 = 0x05;
/// Class: jumps that compare 32 bits. Minimum kernel: 5.1.
pub const BPF_JMP32: u8 = 0x06;
/// Class: 64-bit arithmetic.
pub const BPF_ALU64: u8 = 0x07;
/// The bits of an opcode that hold its class.
pub const BPF_CLASS_MASK: u8 = 0x07;

/// Source operand: the immediate.
pub const BPF_K: u8 = 0x00;
/// Source operand: the source register.
pub const BPF_X: u8 = 0x08;

/// Size: 4 bytes.
pub const BPF_W: u8 = 0x00;
/// Size: 2 bytes.
pub const BPF_H: u8 = 0x08;
/// Size: 1 byte.
pub const BPF_B: u8 = 0x10;
/// Size: 8 bytes.
pub const BPF_DW: u8 = 0x18;
/// The bits of a load's or store's opcode that hold its size.
pub const BPF_SIZE_MASK: u8 = 0x18;

/// Mode: the immediate itself.
pub const BPF_IMM: u8 = 0x00;
/// Mode: memory at register plus offset.
pub const BPF_MEM: u8 = 0x60;
/// Mode: memory at register plus offset, changed in one step; the immediate says how, [`BPF_ADD`] for one.
pub const BPF_XADD: u8 = 0xc0;
/// The bits of a load's or store's opcode that hold its mode.
pub const BPF_MODE_MASK: u8 = 0xe0;

/// Arithmetic: add.
pub const BPF_ADD: u8 = 0x00;
/// Arithmetic: subtract.
pub const BPF_SUB: u8 = 0x10;
/// Arithmetic: multiply.
pub const BPF_MUL: u8 = 0x20;
/// Arithmetic: unsigned division; by zero gives zero.
pub const BPF_DIV: u8 = 0x30;
/// Arithmetic: bitwise or.
pub const BPF_OR: u8 = 0x40;
/// Arithmetic: bitwise and.
pub const BPF_AND: u8 = 0x50;
/// Arithmetic: shift left.
pub const BPF_LSH: u8 = 0x60;
/// Arithmetic: shift right, zeroes come in.
pub const BPF_RSH: u8 = 0x70;
/// Arithmetic: negate.
pub const BPF_NEG: u8 = 0x80;
/// Arithmetic: unsigned remainder; by zero leaves the destination.
pub const BPF_MOD: u8 = 0x90;
/// Arithmetic: bitwise exclusive or.
pub const BPF_XOR: u8 = 0xa0;
/// Arithmetic: move.
pub const BPF_MOV: u8 = 0xb0;
/// Arithmetic: shift right, the sign comes in.
pub const BPF_ARSH: u8 = 0xc0;
/// Arithmetic: swap to or from network byte order; the immediate is the width in bits.
pub const BPF_END: u8 = 0xd0;
/// The bits of an arithmetic or jump opcode that hold its operation.
pub const BPF_OP_MASK: u8 = 0xf0;

/// Byte order of `BPF_END`: little endian.
pub const BPF_TO_LE: u8 = 0x00;
/// Byte order of `BPF_END`: big endian.
pub const BPF_TO_BE: u8 = 0x08;

/// Jump: always.
pub const BPF_JA: u8 = 0x00;
/// Jump: equal.
pub const BPF_JEQ: u8 = 0x10;
/// Jump: greater, unsigned.
pub const BPF_JGT: u8 = 0x20;
/// Jump: greater or equal, unsigned.
pub const BPF_JGE: u8 = 0x30;
/// Jump: a common bit is set.
pub const BPF_JSET: u8 = 0x40;
/// Jump: not equal.
pub const BPF_JNE: u8 = 0x50;
/// Jump: greater, signed.
pub const BPF_JSGT: u8 = 0x60;
/// Jump: greater or equal, signed.
pub const BPF_JSGE: u8 = 0x70;
/// Call a helper function.
pub const BPF_CALL: u8 = 0x80;
/// Return from the program with register 0.
pub const BPF_EXIT: u8 = 0x90;
/// Jump: less, unsigned.
pub const BPF_JLT: u8 = 0xa0;
/// Jump: less or equal, unsigned.
pub const BPF_JLE: u8 = 0xb0;
/// Jump: less, signed.
pub const BPF_JSLT: u8 = 0xc0;
/// Jump: less or equal, signed.
pub const BPF_JSLE: u8 = 0xd0;

/// Source register of a 64-bit immediate load: the immediate is the descriptor of a map.
pub const BPF_PSEUDO_MAP_FD: u8 = 1;
/// Source register of a 64-bit immediate load: the address of a byte of the value of an array with one element. The
/// first immediate is the descriptor of the map, the second one the offset of the byte. Minimum kernel: 5.2.
pub const BPF_PSEUDO_MAP_VALUE: u8 = 2;
/// As the source register of a call: the immediate is the number of a kernel function in the kernel's BTF. Minimum
/// kernel: 5.13.
pub const BPF_PSEUDO_KFUNC_CALL: u8 = 2;

/// One slot of a program. A 64-bit immediate takes two of them.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct bpf_insn {
    /// Class, size or operation, and mode or source.
    pub code: u8,
    /// Both registers, in the C compiler's order of bit fields: build it with [`bpf_insn::regs`].
    pub regs: u8,
    /// Offset of a jump in slots after this one, or of a memory access in bytes.
    pub off: i16,
    /// The immediate operand.
    pub imm: i32,
}

impl bpf_insn {
    /// The byte that holds `dst` and `src`: C puts the first bit field lowest on little endian, highest on big
    /// endian.
    pub const fn regs(dst: u8, src: u8) -> u8 {
        if cfg!(target_endian = "little") { (src << 4) | (dst & 0xf) } else { (dst << 4) | (src & 0xf) }
    }

    /// The destination register's number.
    pub const fn dst(&self) -> u8 {
        if cfg!(target_endian = "little") { self.regs & 0xf } else { self.regs >> 4 }
    }

    /// The source register's number.
    pub const fn src(&self) -> u8 {
        if cfg!(target_endian = "little") { self.regs >> 4 } else { self.regs & 0xf }
    }
}

assert_layout!(bpf_insn, 8, {
    code: u8 => 0,
    regs: u8 => 1,
    off: i16 => 2,
    imm: i32 => 4,
});
