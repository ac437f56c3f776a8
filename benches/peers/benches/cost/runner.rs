//! The program that runs one case: under callgrind, which counts instructions, or as it is, to be timed by turns.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use plimsoll_peers::{Exchange, Spread};

/// The program, and where callgrind leaves what it found.
pub(crate) struct Runner {
    subject: PathBuf,
    directory: PathBuf,
}

/// Rounds of a timing, on one thread and on several, whose turns are longer.
const ROUNDS: (usize, usize) = (151, 41);

impl Runner {
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
    pub(crate) fn instructions(&self, case: usize, exchange: Exchange) -> Result<f64, String> {
        let calls = calls(exchange);
        let mut arguments = vec!["count".to_owned(), format!("{case:03}")];
        arguments.extend(exchange.arguments());
        arguments.push(format!("{calls:04}"));

        let name = format!("callgrind.{}.{}", std::process::id(), arguments.join(".").replace('/', "-"));
        let file = self.directory.join(name);
        let mut valgrind = Command::new("valgrind");
        // The length of the environment, too, moves the stack.
        valgrind
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .args(["--quiet", "--tool=callgrind", "--toggle-collect=*subject*counted*"])
            .arg(format!("--callgrind-out-file={}", file.display()))
            .arg(&self.subject);
        output(valgrind.args(arguments))?;
        let found = fs::read_to_string(&file).map_err(|error| format!("callgrind left nothing: {error}"))?;
        let _ = fs::remove_file(&file);
        let total = found.lines().find_map(|line| line.strip_prefix("totals: ")).and_then(|total| total.parse().ok());
        match total {
            None | Some(0) => Err("callgrind gave no totals".into()),
            Some(total) => Ok(total as f64 / calls as f64),
        }
    }

    /// The time of a call as a multiple of one of the other case, by pairs of turns.
    pub(crate) fn ratio(&self, base: usize, case: usize, exchange: Exchange, threads: usize) -> Result<Spread, String> {
        let mut subject = Command::new(&self.subject);
        subject.arg("time").args([base, case].map(|place| place.to_string())).args(exchange.arguments());
        let rounds = if threads == 1 { ROUNDS.0 } else { ROUNDS.1 };
        let found = output(subject.args([threads, rounds].map(|number| number.to_string())))?;
        let ratios: Result<Vec<f64>, _> = found.lines().map(str::parse).collect();
        ratios.map(Spread::of).map_err(|error| format!("no ratio: {error}"))
    }
}

/// Enough that what happens now and then falls into each run alike.
fn calls(exchange: Exchange) -> usize {
    let frames = exchange.question.frames.max(exchange.answer.frames);
    if frames > 100 { 50 } else { Exchange::MANY }
}

/// What it prints, if it succeeds.
fn output(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    if !output.status.success() {
        return Err(format!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
