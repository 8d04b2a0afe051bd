//! From rules to one program that every kernel since 5.4 takes.
//!
//! Two parts. The first one walks over the headers once and puts the fields that any rule asks for on the stack, with
//! a word of flags that says which are there ([`parse`]). The second one looks at the stack only: the tests of each
//! rule in turn ([`tests`]), and at the first rule that matches its counter and verdict ([`verdict`]).
//!
//! So the verifier has little to follow. Jumps go forward only. After the first part no pointer into the packet is
//! alive and what lies on the stack is unknown to it, so that the ways through the headers are one again; each test
//! reads its field anew, so that nothing is known after it either. The work grows with the length of the program, not
//! with the number of its ways.
//!
//! ```text
//! r6  the context           r7  the end of the first buffer
//! r8  the current header    r9  the flags, until they are stored
//! ```

use std::collections::BTreeMap;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use super::assembler::{AssembleError, Assembler, Label};
use super::filter::{Node, Test};
use super::hints::HintFunctions;
use super::rules::{Rule, Rules, Target, Verdict};
use super::{Action, Instruction, PortSet, PrefixSet};

mod error;
mod fields;
mod parse;
mod tests;
mod verdict;

pub use error::CompileError;
pub(super) use verdict::Layout;

use fields::Needs;

/// Where the fields begin that rules look at, in bytes from r10.
pub(super) const LOWEST_FIELD: i16 = fields::LOWEST;

/// What the kernel took at most before Linux 5.2, and takes from whoever may only load simple programs: enough for
/// some hundred tests.
const MOST_INSTRUCTIONS: usize = 4096;

/// A program, and what it looks into besides the socket map.
#[derive(Debug, Clone)]
pub(super) struct Compiled {
    pub(super) instructions: Vec<Instruction>,
    /// Maps number 2 and up; the socket map is number 0, the counters are number 1.
    pub(super) sets: Vec<LiveSet>,
    pub(super) layout: Layout,
}

/// A set that a program asks.
#[derive(Debug, Clone)]
pub(super) enum LiveSet {
    Ports(PortSet),
    Prefixes(PrefixSet),
}

impl AsFd for LiveSet {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Ports(set) => set.as_fd(),
            Self::Prefixes(set) => set.as_fd(),
        }
    }
}

/// Compiles rules. `multi_buffer`: the program gets packets of several buffers. `hints`: what is put in front of those
/// that go to a socket.
pub(super) fn compile(
    rules: &Rules,
    otherwise: Action,
    multi_buffer: bool,
    hints: HintFunctions,
) -> Result<Compiled, CompileError> {
    check(rules.as_slice(), otherwise)?;
    let layout = Layout::of(rules.as_slice());
    let mut compiler = Compiler {
        program: Assembler::new(),
        sets: Vec::new(),
        numbers: BTreeMap::new(),
        layout,
        otherwise,
        multi_buffer,
        hints,
    };
    parse::emit(&mut compiler.program, Needs::of(rules.as_slice()));
    for (number, rule) in rules.as_slice().iter().enumerate() {
        let (hit, next) = (compiler.program.label(), compiler.program.label());
        compiler.condition(rule.filter.nodes(), hit, next);
        compiler.program.bind(hit);
        verdict::emit(&mut compiler, number, rule.verdict);
        compiler.program.bind(next);
    }
    verdict::emit_otherwise(&mut compiler, rules.len());
    let Compiler { program, sets, layout, .. } = compiler;
    match program.finish() {
        Ok(instructions) if instructions.len() <= MOST_INSTRUCTIONS => {
            Ok(Compiled { instructions, sets, layout })
        }
        Ok(instructions) => {
            Err(CompileError::TooLarge { instructions: instructions.len(), most: MOST_INSTRUCTIONS })
        }
        // Jumps are forward and labels bound by construction: too far is all that is left.
        Err(AssembleError::TooFar { distance, .. }) => {
            Err(CompileError::TooLarge { instructions: distance, most: MOST_INSTRUCTIONS })
        }
        Err(fault) => Err(CompileError::Fault { fault }),
    }
}

fn check(rules: &[Rule], otherwise: Action) -> Result<(), CompileError> {
    if otherwise == Action::Redirect {
        return Err(CompileError::OtherwiseRedirect);
    }
    for rule in rules {
        if let Verdict::Redirect(Target::Spread { sockets, .. }) = rule.verdict {
            if !(1..=verdict::MOST_SOCKETS).contains(&sockets) {
                return Err(CompileError::Spread { sockets, most: verdict::MOST_SOCKETS });
            }
        }
    }
    Ok(())
}

/// A program under construction.
struct Compiler {
    program: Assembler,
    sets: Vec<LiveSet>,
    /// The number of the map of each set, by descriptor.
    numbers: BTreeMap<i32, u16>,
    layout: Layout,
    otherwise: Action,
    multi_buffer: bool,
    hints: HintFunctions,
}

impl Compiler {
    /// Goes on at `hit` if the nodes hold, else at `miss`. What is bound next should be `hit`.
    ///
    /// The nodes are operands before operators. An operator needs to know where its first operand begins, which is
    /// found beforehand; then each is compiled from the top with the two places where it ends, on a stack of our own.
    fn condition(&mut self, nodes: &[Node], hit: Label, miss: Label) {
        let starts = starts(nodes);
        let mut work = vec![Work::Node { at: nodes.len() - 1, hit, miss }];
        while let Some(step) = work.pop() {
            let (at, hit, miss) = match step {
                Work::Bind(label) => {
                    self.program.bind(label);
                    continue;
                }
                Work::Node { at, hit, miss } => (at, hit, miss),
            };
            match &nodes[at] {
                Node::Test(test) => self.test(test, hit, miss),
                Node::Not => work.push(Work::Node { at: at - 1, hit: miss, miss: hit }),
                operator => {
                    let (second, between) = (at - 1, self.program.label());
                    let first = starts[second] - 1;
                    // Last in, first out.
                    work.push(Work::Node { at: second, hit, miss });
                    work.push(Work::Bind(between));
                    let (hit, miss) = if *operator == Node::And { (between, miss) } else { (hit, between) };
                    work.push(Work::Node { at: first, hit, miss });
                }
            }
        }
    }

    fn test(&mut self, test: &Test, hit: Label, miss: Label) {
        tests::emit(self, test, hit, miss);
    }

    /// The number of a set's map.
    fn number(&mut self, set: LiveSet) -> u16 {
        let next = 2 + self.sets.len() as u16;
        let descriptor = set.as_fd().as_raw_fd();
        *self.numbers.entry(descriptor).or_insert_with(|| {
            self.sets.push(set);
            next
        })
    }
}

/// What is left to compile.
enum Work {
    Node { at: usize, hit: Label, miss: Label },
    Bind(Label),
}

/// For each node the place where its first operand begins, itself if it has none.
fn starts(nodes: &[Node]) -> Vec<usize> {
    let mut starts: Vec<usize> = Vec::with_capacity(nodes.len());
    for (at, node) in nodes.iter().enumerate() {
        starts.push(match node {
            Node::Test(_) => at,
            Node::Not => starts[at - 1],
            // Before the second operand, which ends right here, ends the first one.
            Node::And | Node::Or => starts[starts[at - 1] - 1],
        });
    }
    starts
}
