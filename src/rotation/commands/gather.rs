//! Who takes part in a campaign's rotation: corrected when accounts are attached and detached, and
//! before a grant.
//!
//! Decides on the facts; who has to leave and who may come back is derived beside it.

use crate::rotation::commands::turn::taker;
use crate::rotation::containers::table::Slot;
use crate::rotation::engine::Engine;
use crate::rotation::rota::choice;
use crate::rotation::rota::turnout::RETURNS_MAX;
use crate::rotation::state::event::Fact;
use crate::rotation::state::exclusion::Exclusion;
use crate::vocab::{AccountId, CampaignId, Timestamp};

impl Engine {
    /// Before a grant, those that cannot take part leave, and of those that can the first come
    /// back; more of them if the rotation needs somebody who may send and is not excluded.
    pub(crate) fn gather(
        &mut self,
        campaign: CampaignId,
        slot: Slot,
        now: Timestamp,
        excluded: Option<Exclusion<'_>>,
    ) {
        self.let_leave(campaign, slot, now);
        let mut is_first = true;
        loop {
            let accounts = self.index.coming(&self.state, slot, RETURNS_MAX);
            if accounts.is_empty() {
                break;
            }
            // Where thousands are excluded, asking is dear.
            let helps = excluded.is_some_and(|of| !accounts.iter().all(|id| of.has(*id)));
            self.bring_back(campaign, slot, accounts, now);
            let Some(excluded) = excluded else { break };
            let asks = std::mem::take(&mut is_first) || helps;
            if asks && self.index.anybody_present(&self.state, slot, excluded) {
                break;
            }
        }
    }

    /// Those that cannot take part leave.
    fn let_leave(&mut self, campaign: CampaignId, slot: Slot, now: Timestamp) {
        for account in self.index.leaving(&self.state, slot) {
            let taker = taker(&self.state, &mut self.index, slot, account);
            self.take_in(now, Fact::Left { campaign, account, taker });
        }
    }

    /// Lets accounts take part, at the present of those that do.
    fn bring_back(
        &mut self,
        campaign: CampaignId,
        slot: Slot,
        accounts: Vec<AccountId>,
        now: Timestamp,
    ) {
        let virtual_time = self.state.campaigns.at(slot).map(|record| record.virtual_time.at());
        let (Some(virtual_time), Some((rota, mut lens)), false) =
            (virtual_time, self.index.open(&self.state, slot), accounts.is_empty())
        else {
            return;
        };
        let present = choice::present(rota, &mut lens, virtual_time);
        self.take_in(now, Fact::Returned { campaign, accounts, present });
    }

    /// Lets those that were attached take part at once, if they may, so that they start from equal
    /// places.
    pub(crate) fn join(&mut self, campaign: CampaignId, accounts: &[AccountId], now: Timestamp) {
        let Some(slot) = self.state.campaigns.slot(&campaign) else { return };
        self.index.arrive(&self.state, slot);
        let mut joining = accounts.to_vec();
        joining.retain(|id| {
            let account = self.state.accounts.slot(id);
            account.is_some_and(|account| !self.index.outlook(&self.state, account).away())
        });
        joining.sort_unstable();
        if !joining.is_empty() {
            // The present is that of those that stay. Who were about to leave might stay after all,
            // far behind it, and whoever joined would wait until they have come up.
            self.let_leave(campaign, slot, now);
        }
        self.bring_back(campaign, slot, joining, now);
        // Each of them was noted as absent until now.
        self.index.rota(slot).drop_stale_absent();
    }

    /// Takes an account out of the rotation before it is detached or deleted.
    pub(crate) fn leave(&mut self, campaign: CampaignId, account: AccountId, now: Timestamp) {
        let attachment = self.state.campaign(campaign).and_then(|c| c.attached.get(&account));
        if attachment.is_some_and(|attachment| attachment.present) {
            let taker = self.state.campaigns.slot(&campaign).and_then(|slot| {
                self.index.arrive(&self.state, slot);
                taker(&self.state, &mut self.index, slot, account)
            });
            self.take_in(now, Fact::Left { campaign, account, taker });
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use crate::policy::{Account, Campaign};
    use crate::rotation::{Config, Engine, Outcome, Request};
    use crate::vocab::{AccountId, CampaignId, LeadId, OwnerId};

    /// Sixteen at a time, until one has come back that the request does not exclude.
    #[test]
    fn no_more_come_back_than_it_takes_to_find_one_who_is_not_excluded() {
        let (mut now, campaign) = (DateTime::UNIX_EPOCH, CampaignId(1));
        let mut engine = Engine::new(Config::default());
        let all: Vec<_> = (0..100).map(AccountId).collect();
        for id in &all {
            let account = Account::new(*id, OwnerId(1), "a@b.example").daily_cap(1);
            engine.add_account(account, now).unwrap();
        }
        engine.add_campaign(Campaign::new(campaign, OwnerId(1)), now).unwrap();
        engine.attach(campaign, &all, now).unwrap();
        for (excluded, present) in [(0, 16), (40, 48), (48, 64), (5, 16)] {
            let mut last = None;
            for lead in 0..100 {
                let request = Request::new_lead(LeadId(1_000 * excluded + lead));
                let pick = engine.reserve(campaign, &request, now).unwrap();
                let Some(granted) = pick.reserved() else { break };
                last = Some(granted.account);
                engine.settle(granted.id, Outcome::Sent, now).unwrap();
            }
            now += TimeDelta::days(1);
            let request = Request::new_lead(LeadId(1_000 * excluded + 500));
            // Whoever sent last has not left yet.
            let request = request.excluding((0..excluded).map(AccountId).chain(last));
            assert!(engine.reserve(campaign, &request, now).unwrap().reserved().is_some());
            let attached = &engine.state.campaign(campaign).unwrap().attached;
            let count = attached.values().filter(|attachment| attachment.present).count();
            assert_eq!(count, present + 1, "{excluded} excluded");
        }
    }
}
