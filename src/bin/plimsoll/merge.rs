//! `merge`: one detector's file out of those of many instances.

use std::ffi::OsStr;
use std::path::Path;

use plimsoll::detect::SavedDetector;

use crate::Result;

pub(crate) fn run(files: &[&OsStr]) -> Result {
    let all = files.iter().map(|file| SavedDetector::load(Path::new(file))).collect::<std::result::Result<Vec<_>, _>>();
    Ok(SavedDetector::merge(all?).to_toml())
}
