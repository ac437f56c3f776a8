//! `ServerLayer` on tonic's server: on all of it, or on one service.

use std::borrow::Cow;

use http::{Extensions, Uri};
use plimsoll::{Direction, Ledger, Limit, ServerLayer};
use tonic::Code;
use tonic::service::LayerExt;
use tonic::transport::{Channel, Server};

use crate::inventory::{DESCRIBE, Inventory, LIST, Query, call_describe, call_list, framed, loopback, sku};
use crate::support::book::{book_of, book_reads};
use crate::support::protocol::Protocol;

/// The methods of a service are its routes; what is not one of them has none.
fn route<'a>(uri: &'a Uri, _: &'a Extensions) -> Option<Cow<'a, str>> {
    [DESCRIBE, LIST].into_iter().find(|known| *known == uri.path()).map(Into::into)
}

fn layer(ledger: &Ledger) -> ServerLayer {
    ServerLayer::new(ledger).route(route)
}

/// A server with our layer around all its services, and a channel to it.
async fn serve(layer: ServerLayer) -> (Channel, String) {
    let (incoming, channel, url) = loopback().await;
    tokio::spawn(Server::builder().layer(layer).add_service(Inventory).serve_with_incoming(incoming));
    (channel, url)
}

#[tokio::test]
async fn calls_pass_and_their_bodies_are_measured() {
    let ledger = Ledger::new();
    let (channel, _) = serve(layer(&ledger)).await;
    let describe = Query { bytes: 1000, ..Query::default() };
    let list = Query { bytes: 100, texts: 5, ..Query::default() };
    let asked = [framed(&describe), framed(&list)];

    assert_eq!(call_describe(channel.clone(), describe).await.unwrap(), sku(1000));
    let (texts, end) = call_list(channel, list).await;
    assert_eq!((texts.len(), end.code(), end.message()), (5, Code::OutOfRange, "that is all"));
    assert_eq!(end.metadata().get("x-texts").unwrap(), "5");
    book_reads(
        &ledger,
        &[
            &format!("server request POST {DESCRIBE}: 1 complete, {} B", asked[0]),
            &format!("server response POST {DESCRIBE} 200: 1 complete, {} B", framed(&sku(1000))),
            &format!("server request POST {LIST}: 1 complete, {} B", asked[1]),
            &format!("server response POST {LIST} 200: 1 complete, {} B", 5 * framed(&sku(100))),
        ],
    )
    .await;
}

#[tokio::test]
async fn on_one_service_it_meters_that_one() {
    let ledger = Ledger::new();
    let (incoming, channel, _) = loopback().await;
    let inventory = layer(&ledger).named_layer(Inventory);
    tokio::spawn(Server::builder().add_service(inventory).serve_with_incoming(incoming));

    let query = Query { bytes: 1000, ..Query::default() };
    let asked = framed(&query);
    call_describe(channel, query).await.unwrap();
    book_reads(
        &ledger,
        &[
            &format!("server request POST {DESCRIBE}: 1 complete, {asked} B"),
            &format!("server response POST {DESCRIBE} 200: 1 complete, {} B", framed(&sku(1000))),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_question_over_its_limit_is_answered_by_resource_exhausted() {
    let ledger = Ledger::new();
    let (channel, _) = serve(layer(&ledger).request_limit(Limit::reject_over(100))).await;
    let query = Query { text: "x".repeat(1000), ..Query::default() };
    let asked = framed(&query);

    // tonic's client declares no length, so it is found out while it is read.
    let status = call_describe(channel.clone(), query.clone()).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::ResourceExhausted, "request body over its limit"));
    let (texts, status) = call_list(channel, query).await;
    assert_eq!((texts.len(), status.code()), (0, Code::ResourceExhausted));
    book_reads(
        &ledger,
        &[
            &format!("server request POST {DESCRIBE}: 1 rejected_streaming, 0 B, {asked} B offered, 1 over limit"),
            &format!("server response POST {DESCRIBE} 200: 1 complete, 0 B"),
            &format!("server request POST {LIST}: 1 rejected_streaming, 0 B, {asked} B offered, 1 over limit"),
            &format!("server response POST {LIST} 200: 1 complete, 0 B"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_question_declared_too_large_is_answered_in_headers_only() {
    let ledger = Ledger::new();
    let (_, url) = serve(layer(&ledger).request_limit(Limit::reject_over(100))).await;
    let call = Protocol::Http2.reqwest().post(format!("{url}{DESCRIBE}"));
    let answer = call.header("content-type", "application/grpc").header("te", "trailers").body(vec![0; 1000]);
    let answer = answer.send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["grpc-status"]), (200, &"8".parse().unwrap()));
    assert_eq!(answer.headers()["content-type"], "application/grpc");
    assert_eq!(answer.bytes().await.unwrap().len(), 0);
    book_reads(
        &ledger,
        &[
            &format!("server request POST {DESCRIBE}: 1 rejected_early, 0 B, 1000 B offered, 1 over limit"),
            &format!("server response POST {DESCRIBE} 200: 1 complete, 0 B"),
        ],
    )
    .await;
}

/// gRPC answers are of no declared length: the head is out by then, so the stream is reset, and the caller never
/// takes what came for all there is.
#[tokio::test]
async fn an_answer_over_its_limit_is_cut_off_and_other_calls_on_the_connection_live_on() {
    let ledger = Ledger::new();
    let each = framed(&sku(20_000));
    let (channel, _) = serve(layer(&ledger).response_limit(Limit::reject_over(3 * each))).await;

    let (texts, status) = call_list(channel.clone(), Query { bytes: 20_000, texts: 20, ..Query::default() }).await;
    assert!(texts.len() <= 3, "{}", texts.len());
    assert_eq!(status.code(), Code::Internal, "{status:?}");
    let status = call_describe(channel.clone(), Query { bytes: 70_000, ..Query::default() }).await.unwrap_err();
    assert_eq!(status.code(), Code::Internal, "{status:?}");
    assert_eq!(call_describe(channel, Query { bytes: 10, ..Query::default() }).await.unwrap(), sku(10));

    let lines = book_of(&ledger, Direction::Response);
    assert!(lines[0].contains("200: 1 complete, 1 rejected_streaming, "), "{lines:?}");
    assert!(lines[1].contains("200: 1 rejected_streaming, "), "{lines:?}");
}

#[tokio::test]
async fn a_stream_that_its_caller_leaves_was_aborted() {
    let ledger = Ledger::new();
    let (channel, _) = serve(layer(&ledger)).await;
    let query = Query { bytes: 100_000, texts: 1000, ..Query::default() };
    let asked = framed(&query);

    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::<Query, crate::inventory::Sku>::default();
    let path = http::uri::PathAndQuery::from_static(LIST);
    let mut stream = grpc.server_streaming(tonic::Request::new(query), path, codec).await.unwrap().into_inner();
    assert_eq!(stream.message().await.unwrap(), Some(sku(100_000)));
    drop(stream);
    book_reads(
        &ledger,
        &[
            &format!("server request POST {LIST}: 1 complete, {asked} B"),
            &format!("server response POST {LIST} 200: 1 aborted, 0 B"),
        ],
    )
    .await;
}
