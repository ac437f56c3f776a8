//! Calls cases and does nothing else: what `cost` runs under callgrind, or to time it where no allocation is counted.

use std::process::ExitCode;

use plimsoll_peers::{CASES, Caller, Case, Exchange, ratios};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if run(&arguments).is_some() {
        return ExitCode::SUCCESS;
    }
    eprintln!("usage: subject count CASE QUESTION ANSWER ENDPOINTS CALLS");
    eprintln!("       subject time BASE CASE QUESTION ANSWER ENDPOINTS THREADS ROUNDS");
    eprintln!("CASE and BASE are places in the list of {} cases; a body is BYTES/FRAMES", CASES.len());
    ExitCode::FAILURE
}

fn run(arguments: &[&str]) -> Option<()> {
    match *arguments {
        ["count", at, question, answer, endpoints, calls] => {
            let exchange = Exchange::parse([question, answer, endpoints])?;
            let calls = calls.parse().ok()?;
            let mut caller = case(at)?.subject(exchange).caller();
            // Clocks are calibrated, series and instruments made: some of it takes longer one time than another.
            call(&mut caller, exchange.endpoints + calls / 10);
            counted(&mut caller, calls);
        }
        ["time", base, at, question, answer, endpoints, threads, rounds] => {
            let exchange = Exchange::parse([question, answer, endpoints])?;
            let (base, subject) = (case(base)?.subject(exchange), case(at)?.subject(exchange));
            for ratio in ratios(&base, &subject, threads.parse().ok()?, rounds.parse().ok()?) {
                println!("{ratio}");
            }
        }
        _ => return None,
    }
    Some(())
}

fn case(at: &str) -> Option<&'static Case> {
    CASES.get(at.parse::<usize>().ok()?)
}

/// The calls that count: callgrind knows this function by its name.
#[inline(never)]
fn counted(caller: &mut Caller, calls: usize) {
    call(caller, calls);
}

#[inline(always)]
fn call(caller: &mut Caller, calls: usize) {
    for _ in 0..calls {
        caller.call();
    }
}
