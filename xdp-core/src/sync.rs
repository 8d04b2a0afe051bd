//! The atomics that this crate uses, in one place, so that a model checker's can take their place.

pub(crate) use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering, fence};
