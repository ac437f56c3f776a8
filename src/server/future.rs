//! The future: waits for the answer and meters it, or puts a refusal in its place.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderValue, Response, Version, header};
use http_body::Body;
use pin_project_lite::pin_project;

use super::body::ServerBody;
use super::refusal::{Refusal, Refuser, is_failure, is_grpc};
use crate::body::{Drain, ShortBody};
use crate::call::Call;
use crate::error::LimitExceeded;

pin_project! {
    /// The response of a [`ServerService`](crate::ServerService), on its way.
    #[derive(Debug)]
    pub struct ServerFuture<F, B> {
        #[pin]
        state: State<F, B>,
        answering: Answering,
    }
}

pin_project! {
    #[project = StateProjection]
    #[derive(Debug)]
    enum State<F, B> {
        Calling { #[pin] future: F },
        Refusing { #[pin] drain: Drain<B>, exceeded: LimitExceeded },
    }
}

/// What is needed to answer.
#[derive(Debug)]
pub(super) struct Answering {
    pub(super) call: Call,
    refuser: Refuser,
    version: Version,
    /// Whether the call is a gRPC one; only known where its request may be refused.
    grpc: bool,
}

impl<F, B> ServerFuture<F, B> {
    #[inline]
    pub(super) fn calling(future: F, answering: Answering) -> Self {
        Self { state: State::Calling { future }, answering }
    }

    pub(super) fn refusing(drain: Drain<B>, exceeded: LimitExceeded, answering: Answering) -> Self {
        Self { state: State::Refusing { drain, exceeded }, answering }
    }
}

impl<F, B, R, E> Future for ServerFuture<F, B>
where
    F: Future<Output = Result<Response<R>, E>>,
    B: Body,
    R: Body,
    R::Data: From<Bytes>,
{
    type Output = Result<Response<ServerBody<R>>, E>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match this.state.project() {
            StateProjection::Calling { future } => {
                let response = ready!(future.poll(cx))?;
                Poll::Ready(Ok(this.answering.pass_or_refuse(response)))
            }
            StateProjection::Refusing { drain, exceeded } => {
                let drained = ready!(drain.poll(cx));
                let grpc = this.answering.grpc;
                Poll::Ready(Ok(this.answering.refuse(exceeded, grpc, drained)))
            }
        }
    }
}

/// Marks the answer to a refusal, so that no layer further out holds it against a limit.
#[derive(Clone, Copy, Debug)]
struct OfALayer;

impl Answering {
    #[inline]
    pub(super) fn new(call: Call, refuser: Refuser, version: Version, grpc: bool) -> Self {
        Self { call, refuser, version, grpc }
    }

    #[inline]
    fn pass_or_refuse<R>(&self, response: Response<R>) -> Response<ServerBody<R>>
    where
        R: Body,
        R::Data: From<Bytes>,
    {
        let call = &self.call;
        // A handler that answered well all the same has acted: its answer stands.
        if let Some(exceeded) = call.refused().filter(|_| is_failure(&response)) {
            return self.refuse(exceeded, self.grpc, false);
        }
        let (status, headers, body) = (response.status(), response.headers(), response.body());
        let ours = response.extensions().get::<OfALayer>().is_some();
        let mut start = call.start_response(status, headers, body, ours);
        match start.open(body) {
            Ok(()) => {
                let tally = start.tally();
                response.map(|body| ServerBody::theirs(body, tally))
            }
            Err(exceeded) => self.refuse(&exceeded, is_grpc(headers), true),
        }
    }

    /// The answer to a refused body. `keep` where the request left nothing unread on the connection.
    #[cold]
    fn refuse<R>(&self, exceeded: &LimitExceeded, grpc: bool, keep: bool) -> Response<ServerBody<R>> {
        let mut response = self.refuser.answer(&Refusal::new(exceeded, grpc)).map(ShortBody::new);
        if !self.call.expects_body(response.status()) {
            *response.body_mut() = ShortBody::default();
        }
        if !keep && self.version <= Version::HTTP_11 {
            response.headers_mut().entry(header::CONNECTION).or_insert(HeaderValue::from_static("close"));
        }
        response.extensions_mut().insert(OfALayer);
        let mut start = self.call.start_response(response.status(), response.headers(), response.body(), true);
        let _never = start.open(response.body());
        response.map(|body| ServerBody::ours(body, start.tally()))
    }
}
