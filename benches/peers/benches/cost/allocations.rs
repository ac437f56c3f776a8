//! Allocations, counted by this program's allocator.

use std::alloc::System;

use plimsoll_peers::{Case, Exchange};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What one call asked the allocator for.
#[derive(Clone, Copy)]
pub(crate) struct Allocated {
    pub(crate) allocations: f64,
    pub(crate) bytes: f64,
}

/// As many as there are endpoints, or a multiple.
const CALLS: usize = Exchange::MANY;

/// The mean of many calls, after as many that make tables and instruments; a growing buffer counts as an allocation.
pub(crate) fn a_call(case: &Case, exchange: Exchange) -> Allocated {
    let mut caller = case.subject(exchange).caller();
    (0..CALLS).for_each(|_| caller.call());
    let region = Region::new(ALLOCATOR);
    (0..CALLS).for_each(|_| caller.call());
    let found = region.change();
    let mean = |count: usize| count as f64 / CALLS as f64;
    Allocated { allocations: mean(found.allocations + found.reallocations), bytes: mean(found.bytes_allocated) }
}
