//! What the ledger holds at the moment of an export, and what of it came since the last one.

use std::ops::Range;

use crate::ledger::{Ledger, Outcome, SeriesSnapshot};

/// One series with the moment from which its counts run.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) series: SeriesSnapshot,
    /// In nanoseconds since 1970.
    pub(super) since: u64,
    /// Bodies by outcome, as many as came since then.
    pub(super) outcomes: [(Outcome, u64); Outcome::ALL.len()],
    /// When the series was made, likewise.
    created: u64,
    /// When it was read.
    read: u64,
}

/// All series, sorted.
#[derive(Clone, Debug)]
pub(super) struct Readings {
    pub(super) series: Vec<Reading>,
    /// When they were read, in nanoseconds since 1970.
    pub(super) at: u64,
    /// No count is said to run from later on.
    pub(super) earliest: u64,
}

impl Readings {
    /// Nothing yet.
    pub(super) fn none() -> Self {
        Self { series: Vec::new(), at: 0, earliest: u64::MAX }
    }

    /// All that the ledger holds, counted since each series was made.
    ///
    /// A clock that was set back to before that must not make a stretch that ends before it began: from then on all
    /// counts run from the moment at which that is noticed first. `earliest` is what the readings before had, `began`
    /// when counts began that are not the ledger's.
    pub(super) fn of(ledger: &Ledger, began: u64, earliest: u64) -> Self {
        let mut length = 0usize;
        ledger.visit(|_| length = length.saturating_add(1));
        let mut series = Vec::with_capacity(length);
        ledger.visit(|view| {
            let created = view.created_unix_nanos();
            let outcomes = Outcome::ALL.map(|outcome| (outcome, view.outcomes().get(outcome)));
            series.push(Reading { series: view.into(), since: created, outcomes, created, read: created });
        });
        series.sort_unstable_by(|a, b| a.series.order(&b.series));
        // Asked now, it is no earlier than what was read, exemplars included.
        let at = ledger.unix_nanos();
        let begun = series.iter().map(|reading| reading.created).fold(began, u64::max);
        let earliest = if begun > at { earliest.min(at) } else { earliest };
        for reading in &mut series {
            (reading.since, reading.read) = (reading.created.min(earliest), at);
        }
        Self { series, at, earliest }
    }

    /// What came since `before` was read; what it does not know counts since it was made.
    ///
    /// Both are sorted, so one walk finds what belongs together. Nothing is ever negative: a count that is smaller
    /// than before can only be of a series that was made anew. A clock that was set back takes the stretch along.
    pub(super) fn since(&self, before: &Self) -> Self {
        let mut known = before.series.iter().peekable();
        let mut series = Vec::with_capacity(self.series.len());
        for now in &self.series {
            while known.next_if(|then| then.series.order(&now.series).is_lt()).is_some() {}
            let then = known.next_if(|then| then.series.order(&now.series).is_eq());
            series.push(match then.filter(|then| then.created == now.created) {
                Some(then) => now.less(then, then.read.min(self.at)),
                None => Reading { since: now.created.min(self.at), ..now.clone() },
            });
        }
        Self { series, ..*self }
    }

    /// Takes over this part of later readings, in place of what was known of these series.
    pub(super) fn take(&mut self, later: &Self, part: Range<usize>) {
        let arrived = later.series.get(part).unwrap_or_default();
        let (Some(first), Some(last)) = (arrived.first(), arrived.last()) else { return };
        let from = self.series.partition_point(|known| known.series.order(&first.series).is_lt());
        let to = self.series.partition_point(|known| known.series.order(&last.series).is_le());
        self.series.splice(from..to, arrived.iter().cloned());
    }
}

impl Reading {
    fn less(&self, then: &Self, since: u64) -> Self {
        let (new, old) = (&self.series, &then.series);
        let mut series = new.clone();
        series.completed = new.completed.less(&old.completed);
        series.offered = new.offered.less(&old.offered);
        series.over_limit = new.over_limit.saturating_sub(old.over_limit);
        // By what they are and not by their time: a body may end between two series being read, and a clock be set.
        series.completed_exemplars.retain(|exemplar| !old.completed_exemplars.contains(exemplar));
        series.refused_exemplars.retain(|exemplar| !old.refused_exemplars.contains(exemplar));
        series.over_limit_exemplar =
            series.over_limit_exemplar.filter(|_| new.over_limit_exemplar != old.over_limit_exemplar);
        let mut outcomes = self.outcomes;
        for ((_, now), (_, then)) in outcomes.iter_mut().zip(then.outcomes) {
            *now = now.saturating_sub(then);
        }
        Self { series, since, outcomes, created: self.created, read: self.read }
    }
}
