//! Tracing as services have it: spans by OpenTelemetry's SDK, kept in memory in place of a backend, and a log.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::{InMemorySpanExporter, InMemorySpanExporterBuilder, SdkTracerProvider, SpanData};
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, fmt, registry};

/// Where spans and log lines of this process end up.
pub(crate) struct Telemetry {
    spans: InMemorySpanExporter,
    log: Log,
}

impl Telemetry {
    pub(crate) fn install() -> Result<Self, TryInitError> {
        let spans = InMemorySpanExporterBuilder::new().build();
        let provider = SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build();
        let log = Log::default();

        let traces = tracing_opentelemetry::layer().with_tracer(provider.tracer("checkout"));
        let writer = log.clone();
        let lines = fmt::layer().with_ansi(false).with_writer(move || writer.clone());
        registry()
            .with(traces.with_filter(Targets::new().with_target("incident", Level::INFO)))
            .with(lines.with_filter(Targets::new().with_target("plimsoll", Level::WARN)))
            .try_init()?;
        Ok(Self { spans, log })
    }

    /// The ended spans of a trace, outermost first.
    pub(crate) fn trace(&self, trace_id: &str) -> Vec<SpanData> {
        let mut spans = self.spans.get_finished_spans().unwrap_or_default();
        spans.retain(|span| span.span_context.trace_id().to_string() == trace_id);
        spans.sort_by_key(|span| span.start_time);
        spans
    }

    /// What this crate has logged, line by line, without what the subscriber puts before the message.
    pub(crate) fn log(&self) -> Vec<String> {
        let log = self.log.0.lock().unwrap_or_else(PoisonError::into_inner);
        let message = |line: &str| line.find("body over").and_then(|at| line.get(at..)).map(String::from);
        String::from_utf8_lossy(&log).lines().filter_map(message).collect()
    }

    /// Lets go of what was collected.
    pub(crate) fn forget(&self) {
        self.spans.reset();
        self.log.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// A log in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A span and what is said there of its bodies, on one line.
pub(crate) fn describe(span: &SpanData) -> String {
    let took = span.end_time.duration_since(span.start_time).unwrap_or(Duration::ZERO);
    let ours = span.attributes.iter().filter(|attribute| {
        ["error.", "plimsoll.", "http.re"].iter().any(|prefix| attribute.key.as_str().starts_with(prefix))
    });
    let ours: Vec<_> = ours.map(|attribute| format!("{}={}", attribute.key, attribute.value)).collect();
    format!("{:<21} {:>5.1} ms   {}", span.name, took.as_secs_f64() * 1e3, ours.join("  "))
}

/// Whether a refusal was written on this span.
pub(crate) fn is_refusal(span: &SpanData) -> bool {
    span.attributes.iter().any(|attribute| {
        attribute.key.as_str() == "error.type" && attribute.value.as_str() == "plimsoll.limit_exceeded"
    })
}
