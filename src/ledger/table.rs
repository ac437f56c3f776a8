//! The table of endpoints: open addressing over cells that are written once, so that a look-up takes no lock.

use std::sync::Arc;

use super::entry::Entry;
use crate::endpoint::Key;
use crate::sync::{HashState, OnceLock};

/// The most endpoints that a table has room for: a cell for each is made at once.
pub(super) const LARGEST: usize = 1 << 20;

/// Endpoints by key. They are never removed, and no more are made than half of the cells.
#[derive(Debug)]
pub(super) struct Table {
    cells: Box<[OnceLock<Arc<Entry>>]>,
    state: HashState,
}

impl Table {
    /// A table for at most `max` endpoints.
    pub(super) fn new(max: usize) -> Self {
        let cells = max.min(LARGEST).saturating_mul(2).next_power_of_two();
        Self { cells: std::iter::repeat_with(OnceLock::new).take(cells).collect(), state: HashState::default() }
    }

    /// The entry of this key, if it stands in the first cell that is looked at: the usual case.
    #[inline(always)]
    pub(super) fn get(&self, key: &Key<'_>) -> Option<&Arc<Entry>> {
        self.cell(self.hash(key))?.get().filter(|entry| entry.endpoint().matches(key))
    }

    /// The entry of this key; made by `make` where there is none, unless `make` gives none. `in_vain` is called
    /// where another thread made it at the same moment.
    pub(super) fn get_or_insert(
        &self,
        key: &Key<'_>,
        make: impl FnOnce() -> Option<Entry>,
        in_vain: impl FnOnce(),
    ) -> Option<&Arc<Entry>> {
        let hash = self.hash(key);
        let mut mine = None;
        let mut make = Some(make);
        for step in 0..self.cells.len() {
            let cell = self.cell(hash.wrapping_add(step))?;
            let found = match cell.get() {
                Some(entry) => entry,
                None => {
                    if let Some(make) = make.take() {
                        mine = make().map(Arc::new);
                    }
                    let entry = Arc::clone(mine.as_ref()?);
                    // Whoever was first, the cell now holds an entry: ours, this key's of another, or a stranger's.
                    cell.get_or_init(|| entry)
                }
            };
            if found.endpoint().matches(key) {
                if mine.is_some_and(|mine| !Arc::ptr_eq(&mine, found)) {
                    in_vain();
                }
                return Some(found);
            }
        }
        None
    }

    #[inline(always)]
    fn hash(&self, key: &Key<'_>) -> usize {
        #[allow(clippy::cast_possible_truncation, reason = "the low bits are all that is asked for")]
        let hash = key.hash_with(&self.state) as usize;
        hash
    }

    /// The cell for a number: there is a power of two of them, so that steps from any one pass them all.
    #[inline]
    fn cell(&self, number: usize) -> Option<&OnceLock<Arc<Entry>>> {
        self.cells.get(number & self.cells.len().wrapping_sub(1))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.cells.iter().filter_map(OnceLock::get)
    }
}

#[cfg(test)]
mod tests {
    use super::super::builder::LedgerBuilder;
    use super::super::core::Core;
    use super::super::entry::Overflow;
    use super::*;
    use crate::endpoint::{Endpoint, Role, Upstream};
    use http::Method;

    fn key(route: &str) -> Key<'_> {
        Key::new(Role::Server, &Method::GET, Upstream::default(), Some(route))
    }

    fn entry(key: &Key<'_>) -> Entry {
        let core = Arc::new(Core::new(&LedgerBuilder::default()));
        let overflow = Arc::new(Overflow::new(Role::Server, &core));
        Entry::new(Endpoint::new(key), core, overflow)
    }

    fn route(entry: &Arc<Entry>) -> Option<&str> {
        entry.endpoint().route()
    }

    #[test]
    fn twice_as_many_endpoints_find_a_cell_as_there_may_be_and_each_keeps_its_own() {
        let table = Table::new(8);
        let routes: Vec<_> = (0..16).map(|n| format!("/{n}")).collect();
        for made in &routes {
            let never = || panic!("nobody else makes any");
            table.get_or_insert(&key(made), || Some(entry(&key(made))), never).unwrap();
            for known in &routes {
                assert!(table.get(&key(known)).is_none_or(|found| route(found) == Some(known)));
            }
        }
        for known in &routes {
            let found = table.get_or_insert(&key(known), || panic!("it is there"), || panic!("it was"));
            assert_eq!(found.and_then(route), Some(known.as_str()));
        }
        assert_eq!(table.iter().count(), 16);
        let none = table.get_or_insert(&key("/more"), || Some(entry(&key("/more"))), || panic!("none other"));
        assert!(none.is_none());
    }

    #[test]
    fn endpoints_are_spread_so_that_the_first_look_finds_most() {
        let table = Table::new(64);
        let routes: Vec<_> = (0..32).map(|n| format!("/{n}")).collect();
        for made in &routes {
            table.get_or_insert(&key(made), || Some(entry(&key(made))), || panic!("nobody else makes any"));
        }
        // 28 as a rule: the hash has another seed each time, and none that leaves so few.
        assert!(routes.iter().filter(|known| table.get(&key(known)).is_some()).count() > 8);
    }

    #[test]
    fn without_an_entry_to_put_there_a_cell_stays_empty() {
        let table = Table::new(1);
        assert!(table.get_or_insert(&key("/"), || None, || panic!("nothing was made")).is_none());
        assert_eq!((table.iter().count(), table.get(&key("/")).is_none()), (0, true));
    }

    #[test]
    fn of_two_entries_made_at_a_moment_the_first_stands_and_the_other_was_in_vain() {
        let table = Table::new(4);
        let mut in_vain = 0;
        let make = || {
            // What another thread does while this one makes its own.
            table.get_or_insert(&key("/"), || Some(entry(&key("/"))), || panic!("it was the first"));
            Some(entry(&key("/")))
        };
        let found = table.get_or_insert(&key("/"), make, || in_vain += 1);
        assert!(found.is_some_and(|found| table.iter().all(|only| Arc::ptr_eq(only, found))));
        assert_eq!((table.iter().count(), in_vain), (1, 1));
    }
}
