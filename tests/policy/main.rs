//! One declaration: its file, its limits in running services, its alert rules and its runbook.
#![cfg(feature = "serde")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests may fail loudly"
)]
#![allow(missing_docs, unreachable_pub, reason = "a test")]

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
    Policy::load(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/policy.toml")).expect("it is legal")
}
