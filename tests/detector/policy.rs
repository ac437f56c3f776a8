//! A policy that is swapped under a running detector: it kept the rules that it was built with.

use plimsoll::detect::{Resolution, Severity};
use plimsoll::policy::{EndpointPolicy, Policy, PolicyHandle};
use plimsoll::{AcceptedChange, EndpointName, Growth, Quantile};

use crate::world::{Answer, World, closing, found};

fn name() -> EndpointName {
    "client GET /inventory/{sku} of inventory".parse().unwrap()
}

fn allowing(percent: u32) -> Policy {
    let endpoint = EndpointPolicy::new().growth(Growth::alert_over_percent(percent));
    Policy::new("checkout", "team-checkout").endpoint(name(), endpoint)
}

/// A detector that knows its bodies of 8 KB, and follows this policy.
fn learnt(policy: &PolicyHandle) -> World {
    let mut world = World::with(|detector| detector.growth_for(name(), Growth::alert_over_percent(900)).policy(policy));
    world.period(Answer::of(8_000));
    world.period(Answer::of(8_000));
    world
}

/// The size from which on growth of the median matters.
fn edge(world: &World) -> f64 {
    let mut edges = Vec::new();
    world.detector.visit(|series| edges.extend(series.gate_edge(Quantile::P50).filter(|edge| *edge > 0.0)));
    edges.into_iter().fold(0.0, f64::max)
}

#[test]
fn a_swapped_policy_says_how_much_bodies_may_grow_from_the_next_tick_on() {
    let policy = PolicyHandle::new(allowing(50));
    let mut world = learnt(&policy);
    let before = edge(&world);
    policy.swap(allowing(400));
    world.calm(1, &[Answer::of(8_000); 10]);
    assert!(edge(&world) > 3.0 * before, "{before} -> {}", edge(&world));
    let (_, notices) = world.until_found(Answer::of(14_000), 10);
    assert_eq!(found(&notices)[0].severity, Severity::Warning, "an alert by the policy before");

    let policy = PolicyHandle::new(allowing(400));
    let mut world = learnt(&policy);
    policy.swap(allowing(50));
    let (_, notices) = world.until_found(Answer::of(14_000), 10);
    assert_eq!(found(&notices)[0].severity, Severity::Alert);
}

#[test]
fn what_no_policy_says_any_more_is_as_it_is_set_in_code() {
    let policy = PolicyHandle::new(allowing(50));
    let mut world = learnt(&policy);
    let before = edge(&world);
    policy.swap(Policy::new("checkout", "team-checkout"));
    world.calm(1, &[Answer::of(8_000); 10]);
    assert!(edge(&world) > 6.0 * before, "{before} -> {}", edge(&world));
}

#[test]
fn a_change_that_a_swapped_policy_accepts_closes_the_finding_that_is_open() {
    let policy = PolicyHandle::new(allowing(50));
    let mut world = learnt(&policy);
    assert_eq!(found(&world.until_found(Answer::of(30_000), 10).1).len(), 1);
    policy.swap(allowing(50).accept(AcceptedChange::new(name(), "full details, as agreed")));
    let notices = world.tick(Answer::of(30_000));
    assert_eq!(closing(&notices).resolution, Resolution::Accepted("full details, as agreed".into()));
    world.calm(30, &[Answer::of(30_000); 10]);
}

#[test]
fn evidence_goes_on_where_a_swap_changes_nothing_for_a_series() {
    let policy = PolicyHandle::new(allowing(50));
    let mut world = learnt(&policy);
    world.calm(3, &[Answer::of(30_000); 10]);
    policy.swap(allowing(50).endpoint("server GET /".parse().unwrap(), EndpointPolicy::new()));
    assert_eq!(world.until_found(Answer::of(30_000), 10).0, 2, "the fifth tick in all");
}
