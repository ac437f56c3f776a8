//! What a check found: what changed, whether it may, and the table that says so.

use std::fmt;
use std::path::PathBuf;

use super::error::{ContractError, Kind};
use super::factor::Factor;
use super::median::Median;
use super::subject::Subject;
use super::table;

/// How something differs from its entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChangeKind {
    /// Larger than the factor allows: a failure.
    Grown,
    /// Measured, and without an entry: reported, a failure where asked for.
    New,
    /// An entry for something that was not measured: reported, a failure where asked for.
    Vanished,
    /// Smaller by more than the factor: reported. Accept it, or the old size stays allowed.
    Shrunk,
}

impl ChangeKind {
    /// `grown`, `new`, `vanished` or `shrunk`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Grown => "grown",
            Self::New => "new",
            Self::Vanished => "vanished",
            Self::Shrunk => "shrunk",
        }
    }
}

/// One thing that differs from its entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub(super) suite: String,
    pub(super) subject: Subject,
    pub(super) kind: ChangeKind,
    pub(super) was: Option<Median>,
    pub(super) is: Option<Median>,
    pub(super) allowed: Factor,
    pub(super) fails: bool,
}

impl Change {
    /// What it is.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The suite whose entry it is; empty for none.
    #[must_use]
    pub fn suite(&self) -> &str {
        &self.suite
    }

    /// How it differs.
    #[must_use]
    pub fn kind(&self) -> ChangeKind {
        self.kind
    }

    /// The size in the contract; `None` where it is new.
    #[must_use]
    pub fn was(&self) -> Option<Median> {
        self.was
    }

    /// The size now; `None` where it vanished.
    #[must_use]
    pub fn is(&self) -> Option<Median> {
        self.is
    }

    /// The factor that it may grow by.
    #[must_use]
    pub fn allowed(&self) -> Factor {
        self.allowed
    }

    /// Whether it fails the check.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.fails
    }

    /// How many times as large it is now, for people: of what is known beyond doubt, away from 1 to the next hundredth,
    /// so that just over 2.0 never reads as 2.00; 1 where nothing is. `None` without two sizes, and from nothing.
    #[must_use]
    pub fn factor(&self) -> Option<f64> {
        let (was, is) = (self.was?, self.is?);
        let (from, to) = match self.kind {
            ChangeKind::Shrunk => (was.at_least(), is.at_most()),
            ChangeKind::Grown | ChangeKind::New | ChangeKind::Vanished => (was.at_most(), is.at_least()),
        };
        let hundredfold = u128::from(to).saturating_mul(100);
        let hundredths = match self.kind {
            ChangeKind::Shrunk => hundredfold.checked_div(from.into())?.min(100),
            _ if from == 0 => return None,
            _ => hundredfold.div_ceil(from.into()).max(100),
        };
        #[allow(clippy::cast_precision_loss, reason = "two digits are shown")]
        Some(hundredths as f64 / 100.0)
    }
}

/// What a check of a [`Contract`](super::Contract) found. Its `Display` is the table; [`result`](Self::result) or
/// [`assert`](Self::assert) make a test fail with it.
#[derive(Clone, PartialEq, Eq)]
#[must_use = "a verdict that nobody looks at fails no test"]
pub struct Verdict {
    pub(super) path: PathBuf,
    pub(super) changes: Vec<Change>,
    pub(super) within: usize,
    pub(super) accepted: Option<String>,
}

impl Verdict {
    /// What changed: failures first, then as the contract is sorted.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// How many sizes were compared and are within what is allowed.
    #[must_use]
    pub fn within(&self) -> usize {
        self.within
    }

    /// The reason that the changes were accepted with; `None` where nothing was written.
    #[must_use]
    pub fn accepted(&self) -> Option<&str> {
        self.accepted.as_deref()
    }

    /// Whether nothing fails, or all of it was accepted.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.accepted.is_some() || !self.changes.iter().any(Change::fails)
    }

    /// Nothing, or an error whose message is the table: for a test that returns a result.
    ///
    /// # Errors
    ///
    /// Where it did not pass.
    pub fn result(self) -> Result<(), ContractError> {
        if self.passed() { Ok(()) } else { Err(Kind::Broken(Box::new(self)).into()) }
    }

    /// For a test that returns nothing: [`result`](Self::result) for others.
    ///
    /// # Panics
    ///
    /// With the table, where it did not pass.
    #[track_caller]
    #[allow(clippy::panic, reason = "it is what the caller asks for: a test is to fail")]
    pub fn assert(&self) {
        if !self.passed() {
            panic!("{self}");
        }
    }
}

impl fmt::Debug for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, changes, within, accepted } = self;
        let path = path.display();
        let failing = changes.iter().filter(|change| change.fails).count();
        let written = changes.iter().filter(|change| change.fails || change.kind != ChangeKind::Vanished).count();
        match accepted {
            Some(reason) if written == 0 => writeln!(f, "{path}: nothing to accept for {reason:?}")?,
            Some(reason) => writeln!(f, "{path}: accepted {}: {reason:?}", sizes(written))?,
            None if failing > 0 => writeln!(f, "{path}: {} not as agreed", sizes(failing))?,
            None => writeln!(f, "{path}: kept")?,
        }
        if !changes.is_empty() {
            writeln!(f)?;
            let mark =
                |change: &Change| if change.fails && accepted.is_none() { "FAILS".into() } else { String::new() };
            table::write(f, changes.iter().map(|change| (change, mark(change))))?;
        }
        if *within > 0 {
            writeln!(f, "\n  {} within what is allowed", sizes(*within))?;
        }
        if failing > 0 && accepted.is_none() {
            f.write_str(
                "\nIf it is meant to be so, say why, and commit what this writes; its owners will read it:\n\n  \
                 PLIMSOLL_ACCEPT=\"why this is needed\" cargo test\n",
            )?;
        }
        Ok(())
    }
}

pub(super) fn sizes(count: usize) -> String {
    format!("{count} {}", if count == 1 { "size" } else { "sizes" })
}
