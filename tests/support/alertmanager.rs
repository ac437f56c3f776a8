//! A real Alertmanager (Debian's package) that a Prometheus sends alerts to.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::real::{Directory, Running, free_port};

/// Runs until it is dropped, and notifies nobody.
#[derive(Debug)]
pub struct Alertmanager {
    address: String,
    _running: Running,
    _directory: Directory,
}

impl Alertmanager {
    /// Starts one; `None`, and said so, where it is not installed.
    pub fn start() -> Option<Self> {
        let directory = Directory::new("alertmanager");
        let file = directory.path().join("alertmanager.yml");
        std::fs::write(&file, "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n").unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let running = Running::start(
            Command::new("prometheus-alertmanager")
                .arg(format!("--config.file={}", file.display()))
                .arg(format!("--storage.path={}", directory.path().join("data").display()))
                .arg(format!("--web.listen-address={address}"))
                .arg("--cluster.listen-address=")
                .stdout(Stdio::null())
                .stderr(Stdio::null()),
        )?;
        Some(Self { address, _running: running, _directory: directory })
    }

    /// Where it is, as `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its active alert of this name, as soon as it has one: polls for two minutes at most.
    pub async fn alert(&self, name: &str) -> Value {
        let url = format!("http://{}/api/v2/alerts?active=true", self.address);
        let mut last = String::new();
        let polled = async {
            loop {
                if let Ok(answer) = reqwest::get(&url).await {
                    last = answer.text().await.unwrap_or_default();
                    let alerts: Vec<Value> = serde_json::from_str(&last).unwrap_or_default();
                    let named = |alert: &Value| alert.pointer("/labels/alertname").is_some_and(|found| found == name);
                    if let Some(found) = alerts.into_iter().find(named) {
                        return found;
                    }
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        match tokio::time::timeout(Duration::from_secs(120), polled).await {
            Ok(found) => found,
            Err(_) => panic!("{name} never came; there are: {last}"),
        }
    }
}
