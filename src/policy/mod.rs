//! One declaration of a service's bodies: limits, growth, what is accepted, and what its alerts and runbook say.

mod bytes;
mod coverage;
mod declaration;
mod error;
mod fields;
mod live;
mod read;
mod time;
mod write;

pub use bytes::{ByteSize, ByteSizeError};
pub use coverage::Coverage;
pub use declaration::{EndpointPolicy, LabelName, Policy, RuleSettings};
pub use error::PolicyError;
pub use live::PolicyHandle;
