//! The surroundings of a layer: a plain tower service, or a router of axum.

use std::fmt;

use axum::Router;
use axum::body::Body as AxumBody;
use axum::routing::{Route as AxumRoute, post};
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use tower::{Layer, Service, ServiceExt};

use crate::call::{self, ROUTE};
use crate::context::Active;

/// A service that is called again and again.
pub struct Subject(Box<dyn FnMut()>);

impl Subject {
    /// Calls it once: the request is made, answered and read, all of it on this thread.
    pub fn call(&mut self) {
        (self.0)();
    }

    /// A service, called as it is.
    pub(crate) fn tower<S, R>(active: Active, mut service: S) -> Self
    where
        S: Service<Request<Full<Bytes>>, Response = Response<R>> + 'static,
        S::Error: fmt::Debug,
        R: Body,
    {
        let head = call::head();
        Self(Box::new(move || {
            let _active = active.enter();
            let request = Request::from_parts(head.clone(), call::question());
            let response = call::now(service.call(request)).expect("the service answers");
            call::read(response.into_body());
        }))
    }

    /// A router with a layer around its routes, cloned for each call as axum's server does it.
    pub(crate) fn axum<L>(layer: L) -> Self
    where
        L: Layer<AxumRoute> + Clone + Send + Sync + 'static,
        L::Service: Service<Request<AxumBody>> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request<AxumBody>>>::Response: axum::response::IntoResponse + 'static,
        <L::Service as Service<Request<AxumBody>>>::Error: Into<std::convert::Infallible> + 'static,
        <L::Service as Service<Request<AxumBody>>>::Future: Send + 'static,
    {
        Self::router(routes().layer(layer))
    }

    /// The same without a layer.
    pub(crate) fn bare_axum() -> Self {
        Self::router(routes())
    }

    fn router(router: Router) -> Self {
        let mut head = call::head();
        // Its routes are those of the router.
        head.extensions.clear();
        // A router makes itself ready to serve when it is first asked for a service.
        let router = router.with_state(());
        Self(Box::new(move || {
            let _active = Active::Remote.enter();
            let request = Request::from_parts(head.clone(), AxumBody::new(call::question()));
            let Ok(response) = call::now(router.clone().oneshot(request));
            call::read(response.into_body());
        }))
    }
}

fn routes() -> Router {
    let checkout = post(async |request: Request<AxumBody>| {
        let Ok(response) = call::handler(request).await;
        response.map(AxumBody::new)
    });
    Router::new().route(ROUTE, checkout).route("/inventory/{sku}", post(async || "unused"))
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subject")
    }
}
