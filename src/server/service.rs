//! The service: looks at a request's head, meters or refuses its body, and hands it on.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, Version, header};
use http_body::Body;
use tower_service::Service;

use super::body::ServerBody;
use super::future::{Answering, ServerFuture};
use super::layer::Config;
use super::refusal::is_grpc;
use crate::axum::lift_default_limit;
use crate::body::{Drain, MeteredBody};
use crate::error::Setting;

/// A service whose bodies are metered and limited; made by [`ServerLayer`](crate::ServerLayer).
#[derive(Clone, Debug)]
pub struct ServerService<S> {
    inner: S,
    config: Arc<Config>,
}

impl<S> ServerService<S> {
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

impl<S, B, R> Service<Request<B>> for ServerService<S>
where
    S: Service<Request<MeteredBody<B>>, Response = Response<R>>,
    B: Body,
    R: Body,
    R::Data: From<Bytes>,
{
    type Response = Response<ServerBody<R>>;
    type Error = S::Error;
    type Future = ServerFuture<S::Future, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let config = &*self.config;
        let (mut call, held) = config.begin(&request);
        let (version, refuser) = (request.version(), config.refuser.clone());
        // Without a line of the layer's own nobody asked for more than axum's default allows.
        if held.limit.rejects_over().is_some() || held.by != Setting::Layer {
            lift_default_limit(&mut request, held.limit);
        }
        let mut start = call.start_request(held, request.headers(), request.body());
        match start.open(request.body()) {
            Ok(()) => {
                let grpc = start.is_open_ended() && is_grpc(request.headers());
                let future = self.inner.call(request.map(|body| MeteredBody::metered(body, start.tally())));
                ServerFuture::calling(future, Answering::new(call, refuser, version, grpc))
            }
            Err(exceeded) => {
                let grpc = is_grpc(request.headers());
                let drain = if is_drainable(&request) { config.settings.drain } else { 0 };
                let drain = Drain::new(request.into_body(), exceeded.size(), drain);
                ServerFuture::refusing(drain, exceeded, Answering::new(call, refuser, version, grpc))
            }
        }
    }
}

/// Whether reading a refused body helps: not where each stream ends by itself, and not where the client has yet to
/// be told to send it.
fn is_drainable<B>(request: &Request<B>) -> bool {
    request.version() <= Version::HTTP_11 && !request.headers().contains_key(header::EXPECT)
}
