//! Which versions of an upstream answered, and since when: a short list for each endpoint.

use std::hash::BuildHasher;
use std::hash::Hasher;
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::fast::FixedState;

use crate::sync::atomic::AtomicU64;
use crate::sync::atomic::Ordering::Relaxed;

/// Versions that are told apart without a lock: as many as one roll-out has at a time, and then some.
const KNOWN: usize = 4;
/// The longest text that is taken for a version, in bytes.
const LONGEST: usize = 64;

/// The versions of one endpoint's upstream, in the order in which they were first seen.
#[derive(Debug, Default)]
pub(crate) struct Versions {
    known: [AtomicU64; KNOWN],
    log: Mutex<Vec<Version>>,
}

/// A version, and when it was first seen, in nanoseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(from = "(Box<str>, u64)", into = "(Box<str>, u64)")
)]
pub(crate) struct Version {
    pub(crate) text: Arc<str>,
    pub(crate) first: u64,
}

impl From<(Box<str>, u64)> for Version {
    fn from((text, first): (Box<str>, u64)) -> Self {
        Self { text: text.into(), first }
    }
}

impl From<Version> for (Box<str>, u64) {
    fn from(Version { text, first }: Version) -> Self {
        ((*text).into(), first)
    }
}

impl Version {
    /// How many are remembered.
    pub(crate) const REMEMBERED: usize = 8;
}

impl Versions {
    /// Takes note of the version that an answer names. One that is known costs a hash and a few loads; a new one, a lock.
    pub(crate) fn note(&self, value: &[u8], now: impl FnOnce() -> u64) {
        let mut hasher = FixedState::with_seed(0).build_hasher();
        hasher.write(value);
        let hash = hasher.finish() | 1;
        if self.known.iter().any(|known| known.load(Relaxed) == hash) {
            return;
        }
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let place = usize::try_from(hash >> 32).unwrap_or(0) % KNOWN;
        let free = self.known.iter().find(|known| known.load(Relaxed) == 0).or_else(|| self.known.get(place));
        free.into_iter().for_each(|known| known.store(hash, Relaxed));
        let text = std::str::from_utf8(value).ok().map(str::trim);
        let Some(text) = text.filter(|text| !text.is_empty() && text.len() <= LONGEST) else { return };
        if log.iter().any(|version| &*version.text == text) {
            return;
        }
        if log.len() >= Version::REMEMBERED {
            log.remove(0);
        }
        log.push(Version { text: text.into(), first: now() });
    }

    /// Adds versions that were seen before this process, and when each was seen first.
    pub(crate) fn recall(&self, before: impl IntoIterator<Item = Version>) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        for version in before {
            match log.iter_mut().find(|known| known.text == version.text) {
                Some(known) => known.first = known.first.min(version.first),
                None => log.push(version),
            }
        }
        log.sort_by_key(|version| version.first);
        let forgotten = log.len().saturating_sub(Version::REMEMBERED);
        log.drain(..forgotten);
    }

    pub(crate) fn log(&self) -> Vec<Version> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(versions: &Versions) -> Vec<(String, u64)> {
        versions.log().into_iter().map(|version| (version.text.to_string(), version.first)).collect()
    }

    #[test]
    fn each_version_is_remembered_with_its_first_time() {
        let versions = Versions::default();
        for (now, version) in [(1, "2.30.0"), (2, "2.31.0"), (3, "2.30.0"), (4, "2.31.0 ")] {
            versions.note(version.as_bytes(), || now);
        }
        assert_eq!(texts(&versions), [("2.30.0".to_owned(), 1), ("2.31.0".to_owned(), 2)]);
    }

    #[test]
    fn versions_of_before_this_process_are_recalled_in_their_order() {
        let versions = Versions::default();
        versions.note(b"2.31.0", || 100);
        let version = |text: &str, first| Version { text: text.into(), first };
        versions.recall([version("2.30.0", 1), version("2.31.0", 7)]);
        assert_eq!(texts(&versions), [("2.30.0".to_owned(), 1), ("2.31.0".to_owned(), 7)]);
        versions.recall((10..20).map(|n| version(&format!("2.{n}.0"), n)));
        assert_eq!(texts(&versions).first(), Some(&("2.12.0".to_owned(), 12)));
        assert_eq!(versions.log().len(), Version::REMEMBERED);
    }

    #[test]
    fn a_million_versions_leave_the_last_eight_and_no_text_is_too_strange() {
        let versions = Versions::default();
        for now in 0..1_000_000u64 {
            versions.note(format!("v{now}").as_bytes(), || now);
        }
        assert_eq!(texts(&versions).first(), Some(&("v999992".to_owned(), 999_992)));
        let versions = Versions::default();
        for strange in [&b""[..], b"  ", b"\xff\xfe", &[b'v'; 65]] {
            versions.note(strange, || 1);
        }
        assert_eq!(texts(&versions), []);
    }
}
