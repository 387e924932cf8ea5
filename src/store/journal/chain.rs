//! The chain of checks: each fact's check covers all facts before it.
//!
//! Computed here and nowhere else, so that no journal can be wrong about it. Knows bytes, not what
//! they say.

/// A place in the chain: a fact's number, and the check of it and all before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Mark {
    /// The number of the fact; 0 before the first.
    pub sequence: u64,
    /// The CRC32C of everything up to it.
    pub check: u32,
}

impl Mark {
    /// A place in the chain.
    pub const fn new(sequence: u64, check: u32) -> Self {
        Self { sequence, check }
    }

    /// The place of the fact that comes next, if this is its text.
    #[must_use]
    pub fn next(self, text: &str) -> Self {
        let sequence = self.sequence + 1;
        let check = crc32c::crc32c_append(self.check, &sequence.to_le_bytes());
        Self { sequence, check: crc32c::crc32c_append(check, text.as_bytes()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_covers_the_text_its_number_and_all_before() {
        let first = Mark::default().next("a");
        let marks = [
            first.next("b"),
            first.next("c"),
            Mark::default().next("b").next("b"),
            Mark::new(7, first.check).next("b"),
        ];
        for (n, mark) in marks.iter().enumerate() {
            let others = marks.iter().enumerate().filter(|(other, _)| *other != n);
            assert!(others.into_iter().all(|(_, other)| other.check != mark.check), "{mark:?}");
        }
        assert_eq!(first.next("b"), Mark::default().next("a").next("b"));
    }
}
