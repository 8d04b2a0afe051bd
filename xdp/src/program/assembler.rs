//! An assembler: instructions, and jumps to places that are named before they are known.
//!
//! Jumps go forward only, so that every program ends, and kernels that follow no loops (before 5.3) can tell. What is
//! never reached is left out, since the verifier refuses a program that holds such instructions.

use super::{Condition, Instruction, Operand, Register};

/// A place in a program that jumps may go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label(usize);

/// Puts a program together.
///
/// ```
/// use xdp::program::{Action, Assembler, Condition, Instruction, Register, Size};
///
/// // Drops what comes in by queue 1.
/// let mut program = Assembler::new();
/// let pass = program.label();
/// program.push(Instruction::load(Size::Word, Register::R2, Register::R1, 16));
/// program.push(Instruction::mov(Register::R0, Action::Pass as i32));
/// program.jump_if(Condition::NotEqual, Register::R2, 1, pass);
/// program.push(Instruction::mov(Register::R0, Action::Drop as i32));
/// program.bind(pass);
/// program.push(Instruction::exit());
///
/// let lines: Vec<_> = program.finish()?.iter().map(ToString::to_string).collect();
/// assert_eq!(lines[2], "if r2 != 1 goto pc+1");
/// # Ok::<(), xdp::program::AssembleError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Assembler {
    slots: Vec<Slot>,
    /// Before which slot each label is, once it is bound.
    labels: Vec<Option<usize>>,
    wrong: Option<AssembleError>,
}

/// An instruction, and where it jumps to if that is a label.
#[derive(Debug, Clone, Copy)]
struct Slot {
    instruction: Instruction,
    target: Option<Label>,
}

impl Assembler {
    /// An empty program.
    pub fn new() -> Self {
        Self::default()
    }

    /// A new place, not yet bound. It belongs to this assembler.
    pub fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// Says that a label is here: before the next instruction.
    pub fn bind(&mut self, label: Label) {
        let here = self.slots.len();
        match self.labels.get_mut(label.0) {
            Some(place @ None) => *place = Some(here),
            Some(Some(_)) => self.fail(AssembleError::BoundTwice { label: label.0 }),
            None => self.fail(AssembleError::Unbound { label: label.0 }),
        }
    }

    /// Appends an instruction. One that jumps by a number of its own is refused by [`finish`](Self::finish): the
    /// numbers change when unreachable instructions are left out.
    pub fn push(&mut self, instruction: Instruction) {
        if instruction.jump_offset().is_some() {
            self.fail(AssembleError::Unlabelled { at: self.slots.len() });
        }
        self.slots.push(Slot { instruction, target: None });
    }

    /// Appends several, such as the two slots of [`Instruction::load_map`].
    pub fn extend(&mut self, instructions: impl IntoIterator<Item = Instruction>) {
        instructions.into_iter().for_each(|each| self.push(each));
    }

    /// Goes on at the label.
    pub fn jump(&mut self, target: Label) {
        self.slots.push(Slot { instruction: Instruction::jump(0), target: Some(target) });
    }

    /// Goes on at the label if the condition holds for 64 bits.
    pub fn jump_if(
        &mut self,
        condition: Condition,
        left: Register,
        right: impl Into<Operand>,
        target: Label,
    ) {
        let instruction = Instruction::jump_if(condition, left, right, 0);
        self.slots.push(Slot { instruction, target: Some(target) });
    }

    /// Goes on at the label if the condition holds for the low 32 bits.
    pub fn jump32_if(
        &mut self,
        condition: Condition,
        left: Register,
        right: impl Into<Operand>,
        target: Label,
    ) {
        let instruction = Instruction::jump32_if(condition, left, right, 0);
        self.slots.push(Slot { instruction, target: Some(target) });
    }

    /// The program, with every jump's distance.
    ///
    /// # Errors
    ///
    /// [`AssembleError`] if a label is not bound once, or a jump goes backward or too far.
    pub fn finish(self) -> Result<Vec<Instruction>, AssembleError> {
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        let targets = self.targets()?;
        let kept = self.kept(&targets);
        // How many of the slots before each one stay.
        let mut places = Vec::with_capacity(kept.len() + 1);
        places.push(0);
        for &is_kept in &kept {
            places.push(places.last().copied().unwrap_or(0) + usize::from(is_kept));
        }
        let mut program = Vec::with_capacity(places.last().copied().unwrap_or(0));
        for (at, slot) in self.slots.iter().enumerate().filter(|&(at, _)| kept[at]) {
            program.push(match targets[at] {
                Some(target) => {
                    let distance = places[target] - places[at] - 1;
                    let offset =
                        i16::try_from(distance).map_err(|_| AssembleError::TooFar { at, distance })?;
                    slot.instruction.with_jump_offset(offset)
                }
                None => slot.instruction,
            });
        }
        Ok(program)
    }

    /// The slot that each jump goes to.
    fn targets(&self) -> Result<Vec<Option<usize>>, AssembleError> {
        let place = |label: Label| {
            let bound = self.labels.get(label.0).copied().flatten();
            bound.ok_or(AssembleError::Unbound { label: label.0 })
        };
        let mut targets = Vec::with_capacity(self.slots.len());
        for (at, slot) in self.slots.iter().enumerate() {
            let target = slot.target.map(place).transpose()?;
            if target.is_some_and(|target| target <= at) {
                return Err(AssembleError::Backward { at });
            }
            targets.push(target);
        }
        Ok(targets)
    }

    /// Which slots stay: those that are reached, but for jumps to what comes next anyway.
    fn kept(&self, targets: &[Option<usize>]) -> Vec<bool> {
        let mut kept = vec![false; self.slots.len()];
        let mark = |kept: &mut Vec<bool>, at: usize| {
            if let Some(slot) = kept.get_mut(at) {
                *slot = true;
            }
        };
        mark(&mut kept, 0);
        for (at, slot) in self.slots.iter().enumerate() {
            if kept[at] {
                if let Some(target) = targets[at] {
                    mark(&mut kept, target);
                }
                if !slot.instruction.ends_here() {
                    mark(&mut kept, at + 1);
                }
            }
        }
        // From the end, so that a jump over nothing but such jumps goes too.
        for at in (0..kept.len()).rev() {
            let is_jump = self.slots[at].instruction.ends_here();
            if let Some(target) = targets[at].filter(|_| is_jump) {
                kept[at] &= kept[at + 1..target].contains(&true);
            }
        }
        kept
    }

    fn fail(&mut self, error: AssembleError) {
        self.wrong.get_or_insert(error);
    }
}

/// Why instructions make no program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AssembleError {
    /// A jump goes to a label that is nowhere.
    #[error("label {label} is the target of a jump, and not bound to a place of this program")]
    Unbound {
        /// The label's number.
        label: usize,
    },
    /// A label is in two places.
    #[error("label {label} is bound to two places")]
    BoundTwice {
        /// The label's number.
        label: usize,
    },
    /// A jump has a distance instead of a label.
    #[error("instruction {at} jumps by a number: jump to a label instead")]
    Unlabelled {
        /// The instruction's number.
        at: usize,
    },
    /// A jump goes backward, or to itself.
    #[error("instruction {at} jumps backward: programs go forward only, so that they end")]
    Backward {
        /// The instruction's number.
        at: usize,
    },
    /// A jump goes farther than an instruction can say.
    #[error("instruction {at} jumps over {distance} instructions: 32767 are the most")]
    TooFar {
        /// The instruction's number.
        at: usize,
        /// How many it jumps over.
        distance: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use Register::{R0, R1};

    fn text(program: Assembler) -> Vec<String> {
        program.finish().expect("a program").iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_jump_goes_to_its_label() {
        let mut program = Assembler::new();
        let (one, end) = (program.label(), program.label());
        program.push(Instruction::mov(R0, 0));
        program.jump_if(Condition::Equal, R1, 1, one);
        program.jump32_if(Condition::Equal, R1, 2, end);
        program.push(Instruction::mov(R0, 2));
        program.bind(one);
        program.push(Instruction::alu(super::super::AluOp::Add, R0, 1));
        program.bind(end);
        program.push(Instruction::exit());
        let expected =
            ["r0 = 0", "if r1 == 1 goto pc+2", "if w1 == 2 goto pc+2", "r0 = 2", "r0 += 1", "exit"];
        assert_eq!(text(program), expected);
    }

    #[test]
    fn what_is_never_reached_is_left_out_and_so_is_a_jump_over_it() {
        let mut program = Assembler::new();
        let (first, second) = (program.label(), program.label());
        program.push(Instruction::mov(R0, 0));
        program.jump(first);
        program.push(Instruction::mov(R0, 1));
        program.jump(second);
        program.bind(first);
        program.jump(second);
        program.bind(second);
        program.push(Instruction::exit());
        program.push(Instruction::mov(R0, 7));
        assert_eq!(text(program), ["r0 = 0", "exit"]);
    }

    #[test]
    fn a_program_that_would_not_end_or_has_no_place_to_go_is_refused() {
        let mut backward = Assembler::new();
        let start = backward.label();
        backward.bind(start);
        backward.jump(start);
        assert_eq!(backward.finish(), Err(AssembleError::Backward { at: 0 }));

        let mut unbound = Assembler::new();
        let nowhere = unbound.label();
        unbound.jump(nowhere);
        assert_eq!(unbound.finish(), Err(AssembleError::Unbound { label: 0 }));

        let mut twice = Assembler::new();
        let here = twice.label();
        twice.bind(here);
        twice.bind(here);
        assert_eq!(twice.finish(), Err(AssembleError::BoundTwice { label: 0 }));

        let mut unlabelled = Assembler::new();
        unlabelled.push(Instruction::jump(1));
        assert_eq!(unlabelled.finish(), Err(AssembleError::Unlabelled { at: 0 }));
    }

    #[test]
    fn a_jump_farther_than_an_instruction_can_say_is_refused() {
        let over = |count: usize| {
            let mut program = Assembler::new();
            let end = program.label();
            program.jump_if(Condition::Equal, R1, 0, end);
            program.extend((0..count).map(|_| Instruction::mov(R0, 0)));
            program.bind(end);
            program.push(Instruction::exit());
            program.finish()
        };
        assert!(over(32_767).is_ok());
        assert_eq!(over(32_768), Err(AssembleError::TooFar { at: 0, distance: 32_768 }));
    }
}
