//! The crate's orderings under a model checker (loom): every interleaving, and every value that a load may return.
//!
//! Each model is the smallest that shows its matter. It runs the crate's own cursors, fence, return path and custody;
//! slots, packet bytes and the other side are written here. Beside each stands how many executions there are, and
//! what they took on a virtual machine with 2 cores; only one has a bound on preemptions. Each has twins: the same
//! with one ordering of ours weakened, which must fail, and by what is said there.
//!
//! | rows | ordering | the models that fail without it |
//! |------|----------|---------------------------------|
//! | 1, 2 | Release, Acquire | [`rings`]: sending, filling, producing in batches; [`halves`]: the lane |
//! | 3, 4 | Acquire, Release | [`rings`]: receiving, completing, consuming in batches; [`halves`]: the lane |
//! | 5 | SeqCst (fence) | [`wakeup`]: asking after publishing, asking after each |
//! | 7, 8 | Release, Acquire | [`returns`]: all but counting; [`home`]: freeing; [`halves`]: custody |
//! | 11 | Release, and Acquire | [`returns`]: counting |
//! | 12 | Acquire | [`watch`] |
//! | 6, 9, 10 | Relaxed | nothing to weaken; the models hold with them as they are |
//!
//! What the checker does not know: loads that return a store yet to come (load buffering), and control dependencies.
//! The first hides no row: rows 2 and 4 are what keeps accesses to a slot between their load and their store, and
//! without them the slot has a race, which is found by what happens before what, not by values. For the second see
//! [`kernel`]; for what the checker would skip, [`swapped`].
//!
//! `.ci/loom` runs them.

mod halves;
mod home;
mod kernel;
mod plain;
mod returns;
mod ring;
mod rings;
pub(crate) mod swapped;
mod wakeup;
mod watch;
pub(crate) mod weaken;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::println;
use std::string::String;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use weaken::Weaker;

/// What the model checker says of two accesses to the same memory that nothing orders.
const RACE: &str = "Causality violation";

/// The model must hold in every execution with at most that many preemptions (None: in every execution).
fn holds(preemptions: Option<usize>, model: fn()) {
    explore(preemptions, model);
}

/// The model must fail without this ordering, with a message that has `reason` in it.
fn fails(without: impl Into<Option<Weaker>>, reason: &str, preemptions: Option<usize>, model: fn()) {
    let without = without.into();
    let outcome = weaken::run(without, || catch_unwind(AssertUnwindSafe(|| explore(preemptions, model))));
    let Err(panic) = outcome else { panic!("the model holds with {without:?}") };
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default();
    assert!(text.contains(reason), "with {without:?} the model fails, but not by {reason:?}: {text}");
}

fn explore(preemptions: Option<usize>, model: fn()) {
    let executions = Arc::new(AtomicU64::new(0));
    let _report = Report { executions: Arc::clone(&executions), started: Instant::now() };
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions;
    builder.check(move || {
        executions.fetch_add(1, Ordering::Relaxed);
        model();
    });
}

/// Says how much was explored, for who runs with `--show-output`.
#[derive(Debug)]
struct Report {
    executions: Arc<AtomicU64>,
    started: Instant,
}

impl Drop for Report {
    fn drop(&mut self) {
        println!("{} executions in {:.1?}", self.executions.load(Ordering::Relaxed), self.started.elapsed());
    }
}
