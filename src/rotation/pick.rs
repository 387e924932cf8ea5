//! Whose turn it is: the earliest virtual deadline among those whose virtual start has come.
//!
//! The rule is that of WF2Q (Bennett and Zhang, 1996) and EEVDF (Stoica and Abdel-Wahab, 1995).
//! Here it is asked of the derived order; who may send at all is decided before.

use crate::policy::TURN;
use crate::rotation::event::Fact;
use crate::rotation::index::Index;
use crate::rotation::state::State;
use crate::vocab::{AccountId, CampaignId};

/// An account whose turn it is, and where virtual time jumps to first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) account: AccountId,
    pub(crate) jumped_to: Option<i128>,
}

/// The next account that has to be taken out of the rotation before a grant.
pub(crate) fn departure(state: &State, index: &Index, campaign: CampaignId) -> Option<Fact> {
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
    let present = match rota.later.first() {
        Some((least, _)) if rota.eligible.is_empty() => now.max(*least),
        Some(_) | None => now,
    };
    let arriving = rota.arriving.iter().filter_map(|id| {
        let own = state.accounts.get(id)?.start(campaign.attached.get(id)?);
        Some(Fact::Returned { campaign: campaign_id, account: *id, start: own.max(present) })
    });
    arriving.collect()
}

/// Who takes over what a leaving account is owed, or owes: somebody on the other side of the
/// balance, so that everybody stays less than one send from the exact share. Only where no account
/// is shared with other campaigns, whose turns elsewhere would be felt here.
pub(crate) fn taker(
    state: &State,
    index: &Index,
    campaign_id: CampaignId,
    leaving: AccountId,
) -> Option<AccountId> {
    let campaign = state.campaigns.get(&campaign_id)?;
    let rota = index.rota(campaign_id)?;
    if !rota.shared.is_empty() {
        return None;
    }
    let attachment = campaign.attached.get(&leaving).filter(|attachment| attachment.present)?;
    let account = state.accounts.get(&leaving)?;
    let virtual_time = campaign.virtual_time.at();
    let start = account.start(attachment);
    let one_turn = TURN / i128::from(account.weight);
    let other = |id: &AccountId| *id != leaving;
    if start == virtual_time || (virtual_time - start).abs() > one_turn {
        None
    } else if start < virtual_time {
        rota.later.iter().rev().map(|(_, id)| *id).find(other)
    } else {
        let on_time = |id: &AccountId| {
            let heir = state.accounts.get(id).zip(campaign.attached.get(id));
            heir.is_some_and(|(account, attachment)| account.start(attachment) <= virtual_time)
        };
        rota.eligible.iter().map(|(_, id)| *id).find(|id| other(id) && on_time(id))
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
    let rota = index.rota_mut(campaign_id);
    let allowed = |id: &AccountId| !excluded.contains(id);
    let places = |id: AccountId| -> Option<(i128, i128)> {
        let (account, attachment) = (state.accounts.get(&id)?, campaign.attached.get(&id)?);
        Some((account.start(attachment), account.deadline(attachment)))
    };
    let mut now = campaign.virtual_time.at();
    let mut jumped_to = None;
    loop {
        while let Some((_, id)) = rota.later.first().copied().filter(|(start, _)| *start <= now) {
            let (start, deadline) = places(id)?;
            rota.sort(id, start, deadline, now);
        }
        // A cancelled turn sets virtual time back: who is ahead of it again waits.
        while let Some((_, id)) = rota.eligible.first().copied() {
            let (start, deadline) = places(id)?;
            if start <= now {
                break;
            }
            rota.sort(id, start, deadline, now);
        }
        let come = |id: &AccountId| places(*id).is_some_and(|(start, _)| start <= now);
        let mut in_order = rota.eligible.iter().map(|(_, id)| *id);
        if let Some(account) = in_order.find(|id| allowed(id) && come(id)) {
            return Some(Turn { account, jumped_to });
        }
        if !rota.eligible.is_empty() {
            break;
        }
        now = rota.later.first()?.0;
        jumped_to = Some(now);
    }
    // The request excludes all whose start has come: the next one goes before its time.
    let early = rota.eligible.iter().filter_map(|(_, id)| Some((places(*id)?.0, *id)));
    let ahead = early.chain(rota.later.iter().copied()).filter(|(_, id)| allowed(id));
    let (_, account) = ahead.min()?;
    Some(Turn { account, jumped_to })
}
