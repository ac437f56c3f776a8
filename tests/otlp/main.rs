//! What reaches a collector, read back by code that is not ours; and what happens where it does not.
#![cfg(feature = "otlp")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    reason = "tests may fail loudly"
)]
#![allow(missing_docs, unreachable_pub, reason = "a test")]

#[path = "../openmetrics/calls.rs"]
mod calls;
#[path = "../support/mod.rs"]
mod support;
#[allow(dead_code, reason = "the detector's own tests use more of it")]
#[path = "../detector/world.rs"]
mod world;

mod collector;
mod content;
mod conventions;
mod delta;
mod detected;
mod failures;
mod receivers;
