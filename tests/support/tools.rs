//! Programs that are not ours: run where they are installed.

use std::io::{ErrorKind, Write};
use std::process::{Command, Output};

/// Runs a program to its end.
///
/// `None` where it is not installed: then this has said so, and the test is over. With `CI=true` that is a failure.
pub fn run(command: &mut Command) -> Option<Output> {
    match command.output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            skip(&command.get_program().to_string_lossy());
            None
        }
        Err(error) => panic!("{command:?}: {error}"),
    }
}

/// Says that a test is skipped for want of a program, past the test harness, which would swallow it.
pub fn skip(program: &str) {
    let message = format!("{program} is not installed");
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{message}");
    let told = format!("SKIPPED: {message}; `scripts/setup` installs what is missing\n");
    std::io::stderr().write_all(told.as_bytes()).unwrap();
}
