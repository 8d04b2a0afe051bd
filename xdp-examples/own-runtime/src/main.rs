//! How to build a runtime on `xdp-core`: an echo that sends every frame of a queue back to where it came from.
//!
//! A runtime brings memory and system calls (`kernel.rs`), a loop and a way to wait. The core brings what must be
//! right: the rings, who has which chunk, the way home from other threads, and when the kernel has to be woken.
//!
//! ```text
//! own-runtime INTERFACE [QUEUE [FRAMES [SECONDS]]]
//! ```
//!
//! takes *every* frame of the queue away from the kernel's stack until so many have come, so much time has passed, or
//! Ctrl-C, and then says where each chunk is. Frames to a group (broadcast) are not sent back: a second thread adds
//! up their bytes. Needs root. Minimum kernel: 5.9.
#![deny(unsafe_code)] // Opted into by kernel.rs, and where a frame becomes a slice.

mod kernel;

use std::error::Error;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use xdp_core::frames::{Custody, Holder, Pool, ReturnPath};
use xdp_core::ring::pair_runs;
use xdp_core::{Chunk, ChunkSize, Desc, Entries, Options, UmemLayout, WakePolicy};

use kernel::{Mapping, Socket};

/// As many chunks as each ring has entries: no ring can be too small for them.
const ENTRIES: Entries = Entries::new(2048).unwrap();
/// The holders of a chunk beside `FREE` and `HANDS`: the kernel, by way of the fill ring or of the tx ring.
const RECEIVING: Holder = Holder::receiving(0);
const SENDING: Holder = Holder::sending(0);
const SECOND: Duration = Duration::from_secs(1);

#[allow(unsafe_code, reason = "the core knows addresses; only who has the memory can make a slice of it")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let interface = arguments.next().ok_or("usage: own-runtime INTERFACE [QUEUE [FRAMES [SECONDS]]]")?;
    let mut number = || arguments.next().map(|text| text.parse()).transpose();
    let (queue, frames, seconds) = (number()?.unwrap_or(0), number()?.unwrap_or(u32::MAX), number()?);

    // What does not change while packets run. Custody is what makes it safe to believe the kernel: a frame is looked
    // at only if its chunk was given to the kernel for that ring, and then it is nobody else's.
    let layout = UmemLayout::new(ChunkSize::K2, ENTRIES.get(), 0)?;
    let memory = Mapping::anonymous(layout.bytes())?;
    let (table, home) = (Custody::new(layout), ReturnPath::new(layout));
    let custody = table.view();
    let mut pool = Pool::with_capacity(layout.chunks());
    pool.extend((0..layout.chunks()).map(|number| layout.addr(Chunk(number))));
    let mut socket = Socket::open(&interface, queue, (&memory, layout), ENTRIES)?;
    let [mut received, mut echoed, mut passed, mut dropped, mut refused, mut calls] = [0_u64; 6];
    // Chunks that are with the kernel to be sent or with the other thread; and when to stop: when told to, or at the
    // end.
    let (mut away, mut is_told, mut is_over) = (0, false, false);
    let mut end = Instant::now() + SECOND * seconds.unwrap_or(u32::MAX);

    std::thread::scope(|scope| {
        let (aside, theirs) = channel::<Desc>();
        let other = scope.spawn(|| {
            let mut sum = 0;
            for frame in theirs {
                // SAFETY: it was checked and taken in hand before it was sent here, and who sent it kept nothing.
                sum += unsafe { memory.bytes(frame) }.iter().map(|byte| u64::from(*byte)).sum::<u64>();
                custody.set(frame.addr.0, Holder::FREE);
                home.push(frame.addr.0);
            }
            sum
        });
        eprintln!("every frame of queue {queue} of {interface} is sent back");
        loop {
            // 1. Everything that is free goes to the fill ring: what is in the pool, and what came home.
            away -= home.take_all(&mut pool);
            let mut slots = socket.fill.reserve(pool.len());
            let n = slots.len();
            pair_runs((pool.last(n), &[]), slots.runs(), |chunks, slots| {
                custody.give_all(chunks, RECEIVING, slots);
                chunks.len()
            });
            slots.submit(n);
            pool.forget_last(n);

            // 2. From the rx ring to the tx ring, to the other thread, or to the pool.
            let mut batch = socket.rx.peek(64);
            let mut slots = socket.tx.reserve(batch.len());
            let mut ready = 0;
            for desc in (0..batch.len()).filter_map(|i| batch.get(i)) {
                (received, away) = (received + 1, away + 1);
                if !custody.vouches_for(desc, RECEIVING) {
                    (refused, away) = (refused + 1, away - 1);
                    continue;
                }
                custody.set(desc.addr.0, Holder::HANDS);
                // SAFETY: custody vouched for it: inside a chunk that the kernel gave up, and in our hands from now
                // on.
                let bytes = unsafe { memory.bytes(desc) };
                let frame = Desc { options: Options::NONE, ..desc };
                match bytes.first_chunk_mut::<12>() {
                    Some(addresses) if addresses[0] & 1 == 1 && aside.send(frame).is_ok() => passed += 1,
                    Some(addresses) if ready < slots.len() => {
                        addresses.rotate_left(6); // from and to change places
                        custody.set(frame.addr.0, SENDING);
                        slots.write(ready, frame);
                        ready += 1;
                    }
                    _ => {
                        (dropped, away) = (dropped + 1, away - 1);
                        custody.set(frame.addr.0, Holder::FREE);
                        pool.push(layout.chunk_start(frame.addr.0));
                    }
                }
            }
            slots.submit(ready);
            batch.release(u32::MAX);
            echoed += u64::from(ready);

            // 3. From the completion ring to the pool. A kernel may say it twice: the second time is refused.
            let mut done = socket.completion.peek(u32::MAX);
            let (first, second) = done.runs();
            for &addr in first.iter().chain(second) {
                if custody.pass(addr, SENDING, Holder::FREE) {
                    pool.push(layout.chunk_start(addr));
                    away -= 1;
                } else {
                    refused += 1;
                }
            }
            done.release(u32::MAX);

            // 4. The kernel is woken if it asks for it, and as long as that moves something: one call sends a few.
            let mut left = socket.tx.outstanding();
            while WakePolicy::WhenAsked.needs_kick(socket.tx.flags_after_submit(), left) {
                calls += 1;
                socket.kick_tx()?;
                let before = std::mem::replace(&mut left, socket.tx.outstanding());
                if left == before {
                    break;
                }
            }
            if WakePolicy::WhenAsked.needs_kick(socket.fill.flags_after_submit(), socket.fill.outstanding()) {
                calls += 1;
                socket.kick_rx()?;
            }

            // 5. Stop, or sleep. What is on its way gets a second. No event tells of a chunk that comes back, so
            // while some are away there are only naps.
            let now = Instant::now();
            if !is_over && (is_told || received >= u64::from(frames) || now >= end) {
                (is_over, end) = (true, now + SECOND);
                socket.program = None; // from now on the stack gets the frames
            }
            if is_over && (away == 0 || now >= end) {
                break;
            }
            if socket.rx.waiting() == 0 {
                calls += 1;
                let longest = if away > 0 { Duration::from_millis(1) } else { SECOND };
                is_told = socket.wait(longest.min(end - now))?;
            }
        }

        drop(aside);
        let sum = other.join().expect("it only adds");
        home.take_all(&mut pool);
        println!("received={received} echoed={echoed} passed={passed} dropped={dropped} refused={refused}");
        println!("sum={sum} calls={calls}");
        let (counts, chunks) = (table.counts(), layout.chunks());
        let [free, receiving, sending, hands] = [Holder::FREE, RECEIVING, SENDING, Holder::HANDS]
            .map(|holder| counts[usize::from(holder.byte())]);
        println!("chunks={chunks} free={free} receiving={receiving} sending={sending} hands={hands}");
        let is_balanced = free == pool.len() && free + receiving + sending == chunks;
        if is_balanced { Ok(()) } else { Err("a chunk is lost".into()) }
    })
}
