//! What passes through unchanged: all of a request on its way in, all of a response on its way out.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http::{HeaderValue, Method, Version, header};
use plimsoll::{ClientLayer, ClientService, Direction, Ledger, Limit, UrlTemplate};
use reqwest::ResponseBuilderExt;
use tower::{Layer, ServiceExt, service_fn};

use crate::support::book::{book, book_of};
use crate::support::protocol::{Protocol, get, post};
use crate::support::readings::only;
use crate::support::upstream::{PEER, Upstream};
use crate::{inventory, limited, send};

#[tokio::test]
async fn a_response_keeps_url_status_headers_version_and_address() {
    for protocol in Protocol::BOTH {
        let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
        let url = upstream.url("/declared/9?page=2&q=%C3%A9");
        let bare = protocol.reqwest().execute(get(&url)).await.unwrap();
        let response = send(&limited(&ledger, protocol, 100), get(&url)).await.unwrap();

        assert_eq!(response.url().as_str(), url);
        assert_eq!(response.status(), 200);
        assert_eq!(response.version(), protocol.version());
        assert_eq!(response.remote_addr(), Some(upstream.address));
        assert_eq!(response.content_length(), Some(9));
        assert_eq!(response.extensions().len(), bare.extensions().len());
        let told = |response: &reqwest::Response| {
            let mut headers = response.headers().clone();
            assert!(headers.remove(PEER).is_some() && headers.remove(header::DATE).is_some());
            headers
        };
        assert_eq!(told(&response), told(&bare), "{protocol:?}");
        assert_eq!(response.text().await.unwrap(), "xxxxxxxxx");
    }
}

#[tokio::test]
async fn error_for_status_names_the_url_and_the_reason() {
    for protocol in Protocol::BOTH {
        let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
        let url = upstream.url("/status/503?why");
        let response = send(&limited(&ledger, protocol, 100), get(&url)).await.unwrap();
        response.error_for_status_ref().unwrap_err();
        let error = response.error_for_status().unwrap_err();
        let bare = protocol.reqwest().execute(get(&url)).await.unwrap().error_for_status().unwrap_err();
        assert_eq!(error.url().map(reqwest::Url::as_str), Some(&*url));
        assert_eq!((error.status(), error.to_string()), (bare.status(), bare.to_string()));
        let known = "client response GET (no template) of inventory 503 decoded: 1 complete, 0 B";
        assert_eq!(book_of(&ledger, Direction::Response), [known]);
    }
}

#[tokio::test]
async fn redirects_are_one_call_with_the_final_response() {
    for protocol in Protocol::BOTH {
        let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
        let client = limited(&ledger, protocol, 100);
        let response = send(&client, get(&upstream.url("/redirect/redirect/declared/50"))).await.unwrap();
        assert_eq!(response.url().as_str(), upstream.url("/declared/50"));
        assert_eq!(response.bytes().await.unwrap().len(), 50);
        assert_eq!(upstream.calls(), 3);
        assert_eq!(
            book(&ledger),
            [
                "client request GET (no template) of inventory decoded: 1 complete, 0 B",
                "client response GET (no template) of inventory 200 decoded: 1 complete, 50 B",
            ],
            "{protocol:?}"
        );
    }
}

#[tokio::test]
async fn a_body_in_memory_is_sent_again_by_a_redirect_and_counted_once() {
    for protocol in Protocol::BOTH {
        let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
        let response = send(&limited(&ledger, protocol, 100), post(&upstream.url("/resend/upload"), "four")).await;
        assert_eq!(response.unwrap().text().await.unwrap(), "4", "the upstream got all of it");
        let known = "client request POST (no template) of inventory decoded: 1 complete, 4 B";
        assert_eq!(book_of(&ledger, Direction::Request), [known], "{protocol:?}");
    }
}

#[tokio::test]
async fn a_request_arrives_as_it_would_without_the_layer() {
    for protocol in Protocol::BOTH {
        let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
        let request = || {
            let mut request = post(&upstream.url("/echo"), "a body");
            request.headers_mut().append("x-twice", HeaderValue::from_static("one"));
            request.headers_mut().append("x-twice", HeaderValue::from_static("two"));
            request
        };
        let told = async |response: reqwest::Response| {
            let mut headers = response.headers().clone();
            headers.remove(PEER);
            headers.remove(header::DATE);
            (headers, response.text().await.unwrap())
        };
        let bare = told(protocol.reqwest().execute(request()).await.unwrap()).await;
        let ours = told(send(&limited(&ledger, protocol, 100), request()).await.unwrap()).await;
        assert_eq!(ours, bare);
        assert_eq!(ours.1, "a body");
        assert_eq!(ours.0["x-version"], format!("{:?}", protocol.version()));
        assert_eq!(ours.0.get_all("x-twice").iter().count(), 2);
    }
}

type Seen = Arc<Mutex<Option<reqwest::Request>>>;

/// A client that keeps what it is asked to send, and answers with nothing.
fn keeping(
    layer: ClientLayer,
) -> (
    Seen,
    ClientService<impl tower::Service<reqwest::Request, Response = reqwest::Response, Error = Infallible> + Clone>,
) {
    let seen = Seen::default();
    let service = service_fn({
        let seen = Arc::clone(&seen);
        move |request| {
            *seen.lock().unwrap() = Some(request);
            std::future::ready(Ok(reqwest::Response::from(http::Response::new(""))))
        }
    });
    (seen, layer.layer(service))
}

#[tokio::test]
async fn every_part_of_a_request_reaches_the_client_inside() {
    let (seen, client) = keeping(inventory(&Ledger::new()));
    let url = "http://user:secret@inventory.example:8080/a%20b/c?x=1&y=%2F#a-fragment";
    let mut request = post(url, "a body");
    *request.method_mut() = Method::PUT;
    *request.version_mut() = Version::HTTP_2;
    *request.timeout_mut() = Some(std::time::Duration::from_secs(7));
    request.headers_mut().insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer 1"));
    client.oneshot(request).await.unwrap();

    let seen = seen.lock().unwrap().take().unwrap();
    assert_eq!(seen.url().as_str(), url, "with its fragment");
    assert_eq!((seen.method(), seen.version()), (&Method::PUT, Version::HTTP_2));
    assert_eq!(seen.timeout(), Some(&std::time::Duration::from_secs(7)));
    assert_eq!(seen.headers().len(), 1);
    assert_eq!(seen.headers()[header::AUTHORIZATION], "Bearer 1");
    assert_eq!(seen.body().and_then(reqwest::Body::as_bytes), Some(&b"a body"[..]));
}

#[tokio::test]
async fn extensions_of_a_request_reach_the_client_inside() {
    #[derive(Clone, Debug, PartialEq)]
    struct Mine(u32);

    let (seen, client) = keeping(inventory(&Ledger::new()));
    let request = http::Request::get("http://inventory/").extension(Mine(7)).extension(UrlTemplate("/")).body("");
    client.oneshot(request.unwrap().try_into().unwrap()).await.unwrap();
    let seen = http::Request::try_from(seen.lock().unwrap().take().unwrap()).unwrap();
    assert_eq!(seen.extensions().get(), Some(&Mine(7)));
    assert_eq!(seen.extensions().get(), Some(&UrlTemplate("/")));
}

#[tokio::test]
async fn a_body_in_memory_is_not_wrapped_so_the_request_can_be_cloned_inside() {
    let (ledger, limit) = (Ledger::new(), Limit::reject_over(100));
    let (seen, client) = keeping(inventory(&ledger).request_limit(limit));
    for request in [get("http://inventory/"), post("http://inventory/", ""), post("http://inventory/", vec![7; 100])] {
        client.clone().oneshot(request).await.unwrap();
        assert!(seen.lock().unwrap().take().unwrap().try_clone().is_some());
    }
    let stream = reqwest::Body::wrap_stream(crate::support::wire::pieces(["a", "b"]));
    client.oneshot(post("http://inventory/", stream)).await.unwrap();
    assert!(seen.lock().unwrap().take().unwrap().try_clone().is_none(), "a stream never could be");
}

#[tokio::test]
async fn extensions_of_a_response_reach_the_caller() {
    #[derive(Clone, Debug, PartialEq)]
    struct Theirs(u32);

    let answer = |_| {
        let response = http::Response::builder().extension(Theirs(7)).url("http://inventory/a?b#c".parse().unwrap());
        std::future::ready(Ok::<_, Infallible>(response.body("").unwrap().into()))
    };
    let client = inventory(&Ledger::new()).layer(service_fn(answer));
    let response: reqwest::Response = client.oneshot(get("http://inventory/")).await.unwrap();
    assert_eq!(response.extensions().get(), Some(&Theirs(7)));
    assert_eq!(response.url().as_str(), "http://inventory/a?b#c");
}

#[tokio::test]
async fn the_trace_that_a_request_carries_leads_from_its_sizes_to_it() {
    let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
    let mut request = post(&upstream.url("/upload"), "four");
    let parent = HeaderValue::from_static("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    request.headers_mut().insert("traceparent", parent);
    send(&limited(&ledger, Protocol::Http1, 100), request).await.unwrap().bytes().await.unwrap();
    for (direction, size) in [(Direction::Request, 4), (Direction::Response, 1)] {
        let [exemplar] = only(&ledger, direction).completed_exemplars[..] else { panic!("not one exemplar") };
        assert_eq!(exemplar.trace_id(), 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
        assert_eq!((exemplar.span_id(), exemplar.value()), (0xb7ad_6b71_6920_3331, size));
    }
}

#[tokio::test]
async fn a_response_that_names_no_url_gets_none_of_ours() {
    let (_, client) = keeping(inventory(&Ledger::new()));
    let response = client.oneshot(get("http://inventory/")).await.unwrap();
    assert_eq!(response.url().as_str(), "http://no.url.provided.local/", "as reqwest has it without the layer");
    assert_eq!(response.remote_addr(), None::<SocketAddr>);
}
