//! What grows, shrinks, comes and goes, and what of it fails.

use std::fs;

use plimsoll::contract::Acceptance;
use plimsoll::contract::ChangeKind::{Grown, New, Shrunk, Vanished};
use plimsoll::{Contract, Measured};

use crate::{Desk, kinds, refused, sizes, told};

#[test]
fn exactly_twice_passes_and_a_byte_more_fails() {
    let desk = Desk::new("twice");
    desk.accepting("first sizes").check(sizes(&[("a", 8_421)])).unwrap().assert();
    assert!(desk.gate().check(sizes(&[("a", 16_842)])).unwrap().passed());
    let verdict = desk.gate().check(sizes(&[("a", 16_843)])).unwrap();
    assert!(!verdict.passed());
    assert_eq!(verdict.changes()[0].factor(), Some(2.01), "never shown as what is allowed");
    let looser = desk.gate().allowed("2.001".parse().unwrap());
    assert!(looser.check(sizes(&[("a", 16_843)])).unwrap().passed());
}

#[test]
fn tiny_bodies_never_fail() {
    let desk = Desk::new("tiny");
    desk.accepting("first sizes").check(sizes(&[("a", 3), ("b", 0)])).unwrap().assert();
    assert!(desk.gate().check(sizes(&[("a", 1_024), ("b", 1_024)])).unwrap().passed());
    let verdict = desk.gate().check(sizes(&[("a", 1_025), ("b", 1_025)])).unwrap();
    assert_eq!(told(&verdict), ["grown fixture \"a\"", "grown fixture \"b\""]);
    assert_eq!(verdict.changes()[1].factor(), None, "from nothing there is no factor");
    assert!(desk.gate().floor(2_000).check(sizes(&[("a", 1_025), ("b", 2_000)])).unwrap().passed());
    assert_eq!(kinds(&desk.gate().floor(0).check(sizes(&[("a", 7), ("b", 0)])).unwrap()), [Grown]);
}

#[test]
fn shrinking_by_much_is_told_and_fails_nothing() {
    let desk = Desk::new("shrunk");
    desk.accepting("first sizes").check(sizes(&[("a", 10_000), ("b", 10_000), ("c", 900)])).unwrap().assert();
    let verdict = desk.gate().check(sizes(&[("a", 5_000), ("b", 4_999), ("c", 1)])).unwrap();
    assert_eq!((told(&verdict), verdict.passed()), (vec!["shrunk fixture \"b\"".to_owned()], true));
    assert_eq!(verdict.changes()[0].factor(), Some(0.49));
    assert_eq!(verdict.within(), 2);
}

#[test]
fn what_is_new_or_gone_fails_only_where_asked() {
    let desk = Desk::new("new");
    desk.accepting("first sizes").check(sizes(&[("a", 5_000), ("b", 5_000)])).unwrap().assert();
    let now = || sizes(&[("b", 5_000), ("c", 5_000)]);
    let verdict = desk.gate().check(now()).unwrap();
    assert_eq!((kinds(&verdict), verdict.passed()), (vec![Vanished, New], true));
    assert!(!desk.gate().fail_on_new().check(now()).unwrap().passed());
    let strict = desk.gate().fail_on_vanished().check(now()).unwrap();
    assert_eq!((kinds(&strict), strict.passed()), (vec![Vanished, New], false));
}

#[test]
fn the_table_says_all_that_a_reviewer_needs() {
    let desk = Desk::new("table");
    desk.accepting("first sizes").check(sizes(&[("cart", 9_000), ("an order", 812), ("gone", 7)])).unwrap().assert();
    let measured = sizes(&[("cart", 2_000), ("an order", 84_899), ("added", 1_234_567)]);
    let error = desk.gate().check(measured).unwrap().result().unwrap_err();
    let text = format!("{error:?}").replace(&format!("{}", desk.path().display()), "the.toml");
    assert_eq!(
        text,
        "the.toml: 1 size not as agreed

                        was         is  factor  allowed
  fixture \"an order\"    812     84,899  104.56      2.0  grown  FAILS
  fixture \"added\"         -  1,234,567       -        -  new
  fixture \"cart\"      9,000      2,000    0.22        -  shrunk
  fixture \"gone\"          7          -       -        -  vanished

If it is meant to be so, say why, and commit what this writes; its owners will read it:

  PLIMSOLL_ACCEPT=\"why this is needed\" cargo test
"
    );
    assert_eq!(error.verdict().unwrap().changes().len(), 4);
}

#[test]
#[should_panic(expected = "1 size not as agreed")]
fn a_verdict_can_fail_a_test_that_returns_nothing() {
    let desk = Desk::new("assert");
    desk.accepting("first sizes").check(sizes(&[("a", 5_000)])).unwrap().assert();
    desk.gate().check(sizes(&[("a", 50_000)])).unwrap().assert();
}

#[test]
fn a_fixture_that_is_recorded_often_is_its_median() {
    let desk = Desk::new("often");
    desk.accepting("first sizes").check(sizes(&[("a", 5_000), ("a", 6_000), ("a", 90_000)])).unwrap().assert();
    assert!(desk.text().contains("bodies = 3\nmedian = 6000\n"));
    assert!(desk.gate().check(sizes(&[("a", 12_000)])).unwrap().passed());
    assert!(!desk.gate().check(sizes(&[("a", 12_001)])).unwrap().passed());
}

#[test]
fn suites_of_one_file_do_not_see_each_other() {
    let desk = Desk::new("suites");
    desk.accepting("first sizes").suite("shop").check(sizes(&[("a", 5_000)])).unwrap().assert();
    desk.accepting("first sizes").suite("desk").check(sizes(&[("a", 50_000)])).unwrap().assert();
    let strict = |suite: &str| desk.gate().suite(suite).fail_on_new().fail_on_vanished();
    assert!(strict("shop").check(sizes(&[("a", 10_000)])).unwrap().passed());
    assert!(strict("desk").check(sizes(&[("a", 100_000)])).unwrap().passed());
    let verdict = strict("shop").check(sizes(&[("a", 50_000)])).unwrap();
    assert!(verdict.to_string().contains("shop: fixture \"a\"  5,000  50,000   10.00      2.0  grown  FAILS"));
}

#[test]
fn a_check_that_measures_nothing_is_no_pass() {
    let desk = Desk::new("nothing");
    desk.accepting("first sizes").check(sizes(&[("a", 5_000)])).unwrap().assert();
    let said = desk.gate().check(Measured::new()).unwrap_err().to_string();
    assert!(said.contains("nothing was measured"), "{said}");
}

#[test]
fn a_contract_that_is_missing_says_how_to_make_it() {
    let desk = Desk::new("missing");
    let said = refused(&desk.path());
    assert!(said.contains("plimsoll.contract.toml: there is no such contract"), "{said}");
    assert!(said.contains("PLIMSOLL_ACCEPT=\"first sizes\" cargo test"), "{said}");
    fs::write(desk.path(), "").unwrap();
    assert!(refused(&desk.path()).contains("this is no contract: one says `plimsoll_contract = 1`; delete the file"));
    fs::write(desk.path(), "plimsoll_contract = 1\nentry = 7\n").unwrap();
    assert!(refused(&desk.path()).contains(":2: "), "{}", refused(&desk.path()));
    fs::remove_file(desk.path()).unwrap();
    fs::create_dir(desk.path()).unwrap();
    assert!(refused(&desk.path()).contains("cannot read it: "), "{}", refused(&desk.path()));
}

/// Of medians that only buckets know, the table told a factor below 1 for what had grown.
#[test]
fn what_grew_by_less_than_is_known_reads_as_1() {
    let (old, new) = (Desk::new("doubt"), Desk::new("doubted"));
    let write = |desk: &Desk, median: &str| {
        let entry = format!("[[entry]]\nfixture = \"a\"\nbodies = 9\nmedian = {median}\nreason = \"r\"\n");
        fs::write(desk.path(), format!("plimsoll_contract = 1\n{entry}")).unwrap();
    };
    write(&old, "{ at_least = 8000, at_most = 8300 }");
    write(&new, "{ at_least = 8100, at_most = 8400 }");
    let factors = |from: &Desk, to: &Desk| {
        let difference = from.gate().diff(&to.gate());
        difference.changes().map(|(change, _)| (change.kind(), change.factor())).collect::<Vec<_>>()
    };
    assert_eq!(factors(&old, &new), [(Grown, Some(1.0))]);
    assert_eq!(factors(&new, &old), [(Shrunk, Some(1.0))]);
}

#[test]
fn a_newer_contract_shows_all_that_it_changes_and_why() {
    let (old, new) = (Desk::new("older"), Desk::new("newer"));
    old.accepting("first sizes").suite("s").check(sizes(&[("a", 5_000), ("b", 5_000), ("c", 9)])).unwrap().assert();
    fs::copy(old.path(), new.path()).unwrap();
    let strict = new.accepting("shops show full details").suite("s").fail_on_vanished();
    strict.check(sizes(&[("a", 50_000), ("b", 5_001), ("d", 700)])).unwrap().assert();
    let text = old.gate().diff(&new.gate()).to_string();
    let text = text.replace(&old.path().display().to_string(), "old").replace(&new.path().display().to_string(), "new");
    assert_eq!(
        text,
        "old -> new: 3 sizes changed, 1 size as before

                    was      is  factor  allowed
  s: fixture \"a\"  5,000  50,000   10.00        -  grown  \"shops show full details\"
  s: fixture \"c\"      9       -       -        -  vanished
  s: fixture \"d\"      -     700       -        -  new  \"shops show full details\"
"
    );
    assert!(old.gate().diff(&old.gate()).changes().next().is_none());
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes: Vec<u8>, ours: bool) {
        let desk = Desk::new("bytes");
        let head: &[u8] = if ours { b"plimsoll_contract = 1\n[[entry]]\nfixture = \"a\"\n" } else { b"" };
        fs::write(desk.path(), [head, &bytes].concat()).unwrap();
        let opened = Contract::open_with(desk.path(), Acceptance::no());
        proptest::prop_assert!(opened.is_err(), "it has no median: {opened:?}");
    }
}
