//! The contract against real layers: what fails, what is told, what accepting writes, and that nothing is lost.
#![cfg(test)]
#![cfg(feature = "serde")]

mod accepting;
mod comparing;
mod layers;
mod processes;

use std::fs;
use std::path::{Path, PathBuf};

use plimsoll::contract::{Acceptance, Change, ChangeKind};
use plimsoll::{Contract, Measured, Verdict};

/// A contract's file of one test's own, gone when the test ends.
struct Desk(PathBuf);

impl Desk {
    fn new(test: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("plimsoll-contract-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        Self(directory)
    }

    fn path(&self) -> PathBuf {
        self.0.join("plimsoll.contract.toml")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    /// A contract that only compares.
    fn gate(&self) -> Contract {
        Contract::open_with(self.path(), Acceptance::no()).unwrap()
    }

    /// A contract that accepts.
    fn accepting(&self, reason: &str) -> Contract {
        Contract::open_with(self.path(), Acceptance::because(reason).unwrap()).unwrap()
    }

    /// All files there are.
    fn files(&self) -> Vec<String> {
        let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
        fs::read_dir(&self.0).unwrap().map(|entry| name(entry.unwrap())).collect()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Fixtures with their sizes.
fn sizes(fixtures: &[(&str, u64)]) -> Measured {
    let mut measured = Measured::new();
    for (name, size) in fixtures {
        measured.record(*name, *size);
    }
    measured
}

/// What changed, in short: `grown fixture "a"`.
fn told(verdict: &Verdict) -> Vec<String> {
    verdict.changes().iter().map(|change| format!("{} {}", change.kind().as_str(), change.subject())).collect()
}

/// The kinds of what changed.
fn kinds(verdict: &Verdict) -> Vec<ChangeKind> {
    verdict.changes().iter().map(Change::kind).collect()
}

/// The text of the error that opening this gives.
fn refused(path: &Path) -> String {
    Contract::open_with(path, Acceptance::no()).unwrap_err().to_string()
}
