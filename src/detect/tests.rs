//! The detector over a ledger whose clock stands still until it is moved.

use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, Method, StatusCode};

use super::*;
use crate::clock::ManualClock;
use crate::endpoint::{Direction, Key, Role, Upstream};
use crate::ledger::{Attributes, ContentCoding, Ledger, LedgerBuilder, Outcome, View};
use crate::trace::{CallTrace, Captured, SpanWrites};

const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);
const SKU: &str = "/inventory/{sku}";

struct World {
    time: ManualClock,
    ledger: Ledger,
    notices: Arc<Mutex<Vec<Notice>>>,
    detector: Detector,
}

impl World {
    fn new(set: impl FnOnce(DetectorBuilder) -> DetectorBuilder) -> Self {
        let time = ManualClock::at(UNIX_EPOCH + Duration::from_secs(1_000_000_000));
        let ledger = LedgerBuilder::default().clock(time.clock()).build();
        let notices = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&notices);
        let builder = Detector::builder(&ledger).on_notice(move |notice| told.lock().unwrap().push(notice.clone()));
        let detector = set(builder).build();
        Self { time, ledger, notices, detector }
    }

    /// One that has seen a baseline and a calm period of bodies about 8 KB.
    fn calm() -> Self {
        let world = Self::new(|builder| builder);
        world.weeks(2);
        world
    }

    fn weeks(&self, weeks: u32) {
        for _ in 0..weeks {
            self.ticks(100, SKU, &normal());
            self.time.advance(WEEK);
            self.detector.tick();
        }
    }

    fn ticks(&self, ticks: u32, route: &str, sizes: &[u64]) {
        for _ in 0..ticks {
            self.bodies(route, sizes);
            self.time.advance(Duration::from_secs(10));
            self.detector.tick();
        }
    }

    fn bodies(&self, route: &str, sizes: &[u64]) {
        self.bodies_as(route, sizes, StatusCode::OK, ContentCoding::Identity);
    }

    fn bodies_as(&self, route: &str, sizes: &[u64], status: StatusCode, coding: ContentCoding) {
        let key = Key::new(Role::Client, &Method::GET, Upstream::new(Some("inventory"), None), Some(route));
        let series = self.ledger.entry(&key).series(Attributes::of(View::Wire).response(status, coding));
        for (body, size) in sizes.iter().enumerate() {
            series.record_complete(*size, trace(body as u64 + size * 1_000).look());
        }
    }

    fn take(&self) -> Vec<Notice> {
        std::mem::take(&mut self.notices.lock().unwrap())
    }

    fn stage(&self) -> Stage {
        let mut stage = None;
        self.detector.visit(|series| stage = Some(series.stage()));
        stage.unwrap()
    }
}

fn trace(id: u64) -> Captured {
    let mut headers = HeaderMap::new();
    let parent = format!("00-{:032x}-{:016x}-01", id + 1, id + 1);
    headers.insert("traceparent", parent.parse().unwrap());
    CallTrace::capture(&headers, SpanWrites::Nothing)
}

/// A hundred bodies from 7 to 9 KB.
fn normal() -> Vec<u64> {
    (0..100).map(|body| 7_000 + 20 * body).collect()
}

fn closings(notices: Vec<Notice>) -> Vec<Closing> {
    notices.into_iter().filter_map(|n| if let Notice::Closed(closing) = n { Some(closing) } else { None }).collect()
}

#[test]
fn an_answer_that_grew_tenfold_is_found_in_the_fifth_tick_and_closed_when_it_is_back() {
    let world = World::calm();
    assert!(world.take().is_empty());
    let switch = world.time.clock().now();
    world.ticks(4, SKU, &[85_000; 10]);
    assert!(world.detector.findings().is_empty());
    world.ticks(1, SKU, &[85_000; 10]);

    let [finding] = &world.detector.findings()[..] else { panic!("one endpoint grew") };
    assert_eq!((finding.severity, finding.kind), (Severity::Alert, FindingKind::LargerThanEver));
    assert_eq!(
        (finding.endpoint.route(), finding.direction, finding.after.bodies),
        (Some(SKU), Direction::Response, 50)
    );
    assert_eq!(finding.since, switch, "the first exemplar over the edge");
    assert!((9.0..11.0).contains(&finding.factor()), "{}", finding.factor());
    assert_eq!(finding.traces.len(), 1, "the last exemplar of its bucket is all the ledger keeps");
    let text = finding.to_string();
    assert!(text.contains("GET /inventory/{sku} of inventory"), "{text}");
    assert!(text.contains("since 2001-09-23 02:20:00 UTC: p50 from 7.8 KiB to 84.8 KiB"), "{text}");
    assert_eq!(world.take(), [Notice::Opened(vec![finding.clone()])]);

    world.ticks(20, SKU, &normal()[..10]);
    let [closing] = &closings(world.take())[..] else { panic!("it is over") };
    assert_eq!((&closing.resolution, closing.finding.id), (&Resolution::Recovered, finding.id));
    assert!((6_500..9_500).contains(&closing.sizes.p50), "{closing}");
    assert!(world.detector.findings().is_empty());
}

#[test]
fn before_a_calm_period_the_middle_warns_and_the_tail_alerts() {
    let world = World::new(|builder| builder);
    assert!(world.detector.findings().is_empty());
    world.ticks(9, SKU, &normal()[..11]);
    assert_eq!(world.stage(), Stage::Learning);
    world.ticks(5, SKU, &[1_000_000; 2]);
    assert!(world.detector.findings().is_empty(), "nothing is known yet");

    // So few that only p50 and p90 are judged.
    let world = World::new(|builder| builder);
    world.ticks(5, SKU, &normal());
    world.time.advance(WEEK);
    world.detector.tick();
    assert_eq!(world.stage(), Stage::FirstPeriod);
    world.ticks(5, SKU, &[85_000; 10]);
    assert_eq!(world.detector.findings()[0].severity, Severity::Warning);

    let world = World::new(|builder| builder);
    world.weeks(1);
    assert_eq!(world.stage(), Stage::FirstPeriod);
    world.ticks(5, SKU, &[85_000; 10]);
    assert_eq!(world.detector.findings()[0].severity, Severity::Alert);
}

#[test]
fn a_finding_holds_the_period_open_and_keeps_its_bodies_out_of_the_baseline() {
    let world = World::calm();
    world.ticks(5, SKU, &[85_000; 10]);
    world.time.advance(WEEK);
    world.ticks(5, SKU, &[85_000; 1_000]);
    let mut baseline = None;
    world.detector.visit(|series| baseline = series.baseline(Quantile::P999));
    assert!(baseline.is_some_and(|size| size < 10_000), "{baseline:?}");
    assert_eq!(world.detector.findings().len(), 1);
}

#[test]
fn an_accepted_change_is_the_new_baseline() {
    let by_hand = World::calm();
    by_hand.ticks(20, SKU, &[85_000; 10]);
    let id = by_hand.detector.findings()[0].id;
    assert!(by_hand.detector.accept(id + 1, "no such finding").is_none());
    let closing = by_hand.detector.accept(id, "wanted").unwrap();
    assert_eq!(closing.at, by_hand.time.clock().now());

    let endpoint = "client GET /inventory/{sku} of inventory".parse().unwrap();
    let declared = World::new(|builder| builder.accepted([AcceptedChange::new(endpoint, "wanted")]));
    declared.weeks(2);
    declared.ticks(20, SKU, &[85_000; 10]);

    for world in [by_hand, declared] {
        let [closing] = &closings(world.take())[..] else { panic!("it is closed") };
        assert_eq!(closing.resolution, Resolution::Accepted("wanted".into()));
        world.ticks(50, SKU, &[85_000; 10]);
        assert!(world.detector.findings().is_empty() && world.take().is_empty());
        world.ticks(10, SKU, &[850_000; 20]);
        assert!(world.detector.findings().iter().all(|finding| finding.before.p50 > 80_000));
        assert_eq!(closings(world.take()).len() + world.detector.findings().len(), 1, "from there it is judged again");
    }
}

/// What was opened in that tick for another endpoint used to be told to nobody.
#[test]
fn a_change_that_is_accepted_later_silences_no_other_finding() {
    for [first, second] in [["/a", "/b"], ["/b", "/a"]] {
        let world = World::new(|builder| builder);
        for route in [first, second] {
            world.ticks(100, route, &normal());
        }
        world.time.advance(WEEK);
        world.detector.tick();
        world.ticks(5, first, &[85_000; 10]);
        assert_eq!(world.detector.findings().len(), 1);
        world.take();
        world.ticks(4, second, &[85_000; 10]);
        let endpoint = format!("client GET {first} of inventory").parse().unwrap();
        world.detector.set_accepted_changes(vec![AcceptedChange::new(endpoint, "wanted")]);
        world.bodies(first, &[85_000; 10]);
        world.ticks(1, second, &[85_000; 10]);
        let told = world.take();
        let of_both = |notice: &Notice| match notice {
            Notice::Opened(findings) => findings[0].endpoint.route() == Some(second),
            Notice::Closed(closing) => closing.finding.endpoint.route() == Some(first),
            _ => false,
        };
        assert!(told.len() == 2 && told.iter().all(of_both), "{told:?}");
    }
}

#[test]
fn what_is_said_to_be_fixed_is_closed_once_bodies_confirm_it() {
    let world = World::calm();
    world.ticks(6, SKU, &[85_000; 10]);
    let id = world.detector.findings()[0].id;
    assert!(world.detector.fixed(id));
    world.ticks(8, SKU, &[85_000; 10]);
    assert_eq!(world.detector.findings().len(), 1, "it is not");
    assert!(world.detector.fixed(id));
    world.ticks(5, SKU, &normal()[..10]);
    assert_eq!(closings(world.take())[0].resolution, Resolution::Fixed);
}

#[test]
fn changes_are_called_what_they_are() {
    // As large as ever, but four of five instead of one.
    let mixed = |large: usize| (0..100).map(|n| if n < large { 90_000 } else { 3_000 + n as u64 }).collect::<Vec<_>>();
    let world = World::new(|builder| builder);
    for _ in 0..2 {
        world.ticks(100, SKU, &mixed(20));
        world.time.advance(WEEK);
        world.detector.tick();
    }
    world.ticks(10, SKU, &mixed(80));
    assert_eq!(world.detector.findings()[0].kind, FindingKind::MixShift);

    let world = World::new(|builder| builder);
    let gzipped = |sizes: &[u64]| world.bodies_as(SKU, sizes, StatusCode::OK, ContentCoding::Gzip);
    for _ in 0..2 {
        for _ in 0..100 {
            gzipped(&normal());
            world.detector.tick();
        }
        world.time.advance(WEEK);
        world.detector.tick();
    }
    world.ticks(10, SKU, &[35_000; 20]);
    assert_eq!(world.detector.findings()[0].kind, FindingKind::CompressionLost);
}

#[test]
fn a_creep_that_no_week_shows_is_found_against_the_oldest_baseline() {
    let world = World::new(|builder| builder);
    let mut kinds = Vec::new();
    for week in 0..12 {
        let grown: Vec<u64> = normal().into_iter().map(|size| (size as f64 * 1.12f64.powi(week)) as u64).collect();
        world.ticks(100, SKU, &grown);
        kinds.extend(world.detector.findings().iter().map(|finding| finding.kind));
        world.time.advance(WEEK);
        world.detector.tick();
    }
    assert!(!kinds.is_empty() && kinds.iter().all(|kind| *kind == FindingKind::Creep), "{kinds:?}");
}

#[test]
fn several_endpoints_of_one_deploy_are_one_event() {
    let world = World::new(|builder| builder);
    let routes = ["/a", "/b", "/c"];
    let all = |ticks: u32, sizes: &[u64]| {
        for _ in 0..ticks {
            routes.iter().for_each(|route| world.bodies(route, sizes));
            world.time.advance(Duration::from_secs(10));
            world.detector.tick();
        }
    };
    for _ in 0..2 {
        all(100, &normal());
        world.time.advance(WEEK);
        world.detector.tick();
    }
    all(5, &[85_000; 10]);
    let [Notice::Opened(findings)] = &world.take()[..] else { panic!("one event") };
    assert_eq!(findings.len(), 3);
    assert!(findings.iter().all(|finding| finding.event == findings[0].id));
}

#[test]
fn refused_bodies_count_and_failed_calls_do_not() {
    let world = World::calm();
    for _ in 0..20 {
        world.bodies_as(SKU, &[850_000; 20], StatusCode::INTERNAL_SERVER_ERROR, ContentCoding::Identity);
        world.ticks(1, SKU, &normal()[..10]);
    }
    assert!(world.detector.findings().is_empty());
    let key = Key::new(Role::Client, &Method::GET, Upstream::new(Some("inventory"), None), Some(SKU));
    let attributes = Attributes::of(View::Wire).response(StatusCode::OK, ContentCoding::Identity);
    for _ in 0..5 {
        let series = world.ledger.entry(&key).series(attributes);
        (0..10).for_each(|body| series.record_refused(Outcome::RejectedEarly, 85_000, trace(body).look()));
        world.detector.tick();
    }
    assert_eq!(world.detector.findings()[0].severity, Severity::Alert);
}

#[test]
fn ticks_that_come_twice_and_clocks_that_jump_do_no_harm() {
    let world = World::calm();
    for _ in 0..10 {
        world.ticks(1, SKU, &normal());
        (0..3).for_each(|_| drop(world.detector.tick()));
        world.time.set(UNIX_EPOCH);
        world.ticks(1, SKU, &normal());
        world.time.set(UNIX_EPOCH + 100 * WEEK * 52);
        world.detector.tick();
    }
    assert!(world.take().is_empty());
    world.bodies(SKU, &[85_000; 10]);
    (0..10).for_each(|_| drop(world.detector.tick()));
    assert!(world.detector.findings().is_empty(), "one tick's bodies are one tick's");
}

/// It used to end a period at once, and a few bodies of one hour were the baseline.
#[test]
fn a_clock_that_is_set_neither_ends_a_period_nor_prolongs_it() {
    let (day, years) = (WEEK / 7, 150 * WEEK);
    for set in [|now, by| now + by, |now, by| now - by] {
        let world = World::new(|builder| builder);
        for _ in 0..7 {
            world.ticks(10, SKU, &normal());
            assert_eq!(world.stage(), Stage::Learning);
            world.time.set(set(world.time.clock().now(), years));
            world.time.advance(day);
        }
        world.ticks(1, SKU, &normal());
        assert_eq!(world.stage(), Stage::FirstPeriod);
        assert!(world.take().is_empty());
    }
}

#[test]
fn an_alert_of_a_thousand_ticks_ends_as_soon_as_one_of_ten() {
    let ticks_to_its_end = [10, 1_000].map(|ticks| {
        let world = World::calm();
        world.ticks(ticks, SKU, &[85_000; 10]);
        assert_eq!(world.detector.findings().len(), 1);
        (0..200).find(|_| {
            world.ticks(1, SKU, &normal()[..10]);
            world.detector.findings().is_empty()
        })
    });
    let [ten, thousand] = ticks_to_its_end;
    assert!(ten.is_some() && ten == thousand, "{ticks_to_its_end:?}");
}
