//! Records found by their numbers: the one place where a hash table of the standard library is
//! allowed in the core, and where numbers are mixed for a table of our own (`lead_index.rs`).
//!
//! Its order is never seen: who needs records in an order keeps them in one, or sorts.

use std::hash::{BuildHasherDefault, Hasher};

/// Records by number, looked up only.
#[expect(clippy::disallowed_types, reason = "the one place; its order is never seen")]
pub(crate) type Lookup<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<Mix>>;

/// Spreads the caller's numbers: a multiplication whose halves are folded. Numbers come from the
/// embedding service, not from strangers, so it need not withstand chosen ones.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "both halves are folded into one")]
    fn write_u64(&mut self, number: u64) {
        let product = u128::from(self.0 ^ number) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product as u64) ^ ((product >> 64) as u64);
    }
}

impl Mix {
    /// The hash of a number.
    pub(crate) fn of(number: u64) -> u64 {
        let mut mix = Self::default();
        mix.write_u64(number);
        mix.finish()
    }
}
