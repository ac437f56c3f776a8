//! Servers loaded by turns, and what each round found.

use std::fmt;
use std::fs;
use std::path::Path;

use plimsoll_peers::{Served, Spread};

use crate::generator::{Generator, Protocol};
use crate::server::Server;

/// What a server is, and how it is called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) protocol: Protocol,
    pub(crate) endpoints: usize,
    pub(crate) threads: usize,
    pub(crate) connections: usize,
}

/// What one server took, each a mean or a quantile of its requests.
#[derive(Clone, Copy, Default)]
pub(crate) struct Run {
    pub(crate) processor_nanos: f64,
    pub(crate) median_micros: f64,
    pub(crate) p99_micros: f64,
    pub(crate) resident_kib: f64,
}

/// All rounds of one setup; in each, every server ran once.
pub(crate) struct Found {
    pub(crate) setup: Setup,
    rounds: Vec<Round>,
}

/// Each server's run, in the order of [`Served::ALL`].
struct Round([Run; Served::ALL.len()]);

/// A server answers this many requests in a round, after a quarter as many that warm it up.
const REQUESTS: usize = 20_000;

impl Found {
    /// Runs them; who comes first moves on from round to round.
    pub(crate) fn run(generator: &Generator, setup: Setup, rounds: usize) -> Result<Self, String> {
        eprintln!("load: {setup}, {rounds} rounds");
        let mut found = Self { setup, rounds: Vec::new() };
        for round in 0..rounds {
            let mut runs = [Run::default(); Served::ALL.len()];
            for turn in 0..runs.len() {
                let place = (round + turn) % runs.len();
                runs[place] = load(generator, setup, Served::ALL[place])?;
            }
            found.rounds.push(Round(runs));
        }
        Ok(found)
    }

    /// What one server took as a multiple of what another did, in the same round.
    pub(crate) fn ratio(&self, of: Served, base: Served, what: fn(&Run) -> f64) -> Spread {
        self.spread(|round| what(round.of(of)) / what(round.of(base)))
    }

    /// What ours takes over a layer that only gives both bodies another type, as a part of what the bare service takes.
    pub(crate) fn over_wrapped(&self) -> Spread {
        self.spread(|round| {
            let nanos = |served| round.of(served).processor_nanos;
            (nanos(Served::Everything) - nanos(Served::Wrapped)) / nanos(Served::Bare)
        })
    }

    /// How much more memory ours holds than the bare service, in KiB.
    pub(crate) fn memory_over_bare(&self) -> Spread {
        self.spread(|round| round.of(Served::Everything).resident_kib - round.of(Served::Bare).resident_kib)
    }

    fn spread(&self, value: impl Fn(&Round) -> f64) -> Spread {
        Spread::of(self.rounds.iter().map(value))
    }
}

impl Round {
    fn of(&self, served: Served) -> &Run {
        &self.0[place(served)]
    }
}

fn load(generator: &Generator, setup: Setup, served: Served) -> Result<Run, String> {
    let Setup { protocol, endpoints, threads, connections } = setup;
    let mut server = Server::start(served, endpoints, threads, None)?;
    let address = server.address.clone();
    let send = |requests| generator.run(protocol, &address, endpoints, connections, requests);
    // Each client begins with the first endpoint: so many that each gets to the last.
    send((REQUESTS / 4).max(connections * endpoints.min(100)))?;
    let before = server.read()?;
    let latencies = send(REQUESTS)?;
    let after = server.read()?;
    server.end()?;
    Ok(Run {
        processor_nanos: (after.processor_nanos - before.processor_nanos) / REQUESTS as f64,
        median_micros: latencies.median,
        p99_micros: latencies.p99,
        resident_kib: after.resident_kib,
    })
}

/// Instructions that a server takes for a request, its kernel's left out: one connection, N and 2N requests.
pub(crate) fn instructions(
    generator: &Generator,
    served: Served,
    protocol: Protocol,
    endpoints: usize,
    directory: &Path,
) -> Result<f64, String> {
    let file = directory.join("callgrind");
    let total = |requests: usize| -> Result<f64, String> {
        let server = Server::start(served, endpoints, 1, Some(&file))?;
        generator.run(protocol, &server.address, endpoints, 1, requests)?;
        server.end()?;
        let found = fs::read_to_string(&file).map_err(|error| format!("callgrind left nothing: {error}"))?;
        let total = found.lines().find_map(|line| line.strip_prefix("totals: ")).and_then(|total| total.parse().ok());
        total.ok_or_else(|| "callgrind gave no totals".into())
    };
    let requests = 2 * endpoints.max(1_000);
    Ok((total(2 * requests)? - total(requests)?) / requests as f64)
}

fn place(served: Served) -> usize {
    Served::ALL.iter().position(|other| *other == served).unwrap_or_default()
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { protocol, endpoints, threads, connections } = self;
        let plural = |number: usize, what| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
        let (endpoints, threads) = (plural(*endpoints, "endpoint"), plural(*threads, "thread"));
        write!(f, "{}, {endpoints}, {threads}, {connections} connections", protocol.name())
    }
}
