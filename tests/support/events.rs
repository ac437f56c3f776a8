//! What is logged while something runs, on this thread.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::{Layer, Registry};

/// One event: its message, and its fields as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub level: tracing::Level,
    pub message: String,
    pub fields: BTreeMap<&'static str, String>,
}

impl Event {
    /// The text of a field, if it has one.
    pub fn get(&self, field: &str) -> Option<&str> {
        self.fields.get(field).map(String::as_str)
    }
}

/// The events of this crate, as they come.
#[derive(Clone, Debug)]
pub struct Events(Arc<Mutex<Vec<Event>>>);

/// While tests without a subscriber run beside one with, `tracing` may remember of an event that nobody wants it: a global
/// one wants all.
impl Default for Events {
    fn default() -> Self {
        let _one_is_enough = tracing::subscriber::set_global_default(Registry::default());
        Self(Arc::default())
    }
}

impl Events {
    /// Runs something, and keeps what it logs.
    pub fn of<T>(&self, run: impl FnOnce() -> T) -> T {
        tracing::subscriber::with_default(Registry::default().with(self.clone()), run)
    }

    /// Takes what was kept so far.
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl<S: tracing::Subscriber> Layer<S> for Events {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        if metadata.target().starts_with("plimsoll") {
            let mut kept = Event { level: *metadata.level(), message: String::new(), fields: BTreeMap::new() };
            event.record(&mut kept);
            self.0.lock().unwrap().push(kept);
        }
    }
}

impl Visit for Event {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            name => drop(self.fields.insert(name, format!("{value:?}"))),
        }
    }
}
