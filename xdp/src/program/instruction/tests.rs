//! Encodings and texts.

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
        (Instruction::jump32_if(Condition::LessSigned, R0, 0, 2), (0xc6, 0, 0, 2, 0), "if w0 s< 0 goto pc+2"),
        (Instruction::call(Helper::RedirectMap), (0x85, 0, 0, 0, 51), "call bpf_redirect_map#51"),
        (Instruction::call(Helper::MapLookup), (0x85, 0, 0, 0, 1), "call bpf_map_lookup_elem#1"),
        (
            Instruction::add_atomically(Size::Double, R1, 8, R2),
            (0xdb, 1, 2, 8, 0),
            "lock *(u64 *)(r1 +8) += r2",
        ),
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
fn maps_are_named_when_a_program_is_loaded_and_not_before() {
    let [low, high] = Instruction::load_map(R1);
    assert_eq!(encoded(low), (0x18, 1, 1, 0, 0));
    assert_eq!(encoded(high), (0, 0, 0, 0, 0));
    assert_eq!(low.to_string(), "r1 = xsks_map ll");
    let [second, _] = Instruction::load_map_number(R2, 1);
    assert_eq!(second.to_string(), "r2 = map[1] ll");
    let [value, offset] = Instruction::load_value(R3, 1, 24);
    assert_eq!((value.to_string().as_str(), encoded(offset).4), ("r3 = map[1] value ll", 24));

    let [zero, null] = ["/dev/zero", "/dev/null"].map(|path| std::fs::File::open(path).expect("it exists"));
    let maps = [zero.as_fd(), null.as_fd()];
    assert_eq!(encoded(low.with_maps(&maps)), (0x18, 1, 1, 0, zero.as_raw_fd()));
    assert_eq!(encoded(second.with_maps(&maps)), (0x18, 2, 1, 0, null.as_raw_fd()));
    assert_eq!(encoded(value.with_maps(&maps)), (0x18, 3, 2, 0, null.as_raw_fd()));
    assert_eq!(encoded(value.with_maps(&maps[..1])).4, -1, "no such map");
    let [number, _] = Instruction::load_u64(R1, 0);
    for other in [high, offset, number, Instruction::exit(), Instruction::mov(R1, R1)] {
        assert_eq!(other.with_maps(&maps), other, "loads no map");
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
