//! Counts since the last export that arrived: complete, and never negative.

use std::time::{Duration, UNIX_EPOCH};

use opentelemetry_proto::tonic::metrics::v1::AggregationTemporality::Delta;
use opentelemetry_proto::tonic::metrics::v1::exemplar::Value as ExemplarValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value::AsInt;
use plimsoll::{Ledger, ManualClock, ServerLayer, Temporality};
use proptest::prelude::*;

use crate::calls::Call;
use crate::collector::{Answer, Collector, Metrics, http};

/// Count and sum of a message's answers, and the stretch that they are of, in seconds since 1970.
fn answers(metrics: &Metrics) -> Option<(u64, f64, u64, u64)> {
    let points = metrics.exponential("http.server.response.body.size");
    let seconds = |nanos| nanos / 1_000_000_000;
    points.first().map(|point| {
        let counted = point.zero_count + point.positive.iter().flat_map(|b| &b.bucket_counts).sum::<u64>();
        assert_eq!(point.count, counted);
        (point.count, point.sum.unwrap(), seconds(point.start_time_unix_nano), seconds(point.time_unix_nano))
    })
}

/// A ledger on a clock that stands at so many seconds since 1970.
pub fn at(seconds: u64) -> (ManualClock, Ledger) {
    let clock = ManualClock::at(UNIX_EPOCH + Duration::from_secs(seconds));
    (clock.clone(), Ledger::builder().clock(clock.clock()).build())
}

async fn answer(ledger: &Ledger, bytes: usize) {
    Call { trace: bytes as u64, ..Call::of("/", 1, bytes) }.through_server(&ServerLayer::new(ledger)).await;
}

#[tokio::test]
async fn each_export_has_what_came_since_the_last_one_that_arrived() {
    let (clock, ledger) = at(100);
    let refused = || Answer::With(400, vec![], b"");
    let fine = || Answer::With(200, vec![], b"");
    let collector = Collector::answering([fine(), fine(), refused(), fine()]);
    let mut exporter = collector.exporter(&ledger, http().temporality(Temporality::Delta));
    let tick = || clock.advance(Duration::from_secs(60));

    answer(&ledger, 1000).await;
    tick();
    exporter.export_once().await.unwrap();
    assert_eq!(answers(&collector.last()), Some((1, 1000.0, 100, 160)));
    let Some(Data::Sum(bodies)) = collector.last().find("plimsoll.bodies").unwrap().data.clone() else { panic!() };
    assert_eq!(bodies.aggregation_temporality, Delta as i32);

    tick();
    exporter.export_once().await.unwrap();
    assert_eq!(answers(&collector.last()), None, "nothing came, so nothing is told");
    assert!(collector.last().numbers("plimsoll.bodies").is_empty());

    answer(&ledger, 2000).await;
    tick();
    exporter.export_once().await.unwrap_err();
    answer(&ledger, 3000).await;
    tick();
    exporter.export_once().await.unwrap();
    assert_eq!(answers(&collector.last()), Some((2, 5000.0, 220, 340)), "with what was lost");
    let point = &collector.last().exponential("http.server.response.body.size")[0];
    assert_eq!(point.max, None, "the largest may have come before");
    let mut sizes: Vec<_> = point.exemplars.iter().map(|exemplar| exemplar.time_unix_nano / 1_000_000_000).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [220, 280], "exemplars of these two only");
}

#[tokio::test]
async fn points_that_a_collector_rejects_are_not_sent_again() {
    let (_, ledger) = at(100);
    // rejected_data_points: 3, error_message: "old".
    let partial = Answer::With(200, vec![], b"\x0a\x07\x08\x03\x12\x03old");
    let collector = Collector::answering([partial]);
    let mut exporter = collector.exporter(&ledger, http().temporality(Temporality::Delta));
    answer(&ledger, 10).await;
    let exported = exporter.export_once().await.unwrap();
    assert_eq!((exported.rejected_points(), exported.message()), (3, "old"));
    exporter.export_once().await.unwrap();
    assert_eq!(answers(&collector.last()), None);
}

#[tokio::test]
async fn a_process_that_starts_again_counts_from_its_start() {
    let collector = Collector::default();
    for start in [100, 500] {
        let (clock, ledger) = at(start);
        answer(&ledger, 10).await;
        clock.advance(Duration::from_secs(5));
        collector.exporter(&ledger, http()).export_once().await.unwrap();
        assert_eq!(answers(&collector.last()), Some((1, 10.0, start, start + 5)), "the start tells that it is new");
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_makes_no_stretch_of_less_than_no_time() {
    for temporality in [Temporality::Cumulative, Temporality::Delta] {
        let (clock, ledger) = at(1000);
        let collector = Collector::default();
        let mut exporter = collector.exporter(&ledger, http().temporality(temporality));
        for seconds in [900, 1100, 50] {
            answer(&ledger, 10).await;
            clock.set(UNIX_EPOCH + Duration::from_secs(seconds));
            exporter.export_once().await.unwrap();
            let (_, _, start, end) = answers(&collector.last()).unwrap();
            assert!(start <= end, "{temporality:?} at {seconds}: {start} to {end}");
            assert_eq!(end, seconds, "what comes now is of now: it used to stand at the old time until that was back");
            let point = &collector.last().exponential("http.server.response.body.size")[0];
            assert!(!point.exemplars.is_empty(), "with its exemplar, whatever time that has");
        }
    }
}

/// A start that moves tells a collector that the counts began anew.
#[tokio::test]
async fn after_a_clock_that_is_set_back_counts_keep_their_start() {
    let (clock, ledger) = at(1000);
    let collector = Collector::default();
    let mut exporter = collector.exporter(&ledger, http());
    answer(&ledger, 10).await;
    for (seconds, start) in [(1060, 1000), (900, 900), (960, 900), (1100, 900)] {
        clock.set(UNIX_EPOCH + Duration::from_secs(seconds));
        exporter.export_once().await.unwrap();
        assert_eq!(answers(&collector.last()), Some((1, 10.0, start, seconds)));
    }
}

/// What was made after a clock was set back begins when it was made.
#[tokio::test]
async fn a_new_series_counts_from_its_own_beginning() {
    let (clock, ledger) = at(1000);
    let collector = Collector::default();
    let mut exporter = collector.exporter(&ledger, http().temporality(Temporality::Delta));
    let refused = Call { status: 404, ..Call::of("/gone", 0, 5) };
    refused.through_server(&ServerLayer::new(&ledger)).await;
    clock.set(UNIX_EPOCH + Duration::from_secs(900));
    exporter.export_once().await.unwrap();
    clock.set(UNIX_EPOCH + Duration::from_secs(2000));
    answer(&ledger, 10).await;
    clock.set(UNIX_EPOCH + Duration::from_secs(2060));
    exporter.export_once().await.unwrap();
    assert_eq!(answers(&collector.last()), Some((1, 10.0, 2000, 2060)));
}

#[tokio::test]
async fn an_exemplar_is_sent_once() {
    let (_, ledger) = at(1000);
    let collector = Collector::default();
    let mut exporter = collector.exporter(&ledger, http().temporality(Temporality::Delta));
    // All of one moment, as the clock has it: its time does not say in which export an exemplar belongs.
    for bytes in [300, 5_000, 100_000] {
        answer(&ledger, bytes).await;
        exporter.export_once().await.unwrap();
        let point = &collector.last().exponential("http.server.response.body.size")[0];
        let sizes: Vec<_> = point.exemplars.iter().filter_map(|exemplar| exemplar.value).collect();
        assert_eq!(sizes, [ExemplarValue::AsInt(bytes as i64)]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// Whatever fails on the way, the differences that arrived add up to what there was.
    #[test]
    fn what_arrived_adds_up(steps in proptest::collection::vec((0usize..100_000, any::<bool>()), 1..20)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (clock, ledger) = at(100);
            let answer_of = |arrives| if arrives { Answer::With(200, vec![], b"") } else { Answer::With(400, vec![], b"") };
            let collector = Collector::answering(steps.iter().map(|(_, arrives)| answer_of(*arrives)));
            let mut exporter = collector.exporter(&ledger, http().temporality(Temporality::Delta));
            let (mut count, mut sum, mut bodies) = (0, 0.0, 0);
            for step in steps.iter().copied().chain([(1, true)]) {
                answer(&ledger, step.0).await;
                clock.advance(Duration::from_secs(1));
                if exporter.export_once().await.is_ok() {
                    let metrics = collector.last();
                    let (more, bytes, ..) = answers(&metrics).unwrap();
                    (count, sum) = (count + more, sum + bytes);
                    bodies += metrics.numbers("plimsoll.bodies").iter().map(|point| match point.value {
                        Some(AsInt(value)) if value > 0 => value as u64,
                        ref other => panic!("{other:?}"),
                    }).sum::<u64>();
                }
            }
            let total: u64 = steps.iter().map(|(bytes, _)| *bytes as u64).sum();
            assert_eq!((count, sum), (steps.len() as u64 + 1, total as f64 + 1.0));
            assert_eq!(bodies, ledger.snapshot().outcomes().total());
        });
    }
}
