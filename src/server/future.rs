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
use crate::body::{Drain, ShortBody, Trip};
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
        // The trip of a body that may be refused while it is read, with whether the call is a gRPC one.
        Calling { #[pin] future: F, trip: Option<(Trip, bool)> },
        Refusing { #[pin] drain: Drain<B>, exceeded: LimitExceeded, grpc: bool },
    }
}

/// What is needed to answer.
#[derive(Debug)]
pub(super) struct Answering {
    pub(super) call: Call,
    refuser: Refuser,
    version: Version,
}

impl<F, B> ServerFuture<F, B> {
    #[inline]
    pub(super) fn calling(future: F, answering: Answering, trip: Option<(Trip, bool)>) -> Self {
        Self { state: State::Calling { future, trip }, answering }
    }

    pub(super) fn refusing(drain: Drain<B>, exceeded: LimitExceeded, answering: Answering, grpc: bool) -> Self {
        Self { state: State::Refusing { drain, exceeded, grpc }, answering }
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
            StateProjection::Calling { future, trip } => {
                let response = ready!(future.poll(cx))?;
                Poll::Ready(Ok(this.answering.pass_or_refuse(response, trip.as_ref())))
            }
            StateProjection::Refusing { drain, exceeded, grpc } => {
                let drained = ready!(drain.poll(cx));
                Poll::Ready(Ok(this.answering.refuse(exceeded, *grpc, drained)))
            }
        }
    }
}

/// Marks the answer to a refusal, so that no layer further out holds it against a limit.
#[derive(Clone, Copy, Debug)]
struct OfALayer;

impl Answering {
    #[inline]
    pub(super) fn new(call: Call, refuser: Refuser, version: Version) -> Self {
        Self { call, refuser, version }
    }

    #[inline]
    fn pass_or_refuse<R>(&self, response: Response<R>, trip: Option<&(Trip, bool)>) -> Response<ServerBody<R>>
    where
        R: Body,
        R::Data: From<Bytes>,
    {
        if let Some((trip, grpc)) = trip {
            // A handler that answered well all the same has acted: its answer stands.
            if let (Some(exceeded), true) = (trip.get(), is_failure(&response)) {
                return self.refuse(exceeded, *grpc, false);
            }
        }
        let call = &self.call;
        let mut tally = if response.extensions().get::<OfALayer>().is_some() {
            call.refusal_tally(response.status(), response.headers())
        } else {
            call.response_tally(response.status(), response.headers(), response.body())
        };
        match tally.begin(response.body(), response.headers()) {
            Ok(()) => response.map(|body| ServerBody::theirs(body, tally)),
            Err(exceeded) => self.refuse(&exceeded, is_grpc(response.headers()), true),
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
        let mut tally = self.call.refusal_tally(response.status(), response.headers());
        let _never = tally.begin(response.body(), response.headers());
        response.extensions_mut().insert(OfALayer);
        response.map(|body| ServerBody::ours(body, tally))
    }
}
