//! What accepting writes, what it leaves, and many who accept at once.

use std::fs;
use std::thread;

use plimsoll::Contract;
use plimsoll::contract::Acceptance;

use crate::{Desk, sizes};

#[test]
fn accepting_keeps_the_reason_and_the_size_before() {
    let desk = Desk::new("reason");
    desk.accepting("first sizes").check(sizes(&[("b", 5_000), ("a", 812)])).unwrap().assert();
    let verdict = desk.accepting("shops show full details").check(sizes(&[("b", 50_000), ("a", 900)])).unwrap();
    assert!(verdict.passed() && verdict.accepted() == Some("shops show full details"));
    assert!(verdict.to_string().contains("accepted 1 size: \"shops show full details\""), "{verdict}");
    assert!(!verdict.to_string().contains("FAILS"), "{verdict}");
    assert_eq!(
        desk.text(),
        r#"# How large HTTP bodies are, in bytes. A test run holds them to it: what outgrows its entry fails.
# Written by a run with PLIMSOLL_ACCEPT="why"; read in review, with the reasons.
plimsoll_contract = 1

[[entry]]
fixture = "a"
bodies = 1
median = 812
reason = "first sizes"

[[entry]]
fixture = "b"
bodies = 1
median = 50000
was = 5000
reason = "shops show full details"
"#
    );
    assert_eq!(desk.files(), ["plimsoll.contract.toml"], "nothing is left beside it");
    assert!(desk.gate().check(sizes(&[("b", 50_000), ("a", 900)])).unwrap().changes().is_empty());
}

#[test]
fn accepting_what_is_within_changes_no_byte() {
    let desk = Desk::new("within");
    desk.accepting("first sizes").check(sizes(&[("a", 5_000), ("b", 5_000)])).unwrap().assert();
    let (before, written) = (desk.text(), fs::metadata(desk.path()).unwrap().modified().unwrap());
    let verdict = desk.accepting("a bit more").check(sizes(&[("a", 9_999)])).unwrap();
    assert!(verdict.to_string().contains("nothing to accept"), "{verdict}");
    assert_eq!((desk.text(), fs::metadata(desk.path()).unwrap().modified().unwrap()), (before, written));
}

#[test]
fn many_small_steps_end_where_a_large_one_would() {
    let desk = Desk::new("steps");
    desk.accepting("first sizes").check(sizes(&[("a", 10_000)])).unwrap().assert();
    let passes = |size| desk.gate().check(sizes(&[("a", size)])).unwrap().passed();
    let first = (10_000..).step_by(1_000).find(|size| !passes(*size)).unwrap();
    assert_eq!(first, 21_000);
}

#[test]
fn accepting_lowers_what_has_shrunk() {
    let desk = Desk::new("lower");
    desk.accepting("first sizes").check(sizes(&[("a", 50_000)])).unwrap().assert();
    desk.accepting("details are a call of their own").check(sizes(&[("a", 5_000)])).unwrap().assert();
    assert!(desk.text().contains("median = 5000\nwas = 50000\n"));
    assert!(!desk.gate().check(sizes(&[("a", 50_000)])).unwrap().passed());
}

#[test]
fn entries_vanish_from_the_file_only_where_their_absence_is_a_failure() {
    let desk = Desk::new("vanish");
    desk.accepting("first sizes").check(sizes(&[("a", 5_000), ("b", 5_000)])).unwrap().assert();
    desk.accepting("one test alone").check(sizes(&[("a", 5_000)])).unwrap().assert();
    assert!(desk.text().contains("\"b\""));
    desk.accepting("b is no more").fail_on_vanished().check(sizes(&[("a", 5_000)])).unwrap().assert();
    assert!(!desk.text().contains("\"b\"") && desk.text().contains("\"a\""));
}

#[test]
fn many_who_accept_at_once_lose_no_entry() {
    let desk = Desk::new("many");
    let runs = 24;
    thread::scope(|scope| {
        for run in 0..runs {
            // All open before any has written, as test binaries do that start together.
            let contract = desk.accepting("first sizes").suite(format!("run {run:02}"));
            scope.spawn(move || contract.check(sizes(&[("a", 5_000), ("b", 6_000)])).unwrap().assert());
        }
    });
    assert_eq!(desk.text().matches("[[entry]]").count(), 2 * runs);
    assert_eq!(desk.files(), ["plimsoll.contract.toml"]);
    for run in 0..runs {
        let strict = desk.gate().suite(format!("run {run:02}")).fail_on_new().fail_on_vanished();
        assert!(strict.check(sizes(&[("a", 5_000), ("b", 6_000)])).unwrap().passed());
    }
}

#[test]
fn the_same_content_is_the_same_bytes_in_whatever_order_it_came() {
    let (one, other) = (Desk::new("order-1"), Desk::new("order-2"));
    let fixtures = [("c", 3_000), ("a", 1_000), ("b", 2_000)];
    one.accepting("first sizes").check(sizes(&fixtures)).unwrap().assert();
    for fixture in fixtures {
        other.accepting("first sizes").check(sizes(&[fixture])).unwrap().assert();
    }
    assert_eq!(one.text(), other.text());
}

#[test]
fn a_file_that_cannot_be_read_is_never_overwritten() {
    let desk = Desk::new("foreign");
    fs::write(desk.path(), "plimsoll_contract = 2\nshape = \"of the future\"\n").unwrap();
    let said = Contract::open_with(desk.path(), Acceptance::because("first sizes").unwrap()).unwrap_err().to_string();
    assert!(said.contains(":1: format 2 is not known here, only 1: update plimsoll"), "{said}");
    assert!(desk.text().contains("of the future"));
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let desk = Desk::new("nowhere");
    let path = desk.path().join("below/a/file.toml");
    let accepting = Contract::open_with(path, Acceptance::because("first sizes").unwrap()).unwrap();
    let said = accepting.check(sizes(&[("a", 1)])).unwrap_err().to_string();
    assert!(said.contains("below/a/file.toml.lock: cannot create it: "), "{said}");
}
