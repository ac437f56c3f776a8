//! Tower layers that refuse HTTP bodies over a limit, measure the true size of every body, lead from each number to a
//! trace, and let the service itself notice when bodies grow.
//!
//! A Plimsoll line is the mark on a ship's hull that shows how deep it may be loaded. This crate draws one on every
//! HTTP body that a service sends or receives: how large may it be, how large is it really.
//!
//! - **Refuse**: a body declared too large never reaches the code that would process it; of a streamed one, at most
//!   the limit does. On both sides of a call, in both directions: see [`Limit`], [`ServerLayer`], [`ClientLayer`].
//! - **Measure**: the true number of bytes of every body, once, with how it ended: see [`Ledger`], [`Outcome`].
//! - **Point**: every number leads to a trace: see [`Exemplar`], [`OpenMetrics`]; with feature `otlp`, `OtlpExporter`.
//! - **Notice**: the service itself finds that bodies grew, since when, and with which version: see [`detect`]. With
//!   feature `serde`, a gate in `cargo test`, alert rules and a runbook come from one declaration: modules `contract`
//!   and `policy`.
//!
//! ```
//! use axum::{Router, routing::post};
//! use bytes::Bytes;
//! use http_body_util::Full;
//! use hyper_util::{client::legacy::Client, rt::TokioExecutor};
//! use plimsoll::{ClientLayer, KIB, Ledger, Limit, MIB, OpenMetrics, ServerLayer};
//! use tower::Layer;
//!
//! let ledger = Ledger::new(); // one per process; a clone is a handle
//!
//! // Whatever is answered: axum here, any tower HTTP server likewise.
//! let app: Router = Router::new()
//!     .route("/checkout", post(async || "done"))
//!     .layer(
//!         ServerLayer::new(&ledger)
//!             .request_limit(Limit::reject_over(2 * MIB))
//!             .response_limit(Limit::warn_over(256 * KIB)),
//!     )
//!     .route_service("/metrics", OpenMetrics::new(&ledger));
//!
//! // Whatever is called: hyper-util's client here; tonic's channel and reqwest likewise.
//! let http = Client::builder(TokioExecutor::new()).build_http();
//! let inventory = ClientLayer::new(&ledger)
//!     .upstream("inventory")
//!     .response_limit(Limit::reject_over(64 * KIB).and_warn_over(48 * KIB))
//!     .layer(http);
//! # fn call<S: tower::Service<http::Request<Full<Bytes>>>>(_: S) {}
//! # call(inventory);
//! # drop(app);
//! ```
//!
//! # How it flows
//!
//! ```text
//!             declared > limit ─► refuse (413, 500, or an error), nothing read
//!                 │
//!  request ─► ServerLayer / ClientLayer ─► inner service ─► response
//!                 │                                            │
//!           MeteredBody<B>                       MeteredBody<B> (server: or a refusal)
//!                 └──── one sample per body, at its end ───────┘
//!                      (series, bytes, outcome, trace)
//!                                    ▼
//!                                 Ledger            bounded memory, no lock to write
//!                                    ▼
//!                     snapshot, visit ─┬─► OpenMetrics, OtlpExporter
//!                                      ├─► Detector ─► Notice: the log, a closure, metrics, marks on spans
//!                                      └─► Contract: the gate in `cargo test`
//! ```
//!
//! # Per request
//!
//! Through a request's extensions: [`UrlTemplate`] or [`Route`] names its endpoint, [`BodyLimits`] sets limits in
//! place of the layer's. A server's route comes from axum's `MatchedPath` (feature `axum`), a [`Route`], or a
//! closure on the layer; without any it is absent, and never the raw path.
//!
//! # Features
//!
//! None is on by default; the core has no async runtime.
//!
//! | feature | what it adds |
//! |---|---|
//! | `axum` | the route from `MatchedPath`; axum's own 2 MiB default yields to a larger limit of ours |
//! | `reqwest` | [`ClientLayer`] around `reqwest::Client`; `ResponseExt::limit_body` for a single call |
//! | `reqwest-middleware` | [`ClientLayer`] as a middleware of `reqwest_middleware::ClientBuilder` |
//! | `serde` | one policy (module `policy`) of limits, growth and alerts, the gate in `cargo test` (module `contract`), ledgers and baselines in files, limits suggested from a ledger, the command `plimsoll` |
//! | `otlp` | `OtlpExporter`: the ledger to any OpenTelemetry collector, over HTTP or gRPC, with exemplars |
//! | `opentelemetry` | trace ids from the active context; sizes as attributes of its span; instruments of a meter |
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "tests may fail loudly"
    )
)]

mod axum;
mod body;
mod call;
mod client;
mod clock;
#[cfg(feature = "serde")]
pub mod contract;
pub mod detect;
mod endpoint;
mod error;
mod export;
#[cfg(feature = "serde")]
mod files;
pub mod guide;
mod headers;
mod ledger;
mod limit;
#[cfg(feature = "serde")]
pub mod policy;
#[cfg(feature = "reqwest")]
mod reqwest;
mod server;
mod settings;
#[cfg(feature = "serde")]
mod suggest;
mod sync;
mod trace;

pub use body::{MeteredBody, ShortBody};
pub use client::{ClientFuture, ClientLayer, ClientService};
pub use clock::{Clock, ManualClock};
#[cfg(feature = "serde")]
pub use contract::{Contract, ContractError, Factor, FactorError, Measured, Verdict};
pub use detect::{AcceptedChange, Detector, Finding, Growth, Quantile};
pub use endpoint::{Direction, Endpoint, EndpointName, EndpointNameError, Role, Route, UrlTemplate};
pub use error::{Error, LimitExceeded};
pub use export::OpenMetrics;
#[cfg(all(feature = "otlp", feature = "reqwest"))]
pub use export::OtlpReqwest;
#[cfg(feature = "otlp")]
pub use export::{
    Compression, Exported, Histograms, OtlpError, OtlpExporter, OtlpProtocol, OtlpSettings, OtlpSettingsError,
    Temporality,
};
#[cfg(feature = "serde")]
pub use ledger::SnapshotError;
pub use ledger::{
    Bucket, ContentCoding, Enforcement, Exemplar, ExemplarFilter, Ledger, LedgerBuilder, Outcome, Outcomes,
    SeriesSnapshot, SeriesView, SizeDistribution, Snapshot, UrlScheme, View,
};
pub use limit::{BodyLimits, GIB, KIB, Limit, MIB};
#[cfg(feature = "reqwest")]
pub use reqwest::{ReqwestFuture, ResponseExt};
pub use server::{Refusal, ServerBody, ServerFuture, ServerLayer, ServerService};
#[cfg(feature = "serde")]
pub use suggest::Suggestion;
pub use trace::TraceContext;

/// The README's examples, compiled.
#[cfg(all(doctest, feature = "axum", feature = "reqwest-middleware", feature = "serde"))]
#[doc = include_str!("../README.md")]
struct Readme;
