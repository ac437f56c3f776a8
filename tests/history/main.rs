//! The gate on an API's history: each release as a pull request, its medians held to a contract, as it would have been.
//!
//! `scripts/gate` prints the report; `scripts/gate FILE` for another API's history.
#![cfg(test)]
#![cfg(feature = "serde")]
#![allow(unreachable_pub, reason = "a test has no public items")]
#![allow(clippy::arithmetic_side_effects, reason = "tests may fail loudly")]

mod releases;
mod replay;

use std::sync::LazyLock;

use plimsoll::{Factor, KIB};

use releases::Release;
use replay::{Replay, replay};

/// The releases that come with the tests.
static POKEAPI: LazyLock<Vec<Release>> = LazyLock::new(|| releases::parse(include_str!("pokeapi.txt")));
static REPLAY: LazyLock<Replay> = LazyLock::new(|| replay(&POKEAPI));

#[test]
fn the_report() {
    match std::env::var_os("PLIMSOLL_HISTORY") {
        Some(path) => print!("{}", replay(&releases::parse(&std::fs::read_to_string(path).unwrap()))),
        None => print!("{}", *REPLAY),
    }
    let said = REPLAY.to_string();
    assert!(said.contains("fail                19, for 20 medians over 2.0"), "{said}");
}

#[test]
fn few_pull_requests_fail_and_each_for_a_growth_beyond_twice() {
    let Replay { pull_requests, failing, compared, shrunk, new, tiny, release_to_release, nearest, .. } = &*REPLAY;
    assert_eq!((*pull_requests, *compared, failing.len(), *release_to_release), (316, 65_695, 20, 9));
    assert_eq!((*shrunk, *new, tiny.len()), (44, 21, 1));
    for growth in failing {
        assert!(growth.is > 2 * growth.was && growth.is > KIB, "{growth}");
    }
    let nearest = nearest.as_ref().unwrap();
    assert_eq!((nearest.template.as_str(), nearest.was, nearest.is), ("/item", 99_666, 198_993));
}

#[test]
fn a_ledger_s_buckets_leave_open_only_what_is_within_one_of_the_line() {
    let open: Vec<_> = REPLAY.failing.iter().filter(|growth| !growth.is_seen_in_buckets()).collect();
    assert_eq!(open.len(), 4);
    assert!(open.iter().all(|growth| Factor::new(2.09).unwrap().allows(growth.was, growth.is)), "{open:?}");
}

#[test]
fn every_median_may_double_and_not_by_a_byte_more() {
    let above_the_floor = releases::last(&POKEAPI).values().filter(|size| **size * 2 + 1 > KIB).count();
    assert_eq!(REPLAY.doubled, [0, above_the_floor]);
}
