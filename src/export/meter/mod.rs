//! Sizes through the instruments of an OpenTelemetry `Meter`, for those who have readers and views of their own.
//!
//! Recorded where the ledger counts a complete body, with the context of its request active meanwhile, so that an SDK
//! which takes exemplars from there gets the right ids. Without a meter it costs a look at an empty pointer.

#[cfg_attr(feature = "opentelemetry", path = "recorder_otel.rs")]
#[cfg_attr(not(feature = "opentelemetry"), path = "recorder_none.rs")]
mod recorder;

pub(crate) use recorder::{Instruments, Recorder};
