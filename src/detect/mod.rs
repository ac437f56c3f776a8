//! The detector: the service itself notices that its bodies grew.
//!
//! The statistic can be driven by hand, on counts of your own: see [`Ladder`].

mod accepted;
mod ladder;
mod settings;

pub use accepted::AcceptedChange;
pub use ladder::{Edges, Ladder, RungEdges, Statistic, Tick, Verdict};
pub use settings::{Growth, GrowthRule, Quantile};
