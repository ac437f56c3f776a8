//! The layers of other crates, as their own pages say to set them up, with real instruments behind them.

use std::sync::LazyLock;
use std::time::Duration;

use axum_otel_metrics::{HttpMetricsLayer, HttpMetricsLayerBuilder};
use axum_prometheus::metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use axum_prometheus::{
    AXUM_HTTP_REQUESTS_DURATION_SECONDS, PrometheusMetricLayer, PrometheusMetricLayerBuilder, utils,
};
use http_body::Body;
use http_body_util::BodyExt;
use http_body_util::combinators::MapErr;
use opentelemetry::global;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_instrumentation_tower::http::extractors::FnRouteExtractor;
use opentelemetry_instrumentation_tower::http::server;
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_sdk_032::metrics as metrics_032;
use plimsoll::Route;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::map_request_body::MapRequestBodyLayer;
use tower_http::map_response_body::MapResponseBodyLayer;

use crate::exchange::Exchange;

/// Gives both bodies another type and does nothing else: what no layer that looks at bodies can do without.
pub(crate) fn wrap<B: Body, R: Body>() -> Wrapping<B, R> {
    (MapRequestBodyLayer::new(same), MapResponseBodyLayer::new(same))
}

type Wrapping<B, R> = (MapRequestBodyLayer<fn(B) -> Same<B>>, MapResponseBodyLayer<fn(R) -> Same<R>>);

type Same<B> = MapErr<B, fn(<B as Body>::Error) -> <B as Body>::Error>;

fn same<B: Body>(body: B) -> Same<B> {
    body.map_err(std::convert::identity)
}

/// tower-http's limit, on requests only.
pub(crate) fn limit(exchange: Exchange) -> RequestBodyLimitLayer {
    RequestBodyLimitLayer::new(exchange.request_limit().try_into().expect("it fits"))
}

/// No export falls into a run.
const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

static EXPORTER: LazyLock<InMemoryMetricExporter> = LazyLock::new(InMemoryMetricExporter::default);

pub(crate) static METERS: LazyLock<SdkMeterProvider> = LazyLock::new(|| {
    let reader = PeriodicReader::builder(EXPORTER.clone()).with_interval(NEVER).build();
    let provider = SdkMeterProvider::builder().with_reader(reader).build();
    global::set_meter_provider(provider.clone());
    provider
});

/// opentelemetry-instrumentation-tower in a router: metrics only, as we start no spans either.
pub(crate) fn instrumentation(spans: bool) -> server::Layer {
    instruments(spans);
    server::LayerBuilder::builder().with_tracing(spans).build().expect("its defaults are valid")
}

/// The same outside a router: the route is told to it.
pub(crate) fn instrumentation_with_route<B: 'static>(
    spans: bool,
) -> server::Layer<FnRouteExtractor<impl Fn(&http::Request<B>) -> Option<String> + Clone + Send + Sync + 'static>> {
    instruments(spans);
    server::LayerBuilder::builder()
        .with_tracing(spans)
        .with_route_extractor_fn(|request: &http::Request<B>| {
            request.extensions().get().map(|Route(route)| (*route).to_owned())
        })
        .build()
        .expect("its defaults are valid")
}

/// What it records with is global. Its spans go nowhere: they cost what it costs to record them.
fn instruments(spans: bool) {
    LazyLock::force(&METERS);
    if spans {
        global::set_tracer_provider(SdkTracerProvider::builder().build());
    }
}

/// tower-otel: its metrics layer.
pub(crate) fn tower_otel() -> tower_otel::metrics::HttpLayer {
    tower_otel::metrics::HttpLayer::server(&METERS.meter("bench"))
}

static EXPORTER_032: LazyLock<metrics_032::InMemoryMetricExporter> = LazyLock::new(Default::default);

static METERS_032: LazyLock<metrics_032::SdkMeterProvider> = LazyLock::new(|| {
    let reader = metrics_032::PeriodicReader::builder(EXPORTER_032.clone()).with_interval(NEVER).build();
    metrics_032::SdkMeterProvider::builder().with_reader(reader).build()
});

/// axum-otel-metrics, which takes an SDK of its own version.
pub(crate) fn axum_otel() -> HttpMetricsLayer {
    HttpMetricsLayerBuilder::new().with_provider(METERS_032.clone()).build()
}

// Its histograms are not drained meanwhile, as a running service has it done every five seconds.
static RECORDER: LazyLock<PrometheusHandle> = LazyLock::new(|| {
    let duration = Matcher::Full(AXUM_HTTP_REQUESTS_DURATION_SECONDS.to_owned());
    PrometheusBuilder::new()
        .set_buckets_for_metric(duration, utils::SECONDS_DURATION_BUCKETS)
        .expect("there are buckets")
        .install_recorder()
        .expect("there is no other recorder")
});

/// axum-prometheus, as it comes or with the sizes of responses, which it leaves out unless asked.
pub(crate) fn axum_prometheus(sizes: bool) -> PrometheusMetricLayer<'static> {
    let (layer, _handle) = PrometheusMetricLayerBuilder::new()
        .enable_response_body_size(sizes)
        .with_metrics_from_fn(|| RECORDER.clone())
        .build_pair();
    layer
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::ours;
    use crate::settings::Subject;

    #[test]
    fn they_record() {
        Subject::axum(Exchange::USUAL, axum_prometheus(true)).caller().call();
        let text = RECORDER.render();
        assert!(text.contains("axum_http_requests_total"), "{text}");
        assert!(text.contains("axum_http_response_body_size"), "{text}");

        Subject::axum(Exchange::USUAL, tower_otel()).caller().call();
        Subject::axum(Exchange::USUAL, instrumentation(true)).caller().call();
        Subject::axum(Exchange::USUAL, ours::everything(&ours::with_meter(), Exchange::USUAL)).caller().call();
        METERS.force_flush().expect("the exporter takes it");
        let exported = EXPORTER.get_finished_metrics().expect("the exporter has it");
        let scopes = exported.iter().flat_map(|metrics| metrics.scope_metrics());
        let recorded: BTreeSet<_> = scopes
            .flat_map(|scope| scope.metrics().map(|metric| (scope.scope().name().to_owned(), metric.name().to_owned())))
            .collect();
        for scope in ["bench", "opentelemetry-instrumentation-tower", "plimsoll"] {
            for direction in ["request", "response"] {
                let metric = format!("http.server.{direction}.body.size");
                assert!(recorded.contains(&(scope.to_owned(), metric.clone())), "{scope}, {metric}: {recorded:?}");
            }
        }

        Subject::axum(Exchange::USUAL, axum_otel()).caller().call();
        METERS_032.force_flush().expect("the exporter takes it");
        let exported = EXPORTER_032.get_finished_metrics().expect("the exporter has it");
        let metrics = exported.iter().flat_map(|metrics| metrics.scope_metrics()).flat_map(|scope| scope.metrics());
        let recorded: BTreeSet<_> = metrics.map(|metric| metric.name().to_owned()).collect();
        for direction in ["request", "response"] {
            let metric = format!("http.server.{direction}.body.size");
            assert!(recorded.contains(&metric), "{metric}: {recorded:?}");
        }
    }
}
