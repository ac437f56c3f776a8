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
