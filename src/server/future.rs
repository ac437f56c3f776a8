//! The future: waits for the answer and meters it, or puts a refusal in its place.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderValue, Response, Version, header};
use http_body::Body;
use pin_project_lite::pin_project;

use super::body::{Answer, ServerBody};
use super::refusal::{Refusal, Refuser, is_failure};
use crate::body::{Drain, Refused, ShortBody, Trip};
use crate::call::Expected;
use crate::error::LimitExceeded;

pin_project! {
    /// The response of a [`ServerService`](crate::ServerService), on its way.
    #[derive(Debug)]
    pub struct ServerFuture<F, B> {
        #[pin]
        state: State<F, B>,
        answer: Answering,
    }
}

pin_project! {
    #[project = StateProjection]
    #[derive(Debug)]
    enum State<F, B> {
        Calling { #[pin] future: F, trip: Option<Trip> },
        Refusing { #[pin] drain: Drain<B>, exceeded: LimitExceeded },
    }
}

/// What is needed to answer.
#[derive(Debug)]
struct Answering {
    expected: Expected,
    refuser: Refuser,
    grpc: bool,
    version: Version,
}

impl<F, B> ServerFuture<F, B> {
    pub(super) fn calling(
        future: F,
        expected: Expected,
        trip: Option<Trip>,
        refuser: Refuser,
        grpc: bool,
        version: Version,
    ) -> Self {
        let state = State::Calling { future, trip };
        Self { state, answer: Answering { expected, refuser, grpc, version } }
    }

    pub(super) fn refusing(
        drain: Drain<B>,
        exceeded: LimitExceeded,
        expected: Expected,
        refuser: Refuser,
        grpc: bool,
        version: Version,
    ) -> Self {
        let state = State::Refusing { drain, exceeded };
        Self { state, answer: Answering { expected, refuser, grpc, version } }
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

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        Poll::Ready(Ok(match this.state.project() {
            StateProjection::Calling { future, trip } => {
                let response = ready!(future.poll(cx))?;
                this.answer.pass_or_refuse(response, trip.as_ref())
            }
            StateProjection::Refusing { drain, exceeded } => {
                let drained = ready!(drain.poll(cx));
                this.answer.refuse(exceeded, drained)
            }
        }))
    }
}

impl Answering {
    fn pass_or_refuse<R>(&self, response: Response<R>, trip: Option<&Trip>) -> Response<ServerBody<R>>
    where
        R: Body,
        R::Data: From<Bytes>,
    {
        let (parts, body) = response.into_parts();
        if let Some(exceeded) = trip.and_then(|trip| trip.get()) {
            // A handler that answered well all the same has acted: its answer stands.
            if is_failure(parts.status, &parts.headers) {
                return self.refuse(exceeded, false);
            }
        }
        match self.expected.response(parts.status, &parts.headers, Answer::Theirs { body }) {
            Ok(body) => Response::from_parts(parts, ServerBody::new(body)),
            Err(Refused { exceeded, body: _ }) => self.refuse(&exceeded, true),
        }
    }

    /// The answer to a refused body. `keep` where the request left nothing unread on the connection.
    fn refuse<R>(&self, exceeded: &LimitExceeded, keep: bool) -> Response<ServerBody<R>>
    where
        R: Body,
        R::Data: From<Bytes>,
    {
        let (mut parts, body) = self.refuser.answer(&Refusal::new(exceeded, self.grpc)).into_parts();
        if !keep && self.version <= Version::HTTP_11 {
            parts.headers.entry(header::CONNECTION).or_insert(HeaderValue::from_static("close"));
        }
        let body = Answer::Ours { body: ShortBody::new(body) };
        let body = self.expected.unlimited(parts.status, &parts.headers, body);
        Response::from_parts(parts, ServerBody::new(body))
    }
}
