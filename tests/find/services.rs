//! What goes around a client or a server: layers of tower and tower-http, axum, tonic.

use std::time::Duration;

use axum::body::Body;
use axum::extract::FromRequest;
use bytes::Bytes;
use http::{Request, Response, header};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use plimsoll::{ClientLayer, Ledger, MeteredBody};
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
use tower_http::decompression::DecompressionLayer;

use crate::support::upstream::gzip;
use crate::{LIMIT, finds, refused, refused_body, streamed};

#[tokio::test]
async fn behind_the_boxed_errors_of_tower_s_layers() {
    let answer = |_: Request<MeteredBody<Full<Bytes>>>| async {
        Ok::<_, BoxError>(Response::new(Full::<Bytes>::from("eleven byte")))
    };
    let client = ServiceBuilder::new()
        .buffer(4)
        .load_shed()
        .timeout(Duration::from_secs(20))
        .concurrency_limit(1)
        .layer(ClientLayer::new(&Ledger::new()).response_limit(LIMIT))
        .service(service_fn(answer));
    let error = client.clone().boxed_clone().oneshot(Request::new(Full::default())).await.unwrap_err();
    finds(&*error);
    // And once more through a buffer, whose errors are shared among those who wait.
    let error = ServiceBuilder::new().buffer(4).service(client).oneshot(Request::new(Full::default())).await;
    finds(&*error.unwrap_err());
}

#[tokio::test]
async fn behind_the_errors_of_a_buffer_whose_service_broke() {
    struct Broken;

    impl tower::Service<()> for Broken {
        type Response = ();
        type Error = plimsoll::Error;
        type Future = std::future::Ready<Result<(), Self::Error>>;

        fn poll_ready(&mut self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
            std::pin::pin!(refused()).poll(cx).map(Err)
        }

        fn call(&mut self, (): ()) -> Self::Future {
            std::future::ready(Ok(()))
        }
    }
    use std::future::Future;

    let error = ServiceBuilder::new().buffer(4).service(Broken).oneshot(()).await.unwrap_err();
    finds(&*error);
}

#[tokio::test]
async fn behind_the_errors_of_a_body_that_is_unpacked_outside() {
    let answer = |_: Request<MeteredBody<Full<Bytes>>>| async {
        let packed = futures_util::stream::iter([Ok::<_, std::io::Error>(Frame::data(Bytes::from(gzip(1_000_000))))]);
        Response::builder().header(header::CONTENT_ENCODING, "gzip").body(StreamBody::new(packed))
    };
    let client = ServiceBuilder::new()
        .layer(DecompressionLayer::new())
        .layer(ClientLayer::new(&Ledger::new()).response_limit(LIMIT))
        .service(service_fn(answer));
    let response = client.oneshot(Request::new(Full::default())).await.unwrap();
    finds(&*response.into_body().collect().await.unwrap_err());
}

#[tokio::test]
async fn behind_the_errors_and_rejections_of_axum() {
    let body = || Body::new(MeteredBody::new(streamed(), LIMIT));
    finds(&body().collect().await.unwrap_err());
    finds(&axum::body::to_bytes(body(), usize::MAX).await.unwrap_err());
    finds(&Bytes::from_request(Request::new(body()), &()).await.unwrap_err());
    finds(&String::from_request(Request::new(body()), &()).await.unwrap_err());
    let mut request = Request::new(body());
    request.headers_mut().insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
    finds(&axum::Json::<u32>::from_request(request, &()).await.unwrap_err());
}

#[tokio::test]
async fn behind_a_status_of_tonic_s() {
    finds(&tonic::Status::from_error(Box::new(refused().await)));
    finds(&tonic::Status::from_error(refused_body().await));
    finds(&tonic::Status::from_error(Box::new(axum::Error::new(refused_body().await))));
}

#[tokio::test]
async fn behind_the_error_of_a_stream_of_a_body_s_data() {
    use futures_util::TryStreamExt;

    let mut stream = MeteredBody::new(streamed(), LIMIT).into_data_stream();
    let error = loop {
        match stream.try_next().await {
            Ok(data) => assert!(data.is_some(), "it must not look whole"),
            Err(error) => break error,
        }
    };
    finds(&*error);
    let stream = MeteredBody::new(streamed(), LIMIT).into_data_stream().map_err(std::io::Error::other);
    finds(&stream.try_collect::<Vec<_>>().await.unwrap_err());
}
