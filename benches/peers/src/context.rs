//! The OpenTelemetry context that is active during a call.

use std::sync::LazyLock;

use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer, TracerProvider,
};
use opentelemetry::{Context, ContextGuard, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

/// Which context is active, sampled in each case.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Active {
    /// That of a span elsewhere: ids to point to, nothing to write on.
    Remote,
    /// A span of the SDK that records, started for the call as a tracing layer does it.
    Recording,
}

static REMOTE: LazyLock<Context> = LazyLock::new(|| {
    let (trace, span) = (TraceId::from_bytes([1; 16]), SpanId::from_bytes([2; 8]));
    let ids = SpanContext::new(trace, span, TraceFlags::SAMPLED, true, TraceState::default());
    Context::new().with_remote_span_context(ids)
});

// No processor: a span costs what it costs to record it, and is dropped at its end.
static TRACER: LazyLock<SdkTracer> = LazyLock::new(|| SdkTracerProvider::builder().build().tracer("bench"));

/// The context of a sampled span elsewhere.
#[must_use]
pub fn remote() -> Context {
    REMOTE.clone()
}

impl Active {
    /// Makes it the active one, until the guard is dropped.
    pub(crate) fn enter(self) -> ContextGuard {
        match self {
            Self::Remote => remote().attach(),
            Self::Recording => {
                let attributes = [
                    KeyValue::new("http.request.method", "POST"),
                    KeyValue::new("url.path", "/checkout/4711"),
                    KeyValue::new("http.route", "/checkout/{cart}"),
                ];
                let span = TRACER.span_builder("POST /checkout/{cart}").with_attributes(attributes).start(&*TRACER);
                Context::current_with_span(span).attach()
            }
        }
    }
}
