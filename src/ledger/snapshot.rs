//! What a ledger held at one moment, copied whole to compare.

use std::cmp::Ordering;

use http::Version;

use super::attributes::{ContentCoding, UrlScheme, View};
use super::exemplar::Exemplar;
use super::handle::Ledger;
use super::series::Outcome;
use super::series_view::SeriesView;
use super::size_distribution::SizeDistribution;
use crate::endpoint::{Direction, Endpoint, Role};
use crate::limit::Limit;

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

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use http::{HeaderMap, Method, StatusCode};

    use super::*;
    use crate::clock::ManualClock;
    use crate::endpoint::{Key, Upstream};
    use crate::error::{LimitExceeded, Setting};
    use crate::ledger::{Attributes, Bucket};
    use crate::trace::{CallTrace, Captured, SpanWrites};

    fn ledger() -> Ledger {
        Ledger::builder().clock(ManualClock::at(UNIX_EPOCH + Duration::from_secs(7)).clock()).build()
    }

    fn trace(id: u64) -> Captured {
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", format!("00-{id:032x}-{id:016x}-01").parse().unwrap());
        CallTrace::capture(&headers, SpanWrites::Nothing)
    }

    fn key(role: Role, route: &str) -> Key<'_> {
        let upstream = if role == Role::Client { Upstream::new(Some("stock"), Some(81)) } else { Upstream::default() };
        Key::new(role, &Method::GET, upstream, Some(route))
    }

    #[test]
    fn a_snapshot_tells_all_that_its_series_was_told() {
        let (ledger, key) = (ledger(), key(Role::Client, "/sku/{id}"));
        let call = Attributes::of(View::Decoded).with_version(Version::HTTP_2).with_scheme(UrlScheme::Https);
        let attributes = call.with_port(Some(81)).response(StatusCode::OK, ContentCoding::Gzip);
        let series = ledger.entry(&key).series(attributes);
        let limit = Limit::reject_over(70_000).and_warn_over(900);
        series.note_limit(&limit);
        for size in [0, 300, 300] {
            series.record_complete(size, trace(1).look());
        }
        for outcome in [Outcome::Complete, Outcome::Aborted, Outcome::Aborted] {
            series.record_unsized(outcome);
        }
        let found = LimitExceeded::of(Some(series), 70_000, 0, Some(90_000), Setting::Layer);
        series.record_over_limit(&found, true, true, trace(2).look());
        series.record_refused(Outcome::RejectedEarly, 90_000, trace(2).look());

        let exemplar = |value, id| Exemplar { value, unix_nanos: 7_000_000_000, ids: [0, id, id] };
        let expected = SeriesSnapshot {
            endpoint: Endpoint::new(&key),
            direction: Direction::Response,
            status: Some(200),
            coding: ContentCoding::Gzip,
            view: View::Decoded,
            scheme: Some(UrlScheme::Https),
            version: Some(Version::HTTP_2),
            port: Some(81),
            limit,
            outcomes: Outcomes([4, 1, 0, 0, 2, 0]),
            over_limit: 1,
            over_limit_exemplar: Some(exemplar(90_000, 2)),
            completed: [0, 300, 300].into_iter().collect(),
            offered: [0, 300, 300, 90_000].into_iter().collect(),
            completed_exemplars: vec![exemplar(0, 1), exemplar(300, 1)],
            refused_exemplars: vec![exemplar(90_000, 2)],
        };
        assert_eq!(ledger.snapshot().series(), [expected]);

        let (mut created, mut completed, mut refused) = (vec![], vec![], vec![]);
        ledger.visit(|view| {
            created.push(view.created_unix_nanos());
            view.for_each_completed(|bucket| completed.push(bucket));
            view.for_each_refused(|bucket| refused.push(bucket));
        });
        assert_eq!((created, refused), (vec![7_000_000_000], vec![Bucket::of_size(90_000)]));
        assert_eq!(completed, [Bucket::of_size(0), Bucket::new(Bucket::of_size(300).index(), 2)]);
    }

    #[test]
    fn a_series_has_something_to_tell_once_a_body_ended_or_was_over_its_limit() {
        let ledger = ledger();
        let [ended, over, _quiet] = ["/ended", "/over", "/quiet"]
            .map(|route| ledger.entry(&key(Role::Server, route)).series(Attributes::of(View::Wire)));
        assert_eq!(ledger.snapshot(), Snapshot::default());
        ended.record_unsized(Outcome::Unread);
        over.record_over_limit(&LimitExceeded::of(None, 1, 2, None, Setting::Layer), true, false, trace(1).look());
        let routes = ledger.snapshot();
        let routes: Vec<_> = routes.series().iter().map(|series| series.endpoint.route()).collect();
        assert_eq!(routes, [Some("/ended"), Some("/over")]);
    }

    #[test]
    fn a_series_is_found_by_role_direction_and_route_and_outcomes_add_up() {
        let ledger = ledger();
        let attributes = |direction| match direction {
            Direction::Request => Attributes::of(View::Wire),
            Direction::Response => Attributes::of(View::Wire).response(StatusCode::OK, ContentCoding::Identity),
        };
        let (roles, directions) = ([Role::Server, Role::Client], [Direction::Request, Direction::Response]);
        let mut all = vec![];
        for (role, direction) in roles.into_iter().flat_map(|role| directions.map(|direction| (role, direction))) {
            all.extend(["/a", "/b"].map(|route| (role, direction, route)));
        }
        for (count, (role, direction, route)) in (1..).zip(&all) {
            let series = ledger.entry(&key(*role, route)).series(attributes(*direction));
            (0..count).for_each(|_| series.record_unsized(Outcome::Failed));
        }
        let snapshot = ledger.snapshot();
        for (count, (role, direction, route)) in (1..).zip(&all) {
            let found = snapshot.find(*role, *direction, route).unwrap();
            assert_eq!((found.bodies(Outcome::Failed), found.bodies(Outcome::Unread)), (count, 0));
        }
        assert_eq!(snapshot.find(Role::Server, Direction::Request, "/c"), None);
        assert_eq!((snapshot.outcomes().get(Outcome::Failed), snapshot.outcomes().total()), (36, 36));
    }
}
