//! Real programs that tests start: found or plainly missed, on a free port, and ended with the test.

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

/// A process that ends when this is dropped.
#[derive(Debug)]
pub struct Running(Child);

impl Running {
    /// Starts it; `None`, and said so, where there is no such program.
    pub fn start(command: &mut Command) -> Option<Self> {
        match command.spawn() {
            Ok(child) => Some(Self(child)),
            Err(error) => missed(&format!("{:?} does not start: {error}", command.get_program())),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Says that a test is skipped, and why. With `CI=true` that is a failure.
pub fn missed<T>(why: &str) -> Option<T> {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{why}");
    // Past the test harness, which would swallow what a passing test prints.
    let told = format!("SKIPPED: {why}; `scripts/setup` installs what is missing\n");
    std::io::stderr().write_all(told.as_bytes()).unwrap();
    None
}

/// A port that was free a moment ago, for programs that cannot choose one themselves.
pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// An empty directory of this test's own; removed when this is dropped.
#[derive(Debug)]
pub struct Directory(PathBuf);

impl Directory {
    pub fn new(name: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let nth = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}-{nth}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The Python that is asked for, else the one that `scripts/setup` makes, else the system's.
pub fn python() -> PathBuf {
    if let Some(python) = std::env::var_os("PLIMSOLL_PYTHON") {
        return python.into();
    }
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/venv/bin/python");
    if made.exists() { made } else { "python3".into() }
}

/// What a Python script writes; `None`, and said so, where Python or a module is missing.
pub fn run_python(script: &str) -> Option<Output> {
    let python = python();
    match Command::new(&python).args(["-c", script]).output() {
        Ok(output) if output.status.success() => Some(output),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(said.contains("ModuleNotFoundError"), "{said}");
            missed(&format!("{} says {}", python.display(), said.trim().lines().last().unwrap_or_default()))
        }
        Err(error) => missed(&format!("{} does not start: {error}", python.display())),
    }
}
