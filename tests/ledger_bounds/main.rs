//! Whatever names, sizes and threads a ledger meets: it stays within its bounds, and no body is lost.
#![cfg(test)]
#![allow(unreachable_pub, reason = "a test has no public items")]
#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, reason = "tests may fail loudly")]

#[path = "../support/mod.rs"]
mod support;

mod calls;
mod memory;
mod overflow;
mod threads;

use std::alloc::System;
use std::sync::{Mutex, MutexGuard, PoisonError};

use stats_alloc::StatsAlloc;

#[global_allocator]
static ALLOCATOR: StatsAlloc<System> = StatsAlloc::system();

/// The bytes that are allocated now, in the whole process.
fn live_bytes() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// What the test harness may take or give back beside a test, in bytes.
const NOISE: usize = 16_384;

/// Only one of these tests runs at a time: the allocator counts for all of them together.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
