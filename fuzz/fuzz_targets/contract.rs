//! Any bytes as the file of a contract: an error, or a contract that does not differ from itself.
#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use plimsoll::Contract;
use plimsoll::contract::Acceptance;

fuzz_target!(|bytes: &[u8]| {
    let path = std::env::temp_dir().join(format!("plimsoll-fuzz-contract-{}.toml", std::process::id()));
    fs::write(&path, bytes).expect("the directory for temporary files takes one");
    match Contract::open_with(&path, Acceptance::no()) {
        Ok(contract) => {
            let difference = contract.diff(&contract);
            assert_eq!(difference.changes().len(), 0, "{difference}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let _ = fs::remove_file(&path);
});
