//! Where a row stands in the order of turns, and which of two comes first.
//!
//! Knows places as they are compared, and no order of many.

use crate::rotation::containers::table::Slot;
use crate::vocab::{AccountId, Timestamp};

/// An account and its row in the campaign.
pub(crate) type Member = (AccountId, Slot);

/// Where an account stands: places rounded as they are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    pub(crate) start: i128,
    pub(crate) deadline: i128,
    pub(crate) id: AccountId,
}

/// Where a row lies that is left out of the order: in which run, and until when.
pub(crate) type Bed = (u32, Timestamp);

/// Tells the present entry of a row from those that it left behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ticket(pub(crate) u32);

impl Ticket {
    /// Of no entry.
    pub(crate) const NONE: Self = Self(0);
}

/// What is known of rows apart from where they were put.
pub(crate) trait Rows {
    /// Whether an entry is the present one of its row.
    fn stands(&self, at: &Standing) -> bool;
    /// Whether a row may have its turn now.
    fn is_ready(&self, row: Slot) -> bool;
}

/// A row and where it was put.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) start: i128,
    pub(crate) deadline: i128,
    pub(crate) id: AccountId,
    row: u32,
    pub(crate) ticket: Ticket,
}

impl Standing {
    #[inline]
    pub(crate) const fn new(row: Slot, spot: Spot, ticket: Ticket) -> Self {
        let Spot { start, deadline, id } = spot;
        Self { start, deadline, id, row: row.number(), ticket }
    }

    pub(crate) const fn row(&self) -> Slot {
        Slot::from_number(self.row)
    }

    /// Whether its deadline comes first, or it is the first by number of two with the same.
    pub(crate) fn is_due_before(&self, other: &Self) -> bool {
        self.deadline < other.deadline || (self.deadline == other.deadline && self.id < other.id)
    }

    /// Whether its start comes first, or it is due first of two with the same.
    pub(crate) fn starts_before(&self, other: &Self) -> bool {
        self.start < other.start || (self.start == other.start && self.is_due_before(other))
    }
}
