//! Any bytes as a `traceparent`: nothing panics, and what is read says what was written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plimsoll::TraceContext;

fuzz_target!(|bytes: &[u8]| {
    let Some(trace) = TraceContext::from_traceparent(bytes) else { return };
    assert!(bytes.len() >= 55 && trace.trace_id() != 0 && trace.span_id() != 0);
    // The ids stand in the header as they are written; of the flags, one bit is ours.
    let written = trace.to_string();
    assert_eq!(&written.as_bytes()[2..53], &bytes[2..53]);
    assert_eq!(TraceContext::from_traceparent(written.as_bytes()), Some(trace));
});
