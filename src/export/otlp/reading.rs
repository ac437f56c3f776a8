//! What the ledger holds at the moment of an export, and what of it came since the last one.

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
}

/// All series, sorted.
#[derive(Clone, Debug, Default)]
pub(super) struct Readings {
    pub(super) series: Vec<Reading>,
    /// When they were read, in nanoseconds since 1970; no earlier than any of their counts run from.
    pub(super) at: u64,
    /// What the clock said then.
    clock: u64,
}

impl Readings {
    /// All that the ledger holds, counted since each series was made.
    pub(super) fn of(ledger: &Ledger) -> Self {
        let mut length = 0usize;
        ledger.visit(|_| length = length.saturating_add(1));
        let mut series = Vec::with_capacity(length);
        ledger.visit(|view| {
            let created = view.created_unix_nanos();
            let outcomes = Outcome::ALL.map(|outcome| (outcome, view.outcomes().get(outcome)));
            series.push(Reading { series: view.into(), since: created, outcomes, created });
        });
        series.sort_unstable_by(|a, b| a.series.order(&b.series));
        // Asked now, it is no earlier than what was read, exemplars included.
        let clock = ledger.unix_nanos();
        // A clock that was set back must not make a stretch that ends before it began.
        let at = series.iter().map(|reading| reading.created).fold(clock, u64::max);
        Self { series, at, clock }
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
                Some(then) => now.less(then, before.clock.min(self.clock)),
                None => Reading { since: now.since.min(self.clock), ..now.clone() },
            });
        }
        Self { series, at: self.clock, clock: self.clock }
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
        Self { series, since, outcomes, created: self.created }
    }
}
