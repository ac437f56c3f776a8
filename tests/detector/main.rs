//! The detector over a ledger that real layers write, on a clock that is moved by hand.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "tests may fail loudly"
)]

mod findings;
mod living;
#[cfg(feature = "serde")]
mod restart;
mod world;
