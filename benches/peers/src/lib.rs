//! The services that the benches compare: bare, under other crates' layers, and under ours.
//!
//! Every [`Case`] answers the same [`Exchange`] in the same way; what differs is the layer around it. A number of a
//! case is its own less that of the bare service of its [`Setting`], or a ratio to it. The benches that take the
//! numbers are in `benches/`: `cost` counts instructions and allocations, which repeat, and times pairs; `record` times
//! the record path alone; `load` drives servers over loopback. What they find stands in a [`Part`] of a page.

mod call;
mod case;
mod context;
mod exchange;
mod ours;
mod page;
mod pair;
mod peers;
mod served;
mod settings;
mod spread;

pub use call::{now, read};
pub use case::{CASES, Case, Setting};
pub use context::remote as remote_context;
pub use exchange::{Exchange, Pieces, Shape, paths};
pub use page::{Part, difference};
pub use pair::ratios;
pub use served::Served;
pub use settings::{Caller, Subject};
pub use spread::Spread;
