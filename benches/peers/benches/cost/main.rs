//! What does a layer cost a request, in instructions, in allocations and in time, ours beside those used in its place?
//!
//! **Baseline**: the same request, answered by the same handler, with no layer (`no layer`, which is given as it is;
//! all others over it, or as ratios to it). The request has five headers; its body is read by the handler frame by
//! frame, the answer's to its end as hyper writes one; each with its length known. The short tables have 256 bytes
//! asked and 8 KiB answered; the matrix has both bodies of 0 B to 10 MiB, whole and in frames, on one endpoint and on
//! 1,000, on one thread and on two. A sampled trace is active throughout. In a router, `a no-op layer` and
//! `both bodies wrapped` are baselines too: axum boxes the service of any layer, and each body whose type one changed.
//!
//! **How**: each case runs N calls, after a warm-up, in a process of its own under callgrind. It repeats to a few
//! instructions, on one machine with one compiler. Allocations are counted by the allocator of this process, after a
//! warm-up too. Times are ratios of paired turns, whose median and quartiles are given: each case and `no layer` run by
//! turns in one process, for a tenth of a millisecond each, or a whole one where two threads do.
//!
//! **Known costs and biases**
//! - Under callgrind a clock read is a system call, whose inside is not counted: neither the coarse clock's, which we
//!   read once for each body that leaves an exemplar, nor the exact one's, which layers that take durations read twice.
//!   Times contain both in full.
//! - `both bodies wrapped` is what moving larger requests and responses costs anyone who looks at bodies.
//! - tower-http's limit holds requests only and records nothing; TraceLayer has nobody to report to. The metrics of
//!   the others record durations as well, and sizes from headers and hints where ours counts what passes: theirs do not
//!   grow with frames.
//! - Exports fall into no run, neither theirs nor ours. axum-prometheus' samples are never drained.
//! - In a recording span ours writes two attributes: the SDK's vector of attributes grows for them.
//! - Where bodies of 10 MiB are asked, limits allow more than axum does by default: it has to be told so, by a box.
//! - No body is copied or sent, so that 10 MiB take no longer than their frames do.
//!
//! `scripts/bench` says which arguments there are.

mod allocations;
mod claims;
mod matrix;
mod measured;
mod runner;
mod table;

use std::process::ExitCode;

use plimsoll_peers::{Exchange, Part, Setting, difference};

use crate::measured::Measured;
use crate::runner::Runner;

/// The short table.
const README: Part = Part { page: "README.md", name: "scripts/bench --readme" };
/// The matrix.
const DOCS: Part = Part { page: "docs/what-it-costs.md", name: "scripts/bench --all --docs" };
/// By what part of a number the README may be off, and by how many instructions: paths and stacks lie elsewhere.
const README_MAY_DIFFER: (f64, f64) = (0.03, 40.0);

#[derive(Default)]
struct Arguments {
    all: bool,
    check: bool,
    readme: bool,
    docs: bool,
}

fn main() -> ExitCode {
    match run() {
        Ok(broken) if broken.is_empty() => ExitCode::SUCCESS,
        Ok(broken) => {
            broken.iter().for_each(|claim| eprintln!("cost: {claim}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("cost: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What does not hold, of what was asked to be checked.
fn run() -> Result<Vec<String>, String> {
    let Arguments { all, check, readme, docs } = arguments()?;
    let runner = Runner::find(env!("CARGO_BIN_EXE_subject"), env!("CARGO_TARGET_TMPDIR"))?;
    // Claims are of what repeats.
    let timed = !check || readme || docs;
    let mut measured = Measured::default();
    measured.count(&runner, &Setting::ALL, &[Exchange::USUAL])?;
    if timed {
        measured.time(&runner, &Setting::ALL, &[Exchange::USUAL], 1)?;
    }
    println!("{}", table::text(&measured));
    let mut exchanges = vec![Exchange::USUAL];
    if all {
        exchanges = matrix::counted();
        let others: Vec<_> = exchanges.iter().copied().filter(|exchange| *exchange != Exchange::USUAL).collect();
        measured.count(&runner, &matrix::COUNTED, &others)?;
        for endpoints in matrix::ENDPOINTS.into_iter().filter(|_| timed) {
            for threads in matrix::THREADS {
                measured.time(&runner, &matrix::TIMED, &matrix::exchanges(endpoints), threads)?;
            }
        }
        println!("{}", matrix::markdown(&measured));
    }
    if readme {
        README.write(&table::readme(&measured))?;
    }
    if docs {
        DOCS.write(&matrix::markdown(&measured))?;
    }
    if !check {
        return Ok(Vec::new());
    }
    let mut broken = claims::broken(&measured, &exchanges);
    let (part, much) = README_MAY_DIFFER;
    let differs = difference(&README.read()?, &table::readme(&measured), table::REPEATING, part, much);
    broken.extend(differs.map(|differs| format!("the table of {} says otherwise: {differs}", README.page)));
    if broken.is_empty() {
        println!("every claim holds");
    }
    Ok(broken)
}

/// Ours: cargo adds `--bench`.
fn arguments() -> Result<Arguments, String> {
    let mut arguments = Arguments::default();
    for argument in std::env::args().skip(1).filter(|argument| argument != "--bench") {
        match argument.as_str() {
            "--all" => arguments.all = true,
            "--check" => arguments.check = true,
            "--readme" => arguments.readme = true,
            "--docs" => (arguments.all, arguments.docs) = (true, true),
            _ => return Err("usage: cost [--all] [--check] [--readme] [--docs]".into()),
        }
    }
    Ok(arguments)
}
