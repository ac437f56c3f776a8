//! `ClientService` around `reqwest::Client`, or around any service of its requests.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::reqwest::{Body, Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::message::{Sent, from_http, into_http, outgoing, request_from_http, request_into_http};
use crate::call::Call;
use crate::client::{ClientFuture, ClientService, Head};
use crate::error::{BoxError, Error};
use crate::ledger::View;

impl<S> Service<Request> for ClientService<S>
where
    S: Service<Request, Response = Response>,
    S::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Error;
    type Future = ReqwestFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx).map_err(Error::inner)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let sent = request_into_http(request).and_then(|(request, url)| {
            let (mut parts, body) = request.into_parts();
            let head = Head {
                method: &parts.method,
                path: url.path(),
                host: url.host_str(),
                port: url.port(),
                known_port: url.port_or_known_default(),
                headers: &parts.headers,
                extensions: &parts.extensions,
            };
            let (mut call, held) = self.config.begin(&head, View::Decoded);
            let mut body = Some(body);
            let sent = outgoing(&mut call, held, &parts.headers, &mut body, &mut parts.extensions)?;
            let request = http::Request::from_parts(parts, body.unwrap_or_default());
            Ok((request_from_http(request, url)?, call, sent))
        });
        match sent {
            Ok((request, call, sent)) => {
                let drain = self.config.settings.drain;
                ReqwestFuture::calling(self.inner.call(request), call, sent, drain)
            }
            Err(error) => ReqwestFuture::failed(error),
        }
    }
}

pin_project! {
    /// The response to a call of a `reqwest::Request`, on its way.
    #[derive(Debug)]
    pub struct ReqwestFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProjection]
    #[derive(Debug)]
    enum State<F> {
        Calling { #[pin] future: ClientFuture<AsHttp<F>, Body> },
        Failed { error: Option<Error> },
    }
}

pin_project! {
    /// A future of reqwest's response as one of an `http` response.
    #[derive(Debug)]
    struct AsHttp<F> {
        #[pin]
        future: F,
        sent: Sent,
    }
}

impl<F> ReqwestFuture<F> {
    pub(super) fn calling(future: F, call: Call, sent: Sent, drain: u64) -> Self {
        Self { state: State::Calling { future: ClientFuture::calling(AsHttp { future, sent }, call, drain) } }
    }

    fn failed(error: Error) -> Self {
        Self { state: State::Failed { error: Some(error) } }
    }
}

impl<F, E> Future for ReqwestFuture<F>
where
    F: Future<Output = Result<Response, E>>,
    E: Into<BoxError>,
{
    type Output = Result<Response, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Calling { future } => future.poll(cx).map_ok(from_http),
            // Polled again after its end, it stays pending: there is nothing left to say.
            StateProjection::Failed { error } => error.take().map_or(Poll::Pending, |error| Poll::Ready(Err(error))),
        }
    }
}

impl<F, E> Future for AsHttp<F>
where
    F: Future<Output = Result<Response, E>>,
{
    type Output = Result<http::Response<Body>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.future.poll(cx))?;
        this.sent.complete();
        Poll::Ready(Ok(into_http(response)))
    }
}
