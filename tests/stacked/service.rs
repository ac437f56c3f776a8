//! A service to put layers around, and what lies between them.

use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;
use plimsoll::LimitExceeded;
use tower::{BoxError, Service, ServiceExt};

use crate::support::script::Script;

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
        use $crate::service::{Between, call};
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

/// How a call went for its caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Went {
    /// Answered, and so many bytes of the answer came until it ended.
    Answered(u16, u64),
    /// Answered, but the answer was refused while it was read.
    CutOff(u16),
    /// Failed with a refusal.
    Refused,
}

/// Calls a service, and reads its answer to the end.
pub async fn call<S, R>(service: S, request: Request<Script>) -> Went
where
    S: Service<Request<Script>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    R: Body<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    match service.oneshot(request).await {
        Ok(response) => {
            let status = response.status().as_u16();
            match read(response.into_body()).await {
                Ok(bytes) => Went::Answered(status, bytes),
                Err(error) => {
                    LimitExceeded::find(&*error).expect("it is a refusal");
                    Went::CutOff(status)
                }
            }
        }
        Err(error) => {
            LimitExceeded::find(&*error.into()).expect("it is a refusal");
            Went::Refused
        }
    }
}

async fn read<B>(body: B) -> Result<u64, BoxError>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let mut body = pin!(body);
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        bytes += frame.map_err(Into::into)?.data_ref().map_or(0, |data| data.len() as u64);
    }
    Ok(bytes)
}

/// Reads the request to its end, then gives its answer; 422 where the request fails.
#[derive(Clone, Debug)]
pub struct Answering(pub Script);

impl<B> Service<Request<B>> for Answering
where
    B: Body<Data = Bytes> + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Script>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Script>, Infallible>>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mut response = Response::new(self.0.clone());
        Box::pin(async move {
            if read(request.into_body()).await.is_err() {
                *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            }
            Ok(response)
        })
    }
}
