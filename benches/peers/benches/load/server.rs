//! A server in a process of its own.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use plimsoll_peers::Served;

/// It ends when this is dropped.
pub(crate) struct Server {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    pub(crate) address: String,
}

/// What it says of itself.
#[derive(Clone, Copy)]
pub(crate) struct Reading {
    pub(crate) processor_nanos: f64,
    pub(crate) resident_kib: f64,
}

impl Server {
    /// Starts one; under callgrind where there is a file for what it finds.
    pub(crate) fn start(
        served: Served,
        endpoints: usize,
        threads: usize,
        callgrind: Option<&Path>,
    ) -> Result<Self, String> {
        let program = env!("CARGO_BIN_EXE_served");
        let mut command = match callgrind {
            None => Command::new(program),
            Some(file) => {
                let mut valgrind = Command::new("valgrind");
                valgrind.args(["--quiet", "--tool=callgrind"]);
                valgrind.arg(format!("--callgrind-out-file={}", file.display())).arg(program);
                valgrind
            }
        };
        command.arg(served.name()).args([endpoints, threads].map(|number| number.to_string()));
        let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process = started.map_err(|error| format!("{}: {error}", command.get_program().display()))?;
        let (input, output) = (process.stdin.take(), process.stdout.take());
        let output = BufReader::new(output.ok_or("the server has no output")?);
        let mut server = Self { process, input, output, address: String::new() };
        server.address = server.line()?;
        Ok(server)
    }

    /// What it has used until now.
    pub(crate) fn read(&mut self) -> Result<Reading, String> {
        let input = self.input.as_mut().ok_or("the server has ended")?;
        input.write_all(b"\n").map_err(|error| format!("the server takes no question: {error}"))?;
        let line = self.line()?;
        let numbers: Option<Vec<f64>> = line.split(' ').map(|number| number.parse().ok()).collect();
        match numbers.as_deref() {
            Some(&[processor_nanos, resident_kib]) => Ok(Reading { processor_nanos, resident_kib }),
            _ => Err(format!("the server says {line:?}")),
        }
    }

    /// Waits until it has ended, and written what there is to write.
    pub(crate) fn end(mut self) -> Result<(), String> {
        drop(self.input.take());
        match self.process.wait() {
            Ok(status) if status.success() => Ok(()),
            other => Err(format!("the server ended with {other:?}")),
        }
    }

    fn line(&mut self) -> Result<String, String> {
        let mut line = String::new();
        match self.output.read_line(&mut line) {
            Ok(length) if length > 0 => Ok(line.trim().to_owned()),
            other => Err(format!("the server says nothing: {other:?}")),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
