//! Three layers around a service, with something between each two.

/// What lies between two layers.
#[derive(Clone, Copy, Debug)]
pub enum Between {
    Nothing,
    /// Bodies are boxed as `axum::body::Body`.
    Axum,
    /// Bodies are boxed by http-body-util, under two of its adapters.
    Boxes,
}

impl Between {
    pub const ALL: [Self; 3] = [Self::Nothing, Self::Axum, Self::Boxes];
}

/// Puts three layers around a service, with the same thing between each two, and calls it.
#[macro_export]
macro_rules! call_through {
    ($between:expr, $outer:expr, $middle:expr, $inner:expr, $service:expr, $request:expr) => {{
        use $crate::between::Between;
        use $crate::support::calls::call;
        let builder = || tower::ServiceBuilder::new();
        let (outer, middle, inner) = ($outer, $middle, $inner);
        match $between {
            Between::Nothing => {
                let service = builder().layer(outer).layer(middle).layer(inner).service($service);
                call(service, $request).await
            }
            Between::Axum => {
                use axum::body::Body;
                let service = builder()
                    .layer(outer)
                    .map_request(|request: http::Request<_>| request.map(Body::new))
                    .map_response(|response: http::Response<_>| response.map(Body::new))
                    .layer(middle)
                    .map_request(|request: http::Request<_>| request.map(Body::new))
                    .map_response(|response: http::Response<_>| response.map(Body::new))
                    .layer(inner)
                    .service($service);
                call(service, $request).await
            }
            Between::Boxes => {
                use http_body_util::BodyExt;
                let service = builder()
                    .layer(outer)
                    .map_request(|request: http::Request<_>| request.map(|body| BodyExt::boxed_unsync(body)))
                    .map_response(|response: http::Response<_>| response.map(|body| BodyExt::boxed(body)))
                    .layer(middle)
                    .map_request(|request: http::Request<_>| request.map(|body| BodyExt::boxed_unsync(body)))
                    .map_response(|response: http::Response<_>| {
                        response.map(|body| BodyExt::boxed(BodyExt::inspect_err(body, |_| ())))
                    })
                    .layer(inner)
                    .service($service);
                call(service, $request).await
            }
        }
    }};
}
