//! What metering costs in memory: no copy, no allocation of its own, and under an endless body no more than the limit.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "tests may fail loudly")]

#[path = "../support/mod.rs"]
mod support;

mod calls;
mod connections;
mod frames;
mod gauge;
mod uploads;
mod upstreams;

/// A static piece of a body, so that bodies themselves take no memory.
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
