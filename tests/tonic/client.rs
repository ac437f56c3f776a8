//! `ClientLayer` around a channel.

use http::{Method, Request};
use plimsoll::{ClientLayer, Direction, Ledger, Limit, LimitExceeded, Role};
use tonic::Code;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::transport::Channel;
use tower::{BoxError, ServiceBuilder};

use crate::inventory::{DESCRIBE, LIST, Query, bare, call_describe, call_list, framed, sku};
use crate::support::book::{book, book_of};

/// The methods of a service are its templates; what is not one of them has none.
fn template(_: &Method, path: &str) -> Option<std::borrow::Cow<'static, str>> {
    [DESCRIBE, LIST].into_iter().find(|known| *known == path).map(Into::into)
}

fn layer(ledger: &Ledger) -> ClientLayer {
    ClientLayer::new(ledger).upstream("inventory").url_template(template)
}

/// The channel takes requests with tonic's own body: the line between the two makes it from ours.
fn client(
    layer: ClientLayer,
    channel: Channel,
) -> impl Service<
    Request<Body>,
    Response = http::Response<impl http_body::Body<Data = bytes::Bytes, Error = BoxError> + Send + 'static>,
    Error = plimsoll::Error,
> {
    ServiceBuilder::new().layer(layer).map_request(|request: Request<_>| request.map(Body::new)).service(channel)
}

#[tokio::test]
async fn a_call_passes_and_both_bodies_are_measured() {
    let ledger = Ledger::new();
    let client = client(layer(&ledger), bare().await);
    let query = Query { bytes: 1000, ..Query::default() };
    let (asked, answered) = (framed(&query), framed(&sku(1000)));

    assert_eq!(call_describe(client, query).await.unwrap(), sku(1000));
    assert_eq!(
        book(&ledger),
        [
            format!("client request POST {DESCRIBE} of inventory: 1 complete, {asked} B"),
            format!("client response POST {DESCRIBE} of inventory 200: 1 complete, {answered} B"),
        ]
    );
}

#[tokio::test]
async fn a_stream_of_messages_is_one_body_and_its_trailers_arrive() {
    let ledger = Ledger::new();
    let client = client(layer(&ledger), bare().await);

    let (texts, end) = call_list(client, Query { bytes: 100, texts: 5, ..Query::default() }).await;
    assert_eq!(texts, vec![sku(100); 5]);
    assert_eq!((end.code(), end.message()), (Code::OutOfRange, "that is all"));
    assert_eq!(end.metadata().get("x-texts").unwrap(), "5");
    assert_eq!(
        book_of(&ledger, Direction::Response),
        [format!("client response POST {LIST} of inventory 200: 1 complete, {} B", 5 * framed(&sku(100)))]
    );
}

#[tokio::test]
async fn an_answer_over_its_limit_arrives_as_a_status_with_our_error_behind_it() {
    let ledger = Ledger::new();
    let client = client(layer(&ledger).response_limit(Limit::reject_over(500)), bare().await);

    let status = call_describe(client, Query { bytes: 1000, ..Query::default() }).await.unwrap_err();
    assert_eq!(status.code(), Code::Unknown);
    let exceeded = LimitExceeded::find(&status).expect("it was refused by us");
    assert_eq!((exceeded.limit(), exceeded.role()), (500, Some(Role::Client)));
    assert_eq!(exceeded.endpoint().unwrap().to_string(), format!("POST {DESCRIBE} of inventory"));
}

#[tokio::test]
async fn of_a_stream_over_its_limit_the_messages_within_it_are_delivered() {
    let ledger = Ledger::new();
    let each = framed(&sku(20_000));
    let client = client(layer(&ledger).response_limit(Limit::reject_over(3 * each)), bare().await);

    let (texts, end) = call_list(client, Query { bytes: 20_000, texts: 20, ..Query::default() }).await;
    let exceeded = LimitExceeded::find(&end).expect("it was refused by us");
    // A frame that crosses the limit is not delivered, and messages share frames.
    assert!(!texts.is_empty() && texts.len() <= 3, "{}", texts.len());
    assert_eq!(
        book_of(&ledger, Direction::Response),
        [format!(
            "client response POST {LIST} of inventory 200: 1 rejected_streaming, 0 B, {} B offered, 1 over limit",
            exceeded.seen()
        )]
    );
}

/// HTTP/2 shows the caller of such a call only a reset; the layer says what it was.
#[tokio::test]
async fn a_question_over_its_limit_is_not_sent_as_a_whole_one() {
    let ledger = Ledger::new();
    let client = client(layer(&ledger).request_limit(Limit::reject_over(100)), bare().await);

    let query = Query { text: "x".repeat(1000), ..Query::default() };
    let asked = framed(&query);
    let status = call_describe(client, query).await.unwrap_err();
    let exceeded = LimitExceeded::find(&status).expect("it was refused by us");
    assert_eq!((exceeded.limit(), exceeded.direction()), (100, Some(Direction::Request)));
    assert_eq!(
        book(&ledger),
        [format!(
            "client request POST {DESCRIBE} of inventory: 1 rejected_streaming, 0 B, {asked} B offered, 1 over limit"
        )]
    );
}
