//! `suggest`: limits from a saved ledger, as a policy to read and keep.

use std::ffi::OsStr;
use std::path::Path;

use plimsoll::{Snapshot, Suggestion};

use crate::Result;

pub(crate) fn run(ledger: &Path, service: &OsStr, owner: &OsStr) -> Result {
    for (name, given) in [("SERVICE", service), ("OWNER", owner)] {
        if given.to_string_lossy().trim().is_empty() {
            return Err(format!("{name} is {given:?}: a policy needs a name there").into());
        }
    }
    let suggestion = Suggestion::of(&Snapshot::load(ledger)?);
    Ok(suggestion.service(service.to_string_lossy()).owner(owner.to_string_lossy()).to_string())
}
