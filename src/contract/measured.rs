//! What a test run measured: from a ledger, and by hand.

use std::collections::BTreeMap;

use crate::endpoint::EndpointName;
use crate::ledger::{SizeDistribution, Snapshot};

use super::median::Median;
use super::subject::{StatusClass, Subject};

/// The sizes of a test run, to be held against a [`Contract`](super::Contract).
///
/// ```
/// use plimsoll::{Ledger, Measured};
///
/// let ledger = Ledger::new();
/// let mut measured = Measured::from(&ledger.snapshot());
/// measured.record("an order of three articles", br#"{"skus":[1,2,3]}"#.len() as u64);
/// assert_eq!(measured.len(), 1);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    fixtures: BTreeMap<String, Vec<u64>>,
    bodies: BTreeMap<Subject, SizeDistribution>,
}

impl Measured {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a size of a fixture, in bytes. One that is recorded more than once is held to the median of its sizes.
    pub fn record(&mut self, fixture: impl Into<String>, bytes: u64) {
        self.fixtures.entry(fixture.into()).or_default().push(bytes);
    }

    /// Adds what a ledger holds: offered bodies, so that a limit hides no growth. Its overflow series say of no endpoint
    /// in particular, and are left out.
    pub fn add(&mut self, snapshot: &Snapshot) {
        for series in snapshot.series() {
            let Some(endpoint) = EndpointName::of(&series.endpoint) else { continue };
            let (direction, view) = (series.direction, series.view);
            let status = series.status.and_then(StatusClass::of);
            if series.offered.count() > 0 {
                let subject = Subject::Bodies { endpoint, direction, status, view };
                self.bodies.entry(subject).or_default().merge(&series.offered);
            }
        }
    }

    /// How many fixtures, and kinds of bodies, it has sizes of.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fixtures.len().saturating_add(self.bodies.len())
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of it: what, its median, and of how many bodies.
    pub(super) fn medians(&self) -> impl Iterator<Item = (Subject, Median, u64)> {
        let fixtures = self.fixtures.iter().filter_map(|(name, sizes)| {
            let median = Median::of(sizes.iter().copied())?;
            Some((Subject::Fixture(name.clone()), median, sizes.len() as u64))
        });
        let bodies = self.bodies.iter().filter_map(|(subject, sizes)| {
            let median = Median::of_distribution(sizes)?;
            Some((subject.clone(), median, sizes.count()))
        });
        fixtures.chain(bodies)
    }
}

impl From<&Snapshot> for Measured {
    fn from(snapshot: &Snapshot) -> Self {
        let mut measured = Self::new();
        measured.add(snapshot);
        measured
    }
}
