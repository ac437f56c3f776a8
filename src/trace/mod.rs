//! Which trace a call belongs to: the active OpenTelemetry context, else the `traceparent` header, else none.
//!
//! It is read once, in the service's `call()`: later, while a body is polled or dropped, the caller's context is
//! no longer active. Place the layers of this crate *inside* the layer that starts the span; outside it, they see
//! the caller's trace or none.

mod context;
mod traceparent;

#[cfg_attr(feature = "opentelemetry", path = "active_otel.rs")]
#[cfg_attr(not(feature = "opentelemetry"), path = "active_none.rs")]
mod active;

pub use context::TraceContext;

pub(crate) use context::{CallTrace, Captured, SpanWrites, TraceFlags, TraceRef};
