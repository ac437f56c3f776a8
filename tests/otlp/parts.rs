//! A ledger that is too large for one message goes in several, and nothing of it is lost or counts twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, UNIX_EPOCH};

use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value::AsInt;
use plimsoll::detect::Detector;
use plimsoll::{Ledger, ManualClock, ServerLayer, Temporality};

use crate::calls::Call;
use crate::collector::{Answer, Collector, Metrics, Received, grpc, http, map_of};

/// As much as a receiver of gRPC takes in one message.
const TAKEN: usize = 4 * 1024 * 1024;

/// Two series an endpoint, at more than a kilobyte each.
const ENDPOINTS: usize = 1_600;

fn a_ledger() -> (ManualClock, Ledger) {
    let clock = ManualClock::at(UNIX_EPOCH + Duration::from_secs(1_795_600_000));
    (clock.clone(), Ledger::builder().clock(clock.clock()).build())
}

async fn call_each_endpoint(ledger: &Ledger) {
    let layer = ServerLayer::new(ledger);
    for nth in 0..ENDPOINTS {
        let route: &'static str = Box::leak(format!("/{}/{nth}", "of-a-name-that-takes-its-room".repeat(5)).into());
        Call { trace: nth as u64 + 1, ..Call::of(route, 300, 8_000 + nth) }.through_server(&layer).await;
    }
}

/// How many bodies these messages tell of.
fn bodies(messages: &[Received]) -> u64 {
    let points = messages.iter().flat_map(|message| Metrics::of(message).numbers("plimsoll.bodies"));
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
        let before = collector.received().len();
        exporter.export_once().await.unwrap();
        let messages = collector.received().split_off(before);
        assert!(messages.len() > 1, "it would have been {} bytes", messages[0].body.len());
        assert!(messages.iter().all(|message| message.body.len() < TAKEN));
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
