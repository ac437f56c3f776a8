//! Any text as the name of an endpoint: nothing panics, and what is read reads back from what it writes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll::EndpointName;

fuzz_target!(|text: &str| {
    match text.parse::<EndpointName>() {
        Ok(name) => {
            let written = name.to_string();
            assert_eq!(written.parse(), Ok(name));
            assert!(matches!(written.split_whitespace().count(), 3 | 5), "{written:?}");
            assert!(!written.contains(char::is_control), "{written:?}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
