//! The cases: every group by every implementation at every batch.

use crate::journeys::{self, Journey};
use crate::rings::{self, FourRings};

/// Entries of a batch.
pub const BATCHES: [u32; 4] = [1, 8, 64, 256];

/// Entries that go through a case in one round: a whole number of every batch.
pub(crate) const ROUND: u32 = 512;

/// One benchmark: a group by an implementation at a batch.
pub struct Case<'a> {
    /// What is done, as `crate/operation`.
    pub group: &'static str,
    /// Who does it.
    pub implementation: &'static str,
    /// Entries a step.
    pub batch: u32,
    /// Makes one round of steps ready, outside of what is timed or counted.
    pub prepare: &'a mut dyn FnMut(),
    /// One batch of work, checked, and the kernel's index stores for it.
    pub step: &'a mut dyn FnMut(),
}

impl std::fmt::Debug for Case<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.group, self.implementation, self.batch)
    }
}

impl Case<'_> {
    /// Steps of one round.
    pub fn steps(&self) -> u32 {
        ROUND / self.batch
    }
}

/// Calls `visit` with every case, the implementations of one group and batch side by side.
pub fn each_case(visit: &mut dyn FnMut(Case<'_>)) {
    for operation in rings::OPERATIONS {
        for batch in BATCHES {
            ring_case::<rings::Floor>("floor", operation, batch, visit);
            ring_case::<rings::Slice>("slice", operation, batch, visit);
            ring_case::<rings::Ours>("ours", operation, batch, visit);
        }
    }
    for flow in journeys::FLOWS {
        for batch in BATCHES {
            journey_case::<journeys::ByHand>("floor", flow, batch, visit);
            journey_case::<journeys::Ours>("ours", flow, batch, visit);
        }
    }
}

fn ring_case<R: FourRings>(
    implementation: &'static str,
    operation: rings::Operation,
    batch: u32,
    visit: &mut dyn FnMut(Case<'_>),
) {
    let mut bed = rings::Bed::<R>::new(batch);
    visit(Case {
        group: operation.group(),
        implementation,
        batch,
        prepare: &mut || {},
        step: &mut || bed.step(operation),
    });
}

fn journey_case<J: Journey>(
    implementation: &'static str,
    flow: journeys::Flow,
    batch: u32,
    visit: &mut dyn FnMut(Case<'_>),
) {
    // Both closures need the bed, never at the same time.
    let bed = std::cell::RefCell::new(journeys::Bed::<J>::new(flow, batch));
    visit(Case {
        group: flow.group(),
        implementation,
        batch,
        prepare: &mut || bed.borrow_mut().prepare(),
        step: &mut || bed.borrow_mut().step(),
    });
}
