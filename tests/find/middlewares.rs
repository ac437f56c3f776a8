//! Both kinds of reqwest-middleware's error. One can hide a refusal: then its own chain is to be walked.

use plimsoll::{ClientLayer, Ledger, LimitExceeded};
use reqwest::Body;
use reqwest_middleware::{ClientBuilder, Error};

use crate::support::protocol::Protocol;
use crate::support::upstream::Upstream;
use crate::{LIMIT, bare_refusal, finds, hides, refused, streamed};

#[tokio::test]
async fn behind_the_errors_of_a_client_with_the_middleware() {
    for protocol in Protocol::BOTH {
        let upstream = Upstream::start().await;
        let layer = ClientLayer::new(&Ledger::new()).request_limit(LIMIT).response_limit(LIMIT);
        let client = ClientBuilder::new(protocol.reqwest()).with(layer).build();
        finds(&client.get(upstream.url("/declared/11")).send().await.unwrap_err());
        let response = client.get(upstream.url("/chunked/11")).send().await.unwrap();
        finds(&Error::from(response.bytes().await.unwrap_err()));
        for body in [Body::from(vec![0; 11]), Body::wrap(streamed())] {
            let error = client.post(upstream.url("/upload")).body(body).send().await.unwrap_err();
            finds(&error);
            finds(&std::io::Error::other(error));
        }
    }
}

#[tokio::test]
async fn another_middleware_s_error_shows_our_error_and_hides_a_bare_refusal() {
    finds(&Error::middleware(refused().await));
    finds(&Error::middleware(std::io::Error::other(refused().await)));

    // `Error::Middleware` stands for what it holds: its source is the source of that, and a refusal has none.
    let hidden = Error::middleware(bare_refusal().await);
    hides(&hidden);
    let Error::Middleware(inner) = &hidden else { panic!("{hidden:?}") };
    assert!(inner.chain().any(|error| LimitExceeded::find(error).is_some()), "so walk the chain that it has inside");
    hides(&Error::middleware(std::io::Error::other(bare_refusal().await)));
}
