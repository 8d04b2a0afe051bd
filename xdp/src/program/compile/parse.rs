//! The first part of a program: over the headers, once, and the fields on the stack.

use std::mem::offset_of;

use xdp_sys::bpf::xdp_md;

use super::fields::{self, Depth, Field, Needs, flag};
use crate::program::filter::{EXTENSION_HEADERS, Side, is_extension_header, number::*};
use crate::program::sets::prefix_key::PrefixKey;
use crate::program::{AluOp, Assembler, Condition, Instruction, Label, Register, Size};

use Condition::{AnyBit, Equal, Greater, Less, NotEqual};
use Register::{R1, R2, R3, R4, R6, R7, R8, R9, R10};

/// Bytes of the Ethernet header, and of a VLAN tag.
const ETHERNET: i32 = 14;
const TAG: i32 = 4;

/// Where the walk goes on when all is found, or no more can be.
struct Ways {
    done: Label,
    transport: Label,
}

/// Appends the walk. Afterwards r6 is the context and the fields are on the stack; nothing else is left.
pub(super) fn emit(program: &mut Assembler, needs: Needs) {
    program.push(Instruction::mov(R6, R1));
    if needs.depth == Depth::Nothing {
        return;
    }
    // Every field, whether it is there or not: the verifier wants to see it written.
    for offset in (fields::LOWEST..0).step_by(8) {
        program.push(Instruction::store(Size::Double, R10, offset, -1));
    }
    program.push(Instruction::load(Size::Word, R8, R6, offset_of!(xdp_md, data) as i16));
    program.push(Instruction::load(Size::Word, R7, R6, offset_of!(xdp_md, data_end) as i16));
    program.push(Instruction::mov(R9, flag::WALKED));
    let ways = Ways { done: program.label(), transport: program.label() };
    ethernet(program, needs, &ways);
    if needs.depth == Depth::Transport {
        program.bind(ways.transport);
        transport(program, needs, ways.done);
    } else {
        program.bind(ways.transport);
    }
    program.bind(ways.done);
    store(program, fields::FLAGS, R9);
}

/// To the type in r2 (host order), with r8 as far behind the addresses as there are tags.
fn ethernet(program: &mut Assembler, needs: Needs, ways: &Ways) {
    room(program, ETHERNET, ways.done);
    note(program, flag::MACS);
    if needs.macs {
        for (side, at) in [(Side::Destination, 0), (Side::Source, 6)] {
            let [first, rest] = fields::mac(side);
            copy(program, at, first);
            copy(program, at + 4, rest);
        }
    }
    if needs.depth < Depth::Type {
        return;
    }
    half(program, R2, 12);
    let typed = program.label();
    for (has_tag, id) in [(flag::ONE_TAG, fields::OUTER_VLAN), (flag::TWO_TAGS, fields::INNER_VLAN)] {
        let tagged = program.label();
        program.jump_if(Equal, R2, i32::from(VLAN), tagged);
        program.jump_if(NotEqual, R2, i32::from(SERVICE_VLAN), typed);
        program.bind(tagged);
        room(program, ETHERNET + TAG, ways.done);
        note(program, has_tag);
        if needs.vlan_ids {
            half(program, R3, 14);
            program.push(Instruction::alu(AluOp::And, R3, 0xfff));
            store(program, id, R3);
        }
        half(program, R2, 16);
        program.push(Instruction::alu(AluOp::Add, R8, TAG));
    }
    program.bind(typed);
    note(program, flag::ETHERNET_TYPE);
    store(program, fields::ETHERNET_TYPE, R2);
    if needs.depth < Depth::Network {
        return;
    }
    program.push(Instruction::alu(AluOp::Add, R8, ETHERNET));
    let ipv6_next = program.label();
    program.jump_if(NotEqual, R2, i32::from(IPV4), ipv6_next);
    ipv4(program, needs, ways);
    program.bind(ipv6_next);
    program.jump_if(NotEqual, R2, i32::from(IPV6), ways.done);
    ipv6(program, needs, ways);
}

/// To the transport header, with the protocol in r2.
fn ipv4(program: &mut Assembler, needs: Needs, ways: &Ways) {
    room(program, 20, ways.done);
    program.push(Instruction::load(Size::Byte, R3, R8, 0));
    program.push(Instruction::mov(R4, R3));
    program.push(Instruction::alu(AluOp::And, R4, 0xf0));
    program.jump_if(NotEqual, R4, 0x40, ways.done);
    program.push(Instruction::alu(AluOp::And, R3, 0x0f));
    program.jump_if(Less, R3, 5, ways.done);
    note(program, flag::IPV4);
    if needs.addresses {
        addresses(program, PrefixKey::IPV4, 1, 12);
    }
    if needs.depth >= Depth::Protocol {
        note(program, flag::PROTOCOL);
        program.push(Instruction::load(Size::Byte, R2, R8, 9));
        store(program, fields::PROTOCOL, R2);
        let whole = program.label();
        half(program, R4, 6);
        // More fragments, or an offset; then the offset alone.
        program.push(Instruction::alu(AluOp::And, R4, 0x3fff));
        program.jump_if(Equal, R4, 0, whole);
        note(program, flag::FRAGMENT);
        program.push(Instruction::alu(AluOp::And, R4, 0x1fff));
        program.jump_if(Equal, R4, 0, whole);
        note(program, flag::LATER);
        program.jump(ways.done);
        program.bind(whole);
        program.push(Instruction::load(Size::Byte, R3, R8, 0));
        program.push(Instruction::alu(AluOp::And, R3, 0x0f));
        program.push(Instruction::alu(AluOp::ShiftLeft, R3, 2));
        program.push(Instruction::alu(AluOp::Add, R8, R3));
    }
    program.jump(ways.transport);
}

/// To the transport header, with the protocol in r2.
fn ipv6(program: &mut Assembler, needs: Needs, ways: &Ways) {
    room(program, 40, ways.done);
    program.push(Instruction::load(Size::Byte, R3, R8, 0));
    program.push(Instruction::alu(AluOp::And, R3, 0xf0));
    program.jump_if(NotEqual, R3, 0x60, ways.done);
    note(program, flag::IPV6);
    if needs.addresses {
        addresses(program, PrefixKey::IPV6, 4, 8);
    }
    if needs.depth < Depth::Protocol {
        program.jump(ways.done);
        return;
    }
    program.push(Instruction::load(Size::Byte, R2, R8, 6));
    program.push(Instruction::alu(AluOp::Add, R8, 40));
    let (found, later) = (program.label(), program.label());
    // What nearly every packet has needs none of the looks below.
    for protocol in [TCP, UDP, ICMPV6] {
        program.jump_if(Equal, R2, i32::from(protocol), found);
    }
    for _ in 0..EXTENSION_HEADERS {
        extension_header(program, ways, found, later);
    }
    for other in (0..=u8::MAX).filter(|&number| is_extension_header(number)) {
        program.jump_if(Equal, R2, i32::from(other), ways.done);
    }
    program.jump(found);
    program.bind(later);
    note(program, flag::PROTOCOL | flag::LATER);
    store(program, fields::PROTOCOL, R2);
    program.jump(ways.done);
    program.bind(found);
    note(program, flag::PROTOCOL);
    store(program, fields::PROTOCOL, R2);
    program.jump(ways.transport);
}

/// Over one extension header, if r2 says that there is one: r2 becomes what it says follows. Else to `found`.
fn extension_header(program: &mut Assembler, ways: &Ways, found: Label, later: Label) {
    const FRAGMENT: u8 = 44;
    const AUTHENTICATION: u8 = 51;
    let (units, fragment, authentication, over) =
        (program.label(), program.label(), program.label(), program.label());
    for number in (0..=u8::MAX).filter(|&number| is_extension_header(number)) {
        let kind = match number {
            FRAGMENT => fragment,
            AUTHENTICATION => authentication,
            _ => units,
        };
        program.jump_if(Equal, R2, i32::from(number), kind);
    }
    program.jump(found);

    program.bind(fragment);
    room(program, 8, ways.done);
    half(program, R3, 2);
    program.push(Instruction::mov(R4, 8));
    let not_more = program.label();
    // The offset, or that more fragments follow; then the offset alone.
    program.push(Instruction::alu(AluOp::And, R3, 0xfff9));
    program.jump_if(Equal, R3, 0, not_more);
    note(program, flag::FRAGMENT);
    program.bind(not_more);
    program.push(Instruction::load(Size::Byte, R2, R8, 0));
    program.jump_if(AnyBit, R3, 0xfff8, later);
    program.jump(over);

    program.bind(authentication);
    room(program, 8, ways.done);
    program.push(Instruction::load(Size::Byte, R4, R8, 1));
    program.push(Instruction::alu(AluOp::Add, R4, 2));
    program.push(Instruction::alu(AluOp::ShiftLeft, R4, 2));
    program.push(Instruction::load(Size::Byte, R2, R8, 0));
    program.jump(over);

    program.bind(units);
    room(program, 8, ways.done);
    program.push(Instruction::load(Size::Byte, R4, R8, 1));
    program.push(Instruction::alu(AluOp::Add, R4, 1));
    program.push(Instruction::alu(AluOp::ShiftLeft, R4, 3));
    program.push(Instruction::load(Size::Byte, R2, R8, 0));

    program.bind(over);
    // Three ways come together here, as one for the verifier: it forgets what it knows of the length on the stack,
    // and learns the bound again, that of all three: (255 + 1) * 8 and less.
    store(program, fields::SCRATCH, R4);
    load(program, R4, fields::SCRATCH);
    program.push(Instruction::alu(AluOp::And, R4, 0xffc));
    program.push(Instruction::alu(AluOp::Add, R8, R4));
}

/// The ports of a protocol that has them, or the ICMP type.
fn transport(program: &mut Assembler, needs: Needs, done: Label) {
    room(program, 4, done);
    if needs.icmp {
        note(program, flag::ICMP);
        program.push(Instruction::load(Size::Byte, R3, R8, 0));
        store(program, fields::ICMP_TYPE, R3);
    }
    let ports = program.label();
    program.jump_if(Equal, R2, i32::from(UDP), ports);
    program.jump_if(Equal, R2, i32::from(TCP), ports);
    program.jump_if(NotEqual, R2, i32::from(SCTP), done);
    program.bind(ports);
    note(program, flag::PORTS);
    for (side, at) in [(Side::Source, 0), (Side::Destination, 2)] {
        half(program, R3, at);
        store(program, fields::port(side), R3);
    }
}

/// Both addresses, of some words each, the source's first, as keys of a trie.
fn addresses(program: &mut Assembler, family: i32, words: usize, at: i16) {
    let bytes = words as i16 * 4;
    for (side, at) in [(Side::Source, at), (Side::Destination, at + bytes)] {
        let key = fields::key(side);
        let bits = PrefixKey::FAMILY_BITS + i32::from(bytes) * 8;
        program.push(Instruction::store(Size::Word, R10, key, bits));
        program.push(Instruction::store(Size::Word, R10, key + PrefixKey::FAMILY, family));
        for (field, at) in fields::address(side).into_iter().take(words).zip((at..).step_by(4)) {
            copy(program, at, field);
        }
    }
}

/// Goes on at `done` unless the packet has so many bytes from r8 on.
fn room(program: &mut Assembler, bytes: i32, done: Label) {
    program.push(Instruction::mov(R1, R8));
    program.push(Instruction::alu(AluOp::Add, R1, bytes));
    program.jump_if(Greater, R1, R7, done);
}

fn note(program: &mut Assembler, flags: i32) {
    program.push(Instruction::alu(AluOp::Or, R9, flags));
}

/// Two bytes in network order, from r8 on.
fn half(program: &mut Assembler, to: Register, at: i16) {
    program.push(Instruction::load(Size::Half, to, R8, at));
    program.push(Instruction::network_order(to, Size::Half));
}

/// Bytes of the packet as they are, from r8 on.
fn copy(program: &mut Assembler, at: i16, to: Field) {
    program.push(Instruction::load(to.size, R3, R8, at));
    store(program, to, R3);
}

fn store(program: &mut Assembler, to: Field, from: Register) {
    program.push(Instruction::store(to.size, R10, to.offset, from));
}

fn load(program: &mut Assembler, to: Register, from: Field) {
    program.push(Instruction::load(from.size, to, R10, from.offset));
}
