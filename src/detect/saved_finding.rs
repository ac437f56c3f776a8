//! A finding that is open, as a text.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::baseline::Worst;
use super::counts::Counts;
use super::finding::{Finding, FindingKind, Severity, SizeSummary};
use super::settings::Quantile;
use super::watch::Open;
use crate::clock;
use crate::endpoint::{Direction, Endpoint};
use crate::ledger::{Exemplar, View};

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SavedOpen {
    id: u64,
    event: u64,
    severity: Severity,
    kind: FindingKind,
    quantile: Quantile,
    /// In nanoseconds since 1970, as all moments here.
    since: u64,
    found: u64,
    before_sizes: SizeSummary,
    after_sizes: SizeSummary,
    evidence: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version_before: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version_after: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version_since: Option<u64>,
    by_oldest: bool,
    not_before: u64,
    alternative: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fixed: Option<u64>,
    /// The worst evidence of the period until then, against its baseline and the oldest.
    worst: [Worst; 2],
    before: Counts,
    recovery: Counts,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    traces: Vec<SavedExemplar>,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct SavedExemplar {
    value: u64,
    at: u64,
    trace_id: String,
    span_id: String,
}

impl SavedOpen {
    pub(super) fn of(open: &Open) -> Self {
        let Open { finding, by_anchor, not_before, alternative, before, recovery, worst, fixed } = open;
        Self {
            id: finding.id,
            event: finding.event,
            severity: finding.severity,
            kind: finding.kind,
            quantile: finding.quantile,
            since: unix_nanos(finding.since),
            found: unix_nanos(finding.found),
            before_sizes: finding.before,
            after_sizes: finding.after,
            evidence: finding.evidence,
            version_before: finding.version_before.clone(),
            version_after: finding.version_after.clone(),
            version_since: finding.version_since.map(unix_nanos),
            by_oldest: *by_anchor,
            not_before: *not_before,
            alternative: *alternative,
            fixed: *fixed,
            worst: *worst,
            before: before.clone(),
            recovery: recovery.clone(),
            traces: finding.traces.iter().map(SavedExemplar::of).collect(),
        }
    }

    pub(super) fn restore(self, endpoint: Endpoint, direction: Direction, view: View) -> Open {
        let Self { by_oldest, not_before, alternative, fixed, worst, before, recovery, .. } = self;
        let finding = Finding {
            id: self.id,
            event: self.event,
            endpoint,
            direction,
            view,
            severity: self.severity,
            kind: self.kind,
            since: clock::time(self.since),
            found: clock::time(self.found),
            quantile: self.quantile,
            before: self.before_sizes,
            after: self.after_sizes,
            evidence: self.evidence,
            version_before: self.version_before,
            version_after: self.version_after,
            version_since: self.version_since.map(clock::time),
            traces: self.traces.iter().filter_map(SavedExemplar::restore).collect(),
        };
        Open { finding, by_anchor: by_oldest, not_before, alternative, before, recovery, worst, fixed }
    }

    /// All that is evidence.
    pub(super) fn evidence(&self) -> impl Iterator<Item = f64> {
        self.worst.into_iter().flatten().chain([self.evidence])
    }

    /// What had been counted at each moment that is remembered.
    pub(super) fn moments(&mut self) -> impl Iterator<Item = &mut Counts> {
        [&mut self.before, &mut self.recovery].into_iter()
    }
}

impl SavedExemplar {
    fn of(exemplar: &Exemplar) -> Self {
        Self {
            value: exemplar.value(),
            at: exemplar.unix_nanos(),
            trace_id: format!("{:032x}", exemplar.trace_id()),
            span_id: format!("{:016x}", exemplar.span_id()),
        }
    }

    /// `None` where the ids are none.
    fn restore(&self) -> Option<Exemplar> {
        let trace_id = u128::from_str_radix(&self.trace_id, 16).ok()?;
        let span_id = u64::from_str_radix(&self.span_id, 16).ok()?;
        Some(Exemplar::of(self.value, self.at, trace_id, span_id))
    }
}

fn unix_nanos(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, clock::nanos)
}
