//! A ladder as a text: its ticks, and the evidence that stands.

use serde::{Deserialize, Serialize};

use super::climb::Climb;
use super::rungs::Ladder;

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SavedLadder {
    ticks: u64,
    /// Rung and alternative, counted from 0; the tick since which it stands, the bodies since then, those above the gate
    /// edge; and how high it stands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    climbs: Vec<(usize, usize, u64, u64, u64, f64)>,
}

impl From<Ladder> for SavedLadder {
    fn from(ladder: Ladder) -> Self {
        let Ladder { ticks, rungs } = ladder;
        let standing = rungs.iter().enumerate().filter_map(|(rung, climbs)| Some((rung, climbs.as_ref()?)));
        let climbs = standing.flat_map(|(rung, climbs)| {
            let standing = climbs.iter().enumerate().filter(|(_, climb)| climb.height > 0.0);
            standing.map(move |(alternative, Climb { height, since, bodies, above_gate })| {
                (rung, alternative, *since, *bodies, *above_gate, *height)
            })
        });
        Self { ticks, climbs: climbs.collect() }
    }
}

impl TryFrom<SavedLadder> for Ladder {
    type Error = String;

    fn try_from(saved: SavedLadder) -> Result<Self, String> {
        let mut ladder = Self { ticks: saved.ticks, ..Self::default() };
        for (rung, alternative, since, bodies, above_gate, height) in saved.climbs {
            if !height.is_finite() || height < 0.0 {
                return Err(format!("{height} is no evidence; 0 and larger numbers are"));
            }
            if height == 0.0 {
                continue;
            }
            let rung_climbs = ladder.rungs.get_mut(rung).map(Option::get_or_insert_default);
            let climb = rung_climbs.and_then(|climbs| climbs.get_mut(alternative));
            let climb = climb.ok_or_else(|| format!("there is no alternative {alternative} on rung {rung}"))?;
            *climb = Climb { height, since, bodies, above_gate };
        }
        Ok(ladder)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Edges, Statistic};
    use super::*;
    use crate::detect::{Growth, Quantile};
    use crate::ledger::Bucket;

    fn text(climbs: &str) -> Result<Ladder, String> {
        toml::from_str(&format!("ticks = 7\nclimbs = [{climbs}]\n")).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_ladder_to_a_text_and_back_is_the_same_ladder() {
        let statistic = Statistic::new(1e-3, Duration::from_secs(10));
        let edges = Edges::new([Bucket::new(Some(200), 10_000)], &Growth::default());
        let mut ladder = Ladder::after(40);
        for index in [210, 200, 230, 210] {
            ladder.tick(&statistic, &edges, &edges.count([Bucket::new(Some(index), 3)]));
            let text = toml::to_string(&ladder).unwrap();
            assert_eq!(toml::from_str::<Ladder>(&text).as_ref(), Ok(&ladder), "{text}");
            assert!(!text.contains(" 0.0]"), "what stands at 0 is not written: {text}");
        }
        assert!(Quantile::ALL.iter().all(|quantile| ladder.height(*quantile) > 0.0));
        assert_eq!(toml::to_string(&Ladder::after(40)).unwrap(), "ticks = 40\n");
    }

    #[test]
    fn what_stands_on_no_rung_is_refused_and_what_stands_at_0_is_not_there() {
        assert_eq!(text("[0, 0, 1, 1, 1, 0.0]"), Ok(Ladder::after(7)));
        for (climbs, said) in [
            ("[4, 0, 1, 1, 1, 2.0]", "there is no alternative 0 on rung 4"),
            ("[0, 4, 1, 1, 1, 2.0]", "there is no alternative 4 on rung 0"),
            ("[0, 0, 1, 1, 1, -2.0]", "-2 is no evidence"),
            ("[0, 0, 1, 1, 1, nan]", "NaN is no evidence"),
            ("[0, 0, 1, 1, 1, inf]", "inf is no evidence"),
        ] {
            let wrong = text(climbs).unwrap_err();
            assert!(wrong.contains(said), "{wrong}\nfor {climbs}");
        }
    }
}
