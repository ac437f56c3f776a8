//! Readers of the ledger that hand its numbers on.

mod attributes;
mod openmetrics;
mod scrape;

pub use openmetrics::OpenMetrics;
