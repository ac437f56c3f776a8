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

/// Puts our limit in the place of axum's default for a request that may be larger.
///
/// What axum counts are the bytes that its extractors read: inside a decompression layer, others than ours. So its limit
/// is raised to our line and not turned off, but where our line does not reject (`rejects`), or was set to none.
///
/// A smaller limit of ours comes first in any case, so nothing needs to be said then. And a line that only warns is one
/// to try on live traffic: it lets nothing pass that was refused without it.
#[inline]
pub(crate) fn lift_default_limit(extensions: &mut Extensions, held: Held, rejects: impl FnOnce() -> bool) {
    let Held { limit, by } = held;
    match limit.rejects_over() {
        Some(line) if line > AXUM_DEFAULT => lift(extensions, Some(line).filter(|_| rejects())),
        None if by != Setting::Layer && limit.is_unlimited() => lift(extensions, None),
        _ => {}
    }
}

/// axum takes a whole request: it gets one that is nothing but these extensions.
#[inline(never)]
fn lift(extensions: &mut Extensions, to: Option<u64>) {
    let to = to.and_then(|line| usize::try_from(line).ok());
    let mut carrier = Request::new(());
    mem::swap(carrier.extensions_mut(), extensions);
    to.map_or_else(DefaultBodyLimit::disable, DefaultBodyLimit::max).apply(&mut carrier);
    mem::swap(carrier.extensions_mut(), extensions);
}

/// Takes axum's wrapper off an inner body's error.
///
/// axum wraps errors again where our body becomes one of its own, and looks through two of its wrappers for the
/// errors that it answers with a 413: with a third, that of another layer's limit would be a 400.
pub(crate) fn unwrap_error(error: BoxError) -> BoxError {
    error.downcast::<axum::Error>().map_or_else(|other| other, |error| error.into_inner())
}
