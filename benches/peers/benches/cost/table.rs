//! What was found, for people to read.

use std::fmt;

use plimsoll_peers::{Case, Setting};

/// What a call costs under one layer; absolute.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) instructions: f64,
    pub(crate) allocations: f64,
    pub(crate) bytes: f64,
}

/// The layers of one setting.
pub(crate) struct Table {
    pub(crate) setting: Setting,
    pub(crate) rows: Vec<Row>,
}

impl Row {
    /// What this one costs more.
    pub(crate) fn over(&self, base: &Self) -> Self {
        let Self { name, instructions, allocations, bytes } = *self;
        Self {
            name,
            instructions: instructions - base.instructions,
            allocations: allocations - base.allocations,
            bytes: bytes - base.bytes,
        }
    }
}

impl Table {
    pub(crate) fn new(setting: Setting) -> Self {
        Self { setting, rows: Vec::new() }
    }

    /// The case of this name.
    pub(crate) fn row(&self, name: &str) -> &Row {
        self.rows.iter().find(|row| row.name == name).expect("the table has this case")
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = self.row(Case::BARE);
        let ours = self.row(Case::EVERYTHING).over(bare);
        writeln!(f, "{}: a request over no layer", self.setting.title())?;
        writeln!(f, "  {:46} {:>12} {:>7} {:>11} {:>7}", "", "instructions", "x ours", "allocations", "bytes")?;
        for row in &self.rows {
            let Row { name, instructions, allocations, bytes } = match row.name == Case::BARE {
                true => *row,
                false => row.over(bare),
            };
            let ratio = match row.name == Case::BARE {
                true => "as is".to_owned(),
                false => format!("{:.2}", instructions / ours.instructions),
            };
            writeln!(f, "  {name:46} {instructions:>12.0} {ratio:>7} {allocations:>11.1} {bytes:>7.0}")?;
        }
        Ok(())
    }
}
