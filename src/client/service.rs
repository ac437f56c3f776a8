//! The service: looks at a request's head, meters or refuses its body, and sends it.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::future::ClientFuture;
use super::layer::{Config, Head};
use crate::body::{MeteredBody, Refused};
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

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let config = &*self.config;
        let (parts, body) = request.into_parts();
        let head = Head {
            method: &parts.method,
            path: parts.uri.path(),
            host: parts.uri.host(),
            port: parts.uri.port_u16(),
            headers: &parts.headers,
            extensions: &parts.extensions,
        };
        let call = config.begin(&head, config.settings.view);
        match call.request(&parts.headers, body) {
            Ok(body) => {
                let trip = body.trip();
                let expected = call.expect(&parts.method);
                let future = self.inner.call(Request::from_parts(parts, body));
                ClientFuture::calling(future, expected, trip, config.settings.drain)
            }
            Err(Refused { exceeded, body: _ }) => ClientFuture::refused(exceeded),
        }
    }
}
