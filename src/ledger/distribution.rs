//! Sizes with their exemplars: what is kept of the completed bodies of a series, and again of the refused ones.

use super::exemplar::Exemplars;
use super::sizes::Sizes;

#[derive(Debug, Default)]
pub(super) struct Distribution {
    pub(super) sizes: Sizes,
    pub(super) exemplars: Exemplars,
}
