//! `suggest`: limits from a saved ledger, as a policy to read and keep.

use std::ffi::OsStr;
use std::path::Path;

use plimsoll::{Snapshot, Suggestion};

use crate::Result;

pub(crate) fn run(ledger: &Path, service: &OsStr, owner: &OsStr) -> Result {
    let suggestion = Suggestion::of(&Snapshot::load(ledger)?);
    Ok(suggestion.service(service.to_string_lossy()).owner(owner.to_string_lossy()).to_string())
}
