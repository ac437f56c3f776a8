//! What the detector says: what grew, from what to what, since when, and how it ended.

use std::fmt;
use std::time::SystemTime;

use super::counts::Counts;
use super::settings::Quantile;
use crate::clock;
use crate::endpoint::{Direction, Endpoint, Role};
use crate::ledger::{Exemplar, Version, View};

/// How sure it is that somebody should look now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Severity {
    /// Chance is ruled out, but the growth is smaller than what counts as an alert, or no calm period has been seen yet.
    Warning,
    /// Chance is ruled out, and the growth is larger than the gate.
    Alert,
}

impl Severity {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Warning, Self::Alert];

    /// `warning` or `alert`: the value of the attribute `plimsoll.severity`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Alert => "alert",
        }
    }
}

/// What kind of change it looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum FindingKind {
    /// Some bodies are larger than any of the baseline, by more than the evidence margin.
    LargerThanEver,
    /// No body is larger than what the baseline has seen, but more of them are among the large ones.
    MixShift,
    /// The share of bodies without content coding rose: they may be as they were, and no longer compressed.
    CompressionLost,
    /// Each period was little larger than the last, and together they are twice the oldest baseline.
    Creep,
}

impl FindingKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::LargerThanEver, Self::MixShift, Self::CompressionLost, Self::Creep];

    /// The value of the attribute `plimsoll.finding.kind`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LargerThanEver => "larger_than_ever",
            Self::MixShift => "mix_shift",
            Self::CompressionLost => "compression_lost",
            Self::Creep => "creep",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::LargerThanEver => "Bodies larger than ever",
            Self::MixShift => "Mix shift suspected: no body is larger than before, but more of them are large",
            Self::CompressionLost => "Compression lost: more bodies come without content coding",
            Self::Creep => "Slow creep: measured against the oldest baseline, not the last period",
        }
    }
}

/// How large bodies were: their number, and the sizes at the four quantiles in bytes, within 2.2 %; 0 of none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
#[allow(missing_docs, reason = "documented at the type")]
pub struct SizeSummary {
    pub bodies: u64,
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub p999: u64,
}

impl SizeSummary {
    /// The size at this quantile.
    #[must_use]
    pub const fn quantile(&self, quantile: Quantile) -> u64 {
        match quantile {
            Quantile::P50 => self.p50,
            Quantile::P90 => self.p90,
            Quantile::P99 => self.p99,
            Quantile::P999 => self.p999,
        }
    }

    pub(super) fn of(counts: &Counts) -> Self {
        let [p50, p90, p99, p999] = Quantile::ALL.map(|quantile| counts.quantile(quantile.per_mille()).unwrap_or(0));
        Self { bodies: counts.bodies(), p50, p90, p99, p999 }
    }
}

/// A growth that chance does not explain. Its `Display` is a paragraph for whoever is on call.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// Counts the findings of a detector, from 1.
    pub id: u64,
    /// The event it belongs to: the id of its first finding.
    pub event: u64,
    /// What grew.
    pub endpoint: Endpoint,
    /// Which of its bodies.
    pub direction: Direction,
    /// Whether they were measured on the wire or decoded.
    pub view: View,
    /// How sure it is. Rises while the finding is open, and never falls.
    pub severity: Severity,
    /// What it looks like.
    pub kind: FindingKind,
    /// The estimate of when it began, to within a tick: the first exemplar over the edge that was left when the evidence
    /// began, else the tick in which it did.
    pub since: SystemTime,
    /// When it was found.
    pub found: SystemTime,
    /// The quantile whose evidence is strongest.
    pub quantile: Quantile,
    /// The baseline's sizes.
    pub before: SizeSummary,
    /// The sizes since the change; they move with each tick with traffic while the finding is open.
    pub after: SizeSummary,
    /// The logarithm of the e-value when it was found, or became an alert.
    pub evidence: f64,
    /// The last version seen before the change, and before the tick that came before it: of the upstream for a client, else
    /// our own.
    pub version_before: Option<Box<str>>,
    /// The first version seen since, likewise; the same, where it was seen before that already.
    pub version_after: Option<Box<str>>,
    /// When `version_after` was seen first: shortly before the change, where a deploy is to blame that had few large bodies
    /// at first.
    pub version_since: Option<SystemTime>,
    /// Bodies over the gate edge that left their trace, at most [`Finding::TRACES`]: those that stood when the evidence
    /// rose, then those of the ticks after it.
    pub traces: Vec<Exemplar>,
}

impl Finding {
    /// The most traces that a finding names.
    pub const TRACES: usize = 5;

    /// Whether a person would call both one change: of one upstream, or of ourselves, with one version.
    pub(super) fn is_of_one_event(&self, other: &Self) -> bool {
        self.endpoint.role() == other.endpoint.role()
            && self.endpoint.upstream() == other.endpoint.upstream()
            && self.version_after == other.version_after
    }

    /// Names the last version before `not_before`, and the first from then on: the upstream's, or our own.
    pub(super) fn name_versions(&mut self, upstream: &[Version], own: &[Version], not_before: u64) {
        let seen = match self.endpoint.role() {
            Role::Server => own,
            Role::Client => upstream,
        };
        let before = seen.iter().rfind(|version| version.first < not_before);
        let after = seen.iter().find(|version| version.first >= not_before).or(before);
        self.version_before = before.map(|version| (*version.text).into());
        self.version_after = after.map(|version| (*version.text).into());
        self.version_since = after.map(|version| clock::time(version.first));
    }

    /// Keeps what of these bodies came since the change, as long as there is room.
    pub(super) fn gather(&mut self, exemplars: impl Iterator<Item = Exemplar>) {
        if self.traces.len() >= Self::TRACES {
            return;
        }
        let mut new: Vec<Exemplar> = exemplars.filter(|exemplar| exemplar.time() >= self.since).collect();
        new.sort_by_key(Exemplar::unix_nanos);
        for exemplar in new {
            if self.traces.len() < Self::TRACES
                && self.traces.iter().all(|known| known.trace_id() != exemplar.trace_id())
            {
                self.traces.push(exemplar);
            }
        }
    }

    /// By how much the leading quantile grew: 2.0 is twice the size. Empty bodies count as of one byte.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "sizes to 2^40")]
    pub fn factor(&self) -> f64 {
        let (before, after) = (self.before.quantile(self.quantile), self.after.quantile(self.quantile));
        after.max(1) as f64 / before.max(1) as f64
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, direction, severity, kind, quantile, before, after, evidence, .. } = self;
        let role = endpoint.role();
        write!(f, "{severity}: {direction} bodies of {endpoint} ({role}) are ")?;
        write!(f, "{:.1} times as large at {quantile} since {}", self.factor(), clock::Utc(self.since))?;
        for quantile in Quantile::ALL {
            let (before, after) = (Bytes(before.quantile(quantile)), Bytes(after.quantile(quantile)));
            write!(f, "{} {quantile} from {before} to {after}", separator(quantile))?;
        }
        write!(f, ". {}", kind.sentence())?;
        match (&self.version_before, &self.version_after) {
            (Some(before), Some(after)) if before == after => {
                write!(f, "; the version did not change ({after}")?;
                self.version_since.iter().try_for_each(|since| write!(f, ", seen since {}", clock::Utc(*since)))?;
                f.write_str(")")?;
            }
            (Some(before), Some(after)) => write!(f, "; first seen with version {after} (previously {before})")?,
            (None, Some(after)) => write!(f, "; first seen with version {after}")?,
            (Some(before), None) => write!(f, "; the last version before was {before}")?,
            (None, None) => {}
        }
        write!(
            f,
            ". Based on {} bodies since; chance alone would do this once in 10^{:.0}",
            after.bodies,
            evidence / 10f64.ln()
        )?;
        if let Some((first, rest)) = self.traces.split_first() {
            write!(f, ". Traces that show it: {:032x}", first.trace_id())?;
            rest.iter().try_for_each(|trace| write!(f, ", {:032x}", trace.trace_id()))?;
        }
        f.write_str(".")
    }
}

fn separator(quantile: Quantile) -> &'static str {
    if quantile == Quantile::P50 { ":" } else { "," }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a finding is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The sizes came back by themselves.
    Recovered,
    /// Somebody said that it is fixed, and the sizes since then agree.
    Fixed,
    /// A warning that lasted to the end of its period: its bodies are in the baseline now. What goes on growing like that
    /// is found against the oldest baseline.
    TakenForUsual,
    /// The change is wanted, for this reason: the sizes since the change are the new baseline.
    Accepted(Box<str>),
}

/// The report that closes a finding: the sizes after it. Its `Display` is a paragraph.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Closing {
    /// What is over, as it stood at its end.
    pub finding: Finding,
    /// Why.
    pub resolution: Resolution,
    /// When it was closed.
    pub at: SystemTime,
    /// The sizes that speak for it: since they fell back, or since the change where that was accepted.
    pub sizes: SizeSummary,
}

impl fmt::Display for Closing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { finding, resolution, at, sizes } = self;
        let Finding { endpoint, direction, .. } = finding;
        write!(
            f,
            "closed at {}: {direction} bodies of {endpoint}, larger since {}, ",
            clock::Utc(*at),
            clock::Utc(finding.since)
        )?;
        match resolution {
            Resolution::Recovered => f.write_str("are back to normal")?,
            Resolution::Fixed => f.write_str("are fixed")?,
            Resolution::TakenForUsual => f.write_str("are usual by now, and part of the baseline")?,
            Resolution::Accepted(reason) => write!(f, "are accepted ({reason})")?,
        }
        for quantile in Quantile::ALL {
            let (now, before) = (Bytes(sizes.quantile(quantile)), Bytes(finding.before.quantile(quantile)));
            write!(f, "{} {quantile} is {now}, was {before} before", separator(quantile))?;
        }
        write!(f, ". By {} bodies.", sizes.bodies)
    }
}

/// A size as people read it: `8.0 KiB`.
struct Bytes(u64);

impl fmt::Display for Bytes {
    #[allow(clippy::cast_precision_loss, reason = "shown with one digit")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut size, mut unit) = (self.0 as f64, "B");
        for next in ["KiB", "MiB", "GiB", "TiB"] {
            if size < 1024.0 {
                break;
            }
            (size, unit) = (size / 1024.0, next);
        }
        if unit == "B" { write!(f, "{size} {unit}") } else { write!(f, "{size:.1} {unit}") }
    }
}
