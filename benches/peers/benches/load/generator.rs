//! h2load, of nghttp2: a fixed number of requests over HTTP/1 or HTTP/2, and the time that each took.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use plimsoll_peers::{Exchange, paths};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// h2load, and where it finds and leaves its files.
pub(crate) struct Generator {
    directory: PathBuf,
}

/// How long requests took, in microseconds.
#[derive(Clone, Copy)]
pub(crate) struct Latencies {
    pub(crate) median: f64,
    pub(crate) p99: f64,
}

/// Requests at once on a connection of HTTP/2; on HTTP/1 it is one.
const STREAMS: usize = 10;
/// No run takes this long, in seconds, unless something is wrong.
const LONGEST: u32 = 120;

impl Protocol {
    pub(crate) const ALL: [Self; 2] = [Self::Http1, Self::Http2];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Http1 => "HTTP/1",
            Self::Http2 => "HTTP/2",
        }
    }
}

impl Generator {
    /// `Err` where h2load is not installed.
    pub(crate) fn find(directory: PathBuf) -> Result<Self, String> {
        let version = Command::new("h2load").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !version.is_ok_and(|status| status.success()) {
            return Err("h2load is not installed; `scripts/setup --all` installs it".into());
        }
        let generator = Self { directory };
        generator.write("question", &"q".repeat(Exchange::USUAL.question.bytes))?;
        Ok(generator)
    }

    /// Sends this many requests round the endpoints, in a sampled trace, and fails unless each was answered with 200.
    pub(crate) fn run(
        &self,
        protocol: Protocol,
        address: &str,
        endpoints: usize,
        connections: usize,
        requests: usize,
    ) -> Result<Latencies, String> {
        let uris: String = paths(endpoints).map(|path| format!("http://{address}{path}\n")).collect();
        let (uris, question) = (self.write("uris", &uris)?, self.directory.join("question"));
        let log = self.directory.join("log");
        // h2load adds to a log that is there.
        let _ = fs::remove_file(&log);
        let mut command = Command::new("timeout");
        command.args([&LONGEST.to_string(), "h2load", "--threads=1"]);
        command.args(match protocol {
            Protocol::Http1 => vec!["--h1".to_owned()],
            Protocol::Http2 => vec![format!("--max-concurrent-streams={STREAMS}")],
        });
        command.args([format!("--requests={requests}"), format!("--clients={connections}")]);
        command.arg("--header=content-type: application/json");
        command.arg("--header=traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        command.arg(format!("--data={}", question.display()));
        command.arg(format!("--input-file={}", uris.display()));
        command.arg(format!("--log-file={}", log.display()));
        let output = command.output().map_err(|error| format!("h2load did not run: {error}"))?;
        let said = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() || !said.contains(&format!("status codes: {requests} 2xx")) {
            return Err(format!("not every request was answered: {said}{}", String::from_utf8_lossy(&output.stderr)));
        }
        let log = fs::read_to_string(&log).map_err(|error| format!("h2load left no log: {error}"))?;
        let mut micros: Vec<f64> = log.lines().filter_map(|line| line.split('\t').nth(2)?.parse().ok()).collect();
        if micros.len() != requests {
            return Err(format!("the log has {} of {requests} requests", micros.len()));
        }
        micros.sort_by(f64::total_cmp);
        Ok(Latencies { median: micros[requests / 2], p99: micros[requests * 99 / 100] })
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf, String> {
        let path = self.directory.join(name);
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(path)
    }
}
