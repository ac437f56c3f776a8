//! Instructions, counted by valgrind's callgrind in another process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Callgrind, the program that it runs, and where it leaves what it found.
pub(crate) struct Callgrind {
    subject: PathBuf,
    directory: PathBuf,
}

/// A run makes this many calls, another one twice as many.
const CALLS: u64 = 1000;

impl Callgrind {
    /// `Err` where valgrind is not installed.
    pub(crate) fn find(subject: impl AsRef<Path>, directory: impl AsRef<Path>) -> Result<Self, String> {
        let version = Command::new("valgrind").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !version.is_ok_and(|status| status.success()) {
            return Err(
                "valgrind is not installed, so no instruction can be counted; `scripts/setup` installs it".into()
            );
        }
        Ok(Self { subject: subject.as_ref().into(), directory: directory.as_ref().into() })
    }

    /// Instructions of one call of the case at this place of the list.
    pub(crate) fn instructions_a_call(&self, case: usize) -> Result<f64, String> {
        let (few, many) = (self.run(case, CALLS)?, self.run(case, 2 * CALLS)?);
        match many.checked_sub(few) {
            None | Some(0) => Err(format!("case {case}: {CALLS} calls took {few} instructions, twice as many {many}")),
            Some(difference) => Ok(difference as f64 / CALLS as f64),
        }
    }

    /// Instructions of a process that makes this many calls.
    fn run(&self, case: usize, calls: u64) -> Result<u64, String> {
        let file = self.directory.join(format!("callgrind.{}.{case}.{calls}", std::process::id()));
        let output = Command::new("valgrind")
            .args(["--quiet", "--tool=callgrind", "--toggle-collect=*subject*counted*"])
            .arg(format!("--callgrind-out-file={}", file.display()))
            .arg(&self.subject)
            .args([case.to_string(), calls.to_string()])
            .output()
            .map_err(|error| format!("valgrind did not run: {error}"))?;
        if !output.status.success() {
            return Err(format!("case {case} failed: {}", String::from_utf8_lossy(&output.stderr)));
        }
        let found = fs::read_to_string(&file).map_err(|error| format!("callgrind left nothing: {error}"))?;
        let _ = fs::remove_file(&file);
        let total = found.lines().find_map(|line| line.strip_prefix("totals: "));
        total.and_then(|total| total.parse().ok()).ok_or_else(|| "callgrind gave no totals".into())
    }
}
