//! `ClientLayer` as a middleware of `reqwest_middleware::ClientBuilder`.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use ::reqwest::{Body, Request, Response, Url};
use async_trait::async_trait;
use http::Extensions;
use http_body::{Body as _, Frame, SizeHint};
use reqwest_middleware::{Error as MiddlewareError, Middleware, Next};

use super::message::{find_mark, outgoing};
use super::service::ReqwestFuture;
use crate::client::{ClientLayer, Head};
use crate::error::Error;
use crate::ledger::View;

/// The request's settings ([`UrlTemplate`](crate::UrlTemplate), [`BodyLimits`](crate::BodyLimits)) go through
/// `RequestBuilder::with_extension`. A refusal is a `reqwest_middleware::Error::Reqwest`, in which
/// [`LimitExceeded::find`](crate::LimitExceeded::find) finds it.
#[async_trait]
impl Middleware for ClientLayer {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response, MiddlewareError> {
        let config = self.config();
        let url = request.url().clone();
        let mut request = find_mark(request, extensions).map_err(|error| into_theirs(error, &url))?;
        let head = Head {
            method: request.method(),
            path: url.path(),
            host: url.host_str(),
            port: url.port(),
            known_port: url.port_or_known_default(),
            headers: request.headers(),
            extensions,
        };
        let (mut call, held) = config.begin(&head, View::Decoded);
        let mut body = request.body_mut().take();
        let sent = outgoing(&mut call, held, request.headers(), &mut body, extensions)
            .map_err(|error| into_theirs(error, &url))?;
        *request.body_mut() = body;
        let future = next.run(request, extensions);
        let response = ReqwestFuture::calling(future, call, sent, config.settings.drain).await;
        response.map_err(|error| into_theirs(error, &url))
    }
}

/// Our error as one of theirs. What came from further in goes on as it was; a refusal becomes a `reqwest::Error`,
/// since `Error::Middleware` would hide it from everyone who walks the sources.
fn into_theirs(error: Error, url: &Url) -> MiddlewareError {
    let refusal = match error.downcast::<MiddlewareError>() {
        Ok(theirs) => return *theirs,
        Err(refusal) => refusal,
    };
    let mut body = Body::wrap(Failing(Some(refusal)));
    match Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Some(Err(error))) => MiddlewareError::Reqwest(error.with_url(url.clone())),
        // Its first frame is an error: this is not reached, and would still be an error.
        _ => MiddlewareError::Middleware(Error::inner("body refused").into()),
    }
}

/// A body that fails at once: polled, reqwest makes one of its own errors of ours, which it does nowhere else.
struct Failing(Option<Error>);

impl http_body::Body for Failing {
    type Data = bytes::Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<bytes::Bytes>, Error>>> {
        Poll::Ready(self.0.take().map(Err))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
