//! What a detector knows reaches the collector too.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, UNIX_EPOCH};

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value::{AsDouble, AsInt};
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, Metric, NumberDataPoint, metric::Data};
use plimsoll::detect::{Detector, Quantile};
use plimsoll::{KIB, OpenMetrics, ServerLayer, Temporality};

use crate::calls::Call;
use crate::collector::{self, Collector, Metrics, http, map_of};
use crate::delta::at;
use crate::world::{Answer, World};

/// The points of a metric by the value of one of their attributes.
fn by(metrics: &Metrics, name: &str, attribute: &str) -> BTreeMap<String, f64> {
    let points = metrics.numbers(name).into_iter().map(|point| {
        let value = match point.value {
            Some(AsInt(value)) => value as f64,
            Some(AsDouble(value)) => value,
            None => panic!("a point without a value"),
        };
        match &map_of(&point.attributes)[attribute] {
            Value::StringValue(text) => (text.clone(), value),
            other => panic!("{other:?}"),
        }
    });
    points.collect()
}

/// A start that moves tells a collector that the counts began anew.
#[test]
fn after_a_clock_that_is_set_back_counts_of_a_detector_keep_their_start() {
    let second = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
    let (clock, ledger) = at(100);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(Call::of("/", 1, 10).through_server(&ServerLayer::new(&ledger)));
    clock.set(second(200));
    let detector = Detector::builder(&ledger).build();
    let collector = Collector::default();
    let mut exporter = collector.exporter(&ledger, http()).detector(&detector);
    for (now, start) in [(210, 200), (150, 150), (160, 150), (300, 150)] {
        clock.set(second(now));
        runtime.block_on(exporter.export_once()).unwrap();
        let points = collector.last().numbers("plimsoll.findings");
        let nanos = |seconds: u64| seconds * 1_000_000_000;
        assert!(!points.is_empty());
        assert!(
            points.iter().all(|point| (point.start_time_unix_nano, point.time_unix_nano) == (nanos(start), nanos(now))),
            "{points:?}"
        );
    }
}

/// Its counters used to have no start, and to be cumulative whatever was asked for.
#[test]
fn counts_of_a_detector_have_a_start_and_are_of_the_temporality_that_is_asked_for() {
    let mut world = World::new();
    let began = world.time.clock().now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    world.period(Answer::of(8 * KIB as usize));
    world.until_found(Answer::of(60_000), 20);
    let names = ["plimsoll.bodies.above_baseline", "plimsoll.findings"];
    let sum = |metrics: &Metrics, name: &str| {
        let Some(Data::Sum(sum)) = metrics.find(name).unwrap().data.clone() else { panic!("it is a counter") };
        assert!(sum.data_points.iter().all(|point| point.start_time_unix_nano <= point.time_unix_nano));
        (sum.aggregation_temporality, sum.data_points)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let collector = Collector::default();
    let mut exporter = collector.exporter(&world.ledger, http()).detector(&world.detector);
    runtime.block_on(exporter.export_once()).unwrap();
    for name in names {
        let (temporality, points) = sum(&collector.last(), name);
        assert_eq!(temporality, AggregationTemporality::Cumulative as i32);
        assert!(points.iter().all(|point| point.start_time_unix_nano == began), "{points:?}");
    }

    let collector =
        Collector::answering([collector::Answer::With(200, vec![], b""), collector::Answer::With(400, vec![], b"")]);
    let settings = http().temporality(Temporality::Delta);
    let mut exporter = collector.exporter(&world.ledger, settings).detector(&world.detector);
    let counts = |points: &[NumberDataPoint]| {
        let count = |point: &NumberDataPoint| match point.value {
            Some(AsInt(count)) => count,
            ref other => panic!("{other:?}"),
        };
        points.iter().map(count).collect::<Vec<_>>()
    };
    runtime.block_on(exporter.export_once()).unwrap();
    let (temporality, points) = sum(&collector.last(), names[0]);
    assert_eq!((temporality, counts(&points)), (AggregationTemporality::Delta as i32, vec![50; 3]));
    assert_eq!(counts(&sum(&collector.last(), names[1]).1), [1]);
    let first = points[0].time_unix_nano;
    world.tick(Answer::of(60_000));
    runtime.block_on(exporter.export_once()).unwrap_err();
    world.tick(Answer::of(60_000));
    runtime.block_on(exporter.export_once()).unwrap();
    let (_, points) = sum(&collector.last(), names[0]);
    assert_eq!(counts(&points), [20; 3], "with what was lost");
    assert!(points.iter().all(|point| point.start_time_unix_nano == first));
    assert!(collector.last().find(names[1]).is_none(), "nothing was found in this time");
}

/// What a collector makes of a name on its way to Prometheus: dots are underscores, units and what a counter is called
/// stand behind it, and a gauge of unit "1" is a ratio (OpenTelemetry, "Prometheus and OpenMetrics Compatibility").
fn as_prometheus_has_it(metric: &Metric) -> String {
    let unit = match (&*metric.unit, &metric.data) {
        ("By", _) => "_bytes",
        ("1", Some(Data::Gauge(_))) => "_ratio",
        (unit, _) if unit.starts_with('{') => "",
        other => panic!("{other:?}"),
    };
    let total = if matches!(metric.data, Some(Data::Sum(_))) { "_total" } else { "" };
    format!("{}{unit}{total}", metric.name.replace('.', "_"))
}

/// The findings' factor and whether one is open used to be ratios by one way, and none by the other.
#[test]
fn a_metric_has_one_name_in_prometheus_whichever_way_it_takes() {
    let mut world = World::new();
    world.period(Answer::of(8 * KIB as usize));
    world.until_found(Answer::of(80_000), 20);
    let collector = Collector::default();
    let mut exporter = collector.exporter(&world.ledger, http()).detector(&world.detector);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(exporter.export_once()).unwrap();
    let page = OpenMetrics::new(&world.ledger).detector(&world.detector).to_string();
    let scraped: BTreeSet<_> = page
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split('{').next().unwrap().to_owned())
        .filter(|name| !name.ends_with("_count") && !name.ends_with("_sum"))
        .map(|name| name.trim_end_matches("_bucket").to_owned())
        .collect();
    let sent: BTreeSet<_> = collector.last().all().iter().map(as_prometheus_has_it).collect();
    assert_eq!(sent, scraped);
    assert!(sent.len() >= 9, "{sent:?}");
}

#[test]
fn a_finding_is_exported_with_the_counts_and_the_exemplar_behind_it() {
    let mut world = World::new();
    world.period(Answer::of(8 * KIB as usize));
    world.until_found(Answer::of(60_000), 20);
    let collector = Collector::default();
    let settings = http().temporality(Temporality::Delta);
    let mut exporter = collector.exporter(&world.ledger, settings).detector(&world.detector);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(exporter.export_once()).unwrap();
    let metrics = collector.last();

    let (mut above, mut factor) = (BTreeMap::new(), None);
    world.detector.visit(|series| {
        for quantile in Quantile::ALL {
            let count = series.above(quantile).map(|count| (quantile.as_str().to_owned(), count as f64));
            // Requests are judged as well, and have grown nowhere.
            above.extend(count.filter(|(_, count)| *count > 0.0));
        }
        factor = factor.or(series.finding().map(plimsoll::detect::Finding::factor));
    });
    assert!(above.values().all(|count| *count >= 10.0) && !above.is_empty(), "{above:?}");
    let mut sent = BTreeMap::new();
    for point in metrics.numbers("plimsoll.bodies.above_baseline") {
        let attributes = map_of(&point.attributes);
        let (Some(AsInt(count)), Some(Value::StringValue(quantile))) =
            (point.value, attributes.get("plimsoll.quantile"))
        else {
            panic!("{point:?}")
        };
        assert!(!attributes.contains_key("http.response.status_code"), "one for all statuses: {attributes:?}");
        if count > 0 {
            sent.insert(quantile.clone(), count as f64);
            assert_eq!(point.exemplars.len(), 1, "with a call that shows it");
        }
    }
    assert_eq!(sent, above);
    assert_eq!(by(&metrics, "plimsoll.regression.factor", "plimsoll.upstream")["inventory"], factor.unwrap());
    let active = metrics.numbers("plimsoll.regression.active");
    assert_eq!(active.iter().filter(|point| point.value == Some(AsInt(1))).count(), 1, "{active:?}");
    assert_eq!(by(&metrics, "plimsoll.findings", "plimsoll.finding.kind").values().sum::<f64>(), 1.0);
}
