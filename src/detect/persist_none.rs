//! Without feature `serde` nothing is loaded, and nothing kept.

use super::detector::Detector;
use super::settings::Growth;
use super::watch::Watch;

#[derive(Clone, Debug, Default)]
pub(super) struct Persistence {}

#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) version: Option<Box<str>>,
    pub(super) last_id: u64,
}

impl Persistence {
    pub(super) fn load(&self, _: Option<&str>, _: u64) -> Loaded {
        Loaded::default()
    }
}

impl Loaded {
    pub(super) fn restore(&mut self, _: &mut Watch, _: &Growth) {}
}

impl Detector {
    pub(super) fn keep(&self, _: bool) {}
}
