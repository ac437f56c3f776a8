//! Every number of a page, against the snapshot that it was made from.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use plimsoll::{
    ClientLayer, Direction, ExemplarFilter, Ledger, Limit, ManualClock, OpenMetrics, Outcome, Role, ServerLayer, View,
};

use crate::calls::{Call, Read};
use crate::expected::{comparable, families};
use crate::support::python::{Family, Sample, parse};
use crate::support::script::{Script, Step};

const MIB: usize = 1 << 20;

/// Parses a ledger's page, and compares all that is in it with the ledger's snapshot; `None` without a parser.
pub fn read(ledger: &Ledger) -> Option<Vec<Family>> {
    let page = OpenMetrics::new(ledger).to_string();
    let found = parse(&page)?.unwrap_or_else(|why| panic!("{why}\n{page}"));
    assert_eq!(comparable(found.clone()), families(&ledger.snapshot()), "{page}");
    Some(found)
}

/// One sample of a page that has it, by its name and one of its labels.
fn value(families: &[Family], name: &str, label: (&str, &str)) -> u64 {
    let samples = families.iter().flat_map(|family| &family.samples);
    let has = |labels: &std::collections::BTreeMap<String, String>| labels.get(label.0).is_some_and(|v| v == label.1);
    samples.filter(|sample| sample.name == name && has(&sample.labels)).map(|sample| sample.value).sum()
}

/// A ledger on a clock that stands at a time with nanoseconds, and its layers.
fn measured(reject_over: usize) -> (ManualClock, Ledger, ServerLayer, ClientLayer) {
    let clock = ManualClock::at(UNIX_EPOCH + Duration::new(1_753_000_000, 7));
    let ledger = Ledger::builder().clock(clock.clock()).build();
    let limit = Limit::reject_over(reject_over as u64).and_warn_over(1000);
    let server = ServerLayer::new(&ledger).request_limit(limit).response_limit(limit);
    let client = ClientLayer::new(&ledger).upstream("inventory").request_limit(limit).response_limit(limit);
    (clock, ledger, server, client)
}

#[tokio::test]
async fn sizes_fall_into_their_buckets_upper_edges_included() {
    let (clock, ledger, server, _) = measured(17 * MIB);
    let sizes = [0, 1, 255, 256, 257, 512, 65_536, 16 * MIB, 16 * MIB + 1];
    for (trace, size) in (1..).zip(sizes) {
        clock.advance(Duration::from_millis(1500));
        Call { trace, ..Call::of("/checkout", size, size) }.through_server(&server).await;
    }
    let Some(families) = read(&ledger) else { return };
    let bucket = "http_server_response_body_size_bytes_bucket";
    let counts = [("256.0", 4), ("512.0", 6), ("1024.0", 6), ("65536.0", 7), ("16777216.0", 8), ("+Inf", 9)];
    for (le, count) in counts {
        assert_eq!(value(&families, bucket, ("le", le)), count, "le={le}");
    }
    let sum = sizes.iter().sum::<usize>() as u64;
    assert_eq!(value(&families, "http_server_response_body_size_bytes_sum", ("http_route", "/checkout")), sum);
    // Each size has a bucket of its own but 0, 1, 255 and 256, of which the last left its trace.
    let exemplars = families.iter().filter(|family| family.name == "http_server_request_body_size_bytes");
    let exemplars = exemplars.flat_map(|family| &family.samples).filter_map(|sample| sample.exemplar.as_ref());
    let seen: Vec<_> = exemplars.map(|exemplar| (exemplar.value, exemplar.time)).collect();
    let mut expected: Vec<_> = [(256, 4), (512, 6), (65_536, 7), (16 * MIB, 8), (16 * MIB + 1, 9)].into();
    expected.sort_unstable();
    let time = |nth: u64| (1_753_000_000 + nth * 3 / 2, if nth % 2 == 1 { 500_000_007 } else { 7 });
    assert_eq!(seen, expected.into_iter().map(|(size, nth)| (size as u64, time(nth))).collect::<Vec<_>>());
}

/// Calls that end in every way there is, in both roles.
async fn all_ways(clock: &ManualClock, server: &ServerLayer, client: &ClientLayer) {
    let declaring = |bytes| Script::new([Step::Data(10)]).declaring(bytes);
    let frames = |count: usize| Script::new((0..count).map(|_| Step::Data(MIB)));
    let failing = Script::new([Step::Data(300), Step::Error]);
    let base = |template| Call::of(template, 700, 5000);
    let calls = [
        base("/complete"),
        Call { status: 404, coding: Some("gzip"), ..base("/complete") },
        Call { status: 404, coding: Some("br"), ..base("/complete") },
        Call { status: 299, coding: Some("rot13"), ..base("/complete") },
        Call { method: "HEAD", status: 304, ..base("/complete") },
        Call { method: "BREW", template: None, ..base("") },
        Call { request: declaring(u64::MAX - 1), response: declaring(u64::MAX - 1), ..base("/early") },
        Call { request: declaring(u64::MAX), response: declaring(u64::MAX), ..base("/early") },
        Call { request: declaring(1 << 45), response: declaring(1 << 45), ..base("/early") },
        Call { response: declaring(1 << 45), ..base("/early") },
        Call { request: frames(4), ..base("/streaming") },
        Call { response: frames(4), ..base("/streaming") },
        Call { read: Read::Nothing, ..base("/unread") },
        Call { request: frames(2), response: frames(2), read: Read::First, ..base("/aborted") },
        Call { request: failing.clone(), response: failing, ..base("/failed") },
    ];
    for (trace, call) in (1..).zip(calls) {
        clock.advance(Duration::from_nanos(1_234_567_891));
        // Every third call has no trace.
        let call = Call { trace: if trace % 3 == 0 { 0 } else { trace }, ..call };
        call.clone().through_server(server).await;
        call.through_client(client).await;
    }
}

#[tokio::test]
async fn every_role_direction_and_outcome_is_read_back() {
    let (clock, ledger, server, client) = measured(3 * MIB);
    all_ways(&clock, &server, &client).await;
    // Where a layer says that it sees decoded bytes, they are kept apart.
    let decoded = ServerLayer::new(&ledger).view(View::Decoded);
    Call::of("/complete", 1, 2).through_server(&decoded).await;

    let snapshot = ledger.snapshot();
    for role in [Role::Server, Role::Client] {
        for direction in [Direction::Request, Direction::Response] {
            let of_both = |s: &&plimsoll::SeriesSnapshot| s.endpoint.role() == role && s.direction == direction;
            let has = |outcome| snapshot.series().iter().filter(of_both).any(|series| series.bodies(outcome) > 0);
            let missing: Vec<_> = Outcome::ALL.into_iter().filter(|outcome| !has(*outcome)).collect();
            assert!(missing.is_empty(), "{role} {direction}: no {missing:?}");
        }
    }
    let Some(families) = read(&ledger) else { return };
    assert_eq!(families.len(), 8, "all that there are");
    // Three requests that were refused, and their refusals; an answer that was, its request, and what took its place.
    let early = ("http_route", "/early");
    assert_eq!(value(&families, "plimsoll_bodies_total", early), 3 + 3 + 3);
    assert_eq!(value(&families, "plimsoll_body_over_limit_total", early), 4);
}

#[tokio::test]
async fn exemplars_are_those_that_the_filter_lets_pass() {
    for (filter, expected) in [(ExemplarFilter::TraceBased, 1), (ExemplarFilter::AlwaysOff, 0)] {
        let ledger = Ledger::builder().exemplars(filter).build();
        let client = ClientLayer::new(&ledger);
        Call { trace: 5, ..Call::of("/a", 0, 300) }.through_client(&client).await;
        Call::of("/a", 0, 3000).through_client(&client).await;
        let Some(families) = read(&ledger) else { return };
        let family = families.iter().find(|family| family.name == "http_client_response_body_size_bytes").unwrap();
        let exemplars: Vec<_> = family.samples.iter().filter_map(|sample| sample.exemplar.as_ref()).collect();
        assert_eq!(exemplars.len(), expected, "{filter:?}");
        for exemplar in exemplars {
            assert_eq!(exemplar.labels["trace_id"], "00000000000000050000000000000007");
            assert_eq!(exemplar.labels["span_id"], "0000000000000005");
        }
    }
}

#[tokio::test]
async fn of_a_completed_and_a_refused_body_in_one_bucket_the_later_one_is_the_exemplar() {
    for sizes in [[2500, 3500], [3500, 2500]] {
        let (clock, ledger, server, _) = measured(3000);
        for (trace, size) in (1..).zip(sizes) {
            clock.advance(Duration::from_secs(1));
            Call { trace, ..Call::of("/", size, 0) }.through_server(&server).await;
        }
        let Some(families) = read(&ledger) else { return };
        let offered = families.iter().find(|family| family.name == "plimsoll_body_offered_size_bytes").unwrap();
        let of_bucket = |sample: &&Sample| sample.labels.get("le").is_some_and(|le| le == "4096.0");
        let exemplar = offered.samples.iter().filter(of_bucket).find_map(|sample| sample.exemplar.as_ref()).unwrap();
        assert_eq!((exemplar.value, &*exemplar.labels["span_id"]), (sizes[1] as u64, "0000000000000002"));
    }
}

#[tokio::test]
async fn a_ledger_that_is_full_still_has_a_proper_page() {
    for max_series in [0, 1, 5] {
        let ledger = Ledger::builder().max_series(max_series).build();
        let clock = ManualClock::at(UNIX_EPOCH);
        let limit = Limit::reject_over(3 * MIB as u64);
        let server = ServerLayer::new(&ledger).request_limit(limit).response_limit(limit);
        let client = ClientLayer::new(&ledger).request_limit(limit).response_limit(limit);
        all_ways(&clock, &server, &client).await;
        assert!(ledger.has_overflowed());
        let Some(families) = read(&ledger) else { return };
        let bodies = ledger.snapshot().outcomes().total();
        let in_overflow = value(&families, "plimsoll_bodies_total", ("otel_metric_overflow", "true"));
        assert!(in_overflow > 0 && (in_overflow == bodies) == (max_series == 0), "{in_overflow} of {bodies}");
    }
}

#[tokio::test]
async fn where_nothing_has_ended_nothing_is_written() {
    let ledger = Ledger::new();
    assert_eq!(OpenMetrics::new(&ledger).to_string(), "# EOF\n");
    let limit = Limit::reject_over(10);
    let server = ServerLayer::new(&ledger).response_limit(limit);
    // A call under way has a series, and no sample in it.
    let mut under_way =
        Box::pin(Call { request: Script::new([Step::Pending]), ..Call::of("/", 0, 1) }.through_server(&server));
    assert!(futures_util::poll!(&mut under_way).is_pending());
    assert_eq!(OpenMetrics::new(&ledger).to_string(), "# EOF\n");
    under_way.await;

    // A body that was not read has no size: it is counted, and in no histogram.
    let ledger = Ledger::new();
    let server = ServerLayer::new(&ledger);
    Call { read: Read::Nothing, ..Call::of("/", 1, 1) }.through_server(&server).await;
    let Some(families) = read(&ledger) else { return };
    assert_eq!(families.iter().map(|family| &*family.name).collect::<Vec<_>>(), ["plimsoll_bodies"]);
}

#[tokio::test]
async fn equal_snapshots_have_equal_pages_byte_for_byte() {
    let start = UNIX_EPOCH + Duration::from_secs(1_753_000_000);
    let templates = ["/a", "/b", "/c", "/d", "/e", "/f"];
    let sizes = [0, 100, 300, 600, 5000];
    let calls: Vec<_> = templates.iter().flat_map(|template| sizes.map(|size| (*template, size))).collect();
    let filled = async |order: &mut dyn Iterator<Item = usize>| {
        let clock = ManualClock::at(start);
        let ledger = Ledger::builder().clock(clock.clock()).build();
        let limit = Limit::warn_over(400);
        let server = ServerLayer::new(&ledger).request_limit(limit);
        let client = ClientLayer::new(&ledger).response_limit(limit);
        for nth in order {
            let (template, size) = calls[nth];
            clock.set(start + Duration::from_secs(nth as u64));
            let call = Call { trace: nth as u64 + 1, ..Call::of(template, size, size) };
            call.clone().through_server(&server).await;
            call.through_client(&client).await;
        }
        ledger
    };
    let forth = filled(&mut (0..calls.len())).await;
    let back = filled(&mut (0..calls.len()).rev()).await;
    assert_eq!(forth.snapshot(), back.snapshot());
    let page = OpenMetrics::new(&forth).to_string();
    assert_eq!(page, OpenMetrics::new(&back).to_string());
    assert_eq!(page, OpenMetrics::new(&forth).to_string(), "reading changes nothing");
    read(&forth);
}

#[test]
fn a_page_taken_while_bodies_end_is_still_a_proper_one() {
    let ledger = Ledger::new();
    let over = AtomicBool::new(false);
    let pages = std::thread::scope(|scope| {
        for nth in 1..=2 {
            let (ledger, over) = (&ledger, &over);
            scope.spawn(move || {
                let client = ClientLayer::new(ledger).response_limit(Limit::reject_over(4000));
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                for size in (0..5000).cycle().step_by(7).take_while(|_| !over.load(Ordering::Relaxed)) {
                    let call = Call { trace: nth, ..Call::of("/", size, size) };
                    runtime.block_on(call.through_client(&client));
                }
            });
        }
        let pages: [String; 3] = std::array::from_fn(|_| {
            // As many bodies again as there were.
            let ended = ledger.snapshot().outcomes().total();
            while ledger.snapshot().outcomes().total() <= 2 * ended + 100 {
                std::thread::yield_now();
            }
            OpenMetrics::new(&ledger).to_string()
        });
        over.store(true, Ordering::Relaxed);
        pages
    });
    for page in pages {
        if let Some(found) = parse(&page) {
            found.unwrap_or_else(|why| panic!("{why}\n{page}"));
        }
    }
    read(&ledger);
}
