//! Whose turn it is in a campaign, by number, and with where its records are.
//!
//! Opens the campaign's rota with what it sees; the rule itself is the rota's.

use crate::rotation::containers::table::{Hint, Slot};
use crate::rotation::index::Index;
use crate::rotation::rota::choice::{choose, heir};
use crate::rotation::state::State;
use crate::rotation::state::charge::Hints;
use crate::rotation::state::exclusion::Exclusion;
use crate::vocab::AccountId;

/// An account whose turn it is, and where virtual time jumps to first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) account: AccountId,
    pub(crate) jumped_to: Option<i128>,
    pub(crate) hints: Hints,
}

/// Who takes over what a leaving account is owed, or owes. Only where no account is shared with
/// other campaigns, whose turns elsewhere would be felt here.
pub(crate) fn taker(
    state: &State,
    index: &mut Index,
    campaign: Slot,
    leaving: AccountId,
) -> Option<AccountId> {
    let virtual_time = state.campaigns.at(campaign)?.virtual_time.at();
    let (rota, mut lens) = index.open(state, campaign)?;
    let row = lens.attached.slot(&leaving)?;
    let weight = state.accounts.get(&leaving)?.weight;
    let taker = heir(rota, &mut lens, virtual_time, (row, weight))?;
    lens.attached.row(taker).map(|(id, _)| *id)
}

/// Whose turn it is among those that may send now and are not excluded.
#[expect(clippy::inline_always, reason = "a part of every turn")]
#[inline(always)]
pub(crate) fn turn(
    state: &State,
    index: &mut Index,
    campaign: Slot,
    excluded: Exclusion<'_>,
) -> Option<Turn> {
    let (rota, mut lens) = index.open(state, campaign)?;
    let (row, jumped_to) = choose(rota, &mut lens, excluded)?;
    let hints = Hints {
        campaign: campaign.into(),
        account: rota.account(row).map(Hint::from).unwrap_or_default(),
        row: row.into(),
        lead_is_new: false,
    };
    Some(Turn { account: lens.attached.row(row)?.0, jumped_to, hints })
}
