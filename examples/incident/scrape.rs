//! What is recorded of the endpoint in question: in the ledger, and in a scrape of `/metrics`.

use std::net::SocketAddr;

use plimsoll::{Direction, Ledger, OpenMetrics, Role, SeriesSnapshot};
use reqwest::header::CONTENT_TYPE;

use crate::Result;

/// The template of the endpoint whose answers grow.
pub(crate) const STOCK: &str = "/inventory/{sku}";

/// What the ledger has of its answers.
pub(crate) fn stock_series(ledger: &Ledger) -> Option<SeriesSnapshot> {
    ledger.snapshot().find(Role::Client, Direction::Response, STOCK).cloned()
}

/// A page of OpenMetrics text.
pub(crate) struct Page {
    content_type: String,
    text: String,
}

impl Page {
    pub(crate) async fn fetch(http: &reqwest::Client, from: SocketAddr) -> Result<Self> {
        let response = http.get(format!("http://{from}/metrics")).send().await?.error_for_status()?;
        let content_type = response.headers().get(CONTENT_TYPE).map_or("", |value| value.to_str().unwrap_or_default());
        Ok(Self { content_type: content_type.to_owned(), text: response.text().await? })
    }

    /// Whether it is a page from which Prometheus takes exemplars, and all of it.
    pub(crate) fn is_whole(&self) -> bool {
        self.content_type == OpenMetrics::CONTENT_TYPE && self.text.ends_with("# EOF\n")
    }

    /// The lines of one metric for the answers of the endpoint in question.
    pub(crate) fn lines(&self, metric: &str) -> Vec<&str> {
        let wanted = [format!("url_template=\"{STOCK}\""), "plimsoll_direction=\"response\"".to_owned()];
        let of_metric = |line: &&str| line.split_once('{').is_some_and(|(name, _)| name == metric);
        self.text.lines().filter(of_metric).filter(|line| wanted.iter().all(|label| line.contains(label))).collect()
    }
}

/// The trace id of a line's exemplar.
pub(crate) fn trace_id(line: &str) -> Option<&str> {
    line.split_once(" # {trace_id=\"")?.1.split('"').next()
}

/// A line with only those of its labels that say something here; its exemplar, if it has one, on a line of its own.
pub(crate) fn short(line: &str) -> String {
    let (sample, exemplar) = line.split_once(" # ").map_or((line, None), |(sample, exemplar)| (sample, Some(exemplar)));
    let Some((name, rest)) = sample.split_once('{') else { return line.to_owned() };
    let Some((labels, value)) = rest.rsplit_once("} ") else { return line.to_owned() };
    let telling = ["plimsoll_outcome", "plimsoll_limit_action"];
    let mut shown = vec![".."];
    shown.extend(labels.split(',').filter(|label| telling.iter().any(|name| label.starts_with(name))));
    let exemplar = exemplar.map(|exemplar| format!("\n  # {exemplar}")).unwrap_or_default();
    format!("{name}{{{}}} {value}{exemplar}", shown.join(","))
}
