//! What reaches a collector, read back by code that is not ours; and what happens where it does not.
#![cfg(test)]
#![cfg(feature = "otlp")]
#![allow(unreachable_pub, reason = "a test has no public items")]
#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, reason = "tests may fail loudly")]

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
mod parts;
mod receivers;
