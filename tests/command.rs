//! The command, run: what it prints of a saved ledger and of two contracts, and how it fails.
#![cfg(test)]
#![cfg(feature = "serde")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use plimsoll::contract::Acceptance;
use plimsoll::policy::Policy;
use plimsoll::{Contract, Ledger, Measured};

fn plimsoll(arguments: &[&str], within: &Path) -> (Option<i32>, String, String) {
    let run = Command::new(env!("CARGO_BIN_EXE_plimsoll")).args(arguments).current_dir(within).output();
    let Output { status, stdout, stderr } = run.unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// A directory of a test's own, empty.
fn directory(test: &str) -> std::path::PathBuf {
    let directory = std::env::temp_dir().join(format!("plimsoll-command-{test}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory
}

#[test]
fn suggest_prints_a_policy_that_reads_back() {
    let here = directory("suggest");
    Ledger::new().snapshot().save(here.join("ledger.toml")).unwrap();
    let (code, printed, said) = plimsoll(&["suggest", "ledger.toml", "checkout", "team-checkout"], &here);
    assert_eq!((code, said.as_str()), (Some(0), ""));
    assert_eq!(Policy::from_toml(&printed).unwrap(), Policy::new("checkout", "team-checkout"));
    let (code, printed, said) = plimsoll(&["suggest", "none.toml", "checkout", "team-checkout"], &here);
    assert_eq!((code, printed.as_str()), (Some(1), ""));
    assert_eq!(said, "plimsoll: none.toml: there is no such file\n");
    let (code, printed, said) = plimsoll(&["suggest", "ledger.toml", " ", "team-checkout"], &here);
    assert_eq!((code, printed.as_str()), (Some(1), ""));
    assert_eq!(said, "plimsoll: SERVICE is \" \": a policy needs a name there\n");
    fs::remove_dir_all(here).unwrap();
}

#[test]
fn diff_prints_what_a_contract_changes_and_why() {
    let here = directory("diff");
    let accept = |file: &str, reason: &str, size| {
        let mut measured = Measured::new();
        measured.record("an order", size);
        let accepting = Contract::open_with(here.join(file), Acceptance::because(reason).unwrap()).unwrap();
        accepting.check(measured).unwrap().assert();
    };
    accept("older.toml", "first sizes", 8_000);
    fs::copy(here.join("older.toml"), here.join("newer.toml")).unwrap();
    accept("newer.toml", "shops show full details", 85_000);
    let (code, printed, said) = plimsoll(&["diff", "older.toml", "newer.toml"], &here);
    assert_eq!((code, said.as_str()), (Some(0), ""));
    assert_eq!(
        printed,
        "older.toml -> newer.toml: 1 size changed, 0 sizes as before

                        was      is  factor  allowed
  fixture \"an order\"  8,000  85,000   10.63        -  grown  \"shops show full details\"
"
    );
    let (code, _, said) = plimsoll(&["diff", "older.toml", "new.toml"], &here);
    assert_eq!((code, said.as_str()), (Some(1), "plimsoll: new.toml: there is no such file\n"));
    fs::write(here.join("newer.toml"), "plimsoll_contract = 7\n").unwrap();
    let (code, _, said) = plimsoll(&["diff", "older.toml", "newer.toml"], &here);
    assert_eq!(code, Some(1));
    assert!(said.starts_with("plimsoll: newer.toml:1: format 7 is not known here"), "{said}");
    fs::remove_dir_all(here).unwrap();
}
