//! Which active campaigns have nobody who may send until somebody acts.
//!
//! Of each campaign one account that may is remembered, and only when that one is lost the next is
//! looked for, from there on: losing all accounts of a campaign one by one goes through them about
//! twice in all. Of a campaign that nobody may send for only those that changed are looked at.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use crate::policy::{CampaignState, Reason};
use crate::rotation::rules::AccountRules;
use crate::rotation::state::{AccountRecord, CampaignRecord, State};
use crate::vocab::{AccountId, CampaignId, CivilDay, Timestamp};

#[derive(Clone, Debug, Default)]
pub(crate) struct Starved {
    /// Those for which nobody may send, and the day on which that was told last.
    told: BTreeMap<CampaignId, CivilDay>,
    /// Somebody who may.
    sender: BTreeMap<CampaignId, AccountId>,
    /// The same by account.
    campaigns: BTreeSet<(AccountId, CampaignId)>,
    /// How often an account was looked at.
    #[cfg(test)]
    looks: usize,
}

impl Starved {
    /// Looks whether anybody may send for a campaign, after some of its accounts changed, or none
    /// if it changed itself. If nobody may and that was not told, what keeps them.
    pub(crate) fn look(
        &mut self,
        state: &State,
        campaign: CampaignId,
        changed: Option<&[AccountId]>,
        at: Timestamp,
    ) -> Option<BTreeSet<Reason>> {
        let Some(record) = state.campaign(campaign).filter(|record| is_active(record)) else {
            self.forget(campaign);
            return None;
        };
        let sender = self.sender.get(&campaign).copied();
        let starves = sender.is_none() && self.told.contains_key(&campaign);
        let found = match changed {
            Some(changed) if starves => {
                let mut members = changed.iter().filter(|id| record.attached.contains_key(id));
                members.find(|id| self.may(state, **id, at)).copied()
            }
            _ => {
                let from = sender.unwrap_or(AccountId(0));
                let after = record.attached.from(from).map(|(id, _)| *id);
                let before = record.attached.keys().copied().take_while(|id| *id < from);
                after.chain(before).find(|id| self.may(state, *id, at))
            }
        };
        if let Some(found) = found {
            self.told.remove(&campaign);
            self.remember(campaign, Some(found));
            return None;
        }
        self.remember(campaign, None);
        let Entry::Vacant(told) = self.told.entry(campaign) else { return None };
        told.insert(record.settings.zone.civil_day(at));
        let members = record.attached.keys().filter_map(|id| state.account(*id));
        let reasons: BTreeSet<_> = members.flat_map(|member| lost(state, member, at)).collect();
        Some(if reasons.is_empty() { BTreeSet::from([Reason::NoSenders]) } else { reasons })
    }

    /// The campaigns for which one account is remembered.
    pub(crate) fn campaigns_of(&self, account: AccountId) -> Vec<CampaignId> {
        let all = (account, CampaignId(0))..=(account, CampaignId(u64::MAX));
        self.campaigns.range(all).map(|(_, campaign)| *campaign).collect()
    }

    /// Takes down that nobody may send for a campaign, whatever the reason; whether that was not
    /// told on that day.
    pub(crate) fn tell(&mut self, campaign: CampaignId, day: CivilDay) -> bool {
        self.told.insert(campaign, day) != Some(day)
    }

    pub(crate) fn forget(&mut self, campaign: CampaignId) {
        self.told.remove(&campaign);
        self.remember(campaign, None);
    }

    fn remember(&mut self, campaign: CampaignId, sender: Option<AccountId>) {
        let before = match sender {
            Some(sender) => self.sender.insert(campaign, sender),
            None => self.sender.remove(&campaign),
        };
        if before != sender {
            if let Some(before) = before {
                self.campaigns.remove(&(before, campaign));
            }
            self.campaigns.extend(sender.map(|sender| (sender, campaign)));
        }
    }

    #[cfg_attr(not(test), expect(clippy::unused_self, reason = "tests count the looks"))]
    fn may(&mut self, state: &State, account: AccountId, at: Timestamp) -> bool {
        #[cfg(test)]
        {
            self.looks += 1;
        }
        state.account(account).is_some_and(|record| lost(state, record, at).is_empty())
    }
}

/// Whether it sends, if anybody may.
pub(crate) fn is_active(campaign: &CampaignRecord) -> bool {
    campaign.settings.state == CampaignState::Active && !campaign.deleted
}

/// What keeps an account until somebody acts.
pub(crate) fn lost(state: &State, account: &AccountRecord, at: Timestamp) -> Vec<Reason> {
    let mut reasons = Vec::new();
    AccountRules::of(state, account).lasting(at, |verdict| {
        reasons.extend(verdict.block.map(|block| block.reason));
    });
    reasons
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;
    use crate::policy::{Account, Campaign, Connection};
    use crate::rotation::commands::attach::Mode;
    use crate::rotation::engine::Engine;
    use crate::rotation::questions::notice::{Notice, Noticed};
    use crate::rotation::questions::watch::Watch;
    use crate::rotation::state::config::Config;
    use crate::vocab::{OwnerId, Reputation};

    const MEMBERS: u64 = 1_000;

    /// A campaign of many accounts, watched.
    struct Pool {
        engine: Engine,
        watch: Watch,
        now: DateTime<Utc>,
    }

    impl Pool {
        fn new() -> Self {
            let now = DateTime::UNIX_EPOCH;
            let mut engine = Engine::new(Config::default());
            engine.add_campaign(Campaign::new(CampaignId(1), OwnerId(1)), now).unwrap();
            for id in 1..=MEMBERS {
                let account = Account::new(AccountId(id), OwnerId(1), "a@b.example")
                    .connection(Connection::VERIFIED)
                    .reputation(Reputation::new(99).unwrap(), Timestamp::EPOCH);
                engine.add_account(account, now).unwrap();
            }
            let all: Vec<_> = (1..=MEMBERS).map(AccountId).collect();
            engine.attach_with(CampaignId(1), &all, Mode::AllOrNone, now).unwrap();
            engine.record_events();
            let watch = Watch::new(&engine);
            Self { engine, watch, now }
        }

        /// Does something to accounts one by one; how often one was looked at, and how often it was
        /// told that nobody may send.
        fn each(
            &mut self,
            ids: impl IntoIterator<Item = u64>,
            act: impl Fn(&mut Engine, AccountId, DateTime<Utc>),
        ) -> (usize, usize) {
            let before = self.watch.starved.looks;
            let mut notices: Vec<Notice> = Vec::new();
            for id in ids {
                act(&mut self.engine, AccountId(id), self.now);
                let facts = self.engine.take_events();
                self.watch.see(&self.engine, &facts, &mut notices);
            }
            let is_starved = |one: &&Notice| matches!(one.what, Noticed::CampaignStarved { .. });
            let told = notices.iter().filter(is_starved).count();
            (self.watch.starved.looks - before, told)
        }
    }

    fn suspend(engine: &mut Engine, id: AccountId, now: DateTime<Utc>) {
        engine.suspend(id, now).unwrap();
    }

    fn resume(engine: &mut Engine, id: AccountId, now: DateTime<Utc>) {
        engine.resume(id, now).unwrap();
    }

    fn delete(engine: &mut Engine, id: AccountId, now: DateTime<Utc>) {
        engine.delete_account(id, now).unwrap();
    }

    /// Each account is looked at a few times, in whichever order accounts are lost and come back.
    #[test]
    fn losing_all_accounts_one_by_one_costs_a_few_looks_for_each() {
        let n = usize::try_from(MEMBERS).unwrap();
        // Each number once.
        let mixed = (1..=MEMBERS).map(|k| k * 617 % 1_001);
        for order in [(1..=MEMBERS).collect(), (1..=MEMBERS).rev().collect(), mixed.collect()] {
            let order: Vec<u64> = order;
            let mut pool = Pool::new();
            let (looks, told) = pool.each(order.iter().copied(), suspend);
            assert!(told == 1 && looks <= 4 * n, "{told} {looks}");
            let (looks, told) = pool.each(order.iter().copied(), resume);
            assert!(told == 0 && looks <= 4 * n, "{told} {looks}");
            // An active campaign keeps its last.
            let (looks, told) = pool.each(order[1..].iter().copied(), delete);
            assert!(told == 0 && looks <= 4 * n, "{told} {looks}");
        }
    }

    #[test]
    fn a_campaign_that_starves_is_not_looked_through_when_it_loses_more() {
        let mut pool = Pool::new();
        pool.each(1..=MEMBERS, suspend);
        let detach = |engine: &mut Engine, id, now| {
            engine.detach(CampaignId(1), &[id], now).unwrap();
        };
        assert_eq!(pool.each(2..=MEMBERS, detach), (0, 0));
        // The one that is left is enough.
        assert_eq!(pool.each(1..=1, resume), (1, 0));
        assert_eq!(pool.each(1..=1, suspend).1, 1);
    }
}
