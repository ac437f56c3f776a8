//! The list of what is compared.

use std::fmt;

use axum::body::Body as AxumBody;
use plimsoll::Ledger;
use tower::layer::util::Identity;
use tower::{Layer, service_fn};
use tower_http::trace::TraceLayer;

use crate::call::handler;
use crate::context::Active;
use crate::exchange::Exchange;
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
    make: fn(Exchange) -> Subject,
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
    /// axum-prometheus with the sizes of responses; it has none of requests.
    pub const PROMETHEUS_SIZES: &'static str = "axum-prometheus, response sizes too";
    /// The metrics of tower-otel.
    pub const TOWER_OTEL: &'static str = "tower-otel";
    /// axum-otel-metrics; in a router only.
    pub const AXUM_OTEL: &'static str = "axum-otel-metrics";
    /// A limit on requests, which records nothing.
    pub const LIMIT: &'static str = "tower-http RequestBodyLimitLayer";
    /// Both bodies get another type, and nothing is done with them.
    pub const WRAPPED: &'static str = "both bodies wrapped, nothing done";
    /// All that we do, and sizes into the instruments of an OpenTelemetry SDK as well.
    pub const METER: &'static str = "ours, everything on, OpenTelemetry instruments too";
    /// All that we do, with limits that a policy sets.
    pub const POLICY: &'static str = "ours, everything on, limits from a policy";
    /// All that we do, on both bodies.
    pub const EVERYTHING: &'static str = "ours, everything on";

    /// The service, ready to be called.
    #[must_use]
    pub fn subject(&self, exchange: Exchange) -> Subject {
        (self.make)(exchange)
    }
}

macro_rules! tower {
    ($active:ident) => {
        tower!($active, _exchange => Identity::new())
    };
    ($active:ident, $layer:expr) => {
        tower!($active, _exchange => $layer)
    };
    ($active:ident, $exchange:ident => $layer:expr) => {
        |$exchange| {
            let service = service_fn(move |request| handler(request, $exchange));
            Subject::tower(Active::$active, $exchange, $layer.layer(service))
        }
    };
}

macro_rules! axum {
    ($layer:expr) => {
        axum!(_exchange => $layer)
    };
    ($exchange:ident => $layer:expr) => {
        |$exchange| Subject::axum($exchange, $layer)
    };
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

const fn case(setting: Setting, name: &'static str, make: fn(Exchange) -> Subject) -> Case {
    Case { setting, name, make }
}

/// Everything that is compared, in the order of the tables.
pub static CASES: &[Case] = {
    use Setting::{Axum, Tower, TowerInSpan};
    &[
        case(Tower, Case::BARE, tower!(Remote)),
        case(Tower, Case::WRAPPED, tower!(Remote, peers::wrap())),
        case(Tower, Case::LIMIT, tower!(Remote, exchange => peers::limit(exchange))),
        case(Tower, "tower-http TraceLayer, no subscriber", tower!(Remote, TraceLayer::new_for_http())),
        case(Tower, Case::TOWER_OTEL, tower!(Remote, peers::tower_otel())),
        case(Tower, Case::INSTRUMENTATION, tower!(Remote, peers::instrumentation_with_route(false))),
        case(
            Tower,
            "opentelemetry-instrumentation-tower, spans too",
            tower!(Remote, peers::instrumentation_with_route(true)),
        ),
        case(Tower, Case::PROMETHEUS, tower!(Remote, peers::axum_prometheus(false))),
        case(Tower, Case::PROMETHEUS_SIZES, tower!(Remote, peers::axum_prometheus(true))),
        case(
            Tower,
            "ours, request limit only",
            tower!(Remote, exchange => ours::limit(&ours::unremembered(), exchange)),
        ),
        case(Tower, "ours, measuring only", tower!(Remote, ours::measure(&Ledger::new()))),
        case(Tower, Case::METER, tower!(Remote, exchange => ours::everything(&ours::with_meter(), exchange))),
        case(Tower, Case::POLICY, tower!(Remote, exchange => ours::with_policy(&Ledger::new(), exchange))),
        case(Tower, Case::EVERYTHING, tower!(Remote, exchange => ours::everything(&Ledger::new(), exchange))),
        case(TowerInSpan, Case::BARE, tower!(Recording)),
        case(TowerInSpan, "ours, measuring only", tower!(Recording, ours::measure(&Ledger::new()))),
        case(TowerInSpan, Case::EVERYTHING, tower!(Recording, exchange => ours::everything(&Ledger::new(), exchange))),
        case(Axum, Case::BARE, Subject::bare_axum),
        case(Axum, Case::NO_OP, axum!(Identity::new())),
        case(Axum, Case::WRAPPED, axum!(peers::wrap::<AxumBody, AxumBody>())),
        case(Axum, Case::LIMIT, axum!(exchange => peers::limit(exchange))),
        case(Axum, "tower-http TraceLayer, no subscriber", axum!(TraceLayer::new_for_http())),
        case(Axum, Case::AXUM_OTEL, axum!(peers::axum_otel())),
        case(Axum, Case::TOWER_OTEL, axum!(peers::tower_otel())),
        case(Axum, Case::INSTRUMENTATION, axum!(peers::instrumentation(false))),
        case(Axum, "opentelemetry-instrumentation-tower, spans too", axum!(peers::instrumentation(true))),
        case(Axum, Case::PROMETHEUS, axum!(peers::axum_prometheus(false))),
        case(Axum, Case::PROMETHEUS_SIZES, axum!(peers::axum_prometheus(true))),
        case(Axum, "ours, request limit only", axum!(exchange => ours::limit(&ours::unremembered(), exchange))),
        case(Axum, "ours, measuring only", axum!(ours::measure(&Ledger::new()))),
        case(Axum, Case::METER, axum!(exchange => ours::everything(&ours::with_meter(), exchange))),
        case(Axum, Case::POLICY, axum!(exchange => ours::with_policy(&Ledger::new(), exchange))),
        case(Axum, Case::EVERYTHING, axum!(exchange => ours::everything(&Ledger::new(), exchange))),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Shape;
    use crate::settings::Caller;

    #[test]
    fn every_case_answers() {
        for case in CASES {
            for exchange in Shape::ALL.map(|shape| Exchange::both(shape, 2)) {
                case.subject(exchange).callers(2).iter_mut().for_each(Caller::call);
            }
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
