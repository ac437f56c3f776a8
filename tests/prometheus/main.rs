//! A real Prometheus scrapes the incident's `checkout`: its exemplars lead to refused calls, its quantiles agree with
//! the ledger.
#![cfg(test)]
#![cfg(all(feature = "axum", feature = "opentelemetry", feature = "reqwest-middleware"))]
#![allow(clippy::arithmetic_side_effects, reason = "tests may fail loudly")]

#[path = "../support/incident.rs"]
mod incident;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use plimsoll::{Direction, Role, SizeDistribution};
use serde_json::{Value, json};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;
use tracing_subscriber::util::SubscriberInitExt;

use crate::incident::{Incident, address};
use crate::support::prometheus::{Prometheus, Setup};

/// Orders article after article; the trace ids of those that were refused.
async fn order(checkout: &str, times: u32) -> BTreeSet<String> {
    let http = reqwest::Client::new();
    let mut refused = BTreeSet::new();
    for sku in 0..times {
        let answer = http.post(format!("{checkout}/checkout")).json(&json!({ "sku": sku })).send().await.unwrap();
        if !answer.status().is_success() {
            let body: Value = answer.json().await.unwrap();
            refused.insert(body["trace_id"].as_str().unwrap().to_owned());
        }
    }
    refused
}

/// `histogram_quantile` over buckets of powers of two, as Prometheus documents it: the rank's place in its bucket.
fn quantile(sizes: &SizeDistribution, q: f64) -> f64 {
    let rank = q * sizes.count() as f64;
    let (mut low, mut below) = (0.0, 0.0);
    for exponent in 8..=24u8 {
        let (high, up_to) = (f64::from(exponent).exp2(), sizes.count_up_to_power_of_two(exponent) as f64);
        if up_to >= rank {
            return low + (high - low) * (rank - below) / (up_to - below);
        }
        (low, below) = (high, up_to);
    }
    low
}

#[tokio::test]
async fn exemplars_lead_to_refused_calls_and_quantiles_agree_with_the_ledger() {
    let tracer = SdkTracerProvider::builder().build();
    let subscriber = Registry::default().with(tracing_opentelemetry::layer().with_tracer(tracer.tracer("test")));
    let _subscribed = subscriber.set_default();
    let incident = Incident::start().await;
    let Incident { ledger, checkout, .. } = &incident;
    let setup = Setup { targets: vec![address(checkout).to_owned()], ..Setup::default() };
    let Some(prometheus) = Prometheus::start(&setup).await else { return };

    assert!(order(checkout, 40).await.is_empty());
    incident.deploy().await;
    let refused = order(checkout, 15).await;
    assert_eq!(refused.len(), 15);

    let over = "plimsoll_body_over_limit_total{plimsoll_upstream=\"inventory\"}";
    assert_eq!(prometheus.value(over, |count| count >= 15.0).await, 15.0);
    let query = [("query", over), ("start", "0"), ("end", "9999999999")];
    let exemplar = prometheus
        .until("/api/v1/query_exemplars", &query, |answer| {
            let exemplars = answer["data"].as_array()?.iter().flat_map(|series| series["exemplars"].as_array());
            let exemplar = exemplars.flatten().last()?.clone();
            refused.contains(exemplar["labels"]["trace_id"].as_str()?).then_some(exemplar)
        })
        .await;
    let size: f64 = exemplar["value"].as_str().unwrap().parse().unwrap();
    assert!((80_000.0..90_000.0).contains(&size), "{exemplar}");
    assert_eq!(exemplar["labels"]["span_id"].as_str().unwrap().len(), 16, "{exemplar}");

    let snapshot = ledger.snapshot();
    let answers = snapshot.find(Role::Client, Direction::Response, "/inventory/{sku}").unwrap();
    for (metric, sizes) in [
        ("http_client_response_body_size_bytes", &answers.completed),
        ("plimsoll_body_offered_size_bytes", &answers.offered),
    ] {
        let of =
            "{plimsoll_upstream=\"inventory\",url_template=\"/inventory/{sku}\",http_response_status_code=\"200\"}";
        let count = format!("{metric}_count{of}");
        prometheus.value(&count, |count| count == sizes.count() as f64).await;
        for q in [0.1, 0.5, 0.9, 0.99] {
            let query = format!("histogram_quantile({q}, {metric}_bucket{of})");
            let (theirs, ours) = (prometheus.value(&query, |_| true).await, quantile(sizes, q));
            assert!((theirs - ours).abs() <= ours * 1e-9, "{query}: {theirs} for {ours}");
        }
    }
}
