//! A ledger's file whose writer is killed, over and over, and a directory that takes none: what stood before stays
//! readable.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use plimsoll::{Ledger, MeteredBody, ServerLayer, Snapshot};

use super::support::script::Script;
use super::{Random, alone, rounds};

/// Set in a child: the file that it saves to, over and over.
const TARGET: &str = "PLIMSOLL_SOAK_TARGET";
/// How often the child is killed in a round.
const KILLS: u64 = 6;

/// A directory of its own for each test; gone at its end.
pub struct Directory(pub PathBuf);

impl Directory {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("plimsoll-soak-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A snapshot of so many series: some hundred bytes each, once saved.
pub fn snapshot(series: usize) -> Snapshot {
    let ledger = Ledger::new();
    for place in 0..series {
        let layer = ServerLayer::new(&ledger).route(move |_, _| Some(format!("/{place}").into()));
        let service = tower::Layer::layer(
            &layer,
            tower::service_fn(async |request: http::Request<MeteredBody<Script>>| {
                drop(request);
                Ok::<_, std::convert::Infallible>(http::Response::new(Script::default()))
            }),
        );
        let call = tower::ServiceExt::oneshot(service, http::Request::new(Script::default()));
        drop(futures_util::FutureExt::now_or_never(call).expect("nothing is waited for"));
    }
    ledger.snapshot()
}

/// What a child process does: nothing, unless it is told where.
#[test]
fn a_child_saves_over_and_over() {
    let Some(target) = std::env::var_os(TARGET) else { return };
    let both = [snapshot(2), snapshot(200)];
    loop {
        for snapshot in &both {
            snapshot.save(&target).unwrap();
        }
    }
}

/// A child process that ends with its test, whatever becomes of that.
pub struct Saver(Child);

impl Drop for Saver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn saver(test: &str, variable: &str, target: &Path) -> Saver {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test]).env(variable, target);
    Saver(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

#[test]
fn a_file_is_whole_whenever_whoever_saves_it_is_killed() {
    let _alone = alone();
    let directory = Directory::new("killed");
    let target = directory.0.join("ledger.toml");
    let written = [snapshot(2), snapshot(200)].map(|snapshot| snapshot.series().len());
    snapshot(2).save(&target).unwrap();
    let mut random = Random(7);
    let mut seen = [0; 2];
    for kill in 0..rounds() * KILLS {
        let mut saver = saver("files::a_child_saves_over_and_over", TARGET, &target);
        // It is at work once the other of the two is there; from then on, the file is read while it is replaced.
        let mut looks = random.below(40);
        let mut last = None;
        let mut changed = false;
        while !changed || looks > 0 {
            let series = Snapshot::load(&target).unwrap().series().len();
            let place = written.iter().position(|known| *known == series).unwrap_or_else(|| panic!("{series} series"));
            seen[place] += 1;
            changed |= last.is_some_and(|last| last != series);
            last = Some(series);
            if changed {
                looks = looks.saturating_sub(1);
            }
            assert_eq!(saver.0.try_wait().unwrap(), None, "it saves for ever");
        }
        drop(saver);
        Snapshot::load(&target).unwrap_or_else(|error| panic!("after kill {kill}: {error}"));
    }
    assert!(seen.iter().all(|times| *times > 0), "{seen:?}");
    assert!(left_half_written(&directory.0, &target) > 0, "some were killed in the middle of it");
}

/// How many files were being written when their writers were killed; there is no other file, but the good one.
pub fn left_half_written(directory: &Path, target: &Path) -> usize {
    let begun = |path: &PathBuf| {
        let name = path.display().to_string();
        name.strip_prefix(&format!("{}.", target.display())).is_some_and(|rest| rest.ends_with(".new"))
    };
    let (half, other): (Vec<_>, Vec<_>) =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).partition(begun);
    assert_eq!(other, [target]);
    half.len()
}

/// Not even root can make a file there.
#[test]
fn a_directory_that_takes_no_file_is_an_error_that_names_it() {
    let _alone = alone();
    for target in ["/proc/plimsoll.toml", "/dev/null/plimsoll.toml"] {
        let error = snapshot(1).save(target).expect_err("it cannot be written");
        assert!(error.to_string().starts_with(target), "{error}");
    }
}
