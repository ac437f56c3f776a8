//! Readers of the ledger that hand its numbers on.

mod openmetrics;
mod scrape;

pub use openmetrics::OpenMetrics;
