//! Whose turn it is: the earliest virtual deadline among those whose virtual start has come.
//!
//! The rule is that of WF2Q (Bennett and Zhang, 1996) and EEVDF (Stoica and Abdel-Wahab, 1995).
//! Here it is asked of the derived order; who may send at all is decided before.

use crate::policy::{TURN, grain};
use crate::rotation::containers::table::Slot;
use crate::rotation::rota::Rota;
use crate::rotation::rota::lens::Lens;
use crate::rotation::state::exclusion::Exclusion;

/// The row whose turn it is among those that may send now and are not excluded, and where virtual
/// time jumps to first.
#[expect(clippy::inline_always, reason = "a part of every turn")]
#[inline(always)]
pub(crate) fn choose(
    rota: &mut Rota,
    lens: &mut Lens<'_>,
    excluded: Exclusion<'_>,
) -> Option<(Slot, Option<i128>)> {
    let (mut row, jumped_to) = match rota.first_eligible(lens) {
        Some(row) => (row, None),
        None => jump(rota, lens)?,
    };
    if !excluded.is_empty() && excluded.has(lens.attached.row(row)?.0) {
        row = rota.next(lens, excluded)?;
    }
    Some((row, jumped_to))
}

/// The same where nobody's start has come: virtual time jumps to the least start, and the turn is
/// of the first of those that start there.
#[inline(never)]
pub(crate) fn jump(rota: &mut Rota, lens: &mut Lens<'_>) -> Option<(Slot, Option<i128>)> {
    let first = rota.first_ahead(lens)?;
    lens.virtual_time = grain(start(rota, lens, first)?);
    // Nobody comes before it by then, but in runs it has to come up.
    let row = if rota.is_in_runs() { rota.first_eligible(lens)? } else { first };
    Some((row, start(rota, lens, row)))
}

/// The present of a campaign in its virtual time. Where nobody's start has come, it is the least
/// start of those that are ready.
pub(crate) fn present(rota: &mut Rota, lens: &mut Lens<'_>, virtual_time: i128) -> i128 {
    if rota.first_eligible(lens).is_some() {
        return virtual_time;
    }
    let first = rota.first_ahead(lens);
    first.and_then(|row| start(rota, lens, row)).unwrap_or(virtual_time)
}

/// Who takes over what a leaving account is owed, or owes: somebody on the other side of the
/// balance, so that everybody stays less than one send from the exact share.
pub(crate) fn heir(
    rota: &mut Rota,
    lens: &mut Lens<'_>,
    virtual_time: i128,
    (leaving, weight): (Slot, u64),
) -> Option<Slot> {
    if rota.shared > 0 || !lens.attached.at(leaving)?.present {
        return None;
    }
    let owed = grain(virtual_time - start(rota, lens, leaving)?);
    if owed == 0 || owed.abs() > grain(TURN / i128::from(weight.max(1))) {
        return None;
    }
    let eligible = rota.first_eligible(lens);
    // Whoever leaves is on its own side, so it is neither.
    let taker = if owed > 0 { rota.first_ahead(lens) } else { eligible };
    taker.filter(|row| *row != leaving)
}

/// Where the account of a row stands, to the last unit.
fn start(rota: &Rota, lens: &Lens<'_>, row: Slot) -> Option<i128> {
    let account = rota.account(row)?;
    Some(lens.outlooks[account.index()].at + lens.attached.at(row)?.offset())
}
