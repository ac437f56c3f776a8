//! Any body, under any limit, read in any way, through every layer: it agrees with a plain model.
//!
//! `PLIMSOLL_CASES` sets how many cases each property tries; 256 by default.
#![cfg(test)]
#![allow(unreachable_pub, reason = "a test has no public items")]
#![allow(clippy::arithmetic_side_effects, reason = "tests may fail loudly")]

#[path = "../support/mod.rs"]
mod support;

mod case;
mod driver;
mod model;

use case::any_case;
use driver::{agrees, agrees_alone};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) })]

    #[test]
    fn a_body_in_a_layer_does_what_the_model_says(case in any_case()) {
        agrees(&case)?;
    }

    #[test]
    fn a_body_limited_on_its_own_does_what_the_model_says(case in any_case()) {
        agrees_alone(&case)?;
    }
}

fn cases() -> u32 {
    std::env::var("PLIMSOLL_CASES").map_or(256, |cases| cases.parse().expect("PLIMSOLL_CASES is a number"))
}
