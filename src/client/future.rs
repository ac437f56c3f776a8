//! The future: waits for the response and meters or refuses it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Response, Version};
use http_body::Body;
use pin_project_lite::pin_project;

use crate::body::{Drain, MeteredBody};
use crate::call::Call;
use crate::error::{BoxError, Error, LimitExceeded};

pin_project! {
    /// The response to a call through a [`ClientService`](crate::ClientService), on its way.
    #[derive(Debug)]
    pub struct ClientFuture<F, R> {
        #[pin]
        state: State<F, R>,
    }
}

pin_project! {
    #[project = StateProjection]
    #[derive(Debug)]
    enum State<F, R> {
        Calling { #[pin] future: F, call: Call, drain: u64 },
        Refusing { #[pin] drain: Option<Drain<R>>, exceeded: LimitExceeded },
    }
}

impl<F, R> ClientFuture<F, R> {
    #[inline]
    pub(crate) fn calling(future: F, call: Call, drain: u64) -> Self {
        Self { state: State::Calling { future, call, drain } }
    }

    pub(crate) fn refused(exceeded: LimitExceeded) -> Self {
        Self { state: State::Refusing { drain: None, exceeded } }
    }
}

impl<F, R, E> Future for ClientFuture<F, R>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body,
    E: Into<BoxError>,
{
    type Output = Result<Response<MeteredBody<R>>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let refusing = match state.as_mut().project() {
                StateProjection::Calling { future, call, drain } => {
                    let (head, body) = match ready!(future.poll(cx)) {
                        Ok(response) => response.into_parts(),
                        Err(error) => return Poll::Ready(Err(failed(error, call))),
                    };
                    call.answered_in(head.version, &head.headers);
                    let mut start = call.start_response(head.status, &head.headers, &body, false);
                    match start.open(&body) {
                        Ok(()) => {
                            // The body first, as in the service.
                            let metered = MeteredBody::metered(body, start.tally());
                            return Poll::Ready(Ok(Response::from_parts(head, metered)));
                        }
                        Err(exceeded) => {
                            // On HTTP/2 there is no connection to be kept: each answer ends by itself.
                            let drain = if head.version <= Version::HTTP_11 { *drain } else { 0 };
                            let drain = Drain::new(body, exceeded.size(), drain);
                            State::Refusing { drain: Some(drain), exceeded }
                        }
                    }
                }
                StateProjection::Refusing { drain, exceeded } => {
                    if let Some(drain) = drain.as_pin_mut() {
                        ready!(drain.poll(cx));
                    }
                    return Poll::Ready(Err(exceeded.clone().into()));
                }
            };
            state.set(refusing);
        }
    }
}

/// The error of a failed call. Where our own refusal of the request's body made it fail, that is the error: on
/// HTTP/2 hyper reports only a reset.
fn failed(error: impl Into<BoxError>, call: &Call) -> Error {
    match call.refused() {
        Some(exceeded) => exceeded.clone().into(),
        None => Error::inner(error),
    }
}
