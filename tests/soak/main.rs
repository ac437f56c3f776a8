//! Load and faults together: whatever goes wrong, every body is counted once and nothing is left behind.
//!
//! `PLIMSOLL_SOAK` sets how many rounds there are, 3 by default; `scripts/soak` runs many.
#![cfg(test)]
#![allow(unreachable_pub, reason = "a test has no public items")]
#![allow(clippy::arithmetic_side_effects, reason = "tests may fail loudly")]

#[path = "../support/mod.rs"]
mod support;

mod broken;
mod clock;
#[cfg(feature = "serde")]
mod disk;
mod drip;
#[cfg(feature = "serde")]
mod files;
#[cfg(all(feature = "axum", feature = "reqwest-middleware"))]
mod frameworks;
mod service;
mod slow;
mod stack;
#[cfg(feature = "serde")]
mod store;
mod storm;
mod traffic;
mod watched;

use std::alloc::System;
use std::time::Duration;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use support::readings::eventually;
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::yield_now;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Nothing here takes as long as this, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(120);
/// What a runtime and a test's own lists may differ by from round to round, in bytes.
const NOISE: usize = 128 << 10;

static ALONE: Mutex<()> = Mutex::const_new(());

/// Every test here holds this: the process has one allocator and one table of descriptors.
fn alone() -> MutexGuard<'static, ()> {
    ALONE.blocking_lock()
}

/// How many rounds to go.
fn rounds() -> u64 {
    std::env::var("PLIMSOLL_SOAK").map_or(3, |rounds| rounds.parse().expect("PLIMSOLL_SOAK is a number"))
}

/// Goes through so many rounds. After each no task is left, and at the end no more memory or descriptor is held than
/// after the second: the first warms up what is made once, names, series, the octaves of their sizes.
fn nothing_is_left_behind(runtime: &Runtime, mut round: impl FnMut(u64)) {
    let mut settled = None;
    for number in 1..=rounds().max(3) {
        round(number);
        let tasks = runtime.metrics();
        runtime.block_on(eventually(|| (tasks.num_alive_tasks() == 0).then_some(())));
        if number == 2 {
            settled = Some((live_bytes(), descriptors()));
        }
    }
    let (bytes, open) = settled.unwrap();
    let grown = live_bytes().saturating_sub(bytes);
    assert!(grown < NOISE, "{grown} bytes more than after the second round");
    assert_eq!(descriptors(), open, "descriptors");
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

/// Lets the other tasks go first, so often.
async fn turns(count: u64) {
    for _ in 0..count {
        yield_now().await;
    }
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
