//! The detector over real connections: an upstream's answers grow past the limit, so that not one of them completes.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "tests may fail loudly")]

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use plimsoll::detect::{Detector, Notice, Period, Severity};
use plimsoll::{
    ClientLayer, Direction, KIB, Ledger, Limit, LimitExceeded, ManualClock, MeteredBody, Outcome, Role, UrlTemplate,
};
use tokio::net::TcpListener;
use tower::{Layer, ServiceExt};

const TICK: Duration = Duration::from_secs(10);
const SKU: &str = "/inventory/{sku}";

#[tokio::test]
async fn growth_is_found_by_bodies_of_which_none_completes() {
    let size = Arc::new(AtomicUsize::new(8_000));
    let answer = async |State(size): State<Arc<AtomicUsize>>| vec![b'x'; size.load(Ordering::SeqCst)];
    let app = Router::new().route("/inventory/17", get(answer)).with_state(Arc::clone(&size));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/inventory/17", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, app).await });

    let time = ManualClock::at(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    let ledger = Ledger::builder().clock(time.clock()).build();
    let detector = Detector::builder(&ledger).tick_interval(TICK).period(Period::Bodies(200)).build();
    let http = Client::builder(TokioExecutor::new()).build_http::<MeteredBody<Empty<Bytes>>>();
    let layer = ClientLayer::new(&ledger).upstream("inventory").response_limit(Limit::reject_over(64 * KIB));
    let client = layer.layer(http);

    // Ten answers, and a tick: how many of them were refused, and what was found.
    let tick = async || {
        let mut refused = 0;
        for _ in 0..10 {
            let request = Request::get(&url).extension(UrlTemplate(SKU)).body(Empty::new()).unwrap();
            match client.clone().oneshot(request).await {
                Ok(response) => drop(response.into_body().collect().await.unwrap()),
                Err(error) => {
                    assert!(LimitExceeded::find(&error).is_some(), "{error}");
                    refused += 1;
                }
            }
        }
        time.advance(TICK);
        (refused, detector.tick())
    };
    // A baseline, and a calm period over it.
    for _ in 0..40 {
        assert_eq!(tick().await, (0, vec![]));
    }

    size.store(85_000, Ordering::SeqCst);
    for _ in 0..4 {
        assert_eq!(tick().await, (10, vec![]));
    }
    let (refused, notices) = tick().await;
    assert_eq!(refused, 10);
    let [Notice::Opened(findings)] = notices.as_slice() else { panic!("not one notice, but {notices:?}") };
    let [finding] = findings.as_slice() else { panic!("not one finding, but {findings:?}") };
    assert_eq!((finding.severity, finding.direction), (Severity::Alert, Direction::Response));
    assert_eq!((finding.endpoint.route(), finding.endpoint.upstream()), (Some(SKU), Some("inventory")));
    assert!((10.0..11.5).contains(&finding.factor()), "{}", finding.factor());

    let snapshot = ledger.snapshot();
    let series = snapshot.find(Role::Client, Direction::Response, SKU).unwrap();
    assert_eq!((series.completed.count(), series.completed.max()), (400, 8_000));
    assert_eq!(series.bodies(Outcome::RejectedEarly), 50);
}
