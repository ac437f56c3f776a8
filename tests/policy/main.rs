//! One declaration: its file, its limits in running services, its alert rules and its runbook.
#![cfg(feature = "serde")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may fail loudly"
)]

mod file;
mod live;
mod round_trip;

use plimsoll::policy::Policy;

/// The policy of `examples/policy.toml`.
fn example() -> Policy {
    Policy::load(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/policy.toml")).expect("it is legal")
}
