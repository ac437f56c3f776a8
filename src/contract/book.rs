//! What a contract's file holds, and its text: sorted, and the same to the byte for the same content.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Place;
use std::fmt::{self, Write};
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

use crate::endpoint::{Direction, EndpointName};
use crate::files::{Fault, Quoted, wrong_at, wrong_toml};
use crate::ledger::View;

use super::median::Median;
use super::subject::{StatusClass, Subject};

/// Where an entry stands: its suite (empty for none) and what it is for.
pub(super) type Key = (String, Subject);

/// One line of the contract: how large, of how many bodies, and what was said when it last changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) bodies: u64,
    pub(super) median: Median,
    pub(super) was: Option<Median>,
    pub(super) reason: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Book(pub(super) BTreeMap<Key, Entry>);

/// The format that is written here, and the only one that is read.
const FORMAT: u64 = 1;

const HEAD: &str = "\
# How large HTTP bodies are, in bytes. A test run holds them to it: what outgrows its entry fails.
# Written by a run with PLIMSOLL_ACCEPT=\"why\"; read in review, with the reasons.
";

impl fmt::Display for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEAD}plimsoll_contract = {FORMAT}")?;
        for ((suite, subject), entry) in &self.0 {
            let Entry { bodies, median, was, reason } = entry;
            f.write_str("\n[[entry]]\n")?;
            if !suite.is_empty() {
                writeln!(f, "suite = {}", Quoted(suite))?;
            }
            match subject {
                Subject::Fixture(name) => writeln!(f, "fixture = {}", Quoted(name))?,
                Subject::Bodies { endpoint, direction, status, view } => {
                    writeln!(f, "endpoint = {}", Quoted(&endpoint.to_string()))?;
                    writeln!(f, "direction = \"{direction}\"")?;
                    if let Some(status) = status {
                        writeln!(f, "status = \"{status}\"")?;
                    }
                    writeln!(f, "view = \"{}\"", view.as_str())?;
                }
            }
            writeln!(f, "bodies = {bodies}")?;
            write_median(f, "median", *median)?;
            if let Some(was) = was {
                write_median(f, "was", *was)?;
            }
            writeln!(f, "reason = {}", Quoted(reason))?;
        }
        Ok(())
    }
}

fn write_median(f: &mut fmt::Formatter<'_>, key: &str, median: Median) -> fmt::Result {
    write!(f, "{key} = ")?;
    match median.is_exact() {
        true => write!(f, "{}", median.at_least())?,
        false => write!(f, "{{ at_least = {}, at_most = {} }}", median.at_least(), median.at_most())?,
    }
    f.write_char('\n')
}

impl Book {
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, Fault> {
        let toml = |error| wrong_toml(path, text, &error);
        let Head { plimsoll_contract: format } = toml::from_str(text).map_err(toml)?;
        let Some(format) = format else {
            return Err(Fault::whole(
                path,
                "this is no contract: one says `plimsoll_contract = 1`; delete the file to begin anew with PLIMSOLL_ACCEPT",
            ));
        };
        if *format.as_ref() != FORMAT {
            let wrong = format!("format {} is not known here, only {FORMAT}: update plimsoll", format.as_ref());
            return Err(wrong_at(path, text, format.span(), wrong));
        }
        let File { _format, entry: entries } = toml::from_str(text).map_err(toml)?;
        let mut book = BTreeMap::new();
        for raw in entries {
            let span = raw.span();
            let wrong = |span: Range<usize>, wrong: String| wrong_at(path, text, span, wrong);
            let (key, entry) = raw.into_inner().read(&span).map_err(|(at, why)| wrong(at, why))?;
            match book.entry(key) {
                Place::Vacant(place) => _ = place.insert(entry),
                Place::Occupied(twice) => {
                    return Err(wrong(span, format!("{} has two entries: delete one", twice.key().1)));
                }
            }
        }
        Ok(Self(book))
    }
}

/// Read first, and leniently: what a newer format may hold is not known.
#[derive(Deserialize)]
struct Head {
    plimsoll_contract: Option<Spanned<u64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "plimsoll_contract")]
    _format: IgnoredAny,
    #[serde(default)]
    entry: Vec<Spanned<Raw>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    suite: String,
    fixture: Option<String>,
    endpoint: Option<Spanned<EndpointName>>,
    direction: Option<Spanned<String>>,
    status: Option<Spanned<String>>,
    view: Option<Spanned<String>>,
    bodies: u64,
    median: Spanned<Size>,
    was: Option<Spanned<Size>>,
    reason: String,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a size in bytes, or { at_least = 1, at_most = 2 }")]
enum Size {
    Exact(u64),
    Between(Between),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Between {
    at_least: u64,
    at_most: u64,
}

type Wrong = (Range<usize>, String);

impl Raw {
    fn read(self, whole: &Range<usize>) -> Result<(Key, Entry), Wrong> {
        let Self { suite, fixture, endpoint, direction, status, view, bodies, median, was, reason } = self;
        let here = |wrong: &str| (whole.clone(), wrong.to_owned());
        let subject = match (fixture, endpoint, direction) {
            (Some(name), None, None) if status.is_none() && view.is_none() => Subject::Fixture(name),
            (Some(_), ..) => return Err(here("an entry for a fixture has no endpoint, direction, status or view")),
            (None, Some(endpoint), Some(direction)) => Subject::Bodies {
                endpoint: endpoint.into_inner(),
                direction: match one_of(&direction, [Direction::Request, Direction::Response], Direction::as_str)? {
                    Direction::Request if status.is_some() => return Err(here("an entry for requests has no status")),
                    direction => direction,
                },
                status: status.map(|status| class(&status)).transpose()?,
                view: match view {
                    Some(view) => one_of(&view, [View::Wire, View::Decoded], View::as_str)?,
                    None => View::default(),
                },
            },
            (None, ..) => return Err(here("an entry needs `fixture`, or `endpoint` and `direction`")),
        };
        let was = was.map(size).transpose()?;
        Ok(((suite, subject), Entry { bodies, median: size(median)?, was, reason }))
    }
}

/// The value that is written like this.
fn one_of<T: Copy>(text: &Spanned<String>, values: [T; 2], as_str: impl Fn(T) -> &'static str) -> Result<T, Wrong> {
    let valid = values.map(&as_str);
    let found = values.into_iter().find(|value| as_str(*value) == text.as_ref());
    found.ok_or_else(|| (text.span(), format!("{:?} is not one of {valid:?}", text.as_ref())))
}

fn class(text: &Spanned<String>) -> Result<StatusClass, Wrong> {
    text.as_ref().parse().map_err(|valid| (text.span(), format!("{:?}: {valid}", text.as_ref())))
}

fn size(size: Spanned<Size>) -> Result<Median, Wrong> {
    let span = size.span();
    match size.into_inner() {
        Size::Exact(bytes) => Ok(Median::exact(bytes)),
        Size::Between(Between { at_least, at_most }) => Median::between(at_least, at_most)
            .ok_or_else(|| (span, format!("at_least is {at_least}, which is more than at_most, {at_most}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = r#"# How large HTTP bodies are, in bytes. A test run holds them to it: what outgrows its entry fails.
# Written by a run with PLIMSOLL_ACCEPT="why"; read in review, with the reasons.
plimsoll_contract = 1

[[entry]]
fixture = "an order"
bodies = 1
median = 812
reason = "first sizes"

[[entry]]
suite = "shop"
endpoint = "client GET /inventory/{sku} of inventory"
direction = "response"
status = "2xx"
view = "wire"
bodies = 50
median = { at_least = 84640, at_most = 88388 }
was = 8421
reason = "shops show \"full\" details"
"#;

    fn parse(text: &str) -> Result<Book, String> {
        Book::parse(Path::new("the.toml"), text).map_err(|fault| fault.to_string())
    }

    #[test]
    fn a_contract_reads_as_it_is_written() {
        let book = parse(TEXT).unwrap();
        assert_eq!((book.0.len(), book.to_string().as_str()), (2, TEXT));
    }

    #[test]
    fn a_fault_names_file_line_and_key_and_what_would_be_valid() {
        let changed = |from: &str, to: &str| {
            assert!(TEXT.contains(from), "{from}");
            parse(&TEXT.replace(from, to)).unwrap_err()
        };
        for (from, to, said) in [
            ("= 1\n\n", "= 2\n\n", "the.toml:3: format 2 is not known here, only 1: update plimsoll"),
            (
                "plimsoll_contract",
                "policy",
                "the.toml: this is no contract: one says `plimsoll_contract = 1`; delete the file to begin anew with PLIMSOLL_ACCEPT",
            ),
            ("812", "\"big\"", ":8: a size in bytes, or { at_least = 1, at_most = 2 }, in `median = \"big\"`"),
            ("812", "-1", ":8: "),
            ("84640", "99999", ":18: at_least is 99999, which is more than at_most, 88388"),
            ("bodies = 1\n", "bytes = 1\n", ":7: unknown field `bytes`, expected one of `suite`, `fixture`"),
            ("fixture = \"an order\"\n", "", ":5: an entry needs `fixture`, or `endpoint` and `direction`"),
            ("\"an order\"", "\"an order\"\nview = \"wire\"", ":5: an entry for a fixture has no endpoint"),
            ("\"response\"", "\"request\"", ":11: an entry for requests has no status, in `[[entry]]`"),
            ("\"response\"", "\"up\"", ":14: \"up\" is not one of [\"request\", \"response\"], in `direction"),
            ("\"2xx\"", "\"200\"", ":15: \"200\": write a class of status codes: 1xx"),
            ("client GET", "client BREW", ":13: "),
            ("reason = \"first sizes\"\n", "", ":5: missing field `reason`"),
            ("= 812", "812", ":8: "),
        ] {
            let wrong = changed(from, to);
            assert!(wrong.contains(said), "{wrong}\nfor {from} -> {to}");
        }
        let twice = format!("{TEXT}\n[[entry]]\nfixture = \"an order\"\nbodies = 1\nmedian = 1\nreason = \"x\"\n");
        let wrong = parse(&twice).unwrap_err();
        assert!(wrong.contains(":22: fixture \"an order\" has two entries: delete one"), "{wrong}");
    }

    fn median() -> impl Strategy<Value = Median> {
        let size = || prop_oneof![0u64..1 << 20, any::<u64>()];
        prop_oneof![
            size().prop_map(Median::exact),
            (size(), size()).prop_map(|(a, b)| Median::between(a.min(b), a.max(b)).unwrap())
        ]
    }

    fn subject() -> impl Strategy<Value = Subject> {
        let endpoint = prop_oneof!["client (GET|PUT) /[a-z]{0,3} of [a-z]{1,3}", "server POST /[a-z]{1,2}"];
        let response = (100u16..600, any::<bool>());
        let bodies = (endpoint, proptest::option::of(response)).prop_map(|(endpoint, response)| Subject::Bodies {
            endpoint: endpoint.parse().unwrap(),
            direction: if response.is_some() { Direction::Response } else { Direction::Request },
            status: response.and_then(|(status, _)| StatusClass::of(status)),
            view: if response.is_some_and(|(_, decoded)| decoded) { View::Decoded } else { View::Wire },
        });
        prop_oneof![any::<String>().prop_map(Subject::Fixture), bodies]
    }

    proptest! {
        #[test]
        fn a_book_to_a_file_and_back_is_the_same_book_and_the_same_bytes(
            entries in proptest::collection::btree_map(
                (any::<String>(), subject()),
                (any::<u64>(), median(), proptest::option::of(median()), any::<String>()),
                0..12,
            ),
        ) {
            let entry = |(bodies, median, was, reason)| Entry { bodies, median, was, reason };
            let book = Book(entries.into_iter().map(|(key, parts)| (key, entry(parts))).collect());
            let text = book.to_string();
            let read = parse(&text).unwrap();
            prop_assert_eq!(&read, &book);
            prop_assert_eq!(read.to_string(), text);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text: String) {
            let _ = parse(&text);
        }

        #[test]
        fn no_change_of_a_contract_makes_the_reader_panic(
            at in 0..TEXT.len(), until in 0usize..40, put in "[\\[\\]{}=\"a-z0-9_\n.# -]{0,6}",
        ) {
            let end = (at + until).min(TEXT.len());
            if let Ok(book) = parse(&format!("{}{put}{}", &TEXT[..at], &TEXT[end..])) {
                prop_assert_eq!(parse(&book.to_string()), Ok(book));
            }
        }
    }
}
