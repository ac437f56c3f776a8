//! With feature `axum`: the route that its router matched, its own default limit, and its errors.

use std::mem;

use axum::extract::{DefaultBodyLimit, MatchedPath};
use http::{Extensions, Request};

use crate::body::Held;
use crate::error::{BoxError, Setting};

/// The limit that axum's extractors set where nothing else is said, in bytes.
const AXUM_DEFAULT: u64 = 2 * crate::MIB;

pub(crate) fn matched_path(extensions: &Extensions) -> Option<&str> {
    extensions.get::<MatchedPath>().map(MatchedPath::as_str)
}

/// Turns axum's default limit off for a request that may be larger: ours stands in its place.
///
/// A smaller limit of ours comes first in any case, so nothing needs to be said then. And without a line of the layer's
/// own nobody asked for more than axum's default allows.
#[inline]
pub(crate) fn lift_default_limit(extensions: &mut Extensions, held: Held) {
    let Held { limit, by } = held;
    if limit.reject_line() > AXUM_DEFAULT && (limit.rejects_over().is_some() || by != Setting::Layer) {
        lift(extensions);
    }
}

/// axum takes a whole request: it gets one that is nothing but these extensions.
#[inline(never)]
fn lift(extensions: &mut Extensions) {
    let mut carrier = Request::new(());
    mem::swap(carrier.extensions_mut(), extensions);
    DefaultBodyLimit::disable().apply(&mut carrier);
    mem::swap(carrier.extensions_mut(), extensions);
}

/// Takes axum's wrapper off an inner body's error.
///
/// axum wraps errors again where our body becomes one of its own, and looks through two of its wrappers for the
/// errors that it answers with a 413: with a third, that of another layer's limit would be a 400.
pub(crate) fn unwrap_error(error: BoxError) -> BoxError {
    error.downcast::<axum::Error>().map_or_else(|other| other, |error| error.into_inner())
}
