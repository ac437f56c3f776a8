//! The metrics page as a tower service.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use tower_service::Service;

use super::openmetrics::OpenMetrics;
use crate::body::ShortBody;

/// Answers a scrape, whatever its path: put it where `/metrics` is routed to.
///
/// ```
/// use axum::Router;
/// use plimsoll::{Ledger, OpenMetrics};
///
/// let ledger = Ledger::new();
/// let app: Router = Router::new().route_service("/metrics", OpenMetrics::new(&ledger));
/// ```
impl<B> Service<Request<B>> for OpenMetrics {
    type Response = Response<ShortBody>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(self.answer(request.method())))
    }
}

impl OpenMetrics {
    fn answer(&self, method: &Method) -> Response<ShortBody> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            let mut response = Response::new(ShortBody::default());
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        let page = self.to_string();
        let length = HeaderValue::from(page.len());
        // The answer to HEAD has the headers of the page and not the page: over HTTP/2, hyper would send it.
        let page = if *method == Method::HEAD { ShortBody::default() } else { ShortBody::new(page.into()) };
        let mut response = Response::new(page);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(Self::CONTENT_TYPE));
        response.headers_mut().insert(header::CONTENT_LENGTH, length);
        response
    }
}
