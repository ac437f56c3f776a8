//! Without feature `axum`.

use http::{Extensions, Request};

pub(crate) fn matched_path(_: &Extensions) -> Option<&str> {
    None
}

pub(crate) fn lift_default_limit<B>(_: &mut Request<B>, _: u64) {}
