//! Ports: one, some, ranges of them, or a set that changes.

use std::ops::RangeInclusive;

use super::{Filter, Side, Test};
use crate::program::PortSet;

/// Which ports a filter asks for.
///
/// Made from a port, a range, several of either, or a [`PortSet`], which may change while the program runs. Listed
/// ports cost instructions, about two each: for more than some dozens take a set.
#[derive(Debug, Clone)]
pub struct Ports(Choice);

#[derive(Debug, Clone)]
enum Choice {
    Listed(PortRanges),
    Live(PortSet),
}

impl Ports {
    pub(super) fn filter(self, side: Side) -> Filter {
        match self.0 {
            Choice::Listed(ranges) if ranges.0.is_empty() => Test::Never.into(),
            Choice::Listed(ranges) => Test::Port(side, ranges).into(),
            Choice::Live(set) => Test::PortIn(side, set).into(),
        }
    }

    fn listed(ranges: impl IntoIterator<Item = RangeInclusive<u16>>) -> Self {
        Self(Choice::Listed(PortRanges::new(ranges)))
    }
}

impl From<u16> for Ports {
    fn from(port: u16) -> Self {
        Self::listed([port..=port])
    }
}

impl From<RangeInclusive<u16>> for Ports {
    fn from(range: RangeInclusive<u16>) -> Self {
        Self::listed([range])
    }
}

impl<const N: usize> From<[u16; N]> for Ports {
    fn from(ports: [u16; N]) -> Self {
        Self::listed(ports.map(|port| port..=port))
    }
}

impl From<Vec<u16>> for Ports {
    fn from(ports: Vec<u16>) -> Self {
        ports.into_iter().collect()
    }
}

impl<const N: usize> From<[RangeInclusive<u16>; N]> for Ports {
    fn from(ranges: [RangeInclusive<u16>; N]) -> Self {
        Self::listed(ranges)
    }
}

impl From<Vec<RangeInclusive<u16>>> for Ports {
    fn from(ranges: Vec<RangeInclusive<u16>>) -> Self {
        Self::listed(ranges)
    }
}

impl From<&PortSet> for Ports {
    fn from(set: &PortSet) -> Self {
        Self(Choice::Live(set.clone()))
    }
}

impl FromIterator<u16> for Ports {
    fn from_iter<I: IntoIterator<Item = u16>>(ports: I) -> Self {
        Self::listed(ports.into_iter().map(|port| port..=port))
    }
}

/// Ranges in order, apart from each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::program) struct PortRanges(Vec<(u16, u16)>);

impl PortRanges {
    fn new(ranges: impl IntoIterator<Item = RangeInclusive<u16>>) -> Self {
        let mut sorted: Vec<_> = ranges
            .into_iter()
            .filter(|range| !range.is_empty())
            .map(|range| (*range.start(), *range.end()))
            .collect();
        sorted.sort_unstable();
        let mut apart: Vec<(u16, u16)> = Vec::with_capacity(sorted.len());
        for (first, last) in sorted {
            match apart.last_mut() {
                Some(before) if u32::from(first) <= u32::from(before.1) + 1 => before.1 = before.1.max(last),
                _ => apart.push((first, last)),
            }
        }
        Self(apart)
    }

    pub(in crate::program) fn in_order(&self) -> &[(u16, u16)] {
        &self.0
    }

    pub(super) fn contain(&self, port: u16) -> bool {
        self.0.iter().any(|&(first, last)| (first..=last).contains(&port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch_are_one_and_empty_ones_are_none() {
        #[expect(clippy::reversed_empty_ranges, reason = "the case")]
        let ranges = PortRanges::new([80..=80, 1..=9, 10..=12, 5..=7, 9..=3, 65535..=65535, 81..=81]);
        assert_eq!(ranges.in_order(), [(1, 12), (80, 81), (65535, 65535)]);
        assert_eq!(PortRanges::new([0..=65535, 7..=7]).in_order(), [(0, 65535)]);
    }
}
