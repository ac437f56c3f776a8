//! Without feature `axum`.

use http::{Extensions, Request};

use crate::error::BoxError;
use crate::limit::Limit;

pub(crate) fn matched_path(_: &Extensions) -> Option<&str> {
    None
}

pub(crate) fn lift_default_limit<B>(_: &mut Request<B>, _: Limit) {}

pub(crate) fn unwrap_error(error: BoxError) -> BoxError {
    error
}
