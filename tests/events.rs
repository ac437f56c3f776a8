//! What the log says of bodies over their limits: enough to act on, and not more often than can be read.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "tests may fail loudly")]

mod support;

use std::time::{Duration, UNIX_EPOCH};

use futures_util::FutureExt;
use http::{Request, Response};
use plimsoll::{
    ClientLayer, Enforcement, Ledger, LedgerBuilder, Limit, ManualClock, MeteredBody, Route, ServerLayer, UrlTemplate,
};
use support::calls::{Answering, Went, call};
use support::events::{Event, Events};
use support::script::{Script, Step};
use tower::Layer;

const REFUSED: &str = "body over its limit refused";
const LET_PASS: &str = "body over its limit let pass";

/// A ledger whose time moves by hand, and what is logged about it.
struct Watched {
    time: ManualClock,
    ledger: Ledger,
    events: Events,
}

impl Watched {
    fn new() -> Self {
        Self::with(|builder| builder)
    }

    fn with(set: impl FnOnce(LedgerBuilder) -> LedgerBuilder) -> Self {
        let time = ManualClock::at(UNIX_EPOCH + Duration::from_secs(1_000));
        let ledger = set(Ledger::builder().clock(time.clock())).build();
        Self { time, ledger, events: Events::default() }
    }

    fn after(&self, seconds: u64) -> &Self {
        self.time.advance(Duration::from_secs(seconds));
        self
    }

    /// Uploads a body to a route of a server with this limit.
    fn upload(&self, route: &'static str, limit: Limit, body: Script) -> Went {
        let mut request = Request::new(body);
        request.extensions_mut().insert(Route(route));
        self.upload_as(request, limit)
    }

    fn upload_as(&self, request: Request<Script>, limit: Limit) -> Went {
        let service = ServerLayer::new(&self.ledger).request_limit(limit).layer(Answering::with(Script::default()));
        self.events.of(|| call(service, request).now_or_never().unwrap())
    }

    /// The messages since the last time, each with its `max` and `held_back`.
    fn said(&self) -> Vec<(String, u64, u64)> {
        let number = |event: &Event, field| event.get(field).unwrap().parse().unwrap();
        let events = self.events.take().into_iter();
        events.map(|event| (event.message.clone(), number(&event, "max"), number(&event, "held_back"))).collect()
    }
}

fn declared(bytes: usize) -> Script {
    Script::new([Step::Data(bytes)]).declaring(bytes as u64)
}

fn streamed(bytes: usize) -> Script {
    Script::new([Step::Data(bytes)])
}

fn fields(event: &Event) -> Vec<(&str, &str)> {
    event.fields.iter().map(|(field, value)| (*field, value.as_str())).collect()
}

#[test]
fn a_refusal_says_whose_body_it_was_and_how_large() {
    let watched = Watched::new();
    watched.upload("/up", Limit::reject_over(10), declared(11));
    let events = watched.events.take();
    let [event] = &*events else { panic!("{events:?}") };
    assert_eq!((event.level, event.message.as_str()), (tracing::Level::WARN, REFUSED));
    let expected = [
        ("declared", "11"),
        ("direction", "request"),
        ("endpoint", "GET /up"),
        ("held_back", "0"),
        ("limit", "10"),
        ("max", "11"),
        ("role", "server"),
        ("seen", "0"),
    ];
    assert_eq!(fields(event), expected);
}

#[test]
fn of_a_body_that_declared_nothing_it_says_what_was_seen() {
    let watched = Watched::new();
    let client = ClientLayer::new(&watched.ledger).upstream("inventory").response_limit(Limit::reject_over(10));
    let mut request = Request::new(Script::default());
    request.extensions_mut().insert(UrlTemplate("/inventory/{sku}"));
    let service = client.layer(Answering(Response::new(Script::new([Step::Data(8), Step::Data(4)]))));
    let went = watched.events.of(|| call(service, request).now_or_never().unwrap());
    assert_eq!(went, Went::CutOff(200));
    let events = watched.events.take();
    let [event] = &*events else { panic!("{events:?}") };
    let expected = [
        ("direction", "response"),
        ("endpoint", "GET /inventory/{sku} of inventory"),
        ("held_back", "0"),
        ("limit", "10"),
        ("max", "12"),
        ("role", "client"),
        ("seen", "12"),
    ];
    assert_eq!(fields(event), expected);
}

#[test]
fn a_warning_names_the_line_that_was_crossed() {
    let watched = Watched::new();
    watched.upload("/warned", Limit::reject_over(11).and_warn_over(10), declared(11));
    watched.upload("/streamed", Limit::warn_over(10), streamed(12));
    watched.ledger.set_enforcement(Enforcement::WarnOnly);
    watched.upload("/switched", Limit::reject_over(10), declared(13));
    let events = watched.events.take();
    let said: Vec<_> = events.iter().map(|event| (&*event.message, event.get("limit"), event.get("max"))).collect();
    let expected = ["11", "12", "13"].map(|max| (LET_PASS, Some("10"), Some(max)));
    assert_eq!(said, expected);
}

#[test]
fn the_trace_is_named_with_its_sampled_flag() {
    let ids = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";
    for (parent, trace) in [
        (format!("00-{ids}-01"), Some("true")),
        (format!("00-{ids}-00"), Some("false")),
        // A malformed one is no trace.
        (format!("00-{ids}-0"), None),
    ] {
        for limit in [Limit::reject_over(10), Limit::warn_over(10)] {
            let watched = Watched::new();
            let request = Request::builder().header("traceparent", &parent).body(declared(11)).unwrap();
            watched.upload_as(request, limit);
            let events = watched.events.take();
            let [event] = &*events else { panic!("{events:?}") };
            assert_eq!(event.get("sampled"), trace);
            assert_eq!(event.get("trace_id"), trace.map(|_| "0af7651916cd43dd8448eb211c80319c"));
            assert_eq!(event.get("span_id"), trace.map(|_| "b7ad6b7169203331"));
        }
    }
}

#[test]
fn a_series_speaks_once_an_interval_and_then_for_those_in_between() {
    for (limit, message) in [(Limit::reject_over(10), REFUSED), (Limit::warn_over(10), LET_PASS)] {
        let watched = Watched::new();
        let upload = |bytes| watched.upload("/up", limit, declared(bytes));
        upload(50);
        assert_eq!(watched.said(), [(message.to_owned(), 50, 0)], "the first is said at once");
        for bytes in [20, 90, 30] {
            watched.after(3);
            upload(bytes);
        }
        assert_eq!(watched.said(), [], "nine seconds later");
        watched.after(1);
        upload(40);
        assert_eq!(watched.said(), [(message.to_owned(), 90, 3)], "the largest of those held back, and how many");
        watched.after(10);
        upload(11);
        assert_eq!(watched.said(), [(message.to_owned(), 11, 0)], "what was said is not said again");
        watched.after(3_600);
        upload(12);
        assert_eq!(watched.said(), [(message.to_owned(), 12, 0)]);
        assert_eq!(watched.ledger.snapshot().series().iter().map(|series| series.over_limit).sum::<u64>(), 7);
    }
}

#[test]
fn refusals_and_warnings_are_paced_apart() {
    let watched = Watched::new();
    let (refusing, warning) = (Limit::reject_over(10), Limit::warn_over(10));
    watched.upload("/up", warning, declared(11));
    watched.upload("/up", refusing, declared(12));
    watched.upload("/up", warning, declared(13));
    assert_eq!(watched.said(), [(LET_PASS.to_owned(), 11, 0), (REFUSED.to_owned(), 12, 0)]);
    watched.after(10).upload("/up", refusing, declared(14));
    assert_eq!(watched.said(), [(REFUSED.to_owned(), 14, 0)], "the warning held back is not a refusal");
    watched.upload("/up", warning, declared(11));
    assert_eq!(watched.said(), [(LET_PASS.to_owned(), 13, 1)]);
}

#[test]
fn each_series_is_paced_for_itself() {
    let watched = Watched::new();
    let limit = Limit::reject_over(10);
    for _ in 0..3 {
        for route in ["/a", "/b"] {
            watched.upload(route, limit, declared(11));
        }
    }
    let client = ClientLayer::new(&watched.ledger).request_limit(limit);
    let mut request = Request::new(declared(11));
    request.extensions_mut().insert(UrlTemplate("/a"));
    let service = client.layer(Answering::with(Script::default()));
    watched.events.of(|| call(service, request).now_or_never().unwrap());
    let server = ServerLayer::new(&watched.ledger).response_limit(limit);
    for status in [200, 404, 404] {
        let mut request = Request::new(Script::default());
        request.extensions_mut().insert(Route("/a"));
        let answer = Response::builder().status(status).body(declared(11)).unwrap();
        watched.events.of(|| call(server.clone().layer(Answering(answer)), request).now_or_never().unwrap());
    }
    let events = watched.events.take();
    let said: Vec<_> = ["role", "direction", "endpoint"]
        .map(|field| events.iter().map(|event| event.get(field).unwrap()).collect::<Vec<_>>().join(", "))
        .into();
    let expected = [
        "server, server, client, server, server",
        "request, request, request, response, response",
        "GET /a, GET /b, GET /a, GET /a, GET /a",
    ];
    assert_eq!(said, expected);
}

#[test]
fn the_interval_is_a_setting() {
    let limit = Limit::reject_over(10);
    let minute = Watched::with(|builder| builder.event_interval(Duration::from_secs(60)));
    minute.upload("/up", limit, declared(11));
    minute.after(59).upload("/up", limit, declared(12));
    assert_eq!(minute.said().len(), 1);
    minute.after(1).upload("/up", limit, declared(13));
    assert_eq!(minute.said(), [(REFUSED.to_owned(), 13, 1)]);

    let each = Watched::with(|builder| builder.event_interval(Duration::ZERO));
    for bytes in [13, 12, 11] {
        each.upload("/up", limit, declared(bytes));
    }
    assert_eq!(each.said(), [13, 12, 11].map(|bytes| (REFUSED.to_owned(), bytes, 0)), "zero logs each one");

    let once = Watched::with(|builder| builder.event_interval(Duration::MAX));
    once.upload("/up", limit, declared(11));
    once.after(u64::from(u32::MAX)).upload("/up", limit, declared(12));
    assert_eq!(once.said().len(), 1);
}

#[test]
fn a_clock_that_is_set_back_silences_nothing() {
    let watched = Watched::new();
    watched.upload("/up", Limit::reject_over(10), declared(11));
    watched.time.set(UNIX_EPOCH + Duration::from_secs(1));
    watched.upload("/up", Limit::reject_over(10), declared(12));
    assert_eq!(watched.said().len(), 2);
    watched.after(9).upload("/up", Limit::reject_over(10), declared(13));
    assert_eq!(watched.said().len(), 0, "the interval begins anew");
}

#[test]
fn bodies_within_their_limits_say_nothing_and_neither_do_those_without_a_ledger() {
    let watched = Watched::new();
    watched.upload("/up", Limit::reject_over(10).and_warn_over(10), declared(10));
    watched.upload("/up", Limit::unlimited(), streamed(1_000));
    watched.events.of(|| {
        let mut alone = MeteredBody::new(declared(11), Limit::reject_over(10));
        assert!(http_body_util::BodyExt::frame(&mut alone).now_or_never().unwrap().unwrap().is_err());
    });
    assert_eq!(watched.said(), []);
}

#[test]
fn a_body_refused_under_several_layers_is_said_once() {
    let watched = Watched::with(|builder| builder.event_interval(Duration::ZERO));
    for body in [declared(11), streamed(11)] {
        let layer = ServerLayer::new(&watched.ledger).request_limit(Limit::reject_over(10));
        let service = layer.layer(layer.layer(layer.layer(Answering::with(Script::default()))));
        watched.events.of(|| call(service, Request::new(body)).now_or_never().unwrap());
        assert_eq!(watched.said(), [(REFUSED.to_owned(), 11, 0)]);
    }
}
