//! The future: waits for the answer and meters it, or puts a refusal in its place.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderValue, Response, Version, header};
use http_body::Body;
use pin_project_lite::pin_project;

use super::body::ServerBody;
use super::refusal::{Refusal, Refuser, is_failure, is_grpc};
use crate::body::{Drain, ShortBody, Tally};
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
        let refused = match this.state.project() {
            StateProjection::Calling { future } => match ready!(future.poll(cx)) {
                Ok(response) => {
                    let (head, body) = response.into_parts();
                    match this.answering.open(&head, &body) {
                        Ok(tally) => {
                            // The body first: what moves the head is then one copy, to where it stays.
                            let metered = ServerBody::theirs(body, tally);
                            return Poll::Ready(Ok(Response::from_parts(head, metered)));
                        }
                        Err(refused) => refused,
                    }
                }
                Err(error) => match this.answering.unanswered() {
                    Some(refused) => refused,
                    None => return Poll::Ready(Err(error)),
                },
            },
            StateProjection::Refusing { drain, exceeded } => {
                let keep = ready!(drain.poll(cx));
                Refused { exceeded: exceeded.clone(), grpc: this.answering.grpc, keep }
            }
        };
        Poll::Ready(Ok(this.answering.refuse(&refused)))
    }
}

/// Marks the answer to a refusal, so that no layer further out holds it against a limit.
#[derive(Clone, Copy, Debug)]
struct OfALayer;

/// A body that was refused, and how to tell so.
#[derive(Debug)]
struct Refused {
    exceeded: LimitExceeded,
    grpc: bool,
    /// Whether the request left nothing unread on the connection.
    keep: bool,
}

impl Answering {
    #[inline]
    pub(super) fn new(call: Call, refuser: Refuser, grpc: bool) -> Self {
        Self { call, refuser, grpc }
    }

    /// The tally of an answer's body; `Err` where a refusal takes the answer's place.
    #[inline]
    fn open<R: Body>(&self, head: &Parts, body: &R) -> Result<Tally, Refused> {
        let call = &self.call;
        // A handler that answered well all the same has acted: its answer stands.
        if let Some(refused) = self.unanswered().filter(|_| is_failure(head)) {
            return Err(refused);
        }
        let ours = head.extensions.get::<OfALayer>().is_some();
        let mut start = call.start_response(head.status, &head.headers, body, ours);
        match start.open(body) {
            Ok(()) => Ok(start.tally()),
            Err(exceeded) => Err(Refused { exceeded, grpc: is_grpc(&head.headers), keep: true }),
        }
    }

    /// The refusal of a request's body while it was read, which is yet to be answered. A service that hands on the error
    /// of its request's body as its own has not done so.
    #[inline]
    fn unanswered(&self) -> Option<Refused> {
        let exceeded = self.call.refused()?;
        Some(Refused { exceeded: exceeded.clone(), grpc: self.grpc, keep: false })
    }

    /// The answer to a refused body.
    #[cold]
    fn refuse<R>(&self, refused: &Refused) -> Response<ServerBody<R>> {
        let Refused { exceeded, grpc, keep } = refused;
        let mut response = self.refuser.answer(&Refusal::new(exceeded, *grpc)).map(ShortBody::new);
        if !self.call.expects_body(response.status()) {
            *response.body_mut() = ShortBody::default();
        }
        if !keep && self.call.version().is_none_or(|version| version <= Version::HTTP_11) {
            response.headers_mut().entry(header::CONNECTION).or_insert(HeaderValue::from_static("close"));
        }
        response.extensions_mut().insert(OfALayer);
        let mut start = self.call.start_response(response.status(), response.headers(), response.body(), true);
        let _never = start.open(response.body());
        response.map(|body| ServerBody::ours(body, start.tally()))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::{Ready, ready};
    use std::pin::pin;
    use std::task::Waker;

    use http::Request;
    use http_body_util::Full;
    use tower_layer::Layer;
    use tower_service::Service;

    use super::*;
    use crate::body::MeteredBody;
    use crate::{Ledger, Limit, ServerLayer};

    /// Is not called: its requests are refused.
    struct Never;

    impl Service<Request<MeteredBody<Full<Bytes>>>> for Never {
        type Response = Response<Full<Bytes>>;
        type Error = Infallible;
        type Future = Ready<Result<Response<Full<Bytes>>, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<MeteredBody<Full<Bytes>>>) -> Self::Future {
            ready(Ok(Response::default()))
        }
    }

    #[test]
    fn an_unread_request_closes_the_connection_where_it_is_all_that_the_connection_carries() {
        let mut service = ServerLayer::new(&Ledger::new()).request_limit(Limit::reject_over(1)).layer(Never);
        let mut close = |version| {
            let mut request = Request::new(Full::from("12"));
            *request.version_mut() = version;
            match pin!(service.call(request)).poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Ok(response)) => {
                    assert_eq!(response.status(), 413);
                    response.headers().get(header::CONNECTION).cloned()
                }
                Poll::Pending => panic!("nothing is waited for"),
            }
        };
        for version in [Version::HTTP_09, Version::HTTP_10, Version::HTTP_11] {
            assert_eq!(close(version), Some(HeaderValue::from_static("close")), "{version:?}");
        }
        for version in [Version::HTTP_2, Version::HTTP_3] {
            assert_eq!(close(version), None, "{version:?}");
        }
    }
}
