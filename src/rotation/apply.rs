//! Taking an event in: the one place where facts change.
//!
//! It decides nothing and cannot fail. An event about something that is not there changes nothing;
//! the engine's own events never are.

use crate::policy::{rescaled, within_reach};
use crate::rotation::charge::{ChargedDay, Hints, end, reserve};
use crate::rotation::event::{Event, Fact, Grant};
use crate::rotation::reservation::Fate;
use crate::rotation::settings;
use crate::rotation::state::{Attachment, State};
use crate::vocab::{AccountId, CampaignId, CivilDay};

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
                account.usage.due.retain(|day, _| *day >= today.plus_days(-1));
                account.usage.due.insert(*day, *due);
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

fn attach(state: &mut State, campaign_id: CampaignId, accounts: &[AccountId]) {
    let Some(campaign) = state.campaigns.get_mut(&campaign_id) else { return };
    for id in accounts {
        if let Some(account) = state.accounts.get_mut(id) {
            account.campaigns.insert(campaign_id);
            // Attaching checked the reputation against the higher threshold.
            account.good = true;
            // From now on sends elsewhere move its place here, too.
            let offset = campaign.virtual_time.at() - account.place.at();
            campaign.attached.insert(*id, Attachment::new(offset));
        }
    }
}

pub(crate) fn detach(state: &mut State, campaign_id: CampaignId, accounts: &[AccountId]) {
    let Some(campaign) = state.campaigns.get_mut(&campaign_id) else { return };
    for id in accounts {
        let attachment = campaign.attached.remove(id);
        if let Some(account) = state.accounts.get_mut(id) {
            account.campaigns.remove(&campaign_id);
            if attachment.is_some_and(|attachment| attachment.present) {
                campaign.total_weight -= account.weight;
            }
        }
    }
}

/// Takes an account's weight out of the total. What it was owed or owes goes to the taker, so that
/// the accounts that stay are together owed as much as before: nothing.
fn leave(state: &mut State, campaign: CampaignId, id: AccountId, taker: Option<AccountId>) {
    let State { campaigns, accounts, .. } = state;
    let Some(campaign) = campaigns.get_mut(&campaign) else { return };
    let (Some(attachment), Some(account)) = (campaign.attached.get_mut(&id), accounts.get(&id))
    else {
        return;
    };
    if !std::mem::replace(&mut attachment.present, false) {
        return;
    }
    campaign.total_weight -= account.weight;
    let virtual_time = campaign.virtual_time.at();
    let owed = virtual_time - (account.start(attachment));
    let Some((taker, heir)) = taker.and_then(|id| Some((id, accounts.get(&id)?))) else { return };
    attachment.add(owed);
    if let Some(attachment) = campaign.attached.get_mut(&taker) {
        let turns = owed.saturating_mul(i128::from(account.weight));
        let turns = turns.div_euclid(i128::from(heir.weight));
        attachment.set_offset(within_reach(attachment.offset().saturating_sub(turns)));
    }
}

fn come_back(state: &mut State, campaign: CampaignId, ids: &[AccountId], present: i128) {
    let Some(campaign) = state.campaigns.get_mut(&campaign) else { return };
    for id in ids {
        let (Some(attachment), Some(account)) =
            (campaign.attached.get_mut(id), state.accounts.get(id))
        else {
            continue;
        };
        let start = account.start(attachment).max(present);
        attachment.set_offset(start - account.place.at());
        if !std::mem::replace(&mut attachment.present, true) {
            campaign.total_weight += account.weight;
        }
    }
}

/// Gives an account another weight. In every campaign it stays as many of its turns before or
/// behind as it was.
pub(crate) fn reweigh(state: &mut State, id: AccountId, weight: u64, day: CivilDay) {
    let State { campaigns, accounts, .. } = state;
    let Some(account) = accounts.get_mut(&id) else { return };
    account.weight_day = day;
    let old = std::mem::replace(&mut account.weight, weight);
    if old == weight {
        return;
    }
    for campaign in account.campaigns.iter() {
        let Some(campaign) = campaigns.get_mut(campaign) else { continue };
        let Some(attachment) = campaign.attached.get_mut(&id) else { continue };
        let virtual_time = campaign.virtual_time.at();
        let start = rescaled(account.start(attachment), virtual_time, old, weight);
        attachment.set_offset(within_reach(start.saturating_sub(account.place.at())));
        if attachment.present {
            campaign.total_weight = campaign.total_weight - old + weight;
        }
    }
}
