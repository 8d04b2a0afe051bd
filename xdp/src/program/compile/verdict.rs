//! What happens when a rule matches: it is counted, and the packet goes where the rule says.

use std::mem::offset_of;

use xdp_sys::bpf::xdp_md;

use super::Compiler;
use super::fields::{self, flag};
use crate::program::filter::Side;
use crate::program::rules::{Rule, Spread, Target, Verdict};
use crate::program::{AluOp, Assembler, Condition, Helper, Instruction, Register, Size};

use Register::{R0, R1, R2, R3, R4, R6, R10};

/// The most sockets that the packets of a queue are spread over: what 16 bits of a hash can choose from.
pub(super) const MOST_SOCKETS: u32 = 1 << 16;

/// The map of the counters among the program's maps.
const COUNTERS: u16 = 1;

/// Where the counters are: one value, a lane for each queue (modulo 64, so that queues seldom share a cache line), a
/// word for each rule, one for what no rule matched, and one for each rule's turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::program) struct Layout {
    rules: usize,
    /// Bytes.
    lane: usize,
}

impl Layout {
    const LANES: usize = 64;
    const CACHE_LINE: usize = 64;
    const WORD: usize = 8;

    pub(super) fn of(rules: &[Rule]) -> Self {
        let words = 2 * rules.len() + 1;
        Self { rules: rules.len(), lane: (words * Self::WORD).next_multiple_of(Self::CACHE_LINE) }
    }

    /// Bytes of the value.
    pub(in crate::program) fn bytes(&self) -> usize {
        Self::LANES * self.lane
    }

    /// What the rules have counted, and what they have not, given the value's bytes.
    pub(in crate::program) fn read(&self, value: &[u8]) -> (Vec<u64>, u64) {
        let mut counts = vec![0_u64; self.rules + 1];
        for lane in value.chunks_exact(self.lane) {
            for (count, word) in counts.iter_mut().zip(lane.chunks_exact(Self::WORD)) {
                let word = word.first_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes));
                *count = count.wrapping_add(word);
            }
        }
        let otherwise = counts.pop().unwrap_or(0);
        (counts, otherwise)
    }

    fn turn(&self, rule: usize) -> i16 {
        self.word(self.rules + 1 + rule)
    }

    /// The place of a word in its lane. Beyond what an instruction can say there are more rules than a program has
    /// room for, and it is refused for its length.
    fn word(&self, number: usize) -> i16 {
        i16::try_from(number * Self::WORD).unwrap_or(0)
    }
}

/// Appends what happens to the packets of a rule, and the end of the program for them.
pub(super) fn emit(compiler: &mut Compiler, rule: usize, verdict: Verdict) {
    count(compiler, rule);
    let (layout, otherwise, hints) = (compiler.layout, compiler.otherwise, compiler.hints);
    let program = &mut compiler.program;
    match verdict {
        Verdict::Redirect(target) => {
            hints.emit(program);
            slot(program, layout, rule, target);
            program.extend(Instruction::load_map(R1));
            program.push(Instruction::mov(R3, otherwise as i32));
            program.push(Instruction::call(Helper::RedirectMap));
        }
        Verdict::Pass | Verdict::Drop | Verdict::Transmit => {
            program.push(Instruction::mov(R0, verdict.action(otherwise) as i32));
        }
    }
    program.push(Instruction::exit());
}

/// Appends what happens to packets that no rule matches.
pub(super) fn emit_otherwise(compiler: &mut Compiler, rules: usize) {
    count(compiler, rules);
    compiler.program.push(Instruction::mov(R0, compiler.otherwise as i32));
    compiler.program.push(Instruction::exit());
}

fn count(compiler: &mut Compiler, number: usize) {
    let layout = compiler.layout;
    let program = &mut compiler.program;
    lane(program, layout);
    program.push(Instruction::mov(R2, 1));
    program.push(Instruction::add_atomically(Size::Double, R1, layout.word(number), R2));
}

/// The lane of the packet's queue in r1.
fn lane(program: &mut Assembler, layout: Layout) {
    queue(program, R2);
    program.push(Instruction::alu(AluOp::And, R2, Layout::LANES as i32 - 1));
    program.push(Instruction::alu(AluOp::Mul, R2, i32::try_from(layout.lane).unwrap_or(0)));
    program.extend(Instruction::load_value(R1, COUNTERS, 0));
    program.push(Instruction::alu(AluOp::Add, R1, R2));
}

/// The slot of the socket map in r2.
fn slot(program: &mut Assembler, layout: Layout, rule: usize, target: Target) {
    match target {
        Target::Queue => queue(program, R2),
        Target::Slot(number) => program.push(Instruction::mov32(R2, number as i32)),
        Target::Spread { first, sockets, by } => {
            match by {
                Spread::Flow => flow(program, sockets as i32),
                Spread::RoundRobin => {
                    lane(program, layout);
                    let turn = layout.turn(rule);
                    program.push(Instruction::load(Size::Double, R4, R1, turn));
                    program.push(Instruction::mov(R3, R4));
                    program.push(Instruction::alu(AluOp::Add, R3, 1));
                    program.push(Instruction::store(Size::Double, R1, turn, R3));
                    program.push(Instruction::alu(AluOp::Mod, R4, sockets as i32));
                }
            }
            queue(program, R2);
            program.push(Instruction::alu32(AluOp::Mul, R2, sockets as i32));
            program.push(Instruction::alu32(AluOp::Add, R2, first as i32));
            program.push(Instruction::alu32(AluOp::Add, R2, R4));
        }
    }
}

/// A number below `sockets` in r4 that is the same for both directions of a flow.
///
/// What is not there is the same on both sides, so that it comes to nothing here.
fn flow(program: &mut Assembler, sockets: i32) {
    /// 2^32 divided by the golden ratio: spreads numbers that differ in a few bits (Knuth, volume 3, 6.4).
    const GOLDEN: i32 = 0x9e37_79b1_u32 as i32;
    let fragment = program.label();
    program.push(Instruction::mov32(R4, 0));
    for (source, destination) in
        fields::address(Side::Source).into_iter().zip(fields::address(Side::Destination))
    {
        for field in [source, destination] {
            program.push(Instruction::load(field.size, R3, R10, field.offset));
            program.push(Instruction::alu32(AluOp::Xor, R4, R3));
        }
    }
    program.push(Instruction::load(Size::Word, R3, R10, fields::FLAGS.offset));
    program.jump_if(Condition::AnyBit, R3, flag::FRAGMENT, fragment);
    for side in [Side::Source, Side::Destination] {
        let port = fields::port(side);
        program.push(Instruction::load(port.size, R3, R10, port.offset));
        program.push(Instruction::alu32(AluOp::Xor, R4, R3));
    }
    program.bind(fragment);
    program.push(Instruction::alu32(AluOp::Mul, R4, GOLDEN));
    program.push(Instruction::alu32(AluOp::ShiftRight, R4, 16));
    program.push(Instruction::alu(AluOp::Mul, R4, sockets));
    program.push(Instruction::alu(AluOp::ShiftRight, R4, 16));
}

fn queue(program: &mut Assembler, to: Register) {
    program.push(Instruction::load(Size::Word, to, R6, offset_of!(xdp_md, rx_queue_index) as i16));
}
