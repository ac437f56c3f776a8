//! How long does a request take with a layer around its service, ours beside those used in its place?
//!
//! **Baseline**: `no layer` of the same group; the cases are those of `cost`, which describes them. Read the fastest
//! times, since what else runs on a machine only adds to them, and only as ratios of the differences to the baseline
//! within one run: the same median differs by a third and more from one run to the next.
//!
//! **Known costs**: each time contains making the request and reading the answer. Unlike instruction counts it contains
//! clock reads in full, and cache misses, which a loop over one service has fewer of than a server.
//!
//! ```text
//! scripts/bench --time                  all of it
//! scripts/bench --time everything       what has this in its name
//! ```

use divan::Bencher;
use plimsoll_peers::{CASES, Case, Setting};

fn main() {
    divan::main();
}

fn cases(setting: Setting) -> impl Iterator<Item = &'static Case> {
    CASES.iter().filter(move |case| case.setting == setting)
}

#[divan::bench(args = cases(Setting::Tower), sample_count = 500, sample_size = 100)]
fn tower(bencher: Bencher<'_, '_>, case: &Case) {
    calls(bencher, case);
}

#[divan::bench(args = cases(Setting::TowerInSpan), sample_count = 500, sample_size = 100)]
fn tower_in_span(bencher: Bencher<'_, '_>, case: &Case) {
    calls(bencher, case);
}

#[divan::bench(args = cases(Setting::Axum), sample_count = 500, sample_size = 100)]
fn axum(bencher: Bencher<'_, '_>, case: &Case) {
    calls(bencher, case);
}

fn calls(bencher: Bencher<'_, '_>, case: &Case) {
    let mut subject = case.subject();
    bencher.bench_local(|| subject.call());
}
