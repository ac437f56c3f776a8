//! The ledger over OTLP, with exemplars: to any OpenTelemetry collector, without an SDK.
//!
//! The message is written straight from what the ledger holds, and sent through a client of the user's: see
//! [`OtlpExporter`]. It is alone in what it counts: beside an SDK with instruments of its own, which may one day have
//! exemplars too, nothing of ours goes through that SDK, so nothing is counted twice.

mod answer;
mod date;
mod detected;
mod encoded;
mod env;
mod error;
mod exporter;
mod message;
mod metric;
mod outgoing;
#[cfg(feature = "reqwest")]
mod over_reqwest;
mod part;
mod reading;
mod retry;
mod sending;
mod settings;
mod wire;

pub use env::OtlpSettingsError;
pub use error::{Exported, OtlpError};
pub use exporter::OtlpExporter;
#[cfg(feature = "reqwest")]
pub use over_reqwest::OtlpReqwest;
pub use settings::{Compression, Histograms, OtlpProtocol, OtlpSettings, Temporality};
