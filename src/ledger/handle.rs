//! The handle that users hold: make it, read it, switch it.

use std::fmt;
use std::sync::Arc;

use super::builder::LedgerBuilder;
use super::core::{Core, Enforcement};
use super::entry::{Entry, Overflow};
use super::series_view::SeriesView;
use super::snapshot::Snapshot;
use super::table::Table;
use crate::clock::Look;
use crate::endpoint::{Endpoint, Key, Role};

/// The book of body sizes of a process: layers write it, exporters read it. A clone is a handle to the same book.
///
/// Make one per process and give it to every layer. Tests make one each.
///
/// ```
/// use plimsoll::Ledger;
///
/// let ledger = Ledger::new();
/// assert!(ledger.snapshot().series().is_empty());
/// ```
#[derive(Clone)]
pub struct Ledger(Arc<Book>);

struct Book {
    core: Arc<Core>,
    endpoints: Table,
    // The entries that stand in where none can be made.
    server: Arc<Entry>,
    client: Arc<Entry>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

impl Ledger {
    /// A ledger with the default settings.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A ledger with settings of your own.
    #[must_use]
    pub fn builder() -> LedgerBuilder {
        LedgerBuilder::default()
    }

    pub(super) fn with_settings(settings: &LedgerBuilder) -> Self {
        let core = Arc::new(Core::new(settings));
        let overflow = |role| {
            let series = Arc::new(Overflow::new(role, &core));
            Arc::new(Entry::new(Endpoint::overflow(role), Arc::clone(&core), series))
        };
        let (server, client) = (overflow(Role::Server), overflow(Role::Client));
        Self(Arc::new(Book { core, endpoints: Table::new(settings.max_series), server, client }))
    }

    /// Turns every rejecting limit of every layer on this ledger into a warning one, or back, from now on.
    ///
    /// For the day when a limit turns out too tight and a deploy would take too long. Takes effect at once, also for
    /// bodies under way, but that one which was let pass stays so to its end. Limits of others stand: axum's own of
    /// 2 MiB answers as before, except where a limit of ours above it has turned it off, and then nothing limits.
    pub fn set_enforcement(&self, enforcement: Enforcement) {
        self.0.core.set_enforcement(enforcement);
    }

    /// What rejecting limits do at present.
    #[must_use]
    pub fn enforcement(&self) -> Enforcement {
        self.0.core.enforcement()
    }

    /// Whether the ledger has been full, so that bodies are counted in its overflow series.
    ///
    /// Once true it stays so. See [`LedgerBuilder::max_series`] and [`LedgerBuilder::max_bytes`].
    #[must_use]
    pub fn has_overflowed(&self) -> bool {
        self.0.core.has_overflowed()
    }

    /// Copies what the ledger holds now, sorted, so that snapshots compare.
    ///
    /// Bodies that end while it is taken may be in it or not; a body that has ended before is.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(self)
    }

    /// Calls `each` for every series that has anything to tell, without copying it; in no order.
    pub fn visit(&self, mut each: impl FnMut(SeriesView<'_>)) {
        let Book { core: _, endpoints, server, client } = &*self.0;
        let overflow = [server, client].into_iter().flat_map(|entry| entry.overflow().iter());
        for series in endpoints.iter().flat_map(|entry| entry.iter()).chain(overflow) {
            let view = SeriesView::new(series);
            if !view.is_empty() {
                each(view);
            }
        }
    }

    /// The time now, in nanoseconds since 1970, on the clock that stamps what is recorded.
    pub(crate) fn unix_nanos(&self) -> u64 {
        self.0.core.clock.unix_nanos()
    }

    /// The same, with what tells at the next look whether that clock was set.
    pub(crate) fn look(&self) -> Look {
        self.0.core.clock.look()
    }

    /// Every endpoint that found room, in no order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.0.endpoints.iter()
    }

    /// The entry of an endpoint; that of the overflow where there is no room for it.
    #[inline(always)]
    pub(crate) fn entry(&self, key: &Key<'_>) -> &Arc<Entry> {
        // A copy of the key goes there, so that the usual one stays in registers.
        self.0.endpoints.get(key).unwrap_or_else(|| self.find_or_make_entry(&{ *key }))
    }

    #[inline(never)]
    fn find_or_make_entry(&self, key: &Key<'_>) -> &Arc<Entry> {
        let Book { core, endpoints, server, client } = &*self.0;
        let overflow = match key.role {
            Role::Server => server,
            Role::Client => client,
        };
        let bytes = || Entry::bytes(key);
        let make = || {
            let entry = || Entry::new(Endpoint::new(key), Arc::clone(core), Arc::clone(overflow.overflow()));
            core.take_endpoint(bytes()).then(entry)
        };
        let in_vain = || core.give_back_endpoint(bytes());
        endpoints.get_or_insert(key, make, in_vain).unwrap_or(overflow)
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut series = 0usize;
        self.visit(|_| series = series.saturating_add(1));
        f.debug_struct("Ledger").field("series", &series).field("enforcement", &self.enforcement()).finish()
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::super::attributes::{Attributes, View};
    use super::super::series::Outcome;
    use super::*;
    use crate::endpoint::Upstream;

    #[test]
    fn what_one_handle_switches_another_one_sees() {
        let ledger = Ledger::new();
        let other = ledger.clone();
        assert_eq!(other.enforcement(), Enforcement::Reject);
        ledger.set_enforcement(Enforcement::WarnOnly);
        assert_eq!(other.enforcement(), Enforcement::WarnOnly);
        other.set_enforcement(Enforcement::Reject);
        assert_eq!(ledger.enforcement(), Enforcement::Reject);
    }

    #[test]
    fn bodies_of_endpoints_without_room_are_found_in_the_overflow_of_their_role() {
        let ledger = Ledger::builder().max_series(0).build();
        assert!(!ledger.has_overflowed());
        let roles = [Role::Server, Role::Client];
        for role in roles {
            let key = Key::new(role, &Method::GET, Upstream::default(), Some("/"));
            ledger.entry(&key).series(Attributes::of(View::Wire)).record_unsized(Outcome::Unread);
        }
        assert!(ledger.has_overflowed());
        let mut visited = vec![];
        ledger.visit(|series| visited.push((series.endpoint().clone(), series.outcomes().total())));
        assert_eq!(visited, roles.map(|role| (Endpoint::overflow(role), 1)));
        assert_eq!(ledger.entries().count(), 0);
    }
}
