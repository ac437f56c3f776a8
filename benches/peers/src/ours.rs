//! Our layer, with less and more of it turned on.

use opentelemetry::metrics::MeterProvider;
use plimsoll::policy::{EndpointPolicy, Policy, PolicyHandle};
use plimsoll::{ExemplarFilter, Ledger, Limit, MIB, ServerLayer};

use crate::exchange::{Exchange, ROUTES};
use crate::peers::METERS;

/// A request's body is held against a limit, and no trace is looked at. It is counted all the same: there is no layer
/// without a ledger.
pub(crate) fn limit(ledger: &Ledger, exchange: Exchange) -> ServerLayer {
    ServerLayer::new(ledger).span_attributes(false).request_limit(Limit::reject_over(exchange.request_limit()))
}

/// A ledger for [`limit`].
pub(crate) fn unremembered() -> Ledger {
    Ledger::builder().exemplars(ExemplarFilter::AlwaysOff).build()
}

/// Both bodies are measured, with exemplars; nothing is limited, nothing written on spans.
pub(crate) fn measure(ledger: &Ledger) -> ServerLayer {
    ServerLayer::new(ledger).span_attributes(false)
}

/// Both bodies are limited and measured, with exemplars, and their sizes written on the span if it records.
pub(crate) fn everything(ledger: &Ledger, exchange: Exchange) -> ServerLayer {
    ServerLayer::new(ledger)
        .request_limit(Limit::reject_over(exchange.request_limit()))
        .response_limit(Limit::reject_over(32 * MIB).and_warn_over(16 * MIB))
}

/// A ledger that records sizes through the instruments of an SDK too, those that peers record with.
pub(crate) fn with_meter() -> Ledger {
    Ledger::builder().meter(&METERS.meter("plimsoll")).build()
}

/// The same with limits that come from a policy, which can be swapped: they are looked up for each call.
pub(crate) fn with_policy(ledger: &Ledger, exchange: Exchange) -> ServerLayer {
    let endpoint = EndpointPolicy::new()
        .request(Limit::reject_over(exchange.request_limit()))
        .response(Limit::reject_over(32 * MIB).and_warn_over(16 * MIB));
    let names = ROUTES.iter().take(exchange.endpoints).map(|route| format!("server POST {route}").parse());
    let policy = names.fold(Policy::new("checkout", "bench"), |policy, name| {
        policy.endpoint(name.expect("it is a server's endpoint"), endpoint.clone())
    });
    ServerLayer::new(ledger).policy(&PolicyHandle::new(policy))
}

#[cfg(test)]
mod tests {
    use plimsoll::{Direction, KIB, Role};
    use tower::{Layer, service_fn};

    use super::*;
    use crate::call::handler;
    use crate::context::Active;
    use crate::exchange::Shape;
    use crate::settings::Subject;

    /// What the ledger knows of both bodies after one call: bytes, the rejecting limit, exemplars.
    fn recorded(ledger: &Ledger) -> [(u64, Option<u64>, usize); 2] {
        let snapshot = ledger.snapshot();
        [Direction::Request, Direction::Response].map(|direction| {
            let series = snapshot.find(Role::Server, direction, "/checkout/{cart}").expect("it is under its route");
            assert_eq!(series.completed.count(), 1, "{direction}");
            (series.completed.sum(), series.limit.rejects_over(), series.completed_exemplars.len())
        })
    }

    #[test]
    fn everything_on_is_everything_in_a_tower_service() {
        for active in [Active::Remote, Active::Recording] {
            let ledger = Ledger::new();
            let exchange = Exchange::USUAL;
            let service = everything(&ledger, exchange).layer(service_fn(move |request| handler(request, exchange)));
            Subject::tower(active, exchange, service).caller().call();
            assert_eq!(recorded(&ledger), [(256, Some(2 * MIB), 1), (8 * KIB, Some(32 * MIB), 1)]);
        }
    }

    #[test]
    fn everything_on_is_everything_in_a_router_whatever_the_bodies() {
        for shape in Shape::ALL {
            let ledger = Ledger::new();
            let exchange = Exchange::both(shape, 1);
            Subject::axum(exchange, everything(&ledger, exchange)).caller().call();
            let (bytes, limit) = (shape.bytes as u64, exchange.request_limit());
            assert_eq!(recorded(&ledger), [(bytes, Some(limit), 1), (bytes, Some(32 * MIB), 1)], "{shape}");
        }
    }

    #[test]
    fn limits_of_a_policy_are_those_of_the_layer() {
        let ledger = Ledger::new();
        Subject::axum(Exchange::USUAL, with_policy(&ledger, Exchange::USUAL)).caller().call();
        assert_eq!(recorded(&ledger), [(256, Some(2 * MIB), 1), (8 * KIB, Some(32 * MIB), 1)]);
    }

    #[test]
    fn measuring_only_limits_nothing_and_limiting_only_keeps_no_exemplar() {
        let (measured, limited) = (Ledger::new(), unremembered());
        Subject::axum(Exchange::USUAL, measure(&measured)).caller().call();
        Subject::axum(Exchange::USUAL, limit(&limited, Exchange::USUAL)).caller().call();
        assert_eq!(recorded(&measured), [(256, None, 1), (8 * KIB, None, 1)]);
        assert_eq!(recorded(&limited), [(256, Some(2 * MIB), 0), (8 * KIB, None, 0)]);
    }

    #[test]
    fn each_of_many_endpoints_is_recorded() {
        let ledger = Ledger::new();
        let exchange = Exchange { endpoints: Exchange::MANY, ..Exchange::USUAL };
        let subject = Subject::axum(exchange, everything(&ledger, exchange));
        for mut caller in subject.callers(2) {
            (0..Exchange::MANY).for_each(|_| caller.call());
        }
        let snapshot = ledger.snapshot();
        assert_eq!(snapshot.series().len(), 2 * Exchange::MANY);
        assert!(snapshot.series().iter().all(|series| series.completed.count() == 2), "two callers, one round each");
    }
}
