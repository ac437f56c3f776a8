//! The service: looks at a request's head, meters or refuses its body, and hands it on.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, Version, header};
use http_body::Body;
use tower_service::Service;

use super::body::ServerBody;
use super::future::ServerFuture;
use super::layer::Config;
use super::refusal::is_grpc;
use crate::axum::lift_default_limit;
use crate::body::{Drain, MeteredBody, Refused};
use crate::call::Call;
use crate::endpoint::{Key, MethodClass, Role, Upstream};

/// A service whose bodies are metered and limited; made by [`ServerLayer`](crate::ServerLayer).
#[derive(Clone, Debug)]
pub struct ServerService<S> {
    inner: S,
    config: Arc<Config>,
}

impl<S> ServerService<S> {
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

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let config = &*self.config;
        let (parts, body) = request.into_parts();
        let route = config.route(&parts);
        let key = Key {
            role: Role::Server,
            method: MethodClass::of(&parts.method),
            upstream: Upstream::default(),
            route: route.as_deref(),
        };
        let call = Call::begin(&config.settings, &key, &parts.headers, &parts.extensions, config.settings.view);
        let grpc = is_grpc(&parts.headers);
        match call.request(&parts.headers, body) {
            Ok(body) => {
                let rejects_over = call.rejects_request_over();
                let trip = body.trip();
                let expected = call.expect(&parts.method);
                let mut request = Request::from_parts(parts, body);
                if let Some(limit) = rejects_over {
                    lift_default_limit(&mut request, limit);
                }
                let version = request.version();
                let future = self.inner.call(request);
                ServerFuture::calling(future, expected, trip, config.refuser.clone(), grpc, version)
            }
            Err(Refused { exceeded, body }) => {
                let drain = if is_drainable(parts.version, &parts.headers) { config.settings.drain } else { 0 };
                let drain = Drain::new(body, exceeded.size(), drain);
                let expected = call.expect(&parts.method);
                ServerFuture::refusing(drain, exceeded, expected, config.refuser.clone(), grpc, parts.version)
            }
        }
    }
}

/// Whether reading a refused body helps: not where each stream ends by itself, and not where the client has yet to
/// be told to send it.
fn is_drainable(version: Version, headers: &HeaderMap) -> bool {
    version <= Version::HTTP_11 && !headers.contains_key(header::EXPECT)
}
