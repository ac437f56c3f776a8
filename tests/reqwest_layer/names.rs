//! Under which name a call is counted, and which limits hold for it.

use plimsoll::{BodyLimits, ClientLayer, Direction, Ledger, Limit, Role, UrlTemplate};
use tower::Layer;

use crate::support::book::book_of;
use crate::support::protocol::{Protocol, get};
use crate::support::upstream::Upstream;
use crate::{inventory, refusal, send};

/// A request with extensions: they are set on one of `http`'s, which reqwest's is made of.
fn with(url: &str, extend: impl FnOnce(http::request::Builder) -> http::request::Builder) -> reqwest::Request {
    extend(http::Request::get(url)).body("").unwrap().try_into().unwrap()
}

#[tokio::test]
async fn an_upstream_without_a_name_is_the_host_and_port_that_is_called() {
    let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
    let client = ClientLayer::new(&ledger).layer(Protocol::Http1.reqwest());
    send(&client, get(&upstream.url("/status/204"))).await.unwrap();
    let snapshot = ledger.snapshot();
    assert!(snapshot.series().iter().all(|series| series.endpoint.upstream() == Some(&upstream.address.to_string())));
    assert_eq!(snapshot.series().len(), 2);
}

#[tokio::test]
async fn a_default_port_is_not_part_of_an_upstream_s_name() {
    let ledger = Ledger::new();
    let answer = |_| std::future::ready(Ok::<_, reqwest::Error>(http::Response::new("").into()));
    let client = ClientLayer::new(&ledger).layer(tower::service_fn(answer));
    for url in ["http://inventory/", "http://inventory:80/", "https://inventory:443/"] {
        tower::ServiceExt::oneshot(client.clone(), get(url)).await.unwrap();
    }
    // One endpoint, and a series for each port.
    let known = |bodies| format!("client request GET (no template) of inventory decoded: {bodies} complete, 0 B");
    assert_eq!(book_of(&ledger, Direction::Request), [known(2), known(1)]);
    let ports = ledger.snapshot().series().iter().map(|series| series.port).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(ports, [Some(80), Some(443)].into());
}

#[tokio::test]
async fn neither_a_password_nor_a_path_nor_a_query_gets_into_the_ledger_or_an_error() {
    let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
    let client = ClientLayer::new(&ledger).response_limit(Limit::reject_over(10)).layer(Protocol::Http1.reqwest());
    let url = format!("http://someone:hidden@{}/declared/11?token=hidden#hidden", upstream.address);
    let error = send(&client, get(&url)).await.unwrap_err();
    let seen = format!("{:?} {error} {error:?} {}", ledger.snapshot(), refusal(&error));
    for secret in ["someone", "hidden", "token", "declared/"] {
        assert!(!seen.contains(secret), "{secret} is in {seen}");
    }
    assert_eq!(refusal(&error).endpoint().unwrap().upstream(), Some(&*upstream.address.to_string()));
}

#[tokio::test]
async fn a_template_in_a_request_s_extensions_names_its_endpoint() {
    let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
    let client = inventory(&ledger).layer(Protocol::Http2.reqwest());
    for size in [5, 6] {
        let request = with(&upstream.url(&format!("/declared/{size}")), |r| r.extension(UrlTemplate("/declared/{n}")));
        send(&client, request).await.unwrap().bytes().await.unwrap();
    }
    let known = "client response GET /declared/{n} of inventory 200 decoded: 2 complete, 11 B";
    assert_eq!(book_of(&ledger, Direction::Response), [known]);
}

#[tokio::test]
async fn a_closure_names_the_endpoints_of_the_requests_that_do_not() {
    let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
    let layer = inventory(&ledger).url_template(|method, path| {
        // It sees a path without its query.
        (method == http::Method::GET && path.ends_with("/5")).then_some("/{kind}/5".into())
    });
    let client = layer.layer(Protocol::Http1.reqwest());
    let own = with(&upstream.url("/declared/5"), |r| r.extension(UrlTemplate("/own")));
    let plain = [get(&upstream.url("/declared/5?q=1")), get(&upstream.url("/declared/6")), own];
    for request in plain {
        send(&client, request).await.unwrap().bytes().await.unwrap();
    }
    let snapshot = ledger.snapshot();
    let sum = |template| snapshot.find(Role::Client, Direction::Response, template).unwrap().completed.sum();
    assert_eq!((sum("/{kind}/5"), sum("/own")), (5, 5));
    let other = snapshot.series().iter().find(|s| s.endpoint.route().is_none() && s.direction == Direction::Response);
    assert_eq!(other.unwrap().completed.sum(), 6);
}

#[tokio::test]
async fn a_request_s_own_limits_win_over_its_endpoint_s_over_the_layer_s() {
    for protocol in Protocol::BOTH {
        let (ledger, upstream) = (Ledger::new(), Upstream::start().await);
        let layer = inventory(&ledger)
            .response_limit(Limit::reject_over(10))
            .limits_for("GET /report", BodyLimits::new().response(Limit::reject_over(20)));
        let client = layer.layer(protocol.reqwest());
        let report =
            |size: usize| with(&upstream.url(&format!("/declared/{size}")), |r| r.extension(UrlTemplate("/report")));
        let asking = |size: usize, limits| with(&upstream.url(&format!("/chunked/{size}")), |r| r.extension(limits));

        refusal(&send(&client, get(&upstream.url("/declared/11"))).await.unwrap_err());
        assert!(send(&client, report(20)).await.is_ok());
        let over = send(&client, report(21)).await.unwrap_err();
        assert!(refusal(&over).to_string().ends_with("the endpoint's limit in ClientLayer::limits_for"));

        let raised = BodyLimits::new().response(Limit::reject_over(30));
        assert!(send(&client, asking(30, raised)).await.unwrap().bytes().await.is_ok());
        let error = send(&client, asking(31, raised)).await.unwrap().bytes().await.unwrap_err();
        assert_eq!(refusal(&error).limit(), 30);
        assert!(refusal(&error).to_string().contains("BodyLimits in the request's extensions"), "{error:?}");
        let off = BodyLimits::new().response(Limit::unlimited());
        assert_eq!(send(&client, asking(99_999, off)).await.unwrap().bytes().await.unwrap().len(), 99_999);
        let request_only = BodyLimits::new().request(Limit::unlimited());
        assert!(send(&client, asking(11, request_only)).await.unwrap().bytes().await.is_err(), "the other one stands");
    }
}
