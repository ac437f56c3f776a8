//! Without feature `axum`.

use http::{Extensions, Request};

use crate::error::BoxError;

pub(crate) fn matched_path(_: &Extensions) -> Option<&str> {
    None
}

pub(crate) fn lift_default_limit<B>(_: &mut Request<B>, _: u64) {}

pub(crate) fn unwrap_error(error: BoxError) -> BoxError {
    error
}
