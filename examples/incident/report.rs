//! What is printed: a timeline, numbers in words, and claims with what became of them.

use std::fmt::{Display, Write};
use std::time::Duration;

use tokio::time::Instant;

use crate::load::{Call, Kind};

const WIDTH: usize = 108;

/// Prints what happens, with the time since it was made.
pub(crate) struct Timeline(pub(crate) Instant);

impl Timeline {
    /// Something that happens now.
    pub(crate) fn now(&self, what: impl Display) {
        self.at(Instant::now(), what);
    }

    /// Something that happened then.
    pub(crate) fn at(&self, then: Instant, what: impl Display) {
        println!("\n+{:>4.1} s  {what}", then.duration_since(self.0).as_secs_f64());
    }
}

/// A heading without a time.
pub(crate) fn heading(text: &str) {
    println!("\n{text}");
}

/// A line below an event or a heading.
pub(crate) fn line(label: &str, text: impl Display) {
    println!("         {label:<19} {text}");
}

/// Text too long for a line, continued below itself.
pub(crate) fn wrapped(text: &str) {
    let mut row = String::new();
    for piece in text.split_inclusive([' ', ',']) {
        if row.len().saturating_add(piece.len()) > WIDTH {
            println!("           {}", row.trim_end());
            row.clear();
        }
        row.push_str(piece);
    }
    println!("           {}", row.trim_end());
}

/// The calls of one kind.
pub(crate) fn of(calls: &[Call], kind: Kind) -> impl Iterator<Item = &Call> + Clone {
    calls.iter().filter(move |call| call.kind == kind)
}

/// Calls of both kinds: how many, how answered, how fast.
pub(crate) fn tell_calls(calls: &[Call]) {
    for (kind, name) in [(Kind::Checkout, "POST /checkout"), (Kind::Cart, "GET /cart/{sku}")] {
        let mut text = format!("{:>4} requests  ", of(calls, kind).count());
        let mut statuses: Vec<_> = of(calls, kind).map(|call| call.status).collect();
        statuses.sort_unstable();
        for same in statuses.chunk_by(PartialEq::eq) {
            let _ = write!(text, " {:>4} x {}", same.len(), same.first().unwrap_or(&0));
        }
        let took: Vec<_> = of(calls, kind).map(Call::took).collect();
        let _ = write!(text, "   median {:>8}   p99 {:>8}", ms(quantile(took.clone(), 50)), ms(quantile(took, 99)));
        line(name, text);
    }
}

/// The smallest value that so many percent of them do not exceed.
pub(crate) fn quantile<T: Copy + Ord + Default>(mut values: Vec<T>, percent: usize) -> T {
    values.sort_unstable();
    let rank = values.len().saturating_mul(percent).div_ceil(100);
    values.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

pub(crate) fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

pub(crate) fn kb(bytes: u64) -> String {
    format!("{:.1} KB", bytes as f64 / 1e3)
}

/// How many times as large, or as long.
pub(crate) fn times(now: f64, before: f64) -> String {
    format!("{:.1} x", now / before)
}

/// `1 line`, `2 lines`.
pub(crate) fn lines(count: usize) -> String {
    format!("{count} {}", if count == 1 { "line" } else { "lines" })
}

/// The number with a comma between thousands.
pub(crate) fn exact(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && digits.len().saturating_sub(at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What this example says happens, and whether it did.
#[derive(Default)]
pub(crate) struct Claims(Vec<Claim>);

struct Claim {
    what: &'static str,
    holds: bool,
    seen: String,
}

impl Claims {
    /// Adds a claim with what was seen, kept until all are told.
    pub(crate) fn add(&mut self, what: &'static str, holds: bool, seen: impl Display) {
        self.0.push(Claim { what, holds, seen: seen.to_string() });
    }

    /// Prints all of them; whether all hold.
    pub(crate) fn tell(&self) -> bool {
        for Claim { what, holds, seen } in &self.0 {
            let (mark, instead) = if *holds { ("\u{2713}", "") } else { ("\u{2717}", "instead: ") };
            println!("       {mark} {what:<62} {instead}{seen}");
        }
        self.0.iter().all(|claim| claim.holds)
    }
}
