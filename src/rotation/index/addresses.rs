//! Whose address is whose: the accounts of an owner that have an address, or send from a domain.
//!
//! Addresses are filed as numbers mixed of them, in which case does not matter. Two may have the
//! same number, so whoever is found is compared. Knows no holds.

use std::collections::BTreeSet;
use std::hash::Hasher;

use crate::policy::Account;
use crate::rotation::containers::lookup::Mix;
use crate::rotation::containers::table::Slot;
use crate::rotation::state::State;
use crate::vocab::{AccountId, OwnerId};

/// The half of a number that is mixed of the domain, and that of what stands before it.
const DOMAIN: u64 = !LOCAL;
const LOCAL: u64 = u32::MAX as u64;

/// Accounts by owner and address, those that were deleted too.
#[derive(Clone, Debug, Default)]
pub(crate) struct Addresses {
    /// By the number of the address, then by that of the account.
    filed: BTreeSet<(u64, AccountId)>,
    /// By the account's slot, the number that it is filed under; 0 if it is not.
    keys: Vec<u64>,
}

impl Addresses {
    pub(crate) fn new(state: &State) -> Self {
        let mut addresses = Self::default();
        let mut filed = Vec::with_capacity(state.accounts.len());
        for (id, slot) in state.accounts.slots() {
            let Some(record) = state.accounts.at(slot) else { continue };
            let key = key(record.settings.owner, &record.settings.address);
            addresses.note(slot, key);
            filed.push((key, id));
        }
        addresses.filed = filed.into_iter().collect();
        addresses
    }

    /// Takes in the settings of an account.
    pub(crate) fn set(&mut self, slot: Slot, settings: &Account) {
        let key = key(settings.owner, &settings.address);
        let before = self.note(slot, key);
        if before != key {
            self.filed.remove(&(before, settings.id));
            self.filed.insert((key, settings.id));
        }
    }

    /// Returns the number that it was filed under.
    fn note(&mut self, slot: Slot, key: u64) -> u64 {
        if self.keys.len() <= slot.index() {
            self.keys.resize(slot.index() + 1, 0);
        }
        std::mem::replace(&mut self.keys[slot.index()], key)
    }

    /// Those that have an address and maybe others.
    pub(crate) fn at(&self, owner: OwnerId, address: &str) -> impl Iterator<Item = AccountId> {
        let key = key(owner, address);
        self.within(key, key)
    }

    /// Those that send from a domain and maybe others.
    pub(crate) fn of_domain(
        &self,
        owner: OwnerId,
        domain: &str,
    ) -> impl Iterator<Item = AccountId> {
        let key = mixed(owner, domain) & DOMAIN;
        self.within(key, key | LOCAL)
    }

    /// How many are filed.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.filed.len()
    }

    /// Those filed under some numbers, by those.
    fn within(&self, from: u64, to: u64) -> impl Iterator<Item = AccountId> {
        let all = (from, AccountId(u64::MIN))..=(to, AccountId(u64::MAX));
        self.filed.range(all).map(|(_, account)| *account)
    }
}

/// The number of an address, which is never 0.
fn key(owner: OwnerId, address: &str) -> u64 {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    ((mixed(owner, domain) & DOMAIN) | (mixed(owner, local) & LOCAL)).max(1)
}

fn mixed(owner: OwnerId, text: &str) -> u64 {
    let mut mix = Mix::default();
    mix.write_u64(owner.0);
    text.bytes().for_each(|byte| mix.write_u64(byte.to_ascii_lowercase().into()));
    mix.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_is_filed_under_nothing() {
        assert_ne!(key(OwnerId(0), ""), 0);
    }
}
