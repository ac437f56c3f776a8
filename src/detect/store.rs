//! Where a detector keeps what it has learnt, so that a restart does not blind it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::saved::SavedDetector;
use crate::files;

/// Where a detector keeps its [`SavedDetector`] between two lives of a process; one store for each instance.
///
/// [`FileStore`] is the one for a disk; others may use a config map, an object store or a database.
pub trait Store: fmt::Debug + Send + Sync {
    /// What was saved last; `None` where nothing was.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, or is not what was saved: whoever implements this keeps it, for a person to look at.
    fn load(&self) -> Result<Option<SavedDetector>, StoreError>;

    /// Puts this in the place of what was saved before: all of it or nothing.
    ///
    /// # Errors
    ///
    /// Where it cannot be kept. The detector says so once, goes on, and tries again.
    fn save(&self, saved: &SavedDetector) -> Result<(), StoreError>;
}

/// Why something could not be loaded or saved.
#[derive(Debug)]
pub struct StoreError(Box<dyn std::error::Error + Send + Sync>);

impl StoreError {
    /// With a reason of any type.
    pub fn new(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

/// A store in one file, which is replaced as a whole: written beside the old one, synced, and renamed.
///
/// A file that is cut short, of another kind or of a newer version of this crate is set aside under a new name, never
/// written over, and the detector begins as if there were none.
///
/// ```no_run
/// use plimsoll::Ledger;
/// use plimsoll::detect::{Detector, FileStore};
///
/// let store = FileStore::new("/var/lib/checkout/detector.toml");
/// let detector = Detector::builder(&Ledger::new()).store(store).build();
/// ```
#[derive(Debug)]
pub struct FileStore {
    path: PathBuf,
    /// Whether there is a file that could neither be read nor set aside: it is not written over.
    kept: AtomicBool,
}

/// Names that are tried for a file that is set aside.
const NAMES: u32 = 100;

impl FileStore {
    /// A store in this file, which need not be there yet; its directory must.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), kept: AtomicBool::new(false) }
    }

    /// Gives what is there another name, and tells it.
    fn set_aside(&self) -> io::Result<PathBuf> {
        for number in 1..=NAMES {
            let mut name = self.path.as_os_str().to_owned();
            name.push(format!(".unread-{number}"));
            let aside = PathBuf::from(name);
            if !aside.exists() {
                return std::fs::rename(&self.path, &aside).map(|()| aside);
            }
        }
        Err(io::Error::other("a hundred files were set aside already; look at them, and delete them"))
    }
}

impl Store for FileStore {
    fn load(&self) -> Result<Option<SavedDetector>, StoreError> {
        let path: &Path = &self.path;
        let wrong = match files::read(path) {
            Ok(None) => return Ok(None),
            Ok(Some(text)) => match SavedDetector::read(path, &text) {
                Ok(saved) => return Ok(Some(saved)),
                Err(wrong) => wrong.to_string(),
            },
            // What the system does not give cannot be set aside; what is no text can.
            Err(fault) if fault.source().is_some() => {
                self.kept.store(true, Relaxed);
                return Err(StoreError::new(fault.to_string()));
            }
            Err(fault) => fault.to_string(),
        };
        Err(StoreError::new(match self.set_aside() {
            Ok(aside) => format!("{wrong}; it was set aside as {}", aside.display()),
            Err(error) => {
                self.kept.store(true, Relaxed);
                format!("{wrong}; nor can it be set aside: {error}")
            }
        }))
    }

    fn save(&self, saved: &SavedDetector) -> Result<(), StoreError> {
        if self.kept.load(Relaxed) {
            let path = self.path.display();
            return Err(StoreError::new(format!(
                "{path}: could neither be read nor set aside, and is not written over"
            )));
        }
        let text = saved.to_toml();
        if text.is_empty() {
            let path = self.path.display();
            return Err(StoreError::new(format!(
                "{path}: a time beyond the year 2262 cannot be written; set the clock"
            )));
        }
        files::replace(&self.path, &text).map_err(|fault| StoreError::new(fault.to_string()))
    }
}
