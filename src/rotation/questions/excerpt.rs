//! One campaign and its accounts as an engine of their own: what questions about the future are
//! asked, while the engine itself goes on.
//!
//! Takes along what can bear on those accounts and on that campaign, and looks at nothing else, so
//! that the cost of a question is that of its campaign. Knows no rules.

use std::collections::BTreeSet;

use crate::rotation::engine::Engine;
use crate::rotation::state::leads::Leads;
use crate::rotation::state::usage::Usage;
use crate::rotation::state::{CampaignRecord, State};
use crate::vocab::{CampaignId, ReservationId};

impl Engine {
    /// An engine with one campaign and its accounts alone, to be asked while this one goes on. Of
    /// reservations it has those that are out on these accounts or in this campaign, under their
    /// numbers. Leads, keys and what ended are not taken along, so its snapshot is none to restore.
    pub fn only(&self, id: CampaignId) -> Self {
        let State { config, seen, reservations, domain_holds, .. } = &self.state;
        let mut state = State::new(config.clone());
        state.seen = *seen;
        state.reservations = reservations.part(std::iter::empty());
        let Some(campaign) = self.state.campaigns.get(&id) else {
            return Self::to_be_asked(state);
        };
        let attached = campaign.attached.keys();
        let accounts = attached.filter_map(|id| Some((*id, self.state.accounts.get(id)?)));
        state.accounts = accounts.map(|(id, account)| (id, account.clone())).collect();
        let out = |usage: &Usage| usage.open.iter().map(|open| open.id).collect::<Vec<_>>();
        let on_accounts = state.accounts.values().flat_map(|account| out(&account.usage));
        // One of the campaign may be on an account that was detached since.
        let all: BTreeSet<ReservationId> = on_accounts.chain(out(&campaign.usage)).collect();
        state.reservations = reservations.part(all.into_iter());
        if !domain_holds.is_empty() {
            let domains = state.accounts.values().map(|account| &account.settings);
            let domains = domains.map(|settings| (settings.owner, settings.domain()));
            let holds = domains.filter_map(|domain| domain_holds.get_key_value(&domain));
            state.domain_holds = holds.map(|(domain, until)| (domain.clone(), *until)).collect();
        }
        state.campaigns.insert(id, without_leads(campaign));
        Self::to_be_asked(state)
    }
}

/// A campaign but for its leads, which may be many. Each part by itself: a copy of the whole would
/// go through them.
fn without_leads(campaign: &CampaignRecord) -> CampaignRecord {
    CampaignRecord {
        settings: campaign.settings.clone(),
        deleted: campaign.deleted,
        attached: campaign.attached.clone(),
        virtual_time: campaign.virtual_time,
        total_weight: campaign.total_weight,
        usage: campaign.usage.clone(),
        // New leads do not meet the caller's: whoever those belong to does not matter here.
        leads: Leads::default(),
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};

    use super::*;
    use crate::policy::{Account, Campaign};
    use crate::rotation::commands::pick::Pick;
    use crate::rotation::state::config::Config;
    use crate::rotation::state::reservation::{Outcome, Request};
    use crate::vocab::{AccountId, LeadId, OwnerId, Span, Timestamp};

    const CAMPAIGN: CampaignId = CampaignId(1);
    const OTHER: CampaignId = CampaignId(2);

    fn reserve(
        engine: &mut Engine,
        campaign: CampaignId,
        (lead, account): (u64, u64),
        now: DateTime<Utc>,
    ) -> ReservationId {
        let request = Request::new_lead(LeadId(lead)).from_account(AccountId(account));
        engine.reserve(campaign, &request, now).unwrap().reserved().unwrap().id
    }

    /// Two campaigns that share an account. Some of the first have their emails out, also one that
    /// was detached since and one for the other campaign, and both wrote to many leads meanwhile.
    fn busy(now: DateTime<Utc>) -> (Engine, Vec<ReservationId>) {
        let mut engine = Engine::new(Config::default());
        for id in 1..=6 {
            let account = Account::new(AccountId(id), OwnerId(1), format!("a@d{id}.example"));
            let account = account.daily_cap(if id < 5 { 6 } else { 5_000 });
            let spacing = Span::minutes(if id < 5 { 7 } else { 0 });
            engine.add_account(account.spacing(spacing), now).unwrap();
        }
        let both = [CAMPAIGN, OTHER];
        for (campaign, accounts) in both.iter().zip([[1, 2, 3, 4, 5], [3, 6, 0, 0, 0]]) {
            let settings = Campaign::new(*campaign, OwnerId(1));
            let settings = if *campaign == CAMPAIGN { settings.daily_cap(315) } else { settings };
            engine.add_campaign(settings, now).unwrap();
            let accounts = accounts.into_iter().filter(|id| *id > 0).map(AccountId);
            engine.attach(*campaign, &accounts.collect::<Vec<_>>(), now).unwrap();
        }
        let mut out = vec![reserve(&mut engine, CAMPAIGN, (1, 1), now)];
        for lead in 10..310 {
            for (campaign, account) in [(CAMPAIGN, 5), (OTHER, 6)] {
                let sent = reserve(&mut engine, campaign, (lead, account), now);
                engine.settle(sent, Outcome::Sent, now).unwrap();
            }
        }
        out.push(reserve(&mut engine, CAMPAIGN, (2, 5), now));
        reserve(&mut engine, OTHER, (2, 6), now);
        let now = now + TimeDelta::minutes(1);
        out.push(reserve(&mut engine, OTHER, (3, 3), now));
        out.push(reserve(&mut engine, CAMPAIGN, (4, 2), now));
        engine.detach(CAMPAIGN, &[AccountId(5)], now).unwrap();
        for (domain, minutes) in [("d4.example", 90), ("d6.example", 900)] {
            let until = Some(now + TimeDelta::minutes(minutes));
            engine.hold_domain(OwnerId(1), domain, until, now).unwrap();
        }
        (engine, out)
    }

    #[test]
    fn a_preview_is_what_the_engine_does_among_leads_and_what_others_have_out() {
        let now = "2026-03-24T10:00:00Z".parse().unwrap();
        let (mut engine, _) = busy(now);
        let mut now = now + TimeDelta::minutes(2);
        let preview = engine.preview(CAMPAIGN, 40, now).unwrap();
        let planned: Vec<_> = preview.iter().map(|email| (email.at, email.account)).collect();
        let mut sent = Vec::new();
        while sent.len() < 40 {
            let request = Request::new_lead(LeadId(1_000 + sent.len() as u64));
            match engine.reserve(CAMPAIGN, &request, now).unwrap() {
                Pick::Reserved(granted) => {
                    engine.settle(granted.id, Outcome::Sent, now).unwrap();
                    sent.push((Timestamp::try_from(now).unwrap(), granted.account));
                }
                Pick::Wait(wait) => now = wait.until_at.into(),
                other @ (Pick::Ended(_) | Pick::Unavailable(_)) => panic!("{other:?}"),
            }
        }
        assert_eq!(planned, sent);
        let days: BTreeSet<_> = sent.iter().map(|(at, _)| at.to_datetime().date_naive()).collect();
        assert!(days.len() > 1, "the caps of accounts and of the campaign are met");
    }

    #[test]
    fn nothing_is_taken_along_that_bears_on_nobody_there() {
        let now = "2026-03-24T10:00:00Z".parse().unwrap();
        let (engine, out) = busy(now);
        let copy = engine.only(CAMPAIGN);
        let records = copy.state.reservations.newest_first().map(|record| record.id);
        assert!(records.eq(out.iter().rev().copied()), "not what ended, nor what others have out");
        for id in &out {
            let both = [&engine, &copy].map(|engine| engine.state.reservations.get(*id));
            assert!(both[0].is_some() && both[0] == both[1]);
        }
        let next = [&engine, &copy].map(|engine| engine.state.reservations.next_id());
        assert_eq!(next[0], next[1]);
        assert_eq!(copy.state.campaign(CAMPAIGN).unwrap().leads, Leads::default());
        let held: Vec<_> = copy.state.domain_holds.keys().map(|(_, domain)| domain).collect();
        assert_eq!(held, ["d4.example"]);
        // What lapses there is forgotten there.
        let mut copy = copy;
        let seen = copy.state.seen.unwrap();
        copy.arrive(seen.plus(Span::hours(1)));
        assert_eq!(copy.state.reservations.open().count(), 0);
        copy.arrive(seen.plus(Span::hours(48)));
        let request = Request::new_lead(LeadId(9_999));
        let granted = copy.reserve_at(CAMPAIGN, &request, seen.plus(Span::hours(48))).unwrap();
        let granted = granted.reserved().unwrap().id;
        copy.cancel(granted, now + TimeDelta::hours(49)).unwrap();
        assert!(copy.state.reservations.newest_first().map(|record| record.id).eq([granted]));
    }
}
