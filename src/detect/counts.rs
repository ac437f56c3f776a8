//! Bodies by bucket, sparse: what a baseline, a period and an excursion are made of.

use std::fmt;
use std::str::FromStr;

use crate::ledger::Bucket;

/// How many bodies lie in which bucket. Two add up exactly. Empty bodies count as bodies of one byte.
///
/// Its text is one word for each bucket that holds something, `number:bodies`, smallest first; it reads back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    buckets: Vec<(u16, u64)>,
    bodies: u64,
}

impl Counts {
    /// How many bodies.
    pub(super) fn bodies(&self) -> u64 {
        self.bodies
    }

    /// Adds bodies of one bucket.
    pub(super) fn add(&mut self, index: u16, count: u64) {
        if count == 0 {
            return;
        }
        self.bodies = self.bodies.saturating_add(count);
        match self.buckets.binary_search_by_key(&index, |(index, _)| *index) {
            Ok(found) => {
                if let Some((_, mine)) = self.buckets.get_mut(found) {
                    *mine = mine.saturating_add(count);
                }
            }
            Err(place) => self.buckets.insert(place, (index, count)),
        }
    }

    /// Adds all bodies of `other`.
    pub(super) fn merge(&mut self, other: &Self) {
        for (index, count) in &other.buckets {
            self.add(*index, *count);
        }
    }

    /// Raises a bucket's count to `count`, if it is lower, and tells by how much.
    pub(super) fn raise(&mut self, index: u16, count: u64) -> u64 {
        let known = self.buckets.binary_search_by_key(&index, |(index, _)| *index);
        let known = known.ok().and_then(|found| self.buckets.get(found)).map_or(0, |(_, count)| *count);
        let more = count.saturating_sub(known);
        self.add(index, more);
        more
    }

    /// Forgets all bodies, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.buckets.clear();
        self.bodies = 0;
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Bucket> {
        self.buckets.iter().map(|(index, count)| Bucket::new(Some(*index), *count))
    }

    /// The number of the largest bucket that holds something.
    pub(super) fn largest(&self) -> Option<u16> {
        self.buckets.last().map(|(index, _)| *index)
    }

    /// The bucket in which a share `per_mille` of the bodies ends.
    pub(super) fn quantile(&self, per_mille: u16) -> Option<u16> {
        let rank = u128::from(self.bodies).saturating_mul(u128::from(per_mille)).div_ceil(1_000).max(1);
        let mut below = 0u128;
        let found = self.buckets.iter().find(|(_, count)| {
            below = below.saturating_add(u128::from(*count));
            below >= rank
        });
        found.map(|(index, _)| *index)
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (index, count)) in self.buckets.iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            write!(f, "{space}{index}:{count}")?;
        }
        Ok(())
    }
}

impl FromStr for Counts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut counts = Self::default();
        for word in text.split_ascii_whitespace() {
            let read = word.split_once(':').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
            match read {
                Some((index, count)) if index <= LAST => counts.add(index, count),
                _ => {
                    return Err(format!(
                        "{word:?} is no bucket; one is written `number:bodies`, with 0 to {LAST} first"
                    ));
                }
            }
        }
        Ok(counts)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Counts {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Counts {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The number of the last bucket, of bodies of up to 1 TiB and of all that are larger.
const LAST: u16 = 640;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantiles_are_the_buckets_of_order_statistics() {
        let mut counts = Counts::default();
        assert_eq!(counts.quantile(500), None);
        counts.add(10, 1);
        counts.add(20, 98);
        counts.add(30, 1);
        assert_eq!(
            [0, 10, 11, 500, 990, 991, 1_000].map(|q| counts.quantile(q).unwrap()),
            [10, 10, 20, 20, 20, 30, 30]
        );
    }

    #[test]
    fn what_goes_backwards_is_not_counted_again_when_it_comes_back() {
        let mut counts = Counts::default();
        assert_eq!([5, 3, 5, 9].map(|count| counts.raise(7, count)), [5, 0, 0, 4]);
        assert_eq!(counts.bodies(), 9);
    }

    #[test]
    fn what_is_no_bucket_is_named() {
        for word in ["7", "7:", ":7", "-1:7", "641:7", "7:x"] {
            assert!(word.parse::<Counts>().unwrap_err().contains(word), "{word}");
        }
    }

    proptest! {
        #[test]
        fn its_text_reads_back_and_sums_are_exact(a: Vec<(u8, u32)>, b: Vec<(u8, u32)>) {
            let of = |all: &[(u8, u32)]| {
                let mut counts = Counts::default();
                all.iter().for_each(|(index, count)| counts.add((*index).into(), (*count).into()));
                counts
            };
            let mut both = of(&a);
            both.merge(&of(&b));
            prop_assert_eq!(&both, &of(&[a, b].concat()));
            prop_assert_eq!(both.to_string().parse::<Counts>(), Ok(both));
        }
    }
}
