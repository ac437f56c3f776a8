//! The incident, a real Prometheus with the rules of a policy, and a real Alertmanager: the alert of growth arrives,
//! though a limit refuses every body that grew.
#![cfg(test)]
#![cfg(all(feature = "axum", feature = "opentelemetry", feature = "reqwest-middleware", feature = "serde"))]
#![allow(clippy::arithmetic_side_effects, reason = "tests may fail loudly")]

#[path = "../support/incident.rs"]
mod incident;
#[path = "../support/mod.rs"]
mod support;

use std::time::Duration;

use axum::Router;
use plimsoll::detect::Period;
use plimsoll::policy::{EndpointPolicy, LabelName, Policy, RuleSettings};
use plimsoll::{Detector, OpenMetrics};
use serde_json::json;

use crate::incident::{Incident, address, checkout};
use crate::support::alertmanager::Alertmanager;
use crate::support::prometheus::{Prometheus, Setup};
use crate::support::wire::serve;

const SKU: &str = "client GET /inventory/{sku} of inventory";

/// The policy of the incident, with all times shortened to seconds.
fn policy() -> Policy {
    let seconds = Duration::from_secs;
    let rules = RuleSettings::new()
        .label(LabelName::new("job").unwrap(), "tested")
        .interval(seconds(1))
        .window(seconds(15))
        .hold(seconds(1));
    let endpoint = EndpointPolicy::new().response(checkout::LINE).min_bodies(50);
    Policy::new("checkout", "team-checkout")
        .runbook("https://wiki.example.org/RUNBOOK.md")
        .rules(rules)
        .endpoint(SKU.parse().unwrap(), endpoint)
}

/// Orders, one after the other, until it is dropped.
async fn order(checkout: String) {
    let http = reqwest::Client::new();
    for sku in 0u32.. {
        http.post(format!("{checkout}/checkout")).json(&json!({ "sku": sku % 100 })).send().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn growth_is_an_alert_that_arrives_though_a_limit_refuses_it() {
    let incident = Incident::start().await;
    let ledger = &incident.ledger;
    // p99 can be judged from a thousand bodies on.
    let detector = Detector::builder(ledger)
        .policy(&policy())
        .tick_interval(Duration::from_millis(250))
        .period(Period::Bodies(1_000))
        .build();
    let _ticker = detector.start().unwrap();
    let page = OpenMetrics::new(ledger).detector(&detector);
    let metrics = serve(Router::new().route_service("/metrics", page)).await;

    let Some(alertmanager) = Alertmanager::start() else { return };
    let setup = Setup {
        targets: vec![address(&metrics).to_owned()],
        rules: vec![policy().prometheus_rules()],
        alertmanagers: vec![alertmanager.address().to_owned()],
    };
    let Some(prometheus) = Prometheus::start(&setup).await else { return };
    let load = tokio::spawn(order(incident.checkout.clone()));

    // Calm: there is enough traffic for the rules to judge, and they find nothing.
    let bodies = "sum(endpoint:plimsoll_bodies_offered:increase{plimsoll_upstream=\"inventory\"})";
    prometheus.value(bodies, |bodies| bodies >= 50.0).await;
    let share = "max(endpoint:plimsoll_bodies_above_baseline:share{plimsoll_quantile=\"0.99\"})";
    assert!(prometheus.value(share, |share| !share.is_nan()).await < 0.01);
    let firing = "count(ALERTS{alertstate=\"firing\"}) or vector(0)";
    assert_eq!(prometheus.value(firing, |_| true).await, 0.0);

    incident.deploy().await;
    let growth = alertmanager.alert("BodyGrowth").await;
    assert_eq!(growth["labels"]["owner"], "team-checkout");
    assert_eq!(growth["labels"]["endpoint"], SKU);
    assert_eq!(growth["labels"]["plimsoll_quantile"], "0.99");
    let summary = growth["annotations"]["summary"].as_str().unwrap();
    assert!(summary.ends_with("over 1.5 times the baseline's p99; 1 % would be normal"), "{summary}");
    let link = growth["annotations"]["runbook_url"].as_str().unwrap();
    let anchor = link.strip_prefix("https://wiki.example.org/RUNBOOK.md#").unwrap();
    assert!(policy().runbook_markdown().contains(&format!("<a id=\"{anchor}\"></a>")), "{anchor}");

    let found = alertmanager.alert("BodyGrowthFound").await;
    let summary = found["annotations"]["summary"].as_str().unwrap();
    assert!(
        summary.contains("found that its response bodies are ") && summary.ends_with(" times as large"),
        "{summary}"
    );
    let refused = alertmanager.alert("BodiesRefused").await;
    assert_eq!(refused["labels"]["severity"], "page");
    load.abort();
}
