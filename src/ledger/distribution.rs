//! Sizes with their exemplars: what is kept of the completed bodies of a series, and again of the refused ones.

use super::exemplar::{Exemplar, Exemplars};
use super::sizes::Sizes;

#[derive(Debug, Default)]
pub(super) struct Distribution {
    pub(super) sizes: Sizes,
    pub(super) exemplars: Exemplars,
}

impl Distribution {
    /// Counts a size; `false`, and nothing counted, where `grant` gives no memory for it.
    ///
    /// The exemplar is only made once the size is counted: it needs the time, which costs more than all the rest.
    pub(super) fn add(
        &self,
        size: u64,
        exemplar: impl FnOnce() -> Option<Exemplar>,
        grant: impl Fn(usize) -> bool,
    ) -> bool {
        let counted = self.sizes.add(size, &grant);
        if counted {
            if let Some(exemplar) = exemplar() {
                self.exemplars.put(&exemplar, grant);
            }
        }
        counted
    }
}
