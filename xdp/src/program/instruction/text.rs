//! A line of text for each instruction, as the verifier's log and bpftool show it.

use std::fmt;

use xdp_sys::bpf::{self, bpf_insn};

use super::{Instruction, MapUse};

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
            bpf::BPF_STX if code & bpf::BPF_MODE_MASK == bpf::BPF_XADD => {
                let (dst, src) = (self.0.dst(), self.0.src());
                write!(f, "lock *({} *)(r{dst} {off:+}) += r{src}", c_type(code))
            }
            bpf::BPF_STX => {
                write!(f, "*({} *)(r{} {off:+}) = r{}", c_type(code), self.0.dst(), self.0.src())
            }
            // The class of 64-bit immediates, whose second half has the opcode 0.
            _ if code == 0 => write!(f, "(upper half {:#x})", imm as u32),
            _ => self.fmt_wide(f),
        }
    }
}

impl Instruction {
    fn fmt_wide(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dst = self.0.dst();
        match self.map_use() {
            Some(MapUse { number, is_value: true }) => write!(f, "r{dst} = map[{number}] value ll"),
            Some(MapUse { number: 0, .. }) => write!(f, "r{dst} = xsks_map ll"),
            Some(MapUse { number, .. }) => write!(f, "r{dst} = map[{number}] ll"),
            None => write!(f, "r{dst} = {:#x} ll", self.0.imm as u32),
        }
    }

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
            bpf::BPF_CALL if self.0.src() == bpf::BPF_PSEUDO_KFUNC_CALL => {
                return write!(f, "call kernel-function#{imm}");
            }
            bpf::BPF_CALL => return write!(f, "call {}#{imm}", function(imm)),
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

fn function(number: i32) -> &'static str {
    match number {
        bpf::BPF_FUNC_map_lookup_elem => "bpf_map_lookup_elem",
        bpf::BPF_FUNC_redirect_map => "bpf_redirect_map",
        bpf::BPF_FUNC_xdp_adjust_meta => "bpf_xdp_adjust_meta",
        bpf::BPF_FUNC_xdp_get_buff_len => "bpf_xdp_get_buff_len",
        _ => "",
    }
}
