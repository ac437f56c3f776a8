//! reqwest's requests and responses as those of `http`, and back, with nothing lost.

use std::sync::{Arc, Weak};

use ::reqwest::{Body, Request, Response, ResponseBuilderExt, Url};
use http::{Extensions, HeaderMap};

use crate::body::{Held, MeteredBody, Tally};
use crate::call::Call;
use crate::error::Error;

/// Among a request's extensions: who counts its body of bytes in memory, one for each ledger, for as long as their calls
/// are under way.
///
/// Such a body is not wrapped, so that the request can still be cloned, and so it cannot be asked.
#[derive(Clone, Debug, Default)]
struct Counted(Vec<Weak<Tally>>);

impl Counted {
    fn is_under_way(tally: &Weak<Tally>) -> bool {
        tally.strong_count() > 0
    }
}

/// What is known of a request's body once the request is on its way.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// A body of bytes in memory, not wrapped, with its length: sent when a response is there.
    known: Option<(Arc<Tally>, u64)>,
}

impl Sent {
    /// There is a response: the body was taken.
    pub(super) fn complete(&mut self) {
        if let Some((tally, bytes)) = self.known.take() {
            // Others hold it only while they ask.
            if let Some(tally) = Arc::into_inner(tally) {
                tally.complete(bytes);
            }
        }
    }
}

/// Meters a request's body, and marks the request where that cannot be told from the body; or refuses it.
pub(super) fn outgoing(
    call: &mut Call,
    held: Held,
    headers: &HeaderMap,
    body: &mut Option<Body>,
    extensions: &mut Extensions,
) -> Result<Sent, Error> {
    let in_memory = |body: &Body| body.as_bytes().map(|bytes| bytes.len() as u64);
    if let Some(bytes) = body.as_ref().map_or(Some(0), in_memory) {
        let Counted(mut counted) = extensions.get().cloned().unwrap_or_default();
        let outside: Vec<_> = counted.iter().filter_map(Weak::upgrade).collect();
        let tally = Arc::new(call.request_in_memory(held, headers, bytes, &outside)?);
        if outside.iter().all(|outside| outside.population() != tally.population()) {
            counted.retain(Counted::is_under_way);
            counted.push(Arc::downgrade(&tally));
            extensions.insert(Counted(counted));
        }
        return Ok(Sent { known: Some((tally, bytes)) });
    }
    if let Some(inner) = body.take() {
        let mut start = call.start_request(held, headers, &inner);
        start.open(&inner)?;
        *body = Some(Body::wrap(MeteredBody::metered(inner, start.tally())));
    }
    Ok(Sent::default())
}

/// Finds the mark of layers around the whole client, which can put it on the request only.
#[cfg(feature = "reqwest-middleware")]
pub(super) fn find_mark(request: Request, extensions: &mut Extensions) -> Result<Request, Error> {
    let known = extensions.get().is_some_and(|Counted(counted)| counted.iter().any(Counted::is_under_way));
    if known || request.body().is_none_or(|body| body.as_bytes().is_none()) {
        return Ok(request);
    }
    let (request, url) = request_into_http(request)?;
    if let Some(mark) = request.extensions().get::<Counted>() {
        extensions.insert(mark.clone());
    }
    request_from_http(request, url)
}

/// A response of reqwest as one of `http`, with its URL where reqwest looks for it on the way back.
pub(super) fn into_http(response: Response) -> http::Response<Body> {
    let url = response.url().clone();
    let mut response = http::Response::from(response);
    // The extension's type is private; the builder that makes one is not.
    if let Ok(carrier) = http::Response::builder().url(url).body(()) {
        response.extensions_mut().extend(carrier.into_parts().0.extensions);
    }
    response
}

/// And back.
pub(super) fn from_http(response: http::Response<MeteredBody<Body>>) -> Response {
    Response::from(response.map(Body::wrap))
}

/// A request as one of `http`, the only way to its extensions, and its URL, whose fragment would be lost.
pub(super) fn request_into_http(request: Request) -> Result<(http::Request<Body>, Url), Error> {
    let url = request.url().clone();
    Ok((http::Request::try_from(request).map_err(Error::inner)?, url))
}

/// And back.
pub(super) fn request_from_http(request: http::Request<Body>, url: Url) -> Result<Request, Error> {
    let mut request = Request::try_from(request).map_err(Error::inner)?;
    *request.url_mut() = url;
    Ok(request)
}
