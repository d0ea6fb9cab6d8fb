//! In which order rows are shown: that of their keys, or the opposite.

use std::{cmp::Ordering, ops::Bound};

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Forth,
    Back,
}

impl Way {
    /// Which of two keys comes first.
    pub(crate) fn order(self, one: &[u8], other: &[u8]) -> Ordering {
        match self {
            Way::Forth => one.cmp(other),
            Way::Back => other.cmp(one),
        }
    }

    /// All keys from a bound on.
    pub(crate) fn range<T>(self, from: Bound<T>) -> (Bound<T>, Bound<T>) {
        match self {
            Way::Forth => (from, Bound::Unbounded),
            Way::Back => (Bound::Unbounded, from),
        }
    }

    /// The next of what can be gone through from both ends.
    pub(crate) fn next<I: DoubleEndedIterator>(self, all: &mut I) -> Option<I::Item> {
        match self {
            Way::Forth => all.next(),
            Way::Back => all.next_back(),
        }
    }
}
