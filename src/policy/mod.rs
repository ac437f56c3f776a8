//! One declaration of a service's bodies: limits, growth, what is accepted, and what its alerts and runbook say.
//!
//! After an incident there is a limit in the code, an alert in one repository and a page in a wiki, and they drift apart.
//! Here all come from one [`Policy`]: a TOML file, or the same in code.
//!
//! | from a policy | comes |
//! |---|---|
//! | [`PolicyHandle`], and `policy` of [`ServerLayer`](crate::ServerLayer::policy) and [`ClientLayer`](crate::ClientLayer::policy) | the limits that a running service holds bodies against, and that a reload changes |
//! | [`DetectorBuilder::policy`](crate::detect::DetectorBuilder::policy) | how much each endpoint may grow, and which growth is accepted |
//! | [`Policy::coverage`] | what it names in vain, and what it should name |
//! | [`Policy::prometheus_rules`] | recording rules and alerts |
//! | [`Policy::runbook_markdown`] | what to do about each alert |
//!
//! The command `plimsoll` (`cargo install plimsoll --features serde`) does the same from a shell: `plimsoll check`,
//! `plimsoll rules`, `plimsoll runbook`. It exits with 1 where a file is not valid, so that a pull request's checks can ask.
//!
//! # The file
//!
//! Sizes are texts like `64 KiB` ([`ByteSize`]) or whole numbers of bytes. What is left out is as by default. A key that is
//! not known is an error, as is anything else that is not valid; an error names the file, the line, the key, the value and
//! what would be valid.
//!
//! ```toml
#![doc = include_str!("../../examples/policy.toml")]
//! ```
//!
//! # Which limit holds
//!
//! The layer's own, then those of its `limits_for`, then the policy's for the endpoint, then the request's own
//! [`BodyLimits`](crate::BodyLimits): for each direction the last that is set. The policy comes after what is in the code,
//! because alerts and runbook speak of it: a limit that holds in spite of it would make them lie. Under a rejecting
//! limit with no warning line, the policy draws one at 80 %
//! ([`limits_held`](EndpointPolicy::limits_held)).
//!
//! # Alert rules
//!
//! Everything is summed over instances and over all labels but those that tell endpoints and directions apart. No rule
//! names a bucket's edge, which Prometheus 2 and 3 write differently. A ratio wants
//! [`min_bodies`](EndpointPolicy::min_bodies) in its window. A counter that is not there yet counts from 0, so that the
//! first refusal of all is seen.
//!
//! | alert | fires when | reads |
//! |---|---|---|
//! | `BodyGrowth` | a quantile is over its baseline by more than is allowed, for ten minutes | `plimsoll_bodies_above_baseline_total` over `plimsoll_bodies_total` |
//! | `BodyGrowthWeekOverWeek` | p99 is so many times that of a week ago; only with [`week_over_week`](EndpointPolicy::week_over_week) | `plimsoll_body_offered_size_bytes_bucket` |
//! | `BodyGrowthFound` | the detector has an open finding that is more than a warning | `plimsoll_regression_active`, `plimsoll_regression_factor` |
//! | `BodiesRefused` | a body was refused in the last ten minutes | `plimsoll_bodies_total` |
//! | `BodiesNearLimit` | 1 % of the bodies were over a warning line, or over a limit that is not enforced | `plimsoll_body_over_limit_total` |
//! | `BodyBudgetBurnsFast` | more bodies are over their limit than the objective allows: 14.4 times in 1 h and in 5 min, or 6 times in 6 h and in 30 min | `plimsoll_bodies_total`, or the same where a limit only warns |
//! | `BodyBudgetBurnsSlowly` | 3 times in 1 d and in 2 h, or once in 3 d and in 6 h | the same |
//! | `BodyMetricsAbsent` | the service's metrics were there within a week, and are not any more | `plimsoll_bodies_total` |
//! | `BodyBaselineAbsent` | there was traffic eight days ago and is now, and no baseline: growth cannot be told | `plimsoll_bodies_above_baseline_total` |
//!
//! Each has the labels `service`, `owner` and `severity` (`page` for `BodiesRefused` and `BodyBudgetBurnsFast`, `ticket` for
//! the others), those of an endpoint also `endpoint` and `plimsoll_direction`; and the annotations `summary`, `description`
//! and `runbook_url`.
//!
//! Growth is counted by the service itself against its own baseline, so the share is exact, and adds up over instances.
//! The classic rule compares two quantiles that are read from buckets which double. Each is right to within a factor of
//! two: bodies that grow from 31 to 33 KiB seem to double, those that grow from 33 to 63 KiB not to grow at all, and over
//! 16 MiB nothing is seen. It is there for those who have to have it.
//!
//! The objective ([`RuleSettings::objective_per_mille`]) counts the bodies that were refused; where a limit only warns, those
//! over its line. Over the warning line of a limit that rejects, a body is still within it. While limits are not
//! [enforced](crate::Enforcement), nothing is refused, and `BodiesNearLimit` tells what would have been.
//!
//! # What is not seen
//!
//! The first scrape of a service that has run for long counts all that it refused before as of now. A service that was
//! restarted and has had no traffic since looks like one whose metrics are gone. Instances that have no baseline yet
//! count among the bodies and not among those above it, so that while some of them learn the share is too low: let each
//! begin with what the others learnt ([`DetectorBuilder::begin_with`](crate::detect::DetectorBuilder::begin_with)).

mod alert;
mod bytes;
mod coverage;
mod declaration;
mod detector;
mod error;
mod fields;
mod live;
mod markdown;
mod promql;
mod read;
mod rule_settings;
mod rules;
mod runbook;
mod time;
mod wording;
mod write;
mod yaml;

pub use bytes::{ByteSize, ByteSizeError};
pub use coverage::Coverage;
pub use declaration::{EndpointPolicy, Policy};
pub use error::PolicyError;
pub use live::PolicyHandle;
pub use rule_settings::{LabelName, RuleSettings};
