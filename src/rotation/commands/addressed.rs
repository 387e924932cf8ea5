//! Accounts by their addresses.
//!
//! Where no address is filed, as in an excerpt, all accounts are looked through.

use crate::policy::Account;
use crate::rotation::engine::Engine;
use crate::rotation::state::AccountRecord;
use crate::vocab::{AccountId, OwnerId};

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
        match &self.index.addresses {
            Some(addresses) => addresses.at(owner, address).collect(),
            None => self.state.accounts.keys().copied().collect(),
        }
    }

    /// Those that send from a domain and maybe others.
    fn maybe_senders(&self, owner: OwnerId, domain: &str) -> Vec<AccountId> {
        match &self.index.addresses {
            Some(addresses) => addresses.of_domain(owner, domain).collect(),
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
        let mut senders = self.maybe_senders(owner, domain);
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
    use crate::rotation::commands::pick::Pick;
    use crate::rotation::index::addresses::Addresses;
    use crate::rotation::state::config::Config;
    use crate::rotation::state::reservation::Request;
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
            let filed = engine.index.addresses.as_ref().map(Addresses::len);
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
            let looked = |domain| engine.maybe_senders(OwnerId(1), domain).len();
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
