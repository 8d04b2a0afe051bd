//! A ring for models, and our two ends of it: the crate's cursors over slots that are watched.

use std::sync::Arc;
use std::vec::Vec;

use super::plain::Plain;
use crate::cursor::{Consumer, Entries, Producer};
use crate::sync::AtomicU32;

/// The index that all rings start with: the first entry is the last before the indices wrap.
pub(super) const START: u32 = u32::MAX;

/// What both sides of a ring share.
///
/// It is held by the standard library's `Arc`, which is none of the model's matter and orders nothing in it.
#[derive(Debug)]
pub(super) struct Ring<T> {
    pub(super) producer: AtomicU32,
    pub(super) consumer: AtomicU32,
    pub(super) flags: AtomicU32,
    slots: Vec<Plain<T>>,
}

impl<T: Copy + Default> Ring<T> {
    pub(super) fn new(entries: u32) -> Arc<Self> {
        Arc::new(Self {
            producer: AtomicU32::new(START),
            consumer: AtomicU32::new(START),
            flags: AtomicU32::new(0),
            slots: (0..entries).map(|_| Plain::new(T::default())).collect(),
        })
    }

    pub(super) fn entries(&self) -> u32 {
        self.slots.len() as u32
    }

    pub(super) fn slot(&self, index: u32) -> &Plain<T> {
        &self.slots[(index % self.entries()) as usize]
    }
}

/// Our end of a ring that we fill, as `ProducerRing` is.
#[derive(Debug)]
pub(super) struct Putter<T> {
    pub(super) cursor: Producer,
    ring: Arc<Ring<T>>,
}

impl<T: Copy + Default> Putter<T> {
    pub(super) fn new(ring: &Arc<Ring<T>>) -> Self {
        let entries = Entries::new(ring.entries()).unwrap();
        Self { cursor: Producer::new(entries, START), ring: Arc::clone(ring) }
    }

    /// Writes and submits one entry; false when the ring is full.
    pub(super) fn put_one(&mut self, entry: T) -> bool {
        let Some(index) = self.cursor.reserve_one(&self.ring.consumer) else { return false };
        self.ring.slot(index).set(entry);
        self.cursor.advance(1, &self.ring.producer);
        true
    }

    /// Writes and submits as many as there is room for; returns how many.
    pub(super) fn put(&mut self, source: &[T]) -> usize {
        let span = self.cursor.reserve(source.len() as u32, &self.ring.consumer);
        for (i, entry) in source.iter().take(span.len as usize).enumerate() {
            self.ring.slot(span.first.wrapping_add(i as u32)).set(*entry);
        }
        self.cursor.submit(span.len, &self.ring.producer);
        span.len as usize
    }
}

/// Our end of a ring that we empty, as `ConsumerRing` is.
#[derive(Debug)]
pub(super) struct Taker<T> {
    cursor: Consumer,
    ring: Arc<Ring<T>>,
}

impl<T: Copy + Default> Taker<T> {
    pub(super) fn new(ring: &Arc<Ring<T>>) -> Self {
        let entries = Entries::new(ring.entries()).unwrap();
        Self { cursor: Consumer::new(entries, START), ring: Arc::clone(ring) }
    }

    /// Reads and releases one entry.
    pub(super) fn take_one(&mut self) -> Option<T> {
        let index = self.cursor.peek_one(&self.ring.producer)?;
        let entry = self.ring.slot(index).get();
        self.cursor.advance(1, &self.ring.consumer);
        Some(entry)
    }

    /// Reads and releases what is there, at most `most`.
    pub(super) fn take(&mut self, most: u32) -> Vec<T> {
        let span = self.cursor.peek(most, &self.ring.producer);
        let entries = (0..span.len).map(|i| self.ring.slot(span.first.wrapping_add(i)).get()).collect();
        self.cursor.release(span.len, &self.ring.consumer);
        entries
    }
}
