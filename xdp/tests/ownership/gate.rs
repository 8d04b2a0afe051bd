//! Where all threads of a run meet.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Longer than any burst on a busy machine; only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A barrier that lets everybody go when one of them fails.
#[derive(Debug)]
pub(crate) struct Gate {
    members: usize,
    state: Mutex<State>,
    turned: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: usize,
    turns: u64,
    is_broken: bool,
}

impl Gate {
    pub(crate) fn new(members: usize) -> Self {
        Self { members, state: Mutex::default(), turned: Condvar::new() }
    }

    /// Waits until all members are here.
    ///
    /// # Panics
    ///
    /// When another member has failed.
    pub(crate) fn meet(&self) {
        let mut state = self.state();
        state.waiting += 1;
        if state.waiting == self.members {
            state.waiting = 0;
            state.turns += 1;
            self.turned.notify_all();
        } else {
            let turn = state.turns;
            let waits = |state: &mut State| state.turns == turn && !state.is_broken;
            let woken = self.turned.wait_timeout_while(state, PATIENCE, waits);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
            assert!(state.turns != turn || state.is_broken, "somebody never came to the gate");
        }
        let is_broken = state.is_broken;
        drop(state);
        if is_broken {
            std::panic::resume_unwind(Box::new("another thread has failed")); // and has said why
        }
    }

    /// Whether a member has failed.
    pub(crate) fn is_broken(&self) -> bool {
        self.state().is_broken
    }

    /// To be held by each member: breaks the gate if the member panics.
    pub(crate) fn alarm(&self) -> Alarm<'_> {
        Alarm(self)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Breaks the gate when it is dropped by a panic.
#[derive(Debug)]
pub(crate) struct Alarm<'a>(&'a Gate);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.state().is_broken = true;
            self.0.turned.notify_all();
        }
    }
}
