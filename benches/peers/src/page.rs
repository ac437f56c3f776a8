//! Pages that hold what a command found, between two comments.

use std::fs;
use std::path::PathBuf;

/// A part of a page in this repository that a command writes: what stands between `<!-- begin NAME -->` and
/// `<!-- end NAME -->`.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// From the repository's root.
    pub page: &'static str,
    /// The command that writes it.
    pub name: &'static str,
}

impl Part {
    /// Writes it anew.
    ///
    /// # Errors
    ///
    /// If the page cannot be read or written, or lacks the comments.
    pub fn write(&self, text: &str) -> Result<(), String> {
        let page = self.read_page()?;
        let (before, _, after) = self.split(&page)?;
        let written = format!("{before}\n\n{}\n\n{after}", text.trim());
        fs::write(self.path(), written).map_err(|error| format!("{}: {error}", self.page))
    }

    /// What stands there.
    ///
    /// # Errors
    ///
    /// If the page cannot be read, or lacks the comments.
    pub fn read(&self) -> Result<String, String> {
        let page = self.read_page()?;
        self.split(&page).map(|(_, part, _)| part.trim().to_owned())
    }

    fn read_page(&self) -> Result<String, String> {
        fs::read_to_string(self.path()).map_err(|error| format!("{}: {error}", self.page))
    }

    fn path(&self) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(self.page)
    }

    /// The page up to the part, the part, and the rest.
    fn split<'a>(&self, page: &'a str) -> Result<(&'a str, &'a str, &'a str), String> {
        let (begin, end) = (format!("<!-- begin {} -->", self.name), format!("<!-- end {} -->", self.name));
        let places = page.find(&begin).map(|place| place + begin.len()).zip(page.find(&end));
        match places {
            Some((from, to)) if from <= to => Ok((&page[..from], &page[from..to], &page[to..])),
            _ => Err(format!("{} lacks {begin} before {end}", self.page)),
        }
    }
}

/// The first cell in which two tables in Markdown differ: words at all, numbers by more than this part of the former,
/// and by more than this much.
///
/// Columns from `columns` on are not looked at.
#[must_use]
pub fn difference(ours: &str, theirs: &str, columns: usize, part: f64, much: f64) -> Option<String> {
    let cells = |text: &str| -> Vec<String> {
        let rows = text.lines().filter(|line| line.starts_with('|'));
        let row = |line: &str| -> Vec<String> {
            line.trim_matches('|').split('|').take(columns).map(|cell| cell.trim().to_owned()).collect()
        };
        rows.flat_map(row).collect()
    };
    let number = |cell: &str| cell.replace([',', '*'], "").parse::<f64>().ok();
    let same = |(ours, theirs): &(&String, &String)| match (number(ours), number(theirs)) {
        (Some(ours), Some(theirs)) => (ours - theirs).abs() <= much.max(part * ours.abs()),
        _ => ours == theirs,
    };
    let (ours, theirs) = (cells(ours), cells(theirs));
    if ours.len() != theirs.len() {
        return Some(format!("{} cells where there were {}", theirs.len(), ours.len()));
    }
    let differing = ours.iter().zip(&theirs).find(|pair| !same(pair));
    differing.map(|(ours, theirs)| format!("{theirs:?} where it was {ours:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PART: Part = Part { page: "README.md", name: "a b" };

    #[test]
    fn a_part_lies_between_its_comments() {
        let page = "one\n<!-- begin a b -->\n\ntwo\n\n<!-- end a b -->\nthree";
        let (before, part, after) = PART.split(page).expect("both are there");
        assert_eq!((before, part.trim(), after), ("one\n<!-- begin a b -->", "two", "<!-- end a b -->\nthree"));
        for without in ["one", "<!-- begin a b -->", "<!-- end a b --> <!-- begin a b -->"] {
            assert!(PART.split(without).is_err(), "{without}");
        }
    }

    #[test]
    fn numbers_may_differ_a_little_and_words_may_not() {
        let old = "text\n| a | 1,000 | x |\n| b | **2** | y |";
        assert_eq!(difference(old, "| a | 1,019 | z |\n| b | 2 | |", 2, 0.02, 0.0), None);
        assert_eq!(
            difference(old, "| a | 1,021 | x |\n| b | 2 | y |", 3, 0.02, 0.0).as_deref(),
            Some("\"1,021\" where it was \"1,000\"")
        );
        assert_eq!(difference(old, "| a | 1,030 | x |\n| b | **40** | y |", 3, 0.02, 38.0), None);
        assert!(difference(old, "| a | 1,000 | x |\n| c | 2 | y |", 3, 0.02, 0.0).is_some());
        assert!(difference(old, "| a | 1,000 | x |", 3, 0.02, 0.0).is_some());
    }
}
