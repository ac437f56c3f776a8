//! What the detector says: which bodies grew, from what to what, since when, since which version, and how it ended.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use super::counts::Counts;
use super::settings::Quantile;
use crate::clock;
use crate::endpoint::{Direction, Endpoint};
use crate::ledger::{Bucket, Exemplar, View};

/// How sure a finding is of mattering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Severity {
    /// Chance is ruled out, but the growth is within the gate, or no calm period has shown yet what is usual here.
    Warning,
    /// Chance is ruled out, and the growth is beyond the gate.
    Alert,
}

impl Severity {
    /// The value of the attribute `plimsoll.severity`: `warning` or `alert`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Alert => "alert",
        }
    }
}

/// What kind of growth it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum GrowthKind {
    /// Bodies are larger than any that the baseline holds, by more than the margin.
    LargerThanEver,
    /// No body is: there are more of the large ones than there were.
    MixShift,
    /// More bodies came without a content coding than used to: what grew is the wire's share, not the content.
    CompressionLost,
    /// Too slow to see from one period to the next: it is twice the oldest accepted baseline.
    SlowCreep,
}

impl GrowthKind {
    /// The value of the attribute `plimsoll.growth.kind`: `larger_than_ever`, `mix_shift`, `compression_lost` or
    /// `slow_creep`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LargerThanEver => "larger_than_ever",
            Self::MixShift => "mix_shift",
            Self::CompressionLost => "compression_lost",
            Self::SlowCreep => "slow_creep",
        }
    }
}

/// The sizes of some bodies, in bytes, each within 2.2 % (half a bucket of the histogram).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct SizeSummary {
    /// How many bodies.
    pub bodies: u64,
    /// The median.
    pub p50: u64,
    /// Nine of ten are no larger.
    pub p90: u64,
    /// 99 of a hundred.
    pub p99: u64,
    /// 999 of a thousand.
    pub p999: u64,
    /// The largest.
    pub max: u64,
}

impl SizeSummary {
    pub(super) fn of(counts: &Counts) -> Self {
        let middle = |index: Option<u16>| index.map_or(0, |index| Bucket::new(Some(index), 1).middle());
        let [p50, p90, p99, p999] = Quantile::ALL.map(|quantile| middle(counts.quantile(quantile.per_mille())));
        Self { bodies: counts.bodies(), p50, p90, p99, p999, max: middle(counts.largest()) }
    }

    /// The size at this quantile, in bytes.
    #[must_use]
    pub fn quantile(&self, quantile: Quantile) -> u64 {
        match quantile {
            Quantile::P50 => self.p50,
            Quantile::P90 => self.p90,
            Quantile::P99 => self.p99,
            Quantile::P999 => self.p999,
        }
    }
}

/// How a finding ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Closed {
    /// The new sizes were accepted, for this reason: they are the baseline now.
    Accepted(Box<str>),
    /// It was said to be fixed. The old baseline stands, and looks on.
    Fixed,
    /// Bodies are as they were, by as clear a test as the one that found it.
    BackToNormal,
    /// A warning whose period ended: its bodies are part of the new baseline. Slow growth shows against the oldest.
    TakenForUsual,
}

/// The end of a finding: the step that verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Closing {
    /// How it ended.
    pub how: Closed,
    /// When.
    pub at: SystemTime,
    /// The sizes since it may have been over; where they were accepted, those since the change.
    pub sizes: SizeSummary,
}

/// A growth that the detector found: what, from what to what, since when, and what leads to its cause.
///
/// Its `Display` is a paragraph for whoever is on call.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// Its number, counted from 1 in each process: for [`Detector::accept`](super::Detector::accept).
    pub id: u64,
    /// The number of the first finding of the same event: same upstream, same new version, still open.
    pub event: u64,
    /// Whose bodies grew.
    pub endpoint: Endpoint,
    /// Which of its bodies.
    pub direction: Direction,
    /// Whether their bytes are those of the wire or decoded ones.
    pub view: View,
    /// Warning or alert. A warning may become an alert, never the other way.
    pub severity: Severity,
    /// What kind of growth.
    pub kind: GrowthKind,
    /// The lowest quantile that shows it: what grew for most bodies.
    pub quantile: Quantile,
    /// When it began: the first body above the edge that left an exemplar, else the tick before the first one.
    pub since: SystemTime,
    /// When it was found.
    pub found: SystemTime,
    /// The sizes of the baseline.
    pub before: SizeSummary,
    /// The sizes since the change; moves at every tick while the finding is open and not about to close.
    pub after: SizeSummary,
    /// The logarithm of the e-value: chance alone does this in fewer than one of `exp(evidence)` cases.
    pub evidence: f64,
    /// What the evidence had to reach.
    pub threshold: f64,
    /// The last version that was seen before the change, if versions are known.
    pub version_before: Option<Arc<str>>,
    /// The first version that was seen with it; `None` where none came with it.
    pub version_after: Option<Arc<str>>,
    /// Bodies above the edge, with the traces of their calls; the first ones that were seen, five at most.
    pub exemplars: Vec<Exemplar>,
    /// How it ended; `None` while it is open.
    pub closed: Option<Closing>,
}

impl Finding {
    /// How many times the baseline's size the new one is, at [`quantile`](Self::quantile); within 4.4 %.
    #[must_use]
    pub fn factor(&self) -> f64 {
        let [before, after] = [self.before, self.after].map(|sizes| sizes.quantile(self.quantile).max(1));
        #[allow(clippy::cast_precision_loss, reason = "bytes to 1 TiB")]
        let factor = after as f64 / before as f64;
        factor
    }

    /// Whether it is still open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.closed.is_none()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, direction, quantile, before, after, .. } = self;
        let title = match self.severity {
            Severity::Alert => "ALERT",
            Severity::Warning => "Warning",
        };
        let (was, is) = (before.quantile(*quantile), after.quantile(*quantile));
        write!(
            f,
            "{title}: {direction} bodies of {endpoint} are {:.1} times as large since {}: their {quantile} was {} and \
             is {}",
            self.factor(),
            clock::Utc(self.since),
            Bytes(was),
            Bytes(is),
        )?;
        if *quantile != Quantile::P99 {
            write!(f, ", p99 was {} and is {}", Bytes(before.p99), Bytes(after.p99))?;
        }
        write!(f, " ({} bodies since). ", after.bodies)?;
        f.write_str(match self.kind {
            GrowthKind::LargerThanEver => "They are larger than any before. ",
            GrowthKind::MixShift => "None is larger than those before: there are more of the large ones, so look at who asks for what. ",
            GrowthKind::CompressionLost => "More of them come uncompressed than before: look at what is asked for and sent as content-encoding first. ",
            GrowthKind::SlowCreep => "It grew too slowly to stand out in any one period; this is against the oldest baseline that was accepted. ",
        })?;
        match (&self.version_before, &self.version_after) {
            (Some(before), Some(after)) => {
                write!(f, "It came with version {after} (before: {before}): look at that deploy first. ")?;
            }
            (None, Some(after)) => write!(f, "It came with version {after}: look at that deploy first. ")?,
            (Some(before), None) => write!(f, "No new version came with it: it is {before}, as before. ")?,
            (None, None) => {}
        }
        if let Some((first, rest)) = self.exemplars.split_first() {
            write!(f, "Calls that show it: trace {:032x}", first.trace_id())?;
            rest.iter().try_for_each(|exemplar| write!(f, ", {:032x}", exemplar.trace_id()))?;
            f.write_str(". ")?;
        }
        match &self.closed {
            None => write!(f, "Open: roll back, or accept finding {}.", self.id),
            Some(closing) => write!(f, "{closing}"),
        }
    }
}

impl fmt::Display for Closing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { how, at, sizes } = self;
        match how {
            Closed::Accepted(reason) => write!(f, "Accepted at {}: {reason}", clock::Utc(*at))?,
            Closed::Fixed => write!(f, "Said to be fixed at {}", clock::Utc(*at))?,
            Closed::BackToNormal => write!(f, "Over at {}: bodies are as they were", clock::Utc(*at))?,
            Closed::TakenForUsual => write!(f, "Part of the baseline since {}", clock::Utc(*at))?,
        }
        if sizes.bodies == 0 {
            return f.write_str(".");
        }
        let SizeSummary { bodies, p50, p99, .. } = sizes;
        write!(f, "; of the last {bodies} bodies p50 is {}, p99 {}.", Bytes(*p50), Bytes(*p99))
    }
}

/// A size for people: `512 bytes`, `8.2 KB`, with 1,000 bytes to a KB.
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[allow(clippy::cast_precision_loss, reason = "shown with one decimal")]
        let bytes = self.0 as f64;
        match self.0 {
            0..1_000 => write!(f, "{} bytes", self.0),
            1_000..1_000_000 => write!(f, "{:.1} KB", bytes / 1e3),
            1_000_000..1_000_000_000 => write!(f, "{:.1} MB", bytes / 1e6),
            _ => write!(f, "{:.1} GB", bytes / 1e9),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::endpoint::{Key, Role, Upstream};
    use http::Method;

    fn finding() -> Finding {
        let upstream = Upstream::new(Some("inventory"), None);
        let key = Key::new(Role::Client, &Method::GET, upstream, Some("/inventory/{sku}"));
        let sizes = |p50, p99| SizeSummary { bodies: 50, p50, p90: p50, p99, p999: p99, max: p99 };
        Finding {
            id: 7,
            event: 7,
            endpoint: Endpoint::new(&key),
            direction: Direction::Response,
            view: View::Decoded,
            severity: Severity::Alert,
            kind: GrowthKind::LargerThanEver,
            quantile: Quantile::P50,
            since: UNIX_EPOCH + Duration::from_secs(1_795_602_664),
            found: UNIX_EPOCH + Duration::from_secs(1_795_602_666),
            before: sizes(8_200, 9_100),
            after: sizes(85_280, 91_000),
            evidence: 30.0,
            threshold: 20.0,
            version_before: Some("2.30.0".into()),
            version_after: Some("2.31.0".into()),
            exemplars: vec![],
            closed: None,
        }
    }

    #[test]
    fn it_reads_as_a_paragraph_for_whoever_is_on_call() {
        assert_eq!(
            finding().to_string(),
            "ALERT: response bodies of GET /inventory/{sku} of inventory are 10.4 times as large since \
             2026-11-25 10:31:04 UTC: their p50 was 8.2 KB and is 85.3 KB, p99 was 9.1 KB and is 91.0 KB (50 bodies \
             since). They are larger than any before. It came with version 2.31.0 (before: 2.30.0): look at that \
             deploy first. Open: roll back, or accept finding 7."
        );
    }

    #[test]
    fn a_closed_one_says_how_and_what_the_sizes_are_now() {
        let closed = Closing {
            how: Closed::BackToNormal,
            at: UNIX_EPOCH + Duration::from_secs(1_795_602_700),
            sizes: SizeSummary { bodies: 50, p50: 8_200, p99: 9_000, ..SizeSummary::default() },
        };
        let said = Finding { closed: Some(closed), version_after: None, ..finding() }.to_string();
        assert!(said.contains("No new version came with it: it is 2.30.0, as before."), "{said}");
        assert!(
            said.ends_with("Over at 2026-11-25 10:31:40 UTC: bodies are as they were; of the last 50 bodies p50 is 8.2 KB, p99 9.0 KB."),
            "{said}"
        );
    }
}
