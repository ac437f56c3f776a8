//! Counts as a text: a word for each bucket that holds something.

use std::fmt::Write;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::counts::Counts;
use crate::ledger::Bucket;

/// The number of the last bucket, of bodies of up to 1 TiB and of all that are larger.
const LAST: u16 = 640;
/// What stands for the number of the bucket of empty bodies.
const EMPTY: &str = "empty";

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default, skip_serializing_if = "is_zero")]
    identity: u64,
    /// `number:bodies`, smallest first.
    sizes: String,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sizes = String::new();
        for bucket in self.iter() {
            if !sizes.is_empty() {
                sizes.push(' ');
            }
            // Writing into a text does not fail.
            let _ = match bucket.index() {
                Some(index) => write!(sizes, "{index}:{}", bucket.count()),
                None => write!(sizes, "{EMPTY}:{}", bucket.count()),
            };
        }
        Table { identity: self.identity, sizes }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Counts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Table { identity, sizes } = Table::deserialize(deserializer)?;
        let mut buckets: Vec<Bucket> = Vec::new();
        for word in sizes.split_ascii_whitespace() {
            let bucket = bucket(word).ok_or_else(|| {
                let valid = format!("one is `number:bodies`, with {EMPTY} or 0 to {LAST} for the number");
                de::Error::custom(format!("{word:?} is no bucket; {valid}"))
            })?;
            if buckets.last().is_some_and(|last| last.index() >= bucket.index()) {
                return Err(de::Error::custom(format!("{word:?} stands behind a bucket that is not smaller")));
            }
            buckets.push(bucket);
        }
        Ok(Self::new(identity, buckets))
    }
}

fn bucket(word: &str) -> Option<Bucket> {
    let (index, count) = word.split_once(':')?;
    let index = match index {
        EMPTY => None,
        index => Some(index.parse().ok().filter(|index| *index <= LAST)?),
    };
    Some(Bucket::new(index, count.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_bucket_is_named() {
        for wrong in ["7", "7:", ":7", "-1:7", "641:7", "7:x", "7:1 7:1", "9:1 7:1", "0:1 empty:1"] {
            let said = toml::from_str::<Counts>(&format!("sizes = {wrong:?}")).unwrap_err().to_string();
            assert!(said.contains(wrong.split(' ').next_back().unwrap()), "{said}");
        }
    }

    proptest! {
        #[test]
        fn a_text_reads_back(
            identity in 0u64..1 << 60,
            sizes in proptest::collection::btree_map(proptest::option::of(0u16..=640), 1u64..1 << 60, 0..60),
        ) {
            let counts = Counts::new(identity, sizes.into_iter().map(|(index, count)| Bucket::new(index, count)));
            let text = toml::to_string(&counts).unwrap();
            prop_assert_eq!(toml::from_str::<Counts>(&text).unwrap(), counts);
        }
    }
}
