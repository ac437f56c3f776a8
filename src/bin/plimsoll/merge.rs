//! `plimsoll merge`: one detector's file out of those of many instances.

use std::path::Path;

use plimsoll::detect::SavedDetector;

pub(crate) fn run(files: &[&str]) -> crate::Result {
    let mut all = Vec::with_capacity(files.len());
    for file in files {
        all.push(SavedDetector::load(Path::new(file))?);
    }
    print!("{}", SavedDetector::merge(all).to_toml());
    Ok(())
}
