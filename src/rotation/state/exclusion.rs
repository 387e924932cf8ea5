//! The accounts that may not send one email.
//!
//! Whoever is looked at is looked up among them. Knows numbers, and no reason.

use crate::vocab::AccountId;

/// Numbers, mostly in order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exclusion<'a> {
    ids: &'a [AccountId],
    in_order: bool,
}

impl<'a> Exclusion<'a> {
    #[inline]
    pub(crate) fn of(ids: &'a [AccountId]) -> Self {
        Self { ids, in_order: ids.is_empty() || ids.is_sorted() }
    }

    #[inline]
    pub(crate) const fn is_empty(self) -> bool {
        self.ids.is_empty()
    }

    #[inline]
    pub(crate) fn has(self, id: AccountId) -> bool {
        !self.is_empty() && self.lists(id)
    }

    #[inline(never)]
    fn lists(self, id: AccountId) -> bool {
        if self.in_order { self.ids.binary_search(&id).is_ok() } else { self.ids.contains(&id) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_given_is_excluded_in_whatever_order() {
        for ids in [&[1, 4, 4, 9][..], &[9, 4, 1, 4], &[7], &[]] {
            let given: Vec<_> = ids.iter().copied().map(AccountId).collect();
            let exclusion = Exclusion::of(&given);
            for id in 0..12 {
                assert_eq!(exclusion.has(AccountId(id)), ids.contains(&id), "{id} of {ids:?}");
            }
            assert_eq!(exclusion.is_empty(), ids.is_empty());
        }
    }
}
