//! The contract: opened, set up, and held against what was measured.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use crate::endpoint::EndpointName;
use crate::files::{self, Lock};
use crate::policy::Policy;

use super::acceptance::Acceptance;
use super::book::{Book, Entry, Key};
use super::difference::Difference;
use super::error::{ContractError, Kind};
use super::factor::Factor;
use super::measured::Measured;
use super::rules::Rules;
use super::verdict::{Change, Verdict};

/// Committed sizes, and what they allow: see the [module's example](crate::contract).
#[derive(Clone, Debug)]
pub struct Contract {
    path: PathBuf,
    acceptance: Acceptance,
    suite: String,
    rules: Rules,
    book: Book,
}

impl Contract {
    /// Opens the file at `path`, which `cargo test` takes from the package's directory; accepts what
    /// [`PLIMSOLL_ACCEPT`](Acceptance::from_env) says.
    ///
    /// # Errors
    ///
    /// Where there is no such file, and nothing that accepts; where it cannot be read, and why, with the line.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ContractError> {
        Self::open_with(path, Acceptance::from_env()?)
    }

    /// The same, without asking the environment.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_with(path: impl AsRef<Path>, acceptance: Acceptance) -> Result<Self, ContractError> {
        let path = path.as_ref().to_owned();
        let book = match read(&path)? {
            Some(book) => book,
            None if acceptance.reason().is_some() => Book::default(),
            None => return Err(Kind::Missing(path).into()),
        };
        Ok(Self { path, acceptance, suite: String::new(), rules: Rules::default(), book })
    }

    /// Sets whose entries these are; none by default.
    ///
    /// Where several tests share a file, each has a suite of its own: what one of them calls often another calls once,
    /// and neither misses what the other has.
    #[must_use]
    pub fn suite(self, suite: impl Into<String>) -> Self {
        Self { suite: suite.into(), ..self }
    }

    /// Sets the factor that a size may grow by; 2.0 by default, inclusive.
    #[must_use]
    pub fn allowed(mut self, factor: Factor) -> Self {
        self.rules.allowed = factor;
        self
    }

    /// Sets the factor for one endpoint, in place of the one for all.
    #[must_use]
    pub fn allowed_for(mut self, endpoint: EndpointName, factor: Factor) -> Self {
        self.rules.allowed_for.insert(endpoint, factor);
        self
    }

    /// Takes from a policy by how much the endpoints may grow in one pull request: the `gate` of those that have one.
    #[must_use]
    pub fn policy(self, policy: &Policy) -> Self {
        let gates = policy.endpoints().filter_map(|(name, endpoint)| Some((name, endpoint.gate_factor()?)));
        gates.fold(self, |contract, (name, factor)| contract.allowed_for(name.clone(), factor))
    }

    /// Sets up to which size, in bytes, growth is never a failure; 1 KiB by default, inclusive.
    ///
    /// A body of 1 KiB goes with its headers into one packet of 1,460 bytes: up to there, growth costs nothing that could
    /// be measured, and factors of tiny sizes say little. Likewise what has shrunk is told only where it was larger.
    #[must_use]
    pub fn floor(mut self, bytes: u64) -> Self {
        self.rules.floor = bytes;
        self
    }

    /// Makes it a failure where something was measured that has no entry.
    #[must_use]
    pub fn fail_on_new(mut self) -> Self {
        self.rules.fail_on_new = true;
        self
    }

    /// Makes it a failure where an entry of this suite was not measured: for a test that always calls everything.
    /// Accepting then removes such entries; otherwise they stay.
    #[must_use]
    pub fn fail_on_vanished(mut self) -> Self {
        self.rules.fail_on_vanished = true;
        self
    }

    /// Compares; and where changes are accepted, writes them. Sizes within what is allowed stay as they were written,
    /// so that many small steps add up to a large one.
    ///
    /// Blocks while it writes, up to half a minute while others write the same file: they take turns by a file lock,
    /// and each changes its own entries in what it then finds, so that none is lost.
    ///
    /// Where `PLIMSOLL_REPORT` names a file, what changed is added to it as Markdown, of passing tests too.
    ///
    /// # Errors
    ///
    /// Where nothing was measured, or the file cannot be written. A contract that is not kept is no error here: ask the
    /// [`Verdict`].
    pub fn check(&self, measured: impl Into<Measured>) -> Result<Verdict, ContractError> {
        let measured = measured.into();
        if measured.is_empty() {
            return Err(Kind::Nothing(self.path.clone()).into());
        }
        let measured = self.entries(&measured);
        let Some(reason) = self.acceptance.reason() else {
            let (changes, within) = self.rules.compare(&self.book, &measured, &self.suite);
            return report(self.verdict(changes, within, None));
        };
        let _lock = Lock::on(&self.path)?;
        let found = read(&self.path)?;
        let is_new = found.is_none();
        let mut book = found.unwrap_or_default();
        let (changes, within) = self.rules.compare(&book, &measured, &self.suite);
        let before = book.clone();
        self.rules.apply(&mut book, &changes, &measured);
        if is_new || book != before {
            files::replace(&self.path, &book.to_string())?;
        }
        report(self.verdict(changes, within, Some(reason)))
    }

    /// What a newer contract changes: every entry that differs, with its reason. Writes nothing.
    #[must_use]
    pub fn diff(&self, newer: &Self) -> Difference {
        Difference::between((self.path.clone(), &self.book), (newer.path.clone(), &newer.book))
    }

    fn verdict(&self, changes: Vec<Change>, within: usize, accepted: Option<&str>) -> Verdict {
        Verdict { path: self.path.clone(), changes, within, accepted: accepted.map(Into::into) }
    }

    /// What was measured, as it would be written.
    fn entries(&self, measured: &Measured) -> BTreeMap<Key, Entry> {
        let reason = self.acceptance.reason().unwrap_or_default();
        let entry = |median, bodies| Entry { bodies, median, was: None, reason: reason.into() };
        let medians = measured.medians();
        medians.map(|(subject, median, bodies)| ((self.suite.clone(), subject), entry(median, bodies))).collect()
    }
}

fn read(path: &Path) -> Result<Option<Book>, ContractError> {
    let Some(text) = files::read(path)? else { return Ok(None) };
    Ok(Some(Book::parse(path, &text)?))
}

/// Adds a verdict that has something to tell to the file that the environment names: what a passing test prints is
/// shown to nobody.
fn report(verdict: Verdict) -> Result<Verdict, ContractError> {
    if let Some(path) = env::var_os("PLIMSOLL_REPORT").filter(|_| !verdict.changes().is_empty()) {
        files::append(Path::new(&path), &format!("```text\n{verdict}```\n\n"))?;
    }
    Ok(verdict)
}
