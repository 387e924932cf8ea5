//! Whose address is whose: the accounts of an owner that have an address, or send from a domain.
//!
//! Addresses are filed as numbers mixed of them, in which case does not matter. Two may have the
//! same number, so whoever is found is compared. Knows no holds.

use std::collections::BTreeSet;
use std::hash::Hasher;

use crate::policy::Account;
use crate::rotation::engine::Engine;
use crate::rotation::lookup::Mix;
use crate::rotation::state::{AccountRecord, State};
use crate::rotation::table::Slot;
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
    fn set(&mut self, slot: Slot, settings: &Account) {
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

impl Engine {
    /// The account of an owner that has an address, the one with the least number of several.
    /// Upper and lower case are alike.
    pub fn account_at(&self, owner: OwnerId, address: &str) -> Option<&Account> {
        let mut at = self.maybe_at(owner, address).into_iter();
        at.find_map(|id| self.addressed(id, owner, address, false)).map(|record| &record.settings)
    }

    /// The account of an owner that had an address when it was deleted, the one with the greatest
    /// number of several. Added again under its number it is held to what it sent.
    pub fn deleted_account(&self, owner: OwnerId, address: &str) -> Option<AccountId> {
        let mut at = self.maybe_at(owner, address).into_iter().rev();
        at.find(|id| self.addressed(*id, owner, address, true).is_some())
    }

    /// Those that have an address and maybe others, by number.
    fn maybe_at(&self, owner: OwnerId, address: &str) -> Vec<AccountId> {
        let key = key(owner, address);
        self.filed(key, key)
    }

    /// Those filed under some numbers; everybody where nothing is filed.
    fn filed(&self, from: u64, to: u64) -> Vec<AccountId> {
        match &self.index.addresses {
            Some(addresses) => addresses.within(from, to).collect(),
            None => self.state.accounts.keys().copied().collect(),
        }
    }

    fn addressed(
        &self,
        id: AccountId,
        owner: OwnerId,
        address: &str,
        deleted: bool,
    ) -> Option<&AccountRecord> {
        let record = self.state.accounts.get(&id).filter(|record| record.deleted == deleted);
        record.filter(|AccountRecord { settings, .. }| {
            settings.owner == owner && settings.address.eq_ignore_ascii_case(address)
        })
    }

    /// Files an account that is there now, or whose settings were replaced.
    pub(crate) fn file(&mut self, settings: &Account) {
        let slot = self.state.accounts.slot(&settings.id);
        if let (Some(slot), Some(addresses)) = (slot, &mut self.index.addresses) {
            addresses.set(slot, settings);
        }
    }

    /// The accounts of an owner that send from a domain in lower case, by number.
    pub(crate) fn senders(&self, owner: OwnerId, domain: &str) -> Vec<AccountId> {
        let sends = |id: &AccountId| {
            let settings = self.state.accounts.get(id).map(|record| &record.settings);
            settings.is_some_and(|of| of.owner == owner && of.domain() == domain)
        };
        let key = mixed(owner, domain) & DOMAIN;
        let mut senders = self.filed(key, key | LOCAL);
        senders.retain(sends);
        senders.sort_unstable();
        senders
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;
    use crate::policy::Campaign;
    use crate::rotation::config::Config;
    use crate::rotation::reservation::Request;
    use crate::rotation::reserve::Pick;
    use crate::vocab::{CampaignId, LeadId};

    /// The same by going through all accounts.
    fn plain(engine: &Engine, owner: OwnerId, address: &str) -> [Option<AccountId>; 2] {
        let at = |record: &&AccountRecord| {
            let of = &record.settings;
            of.owner == owner && of.address.eq_ignore_ascii_case(address)
        };
        let found = |deleted| {
            let records = engine.state.accounts.values().filter(at);
            records.filter(move |record| record.deleted == deleted).map(|of| of.settings.id)
        };
        [found(false).next(), found(true).last()]
    }

    fn plain_senders(engine: &Engine, owner: OwnerId, domain: &str) -> Vec<AccountId> {
        let settings = engine.state.accounts.values().map(|record| &record.settings);
        let sends = |of: &&Account| of.owner == owner && of.domain() == domain;
        settings.filter(sends).map(|of| of.id).collect()
    }

    /// Accounts come, change their addresses and owners, go and come back; the engine is restored
    /// and replayed in between.
    #[test]
    fn whose_address_it_is_is_what_all_accounts_say() {
        let now = DateTime::UNIX_EPOCH;
        let mut engine = Engine::new(Config::default());
        engine.record_events();
        let mut seed = 1_u64;
        let mut draw = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888);
            (seed >> 33) % below
        };
        let addresses =
            ["a@x.example", "A@X.example", "b@x.example", "a@y.example", "a@", "a", "", "a@b@Y"];
        let (mut events, mut gone) = (Vec::new(), 0);
        for step in 0..3_000 {
            let (id, owner) = (AccountId(draw(24)), OwnerId(draw(2)));
            let address = addresses[usize::try_from(draw(8)).unwrap()];
            let account = Account::new(id, owner, address);
            let _ = match draw(4) {
                0 => engine.delete_account(id, now),
                1 => engine.add_account(account, now),
                _ => engine.change_account(account, now),
            };
            events.extend(engine.take_events());
            match draw(100) {
                0 => engine = Engine::restore(engine.snapshot()).unwrap(),
                1 => engine = Engine::replay(Config::default(), &events),
                2 => engine = engine.clone(),
                _ => {}
            }
            engine.record_events();
            for owner in [0, 1, 2].map(OwnerId) {
                for address in addresses {
                    let live = engine.account_at(owner, address).map(|account| account.id);
                    let deleted = engine.deleted_account(owner, address);
                    assert_eq!([live, deleted], plain(&engine, owner, address), "step {step}");
                    gone += u64::from(deleted.is_some());
                }
                for domain in ["x.example", "y.example", "y", "", "z.example"] {
                    let senders = engine.senders(owner, domain);
                    assert_eq!(senders, plain_senders(&engine, owner, domain), "step {step}");
                }
            }
            let filed = engine.index.addresses.as_ref().map(|addresses| addresses.filed.len());
            assert_eq!(filed.unwrap(), engine.state.accounts.len(), "step {step}");
        }
        assert!(gone > 1_000);
    }

    /// The least and the greatest number there is are found as any other.
    #[test]
    fn numbers_at_the_ends_are_found() {
        let mut engine = Engine::new(Config::default());
        let ends = [0, u64::MAX].map(AccountId);
        for id in ends {
            let account = Account::new(id, OwnerId(1), "a@x.example");
            engine.add_account(account, DateTime::UNIX_EPOCH).unwrap();
        }
        assert_eq!(engine.maybe_at(OwnerId(1), "A@x.example"), ends);
        assert_eq!(engine.senders(OwnerId(1), "x.example"), ends);
        assert_ne!(key(OwnerId(0), ""), 0);
    }

    /// Of many accounts only those are looked at that are asked for.
    #[test]
    fn whoever_has_another_address_is_not_looked_at() {
        let mut engine = Engine::new(Config::default());
        for number in 0..10_000 {
            let address = format!("a{number}@d{}.example", number % 100);
            let account = Account::new(AccountId(number), OwnerId(number % 7), address);
            engine.add_account(account, DateTime::UNIX_EPOCH).unwrap();
        }
        for engine in [Engine::restore(engine.snapshot()).unwrap(), engine] {
            let looked = |owner, address| engine.maybe_at(OwnerId(owner), address).len();
            assert_eq!((looked(1, "a701@d1.example"), looked(2, "a701@d1.example")), (1, 0));
            let looked = |domain| {
                let key = mixed(OwnerId(1), domain) & DOMAIN;
                engine.filed(key, key | LOCAL).len()
            };
            assert_eq!((looked("d1.example"), looked("d100.example")), (15, 0));
        }
    }

    /// A hold is known at once of an account whose address changed, and no longer by its former.
    #[test]
    fn a_held_domain_holds_who_sends_from_it_now() {
        let (now, campaign, id) = (DateTime::UNIX_EPOCH, CampaignId(1), AccountId(1));
        let until = now + TimeDelta::hours(5);
        for (held, waits) in [("new.example", true), ("old.example", false)] {
            let mut engine = Engine::new(Config::default());
            let account = |address| Account::new(id, OwnerId(1), address);
            engine.add_account(account("a@old.example"), now).unwrap();
            engine.add_campaign(Campaign::new(campaign, OwnerId(1)), now).unwrap();
            engine.attach(campaign, &[id], now).unwrap();
            engine.change_account(account("a@NEW.example"), now).unwrap();
            let restored = Engine::restore(engine.snapshot()).unwrap();
            for mut engine in [engine.only(campaign), restored, engine] {
                engine.hold_domain(OwnerId(1), held, Some(until), now).unwrap();
                let pick = engine.reserve(campaign, &Request::new_lead(LeadId(1)), now).unwrap();
                let told = matches!(pick, Pick::Wait(wait) if wait.until_at.to_datetime() == until);
                assert_eq!(told, waits, "{held} is held");
            }
        }
    }
}
