//! What is wrong with a file, and in which of its lines.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Why a file cannot be read or written: its path, the line where one is to blame (as `path:line`, which editors and
/// terminals open), and what would be right.
#[derive(Debug)]
pub(crate) struct Fault {
    path: PathBuf,
    place: Option<Place>,
    wrong: String,
    source: Option<io::Error>,
}

#[derive(Debug)]
struct Place {
    line: usize,
    text: String,
}

/// How much of a line is shown, in characters.
const SHOWN: usize = 120;

impl Fault {
    /// A file that the system does not give or take.
    pub(crate) fn io(path: &Path, doing: &str, source: io::Error) -> Self {
        Self { path: path.into(), place: None, wrong: format!("cannot {doing} it"), source: Some(source) }
    }

    /// Something that is wrong with the whole of it.
    pub(crate) fn whole(path: &Path, wrong: impl Into<String>) -> Self {
        Self { path: path.into(), place: None, wrong: wrong.into(), source: None }
    }

    pub(crate) fn source(&self) -> Option<&io::Error> {
        self.source.as_ref()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, place, wrong, source } = self;
        write!(f, "{}", path.display())?;
        if let Some(Place { line, .. }) = place {
            write!(f, ":{line}")?;
        }
        write!(f, ": {wrong}")?;
        match place {
            Some(Place { text, .. }) if !text.is_empty() => write!(f, ", in `{text}`")?,
            _ => {}
        }
        match source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

/// Something that is wrong at one place of a file's text.
pub(crate) fn wrong_at(path: &Path, text: &str, span: Range<usize>, wrong: impl Into<String>) -> Fault {
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.matches('\n').count().saturating_add(1);
    let begin = before.rfind('\n').map_or(0, |newline| newline.saturating_add(1));
    let whole = text.get(begin..).and_then(|rest| rest.lines().next()).unwrap_or_default().trim();
    let mut shown: String = whole.chars().take(SHOWN).collect();
    if shown.len() < whole.len() {
        shown.push_str("...");
    }
    Fault { path: path.into(), place: Some(Place { line, text: shown }), wrong: wrong.into(), source: None }
}

/// What the TOML reader found wrong.
pub(crate) fn wrong_toml(path: &Path, text: &str, error: &toml::de::Error) -> Fault {
    match error.span() {
        Some(span) => wrong_at(path, text, span, error.message()),
        None => Fault::whole(path, error.message()),
    }
}

/// The text of a file; `None` where there is no such file.
pub(crate) fn read(path: &Path) -> Result<Option<String>, Fault> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Fault::io(path, "read", error)),
    };
    String::from_utf8(bytes).map(Some).map_err(|error| {
        let end = error.utf8_error().valid_up_to();
        let valid = String::from_utf8_lossy(error.as_bytes().get(..end).unwrap_or_default());
        wrong_at(path, &valid, end..end, "this is not UTF-8 text")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_names_file_line_and_text() {
        let text = "a = 1\n  b = true\nc = 2\n";
        let fault = wrong_at(Path::new("x.toml"), text, 12..16, "expected a size");
        assert_eq!(fault.to_string(), "x.toml:2: expected a size, in `b = true`");
        let beyond = wrong_at(Path::new("x.toml"), text, 900..901, "it ends early");
        assert_eq!(beyond.to_string(), "x.toml:4: it ends early");
    }

    #[test]
    fn a_line_that_never_ends_is_cut() {
        let long = "\u{00fc}".repeat(4000);
        let said = wrong_at(Path::new("x"), &long, 0..1, "too long").to_string();
        assert!(said.ends_with("...`") && said.chars().count() < 160, "{said}");
    }

    #[test]
    fn what_is_no_text_is_said_with_its_line() {
        let path = std::env::temp_dir().join(format!("plimsoll-fault-{}", std::process::id()));
        std::fs::write(&path, b"one\ntwo \xff\n").unwrap();
        let said = read(&path).unwrap_err().to_string();
        std::fs::remove_file(&path).unwrap();
        assert!(said.ends_with(":2: this is not UTF-8 text, in `two`"), "{said}");
    }
}
