//! OpenMetrics text read by a parser that is not ours: Python's `prometheus_client`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde::Deserialize;

use super::real::{missed, python};

/// A metric family as the parser found it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
pub struct Family {
    pub name: String,
    pub kind: String,
    pub unit: String,
    pub help: String,
    pub samples: Vec<Sample>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: u64,
    pub exemplar: Option<Exemplar>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exemplar {
    pub labels: BTreeMap<String, String>,
    pub value: u64,
    /// Seconds since 1970, and nanoseconds.
    pub time: (u64, u64),
}

/// What the parser finds in a page, or why it refuses it.
///
/// `None` where there is no parser: then this has said so, and the test is over. With `CI=true` that is a failure.
pub fn parse(page: &str) -> Option<Result<Vec<Family>, String>> {
    let python = python();
    let output = match run(&python, page) {
        Ok(output) => output,
        Err(error) => return skip(&python, &error.to_string()),
    };
    let said = || String::from_utf8_lossy(&output.stderr).trim().to_owned();
    match output.status.code() {
        Some(0) => {}
        Some(LACKS_PARSER) => return skip(&python, &said()),
        _ => return Some(Err(said())),
    }
    let families: Vec<Family> = serde_json::from_slice(&output.stdout).unwrap();
    // The parser leaves out what it takes for a repetition.
    let found = families.iter().map(|family| family.samples.len()).sum::<usize>();
    assert_eq!(found, page.split('\n').filter(|line| !line.is_empty() && !line.starts_with('#')).count(), "{page}");
    Some(Ok(families))
}

/// How the reader ends that has no parser.
const LACKS_PARSER: i32 = 3;

fn run(python: &Path, page: &str) -> std::io::Result<Output> {
    let mut reader = Command::new(python)
        .args(["-c", include_str!("openmetrics.py")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    // A reader that has no parser is gone before it has read anything.
    let _ = reader.stdin.take().unwrap().write_all(page.as_bytes());
    reader.wait_with_output()
}

fn skip<T>(python: &Path, reason: &str) -> Option<T> {
    missed(&format!("{} cannot read OpenMetrics: {reason}", python.display()))
}
