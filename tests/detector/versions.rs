//! Since which version of the upstream.

use plimsoll::detect::Finding;

use crate::world::{Answer, World, found};

pub(crate) const USUAL: Answer = Answer::of(8_000);
pub(crate) const GROWN: Answer = Answer::of(60_000);

pub(crate) fn finding(world: &mut World, grown: Answer) -> Finding {
    found(&world.until_found(grown, 10).1).remove(0)
}

pub(crate) fn versions(finding: &Finding) -> (Option<&str>, Option<&str>) {
    (finding.version_before.as_deref(), finding.version_after.as_deref())
}

/// A deploy whose first large answer comes later used to be called no change, and nothing more.
#[test]
fn a_version_that_came_before_the_growth_is_named_with_its_moment() {
    let mut world = World::new();
    world.period(USUAL);
    world.period(USUAL);
    let deployed = world.time.clock().now();
    world.calm(12, &[USUAL.version("2.31.0"); 10]);
    let finding = finding(&mut world, GROWN.version("2.31.0"));
    assert_eq!(versions(&finding), (Some("2.31.0"), Some("2.31.0")));
    assert_eq!(finding.version_since, Some(deployed));
    let said = finding.to_string();
    let seen = "; the version did not change (2.31.0, seen since 2026-11-25 ";
    assert!(said.contains(seen), "{said}");
}

/// A tick that has only the first of its answers may not count as grown yet.
#[test]
fn a_version_that_came_in_the_tick_before_the_growth_is_blamed_for_it() {
    let mut world = World::new();
    world.period(USUAL);
    world.period(USUAL);
    let mut answers = [USUAL; 10];
    answers[9] = USUAL.version("2.31.0");
    world.calm(1, &answers);
    let finding = finding(&mut world, GROWN.version("2.31.0"));
    assert_eq!(versions(&finding), (Some("2.30.0"), Some("2.31.0")));
}

#[test]
fn a_version_that_is_deployed_once_more_is_blamed_once_more() {
    let mut world = World::new();
    world.period(USUAL);
    world.period(USUAL);
    for _ in 0..2 {
        let finding = finding(&mut world, GROWN.version("2.31.0"));
        assert_eq!(versions(&finding), (Some("2.30.0"), Some("2.31.0")));
        world.until_found(USUAL, 10);
        world.calm(40, &[USUAL; 10]);
    }
}
