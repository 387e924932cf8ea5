//! Taking in grants and the ends of reservations, which are most of all events.
//!
//! It decides nothing and cannot fail. Knows facts, and nothing that is derived from them.

use crate::policy::Pace;
use crate::rotation::containers::table::{Hint, Slot};
use crate::rotation::state::event::Grant;
use crate::rotation::state::membership::reweigh;
use crate::rotation::state::outstanding::Open;
use crate::rotation::state::reservation::{EmailKind, Fate, Keyed, Reservation};
use crate::rotation::state::usage::LastSend;
use crate::rotation::state::{AccountRecord, State};
use crate::vocab::{CivilDay, OwnerId, ReservationId, Timestamp, Zone};

/// Where the records are that a grant is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hints {
    pub(crate) campaign: Hint,
    pub(crate) account: Hint,
    /// The account in the campaign.
    pub(crate) row: Hint,
    /// Whether the lead surely has no record.
    pub(crate) lead_is_new: bool,
}

/// Takes in a grant. Returns the turn that was taken; nothing if its records are not there.
pub(crate) fn reserve(
    state: &mut State,
    grant: &Grant<'_>,
    hints: Hints,
    at: Timestamp,
) -> Option<Taken> {
    let turn = take_turn(state, grant, hints)?;
    let State { campaigns, accounts, reservations, config, .. } = state;
    let (campaign, account) = (campaigns.at_mut(turn.campaign)?, accounts.at_mut(turn.account)?);
    let open = Open::new(grant.reservation, grant.ends_at, grant.new_lead());
    account.usage.open(open.numbered(grant.number));
    campaign.usage.open(open);
    let lead = campaign.leads.reserved(grant, hints.lead_is_new, (at, config.lead_memory));
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
        in_rotation: turn.in_rotation,
        hints: (turn.campaign.into(), turn.account.into(), lead),
    });
    if let Some(key) = &grant.request.key {
        let owner = campaign.settings.owner;
        remember(state, grant, owner, key);
    }
    Some(turn)
}

/// Takes in a grant and that it is sent at once, where nobody will ask for the reservation or the
/// lead, nor for what a campaign without a cap has sent: what a grant and its settlement leave of
/// an email besides.
pub(crate) fn send(
    state: &mut State,
    grant: &Grant<'_>,
    hints: Hints,
    at: Timestamp,
) -> Option<Taken> {
    let turn = take_turn(state, grant, hints)?;
    let State { campaigns, accounts, .. } = state;
    let (campaign, account) = (campaigns.at_mut(turn.campaign)?, accounts.at_mut(turn.account)?);
    account.usage.number = account.usage.number.max(grant.number + 1);
    // What is kept of the day is no fact.
    let day = account.usage.today.day(account.settings.zone, at);
    charge(account, (grant.number, grant.new_lead()), Some(day), at);
    if campaign.settings.is_capped() {
        campaign.usage.sent_by_one_of(campaign.attached.len(), at, grant.new_lead());
    }
    Some(turn)
}

/// A turn that was taken, by the slots of its records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    pub(crate) campaign: Slot,
    pub(crate) account: Slot,
    /// The account in the campaign, if it is attached.
    pub(crate) row: Option<Slot>,
    in_rotation: bool,
}

/// Moves the account and the campaign's virtual time by the turn that is granted.
#[expect(clippy::inline_always, reason = "a part of every turn")]
#[inline(always)]
fn take_turn(state: &mut State, grant: &Grant<'_>, hints: Hints) -> Option<Taken> {
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
    let State { campaigns, accounts, .. } = state;
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
    account.usage.pace_until = match account.settings.pace {
        Pace::Even => grant.pace_until,
        Pace::Asap => None,
    };
    Some(Taken { campaign: campaign_slot, account: account_slot, row, in_rotation })
}

/// Charges an email, with its number and whether it goes to a new lead, to its account; its day is
/// one with a send, if it counts as one.
#[expect(clippy::inline_always, reason = "a part of every turn")]
#[inline(always)]
fn charge(
    account: &mut AccountRecord,
    (number, new_lead): (u64, bool),
    day: Option<CivilDay>,
    at: Timestamp,
) {
    let memory = account.memory();
    let usage = &mut account.usage;
    usage.sent(at, new_lead, memory);
    if let Some(day) = day {
        usage.ramp.sent_on(day);
    }
    if usage.last_send.is_none_or(|last| last.at <= at) {
        usage.last_send = Some(LastSend { at, number });
    }
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

/// The civil day that an email is charged to, if it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChargedDay {
    /// Today in the account's zone, by the zone table that this build carries.
    Found,
    /// What was decided before.
    Told(Option<CivilDay>),
}

/// Whose reservation has ended, and whether it was out until then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    pub(crate) account: Option<Slot>,
    pub(crate) campaign: Option<Slot>,
    pub(crate) in_time: bool,
    /// The civil day that it is charged to, if it counts.
    pub(crate) day: Option<CivilDay>,
}

/// Ends a reservation, or corrects how one that lapsed has ended.
pub(crate) fn end(
    state: &mut State,
    id: ReservationId,
    (fate, charged_day): (Fate, ChargedDay),
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
    let mut day = match charged_day {
        ChargedDay::Found => None,
        ChargedDay::Told(day) => day.filter(|_| counts),
    };
    let account_slot = accounts.find(&reservation.account, reservation.hints.1);
    if let Some(account) = account_slot.and_then(|slot| accounts.at_mut(slot)) {
        let was_out = account.usage.open.end(reservation.ends_at, id);
        debug_assert_eq!(was_out, was == Fate::Open, "{id} on its account");
        if let Some(before) = charged_before {
            account.usage.log.take_back(before, new_lead);
        }
        if counts {
            if charged_day == ChargedDay::Found {
                // What is kept of the day is no fact.
                day = Some(account.usage.today.day(account.settings.zone, at));
            }
            charge(account, (reservation.number, new_lead), day, at);
        }
        if fate == Fate::Cancelled {
            let number = &mut account.usage.number;
            if number.checked_sub(1) == Some(reservation.number) {
                *number = reservation.number;
            }
            account.place.back(account.weight);
        }
    }
    if counts && day.is_none() && charged_day == ChargedDay::Found {
        // An account stays for what it sent; without one, days are those of universal time.
        day = Some(Zone::UTC.civil_day(at));
    }
    let campaign_slot = campaigns.find(&reservation.campaign, reservation.hints.0);
    if let Some(campaign) = campaign_slot.and_then(|slot| campaigns.at_mut(slot)) {
        let was_out = campaign.usage.open.end(reservation.ends_at, id);
        debug_assert_eq!(was_out, was == Fate::Open, "{id} in its campaign");
        if let Some(before) = charged_before {
            campaign.usage.log.take_back(before, new_lead);
        }
        if counts {
            campaign.usage.sent_by_one_of(campaign.attached.len(), at, new_lead);
        }
        if fate == Fate::Cancelled && reservation.in_rotation && campaign.total_weight > 0 {
            campaign.virtual_time.back(campaign.total_weight);
        }
        campaign.leads.ended(reservation, was, counts);
    }
    let in_time = was == Fate::Open;
    forget(state, at.minus(memory));
    Some(Ended { account: account_slot, campaign: campaign_slot, in_time, day })
}

/// Forgets what ended before `at`, with its keys.
fn forget(state: &mut State, at: Timestamp) {
    state.reservations.prune(at);
    while let Some(oldest) = state.keys_by_age.first_entry() {
        if state.reservations.get(*oldest.key()).is_some() {
            break;
        }
        let (id, name) = oldest.remove_entry();
        // A key may have been given again meanwhile by whoever forgot it before.
        if state.keys.get(&name).is_some_and(|keyed| keyed.reservation == id) {
            state.keys.remove(&name);
        }
    }
}
