//! The instruments of a meter, and one series' way to them.

use std::convert::Infallible;

use opentelemetry::metrics::{Histogram, Meter};
use opentelemetry::{KeyValue, Value as OtelValue};

use crate::endpoint::{Direction, Endpoint, Role};
use crate::export::attributes::{Metric, SeriesAttributes, Value};
use crate::ledger::{Attributes, CLASSIC_BOUNDS, LedgerBuilder};
use crate::trace::TraceRef;

/// The histograms of the conventions.
#[derive(Clone, Debug)]
pub(crate) struct Instruments {
    server: Bodies,
    client: Bodies,
}

/// Those of one role.
#[derive(Clone, Debug)]
struct Bodies {
    request: Histogram<u64>,
    response: Histogram<u64>,
}

impl Instruments {
    fn new(meter: &Meter) -> Self {
        let bodies = |role: Role| {
            let sizes = |direction: Direction| {
                let name = format!("http.{role}.{direction}.body.size");
                let about = format!("Size of HTTP {role} {direction} bodies.");
                #[allow(clippy::cast_precision_loss, reason = "powers of two are exact")]
                let bounds = CLASSIC_BOUNDS.iter().map(|bound| *bound as f64).collect();
                meter.u64_histogram(name).with_unit("By").with_description(about).with_boundaries(bounds).build()
            };
            Bodies { request: sizes(Direction::Request), response: sizes(Direction::Response) }
        };
        Self { server: bodies(Role::Server), client: bodies(Role::Client) }
    }

    /// The way of a series' sizes, with its attributes made once.
    pub(crate) fn recorder(&self, endpoint: &Endpoint, attributes: Attributes) -> Recorder {
        let bodies = match endpoint.role() {
            Role::Server => &self.server,
            Role::Client => &self.client,
        };
        let sizes = match attributes.direction() {
            Direction::Request => &bodies.request,
            Direction::Response => &bodies.response,
        };
        let series = SeriesAttributes::new(endpoint, attributes);
        let mut pairs = Vec::new();
        let Ok(()) = series.try_for_each(Metric::Standard, |name, value| {
            let value = match value {
                Value::Text(text) => OtelValue::from(text.to_owned()),
                Value::Integer(number) => OtelValue::from(i64::from(number)),
                Value::True => OtelValue::from(true),
            };
            pairs.push(KeyValue::new(name, value));
            Ok::<_, Infallible>(())
        });
        let error =
            series.error_of_status().map(|error| error.with_text(|text| KeyValue::new("error.type", text.to_owned())));
        pairs.extend(error);
        Recorder { sizes: sizes.clone(), attributes: pairs.into() }
    }
}

/// Where the sizes of one series go.
#[derive(Debug)]
pub(crate) struct Recorder {
    sizes: Histogram<u64>,
    attributes: Box<[KeyValue]>,
}

impl Recorder {
    /// Records a size in the context of its request, not of whoever polls or drops the body.
    #[cold]
    pub(crate) fn record(&self, size: u64, trace: TraceRef<'_>) {
        trace.within(|| self.sizes.record(size, &self.attributes));
    }
}

impl LedgerBuilder {
    /// Sets a meter through which sizes of complete bodies are recorded too, as they are counted.
    ///
    /// For those who have a pipeline of their own, with its readers and views: the four histograms
    /// `http.{server,client}.{request,response}.body.size` of OpenTelemetry's conventions, with the attributes of the
    /// ledger's series, and buckets of powers of two from 256 B to 16 MiB advised, since an SDK's own end at 10,000 bytes.
    /// Move when a body ends complete.
    ///
    /// The SDK for Rust records no exemplars yet (0.33), which is what the exporter of feature `otlp` is for: choose that
    /// unless you need views. Both at once do no harm: they are two streams of different scopes, each complete by itself;
    /// what sums up over scopes sees bodies twice.
    ///
    /// Costs some 3,500 instructions a body with the SDK of 0.33 (`scripts/bench`), half of what other instrumentation
    /// takes. What an SDK keeps for a series is bounded by its own cardinality limit, and is not in
    /// [`max_bytes`](Self::max_bytes).
    ///
    /// ```
    /// use opentelemetry::metrics::MeterProvider;
    /// use opentelemetry_sdk::metrics::SdkMeterProvider;
    /// use plimsoll::Ledger;
    ///
    /// let provider = SdkMeterProvider::builder().build(); // with the reader that you have
    /// let ledger = Ledger::builder().meter(&provider.meter("plimsoll")).build();
    /// # drop(ledger);
    /// ```
    #[must_use]
    pub fn meter(mut self, meter: &Meter) -> Self {
        self.instruments = Some(Instruments::new(meter));
        self
    }
}
