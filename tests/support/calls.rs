//! A service that reads its request and answers as told, and how a call to it went.

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

use super::script::Script;

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
pub struct Answering(pub Response<Script>);

impl Answering {
    /// Answers 200 with this body.
    pub fn with(body: Script) -> Self {
        Self(Response::new(body))
    }
}

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
        let mut response = self.0.clone();
        Box::pin(async move {
            if read(request.into_body()).await.is_err() {
                *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            }
            Ok(response)
        })
    }
}
