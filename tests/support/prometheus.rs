//! A real Prometheus (Debian's package) that scrapes what a test serves.

use std::fmt::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::real::{Directory, Running, free_port};

/// What it is to do.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// `host:port` of services whose `/metrics` is scraped each second.
    pub targets: Vec<String>,
    /// Rules, as the text of a file each.
    pub rules: Vec<String>,
    /// `host:port` of Alertmanagers.
    pub alertmanagers: Vec<String>,
}

/// Runs until it is dropped, with exemplars kept.
#[derive(Debug)]
pub struct Prometheus {
    address: String,
    http: reqwest::Client,
    _running: Running,
    _directory: Directory,
}

impl Prometheus {
    /// Starts one and waits until it is ready; `None`, and said so, where it is not installed.
    pub async fn start(setup: &Setup) -> Option<Self> {
        let Setup { targets, rules, alertmanagers } = setup;
        let directory = Directory::new("prometheus");
        let mut config = String::from("global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n");
        writeln!(config, "scrape_configs: [{{job_name: tested, static_configs: [{{targets: {targets:?}}}]}}]").unwrap();
        let mut files = Vec::new();
        for (nth, rules) in rules.iter().enumerate() {
            let file = directory.path().join(format!("{nth}.rules.yml"));
            std::fs::write(&file, rules).unwrap();
            files.push(file);
        }
        writeln!(config, "rule_files: {files:?}").unwrap();
        let alerting = format!("alerting: {{alertmanagers: [{{static_configs: [{{targets: {alertmanagers:?}}}]}}]}}");
        writeln!(config, "{alerting}").unwrap();
        let file = directory.path().join("prometheus.yml");
        std::fs::write(&file, config).unwrap();

        let address = format!("127.0.0.1:{}", free_port());
        let log = std::fs::File::create(directory.path().join("log")).unwrap();
        let running = Running::start(
            Command::new("prometheus")
                .arg(format!("--config.file={}", file.display()))
                .arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()))
                .arg(format!("--web.listen-address={address}"))
                .arg("--enable-feature=exemplar-storage,native-histograms")
                .stdout(Stdio::null())
                .stderr(log),
        )?;
        let started = Self { address, http: reqwest::Client::new(), _running: running, _directory: directory };
        started.until("/-/ready", &[], |_| Some(())).await;
        Some(started)
    }

    /// Where it is, as `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What it answers to a query, as soon as that is something: polls for a minute at most.
    pub async fn until<T>(&self, path: &str, query: &[(&str, &str)], take: impl Fn(&Value) -> Option<T>) -> T {
        let url = reqwest::Url::parse_with_params(&format!("http://{}{path}", self.address), query).unwrap();
        let mut last = Value::Null;
        let polled = async {
            loop {
                if let Ok(answer) =
                    self.http.get(url.clone()).send().await.and_then(reqwest::Response::error_for_status)
                {
                    let text = answer.text().await.unwrap_or_default();
                    last = serde_json::from_str(&text).unwrap_or(Value::String(text));
                    if let Some(taken) = take(&last) {
                        return taken;
                    }
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        match tokio::time::timeout(Duration::from_secs(60), polled).await {
            Ok(taken) => taken,
            Err(_) => panic!("{url} never gave what was waited for; its last answer: {last:#}"),
        }
    }

    /// The value of an instant query that has one result, once `take` is content with it.
    pub async fn value(&self, query: &str, take: impl Fn(f64) -> bool) -> f64 {
        let first = |answer: &Value| {
            let results = answer.pointer("/data/result")?.as_array()?;
            let [result] = &results[..] else { return None };
            result.pointer("/value/1")?.as_str()?.parse().ok().filter(|value| take(*value))
        };
        self.until("/api/v1/query", &[("query", query)], first).await
    }
}
