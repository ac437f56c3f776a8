//! With feature `serde`: what a detector has learnt outlives its process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::builder::DetectorBuilder;
use super::detector::Detector;
use super::saved::{SavedDetector, SavedKey};
use super::saved_watch::SavedWatch;
use super::settings::Growth;
use super::store::{Store, StoreError};
use super::watch::Watch;
use crate::clock;
use crate::endpoint::{EndpointName, Role};
use crate::ledger::{Entry, Version};

/// Where a detector's knowledge comes from, and where it is kept.
#[derive(Clone, Debug)]
pub(super) struct Persistence {
    store: Option<Arc<dyn Store>>,
    seed: Option<Arc<SavedDetector>>,
    interval: Duration,
}

impl Default for Persistence {
    fn default() -> Self {
        Self { store: None, seed: None, interval: Duration::from_secs(60) }
    }
}

/// What was loaded, as far as its endpoints have had no traffic yet; and how saving goes.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    watches: BTreeMap<SavedKey, SavedWatch>,
    /// The versions of this service, in the order in which they ran; this one last.
    pub(super) own: Vec<Version>,
    pub(super) last_id: u64,
    /// When it was saved last, in nanoseconds since 1970.
    saved: u64,
    failing: bool,
}

impl DetectorBuilder {
    /// Keeps what the detector learns in this store: loaded when the detector is made, saved once a minute by
    /// [`tick`](Detector::tick), and when a [`Ticker`](super::Ticker) ends.
    ///
    /// What cannot be loaded or saved is logged, a failing save once until one succeeds, and the detector goes on without.
    pub fn store(mut self, store: impl Store + 'static) -> Self {
        self.persistence.store = Some(Arc::new(store));
        self
    }

    /// Sets how often the store is written; once a minute by default. The thread that ticks writes it.
    pub fn save_interval(mut self, interval: Duration) -> Self {
        self.persistence.interval = interval;
        self
    }

    /// Begins with what was learnt elsewhere, where the store has nothing yet: a baseline that is compiled in, so that a
    /// fresh instance on an empty disk is not blind.
    ///
    /// ```no_run
    /// # const BASELINE: &str = "";
    /// use plimsoll::Ledger;
    /// use plimsoll::detect::{Detector, SavedDetector};
    ///
    /// // const BASELINE: &str = include_str!("baseline.toml");
    /// let detector = Detector::builder(&Ledger::new()).begin_with(SavedDetector::from_toml(BASELINE)?).build();
    /// # Ok::<_, plimsoll::detect::SavedError>(())
    /// ```
    pub fn begin_with(mut self, saved: SavedDetector) -> Self {
        self.persistence.seed = Some(Arc::new(saved));
        self
    }
}

impl Persistence {
    /// What was saved before. Evidence of another version of this service counts for nothing on its own answers.
    pub(super) fn load(&self, version: Option<&str>, now: u64) -> Loaded {
        let stored = self.store.as_ref().and_then(|store| match store.load() {
            Ok(saved) => saved,
            Err(error) => {
                tracing::error!(%error, "the detector's store cannot be loaded: it begins without what it had learnt");
                None
            }
        });
        let saved = stored.or_else(|| self.seed.as_deref().cloned()).unwrap_or_default();
        let SavedDetector { service_versions: mut own, last_id, mut watches } = saved;
        if own.last().map(|last| &*last.text) != version {
            let ours = watches.iter_mut().filter(|(key, _)| key.endpoint.role() == Role::Server);
            ours.for_each(|(_, watch)| watch.forget_evidence());
            // A version that comes back is one more: it runs after the one between.
            own.extend(version.map(|version| Version { text: version.into(), first: now }));
            let forgotten = own.len().saturating_sub(Version::REMEMBERED);
            own.drain(..forgotten);
        }
        Loaded { watches, own, last_id, saved: now, failing: false }
    }

    /// Whether it is time to save.
    fn is_due(&self, loaded: &Loaded, now: u64) -> bool {
        // A clock that was set back does not keep anything from being saved.
        self.store.is_some() && (now < loaded.saved || now.saturating_sub(loaded.saved) >= clock::nanos(self.interval))
    }
}

impl Loaded {
    /// Lets a new watch continue as what was saved of it, if anything was.
    pub(super) fn restore(&mut self, watch: &mut Watch, entry: &Entry, anchor: &Growth) {
        let key = EndpointName::of(&watch.endpoint).map(|endpoint| SavedKey {
            endpoint,
            direction: watch.direction,
            view: watch.view,
        });
        if let Some(saved) = key.and_then(|key| self.watches.remove(&key)) {
            entry.recall_versions(saved.restore(watch, anchor));
        }
    }

    fn saved_with<'a>(&self, watches: impl Iterator<Item = (&'a Watch, &'a Entry)>) -> BTreeMap<SavedKey, SavedWatch> {
        let named = watches.filter_map(|(watch, entry)| {
            let endpoint = EndpointName::of(&watch.endpoint)?;
            let saved = SavedWatch::of(watch, entry.versions());
            Some((SavedKey { endpoint, direction: watch.direction, view: watch.view }, saved))
        });
        self.watches.clone().into_iter().chain(named).collect()
    }
}

impl Detector {
    /// What it has learnt: to be kept, or to be merged with that of other instances.
    #[must_use]
    pub fn saved(&self) -> SavedDetector {
        let book = self.book();
        SavedDetector {
            service_versions: book.loaded.own.clone(),
            last_id: book.last_id(),
            watches: book.loaded.saved_with(book.watches()),
        }
    }

    /// Saves it in its store now; `false` where there is none.
    ///
    /// Ticks do so by themselves, and a [`Ticker`](super::Ticker) when it ends. For the end of a process that ticks by
    /// other means.
    ///
    /// # Errors
    ///
    /// Where the store cannot keep it.
    pub fn save(&self) -> Result<bool, StoreError> {
        match &self.0.settings.persistence.store {
            Some(store) => store.save(&self.saved()).map(|()| true),
            None => Ok(false),
        }
    }

    /// Saves it if it is time to, or at the end in any case.
    pub(super) fn keep(&self, at_the_end: bool) {
        let persistence = &self.0.settings.persistence;
        let now = self.0.settings.ledger.unix_nanos();
        let mut book = self.book();
        if persistence.store.is_none() || !(at_the_end || persistence.is_due(&book.loaded, now)) {
            return;
        }
        book.loaded.saved = now;
        drop(book);
        let result = self.save();
        let failed = result.is_err();
        let before = std::mem::replace(&mut self.book().loaded.failing, failed);
        if let (Err(error), false) = (result, before) {
            tracing::error!(%error, "the detector's store cannot be saved: a restart would begin with what it held before");
        }
    }
}
