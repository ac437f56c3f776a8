//! What does everything on cost a real server, over loopback?
//!
//! **Baseline**: the same axum service with no layer, in a process of its own. A request has 256 bytes, the answer
//! 8 KiB; each request is in a sampled trace. axum boxes what layers change, whoever wrote them: a no-op layer and one
//! that only gives both bodies another type run beside ours, so that the boxes can be told from what ours does.
//!
//! **How**: in each round, every server is started, warmed up, loaded with a fixed number of requests by h2load, and
//! asked for the processor time of its process. Ratios are of one round; who comes first moves on. Given are the median
//! of the rounds and the quartiles. Instructions are counted by callgrind, of two runs on one connection.
//!
//! **Known costs and biases**
//! - The generator shares the processors with the server. Latencies are those of a server that is asked as fast as it
//!   answers: they say how much longer its queue is, and less of a service that idles.
//! - Most of the time is the kernel's, which callgrind does not count.
//! - There is no metrics page read, and no span recorded.
//!
//! `scripts/load` says which arguments there are.

mod generator;
mod report;
mod rounds;
mod server;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use plimsoll_peers::{Part, Served};

use crate::generator::{Generator, Protocol};
use crate::report::Instructions;
use crate::rounds::{Found, Setup, instructions};

const DOCS: Part = Part { page: "docs/what-it-costs.md", name: "scripts/load --all --docs" };
/// Rounds of the usual setup, with `--all` and without, and of the others.
const ROUNDS: (usize, usize, usize) = (21, 9, 7);

fn main() -> ExitCode {
    match run() {
        Ok(broken) if broken.is_empty() => ExitCode::SUCCESS,
        Ok(broken) => {
            broken.iter().for_each(|claim| eprintln!("load: {claim}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What does not hold, if that was asked.
fn run() -> Result<Vec<String>, String> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    if arguments.iter().any(|argument| !["--all", "--check", "--docs"].contains(&argument.as_str())) {
        return Err("usage: load [--all] [--check] [--docs]".into());
    }
    let all = has("--all") || has("--docs");
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("load.{}", std::process::id()));
    fs::create_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let result = measure(&directory, all);
    let _ = fs::remove_dir_all(&directory);
    let (found, instructions) = result?;

    let text = report::markdown(&found, &instructions);
    println!("{text}");
    if has("--docs") {
        DOCS.write(&text)?;
    }
    if !has("--check") {
        return Ok(Vec::new());
    }
    // The usual setup of each protocol has the most rounds.
    let usual: Vec<Found> = found.into_iter().filter(|found| is_usual(&found.setup)).collect();
    let broken = report::broken(&usual);
    if broken.is_empty() {
        println!("every claim holds");
    }
    Ok(broken)
}

fn measure(directory: &Path, all: bool) -> Result<(Vec<Found>, Vec<Instructions>), String> {
    let generator = Generator::find(directory.to_owned())?;
    let (mut found, mut counted) = (Vec::new(), Vec::new());
    for protocol in Protocol::ALL {
        for setup in setups(protocol, all) {
            let (usual, short, others) = ROUNDS;
            let rounds = if !all {
                short
            } else if is_usual(&setup) {
                usual
            } else {
                others
            };
            found.push(Found::run(&generator, setup, rounds)?);
        }
        for endpoints in if all { vec![1, 1_000] } else { vec![1] } {
            eprintln!("load: {}, under callgrind, endpoints: {endpoints}", protocol.name());
            let servers = Served::ALL.map(|served| instructions(&generator, served, protocol, endpoints, directory));
            let servers = servers.into_iter().collect::<Result<_, _>>()?;
            counted.push(Instructions { protocol, endpoints, servers });
        }
    }
    Ok((found, counted))
}

/// The usual setup, and others that differ from it in one thing.
fn setups(protocol: Protocol, all: bool) -> Vec<Setup> {
    let usual = Setup { protocol, endpoints: 1, threads: 1, connections: 32 };
    let mut setups = vec![usual];
    if all {
        setups.extend([10, 100, 1_000].map(|endpoints| Setup { endpoints, ..usual }));
        setups.push(Setup { threads: 2, ..usual });
        setups.extend([8, 128].map(|connections| Setup { connections, ..usual }));
    }
    setups
}

fn is_usual(setup: &Setup) -> bool {
    (setup.endpoints, setup.threads, setup.connections) == (1, 1, 32)
}
