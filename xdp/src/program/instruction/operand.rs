//! What instructions are made of: registers, operands, sizes, operations, conditions, and the kernel's functions.

use xdp_sys::bpf;

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
    pub(super) const fn bytes(self) -> i32 {
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
    /// `bpf_map_lookup_elem(map, key)`: the address of the value, or 0; the key is given by its address.
    MapLookup = bpf::BPF_FUNC_map_lookup_elem,
    /// `bpf_xdp_get_buff_len(context)`: the bytes of the packet in all of its buffers. Minimum kernel: 5.18.
    PacketLength = bpf::BPF_FUNC_xdp_get_buff_len,
    /// `bpf_xdp_adjust_meta(context, delta)`: moves where the metadata in front of the packet begins, by a multiple
    /// of 4; 0 if that worked. Pointers into the packet must be loaded again. Minimum kernel: 4.15.
    AdjustMeta = bpf::BPF_FUNC_xdp_adjust_meta,
    /// `bpf_redirect_map(map, key, flags)`: the packet goes to what the map holds for the key. The low two bits of
    /// the flags are the action for an empty slot (Minimum kernel: 5.3).
    RedirectMap = bpf::BPF_FUNC_redirect_map,
}
