//! Sizes through a meter: what an SDK's reader gets, and which context is active while they are recorded.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{Request, Response};
use opentelemetry::metrics::{Histogram, HistogramBuilder, InstrumentProvider, Meter, MeterProvider, SyncInstrument};
use opentelemetry::trace::{FutureExt, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics, ScopeMetrics};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, SdkMeterProvider};
use plimsoll::{Direction, Ledger, Limit, Route, ServerLayer};
use tower::{Layer, ServiceExt, service_fn};

use crate::support::readings::only;
use crate::{Traces, ask};

/// Answers with this many bytes, in a route.
async fn call(layer: &ServerLayer, bytes: usize) {
    let answer =
        move |_: Request<_>| std::future::ready(Ok::<_, Infallible>(Response::new(Body::from(vec![b'x'; bytes]))));
    let service = layer.clone().layer(service_fn(answer));
    let mut request = Request::new(Body::from("12345"));
    request.extensions_mut().insert(Route("/checkout"));
    ask(service, request).await;
}

#[tokio::test]
async fn a_reader_gets_the_sizes_that_the_ledger_counts_in_buckets_made_for_bytes() {
    let exported = InMemoryMetricExporter::default();
    let provider = SdkMeterProvider::builder().with_periodic_exporter(exported.clone()).build();
    let ledger = Ledger::builder().meter(&provider.meter("plimsoll")).build();
    let layer = ServerLayer::new(&ledger).response_limit(Limit::reject_over(100_000));
    for bytes in [8_000, 8_100, 85_000] {
        call(&layer, bytes).await;
    }
    provider.force_flush().unwrap();
    let metrics = exported.get_finished_metrics().unwrap();
    let metrics: Vec<_> =
        metrics.iter().flat_map(ResourceMetrics::scope_metrics).flat_map(ScopeMetrics::metrics).collect();
    let found = metrics.iter().find(|metric| metric.name() == "http.server.response.body.size").unwrap();
    assert_eq!(found.unit(), "By");
    let AggregatedMetrics::U64(MetricData::Histogram(histogram)) = found.data() else { panic!("{found:?}") };
    let [point] = &histogram.data_points().collect::<Vec<_>>()[..] else { panic!("{histogram:?}") };
    let sizes = only(&ledger, Direction::Response).completed;
    assert_eq!((point.count(), point.sum()), (sizes.count(), sizes.sum()));
    let bounds: Vec<_> = point.bounds().collect();
    assert_eq!((bounds.len(), bounds[0], bounds[16]), (17, 256.0, 16_777_216.0));
    let counts: Vec<_> = point.bucket_counts().collect();
    assert_eq!((counts[5], counts[9]), (2, 1), "{counts:?}");
    let mut attributes: Vec<_> = point.attributes().map(|pair| format!("{}={}", pair.key, pair.value)).collect();
    attributes.sort();
    let expected = [
        "http.request.method=GET",
        "http.response.status_code=200",
        "http.route=/checkout",
        "network.protocol.version=1.1",
        "plimsoll.body.view=wire",
        "plimsoll.content_encoding=identity",
        "url.scheme=http",
    ];
    assert_eq!(attributes, expected);
}

/// Instruments that note which trace and span are active when they are recorded to.
#[derive(Clone, Debug, Default)]
struct Noting(Arc<Mutex<Vec<(String, String)>>>);

impl InstrumentProvider for Noting {
    fn u64_histogram(&self, _: HistogramBuilder<'_, Histogram<u64>>) -> Histogram<u64> {
        Histogram::new(Arc::new(self.clone()))
    }
}

impl SyncInstrument<u64> for Noting {
    fn measure(&self, _: u64, _: &[KeyValue]) {
        let context = Context::current();
        let span = context.span();
        let ids = span.span_context();
        self.0.lock().unwrap().push((ids.trace_id().to_string(), ids.span_id().to_string()));
    }
}

#[tokio::test]
async fn the_request_s_context_is_active_while_its_sizes_are_recorded() {
    let (traces, noting) = (Traces::all(), Noting::default());
    let ledger = Ledger::builder().meter(&Meter::new(Arc::new(noting.clone()))).build();
    let taken = || std::mem::take(&mut *noting.0.lock().unwrap());
    let reader = traces.active();
    for write in [true, false] {
        let service = ServerLayer::new(&ledger)
            .span_attributes(write)
            .layer(service_fn(async |_: Request<_>| Ok::<_, Infallible>(Response::new(Body::from("hello")))));
        let active = traces.active();
        let ids = active.span().span_context().clone();
        let answer = service.oneshot(Request::new(Body::empty())).with_context(active).await.unwrap();
        // Read by somebody else, whose span it is not.
        http_body_util::BodyExt::collect(answer.into_body()).with_context(reader.clone()).await.unwrap();
        let ids = (ids.trace_id().to_string(), ids.span_id().to_string());
        assert_eq!(taken(), [ids.clone(), ids], "span attributes: {write}");
    }
    // Without a trace, it is not the reader's either.
    let service = ServerLayer::new(&ledger)
        .layer(service_fn(async |_: Request<_>| Ok::<_, Infallible>(Response::new(Body::from("hello")))));
    let answer = service.oneshot(Request::new(Body::empty())).await.unwrap();
    http_body_util::BodyExt::collect(answer.into_body()).with_context(reader).await.unwrap();
    let none = ("0".repeat(32), "0".repeat(16));
    assert_eq!(taken(), [none.clone(), none]);
}
