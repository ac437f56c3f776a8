//! A history of medians, read: lines of `release DATE COMMIT`, and below each `TEMPLATE MEDIAN DOCUMENTS` that changed.

use std::collections::BTreeMap;

/// Medians in bytes by template.
pub type Medians = BTreeMap<String, u64>;

/// One release: what it changed.
#[derive(Debug, Default)]
pub struct Release {
    pub name: String,
    pub changed: Medians,
}

pub fn parse(text: &str) -> Vec<Release> {
    let mut releases: Vec<Release> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<_> = line.split_whitespace().collect();
        match (words[..].as_ref(), releases.last_mut()) {
            (["release", date, commit], _) => {
                releases.push(Release { name: format!("{date} {commit}"), ..Release::default() });
            }
            ([template, median, _], Some(release)) => {
                release.changed.insert((*template).into(), median.parse().unwrap());
            }
            _ => panic!("{line:?} is neither a release nor a template's median"),
        }
    }
    releases
}

/// The medians after all releases.
pub fn last(releases: &[Release]) -> Medians {
    releases.iter().flat_map(|release| release.changed.clone()).collect()
}
