//! What outlives a process: saved and restored, kept in files, and merged from many instances.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use plimsoll::Ledger;
use plimsoll::detect::{Detector, FileStore, Notice, Period, Quantile, SavedDetector, Store};
use proptest::prelude::*;

use crate::world::{Answer, PERIOD, TICK, World, found};

/// A directory of this test's own, which is gone when it ends.
struct Directory(PathBuf);

impl Directory {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("plimsoll-{test}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("detector.toml")
    }

    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn learnt() -> World {
    let mut world = World::new();
    world.period(Answer::of(8_000));
    world.period(Answer::of(8_000));
    world
}

/// The same world after a restart: an empty ledger, and a detector that begins with what was saved.
fn restarted(world: &World, saved: SavedDetector) -> World {
    world.restart(|detector| detector.begin_with(saved))
}

fn stored(world: &World, directory: &Directory) -> World {
    let store = FileStore::new(directory.file());
    world.restart(|detector| detector.store(store).save_interval(Duration::ZERO))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_restored_detector_continues_exactly_as_one_that_never_stopped(
        ticks in proptest::collection::vec((0usize..5, 1usize..12), 20..60),
        cut in 0usize..60,
    ) {
        let answers = |(kind, count): (usize, usize)| {
            vec![Answer::of([8_000, 8_300, 11_000, 30_000, 85_000][kind]); count]
        };
        let saved = learnt().detector.saved();
        let mut steady = restarted(&World::new(), saved.clone());
        let mut broken = restarted(&World::new(), saved);
        for (number, tick) in ticks.into_iter().enumerate() {
            if number == cut {
                let text = broken.detector.saved().to_toml();
                broken = restarted(&broken, SavedDetector::from_toml(&text).unwrap());
            }
            let told = [&mut steady, &mut broken].map(|world| world.tick_of(&answers(tick)));
            let told = told.map(|notices| notices.into_iter().map(untraced).collect::<Vec<_>>());
            prop_assert_eq!(&told[0], &told[1], "tick {}", number);
        }
        let [steady, broken] = [steady, broken].map(|world| untraced_text(&world.detector.saved().to_toml()));
        prop_assert_eq!(steady, broken);
    }

    #[test]
    fn no_text_makes_the_reader_panic(at in 0usize..4_000, byte: u8, cut: bool) {
        let mut text = learnt_text().into_bytes();
        let at = at % text.len();
        if cut { text.truncate(at) } else { text[at] = byte }
        let _ = SavedDetector::from_toml(&String::from_utf8_lossy(&text));
    }
}

/// Exemplars are the ledger's: what it held before a restart and nobody had asked for is gone with it.
fn untraced(mut notice: Notice) -> Notice {
    match &mut notice {
        Notice::Opened(findings) => findings.iter_mut().for_each(|finding| finding.traces.clear()),
        Notice::Joined(finding) | Notice::Raised(finding) => finding.traces.clear(),
        Notice::Closed(closing) => closing.finding.traces.clear(),
        other => panic!("{other:?}"),
    }
    notice
}

fn untraced_text(text: &str) -> String {
    let mut saved: toml::Table = text.parse().unwrap();
    for series in saved["series"].as_array_mut().unwrap() {
        if let Some(finding) = series.get_mut("finding").and_then(toml::Value::as_table_mut) {
            finding.remove("traces");
        }
    }
    saved.to_string()
}

fn learnt_text() -> String {
    static TEXT: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    TEXT.get_or_init(|| learnt().detector.saved().to_toml()).clone()
}

#[test]
fn a_baseline_that_was_compiled_in_finds_growth_from_the_first_body_on() {
    let saved = SavedDetector::from_toml(&learnt_text()).unwrap();
    assert_eq!(saved.baselines(), 2, "request and response");
    let mut world = restarted(&World::new(), saved);
    let (ticks, notices) = world.until_found(Answer::of(85_000), 10);
    assert_eq!((ticks, found(&notices).len()), (5, 1));
}

/// It used to go on from what was saved, up to a minute before: to who scrapes, that is a reset to a large number, and
/// all of it counted once more.
#[test]
fn a_counter_of_a_new_process_begins_at_0() {
    let mut world = learnt();
    world.until_found(Answer::of(60_000), 10);
    let above = |world: &World| {
        let mut above = 0;
        world.detector.visit(|series| above += series.above(Quantile::P50).unwrap_or(0));
        above
    };
    assert_eq!(above(&world), 50);
    let mut world = restarted(&world, world.detector.saved());
    world.tick(Answer::of(60_000));
    assert_eq!((above(&world), world.detector.findings().len()), (10, 1));
}

#[test]
fn a_saved_detector_is_small_and_stable() {
    let text = learnt_text();
    assert_eq!(SavedDetector::from_toml(&text).unwrap().to_toml(), text);
    assert!(text.len() < 2 * 1_024, "{} bytes for two series: {text}", text.len());
}

#[test]
fn a_file_outlives_the_process_and_what_was_found_stays_open() {
    let directory = Directory::new("file");
    let mut world = stored(&learnt(), &directory);
    assert_eq!(directory.names(), [] as [&str; 0]);
    world.period(Answer::of(8_000));
    world.period(Answer::of(8_000));
    let (_, notices) = world.until_found(Answer::of(60_000), 10);
    assert_eq!(directory.names(), ["detector.toml"]);
    let mut world = stored(&world, &directory);
    world.tick(Answer::of(60_000));
    let open = world.detector.findings();
    assert_eq!((open.len(), open[0].id, open[0].since), (1, found(&notices)[0].id, found(&notices)[0].since));
    assert_eq!(open[0].after.bodies, 60);
}

#[test]
fn what_is_no_saved_detector_is_set_aside_and_never_written_over() {
    let whole = learnt_text();
    for (wrong, said) in [
        (whole[..whole.len() / 2].to_owned(), "detector.toml"),
        (whole[..whole.len() - 10].to_owned(), "detector.toml"),
        (whole[..whole.find("[end]").unwrap()].to_owned(), "missing field `end`"),
        ("anything = 1\n".to_owned(), "no saved detector: one says `format = \"plimsoll detector\"`"),
        (whole.replacen("version = 1", "version = 9", 1), "newer plimsoll"),
        (whole.replacen("scale = 4", "scale = 3", 1), "scale 3"),
        (whole.replacen("plimsoll detector", "another thing", 1), "\"another thing\""),
        (
            whole.replacen("direction = \"response\"", "direction = \"up\"", 1),
            "\"up\" is neither `request` or `response`",
        ),
        (String::new(), "no saved detector"),
    ] {
        let directory = Directory::new("wrong");
        fs::write(directory.file(), &wrong).unwrap();
        let error = FileStore::new(directory.file()).load().unwrap_err().to_string();
        assert!(error.contains(said) && error.contains("detector.toml.unread-1"), "{error}");
        assert_eq!(fs::read_to_string(directory.0.join("detector.toml.unread-1")).unwrap(), wrong);
        let mut world = stored(&World::new(), &directory);
        world.tick(Answer::of(8_000));
        assert_eq!(directory.names(), ["detector.toml", "detector.toml.unread-1"]);
    }
}

#[test]
fn a_store_that_cannot_be_written_does_no_harm() {
    let directory = Directory::new("full");
    fs::write(directory.0.join("taken"), "a file where a directory is asked for").unwrap();
    let store = FileStore::new(directory.0.join("taken/detector.toml"));
    let mut world = World::with(|detector| detector.store(store).save_interval(Duration::ZERO));
    world.period(Answer::of(8_000));
    world.period(Answer::of(8_000));
    assert_eq!(world.until_found(Answer::of(85_000), 10).0, 5);
    assert!(world.detector.save().unwrap_err().to_string().contains("taken"));
}

#[test]
fn baselines_of_many_instances_add_up_exactly() {
    let answers = |instance: usize| [Answer::of(8_000 + 500 * instance), Answer::of(9_000).route("/prices/{sku}")];
    let mut all = World::with(|detector| detector.period(Period::Bodies(3 * PERIOD)));
    let mut one_by_one = Vec::new();
    for instance in 0..3 {
        let mut world = World::new();
        for _ in 0..PERIOD {
            world.tick_of(&answers(instance));
            answers(instance).into_iter().for_each(|answer| all.get(answer));
        }
        one_by_one.push(world.detector.saved());
    }
    all.time.advance(TICK);
    all.detector.tick();
    let merged = SavedDetector::merge(one_by_one).to_toml();
    assert_eq!(merged, SavedDetector::merge([all.detector.saved()]).to_toml());
}

#[test]
fn a_ticker_saves_when_it_ends() {
    let directory = Directory::new("end");
    let ledger = Ledger::new();
    let detector = Detector::builder(&ledger).store(FileStore::new(directory.file())).build();
    drop(detector.start().unwrap());
    assert_eq!(directory.names(), ["detector.toml"]);
}

#[test]
fn the_command_merges_the_files_of_many_instances_into_one() {
    let directory = Directory::new("merge");
    let files = [1, 2].map(|number| directory.0.join(format!("{number}.toml")));
    for file in &files {
        FileStore::new(file).save(&SavedDetector::from_toml(&learnt_text()).unwrap()).unwrap();
    }
    let run = |files: &[&PathBuf]| {
        std::process::Command::new(env!("CARGO_BIN_EXE_plimsoll")).arg("merge").args(files).output().unwrap()
    };
    let merged = run(&[&files[0], &files[1]]);
    let merged = SavedDetector::from_toml(&String::from_utf8(merged.stdout).unwrap()).unwrap();
    let both = [0, 1].map(|_| SavedDetector::from_toml(&learnt_text()).unwrap());
    assert_eq!(merged, SavedDetector::merge(both));
    let missing = run(&[&files[0], &directory.0.join("none.toml")]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8(missing.stderr).unwrap().contains("none.toml: there is no such file"));
}
