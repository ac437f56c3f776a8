//! A file that is one process's alone while it changes it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use super::fault::Fault;

/// Held while a file is read, changed and replaced, so that of several processes or threads none undoes another's
/// change. It is the system's lock on a file beside it, with `.lock` at the end of its name; both are gone when this is
/// dropped. Of a process that was killed the file stays, and holds up nobody: its lock went with the process.
#[derive(Debug)]
pub(crate) struct Lock {
    path: PathBuf,
    file: File,
}

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
        let path = PathBuf::from(name);
        for _ in 0..pauses {
            match locked(&path)? {
                Some(file) => return Ok(Self { path, file }),
                None => sleep(PAUSE),
            }
        }
        Err(Fault::whole(&path, "another process holds this lock, and has for half a minute"))
    }
}

/// The file, with the lock on it; `None` where another has it, or had it when the file was opened.
#[allow(clippy::incompatible_msrv, reason = "the core needs no files: feature `serde` is for Rust 1.89 on")]
fn locked(path: &Path) -> Result<Option<File>, Fault> {
    let opened = OpenOptions::new().write(true).create(true).truncate(false).open(path);
    let file = opened.map_err(|error| Fault::io(path, "create", error))?;
    match file.try_lock() {
        // What has been dropped is no longer what others find under this name.
        Ok(()) => Ok(Some(file).filter(|file| file.metadata().is_ok_and(|file| file.len() == 0))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(Fault::io(path, "lock", error)),
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Where it cannot be removed, it is there for the next one. Else whoever has opened it already is told by its
        // length; the lock ends when it is closed.
        if fs::remove_file(&self.path).is_ok() {
            let _ = self.file.write_all(b"dropped\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(test: &str) -> PathBuf {
        std::env::temp_dir().join(format!("plimsoll-lock-{test}-{}", std::process::id()))
    }

    #[test]
    fn only_one_holds_it() {
        let path = place("one");
        let held = Lock::on(&path).unwrap();
        let said = Lock::within(&path, 2).unwrap_err().to_string();
        assert!(said.contains(".lock: another process holds this lock"), "{said}");
        drop(held);
        drop(Lock::within(&path, 1).unwrap());
    }

    /// It made the next one wait half a minute, and then give up.
    #[test]
    fn what_a_killed_process_leaves_holds_up_nobody() {
        let path = place("killed");
        let lock = PathBuf::from(format!("{}.lock", path.display()));
        fs::write(&lock, "").unwrap();
        drop(Lock::within(&path, 1).unwrap());
        assert!(!lock.exists());
    }

    #[test]
    fn whoever_opened_it_before_it_was_dropped_looks_again() {
        let path = place("early");
        let held = Lock::on(&path).unwrap();
        let early = File::options().write(true).open(&held.path).unwrap();
        drop(held);
        assert_ne!(early.metadata().unwrap().len(), 0);
        drop(Lock::within(&path, 1).unwrap());
    }

    #[test]
    fn where_no_file_can_be_made_it_says_which() {
        let said = Lock::on(&place("no-such-directory").join("x")).unwrap_err().to_string();
        assert!(said.contains("x.lock: cannot create it: "), "{said}");
    }
}
