//! What is asked of axum, with feature `axum`; without it, the answer is always "nothing".

#[cfg_attr(feature = "axum", path = "present.rs")]
#[cfg_attr(not(feature = "axum"), path = "absent.rs")]
mod inner;

pub(crate) use inner::{lift_default_limit, matched_path, unwrap_error};
