//! A snapshot as a file: exact, with a version, and small enough to keep beside a load test's report.

use std::fmt::{self, Display, Write};
use std::path::Path;

use http::Version;

use super::exemplar::Exemplar;
use super::saved_raw;
use super::series::Outcome;
use super::size_distribution::SizeDistribution;
use super::snapshot::{SeriesSnapshot, Snapshot};
use crate::endpoint::EndpointName;
use crate::files::{self, Fault, Quoted};

/// The format that is written here, and the only one that is read.
pub(super) const FORMAT: u64 = 1;

/// The versions of HTTP that a series can be of, as `network.protocol.version` writes them.
pub(super) const VERSIONS: [(Version, &str); 4] =
    [(Version::HTTP_10, "1.0"), (Version::HTTP_11, "1.1"), (Version::HTTP_2, "2"), (Version::HTTP_3, "3")];

/// Why a snapshot's file cannot be read or written. Its message names the file, and the line where one is to blame.
pub struct SnapshotError(Fault);

impl From<Fault> for SnapshotError {
    fn from(fault: Fault) -> Self {
        Self(fault)
    }
}

impl Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.0, f)
    }
}

impl std::error::Error for SnapshotError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source().map(|source| source as _)
    }
}

/// With feature `serde`: kept in a file, for `plimsoll suggest` or to look at later.
///
/// ```
/// use plimsoll::{Ledger, Snapshot};
///
/// let path = std::env::temp_dir().join(format!("plimsoll-saved-{}.toml", std::process::id()));
/// let snapshot = Ledger::new().snapshot();
/// snapshot.save(&path)?;
/// assert_eq!(Snapshot::load(&path)?, snapshot);
/// # std::fs::remove_file(&path)?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
impl Snapshot {
    /// Writes it to a file, in place of what is there: as a whole, or not at all.
    ///
    /// # Errors
    ///
    /// Where the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), SnapshotError> {
        Ok(files::replace(path.as_ref(), &self.to_toml())?)
    }

    /// Reads it from a file: it equals what was saved.
    ///
    /// # Errors
    ///
    /// Where there is no such file, or it is none of ours, or of a newer format; with the line.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, SnapshotError> {
        let path = path.as_ref();
        let text = files::read(path)?.ok_or_else(|| Fault::whole(path, "there is no such file"))?;
        Ok(saved_raw::parse(path, &text)?)
    }

    /// Reads what [`to_toml`](Self::to_toml) gave.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn from_toml(text: &str) -> Result<Self, SnapshotError> {
        Ok(saved_raw::parse(Path::new("snapshot"), text)?)
    }

    /// What [`save`](Self::save) writes: the same to the byte for the same snapshot.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut text = format!("# What a ledger held at one moment. Sizes are bytes.\nplimsoll_snapshot = {FORMAT}\n");
        for series in self.series() {
            text.push('\n');
            // Writing to a string does not fail.
            let _ = write_series(&mut text, series);
        }
        text
    }
}

fn write_series(text: &mut String, series: &SeriesSnapshot) -> fmt::Result {
    let SeriesSnapshot {
        endpoint,
        direction,
        status,
        coding,
        view,
        scheme,
        version,
        port,
        limit,
        outcomes,
        over_limit,
        over_limit_exemplar,
        completed,
        offered,
        completed_exemplars,
        refused_exemplars,
    } = series;
    writeln!(text, "[[series]]")?;
    match EndpointName::of(endpoint) {
        Some(name) => writeln!(text, "endpoint = {}", Quoted(&name.to_string()))?,
        None => writeln!(text, "overflow = \"{}\"", endpoint.role())?,
    }
    some(text, "upstream_port", endpoint.upstream_port())?;
    writeln!(text, "direction = \"{direction}\"")?;
    some(text, "status", *status)?;
    writeln!(text, "coding = \"{}\"", coding.as_str())?;
    writeln!(text, "view = \"{}\"", view.as_str())?;
    some(text, "scheme", scheme.map(|scheme| format!("\"{}\"", scheme.as_str())))?;
    let version = VERSIONS.into_iter().find(|(known, _)| Some(*known) == *version);
    some(text, "version", version.map(|(_, name)| format!("\"{name}\"")))?;
    some(text, "port", *port)?;
    some(text, "reject_over", limit.rejects_over())?;
    some(text, "warn_over", limit.warns_over())?;
    let counts = outcomes.iter().filter(|(_, count)| *count > 0);
    let counts: Vec<_> = counts.map(|(outcome, count)| format!("{} = {count}", outcome.as_str())).collect();
    writeln!(text, "outcomes = {{ {} }}", counts.join(", "))?;
    writeln!(text, "over_limit = {over_limit}")?;
    for (key, sizes) in [("completed", completed), ("offered", offered)] {
        write_sizes(text, key, sizes)?;
    }
    if let Some(exemplar) = over_limit_exemplar {
        writeln!(text, "over_limit_exemplar = {}", Written(exemplar))?;
    }
    for (key, exemplars) in [("completed_exemplars", completed_exemplars), ("refused_exemplars", refused_exemplars)] {
        if !exemplars.is_empty() {
            writeln!(text, "{key} = [")?;
            exemplars.iter().try_for_each(|exemplar| writeln!(text, "  {},", Written(exemplar)))?;
            writeln!(text, "]")?;
        }
    }
    Ok(())
}

fn some(text: &mut String, key: &str, value: Option<impl Display>) -> fmt::Result {
    value.map_or(Ok(()), |value| writeln!(text, "{key} = {value}"))
}

/// Buckets as pairs of number and count; that of empty bodies is `empty`.
fn write_sizes(text: &mut String, key: &str, sizes: &SizeDistribution) -> fmt::Result {
    write!(text, "{key} = {{ sum = {}, max = {}, ", sizes.sum(), sizes.max())?;
    let mut pairs = Vec::new();
    for bucket in sizes.buckets() {
        match bucket.index() {
            None => write!(text, "empty = {}, ", bucket.count())?,
            Some(index) => pairs.push(format!("[{index}, {}]", bucket.count())),
        }
    }
    writeln!(text, "buckets = [{}] }}", pairs.join(", "))
}

struct Written<'a>(&'a Exemplar);

impl Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Exemplar { value, unix_nanos, .. } = self.0;
        let (trace, span) = (self.0.trace_id(), self.0.span_id());
        write!(f, "{{ bytes = {value}, unix_nanos = {unix_nanos}, trace = \"{trace:032x}\", span = \"{span:016x}\" }}")
    }
}

/// The outcome that is written like this.
pub(super) fn outcome(name: &str) -> Option<Outcome> {
    Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == name)
}

#[cfg(test)]
mod tests {
    use super::super::handle::Ledger;
    use super::*;
    use crate::endpoint::{Key, Role, Upstream};
    use crate::ledger::Attributes;
    use crate::ledger::attributes::View;
    use crate::trace::Captured;
    use http::Method;

    fn snapshot() -> Snapshot {
        let ledger = Ledger::new();
        let key = Key::new(Role::Client, &Method::GET, Upstream::new(Some("stock"), None), Some("/sku/{id}"));
        let series = ledger.entry(&key).series(Attributes::of(View::Wire));
        series.record_complete(5_000, Captured::default().look());
        ledger.snapshot()
    }

    #[test]
    fn what_is_saved_is_what_is_loaded() {
        let path = std::env::temp_dir().join(format!("plimsoll-snapshot-{}.toml", std::process::id()));
        let snapshot = snapshot();
        snapshot.save(&path).unwrap();
        let (text, loaded) = (std::fs::read_to_string(&path).unwrap(), Snapshot::load(&path).unwrap());
        std::fs::remove_file(&path).unwrap();
        assert_eq!((loaded.series().len(), &loaded), (1, &snapshot));
        assert!(text.contains("\noutcomes = { complete = 1 }\n"), "{text}");
        assert_eq!((text.as_str(), Snapshot::from_toml(&text).unwrap()), (snapshot.to_toml().as_str(), snapshot));
    }

    #[test]
    fn an_error_names_the_file_and_leads_to_its_cause() {
        use std::error::Error;
        let file = std::env::temp_dir().join(format!("plimsoll-no-such-{}", std::process::id()));
        let none = Snapshot::load(&file).unwrap_err();
        assert_eq!(none.to_string(), format!("{}: there is no such file", file.display()));
        assert_eq!((format!("{none:?}"), none.source().is_none()), (none.to_string(), true));
        let inside = file.join("snapshot.toml");
        let unwritten = snapshot().save(&inside).unwrap_err();
        assert!(unwritten.to_string().starts_with(&format!("{}: cannot ", inside.display())), "{unwritten}");
        let cause = unwritten.source().and_then(|cause| cause.downcast_ref::<std::io::Error>());
        assert_eq!(cause.map(std::io::Error::kind), Some(std::io::ErrorKind::NotFound));
    }
}
