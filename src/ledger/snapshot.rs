//! What a ledger holds, read: borrowed series by series, or copied whole to compare.

use std::cmp::Ordering;

use http::Version;

use super::attributes::{ContentCoding, UrlScheme, View};
use super::distribution::Distribution;
use super::exemplar::Exemplar;
use super::handle::Ledger;
use super::series::{Outcome, Series};
use super::size_distribution::{Bucket, SizeDistribution};
use crate::endpoint::{Direction, Endpoint, Role};
use crate::limit::Limit;
use crate::sync::atomic::Ordering::Relaxed;

/// One series of a ledger, borrowed. [`SeriesSnapshot`] is the same, copied.
///
/// Read while bodies end, its numbers may be of slightly different moments.
#[derive(Clone, Copy, Debug)]
pub struct SeriesView<'a>(&'a Series);

impl<'a> SeriesView<'a> {
    pub(super) fn new(series: &'a Series) -> Self {
        Self(series)
    }

    /// Whether nothing ended here yet and no body was over its limit.
    pub(super) fn is_empty(&self) -> bool {
        self.over_limit() == 0 && self.outcomes().total() == 0
    }

    /// A number that is another one as soon as a body was counted by its size.
    pub(crate) fn fingerprint(&self) -> u64 {
        let refused = self.0.refused.get().map_or(0, |refused| refused.sizes.fingerprint().rotate_left(32));
        self.0.completed.sizes.fingerprint().wrapping_add(refused)
    }

    /// Marks bodies of more than so many bytes on their spans from now on; none where `None`.
    pub(crate) fn mark_above(&self, edge: Option<u64>) {
        self.0.mark_above(edge);
    }

    /// The endpoint it belongs to.
    #[must_use]
    pub fn endpoint(&self) -> &'a Endpoint {
        self.0.endpoint()
    }

    /// Which of a call's bodies are counted here.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.0.attributes().direction()
    }

    /// The status code of the responses counted here; `None` for requests, which often end before one exists. A
    /// code that is not registered counts as the `x00` of its class (RFC 9110, section 15).
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.attributes().status()
    }

    /// The class of their `Content-Encoding`.
    #[must_use]
    pub fn coding(&self) -> ContentCoding {
        self.0.attributes().coding()
    }

    /// Whether their bytes are those of the wire or decoded ones.
    #[must_use]
    pub fn view(&self) -> View {
        self.0.attributes().view()
    }

    /// The scheme that the server was called with; `None` on a client.
    #[must_use]
    pub fn scheme(&self) -> Option<UrlScheme> {
        self.0.attributes().scheme()
    }

    /// The version of HTTP that was spoken: 1.0, 1.1, 2 or 3. `None` of a client's requests, which often end before
    /// it is known, and of versions that are none of these.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        self.0.attributes().version()
    }

    /// The port at which the upstream is called: of its name, else of the URL or what its scheme stands for. `None`
    /// on a server, and where neither tells one.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.0.attributes().port()
    }

    /// The limit that the last body was held against; moves when a body begins.
    #[must_use]
    pub fn limit(&self) -> Limit {
        self.0.limit()
    }

    /// When the series was made, in nanoseconds since 1970: all its counts began at 0 then.
    #[must_use]
    pub fn created_unix_nanos(&self) -> u64 {
        self.0.created()
    }

    /// Bodies by how they ended; moves when a body ends.
    #[must_use]
    pub fn outcomes(&self) -> Outcomes {
        let mut sized = 0u64;
        self.0.completed.sizes.for_each(|_, count| sized = sized.saturating_add(count));
        let mut counts = Outcome::ALL.map(|outcome| self.0.outcome_count(outcome));
        let [complete, ..] = &mut counts;
        *complete = complete.saturating_add(sized);
        Outcomes(counts)
    }

    /// Bodies over their limit: refused ones, and those that a warning limit let pass; moves when it is found out.
    #[must_use]
    pub fn over_limit(&self) -> u64 {
        self.0.over_limit.load(Relaxed)
    }

    /// The last body over its limit that left an exemplar.
    #[must_use]
    pub fn over_limit_exemplar(&self) -> Option<Exemplar> {
        self.0.over_limit_exemplar.get()
    }

    /// Sizes of completed bodies; moves when one ends.
    ///
    /// Partial counts never enter here, nor do answers that have no body by definition.
    #[must_use]
    pub fn completed(&self) -> SizeDistribution {
        let mut sizes = SizeDistribution::default();
        self.0.completed.sizes.read_into(&mut sizes);
        sizes
    }

    /// Sizes that the other side wanted to send: completed bodies as read, and refused ones by what they declared
    /// or, as a lower bound, by what was seen of them; moves when one ends.
    ///
    /// A refused body counts as 1 TiB at most, where the last bucket ends: anyone can declare anything.
    #[must_use]
    pub fn offered(&self) -> SizeDistribution {
        let mut sizes = self.completed();
        if let Some(refused) = self.0.refused.get() {
            refused.sizes.read_into(&mut sizes);
        }
        sizes
    }

    /// Calls `each` for every bucket of [`completed`](Self::completed) that holds something, smallest sizes first;
    /// copies nothing.
    pub fn for_each_completed(&self, mut each: impl FnMut(Bucket)) {
        self.0.completed.sizes.for_each(|index, count| each(Bucket::new(index, count)));
    }

    /// Calls `each` for the buckets of refused bodies, which [`offered`](Self::offered) adds to the completed ones;
    /// copies nothing.
    pub fn for_each_refused(&self, mut each: impl FnMut(Bucket)) {
        if let Some(refused) = self.0.refused.get() {
            refused.sizes.for_each(|index, count| each(Bucket::new(index, count)));
        }
    }

    /// Exemplars of completed bodies: the last of each power of two from 256 B to 16 MiB, and of what is larger.
    pub fn completed_exemplars(&self) -> impl Iterator<Item = Exemplar> + use<'a> {
        self.0.completed.exemplars.iter()
    }

    /// Exemplars of refused bodies, likewise.
    pub fn refused_exemplars(&self) -> impl Iterator<Item = Exemplar> + use<'a> {
        self.0.refused.get().into_iter().flat_map(|refused| exemplars(refused))
    }
}

fn exemplars(of: &Distribution) -> impl Iterator<Item = Exemplar> {
    of.exemplars.iter()
}

/// Bodies counted by how they ended. Their total is the number of bodies there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes(pub(super) [u64; Outcome::ALL.len()]);

impl Outcomes {
    /// How many ended like this.
    #[must_use]
    pub fn get(&self, outcome: Outcome) -> u64 {
        self.iter().find(|(known, _)| *known == outcome).map_or(0, |(_, count)| count)
    }

    /// Every outcome with its count.
    pub fn iter(&self) -> impl Iterator<Item = (Outcome, u64)> + use<> {
        Outcome::ALL.into_iter().zip(self.0)
    }

    /// All bodies.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }
}

/// One series of a [`Snapshot`]. Each number is documented at the method of [`SeriesView`] of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each is documented at SeriesView")]
pub struct SeriesSnapshot {
    pub endpoint: Endpoint,
    pub direction: Direction,
    pub status: Option<u16>,
    pub coding: ContentCoding,
    pub view: View,
    pub scheme: Option<UrlScheme>,
    pub version: Option<Version>,
    pub port: Option<u16>,
    pub limit: Limit,
    pub outcomes: Outcomes,
    pub over_limit: u64,
    pub over_limit_exemplar: Option<Exemplar>,
    pub completed: SizeDistribution,
    pub offered: SizeDistribution,
    pub completed_exemplars: Vec<Exemplar>,
    pub refused_exemplars: Vec<Exemplar>,
}

impl From<SeriesView<'_>> for SeriesSnapshot {
    fn from(series: SeriesView<'_>) -> Self {
        Self {
            endpoint: series.endpoint().clone(),
            direction: series.direction(),
            status: series.status(),
            coding: series.coding(),
            view: series.view(),
            scheme: series.scheme(),
            version: series.version(),
            port: series.port(),
            limit: series.limit(),
            outcomes: series.outcomes(),
            over_limit: series.over_limit(),
            over_limit_exemplar: series.over_limit_exemplar(),
            completed: series.completed(),
            offered: series.offered(),
            completed_exemplars: series.completed_exemplars().collect(),
            refused_exemplars: series.refused_exemplars().collect(),
        }
    }
}

impl SeriesSnapshot {
    /// By endpoint, then by what tells its series apart: equal only where it is the same series.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        let rest = |s: &Self| (s.direction, s.status, s.coding, s.view, s.scheme, s.version, s.port);
        self.endpoint.cmp(&other.endpoint).then_with(|| rest(self).cmp(&rest(other)))
    }

    /// How many bodies ended like this.
    #[must_use]
    pub fn bodies(&self, outcome: Outcome) -> u64 {
        self.outcomes.get(outcome)
    }
}

/// What a ledger held at one moment: its series, sorted.
///
/// ```
/// use http_body_util::Full;
/// use plimsoll::{Direction, Ledger, Role, Route, ServerLayer};
/// use tower::{Layer, ServiceExt};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let ledger = Ledger::new();
/// let service = ServerLayer::new(&ledger).layer(tower::service_fn(async |_request| {
///     Ok::<_, std::convert::Infallible>(http::Response::new(Full::<bytes::Bytes>::from("hello")))
/// }));
/// let mut request = http::Request::new(Full::<bytes::Bytes>::default());
/// request.extensions_mut().insert(Route("/greeting"));
/// let response = service.oneshot(request).await?;
/// http_body_util::BodyExt::collect(response.into_body()).await.expect("it is in memory");
///
/// let snapshot = ledger.snapshot();
/// let answers = snapshot.find(Role::Server, Direction::Response, "/greeting").expect("one was given");
/// assert_eq!((answers.completed.count(), answers.completed.sum()), (1, 5));
/// # Ok::<_, std::convert::Infallible>(())
/// # }).expect("it does not fail");
/// # Ok::<_, std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    series: Vec<SeriesSnapshot>,
}

impl Snapshot {
    pub(super) fn of(ledger: &Ledger) -> Self {
        let mut series = Vec::new();
        ledger.visit(|view| series.push(SeriesSnapshot::from(view)));
        Self::sorted(series)
    }

    pub(super) fn sorted(mut series: Vec<SeriesSnapshot>) -> Self {
        series.sort_unstable_by(SeriesSnapshot::order);
        Self { series }
    }

    /// All series that have anything to tell.
    #[must_use]
    pub fn series(&self) -> &[SeriesSnapshot] {
        &self.series
    }

    /// The first series of this role, direction and route or URL template: for tests, where there is one.
    #[must_use]
    pub fn find(&self, role: Role, direction: Direction, route: &str) -> Option<&SeriesSnapshot> {
        self.series.iter().find(|series| {
            series.endpoint.role() == role && series.direction == direction && series.endpoint.route() == Some(route)
        })
    }

    /// Bodies of all series by how they ended.
    #[must_use]
    pub fn outcomes(&self) -> Outcomes {
        let mut sum = Outcomes::default();
        for (count, outcome) in sum.0.iter_mut().zip(Outcome::ALL) {
            *count = self.series.iter().fold(0, |sum, series| sum.saturating_add(series.bodies(outcome)));
        }
        sum
    }
}
