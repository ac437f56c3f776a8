//! Where a policy and the traffic do not meet.

use std::collections::BTreeSet;

use super::declaration::Policy;
use crate::endpoint::EndpointName;
use crate::ledger::{Ledger, Snapshot};

/// What a policy names in vain, and what it should name: see [`Policy::coverage`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Endpoints that the policy names, accepted changes included, and of which no body has ended yet: a route that is
    /// gone, or a name that is misspelt, whose limits hold for nothing.
    pub unmatched: Vec<EndpointName>,
    /// Endpoints in traffic that the policy does not name: only the layers' own limits hold for them, and no alert rule.
    pub unnamed: Vec<EndpointName>,
}

impl Policy {
    /// Holds the policy against the traffic that a ledger has seen; both lists are sorted.
    ///
    /// Where the ledger [has overflowed](Ledger::has_overflowed), the bodies of an endpoint may be among those that it
    /// no longer tells apart: then more may seem unmatched than are.
    #[must_use]
    pub fn coverage(&self, ledger: &Ledger) -> Coverage {
        let mut seen = BTreeSet::new();
        ledger.visit(|series| seen.extend(EndpointName::of(series.endpoint())));
        self.held_against(seen)
    }

    /// The same, of a ledger that was [kept in a file](Snapshot::load).
    #[must_use]
    pub fn coverage_of(&self, snapshot: &Snapshot) -> Coverage {
        self.held_against(snapshot.series().iter().filter_map(|series| EndpointName::of(&series.endpoint)).collect())
    }

    fn held_against(&self, seen: BTreeSet<EndpointName>) -> Coverage {
        let named: BTreeSet<_> =
            self.endpoints.keys().chain(self.accepted.iter().map(|change| &change.endpoint)).collect();
        Coverage {
            unmatched: named.into_iter().filter(|name| !seen.contains(name)).cloned().collect(),
            unnamed: seen.into_iter().filter(|name| !self.endpoints.contains_key(name)).collect(),
        }
    }
}
