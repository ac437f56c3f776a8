//! The lock-free parts of the ledger under loom: every order in which threads can see each other's writes.
//!
//! `scripts/loom` runs these; a plain test run does not have them. Each is small on purpose, two threads and the fewest
//! steps that can go wrong: every further step multiplies the orders.

use std::sync::Arc;

use http::{Method, StatusCode};
use loom::model::Builder;
use loom::thread;

use super::Ledger;
use super::attributes::{Attributes, ContentCoding, View};
use super::builder::LedgerBuilder;
use super::core::{Core, Memory};
use super::entry::Entry;
use super::exemplar::{Exemplar, Slot};
use super::octave::Octave;
use super::series::Outcome;
use super::size_distribution::SizeDistribution;
use super::sizes::Sizes;
use crate::endpoint::{Key, Role, Upstream};
use crate::trace::Captured;

/// The most times that a thread is interrupted in an order where it could go on. Few faults need more than two.
const PREEMPTIONS: usize = 3;

/// Checks a model in every order. loom's own LOOM_MAX_PREEMPTIONS comes before ours.
fn check(model: impl Fn() + Send + Sync + 'static) {
    let mut orders = Builder::new();
    orders.preemption_bound.get_or_insert(PREEMPTIONS);
    // A snapshot at the end reads every counter that there is.
    orders.max_branches = 10_000;
    orders.check(model);
}

/// Runs two tasks at once, each in a thread of its own; gives what they give.
fn at_once<T, R>(on: &Arc<T>, tasks: [fn(&T) -> R; 2]) -> [R; 2]
where
    T: Send + Sync + 'static,
    R: Send + 'static,
{
    let threads = tasks.map(|task| {
        let on = Arc::clone(on);
        thread::spawn(move || task(&on))
    });
    threads.map(|thread| thread.join().unwrap())
}

fn exemplar(value: u64) -> Exemplar {
    Exemplar { value, unix_nanos: value, ids: [value; 3] }
}

#[test]
fn a_slot_read_while_it_is_written_is_not_torn() {
    check(|| {
        let slot = Arc::new(Slot::default());
        slot.put(&exemplar(1));
        let writer = thread::spawn({
            let slot = Arc::clone(&slot);
            move || slot.put(&exemplar(2))
        });
        // A reader that is overtaken each time does without.
        if let Some(read) = slot.get() {
            assert_eq!(read, exemplar(read.value));
        }
        writer.join().unwrap();
        assert_eq!(slot.get(), Some(exemplar(2)));
    });
}

#[test]
fn of_two_writers_of_a_slot_one_leaves_its_exemplar_whole() {
    check(|| {
        let slot = Arc::new(Slot::default());
        at_once(&slot, [|slot| slot.put(&exemplar(1)), |slot| slot.put(&exemplar(2))]);
        let read = slot.get().expect("whoever came first wrote");
        assert_eq!(read, exemplar(read.value));
        if slot.written() == 2 {
            assert_eq!(read, exemplar(2), "the earlier one, if it was not skipped, came first");
        }
    });
}

#[test]
fn two_sizes_that_make_their_octave_at_once_are_both_counted() {
    check(|| {
        let sizes = Arc::new(Sizes::default());
        let counted = at_once(
            &sizes,
            [|sizes| sizes.add(300, Memory::UNBOUNDED).is_some(), |sizes| sizes.add(300, Memory::UNBOUNDED).is_some()],
        );
        assert_eq!(counted, [true, true]);
        assert_eq!(read(&sizes), [300, 300].into_iter().collect());
    });
}

#[test]
fn sizes_of_a_word_that_two_find_full_while_it_is_read_are_each_found_once() {
    check(|| {
        // Two sizes fill a word here: who adds one more empties it.
        let octave = Arc::new(Octave::default());
        assert!(octave.add(0, 5, Memory::UNBOUNDED));
        assert!(octave.add(0, 5, Memory::UNBOUNDED));
        let writers = [5, 7].map(|excess| {
            let octave = Arc::clone(&octave);
            thread::spawn(move || octave.add(0, excess, Memory::UNBOUNDED))
        });
        let [count, ..] = octave.read().counts;
        assert!((2..=4).contains(&count), "{count}");
        assert!(writers.into_iter().all(|writer| writer.join().unwrap()));
        let read = octave.read();
        assert_eq!((read.counts.iter().sum::<u64>(), read.excess), (4, 22));
    });
}

#[test]
fn a_size_without_memory_is_not_counted_and_what_was_taken_in_vain_is_given_back() {
    check(|| {
        // Enough for one octave and not for two; but each of the two asks for one.
        let memory = size_of::<Octave>() + 100;
        let core = Core::new(&LedgerBuilder::default().max_bytes(memory));
        let both = Arc::new((Sizes::default(), core));
        let add = |(sizes, core): &(Sizes, Core)| sizes.add(300, Memory::of(core)).is_some();
        let counted = at_once(&both, [add, add]);
        let (sizes, core) = &*both;
        let count = counted.into_iter().filter(|counted| *counted).count();
        assert!(count >= 1);
        assert_eq!(read(sizes).count(), count as u64);
        assert_eq!(core.bytes_left(), 100);
    });
}

fn read(sizes: &Sizes) -> SizeDistribution {
    let mut read = SizeDistribution::default();
    sizes.read_into(&mut read);
    read
}

/// A ledger for so many endpoints and series.
fn ledger(max_series: usize) -> Arc<Ledger> {
    Arc::new(Ledger::builder().max_series(max_series).build())
}

fn entry<'a>(ledger: &'a Ledger, route: &str) -> &'a Arc<Entry> {
    ledger.entry(&Key::new(Role::Server, &Method::GET, Upstream::default(), Some(route)))
}

fn request() -> Attributes {
    Attributes::of(View::Wire).request(ContentCoding::Identity)
}

fn answer(status: StatusCode) -> Attributes {
    Attributes::of(View::Wire).response(status, ContentCoding::Identity)
}

#[test]
fn two_threads_that_make_an_endpoint_at_once_get_the_same_one() {
    check(|| {
        let ledger = ledger(2);
        let [one, other] =
            at_once(&ledger, [|ledger| Arc::clone(entry(ledger, "/a")), |ledger| Arc::clone(entry(ledger, "/a"))]);
        assert!(Arc::ptr_eq(&one, &other));
        // The place that one of them may have taken in vain is there for another.
        assert!(!entry(&ledger, "/b").endpoint().is_overflow());
        assert!(entry(&ledger, "/c").endpoint().is_overflow());
    });
}

#[test]
fn two_endpoints_made_at_once_are_both_found_again() {
    check(|| {
        let ledger = ledger(2);
        let [one, other] =
            at_once(&ledger, [|ledger| Arc::clone(entry(ledger, "/a")), |ledger| Arc::clone(entry(ledger, "/b"))]);
        assert!(Arc::ptr_eq(&one, entry(&ledger, "/a")));
        assert!(Arc::ptr_eq(&other, entry(&ledger, "/b")));
        assert!(!Arc::ptr_eq(&one, &other));
    });
}

#[test]
fn of_two_endpoints_that_race_for_the_last_place_at_most_one_gets_it() {
    check(|| {
        let ledger = ledger(1);
        let [one, other] =
            at_once(&ledger, [|ledger| Arc::clone(entry(ledger, "/a")), |ledger| Arc::clone(entry(ledger, "/b"))]);
        let own = [&one, &other].into_iter().filter(|entry| !entry.endpoint().is_overflow()).count();
        assert_eq!(own, 1);
        assert!(ledger.has_overflowed());
    });
}

#[test]
fn two_threads_that_make_a_series_at_once_get_the_same_one_and_both_bodies_are_in_it() {
    check(|| {
        let ledger = ledger(2);
        let entry = Arc::clone(entry(&ledger, "/a"));
        let record = |entry: &Entry| entry.series(request()).record_complete(1, Captured::default().look());
        at_once(&entry, [record, record]);
        assert_eq!(outcomes(&ledger), [2, 0]);
        // The place that one of them may have taken in vain is there for another.
        let ok = answer(StatusCode::OK);
        assert!(!entry.series(ok).endpoint().is_overflow());
        let created = answer(StatusCode::CREATED);
        assert!(entry.series(created).endpoint().is_overflow());
    });
}

#[test]
fn of_bodies_that_race_for_the_last_series_none_is_lost() {
    check(|| {
        let ledger = ledger(1);
        let entry = Arc::clone(entry(&ledger, "/a"));
        let refuse = |entry: &Entry| {
            let ok = answer(StatusCode::OK);
            entry.series(ok).record_refused(Outcome::RejectedEarly, 1, Captured::default().look());
        };
        at_once(&entry, [|entry| entry.series(request()).record_complete(1, Captured::default().look()), refuse]);
        assert_eq!(outcomes(&ledger), [1, 1]);
    });
}

/// Bodies that were delivered and that were refused, of all series, the overflow's too.
fn outcomes(ledger: &Ledger) -> [u64; 2] {
    let outcomes = ledger.snapshot().outcomes();
    [Outcome::Complete, Outcome::RejectedEarly].map(|outcome| outcomes.get(outcome))
}
