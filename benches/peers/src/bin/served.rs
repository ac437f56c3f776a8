//! Serves one router on loopback until its standard input ends: what `load` puts under load.
//!
//! It prints its address; then, for each line that it reads, the processor time that it has used, in nanoseconds, and
//! the memory that it holds, in KiB.

use std::error::Error;
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::{fs, io};

use nix::time::{ClockId, clock_gettime};
use plimsoll_peers::{Exchange, Served};
use tokio::net::TcpListener;
use tokio::runtime;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((served, exchange, threads)) = parse(&arguments) else {
        eprintln!("usage: served {} ENDPOINTS THREADS", Served::ALL.map(Served::name).join("|"));
        return ExitCode::FAILURE;
    };
    match serve(served, exchange, threads) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("served: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[String]) -> Option<(Served, Exchange, usize)> {
    let [served, endpoints, threads] = arguments else { return None };
    let endpoints = endpoints.parse().ok().filter(|endpoints| (1..=Exchange::MANY).contains(endpoints))?;
    let threads = threads.parse().ok().filter(|threads| *threads > 0)?;
    Some((Served::named(served)?, Exchange { endpoints, ..Exchange::USUAL }, threads))
}

fn serve(served: Served, exchange: Exchange, threads: usize) -> Result<(), Box<dyn Error>> {
    let runtime = runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    println!("{}", listener.local_addr()?);
    let router = served.router(exchange);
    runtime.spawn(async { axum::serve(listener, router).await });
    for line in io::stdin().lines() {
        line?;
        println!("{} {}", processor_nanos()?, resident_kib()?);
    }
    Ok(())
}

/// Processor time of all threads, in user and in system, in nanoseconds.
fn processor_nanos() -> nix::Result<i128> {
    let time = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)?;
    Ok(i128::from(time.tv_sec()) * 1_000_000_000 + i128::from(time.tv_nsec()))
}

/// Memory that is not swapped out, in KiB.
fn resident_kib() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    Ok(line.ok_or("no VmRSS")?.trim().trim_end_matches("kB").trim().parse()?)
}
