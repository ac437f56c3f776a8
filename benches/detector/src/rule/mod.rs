//! The rules that are compared: each sees the bodies of a tick, and says whether it would wake somebody.

mod gaussian;
mod ladder;
mod percentile;

pub use gaussian::{Gaussian, Moments};
pub use ladder::Judge;
pub use percentile::Percentile;
