//! `check`: whether a policy is legal, and what is worth a thought in it.

use plimsoll::Snapshot;
use plimsoll::policy::{Coverage, Policy};

use crate::Result;

pub(crate) fn run(path: &str, ledger: Option<&str>) -> Result {
    let policy = Policy::load(path)?;
    for (name, endpoint) in policy.endpoints() {
        let limits = endpoint.limits();
        for (direction, limit) in [("request", limits.request_limit()), ("response", limits.response_limit())] {
            let Some(limit) = limit else { continue };
            if let (Some(reject), Some(warn)) = (limit.rejects_over(), limit.warns_over()) {
                if warn >= reject {
                    eprintln!("{path}: note: {name}: {direction}: its warning line is never reached before it rejects");
                }
            }
        }
    }
    for change in policy.accepted().iter().filter(|change| change.expires.is_none()) {
        eprintln!("{path}: note: {}: a change is accepted for ever; `expires` would end that", change.endpoint);
    }
    if let Some(ledger) = ledger {
        let Coverage { unmatched, unnamed } = policy.coverage_of(&Snapshot::load(ledger)?);
        unmatched.iter().for_each(|name| eprintln!("{path}: note: {name}: named, and not once in {ledger}"));
        unnamed.iter().for_each(|name| eprintln!("{path}: note: {name}: in {ledger}, and not named"));
    }
    let (endpoints, accepted) = (policy.endpoints().len(), policy.accepted().len());
    println!("{path}: {} of {}: {endpoints} endpoints, {accepted} accepted changes", policy.service(), policy.owner());
    Ok(())
}
