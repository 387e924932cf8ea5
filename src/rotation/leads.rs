//! Which account writes to a lead: bound when the first email goes, kept for all that follow.
//!
//! Knows one campaign's leads. Whether an account is gone is decided elsewhere.

use crate::rotation::event::Reserved;
use crate::rotation::reservation::{Fate, Reservation};
use crate::rotation::state::{Binding, CampaignRecord};
use crate::vocab::{AccountId, LeadId, ReservationId};

/// Gives a lead to an account, as if it had written.
pub(crate) fn bind(
    campaign: &mut CampaignRecord,
    lead: LeadId,
    account: AccountId,
    since: ReservationId,
) {
    let given = Binding { account, since, open: 0, counted: 0, given: true };
    campaign.leads.insert(lead, vec![given]);
}

/// Notes that room is reserved for an email to a lead.
pub(crate) fn reserved(campaign: &mut CampaignRecord, reserved: &Reserved) {
    let (account, since) = (reserved.account, reserved.reservation);
    let bindings = campaign.leads.entry(reserved.request.lead).or_default();
    if bindings.last().is_none_or(|last| last.account != account) {
        bindings.push(Binding { account, since, open: 0, counted: 0, given: false });
    }
    if let Some(last) = bindings.last_mut() {
        last.open += 1;
    }
}

/// Notes how an email to a lead ended. An account that never wrote gives the lead back.
pub(crate) fn ended(
    campaign: &mut CampaignRecord,
    reservation: &Reservation,
    was: Fate,
    counts: bool,
) {
    let Some(bindings) = campaign.leads.get_mut(&reservation.lead) else { return };
    let Some(n) = bindings.iter().rposition(|of| of.since <= reservation.id) else { return };
    let binding = &mut bindings[n];
    if binding.account != reservation.account {
        return;
    }
    match was {
        Fate::Open => binding.open = binding.open.saturating_sub(1),
        Fate::Lapsed => binding.counted = binding.counted.saturating_sub(1),
        Fate::Cancelled | Fate::Settled(_) => {}
    }
    binding.counted += u32::from(counts);
    if binding.open == 0 && !binding.wrote() {
        bindings.remove(n);
        if bindings.is_empty() {
            campaign.leads.remove(&reservation.lead);
        }
    }
}
