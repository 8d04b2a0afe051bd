//! The cases: every group by every implementation, at every batch.

use std::fmt;

use crate::{chunks, cursors, frames, journeys, rings, steps};

/// Entries of a batch.
pub const BATCHES: [u32; 5] = [1, 8, 32, 64, 256];

/// Entries that go through a case in one round: a whole number of every batch.
pub const ROUND: u32 = 512;

/// Rounds at once, where nothing has to be made ready.
pub(crate) const ENDLESS: u32 = 16;

/// Batches of `n` in one round.
pub const fn steps_of_round(n: u32) -> u32 {
    ROUND / n
}

/// The work of one group by one implementation, and all that it works on.
///
/// Batches of several sizes may follow one another, round by round.
pub trait Subject {
    /// Makes one round ready; outside of what is timed or counted.
    fn prepare(&mut self) {}

    /// Rounds that may follow one another without being made ready: short ones are better timed together.
    fn rounds_at_once(&self) -> u32 {
        1
    }

    /// One batch of `n`, checked, and the kernel's index stores for it.
    fn step(&mut self, n: u32);

    /// All batches of a round, so that one call is made through a pointer, and not one a batch.
    fn round(&mut self, n: u32) {
        for _ in 0..steps_of_round(n) {
            self.step(n);
        }
    }
}

/// What is done, and by whom.
#[derive(Debug)]
pub struct Group {
    /// What is done, as `crate/operation`.
    pub name: &'static str,
    /// Whether a round is this work and little else. Of a part that cannot be repeated by itself only the
    /// instructions can be told: reading a clock costs more than it does.
    pub is_timed: bool,
    /// Who does it, `floor` first and `ours` last.
    pub by: Vec<Implementation>,
}

/// One implementation of a group.
pub struct Implementation {
    /// Who it is.
    pub name: &'static str,
    make: Box<dyn Fn() -> Box<dyn Subject>>,
}

impl Implementation {
    fn new<S: Subject + 'static>(name: &'static str, make: impl Fn() -> S + 'static) -> Self {
        Self { name, make: Box::new(move || Box::new(make())) }
    }

    /// A fresh bed for it.
    pub fn make(&self) -> Box<dyn Subject> {
        (self.make)()
    }
}

impl fmt::Debug for Implementation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// All of them.
pub fn groups() -> Vec<Group> {
    let mut groups = Vec::new();
    groups.extend(cursors::OPERATIONS.map(|operation| Group {
        name: operation.group(),
        is_timed: true,
        by: vec![
            Implementation::new("floor", move || cursors::Bed::<cursors::Floor>::new(operation)),
            Implementation::new("ours", move || cursors::Bed::<cursors::Ours>::new(operation)),
        ],
    }));
    groups.extend(rings::OPERATIONS.map(|operation| Group {
        name: operation.group(),
        is_timed: true,
        by: vec![
            Implementation::new("floor", move || rings::Bed::<rings::Floor>::new(operation)),
            Implementation::new("slice", move || rings::Bed::<rings::Slice>::new(operation)),
            Implementation::new("ours", move || rings::Bed::<rings::Ours>::new(operation)),
        ],
    }));
    groups.extend(chunks::OPERATIONS.map(|operation| Group {
        name: operation.group(),
        is_timed: operation != chunks::Operation::TakeAll,
        by: vec![
            Implementation::new("floor", move || chunks::Bed::<chunks::ByHand>::new(operation)),
            Implementation::new("ours", move || chunks::Bed::<chunks::Ours>::new(operation)),
        ],
    }));
    groups.extend(frames::OPERATIONS.map(|operation| Group {
        name: operation.group(),
        is_timed: true,
        by: vec![
            Implementation::new("floor", move || frames::Bed::<journeys::ByHand>::new(operation)),
            Implementation::new("ours", move || frames::Bed::<journeys::Ours>::new(operation)),
        ],
    }));
    groups.extend(steps::STEPS.map(|step| Group {
        name: step.group(),
        is_timed: false,
        by: vec![
            Implementation::new("floor", move || steps::Bed::<journeys::ByHand>::new(step)),
            Implementation::new("ours", move || steps::Bed::<journeys::Ours>::new(step)),
        ],
    }));
    groups.extend(journeys::FLOWS.map(|flow| {
        use journeys::{Bed, ByHand, Check, Flow, Ours};
        let mut by = vec![Implementation::new("floor", move || Bed::<ByHand>::new(flow))];
        if matches!(flow, Flow::Borrowed | Flow::Owned) {
            by.push(Implementation::new("careful", move || Bed::<ByHand<Check>>::new(flow)));
        }
        by.push(Implementation::new("ours", move || Bed::<Ours>::new(flow)));
        Group { name: flow.group(), is_timed: true, by }
    }));
    groups
}
