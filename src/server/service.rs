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
use crate::call::Call;
use crate::endpoint::{Key, Role, Upstream};
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
        let route = config.route(request.uri(), request.extensions());
        let key = Key::new(Role::Server, request.method(), Upstream::default(), route.as_deref());
        let settings = &config.settings;
        let common = config.common(request.uri(), request.version());
        let (call, held) = Call::begin(settings, &key, request.headers(), request.extensions(), common);
        let version = request.version();
        let mut tally = call.request_tally(held, request.headers());
        match tally.begin(request.body(), request.headers()) {
            Ok(()) => {
                let trip = tally.trip().map(|trip| (trip, is_grpc(request.headers())));
                // Without a line of the layer's own nobody asked for more than axum's default allows.
                if held.limit.rejects_over().is_some() || held.by != Setting::Layer {
                    lift_default_limit(&mut request, held.limit);
                }
                let request = request.map(|body| MeteredBody::admitted(body, tally));
                let future = self.inner.call(request);
                ServerFuture::calling(future, Answering::new(call, config.refuser.clone(), version), trip)
            }
            Err(exceeded) => {
                let grpc = is_grpc(request.headers());
                let drain = if is_drainable(&request) { settings.drain } else { 0 };
                let drain = Drain::new(request.into_body(), exceeded.size(), drain);
                let answering = Answering::new(call, config.refuser.clone(), version);
                ServerFuture::refusing(drain, exceeded, answering, grpc)
            }
        }
    }
}

/// Whether reading a refused body helps: not where each stream ends by itself, and not where the client has yet to
/// be told to send it.
fn is_drainable<B>(request: &Request<B>) -> bool {
    request.version() <= Version::HTTP_11 && !request.headers().contains_key(header::EXPECT)
}
