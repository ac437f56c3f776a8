//! A ledger as a few lines of text, one for each series, so that a test can say all that it expects at once.

use std::time::Duration;

use plimsoll::{ContentCoding, Direction, Ledger, SeriesSnapshot, View};
use tokio::time::{Instant, sleep};

/// What the ledger holds: `server request POST /checkout: 1 complete, 5 B`.
pub fn book(ledger: &Ledger) -> Vec<String> {
    ledger.snapshot().series().iter().map(line).collect()
}

/// What it holds of one direction only.
pub fn book_of(ledger: &Ledger, direction: Direction) -> Vec<String> {
    ledger.snapshot().series().iter().filter(|series| series.direction == direction).map(line).collect()
}

/// Waits until the ledger holds exactly these lines: a body may end after its message has arrived.
pub async fn book_reads(ledger: &Ledger, expected: &[&str]) {
    book_reads_after("the test", ledger, expected).await;
}

/// The same, for a case that has a name.
pub async fn book_reads_after(case: &str, ledger: &Ledger, expected: &[&str]) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while book(ledger) != expected && Instant::now() < deadline {
        sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(book(ledger), expected, "{case}");
}

fn line(series: &SeriesSnapshot) -> String {
    let SeriesSnapshot { endpoint, direction, status, coding, view, outcomes, over_limit, .. } = series;
    let mut line = format!("{} {direction} {endpoint}", endpoint.role());
    if let Some(status) = status {
        line += &format!(" {status}");
    }
    if *coding != ContentCoding::Identity {
        line += &format!(" {}", coding.as_str());
    }
    if *view != View::Wire {
        line += &format!(" {}", view.as_str());
    }
    let counts = outcomes.iter().filter(|(_, count)| *count > 0);
    let counts: Vec<String> = counts.map(|(outcome, count)| format!("{count} {}", outcome.as_str())).collect();
    line += &format!(": {}, {} B", counts.join(", "), series.completed.sum());
    if series.offered.sum() != series.completed.sum() {
        line += &format!(", {} B offered", series.offered.sum());
    }
    if *over_limit > 0 {
        line += &format!(", {over_limit} over limit");
    }
    line
}
