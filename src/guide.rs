//! How to get from a number to a trace: a page of the repository, with Prometheus, Grafana and collectors.
//!
// Its examples need the features that they show.
#![cfg_attr(
    any(not(doctest), all(feature = "otlp", feature = "reqwest")),
    doc = include_str!("../docs/from-a-number-to-a-trace.md")
)]
