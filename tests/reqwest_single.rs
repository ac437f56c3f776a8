//! `ResponseExt::limit_body`: a limit for the answer to a single call of reqwest's, without a layer or a ledger.
#![cfg(test)]
#![cfg(feature = "reqwest")]
#![allow(clippy::arithmetic_side_effects, reason = "tests may fail loudly")]

mod support;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use plimsoll::{LimitExceeded, ResponseExt, Role};
use reqwest::Response;

use support::protocol::{Protocol, get};
use support::upstream::{FRAME, Upstream};

async fn answer(protocol: Protocol, upstream: &Upstream, path: &str) -> Response {
    protocol.reqwest().execute(get(&upstream.url(path))).await.unwrap()
}

/// The refusal behind an error that must be one of reqwest's, as of a body that failed.
#[track_caller]
fn refusal(error: &reqwest::Error) -> &LimitExceeded {
    assert!(error.is_decode() && !error.is_body() && !error.is_timeout(), "{error:?}");
    LimitExceeded::find(error).unwrap_or_else(|| panic!("no refusal behind {error:?}"))
}

#[tokio::test]
async fn whatever_reads_a_body_within_the_limit_gets_all_of_it() {
    for protocol in Protocol::BOTH {
        let upstream = Upstream::start().await;
        for path in ["/declared/9000", "/chunked/9000", "/zeros/9000", "/bomb/9000"] {
            let response = async || answer(protocol, &upstream, path).await.limit_body(9000);
            assert_eq!(response().await.bytes().await.unwrap().len(), 9000, "{protocol:?} {path}");
            assert_eq!(response().await.text().await.unwrap().len(), 9000);
            let pieces: Vec<Bytes> = response().await.bytes_stream().try_collect().await.unwrap();
            assert_eq!(pieces.iter().map(Bytes::len).sum::<usize>(), 9000);
            let (mut by_chunk, mut read) = (response().await, 0);
            while let Some(chunk) = by_chunk.chunk().await.unwrap() {
                read += chunk.len();
            }
            assert_eq!(read, 9000);
            assert!(by_chunk.chunk().await.unwrap().is_none(), "an end stays an end");
        }
    }
}

#[tokio::test]
async fn whatever_reads_a_body_over_the_limit_fails() {
    for protocol in Protocol::BOTH {
        let upstream = Upstream::start().await;
        // Declared, streamed, and small only as long as it is packed.
        for path in ["/declared/9001", "/chunked/9001", "/zeros/9001", "/bomb/9001"] {
            let response = async || answer(protocol, &upstream, path).await.limit_body(9000);
            let errors = [
                response().await.bytes().await.unwrap_err(),
                response().await.text().await.unwrap_err(),
                response().await.json::<serde_json::Value>().await.unwrap_err(),
                until_it_fails(response().await.bytes_stream()).await,
                until_it_fails(chunks(response().await)).await,
            ];
            for error in &errors {
                let exceeded = refusal(error);
                let declared = path.starts_with("/declared").then_some(9001);
                assert_eq!((exceeded.limit(), exceeded.declared()), (9000, declared), "{protocol:?} {path}");
                assert_eq!(exceeded.seen() == 0, declared.is_some(), "a declared one is not read: {exceeded}");
                assert_eq!(exceeded.endpoint(), None, "there is no layer");
                assert_eq!(exceeded.role(), Some(Role::Client), "it is an upstream's answer all the same");
                assert_eq!(exceeded.suggested_status(), 502);
            }
        }
    }
}

/// Reads until the error; what was read before it is within the limit.
async fn until_it_fails(body: impl Stream<Item = reqwest::Result<Bytes>>) -> reqwest::Error {
    let mut body = std::pin::pin!(body);
    let mut read = 0;
    loop {
        match body.next().await.expect("it must not look whole") {
            Ok(chunk) => read += chunk.len(),
            Err(error) => {
                assert!(read <= 9000, "{read} bytes came through");
                return error;
            }
        }
    }
}

fn chunks(response: Response) -> impl Stream<Item = reqwest::Result<Bytes>> {
    futures_util::stream::unfold(response, async |mut response| Some((response.chunk().await.transpose()?, response)))
}

#[tokio::test]
async fn json_within_the_limit_is_read_and_one_byte_less_is_too_little() {
    let upstream = Upstream::start().await;
    let text = r#"{"sku":"4711","stock":[1,2,3]}"#;
    for protocol in Protocol::BOTH {
        let echo = async || protocol.reqwest().post(upstream.url("/echo")).body(text).send().await.unwrap();
        let sku: serde_json::Value = echo().await.limit_body(text.len() as u64).json().await.unwrap();
        assert_eq!(sku["stock"][2], 3);
        let error = echo().await.limit_body(text.len() as u64 - 1).json::<serde_json::Value>().await.unwrap_err();
        assert_eq!(refusal(&error).declared(), Some(text.len() as u64));

        // A body that is no JSON is another matter, although reqwest calls both a decoding error.
        let error = answer(protocol, &upstream, "/declared/3").await.limit_body(9).json::<u8>().await.unwrap_err();
        assert!(error.is_decode() && LimitExceeded::find(&error).is_none(), "{error:?}");
    }
}

#[tokio::test]
async fn an_error_is_sticky_and_never_becomes_an_end() {
    for protocol in Protocol::BOTH {
        let upstream = Upstream::start().await;
        let path = format!("/chunked/{}", 50 * FRAME);
        let mut response = answer(protocol, &upstream, &path).await.limit_body(FRAME as u64);
        let first = loop {
            if let Err(error) = response.chunk().await {
                break error;
            }
        };
        for _ in 0..3 {
            assert_eq!(refusal(&response.chunk().await.unwrap_err()), refusal(&first));
        }
    }
}

#[tokio::test]
async fn url_status_headers_version_address_and_extensions_stay() {
    for protocol in Protocol::BOTH {
        let upstream = Upstream::start().await;
        let bare = answer(protocol, &upstream, "/redirect/status/404").await;
        let (headers, count) = (bare.headers().clone(), bare.extensions().len());
        let reason = bare.error_for_status_ref().unwrap_err().to_string();
        let limited = bare.limit_body(0);

        assert_eq!(limited.url().as_str(), upstream.url("/status/404"), "the one after the redirect");
        assert_eq!((limited.status().as_u16(), limited.version()), (404, protocol.version()));
        assert_eq!((limited.headers(), limited.extensions().len()), (&headers, count));
        assert_eq!(limited.remote_addr(), Some(upstream.address));
        let error = limited.error_for_status().unwrap_err();
        assert_eq!((error.status().map(|status| status.as_u16()), error.to_string()), (Some(404), reason));
        assert_eq!(error.url().map(reqwest::Url::as_str), Some(&*upstream.url("/status/404")));

        let error = answer(protocol, &upstream, "/declared/5?q=1").await.limit_body(4).bytes().await.unwrap_err();
        assert_eq!(error.url().map(reqwest::Url::as_str), Some(&*upstream.url("/declared/5?q=1")));
    }
}

#[tokio::test]
async fn the_length_that_an_answer_declares_is_still_told() {
    let upstream = Upstream::start().await;
    let length = async |path, limit| answer(Protocol::Http1, &upstream, path).await.limit_body(limit).content_length();
    assert_eq!(length("/declared/500", 500).await, Some(500));
    assert_eq!(length("/chunked/500", 500).await, None);
    assert_eq!(length("/bomb/500", 500).await, None, "it is the length of what is packed");
}

#[tokio::test]
async fn of_two_limits_the_smaller_one_holds() {
    let upstream = Upstream::start().await;
    for (outer, inner) in [(10, 20), (20, 10)] {
        for path in ["/declared/15", "/chunked/15"] {
            let response = answer(Protocol::Http1, &upstream, path).await.limit_body(inner).limit_body(outer);
            assert_eq!(refusal(&response.bytes().await.unwrap_err()).limit(), 10, "{path}");
        }
    }
}
