//! The list of what is compared.

use std::fmt;

use axum::body::Body as AxumBody;
use plimsoll::Ledger;
use tower::layer::util::Identity;
use tower::{Layer, service_fn};
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::trace::TraceLayer;

use crate::call::handler;
use crate::context::Active;
use crate::settings::Subject;
use crate::{ours, peers};

/// What stands around the layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// A plain tower service, with the context of a sampled remote span.
    Tower,
    /// The same within a recording span of the OpenTelemetry SDK, started for each call.
    TowerInSpan,
    /// A route of an axum router, with the context of a sampled remote span.
    Axum,
}

impl Setting {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tower, Self::TowerInSpan, Self::Axum];

    /// What a table of its cases is headed by.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Tower => "a plain tower service",
            Self::TowerInSpan => "a plain tower service, in a recording span",
            Self::Axum => "a route of an axum router",
        }
    }
}

/// A service under one layer, or under none.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What stands around it.
    pub setting: Setting,
    /// The layer.
    pub name: &'static str,
    make: fn() -> Subject,
}

impl Case {
    /// The name of the case that others are compared with, first in each setting.
    pub const BARE: &'static str = "no layer";
    /// A layer that leaves everything as it is: axum boxes what a layer returns, and its bodies if they changed.
    pub const NO_OP: &'static str = "a no-op layer";
    /// opentelemetry-instrumentation-tower, without its spans: we start none either.
    pub const INSTRUMENTATION: &'static str = "opentelemetry-instrumentation-tower";
    /// axum-prometheus as it comes: without the sizes of bodies.
    pub const PROMETHEUS: &'static str = "axum-prometheus";
    /// All that we do, on both bodies.
    pub const EVERYTHING: &'static str = "ours, everything on";

    /// The service, ready to be called.
    #[must_use]
    pub fn subject(&self) -> Subject {
        (self.make)()
    }
}

/// What a request's body may hold, in bytes, for a layer that limits it.
const LIMIT: usize = 2 * 1024 * 1024;

macro_rules! tower {
    () => {
        Subject::tower(Active::Remote, service_fn(handler))
    };
    ($layer:expr) => {
        Subject::tower(Active::Remote, $layer.layer(service_fn(handler)))
    };
}

macro_rules! in_span {
    () => {
        Subject::tower(Active::Recording, service_fn(handler))
    };
    ($layer:expr) => {
        Subject::tower(Active::Recording, $layer.layer(service_fn(handler)))
    };
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

const fn case(setting: Setting, name: &'static str, make: fn() -> Subject) -> Case {
    Case { setting, name, make }
}

/// Everything that is compared, in the order of the tables.
pub static CASES: &[Case] = {
    use Setting::{Axum, Tower, TowerInSpan};
    &[
        case(Tower, Case::BARE, || tower!()),
        case(Tower, "both bodies wrapped, nothing done", || tower!(peers::wrap())),
        case(Tower, "tower-http RequestBodyLimitLayer", || tower!(RequestBodyLimitLayer::new(LIMIT))),
        case(Tower, "tower-http TraceLayer, no subscriber", || tower!(TraceLayer::new_for_http())),
        case(Tower, "tower-otel", || tower!(peers::tower_otel())),
        case(Tower, Case::INSTRUMENTATION, || tower!(peers::instrumentation_with_route(false))),
        case(Tower, "opentelemetry-instrumentation-tower, spans too", || {
            tower!(peers::instrumentation_with_route(true))
        }),
        case(Tower, Case::PROMETHEUS, || tower!(peers::axum_prometheus(false))),
        case(Tower, "axum-prometheus, response sizes too", || tower!(peers::axum_prometheus(true))),
        case(Tower, "ours, request limit only", || tower!(ours::limit())),
        case(Tower, "ours, measuring only", || tower!(ours::measure())),
        case(Tower, Case::EVERYTHING, || tower!(ours::everything(&Ledger::new()))),
        case(TowerInSpan, Case::BARE, || in_span!()),
        case(TowerInSpan, "ours, measuring only", || in_span!(ours::measure())),
        case(TowerInSpan, Case::EVERYTHING, || in_span!(ours::everything(&Ledger::new()))),
        case(Axum, Case::BARE, Subject::bare_axum),
        case(Axum, Case::NO_OP, || Subject::axum(Identity::new())),
        case(Axum, "both bodies wrapped, nothing done", || Subject::axum(peers::wrap::<AxumBody, AxumBody>())),
        case(Axum, "tower-http RequestBodyLimitLayer", || Subject::axum(RequestBodyLimitLayer::new(LIMIT))),
        case(Axum, "tower-http TraceLayer, no subscriber", || Subject::axum(TraceLayer::new_for_http())),
        case(Axum, "axum-otel-metrics", || Subject::axum(peers::axum_otel())),
        case(Axum, "tower-otel", || Subject::axum(peers::tower_otel())),
        case(Axum, Case::INSTRUMENTATION, || Subject::axum(peers::instrumentation(false))),
        case(Axum, "opentelemetry-instrumentation-tower, spans too", || Subject::axum(peers::instrumentation(true))),
        case(Axum, Case::PROMETHEUS, || Subject::axum(peers::axum_prometheus(false))),
        case(Axum, "axum-prometheus, response sizes too", || Subject::axum(peers::axum_prometheus(true))),
        case(Axum, "ours, request limit only", || Subject::axum(ours::limit())),
        case(Axum, "ours, measuring only", || Subject::axum(ours::measure())),
        case(Axum, Case::EVERYTHING, || Subject::axum(ours::everything(&Ledger::new()))),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_answers() {
        for case in CASES {
            let mut subject = case.subject();
            (0..2).for_each(|_| subject.call());
        }
    }

    #[test]
    fn every_setting_is_compared_with_no_layer_and_has_each_case_once() {
        for setting in Setting::ALL {
            let names: Vec<_> = CASES.iter().filter(|case| case.setting == setting).map(|case| case.name).collect();
            assert_eq!(names.first(), Some(&Case::BARE), "{setting:?}");
            assert_eq!(names.last(), Some(&Case::EVERYTHING), "{setting:?}");
            for name in &names {
                assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "{name}");
            }
        }
    }
}
