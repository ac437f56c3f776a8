//! The service: looks at a request's head, meters or refuses its body, and sends it.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::request::Parts;
use http::uri::Scheme;
use http::{Request, Response, Uri};
use http_body::Body;
use tower_service::Service;

use super::future::ClientFuture;
use super::layer::{Config, Head};
use crate::body::MeteredBody;
use crate::error::{BoxError, Error};

/// A client whose bodies are metered and limited; made by [`ClientLayer`](crate::ClientLayer).
///
/// With feature `reqwest` it is also a service of `reqwest::Request`, around a `reqwest::Client`.
#[derive(Clone, Debug)]
pub struct ClientService<S> {
    pub(crate) inner: S,
    pub(crate) config: Arc<Config>,
}

impl<S> ClientService<S> {
    /// The wrapped service.
    #[must_use]
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The wrapped service, to be changed.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The wrapped service, unwrapped.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.inner
    }

    pub(super) fn new(inner: S, config: Arc<Config>) -> Self {
        Self { inner, config }
    }
}

impl<S, B, R> Service<Request<B>> for ClientService<S>
where
    S: Service<Request<MeteredBody<B>>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    B: Body,
    R: Body,
{
    type Response = Response<MeteredBody<R>>;
    type Error = Error;
    type Future = ClientFuture<S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx).map_err(Error::inner)
    }

    #[inline]
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let config = &*self.config;
        let (parts, body) = request.into_parts();
        let Parts { method, uri, headers, extensions, .. } = &parts;
        let head = Head {
            method,
            path: uri.path(),
            host: uri.host(),
            // As in a URL that was normalized: the default port goes without saying (RFC 9110, section 4.2.3).
            port: uri.port_u16().filter(|port| Some(*port) != default_port(uri)),
            known_port: uri.port_u16().or_else(|| default_port(uri)),
            headers,
            extensions,
        };
        let (mut call, held) = config.begin(&head, config.settings.view);
        let mut start = call.start_request(held, headers, &body);
        match start.open(&body) {
            Ok(()) => {
                // The body first: what moves the head is then one copy, to where it stays.
                let metered = MeteredBody::metered(body, start.tally());
                let future = self.inner.call(Request::from_parts(parts, metered));
                ClientFuture::calling(future, call, config.settings.drain)
            }
            Err(exceeded) => ClientFuture::refused(exceeded),
        }
    }
}

/// The port that a URI's scheme stands for (RFC 9110, sections 4.2.1 and 4.2.2).
#[inline]
fn default_port(uri: &Uri) -> Option<u16> {
    match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => Some(443),
        Some(scheme) if *scheme == Scheme::HTTP => Some(80),
        _ => None,
    }
}
