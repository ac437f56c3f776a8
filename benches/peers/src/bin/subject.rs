//! Calls one case a number of times and does nothing else: what `cost` runs under callgrind.

use std::process::ExitCode;

use plimsoll_peers::{CASES, Subject};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>());
    let (Some(Ok(case)), Some(Ok(calls)), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        eprintln!("usage: subject CASE CALLS, where CASE is a place in the list of cases");
        return ExitCode::FAILURE;
    };
    let Some(case) = CASES.get(case) else {
        eprintln!("subject: there are {} cases", CASES.len());
        return ExitCode::FAILURE;
    };
    let mut subject = case.subject();
    // Clocks are calibrated, tables and instruments made: some of it takes longer one time than another.
    call(&mut subject, WARM_UP);
    counted(&mut subject, calls);
    ExitCode::SUCCESS
}

const WARM_UP: usize = 100;

/// The calls that count: callgrind knows this function by its name.
#[inline(never)]
fn counted(subject: &mut Subject, calls: usize) {
    call(subject, calls);
}

#[inline(always)]
fn call(subject: &mut Subject, calls: usize) {
    for _ in 0..calls {
        subject.call();
    }
}
