//! Without feature `axum`.

use http::Extensions;

use crate::body::Held;
use crate::error::BoxError;

pub(crate) fn matched_path(_: &Extensions) -> Option<&str> {
    None
}

pub(crate) fn lift_default_limit(_: &mut Extensions, _: Held, _: impl FnOnce() -> bool) {}

pub(crate) fn unwrap_error(error: BoxError) -> BoxError {
    error
}
