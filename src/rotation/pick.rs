//! Whose turn it is: the earliest virtual deadline among those whose virtual start has come.
//!
//! The rule is that of WF2Q (Bennett and Zhang, 1996) and EEVDF (Stoica and Abdel-Wahab, 1995).
//! Here it is asked of the derived order; who may send at all is decided before.

use crate::policy::{TURN, grain};
use crate::rotation::event::Fact;
use crate::rotation::index::Index;
use crate::rotation::state::{CampaignRecord, State};
use crate::vocab::{AccountId, CampaignId};

/// An account whose turn it is, and where virtual time jumps to first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) account: AccountId,
    pub(crate) jumped_to: Option<i128>,
}

/// The next account that has to be taken out of the rotation before a grant.
pub(crate) fn departure(state: &State, index: &mut Index, campaign: CampaignId) -> Option<Fact> {
    let account = index.rota(campaign)?.leaving.first().copied()?;
    let taker = taker(state, index, campaign, account);
    Some(Fact::Left { campaign, account, taker })
}

/// All that join the rotation before a grant, each at its own place or at the present, if that is
/// later. None of them makes the present for the others.
pub(crate) fn arrivals(state: &State, index: &Index, campaign_id: CampaignId) -> Vec<Fact> {
    let (Some(campaign), Some(rota)) = (state.campaigns.get(&campaign_id), index.rota(campaign_id))
    else {
        return Vec::new();
    };
    let now = campaign.virtual_time.at();
    // Where nobody's start has come, the present is the least start of those that are ready.
    let first = rota.by_start().next().filter(|(least, _)| *least > grain(now));
    let least = first.and_then(|(_, id)| start(state, campaign, id));
    let present = least.unwrap_or(now);
    let arriving = rota.arriving.iter().filter_map(|id| {
        let own = state.accounts.get(id)?.start(campaign.attached.get(id)?);
        Some(Fact::Returned { campaign: campaign_id, account: *id, start: own.max(present) })
    });
    arriving.collect()
}

/// Where an account stands in a campaign, to the last unit.
fn start(state: &State, campaign: &CampaignRecord, id: AccountId) -> Option<i128> {
    Some(state.accounts.get(&id)?.start(campaign.attached.get(&id)?))
}

/// Who takes over what a leaving account is owed, or owes: somebody on the other side of the
/// balance, so that everybody stays less than one send from the exact share. Only where no account
/// is shared with other campaigns, whose turns elsewhere would be felt here.
pub(crate) fn taker(
    state: &State,
    index: &mut Index,
    campaign_id: CampaignId,
    leaving: AccountId,
) -> Option<AccountId> {
    let campaign = state.campaigns.get(&campaign_id)?;
    let rota = index.rota_mut(campaign_id);
    if !rota.shared.is_empty() {
        return None;
    }
    let attachment = campaign.attached.get(&leaving).filter(|attachment| attachment.present)?;
    let account = state.accounts.get(&leaving)?;
    let owed = grain(campaign.virtual_time.at() - account.start(attachment));
    let one_turn = grain(TURN / i128::from(account.weight));
    let now = grain(campaign.virtual_time.at());
    rota.sort(now);
    if owed == 0 || owed.abs() > one_turn {
        return None;
    }
    if owed > 0 {
        let ahead = rota.by_start().rev().take_while(|(start, _)| *start > now);
        ahead.map(|(_, id)| id).find(|id| *id != leaving)
    } else {
        rota.eligible().find(|id| *id != leaving)
    }
}

/// Whose turn it is among those that may send now and are not excluded.
pub(crate) fn turn(
    state: &State,
    index: &mut Index,
    campaign_id: CampaignId,
    excluded: &[AccountId],
) -> Option<Turn> {
    let campaign = state.campaigns.get(&campaign_id)?;
    let now = grain(campaign.virtual_time.at());
    let rota = index.rota_mut(campaign_id);
    let allowed = |id: &AccountId| !excluded.contains(id);
    rota.sort(now);
    let mut jumped_to = None;
    if rota.eligible().next().is_none() {
        let (least, first) = rota.by_start().next()?;
        rota.sort(least);
        jumped_to = start(state, campaign, first);
    }
    let account = rota.eligible().find(allowed).or_else(|| {
        // The request excludes all whose start has come: the next one goes before its time.
        rota.by_start().map(|(_, id)| id).find(allowed)
    })?;
    Some(Turn { account, jumped_to })
}
