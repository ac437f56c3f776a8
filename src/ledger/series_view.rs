//! One series of a ledger, borrowed: every number that it tells.

use http::Version;

use super::attributes::{ContentCoding, UrlScheme, View};
use super::exemplar::Exemplar;
use super::series::{Outcome, Series};
use super::size_distribution::{Bucket, SizeDistribution};
use super::snapshot::Outcomes;
use crate::endpoint::{Direction, Endpoint};
use crate::limit::Limit;
use crate::sync::atomic::Ordering::Relaxed;

/// One series of a ledger, borrowed. [`SeriesSnapshot`](crate::SeriesSnapshot) is the same, copied.
///
/// Read while bodies end, its numbers may be of slightly different moments.
#[derive(Clone, Copy, Debug)]
pub struct SeriesView<'a>(&'a Series);

impl<'a> SeriesView<'a> {
    pub(super) fn new(series: &'a Series) -> Self {
        Self(series)
    }

    /// Whether nothing ended here yet and no body was over its limit.
    pub(super) fn is_empty(&self) -> bool {
        self.over_limit() == 0 && self.outcomes().total() == 0
    }

    /// A number that is another one as soon as a body was counted by its size.
    pub(crate) fn fingerprint(&self) -> u64 {
        let refused = self.0.refused.get().map_or(0, |refused| refused.fingerprint().rotate_left(32));
        self.0.completed.fingerprint().wrapping_add(refused)
    }

    /// Marks bodies of more than so many bytes on their spans from now on; none where `None`.
    pub(crate) fn mark_above(&self, edge: Option<u64>) {
        self.0.mark_above(edge);
    }

    /// The endpoint it belongs to.
    #[must_use]
    pub fn endpoint(&self) -> &'a Endpoint {
        self.0.endpoint()
    }

    /// Which of a call's bodies are counted here.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.0.attributes().direction()
    }

    /// The status code of the responses counted here; `None` for requests, which often end before one exists. A
    /// code that is not registered counts as the `x00` of its class (RFC 9110, section 15).
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.attributes().status()
    }

    /// The class of their `Content-Encoding`.
    #[must_use]
    pub fn coding(&self) -> ContentCoding {
        self.0.attributes().coding()
    }

    /// Whether their bytes are those of the wire or decoded ones.
    #[must_use]
    pub fn view(&self) -> View {
        self.0.attributes().view()
    }

    /// The scheme that the server was called with; `None` on a client.
    #[must_use]
    pub fn scheme(&self) -> Option<UrlScheme> {
        self.0.attributes().scheme()
    }

    /// The version of HTTP that was spoken: 1.0, 1.1, 2 or 3. `None` of a client's requests, which often end before
    /// it is known, and of versions that are none of these.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        self.0.attributes().version()
    }

    /// The port at which the upstream is called: of its name, else of the URL or what its scheme stands for. `None`
    /// on a server, and where neither tells one.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.0.attributes().port()
    }

    /// The limit that the last body was held against; moves when a body begins.
    #[must_use]
    pub fn limit(&self) -> Limit {
        self.0.limit()
    }

    /// When the series was made, in nanoseconds since 1970: all its counts began at 0 then.
    #[must_use]
    pub fn created_unix_nanos(&self) -> u64 {
        self.0.created()
    }

    /// Bodies by how they ended; moves when a body ends.
    #[must_use]
    pub fn outcomes(&self) -> Outcomes {
        let mut sized = 0u64;
        self.0.completed.for_each(|_, count| sized = sized.saturating_add(count));
        let mut counts = Outcome::ALL.map(|outcome| self.0.outcome_count(outcome));
        let [complete, ..] = &mut counts;
        *complete = complete.saturating_add(sized);
        Outcomes(counts)
    }

    /// Bodies over their limit: refused ones, and those that a warning limit let pass; moves when it is found out.
    #[must_use]
    pub fn over_limit(&self) -> u64 {
        self.0.over_limit.load(Relaxed)
    }

    /// The last body over its limit that left an exemplar.
    #[must_use]
    pub fn over_limit_exemplar(&self) -> Option<Exemplar> {
        self.0.over_limit_exemplar.get()
    }

    /// Sizes of completed bodies; moves when one ends.
    ///
    /// Partial counts never enter here, nor do answers that have no body by definition.
    #[must_use]
    pub fn completed(&self) -> SizeDistribution {
        let mut sizes = SizeDistribution::default();
        self.0.completed.read_into(&mut sizes);
        sizes
    }

    /// Sizes that the other side wanted to send: completed bodies as read, and refused ones by what they declared
    /// or, as a lower bound, by what was seen of them; moves when one ends.
    ///
    /// A refused body counts as 1 TiB at most, where the last bucket ends: anyone can declare anything.
    #[must_use]
    pub fn offered(&self) -> SizeDistribution {
        let mut sizes = self.completed();
        if let Some(refused) = self.0.refused.get() {
            refused.read_into(&mut sizes);
        }
        sizes
    }

    /// Calls `each` for every bucket of [`completed`](Self::completed) that holds something, smallest sizes first;
    /// copies nothing.
    pub fn for_each_completed(&self, mut each: impl FnMut(Bucket)) {
        self.0.completed.for_each(|index, count| each(Bucket::new(index, count)));
    }

    /// Calls `each` for the buckets of refused bodies, which [`offered`](Self::offered) adds to the completed ones;
    /// copies nothing.
    pub fn for_each_refused(&self, mut each: impl FnMut(Bucket)) {
        if let Some(refused) = self.0.refused.get() {
            refused.for_each(|index, count| each(Bucket::new(index, count)));
        }
    }

    /// Exemplars of completed bodies: the last of each power of two from 256 B to 16 MiB, and of what is larger.
    pub fn completed_exemplars(&self) -> impl Iterator<Item = Exemplar> + use<'a> {
        self.0.completed.exemplars()
    }

    /// Exemplars of refused bodies, likewise.
    pub fn refused_exemplars(&self) -> impl Iterator<Item = Exemplar> + use<'a> {
        self.0.refused.get().into_iter().flat_map(|refused| refused.exemplars())
    }
}
