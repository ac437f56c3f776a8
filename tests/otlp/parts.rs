//! A ledger that is too large for one message goes in several, and nothing of it is lost or counts twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use std::time::Duration;

use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value::AsInt;
use plimsoll::detect::{Detector, Period, Quantile};
use plimsoll::{Ledger, ManualClock, OtlpExporter, ServerLayer, Temporality};

use crate::calls::Call;
use crate::collector::{Answer, Client, Collector, Metrics, Received, grpc, http, map_of};
use crate::delta::at;
use crate::world;

/// As much as a receiver of gRPC takes in one message.
const TAKEN: usize = 4 * 1024 * 1024;

/// Few endpoints with long names stand for many: two series each, and a name in each of their points.
const ENDPOINTS: usize = 30;

fn routes() -> impl Iterator<Item = &'static str> {
    static ROUTES: LazyLock<Vec<String>> =
        LazyLock::new(|| (0..ENDPOINTS).map(|nth| format!("/{nth}/{}", "x".repeat(30_000))).collect());
    ROUTES.iter().map(String::as_str)
}

fn a_ledger() -> (ManualClock, Ledger) {
    at(1_795_600_000)
}

async fn call_each_endpoint(ledger: &Ledger) {
    let layer = ServerLayer::new(ledger);
    for (nth, route) in routes().enumerate() {
        Call { trace: nth as u64 + 1, ..Call::of(route, 300, 8_000 + nth) }.through_server(&layer).await;
    }
}

/// The messages of an export.
async fn sent_by(exporter: &mut OtlpExporter<Client>, collector: &Collector) -> Vec<Received> {
    let before = collector.received().len();
    exporter.export_once().await.unwrap();
    let messages = collector.received().split_off(before);
    assert!(messages.len() > 1, "one of {} bytes", messages[0].body.len());
    assert!(messages.iter().all(|message| message.body.len() < TAKEN));
    messages
}

/// How many bodies these messages tell of.
fn bodies(messages: &[Received]) -> u64 {
    sum(messages, "plimsoll.bodies")
}

fn sum(messages: &[Received], name: &str) -> u64 {
    let points = messages.iter().flat_map(|message| Metrics::of(message).numbers(name));
    points.map(|point| if let Some(AsInt(count)) = point.value { count as u64 } else { panic!("{point:?}") }).sum()
}

#[tokio::test]
async fn no_message_is_larger_than_receivers_take() {
    let (_, ledger) = a_ledger();
    call_each_endpoint(&ledger).await;
    let detector = Detector::builder(&ledger).build();
    detector.tick();
    let collector = Collector::default();
    let mut exporter = collector.exporter(&ledger, http()).detector(&detector);
    for _ in 0..2 {
        let messages = sent_by(&mut exporter, &collector).await;
        assert_eq!(bodies(&messages), ledger.snapshot().outcomes().total());
        let series = messages.iter().flat_map(|message| Metrics::of(message).exponential("plimsoll.body.offered.size"));
        let series: Vec<_> = series.map(|point| format!("{:?}", map_of(&point.attributes))).collect();
        assert_eq!(series.iter().collect::<BTreeSet<_>>().len(), series.len(), "no series is in two of them");
        assert_eq!(series.len(), 2 * ENDPOINTS);
        let of_detector = messages.iter().filter(|message| Metrics::of(message).find("plimsoll.findings").is_some());
        assert_eq!(of_detector.count(), 1, "what is of no series is told once");
    }
}

/// One part that a collector refuses used to keep all others from it.
#[tokio::test]
async fn a_part_that_is_refused_does_not_keep_the_others_back() {
    let (_, ledger) = a_ledger();
    call_each_endpoint(&ledger).await;
    let collector = Collector::answering([Answer::With(400, vec![], b"no")]);
    let error = collector.exporter(&ledger, http()).export_once().await.unwrap_err();
    assert_eq!(error.http_status().unwrap().as_u16(), 400);
    assert!(collector.received().len() > 1);
    assert_eq!(bodies(&collector.received()), ledger.snapshot().outcomes().total());
}

/// What did not arrive comes again, what arrived does not.
#[tokio::test]
async fn differences_add_up_where_only_a_part_arrived() {
    let (clock, ledger) = a_ledger();
    let well = || Answer::Trailers(vec![("grpc-status", "0")], b"\0\0\0\0\0");
    let refused = || Answer::Trailers(vec![("grpc-status", "3")], b"");
    let collector = Collector::answering([well(), refused(), refused()].into_iter().chain((0..20).map(|_| well())));
    let mut exporter = collector.exporter(&ledger, grpc().temporality(Temporality::Delta));
    for arrives in [false, false, true, true] {
        call_each_endpoint(&ledger).await;
        clock.advance(Duration::from_secs(60));
        assert_eq!(exporter.export_once().await.is_ok(), arrives);
    }
    let mut arrived = collector.received();
    assert!(arrived.len() >= 6, "{} messages", arrived.len());
    arrived.drain(1..3);
    assert_eq!(bodies(&arrived), ledger.snapshot().outcomes().total());
    let mut stretches: BTreeMap<String, Vec<(u64, u64)>> = BTreeMap::new();
    for point in arrived.iter().flat_map(|message| Metrics::of(message).numbers("plimsoll.bodies")) {
        let of_series = stretches.entry(format!("{:?}", map_of(&point.attributes))).or_default();
        of_series.push((point.start_time_unix_nano, point.time_unix_nano));
    }
    for stretches in stretches.values() {
        assert!(stretches.iter().all(|(start, end)| start < end), "{stretches:?}");
        assert!(stretches.windows(2).all(|two| two[0].1 == two[1].0), "one begins where another ends: {stretches:?}");
    }
    assert_eq!(stretches.len(), 2 * ENDPOINTS);
}

/// A detector's series are parted too, and its differences add up.
#[test]
fn what_a_detector_knows_is_in_one_part_and_no_other() {
    let mut world = world::World::with(|detector| detector.period(Period::Bodies(200)));
    let each = |size| routes().map(|route| world::Answer::of(size).route(route)).collect::<Vec<_>>();
    let usual: Vec<_> = (0..10).flat_map(|nth| each(8_000 + 20 * nth)).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let settings = || http().temporality(Temporality::Delta);
    let collector = Collector::answering([Answer::With(200, vec![], b""), Answer::With(400, vec![], b"no")]);
    let mut exporter = collector.exporter(&world.ledger, settings()).detector(&world.detector);
    world.calm(40, &usual);
    world.tick_of(&each(60_000));
    runtime.block_on(exporter.export_once()).unwrap_err();
    world.tick_of(&each(60_000));
    let mut arrived = collector.received();
    arrived.remove(1);
    arrived.extend(runtime.block_on(sent_by(&mut exporter, &collector)));

    let (mut above, mut judged) = (0, 0);
    world.detector.visit(|series| {
        let counts: Vec<_> = Quantile::ALL.iter().filter_map(|quantile| series.above(*quantile)).collect();
        above += counts.iter().sum::<u64>();
        judged += usize::from(!counts.is_empty());
    });
    assert!(above > 0 && judged >= ENDPOINTS, "{above} {judged}");
    assert_eq!(sum(&arrived, "plimsoll.bodies.above_baseline"), above);

    let collector = Collector::default();
    let mut exporter = collector.exporter(&world.ledger, http()).detector(&world.detector);
    let messages = runtime.block_on(sent_by(&mut exporter, &collector));
    let active = messages.iter().flat_map(|message| Metrics::of(message).numbers("plimsoll.regression.active"));
    let active: Vec<_> = active.map(|point| format!("{:?}", map_of(&point.attributes))).collect();
    assert_eq!(active.iter().collect::<BTreeSet<_>>().len(), active.len(), "no series is in two of them");
    assert!(active.len() >= 2 * ENDPOINTS, "warning and alert of each: {}", active.len());
}
