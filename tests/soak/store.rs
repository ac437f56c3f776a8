//! The same faults under the detector's store: what it kept is read whole, and nothing is set aside.

use plimsoll::detect::{FileStore, SavedDetector, Store};

use super::files::{Directory, left_half_written, saver};
use super::{Random, alone, rounds};

/// Set in a child: the file that it keeps a detector in, over and over.
const TARGET: &str = "PLIMSOLL_SOAK_STORE";
const KILLS: u64 = 6;

/// A detector of a version with a name of so many letters, which makes its file so much longer.
fn saved(letters: usize) -> SavedDetector {
    let version = "v".repeat(letters);
    let head = "format = \"plimsoll detector\"\nversion = 1\nscale = 4";
    SavedDetector::from_toml(&format!("{head}\nservice_versions = [[\"{version}\", 1]]\n[end]\nseries = 0\n")).unwrap()
}

#[test]
fn a_child_keeps_over_and_over() {
    let Some(target) = std::env::var_os(TARGET) else { return };
    let (store, both) = (FileStore::new(target), [saved(1), saved(50_000)]);
    loop {
        for saved in &both {
            store.save(saved).unwrap();
        }
    }
}

#[test]
fn a_detector_is_read_whole_whenever_whoever_keeps_it_is_killed() {
    let _alone = alone();
    let directory = Directory::new("store-killed");
    let target = directory.0.join("detector.toml");
    let store = FileStore::new(&target);
    store.save(&saved(1)).unwrap();
    let both = [saved(1), saved(50_000)].map(|saved| saved.to_toml());
    let (mut random, mut seen) = (Random(11), [0; 2]);
    let mut look = || {
        let text = store.load().unwrap().expect("it was kept before").to_toml();
        let place = both.iter().position(|known| *known == text).expect("one of the two");
        seen[place] += 1;
        place
    };
    for _ in 0..rounds() * KILLS {
        let saver = saver("store::a_child_keeps_over_and_over", TARGET, &target);
        // It is at work once the other of the two is there.
        let first = look();
        while look() == first {}
        for _ in 0..random.below(40) {
            look();
        }
        drop(saver);
        look();
    }
    assert!(seen.iter().all(|times| *times > 0), "{seen:?}");
    assert!(left_half_written(&directory.0, &target) > 0, "some were killed in the middle of it");
}

#[test]
fn a_detector_s_store_where_no_file_can_be_is_an_error() {
    let _alone = alone();
    for target in ["/proc/plimsoll.toml", "/dev/null/plimsoll.toml"] {
        let error = FileStore::new(target).save(&saved(1)).expect_err("it cannot be written");
        assert!(error.to_string().contains(target), "{error}");
    }
}
