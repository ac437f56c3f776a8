//! `diff`: what a newer contract changes, for those who review it.

use plimsoll::Contract;
use plimsoll::contract::Acceptance;

use crate::Result;

pub(crate) fn run(older: &str, newer: &str) -> Result {
    let [older, newer] = [older, newer].map(|path| Contract::open_with(path, Acceptance::no()));
    print!("{}", older?.diff(&newer?));
    Ok(())
}
