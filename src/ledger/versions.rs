//! Which versions of an upstream answered, and since when: a short list for each endpoint.

use std::hash::{BuildHasher, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use foldhash::fast::FixedState;

use crate::sync::atomic::AtomicU64;
use crate::sync::atomic::Ordering::Relaxed;

/// The longest text that is taken for a version, in bytes.
const LONGEST: usize = 64;
/// What has not answered for so long, in nanoseconds, has been away: five minutes. Within a roll-out, old and new take turns.
const AWAY: u64 = 300_000_000_000;

/// The versions of one endpoint's upstream, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Versions {
    /// Stands for the text that the last answer named; 0 before the first.
    current: AtomicU64,
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    seen: Vec<Seen>,
    current: Option<Arc<str>>,
}

#[derive(Debug)]
struct Seen {
    version: Version,
    /// When another took its place last, in nanoseconds since 1970.
    until: u64,
}

/// A version, and when it was first seen, in nanoseconds since 1970; again, where it had been away.
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
    /// Takes note of the version that an answer names. The same as in the last answer costs a hash and a load; another, a
    /// lock, unless that is taken: then it is left to the next answer.
    pub(crate) fn note(&self, value: &[u8], now: impl FnOnce() -> u64) {
        let mut hasher = FixedState::with_seed(0).build_hasher();
        hasher.write(value);
        let hash = hasher.finish() | 1;
        if self.current.load(Relaxed) == hash {
            return;
        }
        let mut log = match self.log.try_lock() {
            Ok(log) => log,
            Err(TryLockError::Poisoned(log)) => log.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        self.current.store(hash, Relaxed);
        let text = std::str::from_utf8(value).ok().map(str::trim);
        log.turn_to(text.filter(|text| !text.is_empty() && text.len() <= LONGEST), now());
    }

    /// Adds versions that were seen before this process, and when each was seen first.
    #[cfg_attr(not(feature = "serde"), allow(dead_code, reason = "nothing is kept over a restart"))]
    pub(crate) fn recall(&self, before: Vec<Version>, now: u64) {
        self.lock().recall(before, now);
    }

    pub(crate) fn log(&self) -> Vec<Version> {
        self.lock().seen.iter().map(|seen| seen.version.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    fn turn_to(&mut self, text: Option<&str>, now: u64) {
        let last = self.current.take();
        let last = last.and_then(|last| self.seen.iter_mut().find(|seen| seen.version.text == last));
        last.into_iter().for_each(|last| last.until = now);
        let Some(text) = text else { return };
        let known = self.seen.iter_mut().find(|seen| &*seen.version.text == text);
        let text = match known {
            Some(Seen { version, until }) => {
                if now.saturating_sub(*until) > AWAY {
                    version.first = now;
                }
                Arc::clone(&version.text)
            }
            None => {
                let text: Arc<str> = text.into();
                self.seen.push(Seen { version: Version { text: Arc::clone(&text), first: now }, until: now });
                text
            }
        };
        self.current = Some(text);
        self.tidy();
    }

    /// The last one before was there to the end; of others that are here again, it is not known since when.
    fn recall(&mut self, before: Vec<Version>, now: u64) {
        let last = before.last().map(|last| Arc::clone(&last.text));
        for version in before {
            let was_last = last.as_ref() == Some(&version.text);
            match self.seen.iter_mut().find(|seen| seen.version.text == version.text) {
                Some(seen) if was_last => seen.version.first = seen.version.first.min(version.first),
                Some(_) => {}
                None => self.seen.push(Seen { version, until: if was_last { now } else { 0 } }),
            }
        }
        self.tidy();
    }

    fn tidy(&mut self) {
        self.seen.sort_by_key(|seen| seen.version.first);
        let forgotten = self.seen.len().saturating_sub(Version::REMEMBERED);
        self.seen.drain(..forgotten);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(versions: &Versions) -> Vec<(String, u64)> {
        versions.log().into_iter().map(|version| (version.text.to_string(), version.first)).collect()
    }

    #[test]
    fn a_version_is_kept_as_its_text_and_its_first_time() {
        let kept = <(Box<str>, u64)>::from(Version { text: "2.30.0".into(), first: 7 });
        assert_eq!(kept, ("2.30.0".into(), 7));
        assert_eq!(Version::from(kept), Version { text: "2.30.0".into(), first: 7 });
    }

    #[test]
    fn each_version_is_remembered_with_its_first_time() {
        let versions = Versions::default();
        for (now, version) in [(1, "2.30.0"), (2, "2.31.0"), (3, "2.30.0"), (4, "2.31.0 ")] {
            versions.note(version.as_bytes(), || now);
        }
        assert_eq!(texts(&versions), [("2.30.0".to_owned(), 1), ("2.31.0".to_owned(), 2)]);
    }

    /// It used to be known by the time it came first: what grew with it then came with no change of version.
    #[test]
    fn a_version_that_was_rolled_back_and_comes_again_comes_anew() {
        let versions = Versions::default();
        for (now, version) in [(1, "2.30.0"), (2, "2.31.0"), (3, "2.30.0"), (3 + AWAY, "2.31.0"), (5 + AWAY, "2.31.0")]
        {
            versions.note(version.as_bytes(), || now);
        }
        assert_eq!(texts(&versions), [("2.30.0".to_owned(), 1), ("2.31.0".to_owned(), 2)], "a turn within a roll-out");
        for (now, version) in [(6 + AWAY, "2.30.0"), (7 + 2 * AWAY, "2.31.0")] {
            versions.note(version.as_bytes(), || now);
        }
        assert_eq!(texts(&versions), [("2.30.0".to_owned(), 1), ("2.31.0".to_owned(), 7 + 2 * AWAY)]);
    }

    #[test]
    fn versions_of_before_this_process_are_recalled_in_their_order() {
        let versions = Versions::default();
        versions.note(b"2.31.0", || 100);
        let version = |text: &str, first| Version { text: text.into(), first };
        versions.recall(vec![version("2.30.0", 1), version("2.31.0", 7)], 100);
        assert_eq!(texts(&versions), [("2.30.0".to_owned(), 1), ("2.31.0".to_owned(), 7)]);
        versions.recall((10..20).map(|n| version(&format!("2.{n}.0"), n)).collect(), 100);
        assert_eq!(texts(&versions).first(), Some(&("2.12.0".to_owned(), 12)));
        assert_eq!(versions.log().len(), Version::REMEMBERED);

        let versions = Versions::default();
        versions.note(b"2.30.0", || 100);
        versions.recall(vec![version("2.30.0", 1), version("2.31.0", 7)], 100);
        assert_eq!(texts(&versions), [("2.31.0".to_owned(), 7), ("2.30.0".to_owned(), 100)], "rolled back meanwhile");
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
