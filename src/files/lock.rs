//! A file that is one process's alone while it changes it.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use super::fault::Fault;

/// Held while a file is read, changed and replaced, so that of several processes or threads none undoes another's
/// change. It is a file beside it, with `.lock` at the end of its name, that only one can create; gone when dropped.
#[derive(Debug)]
pub(crate) struct Lock(PathBuf);

const PAUSE: Duration = Duration::from_millis(5);
/// A change takes milliseconds. Half a minute is long enough for all that may be waiting.
const PAUSES: usize = 6_000;

impl Lock {
    /// Waits for the lock on `path`: half a minute at most.
    pub(crate) fn on(path: &Path) -> Result<Self, Fault> {
        Self::within(path, PAUSES)
    }

    fn within(path: &Path, pauses: usize) -> Result<Self, Fault> {
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let lock = PathBuf::from(name);
        for _ in 0..pauses {
            match OpenOptions::new().write(true).create_new(true).open(&lock) {
                Ok(_) => return Ok(Self(lock)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => sleep(PAUSE),
                Err(error) => return Err(Fault::io(&lock, "create", error)),
            }
        }
        Err(Fault::whole(&lock, "another process holds this lock; if none runs, one was killed: delete the file"))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Where it cannot be removed, the next one who wants it says so.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_holds_it_and_a_forgotten_one_is_named() {
        let path = std::env::temp_dir().join(format!("plimsoll-lock-{}", std::process::id()));
        let held = Lock::on(&path).unwrap();
        let said = Lock::within(&path, 2).unwrap_err().to_string();
        assert!(said.contains(".lock: another process holds") && said.contains("delete the file"), "{said}");
        drop(held);
        drop(Lock::on(&path).unwrap());
    }
}
