//! Our layer, with less and more of it turned on.

use plimsoll::{ExemplarFilter, KIB, Ledger, Limit, MIB, ServerLayer};

/// A request's body is held against a limit, and no trace is looked at. It is counted all the same: there is no layer
/// without a ledger.
pub(crate) fn limit() -> ServerLayer {
    let ledger = Ledger::builder().exemplars(ExemplarFilter::AlwaysOff).build();
    ServerLayer::new(&ledger).span_attributes(false).request_limit(Limit::reject_over(2 * MIB))
}

/// Both bodies are measured, with exemplars; nothing is limited, nothing written on spans.
pub(crate) fn measure() -> ServerLayer {
    ServerLayer::new(&Ledger::new()).span_attributes(false)
}

/// Both bodies are limited and measured, with exemplars, and their sizes written on the span if it records.
pub(crate) fn everything(ledger: &Ledger) -> ServerLayer {
    ServerLayer::new(ledger)
        .request_limit(Limit::reject_over(2 * MIB))
        .response_limit(Limit::reject_over(64 * KIB).and_warn_over(48 * KIB))
}

#[cfg(test)]
mod tests {
    use plimsoll::{Direction, Role};
    use tower::{Layer, service_fn};

    use super::*;
    use crate::call::{ROUTE, handler};
    use crate::context::Active;
    use crate::settings::Subject;

    fn limits_and_measures_both_bodies(ledger: &Ledger, mut subject: Subject) {
        subject.call();
        let snapshot = ledger.snapshot();
        for (direction, bytes, limit) in [(Direction::Request, 256, 2 * MIB), (Direction::Response, 8 * KIB, 64 * KIB)]
        {
            let series = snapshot.find(Role::Server, direction, ROUTE).expect("it is recorded under its route");
            assert_eq!((series.completed.count(), series.completed.sum()), (1, bytes), "{direction}");
            assert_eq!(series.limit.rejects_over(), Some(limit), "{direction}");
            assert_eq!(series.completed_exemplars.len(), 1, "{direction}");
        }
    }

    #[test]
    fn everything_on_is_everything_in_a_tower_service() {
        for active in [Active::Remote, Active::Recording] {
            let ledger = Ledger::new();
            let service = everything(&ledger).layer(service_fn(handler));
            limits_and_measures_both_bodies(&ledger, Subject::tower(active, service));
        }
    }

    #[test]
    fn everything_on_is_everything_in_a_router() {
        let ledger = Ledger::new();
        limits_and_measures_both_bodies(&ledger, Subject::axum(everything(&ledger)));
    }
}
