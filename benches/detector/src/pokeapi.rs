//! Real sizes: the answers of a public API before and after each of its releases, with nothing injected.

use std::collections::BTreeMap;
use std::io::Read;

use flate2::read::GzDecoder;
use plimsoll::SizeDistribution;

use crate::chance::Chance;
use crate::rule::Judge;
use crate::simulation::Statistics;
use crate::study::Share;
use crate::traffic::Tick;

/// Where they come from stands in the README beside it.
static SIZES: &[u8] = include_bytes!("../data/pokeapi.txt.gz");

/// Bodies before a release as the baseline, as the calm period, and after it.
const BODIES: usize = 5_000;
/// Bodies a tick.
const A_TICK: usize = 5;

/// One URL template at one release that changed some of its documents.
#[derive(Clone, Debug)]
pub struct Release {
    /// When, in seconds since 1970.
    pub time: u64,
    /// Such as `pokemon/{id}`.
    pub template: &'static str,
    /// Bytes of each document before, by its number.
    before: BTreeMap<usize, u64>,
    /// Bytes of each after.
    after: BTreeMap<usize, u64>,
}

/// What the ladder found at all releases, with the popularity of one seed.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Of the releases where no quantile grew by 10 %, those with an alarm.
    pub quiet: Share,
    /// Of those where one grew by half or more, those with an alarm.
    pub grown: Share,
    /// After how many bodies each of the latter came.
    pub delays: Vec<usize>,
    /// The latter, as lines to read.
    pub lines: Vec<String>,
}

impl Release {
    /// Reads the extract: the pairs of release and template of which something is known before.
    ///
    /// # Errors
    ///
    /// Says which line is wrong.
    pub fn all(text: &'static str) -> Result<Vec<Self>, String> {
        let mut templates: BTreeMap<&str, BTreeMap<usize, u64>> = BTreeMap::new();
        let (mut time, mut releases, mut lines) = (0, Vec::new(), text.lines());
        while let Some(line) = lines.next() {
            let wrong = || format!("the extract has a line that says nothing: {line}");
            match line.split_once(' ').ok_or_else(wrong)? {
                ("release", at) => time = at.parse().map_err(|_| wrong())?,
                ("template", template) => {
                    let [steps, growth] = [(); 2].map(|()| lines.next().map(numbers).unwrap_or_default());
                    let known = templates.entry(template).or_default();
                    let (before, mut number) = (known.clone(), 0usize);
                    for (step, grown) in steps.into_iter().zip(growth) {
                        number = number.checked_add_signed(step as isize).ok_or_else(wrong)?;
                        let size = known.entry(number).or_default();
                        *size = size.checked_add_signed(grown).ok_or_else(wrong)?;
                    }
                    if !before.is_empty() {
                        releases.push(Self { time, template, before, after: known.clone() });
                    }
                }
                _ => return Err(wrong()),
            }
        }
        Ok(releases)
    }

    /// The text of the extract.
    ///
    /// # Errors
    ///
    /// Where it is damaged.
    pub fn text() -> Result<&'static str, String> {
        let mut text = String::new();
        GzDecoder::new(SIZES).read_to_string(&mut text).map_err(|error| format!("the extract is damaged: {error}"))?;
        Ok(text.leak())
    }
}

fn numbers(line: &str) -> Vec<i64> {
    line.split(' ').filter_map(|number| number.parse().ok()).collect()
}

/// Watches every release: bodies before it are baseline and calm period, those after it are watched.
///
/// How popular a document is follows Zipf's law; which one has which rank is drawn anew for each release.
pub fn replay(releases: &[Release], statistics: &Statistics, seed: u64) -> Found {
    let mut chance = Chance::new(seed);
    let mut found = Found::default();
    for release in releases {
        let ranks = shuffled(release.after.keys().copied(), &mut chance);
        let [before, after] = [&release.before, &release.after].map(|sizes| Answers::new(sizes, &ranks));
        let quantiles = [0.5, 0.9, 0.99].map(|q| (before.quantile(q), after.quantile(q)));
        let factors = quantiles.map(|(before, after)| after as f64 / before.max(1) as f64);
        let largest = factors.into_iter().fold(0.0, f64::max);

        let baseline: SizeDistribution = (0..BODIES).map(|_| before.draw(&mut chance)).collect();
        let mut ladder = Judge::new(statistics.defaults.clone(), &baseline);
        let mut tick = Tick::default();
        let mut next = |answers: &Answers| {
            tick.clear();
            (0..A_TICK).for_each(|_| tick.push(answers.draw(&mut chance)));
            tick.clone()
        };
        let mut calm = Vec::with_capacity(BODIES);
        for _ in 0..BODIES / A_TICK {
            let tick = next(&before);
            ladder.calm(&tick);
            calm.extend(tick.sizes);
        }
        ladder.roll(&calm.into_iter().collect());
        let alarm = (1..=BODIES / A_TICK).find_map(|number| Some((number * A_TICK, ladder.watch(&next(&after))?)));

        let alarmed = Share { part: usize::from(alarm.is_some()), of: 1 };
        if largest < 1.1 {
            found.quiet = found.quiet.and(alarmed);
        } else if largest >= 1.5 {
            found.grown = found.grown.and(alarmed);
            found.delays.extend(alarm.map(|(bodies, _)| bodies));
            let [p50, p90, p99] = quantiles.map(|(before, after)| format!("{before} -> {after}"));
            let outcome = alarm.map_or("missed".into(), |(bodies, rung)| format!("{rung} after {bodies} bodies"));
            let Release { time, template, .. } = release;
            found.lines.push(format!("{} {template:32} {p50:18} {p90:18} {p99:18} {outcome}", date(*time)));
        }
    }
    found.delays.sort_unstable();
    found
}

/// A rank for each, from 1 on.
fn shuffled(numbers: impl Iterator<Item = usize>, chance: &mut Chance) -> BTreeMap<usize, usize> {
    let mut numbers: Vec<usize> = numbers.collect();
    for place in (1..numbers.len()).rev() {
        numbers.swap(place, chance.below(place + 1));
    }
    numbers.into_iter().zip(1..).collect()
}

/// The answers of one template: sizes, and how likely each or one before it is asked for.
struct Answers(Vec<(u64, f64)>);

impl Answers {
    fn new(sizes: &BTreeMap<usize, u64>, ranks: &BTreeMap<usize, usize>) -> Self {
        let mut sizes: Vec<_> = sizes.iter().map(|(number, size)| (*size, 1.0 / ranks[number] as f64)).collect();
        sizes.sort_unstable_by_key(|(size, _)| *size);
        let all: f64 = sizes.iter().map(|(_, weight)| weight).sum();
        let mut sum = 0.0;
        for (_, weight) in &mut sizes {
            sum += *weight / all;
            *weight = sum;
        }
        Self(sizes)
    }

    /// The size that a share `q` of the answers does not exceed, exact.
    fn quantile(&self, q: f64) -> u64 {
        let place = self.0.partition_point(|(_, up_to)| *up_to < q - 1e-12);
        self.0[place.min(self.0.len() - 1)].0
    }

    fn draw(&self, chance: &mut Chance) -> u64 {
        self.quantile(chance.uniform())
    }
}

/// A day in UTC, by the calendar's rules: 400 years have 146,097 days.
fn date(time: u64) -> String {
    let days = time / 86_400 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let (day, month, later) = (of_year - (153 * month + 2) / 5 + 1, (month + 2) % 12 + 1, u64::from(month >= 10));
    format!("{}-{month:02}-{day:02}", era * 400 + year + later)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extract_is_whole() {
        let releases = Release::all(Release::text().unwrap()).unwrap();
        assert_eq!(releases.len(), 1_097);
        let last = releases.iter().rfind(|release| release.template == "move/{id}").unwrap();
        assert_eq!(last.after.len(), 937);
    }

    #[test]
    fn a_line_that_says_nothing_is_named() {
        assert!(Release::all("release soon").unwrap_err().contains("release soon"));
        assert!(Release::all("template x\n1\n-5").unwrap_err().contains("template x"));
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(["2018-09-15", "2024-02-29", "2026-01-01"], [1_536_996_449, 1_709_164_800, 1_767_225_600].map(date));
    }

    #[test]
    fn popularity_decides_what_a_quantile_is() {
        let sizes: BTreeMap<usize, u64> = [(1, 10), (2, 20), (3, 30)].into();
        let answers = Answers::new(&sizes, &[(1, 3), (2, 1), (3, 2)].into());
        // 1/3, 1 and 1/2 of 11/6.
        assert_eq!([0.1, 0.19, 0.7, 0.73, 1.0].map(|q| answers.quantile(q)), [10, 20, 20, 30, 30]);
    }
}
