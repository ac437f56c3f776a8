//! Allocations, counted by this program's allocator.

use std::alloc::System;

use plimsoll_peers::Case;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What one call asked the allocator for.
pub(crate) struct Allocated {
    pub(crate) allocations: f64,
    pub(crate) bytes: f64,
}

/// Calls before the count begins: tables and instruments have come into being by then.
const WARM_UP: usize = 100;
const CALLS: usize = 1000;

/// The mean of many calls; a growing buffer counts as an allocation.
pub(crate) fn a_call(case: &Case) -> Allocated {
    let mut subject = case.subject();
    (0..WARM_UP).for_each(|_| subject.call());
    let region = Region::new(ALLOCATOR);
    (0..CALLS).for_each(|_| subject.call());
    let found = region.change();
    let mean = |count: usize| count as f64 / CALLS as f64;
    Allocated { allocations: mean(found.allocations + found.reallocations), bytes: mean(found.bytes_allocated) }
}
