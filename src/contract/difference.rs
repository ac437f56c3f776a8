//! What differs between two contracts: for those who read a change of the file.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use super::book::{Book, Key};
use super::factor::Factor;
use super::table;
use super::verdict::{Change, ChangeKind, sizes};

/// What differs between two contracts, however little, with the reasons that the newer one gives. A
/// [`Verdict`](super::Verdict) is about what was measured, and what may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    older: PathBuf,
    newer: PathBuf,
    changes: Vec<(Change, String)>,
    same: usize,
}

impl Difference {
    pub(super) fn between((older, old): (PathBuf, &Book), (newer, new): (PathBuf, &Book)) -> Self {
        let keys: BTreeSet<&Key> = old.0.keys().chain(new.0.keys()).collect();
        let all = keys.len();
        let changes: Vec<_> = keys.into_iter().filter_map(|key| change(key, old, new)).collect();
        let same = all.saturating_sub(changes.len());
        Self { older, newer, changes, same }
    }

    /// What changed, with the reason; sorted as the contract is.
    #[must_use]
    pub fn changes(&self) -> impl ExactSizeIterator<Item = (&Change, &str)> {
        self.changes.iter().map(|(change, reason)| (change, reason.as_str()))
    }
}

fn change(key: &Key, old: &Book, new: &Book) -> Option<(Change, String)> {
    let (before, after) = (old.0.get(key), new.0.get(key));
    let (was, is) = (before.map(|entry| entry.median), after.map(|entry| entry.median));
    let kind = match (was, is) {
        (None, _) => ChangeKind::New,
        (_, None) => ChangeKind::Vanished,
        (Some(was), Some(is)) if was < is => ChangeKind::Grown,
        (Some(was), Some(is)) if was > is => ChangeKind::Shrunk,
        (Some(_), Some(_)) => return None,
    };
    let (suite, subject) = key.clone();
    let reason = after.map(|entry| entry.reason.clone()).unwrap_or_default();
    Some((Change { suite, subject, kind, was, is, allowed: Factor::TWO, fails: false }, reason))
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { older, newer, changes, same } = self;
        let (changed, same) = (sizes(changes.len()), sizes(*same));
        writeln!(f, "{} -> {}: {changed} changed, {same} as before", older.display(), newer.display())?;
        if changes.is_empty() {
            return Ok(());
        }
        writeln!(f)?;
        let note = |reason: &String| if reason.is_empty() { String::new() } else { format!("{reason:?}") };
        table::write(f, changes.iter().map(|(change, reason)| (change, note(reason))))
    }
}
