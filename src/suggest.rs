//! Limits suggested from what was measured, as a policy to read, correct and keep.

use std::collections::BTreeMap;
use std::fmt;

use crate::endpoint::{Direction, EndpointName};
use crate::files::grouped;
use crate::ledger::{SizeDistribution, Snapshot, View};
use crate::limit::{KIB, Limit, MIB};
use crate::policy::{EndpointPolicy, Policy};

/// A policy with a limit for each endpoint of a ledger: of a load test, a benchmark, or a week in warn mode.
///
/// Its `Display` is the policy's TOML, with the figures that each limit rests on in a comment above it. The rule is
///
/// - from 100 bodies on: warn over the largest that was seen, reject over twice of it;
/// - where the largest is more than four times p99: over four times p99, and over eight, since one odd body is not what
///   a limit should rest on; it is said how many would have been refused;
/// - of fewer than 100 bodies, which say little of the largest: over twice it, and over four times.
///
/// Sizes are rounded up to 1, 2, 3, 4, 6, 8, 12 and so on, KiB or MiB. Figures are of bodies that were completed;
/// refused ones are told beside them.
///
/// ```
/// use plimsoll::{Ledger, Suggestion};
///
/// let ledger = Ledger::new(); // and a load test
/// let text = Suggestion::of(&ledger.snapshot()).service("checkout").owner("team-checkout").to_string();
/// assert!(text.contains("service = \"checkout\""));
/// ```
#[derive(Clone, Debug)]
pub struct Suggestion {
    service: String,
    owner: String,
    endpoints: BTreeMap<EndpointName, BTreeMap<Direction, Seen>>,
    overflowed: u64,
}

/// What was seen of one kind of body.
#[derive(Clone, Debug, Default)]
struct Seen {
    view: View,
    completed: SizeDistribution,
    refused: u64,
}

/// Where figures begin to say something of the largest.
const ENOUGH: u64 = 100;

impl Suggestion {
    /// What this ledger suggests.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut views: BTreeMap<(EndpointName, Direction, View), Seen> = BTreeMap::new();
        let mut overflowed = 0u64;
        for series in snapshot.series() {
            let Some(name) = EndpointName::of(&series.endpoint) else {
                overflowed = overflowed.saturating_add(series.outcomes.total());
                continue;
            };
            let seen = views.entry((name, series.direction, series.view)).or_default();
            seen.view = series.view;
            seen.completed.merge(&series.completed);
            let refused = series.offered.count().saturating_sub(series.completed.count());
            seen.refused = seen.refused.saturating_add(refused);
        }
        let mut endpoints: BTreeMap<_, BTreeMap<_, Seen>> = BTreeMap::new();
        for ((name, direction, _), seen) in views {
            // Where layers count both the wire's bytes and decoded ones, one limit has to let both pass.
            let kept = endpoints.entry(name).or_default().entry(direction).or_default();
            if seen.completed.max() >= kept.completed.max() {
                *kept = seen;
            }
        }
        Self { service: "unnamed".into(), owner: "unknown".into(), endpoints, overflowed }
    }

    /// Sets the name of the service.
    #[must_use]
    pub fn service(self, service: impl Into<String>) -> Self {
        Self { service: service.into(), ..self }
    }

    /// Sets who answers for it.
    #[must_use]
    pub fn owner(self, owner: impl Into<String>) -> Self {
        Self { owner: owner.into(), ..self }
    }

    /// The policy that is suggested, without the figures.
    #[must_use]
    pub fn policy(&self) -> Policy {
        let Self { service, owner, endpoints, overflowed: _ } = self;
        endpoints.iter().fold(Policy::new(service.as_str(), owner.as_str()), |policy, (name, directions)| {
            let endpoint = directions.iter().fold(EndpointPolicy::new(), |endpoint, (direction, seen)| {
                match (Lines::of(&seen.completed), direction) {
                    (None, _) => endpoint,
                    (Some(lines), Direction::Request) => endpoint.request(lines.limit()),
                    (Some(lines), Direction::Response) => endpoint.response(lines.limit()),
                }
            });
            policy.endpoint(name.clone(), endpoint)
        })
    }
}

impl fmt::Display for Suggestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service: _, owner: _, endpoints, overflowed } = self;
        writeln!(
            f,
            "# Limits suggested by what was measured: read the figures, correct what you know better, and keep it."
        )?;
        if *overflowed > 0 {
            let bodies = grouped(*overflowed);
            writeln!(
                f,
                "# {bodies} bodies of endpoints that found no room in the ledger are in none: raise its max_series."
            )?;
        }
        let figures = |name: &EndpointName| -> Vec<String> {
            endpoints.get(name).into_iter().flatten().flat_map(|(direction, seen)| seen.figures(*direction)).collect()
        };
        f.write_str(&self.policy().to_toml_with(figures))
    }
}

impl Seen {
    /// What a limit rests on, in a line or a few.
    fn figures(&self, direction: Direction) -> Vec<String> {
        let Self { view, completed, refused } = self;
        let decoded = if *view == View::Decoded { ", decoded" } else { "" };
        let bodies = if completed.count() == 1 { "body" } else { "bodies" };
        let refused = match refused {
            0 => String::new(),
            refused => format!("; {} more were refused by a limit, and are not counted here", grouped(*refused)),
        };
        let head = format!("{direction}{decoded}: {} {bodies}", grouped(completed.count()));
        let Some(lines) = Lines::of(completed) else {
            return vec![format!("{head}{refused}, none with a byte in it: no limit is suggested.")];
        };
        let quantile = |q| grouped(completed.quantile(q).unwrap_or(0));
        let (median, p99, max) = (quantile(0.5), quantile(0.99), grouped(completed.max()));
        let mut figures = vec![format!("{head}, median ~{median}, p99 ~{p99}, max {max} bytes{refused}.")];
        figures.push(format!("  {}", lines.rule));
        let beyond = completed.buckets().iter().filter(|bucket| bucket.whole_sizes().0 > lines.reject);
        match beyond.fold(0u64, |sum, bucket| sum.saturating_add(bucket.count())) {
            0 => {}
            count => {
                figures.push(format!("  {} of these would have been refused: look at them first.", grouped(count)));
            }
        }
        figures
    }
}

/// Two sizes, and the rule that gave them.
struct Lines {
    warn: u64,
    reject: u64,
    rule: String,
}

impl Lines {
    fn limit(&self) -> Limit {
        Limit::reject_over(self.reject).and_warn_over(self.warn)
    }

    fn of(sizes: &SizeDistribution) -> Option<Self> {
        let max = Some(sizes.max()).filter(|max| *max > 0)?;
        let p99 = sizes.quantile(0.99)?;
        let tail = p99.saturating_mul(4);
        let (base, rule) = if sizes.count() < ENOUGH {
            let rule = "Fewer than 100 bodies: warn over 2 x max, reject over 4 x max, rounded up.";
            (max.saturating_mul(2), rule.to_owned())
        } else if max > tail {
            let times = max.checked_div(p99).map_or_else(|| "over 4".into(), grouped);
            let rule = format!(
                "The largest is {times} times p99, too odd to rest on: warn over 4 x p99, reject over 8 x p99, rounded up."
            );
            (tail, rule)
        } else {
            (max, "Warn over max, reject over 2 x max, rounded up.".to_owned())
        };
        let base = base.max(KIB);
        Some(Self { warn: rounded(base), reject: rounded(base.saturating_mul(2)), rule })
    }
}

/// The next of 1, 2, 3, 4, 6, 8, 12, .. 768 KiB, 1, 2, 3 MiB and so on. Each is at most twice the one before, so that
/// twice a size is always rounded to more than the size.
fn rounded(size: u64) -> u64 {
    let unit = if size <= 768 * KIB { KIB } else { MIB };
    let units = size.div_ceil(unit);
    let power = units.checked_next_power_of_two().unwrap_or(1 << 63);
    let between = power.wrapping_shr(2).saturating_mul(3);
    let rounded = if units <= between { between } else { power };
    rounded.saturating_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::ByteSize;
    use proptest::prelude::*;

    fn lines(sizes: &[u64]) -> (u64, u64, String) {
        let Lines { warn, reject, rule } = Lines::of(&sizes.iter().copied().collect()).unwrap();
        (warn, reject, rule)
    }

    #[test]
    fn sizes_are_rounded_to_what_people_write() {
        for (size, text) in [
            (1, "1 KiB"),
            (1_025, "2 KiB"),
            (2_049, "3 KiB"),
            (9_000, "12 KiB"),
            (65_536, "64 KiB"),
            (65_537, "96 KiB"),
            (700 * KIB, "768 KiB"),
            (769 * KIB, "1 MiB"),
            (MIB + 1, "2 MiB"),
            (5 * MIB, "6 MiB"),
        ] {
            assert_eq!(ByteSize(rounded(size)).to_string(), text);
        }
    }

    #[test]
    fn the_rule_depends_on_how_much_was_seen() {
        let (warn, reject, rule) = lines(&[8_421; 100]);
        assert_eq!(
            (warn, reject, rule.as_str()),
            (12 * KIB, 24 * KIB, "Warn over max, reject over 2 x max, rounded up.")
        );
        let (warn, reject, rule) = lines(&[8_421; 99]);
        assert!(rule.starts_with("Fewer than 100") && (warn, reject) == (24 * KIB, 48 * KIB));
        let mut odd = vec![8_421; 200];
        odd.push(100 * MIB);
        let (warn, reject, rule) = lines(&odd);
        assert!(rule.contains("times p99") && (warn, reject) == (48 * KIB, 96 * KIB), "{rule} {warn} {reject}");
        assert!(Lines::of(&[0, 0].into_iter().collect()).is_none());
    }

    proptest! {
        #[test]
        fn a_warning_is_below_a_refusal_and_ordinary_bodies_are_below_both(
            sizes in proptest::collection::vec(1u64..1 << 38, 1..300),
        ) {
            let (warn, reject, rule) = lines(&sizes);
            prop_assert!(warn < reject, "{warn} {reject}");
            let largest = sizes.iter().max().unwrap();
            prop_assert!(rule.contains("p99") || *largest <= warn);
        }
    }
}
