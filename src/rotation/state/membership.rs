//! Taking in who is attached to a campaign, who takes part in its rotation, and with which weight.
//!
//! Knows places in virtual time, and not why anybody comes or goes.

use crate::policy::{rescaled, within_reach};
use crate::rotation::state::{Attachment, State};
use crate::vocab::{AccountId, CampaignId, CivilDay};

pub(crate) fn attach(state: &mut State, campaign_id: CampaignId, accounts: &[AccountId]) {
    let Some(campaign) = state.campaigns.get_mut(&campaign_id) else { return };
    campaign.attached.make_room(accounts.len());
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
pub(crate) fn leave(
    state: &mut State,
    campaign: CampaignId,
    id: AccountId,
    taker: Option<AccountId>,
) {
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

pub(crate) fn come_back(state: &mut State, campaign: CampaignId, ids: &[AccountId], present: i128) {
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
