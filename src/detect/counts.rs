//! Counts of bodies by bucket, packed: what is kept of a population for as long as a detector lives.

use crate::ledger::Bucket;

/// Sizes by bucket, and how many of the bodies had no content coding.
///
/// Each bucket that holds something as two numbers of seven bits a byte: how far it is from the last, and its count.
/// A real endpoint's takes some 100 to 200 bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) identity: u64,
    packed: Vec<u8>,
}

impl Counts {
    pub(super) fn new(identity: u64, buckets: impl IntoIterator<Item = Bucket>) -> Self {
        let mut counts = Self::default();
        counts.set(identity, buckets);
        counts.packed.shrink_to_fit();
        counts
    }

    /// Counts these instead: buckets in order of size, each once.
    pub(super) fn set(&mut self, identity: u64, buckets: impl IntoIterator<Item = Bucket>) {
        let Self { identity: mine, packed } = self;
        *mine = identity;
        packed.clear();
        let mut last = 0u64;
        for bucket in buckets.into_iter().filter(|bucket| bucket.count() > 0) {
            let place = bucket.index().map_or(0, |index| u64::from(index).saturating_add(1));
            pack(packed, place.saturating_sub(last));
            pack(packed, bucket.count());
            last = place;
        }
    }

    pub(super) fn iter(&self) -> Iter<'_> {
        Iter { packed: self.packed.iter(), place: 0 }
    }

    #[cfg(feature = "serde")]
    pub(super) fn is_empty(&self) -> bool {
        self.packed.is_empty()
    }

    /// How many bodies.
    pub(super) fn bodies(&self) -> u64 {
        self.iter().fold(0, |sum, bucket| sum.saturating_add(bucket.count()))
    }

    pub(super) fn plus(&self, other: &Self) -> Self {
        let identity = self.identity.saturating_add(other.identity);
        Self::new(identity, merged(self.iter(), other.iter(), u64::saturating_add))
    }

    /// What is here and not there; a bucket that holds less here holds nothing in it.
    pub(super) fn minus(&self, other: &Self) -> Self {
        let identity = self.identity.saturating_sub(other.identity);
        Self::new(identity, merged(self.iter(), other.iter(), u64::saturating_sub))
    }

    /// What is in both.
    #[cfg(feature = "serde")]
    pub(super) fn least(&self, other: &Self) -> Self {
        Self::new(self.identity.min(other.identity), merged(self.iter(), other.iter(), u64::min))
    }

    /// The size that so many thousandths of the bodies do not exceed, in bytes; the middle of its bucket.
    pub(super) fn quantile(&self, per_mille: u16) -> Option<u64> {
        let rank = self.bodies().saturating_mul(u64::from(per_mille)).div_ceil(1_000).max(1);
        let mut below = 0u64;
        let reaches = |bucket: &Bucket| {
            below = below.saturating_add(bucket.count());
            below >= rank
        };
        self.iter().find(reaches).map(|bucket| bucket.middle())
    }

    /// The number of the largest body's bucket; empty bodies count as of one byte.
    pub(super) fn largest(&self) -> u16 {
        self.iter().last().and_then(|bucket| bucket.index()).unwrap_or(0)
    }
}

/// The buckets of two lists, both in order of size, each with what `join` makes of its two counts.
pub(super) fn merged(
    a: impl Iterator<Item = Bucket>,
    b: impl Iterator<Item = Bucket>,
    join: impl Fn(u64, u64) -> u64,
) -> impl Iterator<Item = Bucket> {
    let (mut a, mut b) = (a.peekable(), b.peekable());
    std::iter::from_fn(move || {
        let index = match (a.peek(), b.peek()) {
            (Some(a), Some(b)) => a.index().min(b.index()),
            (Some(one), None) | (None, Some(one)) => one.index(),
            (None, None) => return None,
        };
        let mine = a.next_if(|bucket| bucket.index() == index).map_or(0, |bucket| bucket.count());
        let other = b.next_if(|bucket| bucket.index() == index).map_or(0, |bucket| bucket.count());
        Some(Bucket::new(index, join(mine, other)))
    })
}

fn pack(into: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        into.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    #[allow(clippy::cast_possible_truncation, reason = "seven bits")]
    into.push(number as u8);
}

fn unpack(packed: &mut std::slice::Iter<'_, u8>) -> Option<u64> {
    let (mut number, mut shift) = (0u64, 0u32);
    loop {
        let byte = *packed.next()?;
        number |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Some(number);
        }
        shift = shift.saturating_add(7);
    }
}

#[derive(Clone, Debug)]
pub(super) struct Iter<'a> {
    packed: std::slice::Iter<'a, u8>,
    place: u64,
}

impl Iterator for Iter<'_> {
    type Item = Bucket;

    fn next(&mut self) -> Option<Bucket> {
        self.place = self.place.saturating_add(unpack(&mut self.packed)?);
        let index = self.place.checked_sub(1).map(|index| u16::try_from(index).unwrap_or(u16::MAX));
        Some(Bucket::new(index, unpack(&mut self.packed)?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counts() -> impl Strategy<Value = Counts> {
        let bucket = (proptest::option::of(0u16..=640), 1u64..u64::MAX / 1_000);
        proptest::collection::btree_map(bucket.clone().prop_map(|b| b.0), bucket.prop_map(|b| b.1), 0..40)
            .prop_map(|map| Counts::new(7, map.into_iter().map(|(index, count)| Bucket::new(index, count))))
    }

    proptest! {
        #[test]
        fn packing_loses_nothing(sizes in proptest::collection::btree_map(proptest::option::of(0u16..=640), 1u64.., 0..60)) {
            let buckets: Vec<Bucket> = sizes.into_iter().map(|(index, count)| Bucket::new(index, count)).collect();
            prop_assert_eq!(Counts::new(0, buckets.clone()).iter().collect::<Vec<_>>(), buckets);
        }

        #[test]
        fn what_is_added_can_be_taken_away(a in counts(), b in counts()) {
            prop_assert_eq!(a.plus(&b).minus(&b), a.clone());
            prop_assert_eq!(a.plus(&b).bodies(), a.bodies() + b.bodies());
        }
    }

    #[test]
    fn quantiles_are_those_of_the_bodies_in_order() {
        let counts = Counts::new(0, [Bucket::new(None, 50), Bucket::new(Some(208), 49), Bucket::new(Some(300), 1)]);
        assert_eq!(counts.quantile(500), Some(0));
        assert!(counts.quantile(900).is_some_and(|size| (7_800..8_200).contains(&size)));
        assert!(counts.quantile(999).is_some_and(|size| size > 400_000));
        assert_eq!((counts.largest(), Counts::default().quantile(500)), (300, None));
    }
}
