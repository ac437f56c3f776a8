//! While a finding is open, spans of the bodies behind it are marked, so that tail sampling can keep their traces.

use std::time::{Duration, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::Request;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use opentelemetry_sdk::trace::Sampler;
use plimsoll::detect::{Detector, Notice, Period};
use plimsoll::{Ledger, ManualClock, ServerLayer};

use crate::{Traces, ask, attributes, traced};

const TICK: Duration = Duration::from_secs(10);

struct Service {
    time: ManualClock,
    ledger: Ledger,
    detector: Detector,
}

impl Service {
    /// One that has learnt from bodies of 8 KB, in spans that nobody exports.
    async fn calm(period: Period) -> Self {
        let time = ManualClock::at(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        let ledger = Ledger::builder().clock(time.clock()).build();
        let detector = Detector::builder(&ledger).tick_interval(TICK).period(period).build();
        let service = Self { time, ledger, detector };
        for _ in 0..20 {
            service.answers(&Traces::sampled_by(Sampler::AlwaysOff), 8_000, 100).await;
        }
        service
    }

    /// So many answers of this size, and a tick.
    async fn answers(&self, traces: &Traces, size: usize, count: usize) {
        let app = Router::new()
            .route("/{size}", get(async |Path(size): Path<usize>| "x".repeat(size)))
            .layer(ServerLayer::new(&self.ledger).route(|_, _| Some("/orders".into())))
            .layer(from_fn_with_state(traces.tracer(), traced));
        for _ in 0..count {
            ask(app.clone(), Request::get(format!("/{size}")).body(Body::empty()).unwrap()).await;
        }
        self.time.advance(TICK);
        self.detector.tick();
    }

    /// Whether the span of an answer of this size is marked.
    async fn marks(&self, size: usize) -> bool {
        let traces = Traces::all();
        self.answers(&traces, size, 1).await;
        attributes(&traces.ended().await).contains(&"plimsoll.above_baseline=true".to_owned())
    }

    async fn until_found(&self, size: usize) {
        for _ in 0..10 {
            self.answers(&Traces::sampled_by(Sampler::AlwaysOff), size, 10).await;
        }
        assert_eq!(self.detector.findings().len(), 1);
    }
}

#[tokio::test]
async fn bodies_above_the_gate_are_marked_while_a_finding_is_open() {
    let service = Service::calm(Period::Bodies(1_000)).await;
    assert!(!service.marks(85_000).await, "nothing is found yet");
    service.until_found(85_000).await;
    assert!(service.marks(85_000).await);
    // 50 % more, rounded down to a bucket's edge: 2^(217/16) bytes, nine buckets above 8,000.
    assert_eq!((service.marks(12_098).await, service.marks(12_099).await), (false, true));
    assert!(!service.marks(8_000).await, "no larger than ever");
}

/// They used to be marked for ever after.
#[tokio::test]
async fn what_is_accepted_is_marked_no_longer() {
    let service = Service::calm(Period::Bodies(1_000)).await;
    service.until_found(85_000).await;
    let id = service.detector.findings()[0].id;
    service.detector.accept(id, "wanted").unwrap();
    assert!(!service.marks(85_000).await);
}

/// Where a period ended in a tick without traffic, marks used to stay.
#[tokio::test]
async fn what_is_usual_from_a_period_s_end_on_is_marked_no_longer() {
    let hour = Duration::from_secs(3_600);
    let service = Service::calm(Period::Time(hour)).await;
    service.time.advance(hour);
    service.detector.tick();
    // More than the evidence margin, less than the gate: a warning.
    service.until_found(10_500).await;
    assert!(service.marks(85_000).await);
    service.until_found(10_500).await;
    service.time.advance(hour);
    assert!(matches!(service.detector.tick()[..], [Notice::Closed(_)]));
    assert!(!service.marks(85_000).await);
}
