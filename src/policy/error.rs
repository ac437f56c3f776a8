//! What is wrong with a policy's file: where, what stands there, and what could.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why there is no [`Policy`](super::Policy): the file could not be read, or something in it is not valid.
///
/// Its message names the file, the line, the key, the value and what would be valid.
#[derive(Clone, Debug)]
pub struct PolicyError {
    path: Option<PathBuf>,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// The file could not be read or written.
    File(&'static str, Arc<std::io::Error>),
    /// What is written there is not valid.
    Text(Wrong),
}

/// Something in a text that is not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// The line, counted from 1.
    pub(super) line: usize,
    /// `key = value`, or the key alone; the whole line where the text is no TOML, and nothing where it is no text.
    pub(super) what: String,
    /// What is wrong, and what would be valid.
    pub(super) why: String,
}

impl PolicyError {
    pub(super) fn file(path: &Path, doing: &'static str, error: std::io::Error) -> Self {
        Self { path: Some(path.into()), kind: Kind::File(doing, Arc::new(error)) }
    }

    pub(super) fn text(wrong: Wrong) -> Self {
        Self { path: None, kind: Kind::Text(wrong) }
    }

    /// The same, of this file.
    pub(super) fn within(self, path: &Path) -> Self {
        Self { path: Some(path.into()), ..self }
    }

    /// The file, where it came from one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The line, counted from 1; `None` where the file could not be read at all.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        match &self.kind {
            Kind::File(..) => None,
            Kind::Text(wrong) => Some(wrong.line),
        }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, kind } = self;
        let path = path.as_deref().unwrap_or(Path::new("policy")).display();
        match kind {
            Kind::File(doing, error) => write!(f, "{path}: cannot {doing} it: {error}"),
            Kind::Text(Wrong { line, what, why }) if what.is_empty() => write!(f, "{path}:{line}: {why}"),
            Kind::Text(Wrong { line, what, why }) => write!(f, "{path}:{line}: {what}: {why}"),
        }
    }
}

impl std::error::Error for PolicyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            Kind::File(_, error) => Some(&**error),
            Kind::Text(_) => None,
        }
    }
}
