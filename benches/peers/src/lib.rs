//! The services that the benches compare: bare, under other crates' layers, and under ours.
//!
//! Every [`Case`] answers the same request in the same way; what differs is the layer around it. A number of a case
//! is its own less that of the bare service of its [`Setting`]. The benches that take the numbers are in `benches/`:
//! `cost` counts instructions and allocations, which repeat; `time` and `record` take wall-clock times, which do not.

mod call;
mod case;
mod context;
mod ours;
mod peers;
mod settings;

pub use call::{answer, now, read};
pub use case::{CASES, Case, Setting};
pub use context::remote as remote_context;
pub use settings::Subject;
