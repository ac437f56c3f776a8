//! `suggest`: limits from a saved ledger, as a policy to read and keep.

use plimsoll::{Snapshot, Suggestion};

use crate::Result;

pub(crate) fn run(ledger: &str, service: &str, owner: &str) -> Result {
    print!("{}", Suggestion::of(&Snapshot::load(ledger)?).service(service).owner(owner));
    Ok(())
}
