//! A collector that is down, slow, busy or something else; on a clock that the tests move.

use std::time::{Duration, UNIX_EPOCH};

use plimsoll::{Ledger, ManualClock, OtlpError, OtlpExporter, OtlpSettings, ServerLayer};
use tokio::time::Instant;
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::calls::Call;
use crate::collector::{Answer, Collector, grpc, http};
use crate::support::events::Events;

async fn one_body() -> Ledger {
    let ledger = Ledger::new();
    Call::of("/checkout", 10, 20).through_server(&ServerLayer::new(&ledger)).await;
    ledger
}

fn with(status: u16) -> Answer {
    Answer::With(status, vec![], b"")
}

/// How an export went that got these answers, how often it was tried, and how long it took.
async fn exported(answers: impl IntoIterator<Item = Answer>) -> (Result<(), OtlpError>, usize, Duration) {
    let collector = Collector::answering(answers);
    let began = Instant::now();
    let result = collector.exporter(&one_body().await, http()).export_once().await.map(drop);
    (result, collector.received().len(), began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_tried_again_with_growing_pauses() {
    for status in [429, 502, 503, 504] {
        let (result, attempts, took) = exported([with(status), with(status), with(status)]).await;
        assert!(result.is_ok() && attempts == 4, "{status}: {result:?} {attempts}");
        // Half to all of 500 ms, 1 s and 2 s.
        assert!((1_750..=3_510).contains(&took.as_millis()), "{status}: {took:?}");
    }
    let (result, attempts, _) = exported([Answer::Down, Answer::Down]).await;
    assert!(result.is_ok() && attempts == 3);
}

#[tokio::test(start_paused = true)]
async fn the_collector_s_own_time_is_kept_to() {
    let busy = |seconds| Answer::With(503, vec![("retry-after", seconds)], b"");
    let (result, attempts, took) = exported([busy("7")]).await;
    assert!(result.is_ok() && attempts == 2 && took.as_secs() == 7, "{took:?}");
    // Beyond the time that an export may take, it is not waited for.
    let (result, attempts, took) = exported([busy("3600")]).await;
    assert_eq!((result.unwrap_err().http_status().unwrap().as_u16(), attempts, took.as_secs()), (503, 1, 0));
}

/// "Come back at once" used to be done, thousands of times in ten seconds.
#[tokio::test(start_paused = true)]
async fn a_collector_that_asks_for_no_pause_gets_one() {
    for when in ["0", "Fri, 31 Dec 1999 23:59:59 GMT"] {
        let busy = Answer::With(503, vec![("retry-after", when)], b"");
        let (result, attempts, took) = exported(std::iter::repeat_n(busy, 100)).await;
        assert!(result.is_err() && attempts < 10 && took.as_secs() < 10, "{when}: {attempts} in {took:?}");
    }
}

/// A date used to count for nothing.
#[tokio::test(start_paused = true)]
async fn a_collector_s_time_may_be_a_date() {
    let clock = ManualClock::at(UNIX_EPOCH + Duration::from_secs(784_111_777));
    let ledger = Ledger::builder().clock(clock.clock()).build();
    Call::of("/checkout", 10, 20).through_server(&ServerLayer::new(&ledger)).await;
    let in_seven_seconds = ("retry-after", "Sun, 06 Nov 1994 08:49:44 GMT");
    let collector = Collector::answering([Answer::With(429, vec![in_seven_seconds], b"")]);
    let began = Instant::now();
    collector.exporter(&ledger, http()).export_once().await.unwrap();
    assert_eq!((collector.received().len(), began.elapsed().as_secs()), (2, 7));
}

/// A timeout or an interval that is longer than a clock can tell used to be none at all.
#[tokio::test(start_paused = true)]
async fn the_longest_times_are_for_ever_and_the_shortest_are_no_race() {
    let collector = Collector::answering([Answer::Down, Answer::Down]);
    let ledger = one_body().await;
    collector.exporter(&ledger, http().timeout(Duration::MAX)).export_once().await.unwrap();
    assert_eq!(collector.received().len(), 3);
    for (interval, exports) in [(Duration::MAX, 0..=0), (Duration::ZERO, 1..=1_000)] {
        let collector = Collector::default();
        let running = tokio::spawn(collector.exporter(&ledger, http().interval(interval)).run());
        tokio::time::sleep(Duration::from_millis(1_000)).await;
        running.abort();
        assert!(exports.contains(&collector.received().len()), "{interval:?}: {}", collector.received().len());
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_export_waits_as_long_as_the_collector_asked() {
    let collector = Collector::answering([Answer::With(429, vec![("retry-after", "300")], b"")]);
    let settings = http().interval(Duration::from_secs(60));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let exporter = collector.exporter(&one_body().await, settings);
    let running = tokio::spawn(exporter.run_until(async { drop(stopped.await) }));
    tokio::time::sleep(Duration::from_secs(359)).await;
    assert_eq!(collector.received().len(), 1);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(collector.received().len(), 2);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(collector.received().len(), 3);
    stop.send(()).unwrap();
    running.await.unwrap();
    assert_eq!(collector.received().len(), 4, "a last one at the end");
}

#[tokio::test(start_paused = true)]
async fn a_silent_collector_is_given_up_on_in_time() {
    let (result, attempts, took) = exported([Answer::Silence]).await;
    assert!(result.unwrap_err().is_timeout());
    assert_eq!((attempts, took.as_secs()), (1, 10));
}

#[tokio::test(start_paused = true)]
async fn a_collector_that_stays_down_is_given_up_on_in_time() {
    let (result, attempts, took) = exported(std::iter::repeat_n(Answer::Down, 100)).await;
    let error = result.unwrap_err().to_string();
    assert_eq!(error, "the collector cannot be called: connection refused");
    assert!(attempts < 20 && took.as_secs() < 10, "{attempts} {took:?}");
}

#[tokio::test(start_paused = true)]
async fn what_will_not_pass_is_not_tried_again() {
    for answer in [with(400), with(401), with(413), with(500), Answer::With(200, vec![], b"<html>Welcome!</html>")] {
        let (result, attempts, took) = exported([answer.clone()]).await;
        assert!(result.is_err() && attempts == 1 && took.is_zero(), "{answer:?}: {result:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_end_is_not_read_to_its_end() {
    static ENDLESS: [u8; 1 << 20] = [0x0a; 1 << 20];
    let (result, ..) = exported([Answer::With(200, vec![], &ENDLESS)]).await;
    assert!(result.unwrap_err().to_string().contains("no OTLP collector"));
    // A long page used to hide the status that it came with.
    let (result, attempts, _) = exported([Answer::With(503, vec![], &ENDLESS)]).await;
    assert!(result.is_ok() && attempts == 2, "{result:?}");
}

/// A success whose answer broke off used to be sent again, and to count twice.
#[tokio::test(start_paused = true)]
async fn over_http_the_status_says_it_all() {
    let (result, attempts, _) = exported([Answer::Cut(200, vec![("content-type", "application/x-protobuf")])]).await;
    assert!(result.is_ok() && attempts == 1, "{result:?} {attempts}");
    let (result, attempts, _) = exported([Answer::Cut(400, vec![])]).await;
    assert_eq!((result.unwrap_err().http_status().unwrap().as_u16(), attempts), (400, 1));
    // Over gRPC it comes after the body.
    let collector = Collector::answering([Answer::Cut(200, vec![]), Answer::Trailers(vec![("grpc-status", "0")], b"")]);
    collector.exporter(&one_body().await, grpc()).export_once().await.unwrap();
    assert_eq!(collector.received().len(), 2);
    let collector = Collector::answering([Answer::CutLate(vec![("grpc-status", "0")])]);
    collector.exporter(&one_body().await, grpc()).export_once().await.unwrap();
    assert_eq!(collector.received().len(), 1);
}

/// Without a limit it used to be tried for ever, with what was old by then, and nobody was told.
#[tokio::test(start_paused = true)]
async fn a_collector_that_stays_down_is_reported_after_an_interval_at_the_latest() {
    for (interval, at_most) in [(60, 60), (1, 10)] {
        let collector = Collector::answering(std::iter::repeat_n(Answer::Down, 1_000));
        let settings = http().timeout(Duration::MAX).interval(Duration::from_secs(interval));
        let began = Instant::now();
        collector.exporter(&one_body().await, settings).export_once().await.unwrap_err();
        assert!(began.elapsed() <= Duration::from_secs(at_most), "{:?}", began.elapsed());
        assert!(collector.received().len() > 2, "{}", collector.received().len());
    }
}

/// Its URL used to be in the error, with all that it says.
#[cfg(feature = "reqwest")]
#[tokio::test]
async fn a_password_in_the_endpoint_is_in_no_error() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let endpoint = format!("http://me:hidden@{closed}/v1/metrics?key=hidden").parse().unwrap();
    let client = plimsoll::OtlpReqwest::new(reqwest::Client::new());
    let settings = OtlpSettings::http(endpoint).timeout(Duration::from_millis(50));
    let error = OtlpExporter::new(&one_body().await, client, settings).export_once().await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hidden"), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn over_grpc_the_status_decides() {
    let well = || Answer::Trailers(vec![("grpc-status", "0")], b"\0\0\0\0\0");
    let unavailable = Answer::Trailers(vec![("grpc-status", "14")], b"");
    let collector = Collector::answering([unavailable, Answer::Down, well()]);
    collector.exporter(&one_body().await, grpc()).export_once().await.unwrap();
    assert_eq!(collector.received().len(), 3);
    let trailers_only = Answer::With(200, vec![("grpc-status", "3")], b"");
    let collector = Collector::answering([trailers_only]);
    let error = collector.exporter(&one_body().await, grpc()).export_once().await.unwrap_err();
    assert_eq!((error.grpc_status(), collector.received().len()), (Some(3), 1));
}

#[tokio::test]
async fn an_error_says_all_that_is_known_of_its_cause() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
    let at = |scheme| format!("{scheme}://{closed}/v1/metrics").parse().unwrap();
    for (scheme, cause) in [("http", "onnection refused"), ("https", "scheme is not http")] {
        let settings = OtlpSettings::http(at(scheme)).timeout(Duration::from_millis(50));
        let error = OtlpExporter::new(&one_body().await, client.clone(), settings).export_once().await.unwrap_err();
        assert!(error.to_string().contains(cause), "{error}");
    }
    let collector = Collector::answering([Answer::With(401, vec![], b"no such key")]);
    let error = collector.exporter(&one_body().await, http()).export_once().await.unwrap_err();
    assert_eq!(error.to_string(), "the collector answered with HTTP status 401 Unauthorized: no such key");
}

/// Requests go on while an export hangs: nothing of it is on their way.
#[tokio::test(start_paused = true)]
async fn bodies_are_counted_while_an_export_hangs() {
    let ledger = one_body().await;
    let collector = Collector::answering([Answer::Silence]);
    let mut exporter = collector.exporter(&ledger, http());
    let export = tokio::spawn(async move { exporter.export_once().await.is_err() });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(collector.received().len(), 1);
    Call::of("/checkout", 10, 20).through_server(&ServerLayer::new(&ledger)).await;
    assert_eq!(ledger.snapshot().outcomes().total(), 4);
    assert!(!export.is_finished());
    assert!(export.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_streak_of_failures_is_reported_once_and_its_end_too() {
    let ledger = one_body().await;
    let partial = || Answer::With(200, vec![], b"\x0a\x07\x08\x03\x12\x03old");
    let warned = || Answer::With(200, vec![], b"\x0a\x05\x12\x03old");
    let answers =
        [with(400), with(400), with(401), with(200), partial(), partial(), with(200), warned(), with(200), with(400)];
    let collector = Collector::answering(answers);
    let mut exporter = collector.exporter(&ledger, http());
    let events = Events::default();
    let logging = Registry::default().with(events.clone()).set_default();
    for _ in 0..10 {
        let _reported = exporter.export_once().await;
    }
    drop(logging);
    let events: Vec<_> = events.take().into_iter().map(|event| event.message).collect();
    let expected = [
        "metrics of bodies do not reach the collector",
        "metrics of bodies reach the collector again",
        "the collector complains about metrics of bodies",
        "the collector complains about metrics of bodies",
        "metrics of bodies do not reach the collector",
    ];
    assert_eq!(events, expected);
}
