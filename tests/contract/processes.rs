//! Test binaries that run at once, and what the environment says: this binary, run by itself.

use std::env;
use std::fs;
use std::process::{Child, Command, Output, Stdio};

use plimsoll::Contract;

use crate::{Desk, sizes};

/// What a process of a test run does; nothing where it is not run as one.
#[test]
#[ignore = "run by the tests below, in a process of its own"]
fn a_test_of_its_own() {
    let Ok(suite) = env::var("PLIMSOLL_TEST_SUITE") else { return };
    let contract = Contract::open("plimsoll.contract.toml").unwrap().suite(suite);
    contract.check(sizes(&[("a", 5_000), ("b", 6_000)])).unwrap().assert();
}

fn start(desk: &Desk, suite: &str, set: &[(&str, &str)]) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "processes::a_test_of_its_own"])
        .current_dir(desk.path().parent().unwrap())
        .env("PLIMSOLL_TEST_SUITE", suite)
        .env_remove("CI")
        .env_remove("PLIMSOLL_ACCEPT")
        .env_remove("PLIMSOLL_REPORT")
        .envs(set.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Whether it passed, and all that it said.
fn end(child: Child) -> (bool, String) {
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    (status.success(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

#[test]
fn test_binaries_that_accept_at_once_lose_no_entry() {
    let desk = Desk::new("processes");
    let accept = [("PLIMSOLL_ACCEPT", "first sizes")];
    let running: Vec<_> = (0..8).map(|suite| start(&desk, &format!("suite {suite}"), &accept)).collect();
    for child in running {
        let (passed, said) = end(child);
        assert!(passed, "{said}");
    }
    assert_eq!(desk.text().matches("[[entry]]").count(), 16);
    assert_eq!(desk.files(), ["plimsoll.contract.toml"]);
}

#[test]
fn the_environment_accepts_and_ci_never_does() {
    let desk = Desk::new("environment");
    let run = |set: &[(&str, &str)]| end(start(&desk, "s", set));
    let (passed, said) = run(&[]);
    assert!(!passed && said.contains("PLIMSOLL_ACCEPT=\"first sizes\" cargo test"), "{said}");
    let (passed, said) = run(&[("PLIMSOLL_ACCEPT", "1")]);
    assert!(!passed && said.contains("\"1\" is none"), "{said}");
    let (passed, said) = run(&[("PLIMSOLL_ACCEPT", "first sizes"), ("CI", "true")]);
    assert!(!passed && said.contains("CI only holds the code to it"), "{said}");
    assert!(desk.files().is_empty());
    let (passed, said) = run(&[("PLIMSOLL_ACCEPT", "first sizes")]);
    assert!(passed, "{said}");
    let (passed, said) = run(&[("CI", "true")]);
    assert!(passed, "{said}");
}

#[test]
fn what_a_passing_test_has_to_tell_is_in_the_report() {
    let desk = Desk::new("report");
    desk.accepting("first sizes").suite("s").check(sizes(&[("a", 5_000), ("b", 60_000)])).unwrap().assert();
    let report = desk.path().with_file_name("summary.md");
    let (passed, said) = end(start(&desk, "s", &[("PLIMSOLL_REPORT", report.to_str().unwrap())]));
    assert!(passed, "{said}");
    assert_eq!(
        fs::read_to_string(report).unwrap(),
        "```text
plimsoll.contract.toml: kept

                     was     is  factor  allowed
  s: fixture \"b\"  60,000  6,000    0.10        -  shrunk

  1 size within what is allowed
```

"
    );
}
