//! With feature `axum`: the route that its router matched, and its own default limit.

use axum::extract::{DefaultBodyLimit, MatchedPath};
use http::{Extensions, Request};

/// The limit that axum's extractors set where nothing else is said, in bytes.
const AXUM_DEFAULT: u64 = 2 * crate::MIB;

pub(crate) fn matched_path(extensions: &Extensions) -> Option<&str> {
    extensions.get::<MatchedPath>().map(MatchedPath::as_str)
}

/// Turns axum's default limit off for a request that may be larger: ours stands in its place.
///
/// A smaller limit of ours comes first in any case, so nothing needs to be said then.
pub(crate) fn lift_default_limit<B>(request: &mut Request<B>, limit: u64) {
    if limit > AXUM_DEFAULT {
        DefaultBodyLimit::disable().apply(request);
    }
}
