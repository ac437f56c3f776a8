//! What is known at the end: that the ledger counted right, and what it tells an engineer on call.

use plimsoll::Outcome;
use plimsoll::detect::Finding;

use crate::checkout::Parse;
use crate::detection::LEARNED;
use crate::load::{Call, Kind};
use crate::report::{Claims, exact, heading, kb, line, ms, of, quantile, times};
use crate::scrape::stock_series;
use crate::story::{Incident, Normal, World};

/// Compares what the ledger counted with what the customers and the parser saw, to the byte.
pub(crate) fn compare_counts(world: &World, calls: &[Call], parsed: &[Parse], claims: &mut Claims) {
    let stock = stock_series(&world.ledger);
    let bodies = |outcome| stock.as_ref().map_or(0, |series| series.bodies(outcome));
    let refused = calls.iter().filter(|call| call.refused.is_some()).count() as u64;
    let rejected = bodies(Outcome::RejectedEarly).saturating_add(bodies(Outcome::RejectedStreaming));
    let all = stock.as_ref().map_or(0, |series| series.outcomes.total());
    let orders = u64::from(LEARNED).saturating_add(of(calls, Kind::Checkout).count() as u64);
    claims.add(
        "the ledger counted each answer and each refusal once",
        all == orders && refused == rejected && refused > 0,
        format!("{all} for {orders}, {rejected} for {refused}"),
    );
    let counted = stock.as_ref().map_or(0, |series| series.completed.sum());
    let read = parsed.iter().fold(0u64, |sum, parse| sum.saturating_add(parse.bytes));
    claims.add(
        "its bytes are those that were parsed, to the byte",
        counted == read && read > 0,
        format!("{} and {}", exact(counted), exact(read)),
    );
}

/// The story in five lines.
pub(crate) fn summary(usual: &Normal, incident: &Incident, finding: Option<&Finding>, trace_id: &str, passed: &Normal) {
    let Incident { switched, refused, .. } = incident;
    let Some((first, what)) = refused.first() else {
        return;
    };
    let size = quantile(refused.iter().map(|(_, refused)| refused.size).collect(), 50);
    let growth = times(size as f64, usual.size as f64);
    let slower = times(passed.checkout.as_secs_f64(), usual.checkout.as_secs_f64());
    heading("what an engineer on call knows now");
    line("what", format!("{} answers {}, {growth} its usual {}", what.endpoint, kb(size), kb(usual.size)));
    line("since when", format!("{} after the deploy, from the first answer on", ms(first.duration_since(*switched))));
    if let Some(version) = finding.and_then(|finding| finding.version_after.as_deref()) {
        line("since what", format!("version {version} of inventory"));
    }
    line("whom it hurts", format!("those who order, {} so far; carts and everything else go on", refused.len()));
    line("where to look", format!("trace {trace_id}"));
    line("what can be done", format!("roll back inventory; until then, let it pass and take {slower} the time"));
}
