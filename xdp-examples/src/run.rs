//! For how long a program runs: until Ctrl-C or the end of its duration, with a line per second meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use indicatif::HumanCount;
use signal_hook::consts::{SIGINT, SIGTERM};
use xdp::{KickError, Tx};

/// The longest sleep. A signal does not end a wait, so this bounds how late Ctrl-C is seen.
const PATIENCE: Duration = Duration::from_millis(100);

/// One run of a program.
#[derive(Debug)]
pub struct Run {
    started: Instant,
    end: Option<Instant>,
    interrupted: Arc<AtomicBool>,
    next_line: Instant,
    packets_before: u64,
}

impl Run {
    /// Starts the clock, and listens for Ctrl-C from here on. A second Ctrl-C ends the program at once.
    pub fn start(duration: Option<Duration>) -> anyhow::Result<Self> {
        let interrupted = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&interrupted))
                .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&interrupted)))
                .context("cannot listen for Ctrl-C")?;
        }
        let started = Instant::now();
        Ok(Self {
            started,
            // An end beyond what the clock can tell is none.
            end: duration.and_then(|duration| started.checked_add(duration)),
            interrupted,
            next_line: started + Duration::from_secs(1),
            packets_before: 0,
        })
    }

    /// Whether it is time to end.
    pub fn is_over(&self) -> bool {
        self.is_interrupted() || self.end.is_some_and(|end| Instant::now() >= end)
    }

    /// Whether somebody pressed Ctrl-C.
    pub fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed) // a flag that stands alone
    }

    /// How long to wait for something to do, at most.
    pub fn patience(&self) -> Duration {
        let left = self.end.map(|end| end.saturating_duration_since(Instant::now()));
        left.map_or(PATIENCE, |left| left.min(PATIENCE))
    }

    /// Since the start.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Says once a second how it goes; `packets` is the count so far.
    pub fn tick(&mut self, packets: u64) {
        let now = Instant::now();
        if now < self.next_line {
            return;
        }
        let since = (now - self.next_line + Duration::from_secs(1)).as_secs_f64();
        let rate = (packets - self.packets_before) as f64 / since;
        let line = format!(
            "{:>5.0} s {:>14} packets/s {:>18} packets",
            (now - self.started).as_secs_f64(),
            HumanCount(rate as u64).to_string(),
            HumanCount(packets).to_string()
        );
        crate::say(&line);
        self.packets_before = packets;
        self.next_line = now + Duration::from_secs(1);
    }

    /// Kicks, and has patience with an interface that is down: its packets stay queued and go when it is up again.
    /// One that is being removed goes down first; the next kick says that it is gone.
    pub fn kick(&self, tx: &mut Tx) -> Result<(), KickError> {
        match tx.kick() {
            Err(KickError::InterfaceDown { .. }) => {
                std::thread::sleep(self.patience());
                Ok(())
            }
            other => other,
        }
    }
}
