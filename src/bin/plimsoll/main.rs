//! The command: checks a policy, and prints what comes from it.
//!
//! A binary, not an example: `cargo install plimsoll --features serde` puts it where a pull request's checks can run it.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command prints")]

mod check;
mod diff;
mod merge;
mod suggest;

use std::error::Error;
use std::process::ExitCode;

use plimsoll::policy::Policy;

const USAGE: &str = "\
usage: plimsoll check POLICY [LEDGER]
                                     whether the file is legal, and what is worth a thought in it: with a ledger, also
                                     endpoints that are named in vain, and ones that are not named
       plimsoll rules POLICY         Prometheus rules: put them into a file under `rule_files`
       plimsoll runbook POLICY       the runbook that the alerts link to, as Markdown
       plimsoll suggest LEDGER SERVICE OWNER
                                     a policy, with the figures that its limits rest on
       plimsoll diff OLDER NEWER     what a contract changes, and why
       plimsoll merge DETECTOR..     one detector's baselines out of those of many instances

POLICY is a TOML file, LEDGER one that Snapshot::save wrote, OLDER and NEWER are contracts,
DETECTOR is what a FileStore keeps.
What is asked for goes to standard output; what is wrong to standard error, with exit code 1, or 2 where the command
itself is not understood.";

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<_> =
        std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["check", policy] => check::run(policy, None),
        ["check", policy, ledger] => check::run(policy, Some(ledger)),
        ["rules", policy] => print(policy, Policy::prometheus_rules),
        ["runbook", policy] => print(policy, Policy::runbook_markdown),
        ["suggest", ledger, service, owner] => suggest::run(ledger, service, owner),
        ["diff", older, newer] => diff::run(older, newer),
        ["merge", ref files @ ..] if !files.is_empty() => merge::run(files),
        ["-h" | "--help" | "help"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("plimsoll: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints what comes from the policy of this file.
fn print(path: &str, from: impl Fn(&Policy) -> String) -> Result {
    print!("{}", from(&Policy::load(path)?));
    Ok(())
}
