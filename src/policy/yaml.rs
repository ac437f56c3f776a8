//! Groups of Prometheus rules as YAML: the few forms they need, written the same each time.

use std::fmt;

/// A group of rules, evaluated in their order.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) interval: String,
    pub(super) rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) kind: Kind,
    /// One line of ASCII, in which nothing but printable characters stands.
    pub(super) expr: String,
    pub(super) labels: Vec<(&'static str, String)>,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// The name of the series that is recorded.
    Record(String),
    Alert {
        name: &'static str,
        /// How long it has to hold; empty for not at all.
        hold: String,
        annotations: Vec<(&'static str, String)>,
    },
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, interval, rules } = self;
        writeln!(f, "  - name: {}\n    interval: {interval}\n    rules:", Quoted(name))?;
        rules.iter().try_for_each(|rule| rule.fmt(f))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, expr, labels } = self;
        match kind {
            Kind::Record(name) => writeln!(f, "      - record: {name}")?,
            Kind::Alert { name, .. } => writeln!(f, "      - alert: {name}")?,
        }
        writeln!(f, "        expr: >-\n          {expr}")?;
        if let Kind::Alert { hold, .. } = kind {
            if !hold.is_empty() {
                writeln!(f, "        for: {hold}")?;
            }
        }
        pairs(f, "labels", labels)?;
        match kind {
            Kind::Record(_) => Ok(()),
            Kind::Alert { annotations, .. } => pairs(f, "annotations", annotations),
        }
    }
}

fn pairs(f: &mut fmt::Formatter<'_>, name: &str, pairs: &[(&str, String)]) -> fmt::Result {
    if pairs.is_empty() {
        return Ok(());
    }
    writeln!(f, "        {name}:")?;
    pairs.iter().try_for_each(|(key, value)| writeln!(f, "          {key}: {}", Quoted(value)))
}

/// A text as YAML's double-quoted scalar (YAML 1.2, section 7.3.1), on one line.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for character in self.0.chars() {
            match character {
                '"' | '\\' => write!(f, "\\{character}")?,
                ' '..='~' => write!(f, "{character}")?,
                letter if letter.is_alphanumeric() => write!(f, "{letter}")?,
                other => write!(f, "\\U{:08X}", u32::from(other))?,
            }
        }
        f.write_str("\"")
    }
}
