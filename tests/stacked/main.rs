//! Several of our layers around one body: each limit holds, and each ledger counts the body once.
#![cfg(test)]
#![allow(unreachable_pub, reason = "a test has no public items")]
#![allow(clippy::arithmetic_side_effects, reason = "tests may fail loudly")]

#[path = "../support/mod.rs"]
mod support;

mod between;
mod changed;
mod refusals;
mod roles;
mod samples;
