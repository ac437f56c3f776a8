//! Readers of the ledger that hand its numbers on.

mod attributes;
mod detected;
mod meter;
mod openmetrics;
#[cfg(feature = "otlp")]
mod otlp;
mod scrape;

pub use openmetrics::OpenMetrics;

pub(crate) use meter::{Instruments, Recorder};
#[cfg(all(feature = "otlp", feature = "reqwest"))]
pub use otlp::OtlpReqwest;
#[cfg(feature = "otlp")]
pub use otlp::{
    Compression, Exported, Histograms, OtlpError, OtlpExporter, OtlpProtocol, OtlpSettings, OtlpSettingsError,
    Temporality,
};
