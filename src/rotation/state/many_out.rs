//! Many reservations that are out, by when they lapse, in leaves of memory: whoever comes or ends
//! moves the others of one leaf at most.
//!
//! Counts those to new leads, as a campaign's rules may ask for them with each email. Knows no
//! limits and no days.

use crate::rotation::containers::leaves::Leaves;
use crate::rotation::state::outstanding::Open;
use crate::vocab::Timestamp;

/// Once none is out, room for so many is kept.
const ROOM_KEPT: usize = 64;

/// Those out, by the instant at which they lapse, then by number.
#[derive(Clone, Default)]
pub(crate) struct ManyOut {
    row: Leaves<Open>,
    /// How many of them go to new leads.
    new_leads: usize,
}

impl ManyOut {
    pub(crate) fn len(&self) -> usize {
        self.row.len()
    }

    /// For how many there is room.
    #[cfg(test)]
    pub(crate) fn room(&self) -> usize {
        self.row.room()
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Open> {
        self.row.iter()
    }

    /// The last to lapse.
    #[inline(never)]
    pub(crate) fn last(&self) -> Option<&Open> {
        self.row.last()
    }

    /// How many lapse at an instant or later.
    pub(crate) fn since(&self, at: Timestamp) -> usize {
        let gap = self.row.gap(|open| open.ends_at < at);
        self.row.len() - self.row.rank(gap)
    }

    /// How many of those go to new leads. Mostly they are all there are: the others lapse before a
    /// midnight that these lapse after.
    pub(crate) fn new_leads_since(&self, at: Timestamp) -> usize {
        let gap = self.row.gap(|open| open.ends_at < at);
        if gap.is_first() {
            return self.new_leads;
        }
        self.row.iter_from(gap).filter(|open| open.new_lead).count()
    }

    pub(crate) fn has(&self, key: i128) -> bool {
        let gap = self.row.gap(|open| open.key() < key);
        self.row.behind(gap).is_some_and(|open| open.key() == key)
    }

    /// Adds a reservation.
    pub(crate) fn add(&mut self, open: Open) {
        if self.row.last().is_none_or(|last| last.key() < open.key()) {
            self.push(open);
        } else {
            let gap = self.row.gap(|other| other.key() < open.key());
            self.row.insert(gap, open);
            self.new_leads += usize::from(open.new_lead);
        }
    }

    fn push(&mut self, open: Open) {
        self.row.push(open);
        self.new_leads += usize::from(open.new_lead);
    }

    /// Takes a reservation out; says whether it was there.
    pub(crate) fn end(&mut self, key: i128) -> bool {
        let gap = self.row.gap(|open| open.key() < key);
        let Some(found) = self.row.behind(gap).filter(|open| open.key() == key) else {
            return false;
        };
        self.new_leads -= usize::from(found.new_lead);
        self.row.remove(gap);
        self.row.shrink(ROOM_KEPT);
        true
    }
}

impl FromIterator<Open> for ManyOut {
    /// They are in order.
    fn from_iter<T: IntoIterator<Item = Open>>(all: T) -> Self {
        let mut many = Self::default();
        all.into_iter().for_each(|open| many.push(open));
        many
    }
}
