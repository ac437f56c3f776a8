//! Any text as a policy: an error or a policy that writes itself, and reads back as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll::policy::Policy;

fuzz_target!(|text: &str| {
    match Policy::from_toml(text) {
        Ok(policy) => {
            let written = policy.to_toml();
            let again = Policy::from_toml(&written).unwrap_or_else(|error| panic!("{error}\n{written}"));
            assert_eq!(again.to_toml(), written);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
