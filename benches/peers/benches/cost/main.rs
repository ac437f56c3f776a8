//! What does a layer cost a request, in instructions and in allocations, ours beside those used in its place?
//!
//! **Baseline**: the same request, answered by the same handler, with no layer (`no layer`, which is given as it is;
//! all others over it). The request has five headers and 256 bytes, read by the handler frame by frame; the answer has
//! 8 KiB, read to its end as hyper writes one; each with its length known. A sampled trace is active throughout.
//! In a router, `a no-op layer` is the second baseline: axum boxes the service of any layer, and each body whose type
//! a layer changed.
//!
//! **How**: each case runs N and 2N calls, after a warm-up, in a process of its own under callgrind; the difference
//! over N is a call. It repeats to the instruction, on one machine with one compiler. Allocations are counted by the
//! allocator of this process, after a warm-up too.
//!
//! **Known costs and biases**
//! - Under callgrind a clock read is a system call, whose inside is not counted: neither the coarse clock's, which we
//!   read once for each body that leaves an exemplar, nor the exact one's, which layers that take durations read twice.
//!   `time` contains both in full.
//! - `both bodies wrapped` is what moving larger requests and responses costs anyone who looks at bodies.
//! - tower-http's limit holds requests only and records nothing; TraceLayer has nobody to report to. The metrics of
//!   the others record durations as well, and sizes from headers and hints where ours counts what passes.
//! - Exports fall into no run, neither theirs nor ours. axum-prometheus' samples are never drained.
//! - In a recording span ours writes two attributes: the SDK's vector of attributes grows for them.
//!
//! ```text
//! scripts/bench                print the tables
//! scripts/bench --check        and fail where a claim below does not hold
//! ```

mod allocations;
mod callgrind;
mod table;

use std::process::ExitCode;

use plimsoll_peers::{CASES, Case, Setting};

use crate::callgrind::Callgrind;
use crate::table::{Row, Table};

/// Instructions a request that everything on may add to a plain tower service.
const MOST_INSTRUCTIONS: f64 = 2_300.0;
/// How many times that the layers must cost that people measure sizes with today, in the same setting.
const LEAST_RATIO: f64 = 5.0;
/// Allocations a request that everything on may add to a plain tower service.
const MOST_ALLOCATIONS: f64 = 0.0;
/// Allocations a request that it may add to a no-op layer in a router: axum's boxes, one for each body.
const MOST_ALLOCATIONS_IN_AXUM: f64 = 2.0;

fn main() -> ExitCode {
    let check = match arguments().as_slice() {
        [] => false,
        [check] if check == "--check" => true,
        _ => {
            eprintln!("usage: cost [--check]");
            return ExitCode::FAILURE;
        }
    };
    let tables = match measure() {
        Ok(tables) => tables,
        Err(error) => {
            eprintln!("cost: {error}");
            return ExitCode::FAILURE;
        }
    };
    for table in &tables {
        println!("{table}");
    }
    if !check {
        return ExitCode::SUCCESS;
    }
    let broken = broken_claims(&tables);
    for claim in &broken {
        eprintln!("cost: {claim}");
    }
    if broken.is_empty() {
        println!("every claim holds");
        return ExitCode::SUCCESS;
    }
    ExitCode::FAILURE
}

/// Ours: cargo adds `--bench`.
fn arguments() -> Vec<String> {
    std::env::args().skip(1).filter(|argument| argument != "--bench").collect()
}

fn measure() -> Result<Vec<Table>, String> {
    let callgrind = Callgrind::find(env!("CARGO_BIN_EXE_subject"), env!("CARGO_TARGET_TMPDIR"))?;
    eprintln!("cost: {} cases under callgrind, a few seconds each", CASES.len());
    let mut tables: Vec<Table> = Setting::ALL.into_iter().map(Table::new).collect();
    for (place, case) in CASES.iter().enumerate() {
        let allocated = allocations::a_call(case);
        let instructions = callgrind.instructions_a_call(place)?;
        let row = Row { name: case.name, instructions, allocations: allocated.allocations, bytes: allocated.bytes };
        tables.iter_mut().filter(|table| table.setting == case.setting).for_each(|table| table.rows.push(row));
    }
    Ok(tables)
}

/// What we say of ourselves and these tables deny.
fn broken_claims(tables: &[Table]) -> Vec<String> {
    let over = |setting, name, base| {
        let table = tables.iter().find(|table| table.setting == setting).expect("each setting has a table");
        table.row(name).over(table.row(base))
    };
    let ours = over(Setting::Tower, Case::EVERYTHING, Case::BARE);
    let in_axum = over(Setting::Axum, Case::EVERYTHING, Case::NO_OP);
    let mut broken = Vec::new();
    let mut at_most = |what: &str, found: f64, most: f64| {
        if found > most {
            broken.push(format!("{what} is {found:.1}, and may be {most:.1}"));
        }
    };
    at_most("instructions a request", ours.instructions, MOST_INSTRUCTIONS);
    at_most("allocations a request", ours.allocations, MOST_ALLOCATIONS);
    at_most("allocations a request over a no-op layer of axum", in_axum.allocations, MOST_ALLOCATIONS_IN_AXUM);
    for peer in [Case::INSTRUMENTATION, Case::PROMETHEUS] {
        let theirs = over(Setting::Tower, peer, Case::BARE).instructions;
        at_most(&format!("instructions a request beside {peer}"), ours.instructions, theirs / LEAST_RATIO);
    }
    broken
}
