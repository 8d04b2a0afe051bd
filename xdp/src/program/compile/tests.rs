//! The second part of a program: tests of the fields on the stack.

use std::mem::offset_of;
use std::net::IpAddr;

use xdp_sys::bpf::xdp_md;

use super::fields::{self, Field, flag};
use super::{Compiler, LiveSet};
use crate::program::filter::{Fragments, Prefix, Side, Test, number};
use crate::program::{AluOp, Assembler, Condition, Helper, Instruction, Label, Register, Size};

use Condition::{AnyBit, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
use Register::{R0, R1, R2, R6, R10};

/// Appends a test that goes on at `hit` or `miss`.
pub(super) fn emit(compiler: &mut Compiler, test: &Test, hit: Label, miss: Label) {
    let multi_buffer = compiler.multi_buffer;
    match test {
        Test::AddressIn(side, set) => {
            let number = compiler.number(LiveSet::Prefixes(set.clone()));
            let program = &mut compiler.program;
            require(program, flag::IPV4 | flag::IPV6, miss);
            return look_up(program, number, fields::key(*side), hit, miss);
        }
        Test::PortIn(side, set) => {
            let number = compiler.number(LiveSet::Ports(set.clone()));
            let program = &mut compiler.program;
            require(program, flag::PORTS, miss);
            return look_up(program, number, fields::port(*side).offset, hit, miss);
        }
        _ => {}
    }
    let program = &mut compiler.program;
    match test {
        Test::Always => program.jump(hit),
        Test::Never | Test::AddressIn(..) | Test::PortIn(..) => program.jump(miss),
        Test::EthernetType(number) => {
            require(program, flag::ETHERNET_TYPE, miss);
            equals(program, fields::ETHERNET_TYPE, i32::from(*number), hit, miss);
        }
        Test::VlanTags(0) => {
            require(program, flag::MACS, miss);
            program.jump_if(AnyBit, R1, flag::ONE_TAG, miss);
            program.jump(hit);
        }
        Test::VlanTags(1) => {
            require(program, flag::ONE_TAG, miss);
            program.jump_if(AnyBit, R1, flag::TWO_TAGS, miss);
            program.jump(hit);
        }
        Test::VlanTags(2) => has(program, flag::TWO_TAGS, hit, miss),
        Test::VlanTags(_) => program.jump(miss),
        Test::OuterVlan(id) => {
            require(program, flag::ONE_TAG, miss);
            equals(program, fields::OUTER_VLAN, i32::from(*id), hit, miss);
        }
        Test::InnerVlan(id) => {
            require(program, flag::TWO_TAGS, miss);
            equals(program, fields::INNER_VLAN, i32::from(*id), hit, miss);
        }
        Test::Mac(side, mac) => {
            require(program, flag::MACS, miss);
            let [first, rest] = fields::mac(*side);
            let [a, b, c, d, e, f] = *mac;
            unless_equal(program, first, i32::from_ne_bytes([a, b, c, d]), miss);
            equals(program, rest, i32::from(u16::from_ne_bytes([e, f])), hit, miss);
        }
        Test::Length(least, most) if multi_buffer => {
            program.push(Instruction::mov(R1, R6));
            program.push(Instruction::call(Helper::PacketLength));
            program.jump32_if(Less, R0, *least as i32, miss);
            program.jump32_if(Greater, R0, *most as i32, miss);
            program.jump(hit);
        }
        Test::Length(least, most) => length(program, *least, *most, hit, miss),
        Test::Ipv4 => has(program, flag::IPV4, hit, miss),
        Test::Ipv6 => has(program, flag::IPV6, hit, miss),
        Test::Address(side, prefix) => address(program, *side, *prefix, hit, miss),
        Test::Protocol(number) => {
            require(program, flag::PROTOCOL, miss);
            equals(program, fields::PROTOCOL, i32::from(*number), hit, miss);
        }
        Test::Fragments(which) => fragments(program, *which, hit, miss),
        Test::Port(side, ranges) => {
            require(program, flag::PORTS, miss);
            load(program, fields::port(*side));
            for &(first, last) in ranges.in_order() {
                if first == last {
                    program.jump_if(Equal, R1, i32::from(first), hit);
                } else {
                    // Those to come are higher still.
                    program.jump_if(Less, R1, i32::from(first), miss);
                    program.jump_if(LessOrEqual, R1, i32::from(last), hit);
                }
            }
            program.jump(miss);
        }
        Test::IcmpType(first, last) => {
            require(program, flag::ICMP, miss);
            icmp_protocol(program, miss);
            load(program, fields::ICMP_TYPE);
            program.jump_if(Less, R1, i32::from(*first), miss);
            program.jump_if(Greater, R1, i32::from(*last), miss);
            program.jump(hit);
        }
    }
}

/// ICMP over IPv4, or ICMPv6 over IPv6.
fn icmp_protocol(program: &mut Assembler, miss: Label) {
    let (ipv6, found) = (program.label(), program.label());
    // The flags are in r1.
    program.jump_if(AnyBit, R1, flag::IPV6, ipv6);
    unless_equal(program, fields::PROTOCOL, i32::from(number::ICMP), miss);
    program.jump(found);
    program.bind(ipv6);
    unless_equal(program, fields::PROTOCOL, i32::from(number::ICMPV6), miss);
    program.bind(found);
}

fn fragments(program: &mut Assembler, which: Fragments, hit: Label, miss: Label) {
    require(program, flag::PROTOCOL, miss);
    match which {
        Fragments::None => {
            program.jump_if(AnyBit, R1, flag::FRAGMENT, miss);
            program.jump(hit);
        }
        Fragments::Any => {
            program.jump_if(AnyBit, R1, flag::FRAGMENT, hit);
            program.jump(miss);
        }
        Fragments::First => {
            program.jump_if(AnyBit, R1, flag::LATER, miss);
            program.jump_if(AnyBit, R1, flag::FRAGMENT, hit);
            program.jump(miss);
        }
        Fragments::Later => {
            program.jump_if(AnyBit, R1, flag::LATER, hit);
            program.jump(miss);
        }
    }
}

fn address(program: &mut Assembler, side: Side, prefix: Prefix, hit: Label, miss: Label) {
    let (family, octets) = match prefix.address() {
        IpAddr::V4(v4) => (flag::IPV4, v4.octets().to_vec()),
        IpAddr::V6(v6) => (flag::IPV6, v6.octets().to_vec()),
    };
    require(program, family, miss);
    let mut bits = u32::from(prefix.bits());
    for (word, field) in octets.chunks_exact(4).zip(fields::address(side)) {
        let here = bits.min(32);
        bits -= here;
        if here == 0 {
            break;
        }
        let word = [word[0], word[1], word[2], word[3]];
        load(program, field);
        if here < 32 {
            let mask = !(u32::MAX >> here);
            program.push(Instruction::alu32(AluOp::And, R1, i32::from_ne_bytes(mask.to_be_bytes())));
        }
        program.jump32_if(NotEqual, R1, i32::from_ne_bytes(word), miss);
    }
    program.jump(hit);
}

/// Compares pointers, for which the verifier asks less than for their difference.
fn length(program: &mut Assembler, least: u32, most: u32, hit: Label, miss: Label) {
    /// Longer than any buffer, shorter than what the verifier takes for the offset of a pointer.
    const LONGEST: u32 = 1 << 20;
    if least > LONGEST {
        return program.jump(miss);
    }
    let start = |program: &mut Assembler| {
        program.push(Instruction::load(Size::Word, R1, R6, offset_of!(xdp_md, data) as i16));
        program.push(Instruction::load(Size::Word, R2, R6, offset_of!(xdp_md, data_end) as i16));
    };
    if least > 0 {
        start(program);
        program.push(Instruction::alu(AluOp::Add, R1, least as i32));
        program.jump_if(Greater, R1, R2, miss);
    }
    if most < LONGEST {
        start(program);
        program.push(Instruction::alu(AluOp::Add, R1, most as i32 + 1));
        // One more byte than the most would fit.
        program.jump_if(GreaterOrEqual, R2, R1, miss);
    }
    program.jump(hit);
}

/// Goes on at `hit` if a map holds the key at this place of the stack.
fn look_up(program: &mut Assembler, map: u16, key: i16, hit: Label, miss: Label) {
    program.extend(Instruction::load_map_number(R1, map));
    program.push(Instruction::mov(R2, R10));
    program.push(Instruction::alu(AluOp::Add, R2, i32::from(key)));
    program.push(Instruction::call(Helper::MapLookup));
    program.jump_if(NotEqual, R0, 0, hit);
    program.jump(miss);
}

/// Goes on at `miss` unless one of these flags is set. Leaves the flags in r1.
fn require(program: &mut Assembler, any_of: i32, miss: Label) {
    let set = program.label();
    load(program, fields::FLAGS);
    program.jump_if(AnyBit, R1, any_of, set);
    program.jump(miss);
    program.bind(set);
}

fn has(program: &mut Assembler, any_of: i32, hit: Label, miss: Label) {
    load(program, fields::FLAGS);
    program.jump_if(AnyBit, R1, any_of, hit);
    program.jump(miss);
}

fn equals(program: &mut Assembler, field: Field, value: i32, hit: Label, miss: Label) {
    unless_equal(program, field, value, miss);
    program.jump(hit);
}

fn unless_equal(program: &mut Assembler, field: Field, value: i32, miss: Label) {
    load(program, field);
    program.jump32_if(NotEqual, R1, value, miss);
}

fn load(program: &mut Assembler, field: Field) {
    program.push(Instruction::load(field.size, R1, R10, field.offset));
}
