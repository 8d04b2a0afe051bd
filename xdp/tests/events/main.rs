//! What happens to an interface while somebody waits on it, and what is asked of it beside: on veth pairs in private
//! namespaces.
#![cfg(feature = "lab")]

mod programs;
mod removal;
mod sockets;
mod steering;
mod stream;

use std::fs;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use xdp::lab::{Entered, Lab};
use xdp::{ChunkSize, Mode, QueueId, Umem, WaitError};

/// Longer than anything takes on a busy machine; only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(30);

const QUEUE: QueueId = QueueId(0);

/// The lab of a test, or none if it cannot run here. The calling thread is inside as long as the guard lives.
fn lab(test: &str) -> Option<Lab> {
    xdp::lab::require(test).then(|| Lab::new().unwrap())
}

fn enter(lab: &Lab) -> (Entered<'_>, String, String) {
    let pair = lab.pair(0);
    (lab.enter().unwrap(), pair.a().name().to_owned(), pair.b().name().to_owned())
}

fn small_umem() -> Umem {
    Umem::builder().chunks(64).chunk_size(ChunkSize::K2).build().unwrap()
}

/// Waits on a thread of its own while this one does something about it; the result, and when it came.
fn while_waiting<T: Send>(
    wait: impl FnOnce() -> Result<bool, WaitError> + Send,
    act: impl FnOnce() -> T,
) -> (Result<bool, WaitError>, Instant, T) {
    let (about_to_wait, is_about_to_wait) = mpsc::channel();
    thread::scope(|scope| {
        let waiter = scope.spawn(move || {
            // PID/task/TID
            about_to_wait.send(fs::read_link("/proc/thread-self").unwrap()).unwrap();
            let result = wait();
            (result, Instant::now())
        });
        let status = Path::new("/proc").join(is_about_to_wait.recv().unwrap()).join("stat");
        // Asleep: nothing but the wait lets it sleep.
        while !fs::read_to_string(&status).is_ok_and(|stat| stat.contains(") S ")) && !waiter.is_finished() {
            thread::yield_now();
        }
        let done = act();
        let (result, woken) = waiter.join().unwrap();
        (result, woken, done)
    })
}
