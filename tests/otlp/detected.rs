//! What a detector knows reaches the collector too.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value::{AsDouble, AsInt};
use plimsoll::detect::Quantile;
use plimsoll::{KIB, Temporality};

use crate::collector::{Collector, Metrics, http, map_of};
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
