//! The detector over a ledger that real layers write, on a clock that is moved by hand.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, reason = "tests may fail loudly")]

mod findings;
mod living;
#[cfg(feature = "serde")]
mod policy;
#[cfg(feature = "serde")]
mod restart;
mod versions;
#[cfg(feature = "serde")]
mod versions_kept;
mod world;
