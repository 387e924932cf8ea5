//! Taking an event in: the one place where facts change.
//!
//! It decides nothing and cannot fail. An event about something that is not there changes nothing;
//! the engine's own events never are.

use crate::policy::{Pace, rescaled, within_reach};
use crate::rotation::event::{Event, Fact, Grant};
use crate::rotation::reservation::{EmailKind, Fate, Keyed, Reservation};
use crate::rotation::settings;
use crate::rotation::state::{Attachment, State};
use crate::rotation::table::{Hint, Slot};
use crate::rotation::usage::{LastSend, MEMORY_MIN, Open};
use crate::vocab::{AccountId, CampaignId, CivilDay, OwnerId, ReservationId, Timestamp};

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
            end(state, *reservation, (Fate::Cancelled, None), at);
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
            end(state, *reservation, (Fate::Lapsed, Some(*day)), at);
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
            end(state, *reservation, (Fate::Settled(*outcome), *day), at);
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

/// Where the records are that a grant is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hints {
    pub(crate) campaign: Hint,
    pub(crate) account: Hint,
    /// The account in the campaign.
    pub(crate) row: Hint,
}

/// Takes in a grant. Returns where its records are; nothing if they are not there.
pub(crate) fn reserve(
    state: &mut State,
    grant: &Grant<'_>,
    hints: Hints,
    at: Timestamp,
) -> Option<Hints> {
    let campaign_slot = state.campaigns.find(&grant.campaign, hints.campaign)?;
    let account_slot = state.accounts.find(&grant.account, hints.account)?;
    let (campaign, account) =
        (state.campaigns.at_mut(campaign_slot)?, state.accounts.at(account_slot)?);
    if let Some(to) = grant.jumped_to {
        campaign.virtual_time.jump(to);
    }
    if (account.weight, account.weight_day) != (grant.weight, grant.days.0) {
        // At the present that it was picked at, so that an account whose turn it is owes nothing.
        reweigh(state, grant.account, grant.weight, grant.days.0);
    }
    let State { campaigns, accounts, reservations, config, .. } = state;
    let (campaign, account) = (campaigns.at_mut(campaign_slot)?, accounts.at_mut(account_slot)?);
    let mut in_rotation = false;
    let row = campaign.attached.find(&grant.account, hints.row);
    let present = row.and_then(|row| campaign.attached.at_mut(row)).filter(|a| a.present);
    if let Some(attachment) = present {
        // A rested account catches up by one turn at most.
        let least = campaign.virtual_time.at() - account.place.turn(account.weight);
        let start = account.start(attachment);
        attachment.add((least - start).max(0));
        campaign.virtual_time.forward(campaign.total_weight);
        in_rotation = true;
    }
    account.place.forward(account.weight);
    let open = Open {
        id: grant.reservation,
        ends_at: grant.ends_at,
        number: grant.number,
        new_lead: grant.new_lead(),
    };
    account.usage.open(open);
    account.usage.pace_until = match account.settings.pace {
        Pace::Even => grant.pace_until,
        Pace::Asap => None,
    };
    campaign.usage.open(Open { number: 0, ..open });
    campaign.leads.reserved(grant, at, config.lead_memory);
    reservations.push(Reservation {
        id: grant.reservation,
        campaign: grant.campaign,
        account: grant.account,
        lead: grant.request.lead,
        kind: grant.request.kind,
        reserved_at: at,
        ends_at: grant.ends_at,
        begun_at: None,
        moved_from: grant.moved_from,
        fate: Fate::Open,
        decided_at: at,
        number: grant.number,
        charged_at: None,
        in_rotation,
        hints: (campaign_slot.into(), account_slot.into()),
    });
    if let Some(key) = &grant.request.key {
        let owner = campaign.settings.owner;
        remember(state, grant, owner, key);
    }
    Some(Hints {
        campaign: campaign_slot.into(),
        account: account_slot.into(),
        row: row.map(Hint::from).unwrap_or_default(),
    })
}

#[cold]
fn remember(state: &mut State, grant: &Grant<'_>, owner: OwnerId, key: &str) {
    let name = (owner, key.to_owned());
    state.keys_by_age.insert(grant.reservation, name.clone());
    let keyed = Keyed {
        owner,
        key: key.to_owned(),
        campaign: grant.campaign,
        request: grant.request.clone(),
        reservation: grant.reservation,
    };
    state.keys.insert(name, keyed);
}

/// Whose reservation has ended, and whether it was out until then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    pub(crate) account: Option<Slot>,
    pub(crate) campaign: Option<Slot>,
    pub(crate) in_time: bool,
}

/// Ends a reservation, or corrects how one that lapsed has ended. With its end comes the civil day
/// that it is charged to, if it counts.
pub(crate) fn end(
    state: &mut State,
    id: ReservationId,
    (fate, day): (Fate, Option<CivilDay>),
    at: Timestamp,
) -> Option<Ended> {
    let memory = state.reservation_memory();
    let State { reservations, accounts, campaigns, .. } = state;
    let reservation = reservations.get_mut(id)?;
    let counts = fate.counts();
    let new_lead = reservation.kind == EmailKind::NewLead;
    let was = std::mem::replace(&mut reservation.fate, fate);
    reservation.decided_at = at;
    let charged_before = reservation.charged_at.take();
    reservation.charged_at = counts.then_some(at);
    let reservation = &*reservation;
    let account_slot = accounts.find(&reservation.account, reservation.hints.1);
    if let Some(account) = account_slot.and_then(|slot| accounts.at_mut(slot)) {
        let memory = account.memory();
        let usage = &mut account.usage;
        usage.close(id);
        if let Some(before) = charged_before {
            usage.log.take_back(before, new_lead);
        }
        if counts {
            usage.sent(at, new_lead, memory);
            if let Some(day) = day {
                usage.ramp.sent_on(day);
            }
            let number = reservation.number;
            if usage.last_send.is_none_or(|last| last.at <= at) {
                usage.last_send = Some(LastSend { at, number });
            }
        } else if fate == Fate::Cancelled && usage.number.checked_sub(1) == Some(reservation.number)
        {
            usage.number = reservation.number;
        }
        if fate == Fate::Cancelled {
            account.place.back(account.weight);
        }
    }
    let campaign_slot = campaigns.find(&reservation.campaign, reservation.hints.0);
    if let Some(campaign) = campaign_slot.and_then(|slot| campaigns.at_mut(slot)) {
        campaign.usage.close(id);
        if let Some(before) = charged_before {
            campaign.usage.log.take_back(before, new_lead);
        }
        if counts {
            campaign.usage.sent(at, new_lead, MEMORY_MIN);
        }
        if fate == Fate::Cancelled && reservation.in_rotation && campaign.total_weight > 0 {
            campaign.virtual_time.back(campaign.total_weight);
        }
        campaign.leads.ended(reservation, was, counts);
    }
    let in_time = was == Fate::Open;
    forget(state, at.minus(memory));
    Some(Ended { account: account_slot, campaign: campaign_slot, in_time })
}

/// Forgets what ended before `at`, with its keys.
fn forget(state: &mut State, at: Timestamp) {
    state.reservations.prune(at);
    while let Some(oldest) = state.keys_by_age.first_entry() {
        if state.reservations.get(*oldest.key()).is_some() {
            break;
        }
        state.keys.remove(&oldest.remove());
    }
}
