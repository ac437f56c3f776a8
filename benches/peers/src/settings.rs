//! The surroundings of a layer: a plain tower service, or a router of axum.

use std::convert::Infallible;
use std::fmt;

use axum::Router;
use axum::body::Body as AxumBody;
use axum::response::IntoResponse;
use axum::routing::{Route as AxumRoute, post};
use http::{Request, Response, request};
use http_body::Body;
use tower::{Layer, Service, ServiceExt};

use crate::call;
use crate::context::Active;
use crate::exchange::{Exchange, Pieces, ROUTES};

/// A service that callers share.
pub struct Subject(Box<dyn Fn(usize) -> Caller>);

/// One who calls a [`Subject`] again and again, on a thread of its own if need be.
pub struct Caller(Box<dyn FnMut() + Send>);

impl Caller {
    /// Calls it once: the request is made, answered and read, all of it on this thread.
    #[inline]
    pub fn call(&mut self) {
        (self.0)();
    }
}

impl Subject {
    /// A caller of this service, as a connection is one.
    #[must_use]
    pub fn caller(&self) -> Caller {
        (self.0)(0)
    }

    /// Several; each begins elsewhere in the round of endpoints.
    #[must_use]
    pub fn callers(&self, number: usize) -> Vec<Caller> {
        (0..number).map(|caller| (self.0)(caller * Exchange::MANY / number)).collect()
    }

    /// A service, called as it is.
    pub(crate) fn tower<S, R>(active: Active, exchange: Exchange, service: S) -> Self
    where
        S: Service<Request<Pieces>, Response = Response<R>> + Clone + Send + 'static,
        S::Error: fmt::Debug,
        R: Body,
    {
        Self(Box::new(move |first| {
            let mut service = service.clone();
            let mut heads = Round::new(call::heads(exchange), first);
            Caller(Box::new(move || {
                let _active = active.enter();
                let request = Request::from_parts(heads.next().clone(), exchange.question.body());
                let response = call::now(service.call(request)).expect("the service answers");
                call::read(response.into_body(), exchange.answer);
            }))
        }))
    }

    /// A router with a layer around its routes, cloned for each call as axum's server does it.
    pub(crate) fn axum<L>(exchange: Exchange, layer: L) -> Self
    where
        L: Layer<AxumRoute> + Clone + Send + Sync + 'static,
        L::Service: Service<Request<AxumBody>> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request<AxumBody>>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request<AxumBody>>>::Error: Into<Infallible> + 'static,
        <L::Service as Service<Request<AxumBody>>>::Future: Send + 'static,
    {
        Self::router(exchange, routes(exchange).layer(layer))
    }

    /// The same without a layer.
    pub(crate) fn bare_axum(exchange: Exchange) -> Self {
        Self::router(exchange, routes(exchange))
    }

    fn router(exchange: Exchange, router: Router) -> Self {
        // A router makes itself ready to serve when it is first asked for a service.
        let router = router.with_state(());
        Self(Box::new(move |first| {
            let router = router.clone();
            let heads = call::heads(exchange).map(|mut head| {
                // Its routes are those of the router.
                head.extensions.clear();
                head
            });
            let mut heads = Round::new(heads, first);
            Caller(Box::new(move || {
                let _active = Active::Remote.enter();
                let request = Request::from_parts(heads.next().clone(), AxumBody::new(exchange.question.body()));
                let Ok(response) = call::now(router.clone().oneshot(request));
                call::read(response.into_body(), exchange.answer);
            }))
        }))
    }
}

/// A route for each endpoint of the exchange.
pub(crate) fn routes(exchange: Exchange) -> Router {
    ROUTES.iter().take(exchange.endpoints).fold(Router::new(), |router, route| {
        let checkout = post(async move |request: Request<AxumBody>| {
            let Ok(response) = call::handler(request, exchange).await;
            response.map(AxumBody::new)
        });
        router.route(route, checkout)
    })
}

/// Heads of requests, one after the other and over again.
struct Round {
    heads: Vec<request::Parts>,
    next: usize,
}

impl Round {
    fn new(heads: impl Iterator<Item = request::Parts>, first: usize) -> Self {
        let heads: Vec<_> = heads.collect();
        Self { next: first % heads.len(), heads }
    }

    fn next(&mut self) -> &request::Parts {
        let head = &self.heads[self.next];
        self.next = if self.next + 1 == self.heads.len() { 0 } else { self.next + 1 };
        head
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subject")
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Caller")
    }
}
