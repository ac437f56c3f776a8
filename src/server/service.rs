//! The service: looks at a request's head, meters or refuses its body, and hands it on.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response, Version, header};
use http_body::Body;
use tower_service::Service;

use super::body::ServerBody;
use super::future::{Answering, ServerFuture};
use super::layer::Config;
use super::refusal::is_grpc;
use crate::axum::lift_default_limit;
use crate::body::{Drain, MeteredBody};
use crate::ledger::Enforcement;

/// A service whose bodies are metered and limited; made by [`ServerLayer`](crate::ServerLayer).
///
/// Without a framework, the service inside takes requests of [`MeteredBody`]:
///
/// ```
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use http_body_util::{BodyExt, Full};
/// use hyper::body::Incoming;
/// use hyper_util::rt::{TokioExecutor, TokioIo};
/// use hyper_util::{server::conn::auto, service::TowerToHyperService};
/// use plimsoll::{Ledger, Limit, MIB, MeteredBody, ServerLayer};
/// use tower::{BoxError, Layer, service_fn};
///
/// async fn checkout(request: Request<MeteredBody<Incoming>>) -> Result<Response<Full<Bytes>>, BoxError> {
///     let order = request.into_body().collect().await?.to_bytes();
///     Ok(Response::new(format!("{} bytes ordered", order.len()).into()))
/// }
///
/// async fn serve(listener: tokio::net::TcpListener, ledger: &Ledger) -> std::io::Result<()> {
///     let layer = ServerLayer::new(ledger)
///         .request_limit(Limit::reject_over(2 * MIB))
///         .route(|uri, _| (uri.path() == "/checkout").then_some("/checkout".into()));
///     let service = layer.layer(service_fn(checkout));
///     loop {
///         let (connection, _) = listener.accept().await?;
///         let service = TowerToHyperService::new(service.clone());
///         tokio::spawn(async move {
///             let server = auto::Builder::new(TokioExecutor::new());
///             server.serve_connection(TokioIo::new(connection), service).await
///         });
///     }
/// }
/// ```
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
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let config = &*self.config;
        let (mut head, body) = request.into_parts();
        let (mut call, held) = config.begin(&head);
        let refuser = config.refuser.clone();
        lift_default_limit(&mut head.extensions, held, || config.settings.ledger.enforcement() == Enforcement::Reject);
        let mut start = call.start_request(held, &head.headers, &body);
        match start.open(&body) {
            Ok(()) => {
                let grpc = start.is_open_ended() && is_grpc(&head.headers);
                // The body first: what moves the head is then one copy, to where it stays.
                let metered = MeteredBody::metered(body, start.tally());
                let answering = Answering::new(call, refuser, grpc);
                let future = self.inner.call(Request::from_parts(head, metered));
                ServerFuture::calling(future, answering)
            }
            Err(exceeded) => {
                let grpc = is_grpc(&head.headers);
                let drain = if is_drainable(&head) { config.settings.drain } else { 0 };
                let drain = Drain::new(body, exceeded.size(), drain);
                ServerFuture::refusing(drain, exceeded, Answering::new(call, refuser, grpc))
            }
        }
    }
}

/// Whether reading a refused body helps: not where each stream ends by itself, and not where the client has yet to
/// be told to send it.
fn is_drainable(head: &Parts) -> bool {
    head.version <= Version::HTTP_11 && !head.headers.contains_key(header::EXPECT)
}
