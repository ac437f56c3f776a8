//! One judged series: all successful bodies of an endpoint, direction and view, whatever their status and coding.

use std::cell::Cell;

use super::baseline::{Anchor, Baseline, Period, Under, Worst, compression_lost};
use super::counts::{Counts, merged};
use super::finding::{Closing, Finding, FindingKind, Severity, SizeSummary};
use super::ladder::{CALM, Ladder, Statistic, Verdict};
use super::settings::{Growth, Quantile};
use crate::clock::{self, Shift};
use crate::endpoint::{Direction, Endpoint};
use crate::ledger::{Bucket, Exemplar, View};

/// How many beginnings of evidence are remembered at once.
const MARKS: usize = 4;
/// What it takes, at least, to confirm that a finding is fixed.
pub(super) const CONFIRMING_TICKS: u64 = 5;
pub(super) const CONFIRMING_BODIES: u64 = 30;

/// What all series share in one tick.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now<'a> {
    pub(super) statistic: &'a Statistic,
    pub(super) period: Period,
    pub(super) anchor: Growth,
    pub(super) now: u64,
    /// When the tick before was.
    pub(super) then: u64,
}

/// What was read of a series' bodies, and room to work on it.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) identity: u64,
    pub(super) buckets: Vec<Bucket>,
    fresh: Vec<Bucket>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Watch {
    pub(super) endpoint: Endpoint,
    pub(super) direction: Direction,
    pub(super) view: View,
    pub(super) growth: Growth,
    /// All that was counted: what the ledger holds, and what was carried over from before it.
    pub(super) total: Counts,
    pub(super) carried: Option<Counts>,
    pub(super) baseline: Option<Baseline>,
    pub(super) anchor: Option<Box<Anchor>>,
    pub(super) period: Under,
    pub(super) ladder: Ladder,
    pub(super) marks: Vec<Mark>,
    /// While evidence rises, the last bodies over an edge that left their trace: later ones take their place in the ledger.
    pub(super) risen: Vec<Exemplar>,
    /// Bodies above the gate edge of each rung, while a baseline stood.
    pub(super) above: [u64; Quantile::ALL.len()],
    pub(super) open: Option<Box<Open>>,
}

/// Where evidence began: what had been counted before.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Mark {
    pub(super) tick: u64,
    pub(super) at: u64,
    /// The tick before.
    pub(super) then: u64,
    pub(super) before: Counts,
    /// The worst evidence of the period until then.
    pub(super) worst: [Worst; 2],
}

/// A finding that is open, and what it takes to close it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Open {
    pub(super) finding: Finding,
    pub(super) by_anchor: bool,
    /// The change is no earlier than this, in nanoseconds since 1970.
    pub(super) not_before: u64,
    /// The S_j that led when it was found: at 0, all is well.
    pub(super) alternative: usize,
    pub(super) before: Counts,
    /// What had been counted when the sizes were last too large.
    pub(super) recovery: Counts,
    /// The worst evidence of the period until the change: what an alert shows is no part of what is usual.
    pub(super) worst: [Worst; 2],
    /// The tick after which it was said to be fixed.
    pub(super) fixed: Option<u64>,
}

/// What a tick changed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    Opened,
    Raised,
    Closed(Box<Closing>),
}

impl Reading {
    /// Puts the buckets in order, and adds up those that came more than once.
    pub(super) fn fold(&mut self) {
        self.buckets.sort_unstable_by_key(Bucket::index);
        self.buckets.dedup_by(|next, kept| {
            let same = next.index() == kept.index();
            if same {
                *kept = Bucket::new(kept.index(), kept.count().saturating_add(next.count()));
            }
            same
        });
    }
}

impl Watch {
    pub(super) fn new(endpoint: Endpoint, direction: Direction, view: View, growth: Growth, now: u64) -> Self {
        Self {
            endpoint,
            direction,
            view,
            growth,
            total: Counts::default(),
            carried: None,
            baseline: None,
            anchor: None,
            period: Under::begin(&Counts::default(), now),
            ladder: Ladder::default(),
            marks: Vec::new(),
            risen: Vec::new(),
            above: Default::default(),
            open: None,
        }
    }

    /// Whether this finding is the one that is open.
    pub(super) fn is_of(&self, finding: u64) -> bool {
        self.open.as_ref().is_some_and(|open| open.finding.id == finding)
    }

    /// Takes what the ledger holds now. `fresh_over` finds the exemplars above a bucket's edge since the tick before, the
    /// first one first.
    pub(super) fn tick(
        &mut self,
        now: &Now<'_>,
        reading: &mut Reading,
        fresh_over: impl Fn(u16) -> Vec<Exemplar>,
    ) -> Vec<Change> {
        let mut changes: Vec<Change> = self.roll(now).into_iter().collect();
        let bodies = self.take(reading);
        if bodies == 0 {
            return changes;
        }
        self.climb(now, &reading.fresh, fresh_over);
        self.total.set(reading.identity, reading.buckets.iter().copied());
        self.period.bodies = self.period.bodies.saturating_add(bodies);
        changes.extend(if self.open.is_some() { self.follow(now) } else { self.judge(now) });
        if changes.is_empty() {
            changes.extend(self.roll(now));
        }
        changes
    }

    /// Goes on with the period and with the alert that interrupts it, as if the clock had not been set.
    pub(super) fn clock_was_set(&mut self, shift: Shift) {
        self.period.started = shift.of(self.period.started);
        if let Some(open) = &mut self.open {
            open.not_before = shift.of(open.not_before);
        }
    }

    /// Finds what came since the last tick. Where the ledger holds less than it did, it is another one, or was cleared:
    /// counting goes on from there, and nothing came.
    fn take(&mut self, reading: &mut Reading) -> u64 {
        let Reading { identity, buckets, fresh } = reading;
        if let Some(carried) = &self.carried {
            *identity = identity.saturating_add(carried.identity);
            let both = merged(buckets.iter().copied(), carried.iter(), u64::saturating_add).collect();
            *buckets = both;
        }
        let backwards = Cell::new(false);
        fresh.clear();
        fresh.extend(
            merged(buckets.iter().copied(), self.total.iter(), |now, then| {
                backwards.set(backwards.get() || now < then);
                now.saturating_sub(then)
            })
            .filter(|bucket| bucket.count() > 0),
        );
        if backwards.get() {
            let held = Counts::new(*identity, buckets.iter().copied());
            let missing = self.total.minus(&held);
            self.total = held.plus(&missing);
            self.carried = Some(self.carried.as_ref().map_or(missing.clone(), |carried| carried.plus(&missing)));
            return 0;
        }
        fresh.iter().fold(0, |sum, bucket| sum.saturating_add(bucket.count()))
    }

    fn climb(&mut self, now: &Now<'_>, fresh: &[Bucket], fresh_over: impl Fn(u16) -> Vec<Exemplar>) {
        let Self { baseline: Some(baseline), anchor, ladder, marks, risen, above, total, period, .. } = self else {
            return;
        };
        let tick = baseline.edges.count(fresh.iter().copied());
        for (above, fresh) in above.iter_mut().zip(tick.above_gate) {
            *above = above.saturating_add(fresh);
        }
        ladder.tick(now.statistic, &baseline.edges, &tick);
        if let Some(anchor) = anchor {
            let edges = anchor.baseline.edges;
            anchor.ladder.tick(now.statistic, &edges, &edges.count(fresh.iter().copied()));
        }
        let number = ladder.ticks();
        let height = |number: u64| {
            let by_anchor = anchor.as_ref().map_or(0.0, |anchor| anchor.ladder.height_since(number));
            ladder.height_since(number).max(by_anchor)
        };
        marks.retain(|mark| height(mark.tick) > 0.0);
        if marks.is_empty() {
            marks.shrink_to_fit();
        }
        if height(number) > 0.0 {
            let edges = ladder.began_in(number).filter_map(|quantile| baseline.edges.rung(quantile));
            let first = edges.map(|edges| edges.evidence).min().and_then(|edge| fresh_over(edge).first().copied());
            let at = first.map_or(now.now, |first| first.unix_nanos());
            let worst = [period.worst, period.anchor_worst];
            marks.reserve_exact(1);
            marks.push(Mark { tick: number, at, then: now.then, before: total.clone(), worst });
        }
        if marks.len() > MARKS {
            let lowest = marks.iter().map(|mark| mark.tick).min_by(|a, b| height(*a).total_cmp(&height(*b)));
            marks.retain(|mark| Some(mark.tick) != lowest);
        }
        // Up to there, evidence rises and falls in calm traffic too.
        let rising = Quantile::ALL.into_iter().filter(|quantile| ladder.height(*quantile) > CALM);
        match rising.filter_map(|quantile| baseline.edges.rung(quantile)).map(|edges| edges.evidence).min() {
            Some(edge) => {
                risen.extend(fresh_over(edge));
                let surplus = risen.len().saturating_sub(Finding::TRACES);
                risen.drain(..surplus);
            }
            None => *risen = Vec::new(),
        }
    }

    /// Looks for evidence; opens a finding where there is enough.
    fn judge(&mut self, now: &Now<'_>) -> Option<Change> {
        let (verdict, severity, by_anchor) = self.strongest(now)?;
        let baseline = if by_anchor { &self.anchor.as_ref()?.baseline } else { self.baseline.as_ref()? };
        let ladder = if by_anchor { &self.anchor.as_ref()?.ladder } else { &self.ladder };
        let mark = self.marks.iter().find(|mark| mark.tick >= verdict.since);
        let (before, at, then) =
            mark.map_or((&self.total, now.now, now.then), |mark| (&mark.before, mark.at, mark.then));
        let since = self.total.minus(before);
        let finding = Finding {
            id: 0,
            event: 0,
            endpoint: self.endpoint.clone(),
            direction: self.direction,
            view: self.view,
            severity,
            kind: self.kind(&baseline.counts, &since, by_anchor),
            since: clock::time(at),
            found: clock::time(now.now),
            quantile: verdict.quantile,
            before: SizeSummary::of(&baseline.counts),
            after: SizeSummary::of(&since),
            evidence: verdict.evidence,
            version_before: None,
            version_after: None,
            version_since: None,
            traces: Vec::new(),
        };
        let worst = mark.map_or([self.period.worst, self.period.anchor_worst], |mark| mark.worst);
        let open = Open {
            finding,
            by_anchor,
            not_before: then,
            alternative: ladder.leading(verdict.quantile),
            before: before.clone(),
            recovery: self.total.clone(),
            worst,
            fixed: None,
        };
        if severity == Severity::Alert {
            [self.period.worst, self.period.anchor_worst] = worst;
        }
        self.open = Some(Box::new(open));
        Some(Change::Opened)
    }

    /// The rung that says most, of both ladders; only alerts of the anchor's.
    pub(super) fn strongest(&mut self, now: &Now<'_>) -> Option<(Verdict, Severity, bool)> {
        let alerts = self.has_alert();
        let Self { baseline: Some(baseline), anchor, ladder, period, .. } = self else { return None };
        let mut best: Option<(Verdict, Severity, bool)> = None;
        let mut offer = |verdict: Verdict, severity, by_anchor| {
            let better =
                |(other, known, _): &(Verdict, Severity, bool)| (severity, verdict.evidence) > (*known, other.evidence);
            if best.as_ref().is_none_or(better) {
                best = Some((verdict, severity, by_anchor));
            }
        };
        let judged = [
            Some((false, &*ladder, &*baseline)),
            anchor.as_ref().map(|anchor| (true, &anchor.ladder, &anchor.baseline)),
        ];
        for quantile in Quantile::ALL {
            for (by_anchor, ladder, against) in judged.iter().copied().flatten() {
                let (height, worst) = (ladder.height(quantile), against.worst(quantile));
                // The evidence is no more than its height: where that is too low for both, there is no need to know it.
                if height <= period.worst(by_anchor, quantile) && height < now.statistic.threshold(worst) {
                    continue;
                }
                let verdict = ladder.verdict(now.statistic, quantile, worst);
                if !alerts {
                    period.note(by_anchor, &verdict, worst.is_some());
                }
                let alert = verdict.is_alert() && against.may_alert(quantile);
                if alert || (verdict.has_evidence() && !by_anchor) {
                    offer(verdict, if alert { Severity::Alert } else { Severity::Warning }, by_anchor);
                }
            }
        }
        best
    }

    /// Whether an alert is open.
    pub(super) fn has_alert(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.finding.severity == Severity::Alert)
    }

    fn kind(&self, before: &Counts, since: &Counts, by_anchor: bool) -> FindingKind {
        let largest = before.largest().saturating_add(self.growth.rule(Quantile::P999).evidence_buckets());
        if by_anchor {
            FindingKind::Creep
        } else if self.view == View::Wire && compression_lost(before, since) {
            FindingKind::CompressionLost
        } else if since.largest() > largest {
            FindingKind::LargerThanEver
        } else {
            FindingKind::MixShift
        }
    }
}

impl Open {
    pub(super) fn refresh(&mut self, total: &Counts) {
        let since = total.minus(&self.before);
        self.finding.after = SizeSummary::of(&since);
    }
}
