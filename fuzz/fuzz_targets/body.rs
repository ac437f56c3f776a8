//! Any body under any limits, read in any way: it agrees with the model that the property tests hold it against.
#![no_main]

use case::{Case, Lines, Place, bytes_of};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use plimsoll::Enforcement;
use support::script::Step;

#[path = "../../tests/body_model/case.rs"]
#[allow(dead_code, reason = "cases are made from bytes here")]
mod case;
#[path = "../../tests/body_model/driver.rs"]
mod driver;
#[path = "../../tests/body_model/model.rs"]
mod model;
#[path = "../../tests/support"]
mod support {
    #[allow(dead_code, reason = "other tests use the rest")]
    pub mod script;
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(case) = case_of(&mut Unstructured::new(bytes)) else { return };
    if let Err(error) = driver::agrees(&case).and_then(|()| driver::agrees_alone(&case)) {
        panic!("{error}\n{case:#?}");
    }
});

/// Reads a case from bytes. The property tests' cases are all among these.
fn case_of(bytes: &mut Unstructured<'_>) -> Result<Case> {
    let places = [Place::ServerRequest, Place::ServerResponse, Place::ClientRequest, Place::ClientResponse];
    let place = *bytes.choose(&places)?;
    let knows_end = bytes.arbitrary()?;
    let steps = (0..bytes.int_in_range(0..=10)?).map(|_| step(bytes)).collect::<Result<Vec<_>>>()?;
    let lower = number(bytes, &steps)?;
    let hint = match bytes.int_in_range(0..=2)? {
        0 => (0, None),
        1 => (lower, Some(lower)),
        _ => (lower, some(bytes, &steps)?.map(|more| lower.saturating_add(more))),
    };
    let header = some(bytes, &steps)?;
    let line = |bytes: &mut Unstructured<'_>| some(bytes, &steps);
    let limits = (0..bytes.int_in_range(1..=3)?).map(|_| Ok(Lines { reject: line(bytes)?, warn: line(bytes)? }));
    let limits = limits.collect::<Result<_>>()?;
    let enforcement = if bytes.arbitrary()? { Enforcement::Reject } else { Enforcement::WarnOnly };
    let switch_before = if bytes.arbitrary()? { Some(bytes.int_in_range(0..=8)?) } else { None };
    let polls = bytes.int_in_range(0..=14)?;
    Ok(Case { place, steps, knows_end, hint, header, limits, enforcement, switch_before, polls })
}

fn step(bytes: &mut Unstructured<'_>) -> Result<Step> {
    Ok(match bytes.int_in_range(0..=7)? {
        0 => Step::Pending,
        1 => Step::Trailers,
        2 => Step::Error,
        3 => Step::Data(bytes.int_in_range(0..=5_000)?),
        _ => Step::Data(bytes.int_in_range(0..=8)?),
    })
}

fn some(bytes: &mut Unstructured<'_>, steps: &[Step]) -> Result<Option<u64>> {
    if bytes.arbitrary()? { number(bytes, steps).map(Some) } else { Ok(None) }
}

/// A number of bytes: what the first steps come to or a byte off, or any.
fn number(bytes: &mut Unstructured<'_>, steps: &[Step]) -> Result<u64> {
    if bytes.ratio(1, 4)? {
        return bytes.arbitrary();
    }
    let first = steps.get(..bytes.int_in_range(0..=12)?).unwrap_or(steps);
    Ok(bytes_of(first).saturating_add_signed(bytes.int_in_range(-1..=1)?))
}
