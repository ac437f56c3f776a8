//! Answers to a client: the behaviours that ureq tests its limit on response bodies for.

use std::convert::Infallible;
use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{Request, Response, header};
use http_body::Body;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use plimsoll::{ClientLayer, Ledger, Limit, LimitExceeded, View};
use tower::{BoxError, Layer, ServiceBuilder, ServiceExt, service_fn};
use tower_http::decompression::DecompressionLayer;

use crate::pieces;
use crate::support::book::book_of;

type Answer = UnsyncBoxBody<Bytes, Infallible>;

fn whole(size: usize) -> Answer {
    Full::new(Bytes::from(vec![b'x'; size])).boxed_unsync()
}

fn in_pieces(sizes: &[usize]) -> Answer {
    pieces(sizes.iter().map(|size| Bytes::from(vec![b'x'; *size])).collect::<Vec<_>>()).boxed_unsync()
}

/// Asks for an answer under a limit, and reads all of it.
async fn read(answer: Answer, limit: Limit) -> Result<usize, BoxError> {
    let mut answer = Some(answer);
    let upstream =
        service_fn(move |_: Request<_>| std::future::ready(Ok::<_, Infallible>(Response::new(answer.take().unwrap()))));
    let client = ClientLayer::new(&Ledger::new()).response_limit(limit).layer(upstream);
    let response = client.oneshot(Request::new(Full::<Bytes>::default())).await?;
    Ok(response.into_body().collect().await?.to_bytes().len())
}

fn refused(read: Result<usize, BoxError>) -> LimitExceeded {
    LimitExceeded::find(&*read.unwrap_err()).cloned().unwrap()
}

#[tokio::test]
async fn a_limit_equal_to_the_size_lets_it_pass() {
    assert_eq!(read(whole(1_000), Limit::reject_over(1_000)).await.unwrap(), 1_000);
    assert_eq!(refused(read(whole(1_001), Limit::reject_over(1_000)).await).declared(), Some(1_001));
}

#[tokio::test]
async fn pieces_that_come_to_exactly_the_limit_pass() {
    assert_eq!(read(in_pieces(&[400, 0, 600]), Limit::reject_over(1_000)).await.unwrap(), 1_000);
    assert_eq!(read(in_pieces(&[1_000, 0, 0]), Limit::reject_over(1_000)).await.unwrap(), 1_000);
    let exceeded = refused(read(in_pieces(&[400, 600, 1]), Limit::reject_over(1_000)).await);
    assert_eq!((exceeded.declared(), exceeded.seen()), (None, 1_001));
}

#[tokio::test]
async fn a_limit_of_zero_lets_empty_answers_pass_and_no_others() {
    let nothing = Limit::reject_over(0);
    assert_eq!(read(whole(0), nothing).await.unwrap(), 0);
    assert_eq!(read(in_pieces(&[]), nothing).await.unwrap(), 0);
    assert_eq!(read(in_pieces(&[0, 0]), nothing).await.unwrap(), 0);
    assert_eq!(refused(read(whole(1), nothing).await).size(), 1);
    assert_eq!(refused(read(in_pieces(&[0, 1]), nothing).await).size(), 1);
}

#[tokio::test]
async fn no_limit_is_not_a_limit_of_zero() {
    assert_eq!(read(whole(1), Limit::default()).await.unwrap(), 1);
    assert_eq!(read(in_pieces(&[1_000_000]), Limit::unlimited()).await.unwrap(), 1_000_000);
}

#[tokio::test]
async fn an_overflow_stays_an_error() {
    let upstream =
        service_fn(|_: Request<_>| std::future::ready(Ok::<_, Infallible>(Response::new(in_pieces(&[8, 1, 1, 1])))));
    let client = ClientLayer::new(&Ledger::new()).response_limit(Limit::reject_over(8)).layer(upstream);
    let mut body = client.oneshot(Request::new(Full::<Bytes>::default())).await.unwrap().into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap().len(), 8);
    for _ in 0..5 {
        let error = body.frame().await.expect("not an end").unwrap_err();
        assert_eq!(LimitExceeded::find(&*error).map(|exceeded| (exceeded.limit(), exceeded.seen())), Some((8, 9)));
        assert!(!body.is_end_stream());
    }
}

#[tokio::test]
async fn around_a_decompression_the_limit_is_for_the_decompressed_size() {
    const SIZE: usize = 1 << 20;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&[0; SIZE]).unwrap();
    let zipped = Bytes::from(gzip.finish().unwrap());
    let wire = zipped.len();
    assert!(wire < SIZE / 500);
    let upstream = service_fn(move |_: Request<Full<Bytes>>| {
        let response = Response::builder().header(header::CONTENT_ENCODING, "gzip");
        std::future::ready(Ok::<_, Infallible>(response.body(Full::new(zipped.clone())).unwrap()))
    });

    for (limit, passes) in [(SIZE, true), (SIZE - 1, false), (wire, false)] {
        let ledger = Ledger::new();
        let ours = ClientLayer::new(&ledger).view(View::Decoded).response_limit(Limit::reject_over(limit as u64));
        let client = ServiceBuilder::new()
            .layer(ours)
            .layer(DecompressionLayer::new())
            .map_request(|request: Request<_>| request.map(|_: plimsoll::MeteredBody<_>| Full::<Bytes>::default()))
            .service(upstream.clone());
        let response = client.oneshot(Request::new(Full::<Bytes>::default())).await.unwrap();
        match response.into_body().collect().await {
            Ok(body) => assert!(passes && body.to_bytes().len() == SIZE),
            Err(error) => {
                assert!(!passes);
                assert!(LimitExceeded::find(&*error).is_some_and(|exceeded| exceeded.declared().is_none()));
            }
        }
        let book = book_of(&ledger, plimsoll::Direction::Response).join("\n");
        let ending = if passes { format!("1 complete, {SIZE} B") } else { "1 rejected_streaming, 0 B, ".into() };
        assert!(book.starts_with(&format!("client response GET (no template) 200 decoded: {ending}")), "{book}");
    }
}
