//! Which account writes to a lead: bound when the first email goes, kept for all that follow.
//!
//! Knows one campaign's leads. Whether an account is gone is decided elsewhere.

use crate::rotation::event::Reserved;
use crate::rotation::reservation::{Fate, Reservation};
use crate::rotation::state::{Binding, CampaignRecord};
use crate::vocab::{AccountId, LeadId};

/// Gives a lead to an account, as if it had written.
pub(crate) fn bind(campaign: &mut CampaignRecord, lead: LeadId, account: AccountId) {
    let open = campaign.leads.get(&lead).map_or(0, |binding| binding.open);
    campaign.leads.insert(lead, Binding { account, wrote: true, open, before: None });
}

/// Notes that room is reserved for an email to a lead.
pub(crate) fn reserved(campaign: &mut CampaignRecord, reserved: &Reserved) {
    let account = reserved.account;
    let fresh = Binding { account, wrote: false, open: 0, before: None };
    let binding = campaign.leads.entry(reserved.request.lead).or_insert(fresh);
    if binding.account != account {
        let before = if binding.wrote { Some(binding.account) } else { binding.before };
        *binding = Binding { account, wrote: false, open: binding.open, before };
    }
    binding.open += 1;
}

/// Notes how an email to a lead ended. An account that never wrote gives the lead back.
pub(crate) fn ended(
    campaign: &mut CampaignRecord,
    reservation: &Reservation,
    was: Fate,
    counts: bool,
) {
    let Some(binding) = campaign.leads.get_mut(&reservation.lead) else { return };
    if was == Fate::Open {
        binding.open = binding.open.saturating_sub(1);
    }
    if binding.account != reservation.account {
        return;
    }
    if counts {
        binding.wrote = true;
        binding.before = None;
    } else if !binding.wrote && binding.open == 0 {
        match binding.before.take() {
            Some(before) => {
                binding.account = before;
                binding.wrote = true;
            }
            None => {
                campaign.leads.remove(&reservation.lead);
            }
        }
    }
}
