//! Counts what the whole process allocates, and the most that it held at once.

use std::alloc::System;
use std::sync::{Mutex, MutexGuard, PoisonError};

use peakmem_alloc::{PeakMemAlloc, PeakMemAllocTrait};
use stats_alloc::{INSTRUMENTED_SYSTEM, Stats, StatsAlloc};

#[global_allocator]
static ALLOCATOR: PeakMemAlloc<&StatsAlloc<System>> = PeakMemAlloc::new(&INSTRUMENTED_SYSTEM);

static ALONE: Mutex<()> = Mutex::new(());

/// Every test here holds this: the process has one allocator.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was asked of the allocator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Asked {
    /// Allocations, new ones and larger ones in the place of old ones.
    pub(crate) times: usize,
    pub(crate) bytes: usize,
}

fn asked(stats: &Stats) -> Asked {
    Asked { times: stats.allocations + stats.reallocations, bytes: stats.bytes_allocated }
}

/// What `what` asks for, run some times over: the least, since the test harness may add to it, but not take away.
pub(crate) fn asks(mut what: impl FnMut()) -> Asked {
    let once = |what: &mut dyn FnMut()| {
        let before = asked(&INSTRUMENTED_SYSTEM.stats());
        what();
        let after = asked(&INSTRUMENTED_SYSTEM.stats());
        Asked { times: after.times - before.times, bytes: after.bytes - before.bytes }
    };
    // What is allocated once and for all is there after the first time.
    once(&mut what);
    (0..10).map(|_| once(&mut what)).min().unwrap()
}

/// The most bytes that were held at once while `what` ran, beyond those that were held before.
pub(crate) fn peak_of<T>(what: impl FnOnce() -> T) -> (usize, T) {
    ALLOCATOR.reset_peak_memory();
    let result = what();
    (ALLOCATOR.get_peak_memory(), result)
}

#[test]
fn the_gauge_counts_what_is_allocated_and_held() {
    let _alone = alone();
    let asked = asks(|| drop(std::hint::black_box(vec![1u8; 1000])));
    assert_eq!(asked, Asked { times: 1, bytes: 1000 });
    let peak = || {
        peak_of(|| {
            for _ in 0..10 {
                drop(std::hint::black_box(vec![1u8; 1_000_000]));
            }
            std::hint::black_box(vec![1u8; 1000])
        })
    };
    // The harness may let go of a few bytes while one of them runs, which are then missing.
    let (peak, held) = (0..10).map(|_| peak()).max_by_key(|(peak, _)| *peak).unwrap();
    assert!((1_000_000..1_100_000).contains(&peak), "{peak}");
    drop(held);
}
