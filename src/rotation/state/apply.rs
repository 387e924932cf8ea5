//! Taking an event in: the one place where facts change.
//!
//! It decides nothing and cannot fail. An event about something that is not there changes nothing;
//! the engine's own events never are.

use crate::rotation::state::State;
use crate::rotation::state::charge::{ChargedDay, Hints, end, reserve};
use crate::rotation::state::event::{Event, Fact, Grant};
use crate::rotation::state::membership::{attach, come_back, detach, leave};
use crate::rotation::state::reservation::Fate;
use crate::rotation::state::settings;

/// Takes in one event.
pub(crate) fn apply(state: &mut State, event: &Event) {
    let at = event.at;
    state.seen = Some(state.seen.map_or(at, |seen| seen.max(at)));
    match &event.fact {
        Fact::AccountDeleted { account } => settings::delete_account(state, *account),
        Fact::AccountHeld { account, until } => {
            if let Some(account) = state.accounts.get_mut(account) {
                account.hold_until = *until;
            }
        }
        Fact::AccountSet { account, weight, day } => {
            settings::set_account(state, account, (*weight, *day), at);
        }
        Fact::Attached { campaign, accounts } => attach(state, *campaign, accounts),
        Fact::Begun { reservation } => {
            if let Some(reservation) = state.reservations.get_mut(*reservation) {
                reservation.begun_at.get_or_insert(at);
            }
        }
        Fact::CampaignDeleted { campaign } => settings::delete_campaign(state, *campaign),
        Fact::CampaignSet { campaign } => settings::set_campaign(state, campaign, at),
        Fact::Cancelled { reservation } => {
            end(state, *reservation, (Fate::Cancelled, ChargedDay::Told(None)), at);
        }
        Fact::ClockConfirmed => {}
        Fact::Detached { campaign, accounts } => detach(state, *campaign, accounts),
        Fact::DomainHeld { owner, domain, until } => {
            let key = (*owner, domain.clone());
            match until {
                Some(until) => state.domain_holds.insert(key, *until),
                None => state.domain_holds.remove(&key),
            };
        }
        Fact::FollowUpsDeclared { account, day, due } => {
            if let Some(account) = state.accounts.get_mut(account) {
                let today = account.settings.zone.civil_day(at);
                account.usage.due.change(|all| {
                    all.retain(|day, _| *day >= today.plus_days(-1));
                    all.insert(*day, *due);
                });
            }
        }
        Fact::Lapsed { reservation, day } => {
            end(state, *reservation, (Fate::Lapsed, ChargedDay::Told(Some(*day))), at);
        }
        Fact::LeadBound { campaign, lead, account } => {
            let since = state.reservations.next_id();
            let memory = state.config.lead_memory;
            if let Some(campaign) = state.campaigns.get_mut(campaign) {
                campaign.leads.bind((*lead, *account), since, (at, memory));
            }
        }
        Fact::Left { campaign, account, taker } => leave(state, *campaign, *account, *taker),
        Fact::Reserved(reserved) => {
            reserve(state, &Grant::from(&**reserved), Hints::default(), at);
        }
        Fact::Returned { campaign, accounts, present } => {
            come_back(state, *campaign, accounts, *present);
        }
        Fact::Settled { reservation, outcome, day } => {
            end(state, *reservation, (Fate::Settled(*outcome), ChargedDay::Told(*day)), at);
        }
        Fact::UsageReported { account, emails, day } => {
            if let Some(account) = state.accounts.get_mut(account) {
                account.usage.reported(at, *emails, *day);
            }
        }
    }
}
