//! `check`: whether a policy is valid, and what is worth a thought in it.

use std::path::Path;
use std::time::SystemTime;

use plimsoll::policy::{Coverage, Policy};
use plimsoll::{Clock, Snapshot};

use crate::Result;

pub(crate) fn run(path: &Path, ledger: Option<&Path>) -> Result {
    let policy = Policy::load(path)?;
    let mut notes = notes(&policy, Clock::system().now());
    if let Some(ledger) = ledger {
        let Coverage { unmatched, unnamed } = policy.coverage_of(&Snapshot::load(ledger)?);
        let ledger = ledger.display();
        notes.extend(unmatched.iter().map(|name| format!("{name}: named, and not once in {ledger}")));
        notes.extend(unnamed.iter().map(|name| format!("{name}: in {ledger}, and not named")));
    }
    let path = path.display();
    notes.iter().for_each(|note| eprintln!("{path}: note: {note}"));
    let endpoints = count(policy.endpoints().len(), "endpoint");
    let accepted = count(policy.accepted().len(), "accepted change");
    Ok(format!("{path}: {} of {}: {endpoints}, {accepted}\n", policy.service(), policy.owner()))
}

/// What is valid, and may not be meant.
fn notes(policy: &Policy, now: SystemTime) -> Vec<String> {
    let mut notes = Vec::new();
    for (name, endpoint) in policy.endpoints() {
        let limits = endpoint.limits();
        for (direction, limit) in [("request", limits.request_limit()), ("response", limits.response_limit())] {
            let lines = limit.and_then(|limit| limit.rejects_over().zip(limit.warns_over()));
            if lines.is_some_and(|(reject, warn)| warn >= reject) {
                notes.push(format!("{name}: {direction}: its warning line is never reached before it rejects"));
            }
        }
    }
    for change in policy.accepted() {
        let name = &change.endpoint;
        match change.expires {
            None => notes.push(format!("{name}: a change is accepted for ever; `expires` would end that")),
            Some(expires) if expires <= now => notes.push(format!("{name}: a change was accepted, and has expired")),
            Some(_) => {}
        }
        if change.reason.trim().is_empty() {
            notes.push(format!("{name}: a change is accepted, and `reason` does not say why"));
        }
        if policy.get(name).is_none() {
            notes.push(format!("{name}: a change is accepted, and `endpoints` does not name it; is it spelt right?"));
        }
    }
    notes
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
