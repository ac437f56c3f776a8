//! One endpoint of the ledger, and the short chain of its series.

use std::sync::Arc;

use http::{HeaderMap, HeaderName};

use super::attributes::Attributes;
use super::core::{Core, Memory};
use super::series::Series;
use super::series_view::SeriesView;
use super::versions::{Version, Versions};
use crate::endpoint::{Direction, Endpoint, Key, Role};
use crate::sync::OnceLock;

/// An endpoint with its series: found once a call, kept by the call until its response.
///
/// On cache lines of its own, of which calls write only the first, with the count of handles.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Entry {
    endpoint: Endpoint,
    core: Arc<Core>,
    chain: Chain,
    overflow: Arc<Overflow>,
    versions: OnceLock<Box<Versions>>,
}

impl Entry {
    pub(super) fn new(endpoint: Endpoint, core: Arc<Core>, overflow: Arc<Overflow>) -> Self {
        Self { endpoint, core, chain: Chain::default(), overflow, versions: OnceLock::new() }
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Takes note of the version that an answer's headers name, where the ledger was told of a header for it.
    #[inline]
    pub(crate) fn note_version(&self, headers: &HeaderMap) {
        if let Some(name) = &self.core.version_header {
            self.note_version_in(name, headers);
        }
    }

    fn note_version_in(&self, name: &HeaderName, headers: &HeaderMap) {
        let value = headers.get(name).filter(|_| !self.endpoint.is_overflow());
        if let (Some(value), Some(versions)) = (value, Memory::of(&self.core).get_or_make(&self.versions)) {
            versions.note(value.as_bytes(), || self.core.clock.unix_nanos());
        }
    }

    /// Its series, to read.
    pub(crate) fn views(&self) -> impl Iterator<Item = SeriesView<'_>> + Clone {
        let series = self.chain.chunks().flat_map(|chunk| &chunk.series).filter_map(OnceLock::get);
        series.map(|(_, series)| SeriesView::new(series))
    }

    /// The versions in which its upstream answered, in the order in which they came.
    pub(crate) fn versions(&self) -> Vec<Version> {
        self.versions.get().map_or_else(Vec::new, |versions| versions.log())
    }

    /// Adds versions of before this process, where the ledger was told of a header for them.
    #[cfg_attr(not(feature = "serde"), allow(dead_code, reason = "nothing is kept over a restart"))]
    pub(crate) fn recall_versions(&self, before: Vec<Version>) {
        if before.is_empty() || self.core.version_header.is_none() {
            return;
        }
        if let Some(versions) = Memory::of(&self.core).get_or_make(&self.versions) {
            versions.recall(before, self.core.clock.unix_nanos());
        }
    }

    /// The series of these attributes; the overflow series where it cannot be made.
    #[inline]
    pub(crate) fn series(&self, attributes: Attributes) -> &Arc<Series> {
        match self.chain.get(attributes) {
            Some(series) => series,
            None => self.new_series(attributes),
        }
    }

    #[cold]
    fn new_series(&self, attributes: Attributes) -> &Arc<Series> {
        let overflow = self.overflow.series(attributes.direction());
        if self.endpoint.is_overflow() {
            return overflow;
        }
        let bytes = counted::<Series>();
        let make = || {
            let series = || Series::new(self.endpoint.clone(), attributes, Arc::clone(&self.core), Some(overflow));
            self.core.take_series(bytes).then(series)
        };
        let in_vain = || self.core.give_back_series(bytes);
        self.chain.get_or_insert(attributes, make, in_vain, Memory::of(&self.core)).unwrap_or(overflow)
    }

    pub(super) fn overflow(&self) -> &Arc<Overflow> {
        &self.overflow
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Series>> {
        self.chain.chunks().flat_map(|chunk| &chunk.series).filter_map(OnceLock::get).map(|(_, series)| series)
    }

    /// The memory that the entry of this key takes beside its series, in bytes.
    #[inline]
    pub(super) fn bytes(key: &Key<'_>) -> usize {
        counted::<Self>().saturating_add(key.text_bytes())
    }
}

/// The memory of a value behind an [`Arc`], in bytes: its two counts fill up to the value's alignment.
const fn counted<T>() -> usize {
    size_of::<T>().saturating_add(align_of::<T>())
}

/// Where the bodies of one role are counted that found no room, a series for each direction.
#[derive(Debug)]
pub(super) struct Overflow {
    request: Arc<Series>,
    response: Arc<Series>,
}

impl Overflow {
    pub(super) fn new(role: Role, core: &Arc<Core>) -> Self {
        let series = |direction| {
            let attributes = Attributes::overflow(direction);
            Arc::new(Series::new(Endpoint::overflow(role), attributes, Arc::clone(core), None))
        };
        Self { request: series(Direction::Request), response: series(Direction::Response) }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Series>> {
        [&self.request, &self.response].into_iter()
    }

    fn series(&self, direction: Direction) -> &Arc<Series> {
        match direction {
            Direction::Request => &self.request,
            Direction::Response => &self.response,
        }
    }
}

/// The series of an endpoint in the order in which they came, a few to a chunk: rarely are there more.
#[derive(Debug, Default)]
struct Chain {
    series: [OnceLock<(Attributes, Arc<Series>)>; 6],
    next: OnceLock<Box<Chain>>,
}

impl Chain {
    /// The series of these attributes, if it stands in the first chunk: the usual case.
    #[inline]
    fn get(&self, attributes: Attributes) -> Option<&Arc<Series>> {
        for cell in &self.series {
            let (found, series) = cell.get()?;
            if *found == attributes {
                return Some(series);
            }
        }
        None
    }

    /// The series of these attributes; made by `make` where there is none, unless `make` gives none. `in_vain` is
    /// called where another thread made it at the same moment.
    fn get_or_insert(
        &self,
        attributes: Attributes,
        make: impl FnOnce() -> Option<Series>,
        in_vain: impl FnOnce(),
        memory: Memory<'_>,
    ) -> Option<&Arc<Series>> {
        let mut make = Some(make);
        let mut mine = None;
        let mut chunk = self;
        loop {
            for cell in &chunk.series {
                let (found, series) = match cell.get() {
                    Some(found) => found,
                    None => {
                        if let Some(make) = make.take() {
                            mine = make().map(Arc::new);
                        }
                        let mine = Arc::clone(mine.as_ref()?);
                        // Another thread may have been first, with this series or with a stranger.
                        cell.get_or_init(|| (attributes, mine))
                    }
                };
                if *found == attributes {
                    if mine.is_some_and(|mine| !Arc::ptr_eq(&mine, series)) {
                        in_vain();
                    }
                    return Some(series);
                }
            }
            match memory.get_or_make(&chunk.next) {
                Some(next) => chunk = next,
                None => {
                    if mine.is_some() {
                        in_vain();
                    }
                    return None;
                }
            }
        }
    }

    fn chunks(&self) -> impl Iterator<Item = &Self> + Clone {
        std::iter::successors(Some(self), |chunk| chunk.next.get().map(|next| &**next))
    }
}

#[cfg(test)]
mod tests {
    use super::super::attributes::{ContentCoding, View};
    use super::super::builder::LedgerBuilder;
    use super::*;
    use http::{Method, StatusCode};

    /// An endpoint of a ledger with these settings.
    fn entry(settings: &LedgerBuilder) -> Entry {
        let core = Arc::new(Core::new(settings));
        let overflow = Arc::new(Overflow::new(Role::Server, &core));
        let key = Key::new(Role::Server, &Method::GET, crate::endpoint::Upstream::default(), Some("/"));
        Entry::new(Endpoint::new(&key), core, overflow)
    }

    /// As many different attributes as there are classes of content coding, for requests and for three status codes.
    fn attributes() -> Vec<Attributes> {
        let statuses = [None, Some(StatusCode::OK), Some(StatusCode::NOT_FOUND), Some(StatusCode::BAD_GATEWAY)];
        let of = |status: Option<StatusCode>, coding| match status {
            None => Attributes::of(View::Wire).request(coding),
            Some(status) => Attributes::of(View::Wire).response(status, coding),
        };
        statuses.into_iter().flat_map(|status| ContentCoding::ALL.map(|coding| of(status, coding))).collect()
    }

    #[test]
    fn however_many_series_an_endpoint_has_each_is_found_again() {
        let (entry, attributes) = (entry(&LedgerBuilder::default()), attributes());
        let made: Vec<_> = attributes.iter().map(|attributes| Arc::clone(entry.series(*attributes))).collect();
        for (attributes, made) in attributes.iter().zip(&made) {
            assert_eq!(made.attributes(), *attributes);
            assert!(Arc::ptr_eq(entry.series(*attributes), made));
        }
        let at_once = attributes.iter().filter(|attributes| entry.chain.get(**attributes).is_some());
        assert_eq!(at_once.count(), 6, "those of the first chunk");
        assert!(entry.iter().zip(&made).all(|(listed, made)| Arc::ptr_eq(listed, made)));
        assert_eq!((entry.iter().count(), entry.views().count()), (24, 24));
    }

    #[test]
    fn versions_are_known_where_a_header_is_named_for_them_and_of_the_overflow_never() {
        let named = LedgerBuilder::default().version_header(HeaderName::from_static("x-version"));
        let headers = HeaderMap::from_iter([(HeaderName::from_static("x-version"), "2.31.0".parse().unwrap())]);
        let texts = |entry: &Entry| entry.versions().iter().map(|version| version.text.to_string()).collect::<Vec<_>>();
        let before = || vec![Version { text: "2.30.0".into(), first: 7 }];

        let known = entry(&named);
        known.recall_versions(vec![]);
        assert!(known.versions.get().is_none(), "no memory is taken for none");
        known.recall_versions(before());
        known.note_version(&headers);
        assert_eq!(texts(&known), ["2.30.0", "2.31.0"]);

        let unnamed = entry(&LedgerBuilder::default());
        unnamed.recall_versions(before());
        unnamed.note_version(&headers);
        let core = Arc::clone(&known.core);
        let overflow = Entry::new(Endpoint::overflow(Role::Server), core, Arc::clone(&known.overflow));
        overflow.note_version(&headers);
        assert!(texts(&unnamed).is_empty() && texts(&overflow).is_empty());
    }

    #[test]
    fn a_series_without_room_is_the_overflow_of_its_direction() {
        let entry = entry(&LedgerBuilder::default().max_series(1));
        let [request, .., response] = &attributes()[..] else { panic!("there are 24") };
        let overflow = |direction| entry.overflow().series(direction);
        assert!(!Arc::ptr_eq(entry.series(*request), overflow(Direction::Request)));
        assert!(Arc::ptr_eq(entry.series(*response), overflow(Direction::Response)));
        assert_eq!(entry.iter().count(), 1);
    }

    #[test]
    fn of_two_series_made_at_a_moment_the_first_stands_and_the_other_was_in_vain() {
        let (entry, attributes) = (entry(&LedgerBuilder::default()), attributes()[0]);
        let series = || Some(Series::new(entry.endpoint.clone(), attributes, Arc::clone(&entry.core), None));
        let memory = Memory::of(&entry.core);
        let mut in_vain = 0;
        let make = || {
            // What another thread does while this one makes its own.
            entry.chain.get_or_insert(attributes, series, || panic!("it was the first"), memory);
            series()
        };
        let found = entry.chain.get_or_insert(attributes, make, || in_vain += 1, memory);
        assert!(found.is_some_and(|found| entry.iter().all(|only| Arc::ptr_eq(only, found))));
        assert_eq!((entry.iter().count(), in_vain), (1, 1));
    }

    #[test]
    fn a_series_whose_cell_went_to_another_is_in_vain_where_there_is_no_memory_for_more_cells() {
        let entry = entry(&LedgerBuilder::default().max_bytes(0));
        let memory = Memory::of(&entry.core);
        let series = |attributes| Some(Series::new(entry.endpoint.clone(), attributes, Arc::clone(&entry.core), None));
        let insert = |attributes| {
            entry.chain.get_or_insert(attributes, || series(attributes), || panic!("it was the first"), memory)
        };
        let [first @ .., ours] = &attributes()[..7] else { panic!("there are 24") };
        let [mut in_vain, mut made] = [0; 2];
        for attributes in &first[..5] {
            assert!(insert(*attributes).is_some());
        }
        let make = || {
            made += 1;
            insert(first[5]);
            series(*ours)
        };
        let found = entry.chain.get_or_insert(*ours, make, || in_vain += 1, memory);
        assert_eq!((found.is_none(), entry.iter().count(), made, in_vain), (true, 6, 1, 1));
        assert!(insert(*ours).is_none(), "nothing is made, and nothing in vain");
    }
}
