//! What a contract allows, and the comparison.

use std::collections::{BTreeMap, BTreeSet};

use crate::endpoint::EndpointName;
use crate::limit::KIB;

use super::book::{Book, Entry, Key};
use super::factor::Factor;
use super::median::Median;
use super::subject::Subject;
use super::verdict::{Change, ChangeKind};

/// The settings of a contract: see the methods of [`Contract`](super::Contract) of the same names.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) allowed: Factor,
    pub(super) allowed_for: BTreeMap<EndpointName, Factor>,
    pub(super) floor: u64,
    pub(super) fail_on_new: bool,
    pub(super) fail_on_vanished: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            allowed: Factor::TWO,
            allowed_for: BTreeMap::new(),
            floor: KIB,
            fail_on_new: false,
            fail_on_vanished: false,
        }
    }
}

impl Rules {
    fn allowed(&self, subject: &Subject) -> Factor {
        let own = match subject {
            Subject::Fixture(_) => None,
            Subject::Bodies { endpoint, .. } => self.allowed_for.get(endpoint),
        };
        own.copied().unwrap_or(self.allowed)
    }

    /// How a size differs from its entry; `None` where it is within what is allowed.
    fn differs(&self, subject: &Subject, was: Option<Median>, is: Option<Median>) -> Option<(ChangeKind, bool)> {
        let allowed = self.allowed(subject);
        match (was, is) {
            (Some(was), Some(is)) if is.at_least() > self.floor && was.grew_beyond(allowed, is) => {
                Some((ChangeKind::Grown, true))
            }
            (Some(was), Some(is)) if was.at_least() > self.floor && is.grew_beyond(allowed, was) => {
                Some((ChangeKind::Shrunk, false))
            }
            (None, Some(_)) => Some((ChangeKind::New, self.fail_on_new)),
            (Some(_), None) => Some((ChangeKind::Vanished, self.fail_on_vanished)),
            (Some(_), Some(_)) | (None, None) => None,
        }
    }

    /// What differs between a contract and what was measured, failures first, and how much is within. Entries of another
    /// suite are none of its business.
    pub(super) fn compare(&self, book: &Book, measured: &BTreeMap<Key, Entry>, suite: &str) -> (Vec<Change>, usize) {
        let kept = book.0.keys().filter(|(of, _)| of == suite);
        let keys: BTreeSet<&Key> = kept.chain(measured.keys()).collect();
        let mut changes = Vec::new();
        let mut within = 0usize;
        for key in keys {
            let median = |entries: &BTreeMap<Key, Entry>| entries.get(key).map(|entry| entry.median);
            let (was, is) = (median(&book.0), median(measured));
            let (suite, subject) = key.clone();
            match self.differs(&subject, was, is) {
                Some((kind, fails)) => {
                    let allowed = self.allowed(&subject);
                    changes.push(Change { suite, subject, kind, was, is, allowed, fails });
                }
                None => within = within.saturating_add(1),
            }
        }
        changes.sort_by_key(|change| !change.fails);
        (changes, within)
    }

    /// Writes what differs into the contract; what vanished only where that is a failure.
    pub(super) fn apply(&self, book: &mut Book, changes: &[Change], measured: &BTreeMap<Key, Entry>) {
        for change in changes {
            let key = (change.suite.clone(), change.subject.clone());
            match (change.kind, measured.get(&key)) {
                (ChangeKind::Vanished, _) if self.fail_on_vanished => _ = book.0.remove(&key),
                (ChangeKind::Vanished, _) | (_, None) => {}
                (ChangeKind::Grown | ChangeKind::New | ChangeKind::Shrunk, Some(entry)) => {
                    book.0.insert(key, Entry { was: change.was, ..entry.clone() });
                }
            }
        }
    }
}
