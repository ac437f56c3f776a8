//! Which limit holds for which body, and what it does: for a request, an endpoint, a method, a stream, at run time.
#![cfg(test)]
#![allow(unreachable_pub, reason = "a test has no public items")]
#![allow(clippy::arithmetic_side_effects, reason = "tests may fail loudly")]

#[path = "../support/mod.rs"]
mod support;

mod bodiless;
mod endpoints;
mod lines;
mod requests;
mod setup;
mod streams;
mod switch;
