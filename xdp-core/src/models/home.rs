//! Freeing what frames refer to: when the last handle finds every chunk on the return path, no dropped frame may be
//! on its way there still.

#![allow(
    unsafe_code,
    reason = "frees what other threads had a reference to, which is the matter of this model"
)]

use std::boxed::Box;
use std::ptr::NonNull;

use loom::thread;

use super::plain::Plain;
use super::weaken::Weaker;
use super::{RACE, fails, holds};
use crate::frames::{Pool, ReturnPath};
use crate::layout::{Chunk, ChunkSize, UmemLayout};
use crate::sync::Ordering::{Acquire, Release};
use crate::sync::{AtomicU8, Ordering};

const FRAMES: u32 = 2;

/// What a frame refers to: the packet memory, the custody byte of each chunk, and the way home.
#[derive(Debug)]
struct Home {
    memory: [Plain<u8>; FRAMES as usize],
    custody: [AtomicU8; FRAMES as usize],
    returns: ReturnPath,
    layout: UmemLayout,
}

/// A frame's reference, without a count.
#[derive(Debug, Clone, Copy)]
struct HomeRef(NonNull<Home>);

// SAFETY: `Home` may be used from any thread; whether it still lives when it is, is what the model asks.
unsafe impl Send for HomeRef {}

impl HomeRef {
    /// A frame is dropped: its bytes were touched, its custody byte is set, and last of all it is pushed home.
    fn drop_frame(self, chunk: u32) {
        // SAFETY: the frame's chunk is not on the return path before the push below, so nobody has freed `Home`.
        let home = unsafe { self.0.as_ref() };
        home.memory[chunk as usize].set(7);
        home.custody[chunk as usize].store(1, Ordering::Relaxed);
        home.returns.push(home.layout.addr(Chunk(chunk)));
    }

    /// The last handle is dropped: frees `Home` if every chunk is there, else leaks it; whether it was freed.
    fn drop_last_handle(self) -> bool {
        let mut pool = Pool::with_capacity(FRAMES);
        // SAFETY: only the line below frees it.
        let taken = unsafe { self.0.as_ref() }.returns.take_all(&mut pool);
        if taken < FRAMES {
            return false;
        }
        // SAFETY: the box was leaked by the model, and this is the only place that takes it back.
        let mut home = unsafe { Box::from_raw(self.0.as_ptr()) };
        // To the model checker, freeing memory is no access to it; so each word is written first.
        home.memory.iter().for_each(|byte| byte.set(0));
        home.custody.iter_mut().for_each(|byte| byte.with_mut(|byte| *byte = 0));
        home.returns.own_all_words();
        true
    }
}

/// Two frames are dropped on two threads while a third drops the last handle.
///
/// All executions: 85,581, 4.1 s.
fn freeing_after_the_last_push() {
    let layout = UmemLayout::new(ChunkSize::K2, FRAMES, 0).unwrap();
    let home = HomeRef(NonNull::from(Box::leak(Box::new(Home {
        memory: [Plain::new(0), Plain::new(0)],
        custody: [AtomicU8::new(0), AtomicU8::new(0)],
        returns: ReturnPath::new(layout),
        layout,
    }))));
    let frames = [0, 1].map(|chunk| {
        thread::spawn(move || {
            let home = home;
            home.drop_frame(chunk)
        })
    });
    let is_freed = home.drop_last_handle();
    frames.into_iter().for_each(|frame| frame.join().unwrap());
    if !is_freed {
        // The library leaks it for good; here it would be one execution's leak after another.
        // SAFETY: leaked above and not freed, and nobody is left who could refer to it.
        drop(unsafe { Box::from_raw(home.0.as_ptr()) });
    }
}

#[test]
fn what_frames_refer_to_is_freed_after_their_last_access() {
    holds(None, freeing_after_the_last_push);
}

#[test]
fn without_row_7_or_8_it_is_freed_under_them() {
    fails(Weaker::relaxed(7, Release), RACE, None, freeing_after_the_last_push);
    fails(Weaker::relaxed(8, Acquire), RACE, None, freeing_after_the_last_push);
}
