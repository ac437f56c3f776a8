//! Disks that fail under the files, for real: one that is full, and one that is mounted read-only. What stood before stays
//! readable, the error says which file and why, and the next save works once it can.
//!
//! The disk is a small one in memory, which a child process mounts in a namespace of its own: Linux lets anyone do that,
//! unless it is told not to. There the tests say so; a full disk is then a limit on the length of files.
#![cfg(unix)]

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use plimsoll::Snapshot;
use plimsoll::detect::{DetectorBuilder, FileStore, Period, SavedDetector, Severity, Store};

use super::alone;
use super::files::{Directory, snapshot};
use super::support::events::{Event, Events};
use super::watched::{TICK, Watched};

/// Set in a child: the directory on which its disk is mounted; or where it may write files of 4 KiB only.
const DISK: &str = "PLIMSOLL_SOAK_DISK";
const SHORT: &str = "PLIMSOLL_SOAK_SHORT";

/// What is wrong with a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Full,
    ReadOnly,
}

impl Fault {
    const BOTH: [Self; 2] = [Self::Full, Self::ReadOnly];

    fn kind(self) -> io::ErrorKind {
        match self {
            Self::Full => io::ErrorKind::StorageFull,
            Self::ReadOnly => io::ErrorKind::ReadOnlyFilesystem,
        }
    }

    /// As the system says it.
    fn said(self) -> &'static str {
        match self {
            Self::Full => "No space left on device",
            Self::ReadOnly => "Read-only file system",
        }
    }
}

/// A disk of this process alone.
struct Disk(PathBuf);

impl Disk {
    /// That of a child which was given one.
    fn given() -> Option<Self> {
        std::env::var_os(DISK).map(|path| Self(path.into()))
    }

    fn begin(&self, fault: Fault) {
        match fault {
            Fault::Full => {
                let mut filler = fs::File::create(self.filler()).unwrap();
                let full = std::iter::repeat_with(|| filler.write(&[0; 512])).take(10_000).find_map(Result::err);
                assert_eq!(full.expect("it is a small disk").kind(), fault.kind());
            }
            Fault::ReadOnly => self.remount("ro"),
        }
    }

    fn end(&self, fault: Fault) {
        match fault {
            Fault::Full => fs::remove_file(self.filler()).unwrap(),
            Fault::ReadOnly => self.remount("rw"),
        }
    }

    fn remount(&self, how: &str) {
        let mounted = Command::new("mount").arg("-o").arg(format!("remount,{how}")).arg(&self.0).status().unwrap();
        assert!(mounted.success());
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// The files on it, but for what fills it.
    fn files(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| *path != self.filler()).collect()
    }
}

/// Runs one of these tests in a process of its own, on a disk of 256 KiB; `None`, and said so, where none can be mounted.
fn on_a_disk(test: &str, directory: &Path) -> Option<Output> {
    let run = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]);
        command.arg(directory).arg(std::env::current_exe().unwrap()).arg(test).env(DISK, directory).output()
    };
    let mount = "mount -t tmpfs -o size=256k plimsoll \"$0\"";
    let mounted = run(mount);
    if mounted.as_ref().is_ok_and(|output| output.status.success()) {
        return Some(run(&format!("{mount} && exec \"$1\" --exact \"$2\"")).unwrap());
    }
    // Past the test harness, which would swallow what a passing test prints.
    let why = mounted.map_or_else(|error| error.to_string(), |it| String::from_utf8_lossy(&it.stderr).trim().into());
    let told = format!(
        "SKIPPED: no disk can be mounted here, so none is read-only and short files stand for a full one: {why}\n"
    );
    io::stderr().write_all(told.as_bytes()).unwrap();
    None
}

/// The same, where no file may be longer than 4 KiB.
fn with_short_files(test: &str, directory: &Path) -> Output {
    // The signal is ignored, so the write itself fails; `ulimit -f` counts blocks of 512 or 1,024 bytes.
    let script = "trap '' XFSZ; ulimit -f 4; exec \"$0\" --exact \"$1\"";
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg(std::env::current_exe().unwrap()).arg(test).env(SHORT, directory);
    command.output().unwrap()
}

/// One test passed there, and ran at all.
fn check(output: &Output) {
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_full_disk_is_an_error_and_leaves_the_old_file() {
    let _alone = alone();
    let directory = Directory::new("full");
    let output = on_a_disk("disk::a_child_saves_a_ledger_on_its_disk", &directory.0);
    check(&output.unwrap_or_else(|| with_short_files("disk::a_child_saves_a_ledger_in_short_files", &directory.0)));
}

#[test]
fn a_detector_s_store_on_a_full_disk_is_an_error_and_keeps_what_it_had() {
    let _alone = alone();
    let directory = Directory::new("full-store");
    let output = on_a_disk("disk::a_child_keeps_a_detector_on_its_disk", &directory.0);
    check(&output.unwrap_or_else(|| with_short_files("disk::a_child_keeps_a_detector_in_short_files", &directory.0)));
}

/// What a child process does: nothing, unless it was given a disk.
#[test]
fn a_child_saves_a_ledger_on_its_disk() {
    let Some(disk) = Disk::given() else { return };
    let target = disk.0.join("ledger.toml");
    for fault in Fault::BOTH {
        snapshot(2).save(&target).unwrap();
        let before = fs::read(&target).unwrap();
        disk.begin(fault);
        let error = snapshot(100).save(&target).expect_err("it cannot be written");
        let said = error.to_string();
        assert!(said.starts_with(&format!("{}: cannot write it: {}", target.display(), fault.said())), "{said}");
        let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        assert_eq!(source.map(io::Error::kind), Some(fault.kind()));
        assert_eq!(fs::read(&target).unwrap(), before);
        assert_eq!(Snapshot::load(&target).unwrap().series().len(), snapshot(2).series().len());
        assert_eq!(disk.files(), std::slice::from_ref(&target), "what was begun is gone");
        disk.end(fault);
        snapshot(100).save(&target).unwrap();
        assert_eq!(Snapshot::load(&target).unwrap().series().len(), snapshot(100).series().len());
    }
}

#[test]
fn a_child_keeps_a_detector_on_its_disk() {
    let Some(disk) = Disk::given() else { return };
    let target = disk.0.join("detector.toml");
    let settings = |detector: DetectorBuilder| detector.store(FileStore::new(&target)).save_interval(TICK);
    let watched = Watched::new(|detector| settings(detector).period(Period::Bodies(200)));
    // Only in a child: where tracing is on, what it keeps for hyper's spans would count as memory that grows.
    let events = Events::default();
    let ticks = |count, size| events.of(|| watched.ticks(count, size));
    let failures = || {
        let failed = |event: Event| event.message.starts_with("the detector's store cannot be saved").then_some(event);
        let failed = events.take().into_iter().filter_map(failed);
        failed.filter_map(|event| event.get("error").map(str::to_owned)).collect::<Vec<_>>()
    };
    let kept = || FileStore::new(&target).load().unwrap().expect("it was kept before").to_toml();
    for fault in Fault::BOTH {
        ticks(60, 8_000);
        assert_eq!(watched.detector.findings(), []);
        let before = kept();
        disk.begin(fault);
        // It goes on: what grew is found, though none of it can be kept. That is said once.
        ticks(10, 80_000);
        assert_eq!(watched.detector.findings()[0].severity, Severity::Alert, "{fault:?}");
        let told = failures();
        let cause = format!("{}: cannot write it: {}", target.display(), fault.said());
        assert!(matches!(&told[..], [one] if one.starts_with(&cause)), "{told:?}");
        assert_eq!((kept(), disk.files()), (before, vec![target.clone()]));
        disk.end(fault);
        ticks(1, 80_000);
        assert_eq!(kept(), watched.detector.saved().to_toml(), "the next one works");
        ticks(60, 8_000);
        assert_eq!((watched.detector.findings(), failures()), (vec![], vec![]));
    }
}

#[test]
fn a_child_saves_a_ledger_in_short_files() {
    let Some(directory) = std::env::var_os(SHORT) else { return };
    let target = Path::new(&directory).join("ledger.toml");
    snapshot(2).save(&target).unwrap();
    let before = fs::read(&target).unwrap();
    let error = snapshot(100).save(&target).expect_err("it does not fit");
    assert!(error.to_string().starts_with(&format!("{}: cannot write it: ", target.display())), "{error}");
    assert_eq!(fs::read(&target).unwrap(), before);
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1, "what was begun is gone");
}

#[test]
fn a_child_keeps_a_detector_in_short_files() {
    let Some(directory) = std::env::var_os(SHORT) else { return };
    let target = Path::new(&directory).join("detector.toml");
    let saved = |letters| {
        let head = "format = \"plimsoll detector\"\nversion = 1\nscale = 4";
        let version = "v".repeat(letters);
        SavedDetector::from_toml(&format!("{head}\nservice_version = \"{version}\"\n[end]\nseries = 0\n")).unwrap()
    };
    let store = FileStore::new(&target);
    store.save(&saved(1)).unwrap();
    let error = store.save(&saved(50_000)).expect_err("it does not fit");
    assert!(error.to_string().starts_with(&format!("{}: cannot write it: ", target.display())), "{error}");
    assert_eq!(store.load().unwrap().expect("it was kept before").to_toml(), saved(1).to_toml());
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1, "what was begun is gone");
}
