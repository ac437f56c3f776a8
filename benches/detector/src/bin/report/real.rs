//! Real sizes: what is found at the releases of a public API, and what must hold of it.

use plimsoll_detector_report::{Found, Release, Statistics, replay};

use crate::Bounds;

/// How popular each document is, is drawn anew for each.
const SEEDS: u64 = 20;

pub(crate) fn report(statistics: &Statistics, bounds: &mut Bounds) -> Result<(), String> {
    let releases = Release::all(Release::text()?)?;
    println!("\nReal sizes: PokeAPI's releases, {} pairs of release and template, {SEEDS} seeds", releases.len());
    println!("\n  quiet: no quantile grew by 10 %; grown: p50, p90 or p99 grew by half or more\n");
    println!("  {:>4} {:>16} {:>12} {:>14}", "seed", "false, of quiet", "found, grown", "median bodies");
    let found: Vec<Found> = (1..=SEEDS).map(|seed| replay(&releases, statistics, seed)).collect();
    let a_delay = |found: &Found| median(found.delays.iter().copied());
    for (seed, found) in (1..).zip(&found) {
        println!("  {seed:>4} {:>16} {:>12} {:>14}", found.quiet, found.grown, a_delay(found));
    }
    println!("\n  What grew with the popularity of the first seed: p50, p90 and p99 in bytes\n");
    found.iter().take(1).flat_map(|found| &found.lines).for_each(|line| println!("  {line}"));

    let of = |number: fn(&Found) -> usize| median(found.iter().map(number)) as f64;
    println!(
        "\n  medians (prototype): false {} (0) of {} (983), found {} (12) of {} (19), after {} (120) bodies",
        of(|found| found.quiet.part),
        of(|found| found.quiet.of),
        of(|found| found.grown.part),
        of(|found| found.grown.of),
        median(found.iter().map(a_delay))
    );
    bounds.at_most("false alarms at PokeAPI's quiet releases, median", of(|found| found.quiet.part), 2.0);
    bounds.within(
        "true growths found at PokeAPI's releases, median",
        of(|found| found.grown.part),
        12.0,
        f64::INFINITY,
    );
    Ok(())
}

fn median(numbers: impl Iterator<Item = usize>) -> usize {
    let mut numbers: Vec<usize> = numbers.collect();
    numbers.sort_unstable();
    numbers.get(numbers.len().saturating_sub(1) / 2).copied().unwrap_or(0)
}
