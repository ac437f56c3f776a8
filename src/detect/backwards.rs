//! Tests of readings that go backwards: a ledger that holds less than it did.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use proptest::prelude::*;

use super::baseline::Period;
use super::ladder::Statistic;
use super::settings::Growth;
use super::watch::{Change, Now, Reading, Watch};
use crate::endpoint::{Direction, Key, Role, Upstream};
use crate::ledger::{Bucket, Ledger, View};

const TICK: u64 = 10_000_000_000;

/// What happens before a tick.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// So many bodies of a bucket.
    Bodies(u16, u64),
    /// The ledger forgets all that it holds, or is another one from now on.
    Forgotten,
}

/// What a watch makes of these steps; or of the same, if nothing is ever forgotten.
fn watched(steps: &[Step], forgets: bool) -> (Watch, Vec<Change>) {
    let ledger = Ledger::new();
    let key = Key::new(Role::Client, &Method::GET, Upstream::new(Some("inventory"), None), Some("/"));
    let endpoint = ledger.entry(&key).endpoint().clone();
    let mut watch = Watch::new(endpoint, Direction::Response, View::Wire, Growth::default(), 0);
    let statistic = Statistic::new(1e-3, Duration::from_secs(10));
    let (mut held, mut changes, mut reading) = (BTreeMap::new(), Vec::new(), Reading::default());
    let learnt = [Step::Bodies(208, 100); 25];
    for (tick, step) in (1..).zip(learnt.iter().chain(steps)) {
        match step {
            Step::Bodies(bucket, count) => *held.entry(Some(*bucket)).or_insert(0u64) += count,
            Step::Forgotten if forgets => held.clear(),
            Step::Forgotten => {}
        }
        reading.identity = held.values().sum();
        reading.buckets = held.iter().map(|(index, count)| Bucket::new(*index, *count)).collect();
        let (period, anchor) = (Period::Bodies(1_000), Growth::alert_over_percent(100));
        let now = Now { statistic: &statistic, period, anchor, now: tick * TICK, then: (tick - 1) * TICK };
        changes.extend(watch.tick(&now, &mut reading, |_| Vec::new()));
    }
    (watch, changes)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (prop::sample::select(vec![200u16, 208, 215, 262]), 1u64..30).prop_map(|(bucket, count)| Step::Bodies(bucket, count)),
        1 => Just(Step::Forgotten),
    ]
}

proptest! {
    #[test]
    fn a_ledger_that_forgets_changes_nothing_of_what_is_found(steps in prop::collection::vec(step(), 1..80)) {
        let ((forgetful, told), (steady, expected)) = (watched(&steps, true), watched(&steps, false));
        prop_assert_eq!(told, expected);
        prop_assert_eq!(&forgetful.open, &steady.open);
        prop_assert_eq!((&forgetful.total, &forgetful.period), (&steady.total, &steady.period));
        prop_assert_eq!((&forgetful.ladder, &forgetful.baseline), (&steady.ladder, &steady.baseline));
    }
}

#[test]
fn growth_that_goes_on_over_a_ledger_s_end_is_found_all_the_same() {
    let grown = [Step::Bodies(262, 10); 3];
    let steps = [&grown[..], &[Step::Forgotten], &grown[..]].concat();
    let (watch, changes) = watched(&steps, true);
    assert_eq!(changes, [Change::Opened]);
    assert_eq!(watch.open.unwrap().finding.after.bodies, 60);
}
