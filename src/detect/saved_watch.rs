//! One series of a saved detector: what its watch knows, apart from the ledger that was watched.

use serde::{Deserialize, Serialize};

use super::baseline::{Anchor, Baseline, Under};
use super::counts::Counts;
use super::ladder::Ladder;
use super::saved_finding::SavedOpen;
use super::settings::Growth;
use super::watch::{Mark, Watch};
use crate::ledger::Version;

/// A watch as a text. Counts are those since the earliest moment that still matters, whatever a ledger held before.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SavedWatch {
    /// The versions of the upstream, and when each was seen first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    versions: Vec<Version>,
    /// All that was counted since then.
    #[serde(default)]
    total: Counts,
    #[serde(default)]
    period: Under,
    #[serde(default)]
    ladder: Ladder,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    marks: Vec<Mark>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    baseline: Option<Baseline>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    oldest: Option<Anchor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    finding: Option<SavedOpen>,
}

impl SavedWatch {
    pub(super) fn of(watch: &Watch, versions: Vec<Version>) -> Self {
        let Watch {
            endpoint: _,
            direction: _,
            view: _,
            growth: _,
            total,
            carried: _,
            baseline,
            anchor,
            period,
            ladder,
            marks,
            risen: _,
            above: _,
            open,
        } = watch;
        let mut saved = Self {
            versions,
            total: total.clone(),
            period: period.clone(),
            ladder: ladder.clone(),
            marks: marks.clone(),
            baseline: baseline.clone(),
            oldest: anchor.as_deref().cloned(),
            finding: open.as_deref().map(SavedOpen::of),
        };
        let earliest = saved.moments().fold(total.clone(), |earliest, moment| earliest.least(moment));
        for moment in saved.moments() {
            *moment = moment.minus(&earliest);
        }
        saved.total = total.minus(&earliest);
        saved
    }

    /// Continues as what was saved: a new watch, whose ledger holds nothing yet. Gives the versions of before.
    ///
    /// What is exported as a counter begins at 0, as counters of a new process do: one that went on from what was saved a
    /// minute before would seem to have been reset, and to have counted all of it anew.
    pub(super) fn restore(self, watch: &mut Watch, anchor: &Growth) -> Vec<Version> {
        let Self { versions, total, period, ladder, marks, baseline, oldest, finding } = self;
        let (endpoint, direction, view) = (watch.endpoint.clone(), watch.direction, watch.view);
        watch.carried = Some(total.clone());
        watch.total = total;
        watch.baseline = baseline.map(|baseline| baseline.refrozen(&watch.growth));
        watch.anchor =
            oldest.map(|Anchor { baseline, ladder }| Box::new(Anchor { baseline: baseline.refrozen(anchor), ladder }));
        watch.open = match (&watch.baseline, finding) {
            (Some(_), Some(finding)) => Some(Box::new(finding.restore(endpoint, direction, view))),
            _ => None,
        };
        (watch.period, watch.ladder, watch.marks) = (period, ladder, marks);
        versions
    }

    /// What had been counted at each moment that is remembered.
    fn moments(&mut self) -> impl Iterator<Item = &mut Counts> {
        let Self { period, marks, finding, .. } = self;
        let of_finding = finding.iter_mut().flat_map(SavedOpen::moments);
        std::iter::once(&mut period.begin).chain(marks.iter_mut().map(|mark| &mut mark.before)).chain(of_finding)
    }

    /// Only the baselines, for another instance; `None` where there are none.
    pub(super) fn into_baseline(self) -> Option<Self> {
        let Self { baseline, oldest, .. } = self;
        let oldest = oldest.map(|Anchor { baseline, ladder: _ }| Anchor { baseline, ladder: Ladder::default() });
        baseline.is_some().then(|| Self { baseline, oldest, ..Self::default() })
    }

    /// Adds the baselines of another instance.
    pub(super) fn merge(&mut self, other: &Self) {
        match (&mut self.baseline, &other.baseline) {
            (Some(mine), Some(other)) => mine.merge(other),
            (mine @ None, other) => mine.clone_from(other),
            (Some(_), None) => {}
        }
        match (&mut self.oldest, &other.oldest) {
            (Some(mine), Some(other)) => mine.baseline.merge(&other.baseline),
            (mine @ None, other) => mine.clone_from(other),
            (Some(_), None) => {}
        }
    }

    pub(super) fn has_baseline(&self) -> bool {
        self.baseline.is_some()
    }

    /// Begins with no evidence: what was counted before was another version's.
    pub(super) fn forget_evidence(&mut self) {
        if self.finding.is_none() {
            self.ladder.restart();
            self.marks.clear();
            self.oldest.iter_mut().for_each(|oldest| oldest.ladder.restart());
        }
    }

    /// Says what no detector would have written.
    pub(super) fn check(&self) -> Result<(), String> {
        let Self { period, baseline, oldest, marks, finding, .. } = self;
        let baselines = baseline.iter().chain(oldest.iter().map(|oldest| &oldest.baseline));
        let worst = baselines.filter_map(|baseline| baseline.worst);
        let worst = worst.chain([period.worst, period.anchor_worst]).chain(marks.iter().flat_map(|mark| mark.worst));
        let worst = worst.chain(period.settling.and_then(|settling| settling.worst));
        let evidence = worst.flatten().chain(finding.iter().flat_map(SavedOpen::evidence));
        match evidence.into_iter().find(|evidence| !evidence.is_finite() || *evidence < 0.0) {
            Some(wrong) => Err(format!("{wrong} is no evidence; 0 and larger numbers are")),
            None => Ok(()),
        }
    }
}
