//! Load and faults together: whatever goes wrong, every body is counted once and nothing is left behind.
//!
//! `PLIMSOLL_SOAK` sets how many rounds there are, 4 by default; `scripts/soak` runs many.
#![cfg(test)]
#![allow(unreachable_pub, reason = "a test has no public items")]
#![allow(clippy::arithmetic_side_effects, reason = "tests may fail loudly")]

#[path = "../support/mod.rs"]
mod support;

#[cfg(feature = "serde")]
mod files;
mod service;
#[cfg(feature = "serde")]
mod store;
mod storm;
mod traffic;

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tokio::sync::{Mutex, MutexGuard};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

static ALONE: Mutex<()> = Mutex::const_new(());

/// Every test here holds this: the process has one allocator and one table of descriptors.
fn alone() -> MutexGuard<'static, ()> {
    ALONE.blocking_lock()
}

/// How many rounds to go.
fn rounds() -> u64 {
    std::env::var("PLIMSOLL_SOAK").map_or(4, |rounds| rounds.parse().expect("PLIMSOLL_SOAK is a number"))
}

/// Bytes that are allocated and not given back.
fn live_bytes() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)
}

/// Open descriptors of this process; none to be seen where there is no `/proc`.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

/// The same numbers in every run: xorshift (Marsaglia, 2003).
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }
}
