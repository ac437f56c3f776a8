//! reqwest's errors, however it was limited.

use plimsoll::{ClientLayer, Ledger, MeteredBody, ResponseExt};
use reqwest::Body;
use tower::{Layer, ServiceExt};

use crate::support::protocol::{Protocol, get, post};
use crate::support::upstream::Upstream;
use crate::{LIMIT, finds, hides, streamed};

#[tokio::test]
async fn behind_the_errors_of_a_client_under_the_layer() {
    for protocol in Protocol::BOTH {
        let upstream = Upstream::start().await;
        let layer = ClientLayer::new(&Ledger::new()).request_limit(LIMIT).response_limit(LIMIT);
        let client = layer.layer(protocol.reqwest());
        let send = async |request| client.clone().oneshot(request).await;
        finds(&send(get(&upstream.url("/declared/11"))).await.unwrap_err());
        let response = send(get(&upstream.url("/chunked/11"))).await.unwrap();
        finds(&response.bytes().await.unwrap_err());
        let response = send(get(&upstream.url("/bomb/11"))).await.unwrap();
        finds(&response.json::<u32>().await.unwrap_err());
        finds(&send(post(&upstream.url("/upload"), vec![0; 11])).await.unwrap_err());
        finds(&send(post(&upstream.url("/upload"), Body::wrap(streamed()))).await.unwrap_err());
    }
}

#[tokio::test]
async fn behind_the_errors_of_a_limited_response() {
    for protocol in Protocol::BOTH {
        let upstream = Upstream::start().await;
        for path in ["/declared/11", "/chunked/11", "/bomb/11"] {
            let response = async || protocol.reqwest().get(upstream.url(path)).send().await.unwrap().limit_body(10);
            let error = response().await.text().await.unwrap_err();
            finds(&error);
            finds(&std::io::Error::other(error));
            let mut response = response().await;
            let error = loop {
                if let Err(error) = response.chunk().await {
                    break error;
                }
            };
            finds(&error);
            // A URL may be a secret: without it, the refusal is still there.
            finds(&error.without_url());
        }
    }
}

#[tokio::test]
async fn a_metered_upload_without_a_layer_shows_its_refusal_on_http1_only() {
    for protocol in Protocol::BOTH {
        let upstream = Upstream::start().await;
        let body = Body::wrap(MeteredBody::new(streamed(), LIMIT));
        let error = protocol.reqwest().execute(post(&upstream.url("/upload"), body)).await.unwrap_err();
        match protocol {
            Protocol::Http1 => finds(&error),
            // hyper tells of a reset, and no more. The layer, which knows why, puts its own error in place of that.
            Protocol::Http2 => hides(&error),
        }
    }
}
