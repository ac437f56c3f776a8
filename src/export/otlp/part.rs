//! Which part of an export one message carries.

use std::ops::Range;

/// Receivers of gRPC take messages of up to 4 MiB unless they are told otherwise, and proxies have limits of their own:
/// what would be larger is sent in parts.
pub(super) const LARGEST: usize = 4_000_000;

/// Which series of the ledger, and which of a detector, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) series: Range<usize>,
    pub(super) judged: Range<usize>,
}

impl Part {
    pub(super) fn whole(series: usize, judged: usize) -> Self {
        Self { series: 0..series, judged: 0..judged }
    }

    /// Whether what is told once, and of no series, belongs here.
    pub(super) fn is_first(&self) -> bool {
        self.series.start == 0
    }

    /// The two halves, the larger one first; `None` where there is nothing to part.
    pub(super) fn halves(&self) -> Option<[Self; 2]> {
        let middle = |range: &Range<usize>| range.start.saturating_add(range.len().div_ceil(2));
        let (series, judged) = (middle(&self.series), middle(&self.judged));
        let first = Self { series: self.series.start..series, judged: self.judged.start..judged };
        let second = Self { series: series..self.series.end, judged: judged..self.judged.end };
        (first != *self).then_some([first, second])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_the_whole_and_only_one_is_the_first() {
        let mut parts = vec![Part::whole(5, 3)];
        let mut ends = Vec::new();
        while let Some(part) = parts.pop() {
            match part.halves() {
                Some([first, second]) => parts.extend([second, first]),
                None => ends.push(part),
            }
        }
        let series: Vec<_> = ends.iter().flat_map(|part| part.series.clone()).collect();
        let judged: Vec<_> = ends.iter().flat_map(|part| part.judged.clone()).collect();
        assert_eq!((series, judged), ((0..5).collect(), (0..3).collect()));
        assert_eq!(ends.iter().filter(|part| part.is_first()).count(), 1);
    }
}
