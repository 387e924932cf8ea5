//! Taking an event in: the one place where facts change.
//!
//! It decides nothing and cannot fail. An event about something that is not there changes nothing;
//! the engine's own events never are.

use crate::policy::{Pace, rescaled};
use crate::rotation::event::{Event, Fact, Reserved};
use crate::rotation::reservation::{EmailKind, Fate, Keyed, Reservation};
use crate::rotation::settings;
use crate::rotation::state::{Attachment, PLACE_MAX, State};
use crate::rotation::table::Hint;
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
        Fact::Reserved(reserved) => reserve(state, reserved, Hints::default(), at),
        Fact::Returned { campaign, account, start } => {
            come_back(state, *campaign, *account, *start);
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
            campaign.attached.insert(*id, Attachment { offset, present: false });
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
    attachment.offset += owed;
    if let Some(attachment) = campaign.attached.get_mut(&taker) {
        let turns = owed.saturating_mul(i128::from(account.weight));
        let turns = turns.div_euclid(i128::from(heir.weight));
        attachment.offset = within_reach(attachment.offset.saturating_sub(turns));
    }
}

fn come_back(state: &mut State, campaign: CampaignId, id: AccountId, start: i128) {
    let Some(campaign) = state.campaigns.get_mut(&campaign) else { return };
    let (Some(attachment), Some(account)) =
        (campaign.attached.get_mut(&id), state.accounts.get(&id))
    else {
        return;
    };
    attachment.offset = start - account.place.at();
    if !std::mem::replace(&mut attachment.present, true) {
        campaign.total_weight += account.weight;
    }
}

/// The place, kept where sums cannot overflow. No history of an engine's own gets that far.
fn within_reach(place: i128) -> i128 {
    let most = i128::try_from(PLACE_MAX).unwrap_or(i128::MAX);
    place.clamp(-most, most)
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
    for campaign in &account.campaigns {
        let Some(campaign) = campaigns.get_mut(campaign) else { continue };
        let Some(attachment) = campaign.attached.get_mut(&id) else { continue };
        let virtual_time = campaign.virtual_time.at();
        let start = rescaled(account.start(attachment), virtual_time, old, weight);
        attachment.offset = within_reach(start.saturating_sub(account.place.at()));
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

/// Takes in a grant.
pub(crate) fn reserve(state: &mut State, reserved: &Reserved, hints: Hints, at: Timestamp) {
    let campaign_slot = state.campaigns.find(&reserved.campaign, hints.campaign);
    let account_slot = state.accounts.find(&reserved.account, hints.account);
    let (Some(campaign_slot), Some(account_slot)) = (campaign_slot, account_slot) else { return };
    if let (Some(campaign), Some(to)) = (state.campaigns.at_mut(campaign_slot), reserved.jumped_to)
    {
        campaign.virtual_time.jump(to);
    }
    let known = state.accounts.at(account_slot).map(|account| (account.weight, account.weight_day));
    if known != Some((reserved.weight, reserved.days.0)) {
        // At the present that it was picked at, so that an account whose turn it is owes nothing.
        reweigh(state, reserved.account, reserved.weight, reserved.days.0);
    }
    let State { campaigns, accounts, config, .. } = state;
    let (Some(campaign), Some(account)) =
        (campaigns.at_mut(campaign_slot), accounts.at_mut(account_slot))
    else {
        return;
    };
    let mut in_rotation = false;
    let row = campaign.attached.find(&reserved.account, hints.row);
    let present = row.and_then(|row| campaign.attached.at_mut(row)).filter(|a| a.present);
    if let Some(attachment) = present {
        // A rested account catches up by one turn at most.
        let least = campaign.virtual_time.at() - account.place.turn(account.weight);
        let start = account.start(attachment);
        attachment.offset += (least - start).max(0);
        campaign.virtual_time.forward(campaign.total_weight);
        in_rotation = true;
    }
    account.place.forward(account.weight);
    let open = Open {
        id: reserved.reservation,
        ends_at: reserved.ends_at,
        number: reserved.number,
        new_lead: reserved.new_lead(),
    };
    account.usage.open(open);
    account.usage.pace_until = match account.settings.pace {
        Pace::Even => reserved.pace_until,
        Pace::Asap => None,
    };
    campaign.usage.open(Open { number: 0, ..open });
    campaign.leads.reserved(reserved, at, config.lead_memory);
    let owner = campaign.settings.owner;
    let hints = (campaign_slot.into(), account_slot.into());
    remember(state, reserved, owner, (in_rotation, hints), at);
}

fn remember(
    state: &mut State,
    reserved: &Reserved,
    owner: OwnerId,
    (in_rotation, hints): (bool, (Hint, Hint)),
    at: Timestamp,
) {
    state.reservations.push(Reservation {
        id: reserved.reservation,
        campaign: reserved.campaign,
        account: reserved.account,
        lead: reserved.request.lead,
        kind: reserved.request.kind,
        reserved_at: at,
        ends_at: reserved.ends_at,
        begun_at: None,
        moved_from: reserved.moved_from,
        fate: Fate::Open,
        decided_at: at,
        number: reserved.number,
        charged_at: None,
        in_rotation,
        hints,
    });
    if let Some(key) = &reserved.request.key {
        let name = (owner, key.clone());
        state.keys_by_age.insert(reserved.reservation, name.clone());
        state.keys.insert(
            name,
            Keyed {
                owner,
                key: key.clone(),
                campaign: reserved.campaign,
                request: reserved.request.clone(),
                reservation: reserved.reservation,
            },
        );
    }
}

/// Ends a reservation, or corrects how one that lapsed has ended. With its end comes the civil day
/// that it is charged to, if it counts.
fn end(state: &mut State, id: ReservationId, (fate, day): (Fate, Option<CivilDay>), at: Timestamp) {
    let memory = state.reservation_memory();
    let State { reservations, accounts, campaigns, .. } = state;
    let Some(reservation) = reservations.get_mut(id) else { return };
    let counts = match fate {
        Fate::Cancelled | Fate::Open => false,
        Fate::Lapsed => true,
        Fate::Settled(outcome) => outcome.counts(),
    };
    let new_lead = reservation.kind == EmailKind::NewLead;
    let was = std::mem::replace(&mut reservation.fate, fate);
    reservation.decided_at = at;
    let charged_before = reservation.charged_at.take();
    reservation.charged_at = counts.then_some(at);
    let reservation = &*reservation;
    let account = accounts.find(&reservation.account, reservation.hints.1);
    if let Some(account) = account.and_then(|slot| accounts.at_mut(slot)) {
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
        } else if fate == Fate::Cancelled && usage.number == reservation.number + 1 {
            usage.number = reservation.number;
        }
        if fate == Fate::Cancelled {
            account.place.back(account.weight);
        }
    }
    let campaign = campaigns.find(&reservation.campaign, reservation.hints.0);
    if let Some(campaign) = campaign.and_then(|slot| campaigns.at_mut(slot)) {
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
    forget(state, at.minus(memory));
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
