//! What a property is given: a scripted body, what is claimed of it, its limit, and what its owner does with it.

use std::ops::RangeInclusive;

use http_body::SizeHint;
use plimsoll::{Enforcement, Limit};
use proptest::prelude::*;

use crate::support::script::{Script, Step};

/// One body with its surroundings.
#[derive(Clone, Debug)]
pub struct Case {
    pub place: Place,
    pub steps: Vec<Step>,
    pub knows_end: bool,
    /// Lower and, where there is one, upper bound of its hint, true or not.
    pub hint: (u64, Option<u64>),
    /// What a `Content-Length` claims, true or not.
    pub header: Option<u64>,
    /// The limits of the layers of one ledger that wrap it, in the order in which it meets them.
    pub limits: Vec<Lines>,
    /// What limits do when the body is wrapped.
    pub enforcement: Enforcement,
    /// Before which poll that is switched over.
    pub switch_before: Option<usize>,
    /// How often its owner polls it, whatever comes, before dropping it.
    pub polls: usize,
}

/// At how many bytes a body is refused, and at how many a warning is given.
#[derive(Clone, Copy, Debug)]
pub struct Lines {
    pub reject: Option<u64>,
    pub warn: Option<u64>,
}

impl Lines {
    pub fn limit(self) -> Limit {
        match (self.reject, self.warn) {
            (Some(reject), Some(warn)) => Limit::reject_over(reject).and_warn_over(warn),
            (Some(reject), None) => Limit::reject_over(reject),
            (None, Some(warn)) => Limit::warn_over(warn),
            (None, None) => Limit::unlimited(),
        }
    }

    /// No body has more bytes than the largest number, so that is no line.
    pub fn rejects_over(self) -> u64 {
        self.reject.unwrap_or(u64::MAX)
    }

    pub fn lowest(self) -> u64 {
        self.rejects_over().min(self.warn.unwrap_or(u64::MAX))
    }
}

/// Which body of a call through which layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    ServerRequest,
    ServerResponse,
    ClientRequest,
    ClientResponse,
}

impl Case {
    pub fn body(&self) -> Script {
        let mut hint = SizeHint::new();
        if let Some(upper) = self.hint.1 {
            hint.set_upper(upper);
        }
        hint.set_lower(self.hint.0);
        let body = Script::new(self.steps.clone()).hinting(hint);
        if self.knows_end { body.knowing_its_end() } else { body }
    }

    /// What the switch says when the body is polled for the `poll`th time, counted from 0.
    pub fn enforcement_at(&self, poll: usize) -> Enforcement {
        match (self.enforcement, self.switch_before.is_some_and(|switch| switch <= poll)) {
            (Enforcement::Reject, false) | (Enforcement::WarnOnly, true) => Enforcement::Reject,
            (Enforcement::Reject, true) | (Enforcement::WarnOnly, false) => Enforcement::WarnOnly,
        }
    }
}

/// Any case, with numbers that lie where something happens more often than chance would have it.
pub fn any_case() -> impl Strategy<Value = Case> {
    let place = prop::sample::select(vec![
        Place::ServerRequest,
        Place::ServerResponse,
        Place::ClientRequest,
        Place::ClientResponse,
    ]);
    let hint = prop_oneof![
        2 => Just(Hint::None),
        4 => number().prop_map(Hint::Exact),
        2 => (number(), prop::option::of(number())).prop_map(|(lower, more)| Hint::Range(lower, more)),
    ];
    let line = || prop::option::weighted(0.75, number());
    let enforcement = prop_oneof![3 => Just(Enforcement::Reject), 1 => Just(Enforcement::WarnOnly)];
    (
        (place, prop::collection::vec(step(), 0..10), any::<bool>()),
        (hint, prop::option::weighted(0.3, number()), prop::collection::vec((line(), line()), 1..=3)),
        (enforcement, prop::option::weighted(0.2, 0..8usize), 0..14usize),
    )
        .prop_map(|((place, steps, knows_end), (hint, header, lines), rest)| {
            let (enforcement, switch_before, polls) = rest;
            let at = |number: Number| number.among(&steps);
            let hint = match hint {
                Hint::None => (0, None),
                Hint::Exact(bytes) => (at(bytes), Some(at(bytes))),
                Hint::Range(lower, more) => (at(lower), more.map(|more| at(lower).saturating_add(at(more)))),
            };
            let lines = lines.into_iter().map(|(reject, warn)| Lines { reject: reject.map(at), warn: warn.map(at) });
            let header = header.map(at);
            let limits = lines.collect();
            Case { place, steps, knows_end, hint, header, limits, enforcement, switch_before, polls }
        })
}

fn step() -> impl Strategy<Value = Step> {
    let bytes = prop_oneof![1 => Just(0), 4 => 1..8usize, 2 => 1..5_000usize];
    prop_oneof![
        8 => bytes.prop_map(Step::Data),
        2 => Just(Step::Pending),
        1 => Just(Step::Trailers),
        1 => Just(Step::Error),
    ]
}

#[derive(Clone, Copy, Debug)]
enum Hint {
    None,
    Exact(Number),
    Range(Number, Option<Number>),
}

/// A number of bytes.
#[derive(Clone, Copy, Debug)]
enum Number {
    /// What the first steps come to, or a byte off.
    Near(usize, i64),
    Fixed(u64),
}

impl Number {
    fn among(self, steps: &[Step]) -> u64 {
        match self {
            Self::Near(count, off) => bytes_of(steps.get(..count).unwrap_or(steps)).saturating_add_signed(off),
            Self::Fixed(bytes) => bytes,
        }
    }
}

fn number() -> impl Strategy<Value = Number> {
    const A_BYTE_OFF: RangeInclusive<i64> = -1..=1;
    prop_oneof![
        6 => (0..12usize, A_BYTE_OFF).prop_map(|(count, off)| Number::Near(count, off)),
        1 => prop::sample::select(vec![0, 1, u64::MAX - 1, u64::MAX]).prop_map(Number::Fixed),
        1 => any::<u64>().prop_map(Number::Fixed),
    ]
}

/// The bytes that these steps yield.
pub fn bytes_of(steps: &[Step]) -> u64 {
    steps.iter().map(|step| if let Step::Data(bytes) = step { *bytes as u64 } else { 0 }).sum()
}
