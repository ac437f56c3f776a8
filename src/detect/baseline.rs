//! What now is compared against: a frozen period, the period that is under way, and the oldest one.

use std::time::Duration;

use super::counts::Counts;
use super::ladder::{Edges, Ladder, Verdict};
use super::settings::{Growth, Quantile};
use crate::clock;

/// Fewer bodies than these make no baseline: no rung could be judged.
pub(super) const LEAST_BODIES: u64 = 100;
/// The worst evidence of each rung in a period.
pub(super) type Worst = [f64; Quantile::ALL.len()];

/// How long a baseline is collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// So much time, and then until there are 100 bodies. A week is the default: traffic has its days. It takes no
    /// notice of a clock that is set while it goes on.
    Time(Duration),
    /// So many bodies, but 100 at least: for tests and examples, and endpoints whose traffic has no hours.
    Bodies(u64),
}

impl Default for Period {
    fn default() -> Self {
        Self::Time(Duration::from_secs(7 * 24 * 60 * 60))
    }
}

impl Period {
    pub(super) fn is_over(self, elapsed_nanos: u64, bodies: u64) -> bool {
        bodies >= LEAST_BODIES
            && match self {
                Self::Time(time) => elapsed_nanos >= clock::nanos(time),
                Self::Bodies(count) => bodies >= count,
            }
    }
}

/// A frozen period: its sizes, and the edges over them.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Baseline {
    pub(super) counts: Counts,
    /// Those of the period before, if any.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Counts::is_empty"))]
    before: Counts,
    /// Over these bodies, or over those before where they are higher; of a baseline that was saved, once it is frozen again.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(super) edges: Edges,
    /// The worst evidence of a calm period, once there was one that a baseline stood over.
    pub(super) worst: Option<Worst>,
}

impl Baseline {
    pub(super) fn freeze(counts: Counts, growth: &Growth, worst: Option<Worst>) -> Self {
        Self::over(counts, Counts::default(), growth, worst)
    }

    /// The baseline of the period after this one.
    pub(super) fn followed_by(&self, counts: Counts, growth: &Growth, worst: Option<Worst>) -> Self {
        Self::over(counts, self.counts.clone(), growth, worst)
    }

    /// The same bodies, by the growth that counts now.
    pub(super) fn refrozen(self, growth: &Growth) -> Self {
        let Self { counts, before, edges: _, worst } = self;
        Self::over(counts, before, growth, worst)
    }

    fn over(counts: Counts, before: Counts, growth: &Growth, worst: Option<Worst>) -> Self {
        let edges = Edges::new(counts.iter(), growth).or_higher(&Edges::new(before.iter(), growth));
        Self { counts, before, edges, worst }
    }

    /// Adds the bodies of another instance's baseline; of the worst evidence the larger stands.
    #[cfg(feature = "serde")]
    pub(super) fn merge(&mut self, other: &Self) {
        self.counts = self.counts.plus(&other.counts);
        self.before = self.before.plus(&other.before);
        self.worst = match (self.worst, other.worst) {
            (Some(mut mine), Some(other)) => {
                mine.iter_mut().zip(other).for_each(|(mine, other)| *mine = mine.max(other));
                Some(mine)
            }
            (mine, other) => mine.or(other),
        };
    }

    /// What is known of this rung's worst evidence in calm traffic.
    pub(super) fn worst(&self, quantile: Quantile) -> Option<f64> {
        self.worst.and_then(|worst| worst.get(quantile as usize).copied())
    }

    /// Whether this rung may alert. Before a calm period has been seen, only the tail may: seasons move the middle.
    pub(super) fn may_alert(&self, quantile: Quantile) -> bool {
        self.worst.is_some() || matches!(quantile, Quantile::P99 | Quantile::P999)
    }
}

/// The oldest baseline, or the last that was accepted, with a ladder of its own: against slow creep.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Anchor {
    pub(super) baseline: Baseline,
    pub(super) ladder: Ladder,
}

impl Anchor {
    /// An anchor on these bodies, whose ladder counts its ticks as the other does.
    pub(super) fn on(counts: Counts, growth: &Growth, worst: Option<Worst>, beside: &Ladder) -> Box<Self> {
        let baseline = Baseline::freeze(counts, growth, worst);
        Box::new(Self { baseline, ladder: Ladder::after(beside.ticks()) })
    }
}

/// The period under way: what the next baseline will be made of, if it stays calm.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Under {
    /// What had been counted when it began.
    pub(super) begin: Counts,
    pub(super) started: u64,
    pub(super) bodies: u64,
    pub(super) worst: Worst,
    /// The same against the anchor.
    pub(super) anchor_worst: Worst,
    /// While the bodies since an accepted change, which may be few, are the baseline that they are also collected for.
    pub(super) settling: Option<Settling>,
}

/// An accepted change that has not brought enough bodies for every rung yet.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Settling {
    /// How many of [`ENOUGH`] have been reached.
    pub(super) reached: usize,
    /// The worst evidence of the calm period before.
    pub(super) worst: Option<Worst>,
}

/// With how many bodies a baseline has another rung: p50 and p90, p99, p99.9.
const ENOUGH: [u64; 3] = [LEAST_BODIES, 1_000, 10_000];

impl Settling {
    /// Whether there are enough bodies for another rung.
    pub(super) fn advances(&mut self, bodies: u64) -> bool {
        let reached = ENOUGH.iter().filter(|enough| bodies >= **enough).count();
        std::mem::replace(&mut self.reached, reached) < reached
    }

    pub(super) fn is_over(&self) -> bool {
        self.reached >= ENOUGH.len()
    }
}

impl Under {
    pub(super) fn begin(total: &Counts, now: u64) -> Self {
        Self { begin: total.clone(), started: now, ..Self::default() }
    }

    /// How long it has been going on, in nanoseconds. A clock that was set back between two lives makes it begin now.
    pub(super) fn elapsed(&mut self, now: u64) -> u64 {
        self.started = self.started.min(now);
        now.saturating_sub(self.started)
    }

    /// Notes what a rung of the ladder says, or of the anchor's.
    ///
    /// Beyond the threshold that a calm period set, evidence is reported, and is not what is usual.
    pub(super) fn note(&mut self, by_anchor: bool, verdict: &Verdict, calm: bool) {
        let usual = if calm { verdict.evidence.min(verdict.threshold) } else { verdict.evidence };
        let noted = if by_anchor { &mut self.anchor_worst } else { &mut self.worst };
        if let Some(worst) = noted.get_mut(verdict.quantile as usize) {
            *worst = worst.max(usual);
        }
    }

    pub(super) fn worst(&self, by_anchor: bool, quantile: Quantile) -> f64 {
        let noted = if by_anchor { &self.anchor_worst } else { &self.worst };
        noted.get(quantile as usize).copied().unwrap_or(0.0)
    }
}

/// Whether bodies without content coding have become so much more common that it is no chance.
///
/// By the likelihood ratio of their share since against that before, and 10 points at least.
pub(super) fn compression_lost(before: &Counts, since: &Counts) -> bool {
    #[allow(clippy::cast_precision_loss, reason = "shares")]
    let (was, is, n) = {
        let was = (before.identity as f64 + 1.0) / (before.bodies() as f64 + 2.0);
        let n = since.bodies().max(1) as f64;
        (was, since.identity as f64 / n, n)
    };
    let part = |share: f64, of: f64| if share > 0.0 { n * share * (share / of).ln() } else { 0.0 };
    is >= was + 0.1 && part(is, was) + part(1.0 - is, 1.0 - was) >= 1_000f64.ln()
}
