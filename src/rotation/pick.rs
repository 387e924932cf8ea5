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

/// The next correction that the rotation needs before a grant: somebody leaves or comes back.
pub(crate) fn correction(state: &State, index: &Index, campaign_id: CampaignId) -> Option<Fact> {
    let campaign = state.campaigns.get(&campaign_id)?;
    let rota = index.rota(campaign_id)?;
    if let Some(account) = rota.leaving.first().copied() {
        let taker = taker(state, index, campaign_id, account);
        return Some(Fact::Left { campaign: campaign_id, account, taker });
    }
    let account = rota.arriving.first().copied()?;
    let record = state.accounts.get(&account)?;
    let own = record.start(campaign.attached.get(&account)?);
    let now = campaign.virtual_time.at();
    // Where nobody's start has come, the present is the least start of those that are ready.
    let present = match rota.later.first() {
        Some((least, _)) if rota.eligible.is_empty() => now.max(*least),
        Some(_) | None => now,
    };
    let start = own.max(present);
    Some(Fact::Returned { campaign: campaign_id, account, start })
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
    let mut now = campaign.virtual_time.at();
    let places = |id: AccountId| -> Option<(i128, i128)> {
        let (account, attachment) = (state.accounts.get(&id)?, campaign.attached.get(&id)?);
        Some((account.start(attachment), account.deadline(attachment)))
    };
    // A cancelled turn sets virtual time back: who is ahead of it again waits.
    let ahead: Vec<AccountId> = rota
        .eligible
        .iter()
        .map(|(_, id)| *id)
        .take_while(|id| places(*id).is_some_and(|(start, _)| start > now))
        .collect();
    for id in ahead {
        let (start, deadline) = places(id)?;
        rota.sort(id, start, deadline, now);
    }
    let mut jumped_to = None;
    loop {
        while let Some((_, id)) = rota.later.first().copied().filter(|(start, _)| *start <= now) {
            let (start, deadline) = places(id)?;
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
    let (_, account) = rota.later.iter().find(|(_, id)| allowed(id)).copied()?;
    Some(Turn { account, jumped_to })
}
