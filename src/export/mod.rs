//! Readers of the ledger that hand its numbers on.

mod attributes;
mod detected;
mod openmetrics;
#[cfg(feature = "otlp")]
mod otlp;
mod scrape;

pub use openmetrics::OpenMetrics;
#[cfg(feature = "otlp")]
pub use otlp::{
    Compression, Exported, Histograms, OtlpError, OtlpExporter, OtlpProtocol, OtlpSettings, OtlpSettingsError,
    Temporality,
};
