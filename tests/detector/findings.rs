//! What is found, when, and what is said of it.

use plimsoll::detect::{FindingKind, Quantile, Resolution, Severity, Stage};
use plimsoll::{Direction, Outcome, View};

use crate::world::{Answer, TICK, World, closing, found};

#[test]
fn growth_beyond_the_limit_is_found_in_the_fifth_tick_with_its_moment_version_and_traces() {
    let mut world = World::new();
    world.period(Answer::of(8_000));
    world.period(Answer::of(8_000));
    let switched = world.time.clock().now();
    let (ticks, notices) = world.until_found(Answer::of(85_000).version("2.31.0"), 10);
    let found = found(&notices);
    assert_eq!((ticks, found.len()), (5, 1));
    let finding = &found[0];
    assert_eq!((finding.severity, finding.kind), (Severity::Alert, FindingKind::LargerThanEver));
    assert_eq!((finding.view, finding.direction), (View::Wire, Direction::Response));
    assert_eq!(finding.endpoint.to_string(), "GET /inventory/{sku} of inventory");
    assert!((8_000..9_000).contains(&finding.before.p50) && finding.before.bodies == 2_000, "{finding:?}");
    assert!((82_000..88_000).contains(&finding.after.p50) && finding.after.bodies == 50, "{finding:?}");
    assert!((9.0..11.0).contains(&finding.factor()));
    assert_eq!(finding.since, switched, "the first exemplar over the edge");
    assert_eq!(finding.found.duration_since(finding.since).unwrap(), 5 * TICK);
    assert_eq!(finding.version_before.as_deref(), Some("2.30.0"));
    assert_eq!(finding.version_after.as_deref(), Some("2.31.0"));
    assert_eq!(finding.traces.len(), 5, "one of each tick, though the ledger keeps only the last of a size");
    assert_eq!(finding.traces[0].time(), finding.since, "that which says since when is among them");
    assert!(finding.traces.iter().all(|exemplar| exemplar.value() == 85_000));
    let said = finding.to_string();
    assert!(said.contains("first seen with version 2.31.0 (previously 2.30.0)"), "{said}");
    assert!(said.contains(&format!("{:032x}", finding.traces[0].trace_id())), "{said}");

    // Nothing of it completed: the limit would have blinded whoever looks at what did.
    let series = world.ledger.snapshot();
    let grown = series.series().iter().find(|series| series.bodies(Outcome::RejectedEarly) > 0).unwrap();
    assert!(grown.completed.max() < 10_000);
}

#[test]
fn a_roll_back_closes_it_with_a_report_of_the_sizes_since() {
    let mut world = World::new();
    world.period(Answer::of(8_000));
    world.period(Answer::of(8_000));
    let found = found(&world.until_found(Answer::of(60_000), 6).1);
    let open = world.detector.findings();
    assert_eq!((open.len(), open[0].id), (1, found[0].id));
    for _ in 0..50 {
        assert_eq!(world.tick(Answer::of(60_000)), [], "it is open already");
    }
    let (ticks, closed) = world.until_found(Answer::of(8_000), 10);
    let closing = closing(&closed);
    assert_eq!(closing.resolution, Resolution::Recovered);
    assert!(ticks <= 5 && closing.sizes.bodies == 10 * ticks as u64, "{ticks}: {closing}");
    assert!((7_700..8_300).contains(&closing.sizes.p50), "{closing}");
    assert_eq!(closing.finding.after.bodies, 550 + closing.sizes.bodies);
    // And the next one is found as the first was: nothing of it entered the baseline.
    let (ticks, again) = world.until_found(Answer::of(60_000), 10);
    let again = crate::world::found(&again);
    assert_eq!((ticks, again[0].before, again[0].id), (5, found[0].before, found[0].id + 1));
}

#[test]
fn before_a_calm_period_the_median_gives_a_warning_and_the_tail_an_alert() {
    let mut world = World::new();
    world.period(Answer::of(8_000));
    let mut status = None;
    world.detector.visit(|watched| {
        if watched.direction() == Direction::Response {
            status = Some(watched.stage());
        }
    });
    assert_eq!(status, Some(Stage::FirstPeriod));
    // Half of the bodies are at the top of what was there: the median moves by less than the tail can show.
    let alert = found(&world.until_found(Answer::of(60_000), 10).1);
    assert_eq!((alert[0].severity, alert[0].quantile), (Severity::Alert, Quantile::P99));

    // A mix of small and large in which the median moves from one to the other, and the tail stays where it is.
    let mut world = World::new();
    let mix = |large: usize| (0..50).map(|n| Answer::of(if n < large { 40_000 } else { 8_000 })).collect::<Vec<_>>();
    world.calm(40, &mix(10));
    let found = (0..10).map(|_| found(&world.tick_of(&mix(45)))).find(|found| !found.is_empty()).unwrap();
    assert_eq!((found[0].severity, found[0].kind), (Severity::Warning, FindingKind::MixShift));
    assert!(found[0].to_string().starts_with("warning: response bodies of GET /inventory/{sku} of inventory"));
}

#[test]
fn a_warning_becomes_an_alert_once_the_gate_is_passed() {
    let mut world = World::new();
    world.period(Answer::of(8_000));
    world.period(Answer::of(8_000));
    let warning = found(&world.until_found(Answer::of(11_000), 20).1);
    assert_eq!(warning[0].severity, Severity::Warning);
    let raised = found(&world.until_found(Answer::of(30_000), 60).1);
    assert_eq!((raised[0].severity, raised[0].id), (Severity::Alert, warning[0].id));
    assert_eq!(world.detector.findings().len(), 1);
    let counts = world.detector.finding_counts();
    let of = |severity| counts.iter().filter(|found| found.severity == severity).map(|found| found.count).sum::<u64>();
    assert_eq!(Severity::ALL.map(of), [1, 1]);
}

#[test]
fn lost_compression_is_called_that() {
    let mut world = World::new();
    let usual = Answer::of(8_000).coding("gzip");
    world.period(usual);
    world.period(usual);
    let found = found(&world.until_found(Answer::of(40_000), 10).1);
    assert_eq!(found[0].kind, FindingKind::CompressionLost);
    assert!(found[0].to_string().contains(". Compression lost: "), "{}", found[0]);
}

#[test]
fn several_endpoints_with_one_new_version_are_one_event() {
    let mut world = World::new();
    let both = |size, version| {
        let one = Answer::of(size).version(version);
        [[one; 10], [one.route("/prices/{sku}"); 10]].concat()
    };
    world.calm(400, &both(8_000, "2.30.0"));
    let found =
        (0..10).map(|_| found(&world.tick_of(&both(85_000, "2.31.0")))).find(|found| !found.is_empty()).unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].event, found[1].event), (found[0].id, found[0].id));
    assert_ne!(found[0].endpoint, found[1].endpoint);
}

#[test]
fn bodies_above_the_gate_are_counted_for_each_quantile() {
    let mut world = World::new();
    world.period(Answer::of(8_000));
    world.period(Answer::of(8_000));
    for _ in 0..3 {
        world.tick_of(&[Answer::of(8_000), Answer::of(60_000)]);
    }
    let mut above = Vec::new();
    world.detector.visit(|watched| {
        if watched.direction() == Direction::Response {
            above = Quantile::ALL.into_iter().filter_map(|q| Some((q, watched.above(q)?))).collect();
        }
    });
    assert_eq!(above, [(Quantile::P50, 3), (Quantile::P90, 3), (Quantile::P99, 3)]);
}
