//! What does the detector cost: how long is a tick, and how much memory does an endpoint take?
//!
//! **How**: a server's endpoints get 250 requests of about 1 KB each, answered by about 8 KB (log-normal, s .5), all of
//! sampled traces, through a real layer into a real ledger. Periods have 100 bodies, so a baseline and the oldest one
//! stand by then, for both directions. Memory is what the allocator holds afterwards and did not before: ledger and its
//! table, series, exemplars, baselines and detector together, over the number of endpoints. Then each endpoint gets one
//! more request before every tick; the times are of ticks alone.
//!
//! **Known costs**: a tick reads each counter of a series that moved, so it grows with the octaves that sizes span. The
//! fastest of the ticks is the cost, since what else runs on a machine only adds to it; the median says how much that
//! was. An idle tick looks at every endpoint and finds nothing new.
//!
//! ```text
//! cargo bench -p plimsoll-detector-report --bench cost                the table
//! cargo bench -p plimsoll-detector-report --bench cost -- --check     and fail where an endpoint takes too much memory
//! ```

use std::alloc::System;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use plimsoll::detect::{Detector, Period};
use plimsoll_detector_report::{Chance, Site};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes that an endpoint may take.
const MOST_BYTES: usize = 8_000;
const TICKS: usize = 30;
const TICK: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let check = std::env::args().any(|argument| argument == "--check");
    println!(
        "\n  {:>9} {:>14} {:>13} {:>13} {:>13}",
        "endpoints", "bytes of each", "fastest tick", "median tick", "idle tick"
    );
    let mut too_large = false;
    for endpoints in [10, 100, 1_000, 10_000] {
        let Found { bytes, mut busy, mut idle } = measure(endpoints);
        too_large |= endpoints >= 100 && bytes > MOST_BYTES;
        busy.sort_unstable();
        idle.sort_unstable();
        let [fastest, median, idle] =
            [busy[0], busy[TICKS / 2], idle[0]].map(|time| format!("{:.3} ms", time.as_secs_f64() * 1e3));
        println!("  {endpoints:>9} {bytes:>14} {fastest:>13} {median:>13} {idle:>13}");
    }
    println!("\n  an endpoint may take {MOST_BYTES} bytes, a tick over 1,000 of them 2 ms");
    if check && too_large { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

struct Found {
    bytes: usize,
    busy: Vec<Duration>,
    idle: Vec<Duration>,
}

fn measure(endpoints: usize) -> Found {
    let routes: Vec<&'static str> =
        (0..endpoints).map(|number| &*String::leak(format!("/shop/{number}/stock/{{sku}}"))).collect();
    let mut chance = Chance::new(1);
    let mut size = |median: f64| (median * (0.5 * chance.normal()).exp()) as u64;
    let held = Region::new(ALLOCATOR);
    let site = Site::new(endpoints);
    let detector = Detector::builder(&site.ledger).tick_interval(TICK).period(Period::Bodies(100)).build();
    for _ in 0..25 {
        for route in &routes {
            (0..10).for_each(|_| site.call(route, size(1e3), size(8e3)));
        }
        site.time.advance(TICK);
        detector.tick();
    }
    let held = held.change();
    // What a buffer grew by is among the allocated bytes.
    let bytes = held.bytes_allocated - held.bytes_deallocated;

    let (mut busy, mut idle) = (Vec::new(), Vec::new());
    for _ in 0..TICKS {
        routes.iter().for_each(|route| site.call(route, size(1e3), size(8e3)));
        site.time.advance(TICK);
        busy.push(timed(|| detector.tick()));
        site.time.advance(TICK);
        idle.push(timed(|| detector.tick()));
    }
    Found { bytes: bytes / endpoints, busy, idle }
}

#[allow(clippy::disallowed_methods, reason = "a bench measures time")]
fn timed<T>(run: impl FnOnce() -> T) -> Duration {
    let begun = Instant::now();
    std::hint::black_box(run());
    begun.elapsed()
}
