//! What a campaign's rota sees of everything else: its memberships and the outlook of each account.
//!
//! Knows where an account stands in virtual time, and no order.

use crate::policy::grain;
use crate::rotation::containers::table::{Slot, Table};
use crate::rotation::rota::closing::Closing;
use crate::rotation::rota::outlook::Outlook;
use crate::rotation::state::Attachment;
use crate::rotation::turns::standing::Spot;
use crate::vocab::{AccountId, Timestamp};

/// What a rota sees of the facts and of what is derived for the whole engine.
pub(crate) struct Lens<'a> {
    pub(crate) attached: &'a Table<AccountId, Attachment>,
    pub(crate) outlooks: &'a [Outlook],
    /// What comes after each account's outlook. Empty if nobody asks.
    pub(crate) closings: &'a [Closing],
    /// Where each account may wait: campaigns, and its rows there. Empty if nobody asks.
    pub(crate) waits: &'a mut [Vec<(Slot, Slot)>],
    pub(crate) campaign: Slot,
    pub(crate) now: Timestamp,
    /// The campaign's virtual time.
    pub(crate) virtual_time: i128,
}

impl Lens<'_> {
    /// Notes that an account waits here. It may have left and come back since it was noted.
    pub(crate) fn note_wait(&mut self, account: Slot, row: Slot) {
        let Some(waits) = self.waits.get_mut(account.index()) else { return };
        let note = (self.campaign, row);
        if waits.last() == Some(&note) {
            return;
        }
        if waits.len() == waits.capacity() {
            waits.sort_unstable();
            waits.dedup();
        }
        waits.push(note);
    }
}

/// Where an account with that number stands in a campaign's virtual time.
#[inline]
pub(crate) fn spot(id: AccountId, outlook: &Outlook, attachment: &Attachment) -> Spot {
    let offset = attachment.offset();
    Spot { start: grain(outlook.at + offset), deadline: grain(outlook.next + offset), id }
}
