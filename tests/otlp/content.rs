//! Every number of a message, against the snapshot that it was made from.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::exemplar::Value::AsInt;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, Exemplar as Sent, number_data_point};
use plimsoll::{
    ClientLayer, Compression, Exemplar, Histograms, Ledger, Limit, ManualClock, OtlpProtocol, Outcome, ServerLayer,
    Temporality,
};

use crate::calls::{Call, Read};
use crate::collector::{Answer, Attributes, Collector, Metrics, grpc, http, map_of};

const START: Duration = Duration::new(1_753_000_000, 7);

/// A ledger with bodies of many kinds, made and filled a minute apart.
pub async fn filled() -> (ManualClock, Ledger) {
    let clock = ManualClock::at(UNIX_EPOCH + START);
    let ledger = Ledger::builder().clock(clock.clock()).build();
    let limit = Limit::reject_over(100_000).and_warn_over(20_000);
    let server = ServerLayer::new(&ledger).request_limit(limit).response_limit(limit);
    let client = ClientLayer::new(&ledger).upstream("inventory").response_limit(limit);
    for (nth, bytes) in (1..).zip([0, 1, 300, 8_000, 8_100, 30_000, 85_000, 120_000]) {
        clock.advance(Duration::from_secs(60));
        let call = Call { trace: nth, ..Call::of("/checkout", 10, bytes) };
        call.clone().through_server(&server).await;
        call.through_client(&client).await;
    }
    Call { read: Read::Nothing, ..Call::of("/checkout", 10, 500) }.through_server(&server).await;
    Call { status: 404, ..Call::of("/gone", 0, 5) }.through_client(&client).await;
    (clock, ledger)
}

/// Exemplars in the form of a message, sorted.
fn sent(mut exemplars: Vec<Sent>) -> Vec<(u64, Vec<u8>, Vec<u8>, i64)> {
    exemplars.sort_by_key(|exemplar| exemplar.time_unix_nano);
    let int = |exemplar: Sent| match exemplar.value {
        Some(AsInt(value)) => (exemplar.time_unix_nano, exemplar.trace_id, exemplar.span_id, value),
        other => panic!("{other:?}"),
    };
    exemplars.into_iter().map(int).collect()
}

fn known<'a>(exemplars: impl IntoIterator<Item = &'a Exemplar>) -> Vec<(u64, Vec<u8>, Vec<u8>, i64)> {
    let exemplar = |exemplar: &Exemplar| {
        let (trace, span) = (exemplar.trace_id().to_be_bytes(), exemplar.span_id().to_be_bytes());
        (exemplar.unix_nanos(), trace.to_vec(), span.to_vec(), exemplar.value() as i64)
    };
    let mut known: Vec<_> = exemplars.into_iter().map(exemplar).collect();
    known.sort();
    known
}

fn text<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a str> {
    match attributes.get(name)? {
        Value::StringValue(text) => Some(text),
        other => panic!("{name} is {other:?}"),
    }
}

#[tokio::test]
async fn exponential_histograms_are_the_ledger_s_own_buckets_and_exemplars() {
    let (clock, ledger) = filled().await;
    let collector = Collector::default();
    collector.exporter(&ledger, http()).export_once().await.unwrap();
    let metrics = collector.last();
    let snapshot = ledger.snapshot();
    let mut points_found = 0;
    for series in snapshot.series().iter().filter(|series| series.completed.count() > 0) {
        let name = format!("http.{}.{}.body.size", series.endpoint.role(), series.direction);
        let points = metrics.exponential(&name);
        let of_series = points.iter().filter(|point| {
            let attributes = map_of(&point.attributes);
            let route = text(&attributes, "http.route").or(text(&attributes, "url.template"));
            let status = attributes.get("http.response.status_code").cloned();
            route == series.endpoint.route() && status == series.status.map(|status| Value::IntValue(status.into()))
        });
        let [point] = of_series.collect::<Vec<_>>()[..] else { panic!("not one point of {series:?}") };
        points_found += 1;
        assert_eq!((point.scale, point.count), (4, series.completed.count()));
        assert_eq!(point.sum, Some(series.completed.sum() as f64));
        assert_eq!(point.max, Some(series.completed.max() as f64));
        assert_eq!(point.time_unix_nano, clock.clock().now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64);
        assert!(point.start_time_unix_nano > START.as_nanos() as u64);
        let mut buckets = BTreeMap::new();
        if point.zero_count > 0 {
            buckets.insert(None, point.zero_count);
        }
        if let Some(positive) = &point.positive {
            let counts = (positive.offset + 1..).zip(&positive.bucket_counts).filter(|(_, count)| **count > 0);
            buckets.extend(counts.map(|(index, count)| (Some(index as u16), *count)));
        }
        let expected: BTreeMap<_, _> = series.completed.buckets().iter().map(|b| (b.index(), b.count())).collect();
        assert_eq!(buckets, expected);
        assert_eq!(sent(point.exemplars.clone()), known(&series.completed_exemplars));
    }
    assert_eq!(points_found, metrics.all()[..4].iter().map(|metric| Metrics::attributes(metric).len()).sum::<usize>());
    let offered: u64 = metrics.exponential("plimsoll.body.offered.size").iter().map(|point| point.count).sum();
    assert_eq!(offered, snapshot.series().iter().map(|series| series.offered.count()).sum::<u64>());
}

#[tokio::test]
async fn explicit_histograms_add_up_to_the_same_counts() {
    let (_, ledger) = filled().await;
    let collector = Collector::default();
    collector.exporter(&ledger, http().histograms(Histograms::Explicit)).export_once().await.unwrap();
    let points = collector.last().explicit("http.server.response.body.size");
    let bounds: Vec<f64> = (8..=24).map(|exponent| f64::from(1 << exponent)).collect();
    let [point] = &points[..] else { panic!("{points:?}") };
    assert_eq!(point.explicit_bounds, bounds);
    // 0, 1; 300; 8,000 and 8,100; 30,000; 85,000; and the 500 that stands in for 120,000.
    let mut expected = vec![0; 18];
    for (bucket, count) in [(0, 2), (1, 1), (5, 2), (7, 1), (9, 1)] {
        expected[bucket] = count;
    }
    assert_eq!((point.count, &point.bucket_counts), (7, &expected));
    assert_eq!(point.exemplars.len(), 5, "one in each bucket that holds something");
}

#[tokio::test]
async fn counters_and_gauges_are_those_of_the_ledger() {
    let (_, ledger) = filled().await;
    let collector = Collector::default();
    collector.exporter(&ledger, http()).export_once().await.unwrap();
    let (metrics, snapshot) = (collector.last(), ledger.snapshot());
    let int = |point: &opentelemetry_proto::tonic::metrics::v1::NumberDataPoint| match point.value {
        Some(number_data_point::Value::AsInt(value)) => value as u64,
        other => panic!("{other:?}"),
    };
    let bodies = metrics.numbers("plimsoll.bodies");
    for (outcome, count) in snapshot.outcomes().iter() {
        let of_outcome = |point: &&opentelemetry_proto::tonic::metrics::v1::NumberDataPoint| {
            text(&map_of(&point.attributes), "plimsoll.outcome") == Some(outcome.as_str())
        };
        let points = bodies.iter().filter(of_outcome);
        assert_eq!(points.map(int).sum::<u64>(), count, "{outcome:?}");
    }
    assert!(snapshot.outcomes().get(Outcome::RejectedEarly) + snapshot.outcomes().get(Outcome::RejectedStreaming) >= 2);
    let over = metrics.numbers("plimsoll.body.over_limit");
    assert_eq!(
        over.iter().map(int).sum::<u64>(),
        snapshot.series().iter().map(|series| series.over_limit).sum::<u64>()
    );
    let exemplars = over.into_iter().flat_map(|point| point.exemplars).collect();
    assert_eq!(sent(exemplars), known(snapshot.series().iter().filter_map(|s| s.over_limit_exemplar.as_ref())));
    let limits = metrics.numbers("plimsoll.body.limit");
    assert!(limits.iter().map(int).all(|limit| limit == 100_000 || limit == 20_000) && !limits.is_empty());
    let Some(Data::Sum(sum)) = &metrics.find("plimsoll.bodies").unwrap().data else { panic!("it is a counter") };
    assert!(sum.is_monotonic);
    assert_eq!(sum.aggregation_temporality, AggregationTemporality::Cumulative as i32);
}

#[tokio::test]
async fn the_same_is_sent_over_both_protocols_compressed_or_not() {
    let (_, ledger) = filled().await;
    let mut messages = Vec::new();
    for compression in [Compression::None, Compression::Gzip] {
        for settings in [http(), grpc()] {
            let well = Answer::Trailers(vec![("grpc-status", "0")], b"\0\0\0\0\0");
            let answers = (settings.protocol() == OtlpProtocol::Grpc).then_some(well);
            let collector = Collector::answering(answers);
            let settings = settings.compression(compression).attribute("service.name", "checkout");
            let settings = settings.attribute("service.instance.id", "a");
            let settings = settings.header("x-tenant".parse().unwrap(), "a".parse().unwrap());
            collector.exporter(&ledger, settings).export_once().await.unwrap();
            let received = collector.received();
            assert_eq!(received[0].headers["x-tenant"], "a");
            let path = "opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
            let uris = ["http://collector:4318/v1/metrics".to_owned(), format!("http://collector:4317/{path}")];
            assert!(uris.contains(&received[0].uri), "{}", received[0].uri);
            messages.push(collector.last().request);
        }
    }
    assert!(messages.windows(2).all(|pair| pair[0] == pair[1]));
    let resource = messages[0].resource_metrics[0].resource.as_ref().unwrap();
    assert_eq!(text(&map_of(&resource.attributes), "service.name"), Some("checkout"));
}

#[tokio::test]
async fn whatever_a_label_holds_arrives_as_it_is() {
    let ledger = Ledger::new();
    for text in ["quote \"", "back\\slash", "line\nfeed", "Größe \u{0} 📦", "\u{7f}\r\t"] {
        Call { template: Some(text), ..Call::of("", 1, 1) }.through_server(&ServerLayer::new(&ledger)).await;
    }
    let collector = Collector::default();
    collector.exporter(&ledger, http()).export_once().await.unwrap();
    let points = collector.last().exponential("http.server.request.body.size");
    let mut routes: Vec<_> =
        points.iter().map(|point| text(&map_of(&point.attributes), "http.route").unwrap().to_owned()).collect();
    routes.sort();
    assert_eq!(routes, ["Größe \u{0} 📦", "back\\slash", "line\nfeed", "quote \"", "\u{7f}\r\t"]);
}

#[tokio::test]
async fn an_empty_ledger_sends_nothing() {
    let collector = Collector::default();
    for temporality in [Temporality::Cumulative, Temporality::Delta] {
        let settings = http().temporality(temporality);
        collector.exporter(&Ledger::new(), settings).export_once().await.unwrap();
    }
    assert!(collector.received().is_empty());
}
