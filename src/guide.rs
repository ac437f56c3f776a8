#![doc = include_str!("../docs/from-a-number-to-a-trace.md")]
