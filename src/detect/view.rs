//! What exporters read of a detector: its judged series, borrowed one by one.

use super::detector::over;
use super::finding::{Finding, FindingKind, Severity};
use super::settings::Quantile;
use super::watch::Watch;
use crate::endpoint::{Direction, Endpoint};
use crate::ledger::{Entry, Exemplar, SeriesView, View};

/// How far a series has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// There is no baseline yet: nothing can be found. Limits work all the same.
    Learning,
    /// A baseline stands, but no calm period over one yet: the tail may alert, the middle only warn.
    FirstPeriod,
    /// All rungs with enough bodies may alert.
    Watching,
}

/// One judged series: the successful bodies of an endpoint, direction and view, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct JudgedSeries<'a> {
    watch: &'a Watch,
    entry: &'a Entry,
}

/// How many findings there have been of one severity and kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "documented at the type")]
pub struct FindingCount {
    pub severity: Severity,
    pub kind: FindingKind,
    pub count: u64,
}

impl<'a> JudgedSeries<'a> {
    pub(super) fn new(watch: &'a Watch, entry: &'a Entry) -> Self {
        Self { watch, entry }
    }

    /// Whose bodies.
    #[must_use]
    pub fn endpoint(&self) -> &'a Endpoint {
        &self.watch.endpoint
    }

    /// Which of them.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.watch.direction
    }

    /// Where they were measured.
    #[must_use]
    pub fn view(&self) -> View {
        self.watch.view
    }

    /// How far it has come; moves at a tick.
    #[must_use]
    pub fn stage(&self) -> Stage {
        match &self.watch.baseline {
            None => Stage::Learning,
            Some(baseline) if baseline.worst.is_none() => Stage::FirstPeriod,
            Some(_) => Stage::Watching,
        }
    }

    /// The baseline's size at a quantile, in bytes; `None` where there is no baseline. Moves when a period ends.
    #[must_use]
    pub fn baseline(&self, quantile: Quantile) -> Option<u64> {
        self.watch.baseline.as_ref().and_then(|baseline| baseline.counts.quantile(quantile.per_mille()))
    }

    /// The size that bodies counted in [`above`](Self::above) exceed, in bytes; `None` where the baseline holds too
    /// few bodies for this quantile. Moves when a period ends.
    #[must_use]
    pub fn gate_edge(&self, quantile: Quantile) -> Option<f64> {
        self.gate(quantile).map(|gate| (f64::from(gate) / 16.0).exp2())
    }

    /// Bodies above the gate edge of a quantile, since this detector was made and while a baseline stood; moves at a tick.
    /// `None` where it does not count. As a share of all bodies, more than `1 - q` says that the quantile grew by more than the gate allows.
    #[must_use]
    pub fn above(&self, quantile: Quantile) -> Option<u64> {
        let counted = self.watch.above.get(quantile as usize).copied().filter(|above| *above > 0);
        counted.or_else(|| self.gate(quantile).map(|_| 0))
    }

    /// The last body above that edge that left an exemplar.
    #[must_use]
    pub fn above_exemplar(&self, quantile: Quantile) -> Option<Exemplar> {
        let gate = self.gate(quantile)?;
        let views = self.entry.views().filter(|view| belongs(view, self.direction(), self.view()));
        let exemplars = views.flat_map(|view| view.completed_exemplars().chain(view.refused_exemplars()));
        exemplars.filter(|exemplar| over(gate)(exemplar)).max_by_key(Exemplar::unix_nanos)
    }

    /// The finding that is open on it; moves at a tick.
    #[must_use]
    pub fn finding(&self) -> Option<&'a Finding> {
        self.watch.open.as_ref().map(|open| &open.finding)
    }

    fn gate(&self, quantile: Quantile) -> Option<u16> {
        self.watch.baseline.as_ref().and_then(|baseline| baseline.edges.rung(quantile)).map(|edges| edges.gate)
    }
}

/// Whether the bodies of this series are judged here: those of requests, and of successful responses.
pub(super) fn belongs(series: &SeriesView<'_>, direction: Direction, view: View) -> bool {
    series.direction() == direction && series.view() == view && is_judged(series)
}

pub(super) fn is_judged(series: &SeriesView<'_>) -> bool {
    series.status().is_none_or(|status| (200..300).contains(&status))
}
