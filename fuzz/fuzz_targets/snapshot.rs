//! Any bytes as the file of a saved ledger: an error, or a snapshot that reads back from what it writes.
#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use plimsoll::Snapshot;

fuzz_target!(|bytes: &[u8]| {
    let path = std::env::temp_dir().join(format!("plimsoll-fuzz-snapshot-{}.toml", std::process::id()));
    fs::write(&path, bytes).expect("the directory for temporary files takes one");
    match Snapshot::load(&path) {
        Ok(snapshot) => {
            snapshot.save(&path).expect("the directory for temporary files takes one");
            let again = Snapshot::load(&path).unwrap_or_else(|error| panic!("{error}\n{}", snapshot.to_toml()));
            assert_eq!(again.to_toml(), snapshot.to_toml());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let _ = fs::remove_file(&path);
});
