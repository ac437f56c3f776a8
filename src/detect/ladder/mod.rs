//! The statistic: a ladder of four quantiles, on each an e-CUSUM of the bodies above a fixed edge.
//!
//! Pure: counts go in, a verdict comes out. The method, its source and its bound stand at [`Ladder`].
//!
//! ```text
//! baseline ─► Edges ─┐
//!  bodies of a tick ─┴─► Tick ─► Ladder: Climbs of each rung, weighed by the Statistic ─► Verdict
//! ```

mod climb;
mod edges;
mod rungs;
#[cfg(feature = "serde")]
mod saved;
mod statistic;
#[cfg(test)]
mod tests;

pub use edges::{Edges, RungEdges, Tick};
pub use rungs::{Ladder, Verdict};
pub use statistic::Statistic;

pub(super) use statistic::CALM;
