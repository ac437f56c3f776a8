//! The replay: a contract from the first release; every later one checked, and what it changes accepted.

use std::fmt;
use std::fs;
use std::path::PathBuf;

use plimsoll::contract::{Acceptance, ChangeKind, Median, Subject};
use plimsoll::{Contract, Factor, KIB, Measured, Verdict};

use crate::releases::{Medians, Release};

/// What a contract would have made of a history.
#[derive(Debug, Default)]
pub struct Replay {
    pub from: String,
    pub to: String,
    pub templates: usize,
    pub pull_requests: usize,
    pub compared: usize,
    pub failing: Vec<Growth>,
    /// Medians of more than twice those of the release before, where nothing is committed.
    pub release_to_release: usize,
    /// Growths beyond the factor that end at 1 KiB or less, which is none of the gate's business.
    pub tiny: Vec<Growth>,
    pub shrunk: usize,
    pub new: usize,
    /// How many of the last medians fail when each is exactly twice as large, and by a byte more.
    pub doubled: [usize; 2],
    /// The growth nearest to the line that passed, above the floor.
    pub nearest: Option<Growth>,
}

/// A growth.
#[derive(Clone, Debug)]
pub struct Growth {
    pub name: String,
    pub template: String,
    pub was: u64,
    pub is: u64,
}

impl Growth {
    /// Whether it would have failed where a ledger knows both medians by their buckets only.
    pub fn is_seen_in_buckets(&self) -> bool {
        let known = |size| Median::of_distribution(&[size, size, size + 1].into_iter().collect()).unwrap();
        known(self.was).grew_beyond(Factor::TWO, known(self.is))
    }

    /// Away from the line, so that neither just over 2.0 nor just below it reads as 2.00.
    pub fn factor(&self) -> String {
        let hundredths = u128::from(self.is) * 100;
        let hundredths = match (u128::from(self.was), Factor::TWO.allows(self.was, self.is)) {
            (0, _) => return "-".into(),
            (was, true) => hundredths / was,
            (was, false) => hundredths.div_ceil(was),
        };
        format!("{}.{:02}", hundredths / 100, hundredths % 100)
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, template, was, is } = self;
        write!(f, "    {name}  {template:<40} {was:>9} -> {is:>9} {:>8}", self.factor())
    }
}

/// A contract's file of its own.
pub struct Desk(PathBuf);

impl Desk {
    pub fn new(test: &str) -> Self {
        let thread = format!("{:?}", std::thread::current().id()).replace(|c: char| !c.is_alphanumeric(), "");
        let name = format!("plimsoll-history-{test}-{}-{thread}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        Self(directory)
    }

    fn open(&self, acceptance: Acceptance) -> Contract {
        Contract::open_with(self.0.join("plimsoll.contract.toml"), acceptance).unwrap()
    }

    pub fn gate(&self) -> Contract {
        self.open(Acceptance::no())
    }

    pub fn accept(&self, reason: &str, medians: &Medians) {
        let accepting = self.open(Acceptance::because(reason).unwrap());
        assert!(accepting.check(measured(medians)).unwrap().passed());
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub fn measured(medians: &Medians) -> Measured {
    let mut measured = Measured::new();
    for (template, size) in medians {
        measured.record(template, *size);
    }
    measured
}

pub fn replay(releases: &[Release]) -> Replay {
    let desk = Desk::new("replay");
    let mut replay = Replay::default();
    let mut medians = Medians::new();
    let mut gate = None;
    for release in releases {
        replay.add_release_to_release(release, &medians);
        medians.extend(release.changed.clone());
        let Some(contract) = gate.as_ref() else {
            replay.from.clone_from(&release.name);
            desk.accept("first sizes", &medians);
            gate = Some(desk.gate());
            continue;
        };
        replay.to.clone_from(&release.name);
        replay.pull_requests += 1;
        replay.compared += medians.len();
        let verdict = contract.check(measured(&medians)).unwrap();
        replay.add(&release.name, &verdict);
        replay.add_tiny(&release.name, contract, &medians);
        replay.add_nearest(&release.name, contract, &medians);
        if !verdict.changes().is_empty() {
            desk.accept(&format!("release {}", release.name), &medians);
            gate = Some(desk.gate());
        }
    }
    replay.templates = medians.len();
    replay.doubled = [0, 1].map(|extra| failing_when_doubled(&medians, extra));
    replay
}

/// How many fail of medians that grow to twice their size and so many bytes more.
fn failing_when_doubled(medians: &Medians, extra: u64) -> usize {
    let desk = Desk::new("doubled");
    desk.accept("first sizes", medians);
    let grown = medians.iter().map(|(template, size)| (template.clone(), size * 2 + extra)).collect();
    desk.gate().check(measured(&grown)).unwrap().changes().len()
}

/// What grew.
fn growths<'a>(release: &'a str, verdict: &'a Verdict) -> impl Iterator<Item = Growth> + 'a {
    verdict.changes().iter().filter(|change| change.kind() == ChangeKind::Grown).map(move |change| {
        let Subject::Fixture(template) = change.subject() else { panic!("all are by hand") };
        let size = |median: Option<Median>| median.unwrap().at_least();
        Growth { name: release.into(), template: template.clone(), was: size(change.was()), is: size(change.is()) }
    })
}

impl Replay {
    fn add(&mut self, release: &str, verdict: &Verdict) {
        self.failing.extend(growths(release, verdict));
        let count = |kind| verdict.changes().iter().filter(|change| change.kind() == kind).count();
        self.shrunk += count(ChangeKind::Shrunk);
        self.new += count(ChangeKind::New);
    }

    /// Medians that are more than twice those of the release before: what a gate would see that accepts all it sees.
    fn add_release_to_release(&mut self, release: &Release, before: &Medians) {
        let grew = |(template, is): &(&String, &u64)| {
            before.get(*template).is_some_and(|was| **is > KIB && !Factor::TWO.allows(*was, **is))
        };
        self.release_to_release += release.changed.iter().filter(grew).count();
    }

    /// What is over 2.0 and tiny, once for each template.
    fn add_tiny(&mut self, release: &str, contract: &Contract, medians: &Medians) {
        let all = contract.clone().floor(0).check(measured(medians)).unwrap();
        for growth in growths(release, &all).filter(|growth| growth.is <= KIB) {
            if self.tiny.iter().all(|kept| (&kept.template, kept.is) != (&growth.template, growth.is)) {
                self.tiny.push(growth);
            }
        }
    }

    /// The growth nearest to the line from below: a factor of 1.0 would fail it, and 2.0 does not.
    fn add_nearest(&mut self, release: &str, contract: &Contract, medians: &Medians) {
        let tight = contract.clone().allowed(Factor::new(1.0).unwrap()).check(measured(medians)).unwrap();
        for growth in growths(release, &tight).filter(|growth| Factor::TWO.allows(growth.was, growth.is)) {
            let larger = |kept: &Growth| {
                u128::from(growth.is) * u128::from(kept.was) > u128::from(kept.is) * u128::from(growth.was)
            };
            if self.nearest.as_ref().is_none_or(larger) {
                self.nearest = Some(growth);
            }
        }
    }
}

impl fmt::Display for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, templates, pull_requests, compared, failing, release_to_release, .. } = self;
        let Self { tiny, shrunk, new, nearest, doubled: [exactly, beyond], .. } = self;
        let mut names: Vec<_> = failing.iter().map(|growth| &growth.name).collect();
        names.dedup();
        let in_buckets = failing.iter().filter(|growth| growth.is_seen_in_buckets()).count();
        writeln!(f, "A contract made at {from}, held against each release up to {to}")?;
        writeln!(f, "  pull requests       {pull_requests}, of {templates} templates; {compared} medians compared")?;
        writeln!(f, "  fail                {}, for {} medians over 2.0 and 1 KiB:", names.len(), failing.len())?;
        failing.iter().try_for_each(|growth| writeln!(f, "{growth}"))?;
        writeln!(
            f,
            "  by a ledger's buckets, 4.4 % wide: {in_buckets} of these; by the release before: {release_to_release}"
        )?;
        writeln!(f, "  told, not failed    {shrunk} shrunk to less than half, {new} new")?;
        writeln!(f, "  over 2.0, tiny      {} that end at 1 KiB or less, and pass:", tiny.len())?;
        tiny.iter().try_for_each(|growth| writeln!(f, "{growth}"))?;
        writeln!(
            f,
            "  the last medians    exactly doubled, {exactly} of {templates} fail; by a byte more, {beyond} (the rest are tiny)"
        )?;
        writeln!(f, "  the nearest below 2.0, passes:")?;
        nearest.iter().try_for_each(|growth| writeln!(f, "{growth}"))
    }
}
