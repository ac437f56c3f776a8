//! One declaration: its file, its limits in running services, its alert rules and its runbook.
#![cfg(test)]
#![cfg(feature = "serde")]
#![allow(unreachable_pub, reason = "a test has no public items")]
#![allow(clippy::arithmetic_side_effects, reason = "tests may fail loudly")]

mod command;
mod file;
mod live;
mod promtool;
#[allow(dead_code, reason = "its other half starts programs that stay")]
#[path = "../support/real.rs"]
mod real;
mod round_trip;
mod runbook;
mod scenario;

use plimsoll::policy::Policy;

/// The policy of `examples/policy.toml`.
fn example() -> Policy {
    Policy::load(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/policy.toml")).expect("it is valid")
}
