//! reqwest's requests and responses as those of `http`, and back, with nothing lost.

use std::sync::{Arc, Weak};

use ::reqwest::{Body, Request, Response, ResponseBuilderExt, Url};
use http::{Extensions, HeaderMap};

use crate::body::{Held, MeteredBody, Tally, Trip};
use crate::call::Call;
use crate::error::Error;
use crate::ledger::Population;

/// Among a request's extensions: its body of bytes in memory is counted further out.
///
/// Such a body is not wrapped, so that the request can still be cloned, and so it cannot be asked. The mark holds
/// only while the call that set it is under way: another attempt with the same extensions is another request.
#[derive(Clone, Debug)]
struct Counted {
    population: Population,
    call: Weak<()>,
}

/// What is known of a request's body once the request is on its way.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// A body of bytes in memory, not wrapped, with its length: sent when a response is there.
    known: Option<(Tally, u64)>,
    /// What keeps the mark alive.
    _call: Option<Arc<()>>,
    pub(super) trip: Option<Trip>,
}

impl Sent {
    /// There is a response: the body was taken.
    pub(super) fn complete(&mut self) {
        if let Some((tally, bytes)) = self.known.take() {
            tally.complete(bytes);
        }
    }
}

/// Meters a request's body, and marks the request where that cannot be told from the body; or refuses it.
pub(super) fn outgoing(
    call: &Call,
    held: Held,
    headers: &HeaderMap,
    body: &mut Option<Body>,
    extensions: &mut Extensions,
) -> Result<Sent, Error> {
    let mut tally = call.request_tally(held, headers);
    let in_memory = |body: &Body| body.as_bytes().map(|bytes| bytes.len() as u64);
    if let Some(bytes) = body.as_ref().map_or(Some(0), in_memory) {
        let population = tally.population();
        let counted_outside = extensions
            .get()
            .is_some_and(|Counted { population: theirs, call }| Some(*theirs) == population && call.strong_count() > 0);
        let tally = tally.begin_known(bytes, counted_outside)?;
        let call = population.filter(|_| !counted_outside).map(|population| {
            let call = Arc::new(());
            extensions.insert(Counted { population, call: Arc::downgrade(&call) });
            call
        });
        return Ok(Sent { known: Some((tally, bytes)), _call: call, trip: None });
    }
    let Some(inner) = body.take() else {
        return Ok(Sent::default());
    };
    tally.begin(&inner, headers)?;
    let trip = tally.trip();
    *body = Some(Body::wrap(MeteredBody::admitted(inner, tally)));
    Ok(Sent { trip, ..Sent::default() })
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
