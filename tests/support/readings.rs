//! One series of a ledger, and waiting for what other tasks do in their own time.

use std::time::Duration;

use plimsoll::{Direction, Ledger, SeriesSnapshot};

/// The only series of this direction.
pub fn only(ledger: &Ledger, direction: Direction) -> SeriesSnapshot {
    let snapshot = ledger.snapshot();
    let mut found = snapshot.series().iter().filter(|series| series.direction == direction);
    match (found.next(), found.next()) {
        (Some(series), None) => series.clone(),
        _ => panic!("not one series of {direction}: {snapshot:#?}"),
    }
}

/// Waits until `what` gives something.
pub async fn eventually<T>(mut what: impl FnMut() -> Option<T>) -> T {
    let looked = async {
        loop {
            if let Some(found) = what() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), looked).await.expect("it never came to be")
}
