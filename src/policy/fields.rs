//! The fields of a TOML file, each with its place, so that what is wrong with one can be said.

use std::fmt::Display;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::Wrong;

/// A table of the file, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Section<'a> {
    text: &'a str,
    /// Its full key; empty for the whole file.
    key: String,
    at: Range<usize>,
    table: &'a DeTable<'a>,
}

/// A value of the file, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Field<'a> {
    text: &'a str,
    key: String,
    at: Range<usize>,
    value: &'a DeValue<'a>,
}

impl<'a> Section<'a> {
    pub(super) fn whole(text: &'a str, table: &'a Spanned<DeTable<'a>>) -> Self {
        Self { text, key: String::new(), at: 0..0, table: table.get_ref() }
    }

    /// An error unless every key is one of these.
    pub(super) fn has_only(&self, valid: &[&str]) -> Result<(), Wrong> {
        let unknown = self.table.keys().find(|key| !valid.contains(&&**key.get_ref()));
        unknown.map_or(Ok(()), |key| {
            let why = format!("unknown key; here may stand {}", list(valid));
            Err(Wrong { line: line(self.text.as_bytes(), key.span().start), what: self.key_of(key.get_ref()), why })
        })
    }

    pub(super) fn get(&self, key: &str) -> Option<Field<'a>> {
        self.table.get(key).map(|value| self.field(key, value))
    }

    pub(super) fn required(&self, key: &str) -> Result<Field<'a>, Wrong> {
        let place =
            if self.key.is_empty() { ": it stands at the head of the file, above the first [table]" } else { "" };
        self.get(key).ok_or_else(|| self.wrong(format!("the key `{key}` is missing{place}")))
    }

    /// All keys with their values, and where each key stands.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&'a str, Field<'a>)> {
        self.table.iter().map(|(key, value)| (&**key.get_ref(), self.field(key.get_ref(), value)))
    }

    /// An error of the whole table.
    pub(super) fn wrong(&self, why: impl Display) -> Wrong {
        Wrong { line: line(self.text.as_bytes(), self.at.start), what: self.key.clone(), why: why.to_string() }
    }

    fn field(&self, key: &str, value: &'a Spanned<DeValue<'a>>) -> Field<'a> {
        Field { text: self.text, key: self.key_of(key), at: value.span(), value: value.get_ref() }
    }

    fn key_of(&self, key: &str) -> String {
        let bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        let key = if bare { key.to_owned() } else { format!("{key:?}") };
        if self.key.is_empty() { key } else { format!("{}.{key}", self.key) }
    }
}

impl<'a> Field<'a> {
    /// An error of this value.
    pub(super) fn wrong(&self, why: impl Display) -> Wrong {
        let value = self.text.get(self.at.clone()).unwrap_or_default();
        Wrong {
            line: line(self.text.as_bytes(), self.at.start),
            what: format!("{} = {}", self.key, short(value)),
            why: why.to_string(),
        }
    }

    pub(super) fn is_table(&self) -> bool {
        matches!(self.value, DeValue::Table(_))
    }

    pub(super) fn section(&self) -> Result<Section<'a>, Wrong> {
        let Self { text, key, at, value } = self;
        match value {
            DeValue::Table(table) => Ok(Section { text, key: key.clone(), at: at.clone(), table }),
            _ => Err(self.wrong("must be a table, as in { key = \"value\" }")),
        }
    }

    /// The elements of an array.
    pub(super) fn elements(&self) -> Result<impl Iterator<Item = Field<'a>>, Wrong> {
        let (text, key) = (self.text, self.key.clone());
        let element = move |(index, value): (usize, &'a Spanned<DeValue<'a>>)| Field {
            text,
            key: format!("{key}[{index}]"),
            at: value.span(),
            value: value.get_ref(),
        };
        match self.value {
            DeValue::Array(array) => Ok(array.iter().enumerate().map(element)),
            _ => Err(self.wrong("must be an array, as in [\"one\", \"another\"]")),
        }
    }

    pub(super) fn string(&self) -> Result<&'a str, Wrong> {
        self.as_str().ok_or_else(|| self.wrong("must be a text in quotes"))
    }

    /// The text, where it is one.
    pub(super) fn as_str(&self) -> Option<&'a str> {
        match self.value {
            DeValue::String(text) => Some(text),
            _ => None,
        }
    }

    /// A text that says something.
    pub(super) fn filled(&self) -> Result<&'a str, Wrong> {
        match self.string()? {
            "" => Err(self.wrong("must not be empty")),
            text => Ok(text),
        }
    }

    pub(super) fn strings(&self) -> Result<Vec<Box<str>>, Wrong> {
        self.elements()?.map(|element| Ok(element.string()?.into())).collect()
    }

    pub(super) fn boolean(&self) -> Result<bool, Wrong> {
        match self.value {
            DeValue::Boolean(value) => Ok(*value),
            _ => Err(self.wrong("must be true or false")),
        }
    }

    /// A whole number from `least` to `most`; `valid` says what else may stand here.
    pub(super) fn integer(&self, least: u64, most: u64, valid: impl Display) -> Result<u64, Wrong> {
        let read = match self.value {
            DeValue::Integer(number) => {
                u64::from_str_radix(number.as_str().trim_start_matches('+'), number.radix()).ok()
            }
            _ => None,
        };
        read.filter(|number| (least..=most).contains(number)).ok_or_else(|| self.wrong(valid))
    }

    /// A number; a whole one may be written without a point.
    pub(super) fn float(&self, valid: impl Display) -> Result<f64, Wrong> {
        match self.value {
            DeValue::Float(number) => number.as_str().parse().map_err(|_| self.wrong(valid)),
            _ => {
                let whole = self.integer(0, u32::MAX.into(), &valid)?;
                u32::try_from(whole).map(f64::from).map_err(|_| self.wrong(valid))
            }
        }
    }

    /// A date, or a time with its offset.
    pub(super) fn datetime(&self) -> Option<&'a toml::value::Datetime> {
        match self.value {
            DeValue::Datetime(datetime) => Some(datetime),
            _ => None,
        }
    }
}

/// What no TOML reader takes, with the line it stands in.
pub(super) fn no_toml(text: &str, error: &toml::de::Error) -> Wrong {
    let at = error.span().map_or(0, |span| span.start.min(text.len()));
    let begin = text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline.saturating_add(1));
    let what = short(text.get(begin..).and_then(|rest| rest.lines().next()).unwrap_or_default().trim());
    Wrong { line: line(text.as_bytes(), at), what, why: error.message().to_owned() }
}

/// The most characters of a text that an error shows.
const LONGEST: usize = 60;

/// The first line of a text, cut where it is long.
fn short(text: &str) -> String {
    let short: String = text.lines().next().unwrap_or_default().chars().take(LONGEST).collect();
    let more = if short.len() < text.len() { " .." } else { "" };
    short + more
}

/// The line that an offset is in, counted from 1.
pub(super) fn line(text: &[u8], offset: usize) -> usize {
    let before = text.get(..offset).unwrap_or_default();
    before.iter().filter(|byte| **byte == b'\n').count().saturating_add(1)
}

/// `a`, `b` and `c`.
pub(super) fn list(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}
