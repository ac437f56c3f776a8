//! Two services timed by turns: what differs between runs of one program happens to both.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use crate::settings::{Caller, Subject};

/// A turn of one thread takes at least about this long: so short that few are interrupted.
const TURN: Duration = Duration::from_micros(100);
/// A turn of several does: so long that they are at it at once.
const TURN_TOGETHER: Duration = Duration::from_millis(1);

/// The time of the second service as a multiple of that of the first, once for each round.
///
/// In a round, each is called as often as the other, by each of the threads at once; who comes first alternates.
///
/// # Panics
///
/// If a thread does.
#[must_use]
pub fn ratios(base: &Subject, subject: &Subject, threads: usize, rounds: usize) -> Vec<f64> {
    let calls = calls_a_turn(&mut base.caller(), if threads == 1 { TURN } else { TURN_TOGETHER });
    let barrier = Barrier::new(threads);
    let times: Vec<_> = std::thread::scope(|scope| {
        let pairs = base.callers(threads).into_iter().zip(subject.callers(threads));
        let threads: Vec<_> = pairs
            .map(|pair| {
                let barrier = &barrier;
                scope.spawn(move || rounds_of(pair, calls, rounds, barrier))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no call panics")).collect()
    });
    let sum = |round: usize, which: usize| times.iter().map(|times| times[round][which].as_secs_f64()).sum::<f64>();
    (0..rounds).map(|round| sum(round, 1) / sum(round, 0)).collect()
}

/// What one thread does and how long each turn takes it; a first round, which warms up, is left out.
fn rounds_of(pair: (Caller, Caller), calls: usize, rounds: usize, barrier: &Barrier) -> Vec<[Duration; 2]> {
    let (mut base, mut subject) = pair;
    let turn = |caller: &mut Caller| {
        barrier.wait();
        time(caller, calls)
    };
    let round = |round: usize| {
        if round.is_multiple_of(2) {
            let first = turn(&mut base);
            [first, turn(&mut subject)]
        } else {
            let first = turn(&mut subject);
            [turn(&mut base), first]
        }
    };
    (0..=rounds).map(round).skip(1).collect()
}

/// How many calls make a turn of this length.
fn calls_a_turn(caller: &mut Caller, turn: Duration) -> usize {
    let mut calls = 1;
    // The shortest of a few: the first is cold, and one may be interrupted.
    let mut shortest = |calls| (0..5).map(|_| time(caller, calls)).min().unwrap_or_default();
    while shortest(calls) < turn / 2 {
        calls *= 2;
    }
    2 * calls
}

#[allow(clippy::disallowed_methods, reason = "a bench times what runs")]
fn time(caller: &mut Caller, calls: usize) -> Duration {
    let began = Instant::now();
    (0..calls).for_each(|_| caller.call());
    began.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::CASES;
    use crate::exchange::Exchange;

    #[test]
    fn there_is_a_ratio_for_each_round() {
        let [base, subject] = [&CASES[0], &CASES[1]].map(|case| case.subject(Exchange::USUAL));
        for threads in [1, 2] {
            let found = ratios(&base, &subject, threads, 3);
            assert_eq!(found.len(), 3);
            assert!(found.iter().all(|ratio| ratio.is_finite() && *ratio > 0.0), "{found:?}");
        }
    }
}
