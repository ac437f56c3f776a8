//! How often the detector is wrong, and how late it is: on made-up traffic, and on real sizes.
//!
//! `scripts/report` prints it. Every number comes from a fixed seed, and the statistic is the crate's own
//! ([`Ladder`](plimsoll::detect::Ladder)), driven on the counts of each tick. Beside it stand two rules that people
//! write instead: p99 of a window against last week's, and a CUSUM that takes `ln size` for normal.

mod chance;
mod pokeapi;
mod rule;
mod simulation;
mod site;
mod study;
mod traffic;

pub use chance::Chance;
pub use pokeapi::{Found, Release, replay};
pub use rule::{Gaussian, Judge, Moments, Percentile};
pub use simulation::{Alarm, Endpoint, Rule, Statistics};
pub use site::Site;
pub use study::{Delay, Share, Study};
pub use traffic::{Change, Stream, Tick, Traffic, Volume};
