//! Layers with something between them that changes the bytes: two bodies indeed, and two samples.

use std::convert::Infallible;
use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full};
use plimsoll::{ClientLayer, Direction, Ledger, Limit, ServerLayer, View};
use tower::{ServiceBuilder, ServiceExt, service_fn};
use tower_http::compression::CompressionLayer;
use tower_http::decompression::{DecompressionLayer, RequestDecompressionLayer};

use crate::support::book::book_of;

const SIZE: usize = 100_000;

fn gzipped() -> Bytes {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&[b'x'; SIZE]).unwrap();
    gzip.finish().unwrap().into()
}

#[tokio::test]
async fn around_and_inside_a_compression_an_answer_is_counted_in_both_views() {
    let ledger = Ledger::new();
    let service = ServiceBuilder::new()
        .layer(ServerLayer::new(&ledger))
        .layer(CompressionLayer::new())
        .layer(ServerLayer::new(&ledger).view(View::Decoded))
        .service(service_fn(async |_: Request<_>| {
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(vec![b'x'; SIZE])))
        }));
    let request = Request::get("/").header(header::ACCEPT_ENCODING, "gzip").body(Full::<Bytes>::default()).unwrap();
    let response = service.oneshot(request).await.unwrap();
    let wire = response.into_body().collect().await.unwrap().to_bytes().len();
    assert!(wire < SIZE / 10, "{wire}");
    let known = [
        format!("server response GET (no route) 200 decoded: 1 complete, {SIZE} B"),
        format!("server response GET (no route) 200 gzip: 1 complete, {wire} B"),
    ];
    assert_eq!(book_of(&ledger, Direction::Response), known);
}

#[tokio::test]
async fn around_and_inside_a_request_s_decompression_it_is_counted_in_both_views() {
    let ledger = Ledger::new();
    let service = ServiceBuilder::new()
        .layer(ServerLayer::new(&ledger))
        .layer(RequestDecompressionLayer::new())
        .layer(ServerLayer::new(&ledger).view(View::Decoded).request_limit(Limit::reject_over(SIZE as u64)))
        .service(service_fn(async |request: Request<_>| {
            let body: plimsoll::MeteredBody<_> = request.into_body();
            assert_eq!(body.collect().await.unwrap().to_bytes().len(), SIZE);
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        }));
    let zipped = gzipped();
    let wire = zipped.len();
    let request = Request::post("/").header(header::CONTENT_ENCODING, "gzip").body(Full::new(zipped)).unwrap();
    service.oneshot(request).await.unwrap();
    let known = [
        format!("server request POST (no route) decoded: 1 complete, {SIZE} B"),
        format!("server request POST (no route) gzip: 1 complete, {wire} B"),
    ];
    assert_eq!(book_of(&ledger, Direction::Request), known);
}

#[tokio::test]
async fn around_and_inside_a_client_s_decompression_an_answer_is_counted_in_both_views() {
    let ledger = Ledger::new();
    let zipped = gzipped();
    let wire = zipped.len();
    let layer = ClientLayer::new(&ledger).upstream("up");
    let client = ServiceBuilder::new()
        .layer(layer.clone().view(View::Decoded))
        .layer(DecompressionLayer::new())
        .layer(layer)
        .service(service_fn(move |_: Request<_>| {
            let response = Response::builder().header(header::CONTENT_ENCODING, "gzip");
            std::future::ready(Ok::<_, Infallible>(response.body(Full::new(zipped.clone())).unwrap()))
        }));
    let response = client.oneshot(Request::new(Full::<Bytes>::default())).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes().len(), SIZE);
    let known = [
        format!("client response GET (no template) of up 200 decoded: 1 complete, {SIZE} B"),
        format!("client response GET (no template) of up 200 gzip: 1 complete, {wire} B"),
    ];
    assert_eq!(book_of(&ledger, Direction::Response), known);
    // Each view is complete in itself: the request, which nothing changes on its way, is in both.
    let known = [
        "client request GET (no template) of up: 1 complete, 0 B",
        "client request GET (no template) of up decoded: 1 complete, 0 B",
    ];
    assert_eq!(book_of(&ledger, Direction::Request), known);
}
