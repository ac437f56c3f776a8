//! The metrics page of a ledger that was filled through layers, read back by a strict parser that is not ours.
#![cfg(test)]
#![allow(unreachable_pub, reason = "a test has no public items")]
#![allow(clippy::arithmetic_side_effects, reason = "tests may fail loudly")]

#[path = "../support/mod.rs"]
mod support;

mod calls;
mod expected;
mod labels;
mod page;
mod served;
mod table;
