//! Whose turn it is: the earliest virtual deadline among those whose virtual start has come.
//!
//! The rule is that of WF2Q (Bennett and Zhang, 1996) and EEVDF (Stoica and Abdel-Wahab, 1995).
//! Here it is asked of the derived order; who may send at all is decided before.

use crate::policy::grain;
use crate::rotation::apply::Hints;
use crate::rotation::index::Index;
use crate::rotation::state::State;
use crate::rotation::table::{Hint, Slot};
use crate::vocab::AccountId;

/// An account whose turn it is, and where virtual time jumps to first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) account: AccountId,
    pub(crate) jumped_to: Option<i128>,
    pub(crate) hints: Hints,
}

/// The present of a campaign in its virtual time. Where nobody's start has come, it is the least
/// start of those that are ready.
pub(crate) fn present(state: &State, index: &mut Index, campaign: Slot) -> Option<i128> {
    let now = state.campaigns.at(campaign)?.virtual_time.at();
    let (rota, mut lens) = index.open(state, campaign)?;
    if rota.first_eligible(&mut lens).is_some() {
        return Some(now);
    }
    let first = rota.first_ahead(&mut lens).and_then(|row| lens.attached.row(row));
    Some(first.and_then(|(id, _)| start(state, campaign, *id)).unwrap_or(now))
}

/// Where an account stands in a campaign, to the last unit.
fn start(state: &State, campaign: Slot, id: AccountId) -> Option<i128> {
    let attachment = state.campaigns.at(campaign)?.attached.get(&id)?;
    Some(state.accounts.get(&id)?.start(attachment))
}

/// Who takes over what a leaving account is owed, or owes: somebody on the other side of the
/// balance, so that everybody stays less than one send from the exact share. Only where no account
/// is shared with other campaigns, whose turns elsewhere would be felt here.
pub(crate) fn taker(
    state: &State,
    index: &mut Index,
    campaign: Slot,
    leaving: AccountId,
) -> Option<AccountId> {
    let record = state.campaigns.at(campaign)?;
    let (rota, mut lens) = index.open(state, campaign)?;
    if rota.shared > 0 {
        return None;
    }
    let attachment = record.attached.get(&leaving).filter(|attachment| attachment.present)?;
    let account = state.accounts.get(&leaving)?;
    let owed = grain(record.virtual_time.at() - account.start(attachment));
    let one_turn = grain(account.place.turn(account.weight));
    if owed == 0 || owed.abs() > one_turn {
        return None;
    }
    let eligible = rota.first_eligible(&mut lens);
    // Whoever leaves is on its own side, so it is neither.
    let taker = if owed > 0 { rota.first_ahead(&mut lens) } else { eligible };
    let taker = lens.attached.row(taker?).map(|(id, _)| *id);
    taker.filter(|id| *id != leaving)
}

/// Whose turn it is among those that may send now and are not excluded.
pub(crate) fn turn(
    state: &State,
    index: &mut Index,
    campaign: Slot,
    excluded: &[AccountId],
) -> Option<Turn> {
    let (rota, mut lens) = index.open(state, campaign)?;
    let mut jumped_to = None;
    let mut row = rota.first_eligible(&mut lens);
    if row.is_none() {
        // Virtual time jumps to the least start, and the turn is one of those that start there.
        let least = rota.first_ahead(&mut lens)?;
        let least = lens.attached.row(least).map(|(id, _)| *id)?;
        lens.virtual_time = grain(start(state, campaign, least)?);
        row = rota.first_eligible(&mut lens);
        let first = lens.attached.row(row?).map(|(id, _)| *id)?;
        jumped_to = start(state, campaign, first);
    }
    let mut row = row?;
    if excluded.contains(&lens.attached.row(row)?.0) {
        row = rota.next(&mut lens, excluded)?;
    }
    let hints = Hints {
        campaign: campaign.into(),
        account: rota.account(row).map(Hint::from).unwrap_or_default(),
        row: row.into(),
    };
    Some(Turn { account: lens.attached.row(row)?.0, jumped_to, hints })
}
