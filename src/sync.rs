//! What the lock-free parts are made of: the standard library's atomics and cells, or loom's to check them with.
//!
//! `scripts/loom` builds the unit tests of this crate, and of no other, with `--cfg loom`. Then every load and store
//! of the ledger goes through [loom], which runs a test once for each order in which its threads may see each other.
//! Anything shared that is written after it was made belongs here, so that no model misses it.
//!
//! [loom]: https://docs.rs/loom

#[cfg(not(loom))]
pub(crate) use foldhash::fast::RandomState as HashState;
#[cfg(not(loom))]
pub(crate) use std::sync::{Mutex, OnceLock, atomic};

#[cfg(loom)]
pub(crate) use self::modelled::OnceLock;
// loom repeats a run, so nothing in it may be left to chance.
#[cfg(loom)]
pub(crate) use foldhash::fast::FixedState as HashState;
#[cfg(loom)]
pub(crate) use loom::sync::{Mutex, atomic};

#[cfg(loom)]
mod modelled {
    use std::sync;

    use loom::sync::Mutex;
    use loom::sync::atomic::{AtomicBool, Ordering};

    /// `std::sync::OnceLock` as its documentation has it, for loom, which has none.
    ///
    /// One caller makes the value while the others wait; whoever sees it sees what was done before. The flag says so
    /// in loom's terms, and the value, once there, stays.
    #[derive(Debug)]
    pub(crate) struct OnceLock<T> {
        made: AtomicBool,
        making: Mutex<()>,
        value: sync::OnceLock<T>,
    }

    impl<T> OnceLock<T> {
        pub(crate) fn new() -> Self {
            Self { made: AtomicBool::new(false), making: Mutex::new(()), value: sync::OnceLock::new() }
        }

        pub(crate) fn get(&self) -> Option<&T> {
            self.made.load(Ordering::Acquire).then(|| self.value.get()).flatten()
        }

        pub(crate) fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
            if let Some(value) = self.get() {
                return value;
            }
            let _making = self.making.lock();
            let value = self.value.get_or_init(make);
            self.made.store(true, Ordering::Release);
            value
        }
    }

    impl<T> Default for OnceLock<T> {
        fn default() -> Self {
            Self::new()
        }
    }
}
