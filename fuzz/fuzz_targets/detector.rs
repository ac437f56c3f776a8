//! Any text as a saved detector with its baselines: an error, or one that reads back from what it writes, and merges
//! with itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll::detect::SavedDetector;

fuzz_target!(|text: &str| {
    match SavedDetector::from_toml(text) {
        Ok(saved) => {
            let written = saved.to_toml();
            let again = SavedDetector::from_toml(&written).unwrap_or_else(|error| panic!("{error}\n{written}"));
            assert_eq!(again.to_toml(), written);
            let merged = SavedDetector::merge([saved, again]).to_toml();
            assert!(SavedDetector::from_toml(&merged).is_ok(), "{merged}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
