//! The command: checks a policy, and prints what comes from it.
//!
//! A binary, not an example: `cargo install plimsoll --features serde` puts it where a pull request's checks can run it.
#![allow(clippy::print_stderr, reason = "a command says what is wrong")]

mod check;
mod diff;
mod merge;
mod suggest;

use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use plimsoll::policy::Policy;

const USAGE: &str = "\
usage: plimsoll check POLICY [LEDGER]
                                     whether the file is valid, with notes on what may not be meant; with a ledger,
                                     also on endpoints without traffic, and traffic under no entry
       plimsoll rules POLICY         Prometheus rules: put them into a file under `rule_files`
       plimsoll runbook POLICY       the runbook that the alerts link to, as Markdown
       plimsoll suggest LEDGER SERVICE OWNER
                                     a policy, with the figures that its limits rest on
       plimsoll diff OLDER NEWER     what a contract changes, and why
       plimsoll merge DETECTOR..     one detector's baselines out of those of many instances
       plimsoll --version            the version

POLICY is a TOML file, LEDGER one that Snapshot::save wrote, OLDER and NEWER are contracts,
DETECTOR is what a FileStore keeps.
What is asked for goes to standard output; what is wrong to standard error, with exit code 1, or 2 where the command
itself is not understood.";

/// What a command prints on standard output, or why there is nothing to print.
type Result<T = String> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let arguments: Vec<&OsStr> = arguments.iter().map(AsRef::as_ref).collect();
    let Some(done) = run(&arguments) else {
        let given: Vec<_> = arguments.iter().map(|argument| argument.to_string_lossy()).collect();
        eprintln!("plimsoll: not understood: {}\n\n{USAGE}", given.join(" "));
        return ExitCode::from(2);
    };
    match done.and_then(|text| print(&text)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("plimsoll: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Does what the arguments say; `None` where they say nothing that is known.
fn run(arguments: &[&OsStr]) -> Option<Result> {
    let (verb, rest) = arguments.split_first()?;
    Some(match (verb.to_str()?, rest) {
        (_, [.., last]) if *last == "--help" => Ok(format!("{USAGE}\n")),
        ("check", [policy]) => check::run(Path::new(policy), None),
        ("check", [policy, ledger]) => check::run(Path::new(policy), Some(Path::new(ledger))),
        ("rules", [policy]) => from_policy(policy, Policy::prometheus_rules),
        ("runbook", [policy]) => from_policy(policy, Policy::runbook_markdown),
        ("suggest", [ledger, service, owner]) => suggest::run(Path::new(ledger), service, owner),
        ("diff", [older, newer]) => diff::run(Path::new(older), Path::new(newer)),
        ("merge", files @ [_, ..]) => merge::run(files),
        ("-h" | "--help" | "help", []) => Ok(format!("{USAGE}\n")),
        ("-V" | "--version", []) => Ok(concat!("plimsoll ", env!("CARGO_PKG_VERSION"), "\n").to_owned()),
        _ => return None,
    })
}

/// What comes from the policy of this file.
fn from_policy(path: &OsStr, from: impl Fn(&Policy) -> String) -> Result {
    Ok(from(&Policy::load(path)?))
}

/// Prints to the end, or until nobody reads any more, as in `plimsoll runbook policy.toml | head`.
fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
