//! Changes as a table: what, was, is, factor, allowed.

use std::fmt;

use super::median::Median;
use super::verdict::{Change, ChangeKind};

/// One row for each change, with a note at its end; numbers right-aligned below their heads.
pub(super) fn write<'a>(
    f: &mut fmt::Formatter<'_>,
    changes: impl Iterator<Item = (&'a Change, String)>,
) -> fmt::Result {
    let head = ["", "was", "is", "factor", "allowed", ""].map(ToOwned::to_owned);
    let rows: Vec<_> = std::iter::once(head).chain(changes.map(|(change, note)| row(change, &note))).collect();
    let width = |column: usize| rows.iter().filter_map(|row| Some(row.get(column)?.chars().count())).max().unwrap_or(0);
    let [first, second, third, fourth, fifth, _]: [usize; 6] = std::array::from_fn(width);
    for [what, was, is, factor, allowed, kind] in &rows {
        let line =
            format!("  {what:first$}  {was:>second$}  {is:>third$}  {factor:>fourth$}  {allowed:>fifth$}  {kind}");
        writeln!(f, "{}", line.trim_end())?;
    }
    Ok(())
}

fn row(change: &Change, note: &str) -> [String; 6] {
    let Change { suite, subject, kind, was, is, allowed, fails } = change;
    let what = if suite.is_empty() { subject.to_string() } else { format!("{suite}: {subject}") };
    let size = |median: &Option<Median>| median.map_or_else(|| "-".into(), |median| median.to_string());
    let factor = change.factor().map_or_else(|| "-".into(), |factor| format!("{factor:.2}"));
    let allowed = match kind {
        ChangeKind::Grown if *fails => allowed.to_string(),
        ChangeKind::Grown | ChangeKind::New | ChangeKind::Vanished | ChangeKind::Shrunk => "-".into(),
    };
    [what, size(was), size(is), factor, allowed, format!("{}  {note}", kind.as_str())]
}
