//! `diff`: what a newer contract changes, for those who review it.

use std::path::Path;

use plimsoll::Contract;
use plimsoll::contract::Acceptance;

use crate::Result;

pub(crate) fn run(older: &Path, newer: &Path) -> Result {
    if let Some(missing) = [older, newer].into_iter().find(|path| !path.exists()) {
        return Err(format!("{}: there is no such file", missing.display()).into());
    }
    let [older, newer] = [older, newer].map(|path| Contract::open_with(path, Acceptance::no()));
    Ok(older?.diff(&newer?).to_string())
}
