//! What happened to an endpoint, as time series of a Prometheus test, one value in ten minutes.

use std::fmt::Write;

/// Steps of ten minutes.
pub const HOUR: usize = 6;
pub const DAY: usize = 24 * HOUR;

/// Bodies of one instance in a step.
const BODIES: u64 = 500;

/// A counter: how much it rises in each step, for how many steps; `None` where the series is not there.
type Rises<'a> = &'a [(Option<u64>, usize)];

/// A scenario: its series, and which alerts fire when.
pub struct Scenario {
    name: &'static str,
    series: String,
    expected: String,
    texts: String,
}

impl Scenario {
    pub fn new(name: &'static str) -> Self {
        Self { name, series: String::new(), expected: String::new(), texts: String::new() }
    }

    /// A series with these values, written as promtool has them.
    pub fn series(mut self, series: &str, values: &str) -> Self {
        writeln!(self.series, "      - series: '{series}'\n        values: '{values}'").unwrap();
        self
    }

    /// A counter of the endpoint, the same on two instances.
    pub fn counter(mut self, metric: &str, labels: &str, rises: Rises<'_>) -> Self {
        for instance in ["a", "b"] {
            self = self.series(&of(metric, instance, labels), &values(rises, None));
        }
        self
    }

    /// The same, but that one instance is started anew after so many steps.
    pub fn restarted(self, metric: &str, labels: &str, rises: Rises<'_>, after: usize) -> Self {
        let (stays, restarts) = (of(metric, "a", labels), of(metric, "b", labels));
        self.series(&stays, &values(rises, None)).series(&restarts, &values(rises, Some(after)))
    }

    /// Answers, by how many there are of each kind, as the histogram of offered sizes has them too.
    pub fn answers(self, small: Rises<'_>, large: Rises<'_>, refused: bool) -> Self {
        let ended = |outcome: &str| format!("http_response_status_code=\"200\",plimsoll_outcome=\"{outcome}\"");
        let outcome = if refused { "rejected_early" } else { "complete" };
        // Large ones that complete are of the same series as small ones.
        let all: Vec<_> =
            small.iter().zip(large).map(|((small, steps), (large, _))| (sum(*small, *large), *steps)).collect();
        let scenario = match refused {
            true => self.counter("plimsoll_bodies_total", &ended("complete"), small).counter(
                "plimsoll_bodies_total",
                &ended(outcome),
                large,
            ),
            false => self.counter("plimsoll_bodies_total", &ended("complete"), &all),
        };
        let small: Vec<_> = small.iter().map(|(rise, steps)| (rise.or(Some(0)), *steps)).collect();
        let all: Vec<_> = all.iter().map(|(rise, steps)| (rise.or(Some(0)), *steps)).collect();
        ["4096", "8192", "16384", "65536", "131072", "+Inf"].into_iter().fold(scenario, |scenario, le| {
            let rises = match le {
                "4096" => vec![(Some(0), small.iter().map(|(_, steps)| steps).sum())],
                "8192" | "16384" | "65536" => small.clone(),
                _ => all.clone(),
            };
            let le = if le == "+Inf" { le.to_owned() } else { format!("{le}.0") };
            let labels = format!("http_response_status_code=\"200\",le=\"{le}\"");
            scenario.counter("plimsoll_body_offered_size_bytes_bucket", &labels, &rises)
        })
    }

    /// Bodies above the baseline's edge at each quantile: in calm times fewer than there may be.
    pub fn above(self, rises: Rises<'_>) -> Self {
        ["0.5", "0.9", "0.99", "0.999"].into_iter().fold(self, |scenario, quantile| {
            let labels = format!("plimsoll_quantile=\"{quantile}\"");
            scenario.counter("plimsoll_bodies_above_baseline_total", &labels, rises)
        })
    }

    /// At this step exactly these alerts fire, of whatever is in the rules.
    pub fn fires(mut self, step: usize, alerts: &[&str]) -> Self {
        let mut alerts = alerts.to_vec();
        alerts.sort_unstable();
        let samples: Vec<_> =
            alerts.iter().map(|alert| format!("{{ labels: '{{alertname=\"{alert}\"}}', value: 1 }}")).collect();
        writeln!(
            self.expected,
            "      - expr: 'count by (alertname) (ALERTS{{alertstate=\"firing\"}})'\n        eval_time: {}m\n        \
             exp_samples: [{}]",
            step * 10,
            samples.join(", ")
        )
        .unwrap();
        self
    }
}

impl Scenario {
    /// At this step the alert has these labels, beside those of the endpoint, and says this.
    pub fn says(mut self, step: usize, alert: &str, labels: &[(&str, &str)], annotations: &[(&str, &str)]) -> Self {
        let endpoint = [
            ("service", "checkout"),
            ("owner", "team-checkout"),
            ("endpoint", "client GET /inventory/{sku} of inventory"),
            ("plimsoll_role", "client"),
            ("plimsoll_direction", "response"),
            ("http_request_method", "GET"),
            ("url_template", "/inventory/{sku}"),
            ("plimsoll_upstream", "inventory"),
            ("plimsoll_body_view", "wire"),
        ];
        let pairs = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, value)| format!("{key}: {value:?}")).collect::<Vec<_>>().join(", ")
        };
        writeln!(
            self.texts,
            "      - eval_time: {}m\n        alertname: {alert}\n        exp_alerts:\n          - exp_labels: {{ {}, {} }}\n            \
             exp_annotations: {{ {} }}",
            step * 10,
            pairs(&endpoint),
            pairs(labels),
            pairs(annotations)
        )
        .unwrap();
        self
    }
}

/// The whole file of a test.
pub fn test_file(rules: &str, groups: [&str; 2], scenarios: &[Scenario]) -> String {
    let [recorded, alerting] = groups;
    let mut file = format!(
        "rule_files: [{rules}]\nevaluation_interval: 10m\ngroup_eval_order: [{recorded}, {alerting}]\ntests:\n"
    );
    for Scenario { name, series, expected, texts } in scenarios {
        write!(
            file,
            "  - name: {name}\n    interval: 10m\n    input_series:\n{series}    promql_expr_test:\n{expected}"
        )
        .unwrap();
        if !texts.is_empty() {
            write!(file, "    alert_rule_test:\n{texts}").unwrap();
        }
    }
    file
}

/// So many bodies of each instance in each step.
pub fn all(steps: usize) -> (Option<u64>, usize) {
    (Some(BODIES), steps)
}

/// A share of them, in thousandths.
pub fn share(per_mille: u64, steps: usize) -> (Option<u64>, usize) {
    (Some(BODIES * per_mille / 1_000), steps)
}

fn sum(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (None, None) => None,
        (one, other) => Some(one.unwrap_or(0) + other.unwrap_or(0)),
    }
}

/// The name of a gauge of the endpoint, on one instance.
pub fn gauge(metric: &str, labels: &str) -> String {
    of(metric, "a", labels)
}

fn of(metric: &str, instance: &str, labels: &str) -> String {
    format!(
        "{metric}{{job=\"checkout\",instance=\"{instance}\",url_scheme=\"http\",server_port=\"80\",\
         plimsoll_role=\"client\",plimsoll_direction=\"response\",http_request_method=\"GET\",\
         url_template=\"/inventory/{{sku}}\",plimsoll_upstream=\"inventory\",plimsoll_body_view=\"wire\",{labels}}}"
    )
}

fn values(rises: Rises<'_>, restart: Option<usize>) -> String {
    let (mut value, mut step, mut text) = (0, 0, Vec::new());
    for (rise, steps) in rises {
        for _ in 0..*steps {
            if restart == Some(step) {
                value = 0;
            }
            step += 1;
            text.push(match rise {
                None => "_".to_owned(),
                Some(rise) => {
                    value += rise;
                    value.to_string()
                }
            });
        }
    }
    text.join(" ")
}
