//! What a detector knows as a text that people can read: to carry it over a restart, and from many instances to one.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::saved_watch::SavedWatch;
use crate::endpoint::{Direction, EndpointName};
use crate::files::{self, Fault, wrong_toml};
use crate::ledger::{Version, View};

/// What the text says that it is.
const FORMAT: &str = "plimsoll detector";
/// The version of this form; a larger one is of a newer crate.
const VERSION: u32 = 1;
/// The scale of the histograms (OpenTelemetry's exponential ones): other buckets are not these.
const SCALE: u32 = 4;

/// What a [`Detector`](super::Detector) has learnt, apart from any ledger: baselines, the periods so far, evidence, and
/// the findings that are open.
///
/// Its text ([`to_toml`](Self::to_toml)) is TOML, sorted and stable. A bucket is written as `number:bodies`; number `i`
/// holds sizes up to `2^(i/16)` bytes.
///
/// ```
/// use plimsoll::Ledger;
/// use plimsoll::detect::{Detector, SavedDetector};
///
/// let detector = Detector::new(&Ledger::new());
/// let saved = SavedDetector::from_toml(&detector.saved().to_toml())?;
/// assert_eq!(saved, detector.saved());
/// # Ok::<_, plimsoll::detect::SavedError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SavedDetector {
    /// The versions of the service, in the order in which they ran; the last one wrote this.
    pub(super) service_versions: Vec<Version>,
    pub(super) last_id: u64,
    pub(super) watches: BTreeMap<SavedKey, SavedWatch>,
}

/// Whose bodies: as in the ledger, but without one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SavedKey {
    pub(super) endpoint: EndpointName,
    pub(super) direction: Direction,
    pub(super) view: View,
}

/// Why a text is not what a detector saved: with the line, and what would be right.
#[derive(Debug)]
pub struct SavedError(Fault);

impl fmt::Display for SavedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for SavedError {}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    version: u32,
    scale: u32,
    /// Each with the moment since which it ran, in nanoseconds since 1970.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    service_versions: Vec<Version>,
    #[serde(default)]
    last_finding: u64,
    #[serde(default)]
    series: Vec<Record>,
    end: End,
}

/// Stands last, so that a text that was cut short is known to be, wherever that was.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct End {
    series: usize,
}

#[derive(Debug, Deserialize, Serialize)]
struct Record {
    endpoint: EndpointName,
    direction: Word<Direction>,
    view: Word<View>,
    #[serde(flatten)]
    watch: SavedWatch,
}

/// Only what says which form a text is of: read first, so that a newer form is called that, whatever else it holds.
#[derive(Debug, Deserialize)]
struct Head {
    format: Option<String>,
    version: Option<u32>,
    scale: Option<u32>,
}

impl SavedDetector {
    /// Reads the text of a detector that was saved.
    ///
    /// # Errors
    ///
    /// For a text that is cut short, of another kind, or of a newer version of this crate.
    pub fn from_toml(text: &str) -> Result<Self, SavedError> {
        Self::read(Path::new("saved detector"), text)
    }

    /// Reads a file that a [`FileStore`](super::FileStore) keeps.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, or is not one.
    pub fn load(path: &Path) -> Result<Self, SavedError> {
        let text = files::read(path).map_err(SavedError)?;
        let missing = || SavedError(Fault::whole(path, "there is no such file"));
        Self::read(path, &text.ok_or_else(missing)?)
    }

    /// The same, for a text that is a file's.
    pub(super) fn read(path: &Path, text: &str) -> Result<Self, SavedError> {
        let wrong = |error| SavedError(wrong_toml(path, text, &error));
        let Head { format, version, scale } = toml::from_str(text).map_err(wrong)?;
        let whole = |said: String| Err(SavedError(Fault::whole(path, said)));
        let (Some(format), Some(version), Some(scale)) = (format, version, scale) else {
            return whole(format!("no saved detector: one says `format = {FORMAT:?}`, its `version` and its `scale`"));
        };
        if format != FORMAT {
            return whole(format!("its format is {format:?}; a detector's is {FORMAT:?}"));
        }
        if version != VERSION {
            return whole(format!("its version is {version}, of a newer plimsoll; this one reads version {VERSION}"));
        }
        if scale != SCALE {
            return whole(format!("its histograms are of scale {scale}; the ledger's are of scale {SCALE}"));
        }
        let Document { service_versions, last_finding, series, end, .. } = toml::from_str(text).map_err(wrong)?;
        if end.series != series.len() {
            return whole(format!("its end counts {} series; there are {}", end.series, series.len()));
        }
        let mut watches = BTreeMap::new();
        for Record { endpoint, direction, view, watch } in series {
            if let Err(said) = watch.check() {
                return whole(format!("series {endpoint}: {said}"));
            }
            let key = SavedKey { endpoint, direction: direction.0, view: view.0 };
            if let Some(twice) = watches.insert(key, watch).map(|_| "a series stands there twice") {
                return whole(twice.into());
            }
        }
        Ok(Self { service_versions, last_id: last_finding, watches })
    }

    /// The text, which [`from_toml`](Self::from_toml) reads back; none, where the clock was beyond the year 2262.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let Self { service_versions, last_id, watches } = self;
        let record = |(key, watch): (&SavedKey, &SavedWatch)| {
            let SavedKey { endpoint, direction, view } = key.clone();
            Record { endpoint, direction: Word(direction), view: Word(view), watch: watch.clone() }
        };
        let document = Document {
            format: FORMAT.into(),
            version: VERSION,
            scale: SCALE,
            service_versions: service_versions.clone(),
            last_finding: *last_id,
            series: watches.iter().map(record).collect(),
            end: End { series: watches.len() },
        };
        // Times alone can be beyond TOML's numbers; no map has a key that is no text.
        toml::to_string(&document).unwrap_or_default()
    }

    /// What one detector would know of all that these saw: for a new instance that starts with its fleet's baselines.
    ///
    /// Baselines add up exactly, bucket by bucket, and the oldest ones likewise; of the worst evidence in calm periods
    /// the largest stands. Evidence, open findings and periods under way are one instance's own, and are left out.
    #[must_use]
    pub fn merge(all: impl IntoIterator<Item = Self>) -> Self {
        let mut merged = Self::default();
        for Self { service_versions, last_id: _, watches } in all {
            // Those of the instance with the latest one, whatever the order in which they come.
            let latest = |versions: &[Version]| versions.last().map(|last| (last.first, last.text.clone()));
            if latest(&service_versions) > latest(&merged.service_versions) {
                merged.service_versions = service_versions;
            }
            for (key, watch) in watches {
                let Some(watch) = watch.into_baseline() else { continue };
                match merged.watches.get_mut(&key) {
                    Some(known) => known.merge(&watch),
                    None => {
                        merged.watches.insert(key, watch);
                    }
                }
            }
        }
        merged
    }

    /// How many series have a baseline.
    #[must_use]
    pub fn baselines(&self) -> usize {
        self.watches.values().filter(|watch| watch.has_baseline()).count()
    }
}

/// A direction or view as the word that stands for it everywhere.
#[derive(Clone, Copy, Debug)]
struct Word<T>(T);

macro_rules! words {
    ($type:ty, $all:expr) => {
        impl Serialize for Word<$type> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.0.as_str())
            }
        }

        impl<'de> Deserialize<'de> for Word<$type> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                let known = $all.into_iter().find(|known| known.as_str() == text);
                let valid = || $all.map(|known| known.as_str()).join("` or `");
                known.map(Word).ok_or_else(|| serde::de::Error::custom(format!("{text:?} is neither `{}`", valid())))
            }
        }
    };
}

words!(Direction, [Direction::Request, Direction::Response]);
words!(View, [View::Wire, View::Decoded]);
