//! The rotation alone: members with a weight, a cap a day and a gap, and whose turn it is.
//!
//! It chooses and puts back by the very code that the engine does, in the same sequence. Knows no
//! reservations, keys, leads, windows or reasons, and keeps nothing but counts.

mod members;

use crate::policy::{Place, grain, rescaled, within_reach};
use crate::rotation::containers::table::Slot;
use crate::rotation::lineup::members::{DAY_MS, Member, Pool};
use crate::rotation::rota::Rota;
use crate::rotation::rota::choice;
use crate::rotation::rota::outlook::Outlook;
use crate::rotation::rota::turnout::RETURNS_MAX;
use crate::rotation::state::Attachment;
use crate::rotation::state::exclusion::Exclusion;
use crate::vocab::{AccountId, Span, Timestamp};

/// A weighted rotation of members for callers that need no reservations: each pick counts as sent.
///
/// ```
/// use mailrota::{Lineup, Span, Timestamp};
///
/// let mut lineup = Lineup::new();
/// for weight in [5, 1, 1] {
///     lineup.add(weight, 100, Span::ZERO);
/// }
/// let now = Timestamp::parse("2026-11-20T09:00:00Z")?;
/// let picks: Vec<_> = (0..7).map_while(|_| lineup.pick(now).ok()).collect();
/// assert_eq!(picks, [0, 1, 0, 0, 2, 0, 0]);
/// # Ok::<(), mailrota::TimeError>(())
/// ```
///
/// Counts follow the weights to within one send, no member exceeds its cap in a day of universal
/// time, and two sends of one member are never closer than its gap. It is made for 2^30 picks of a
/// member of weight 1, a billion, and for as many times more as a member weighs.
#[derive(Clone, Debug)]
pub struct Lineup {
    pool: Pool,
    rota: Rota,
}

impl Lineup {
    /// A rotation without members.
    pub fn new() -> Self {
        Self { pool: Pool::new(), rota: Rota::default() }
    }

    /// Adds a member and returns its number, counted from 0. A weight of 0 counts as 1; `cap` is
    /// the most sends in a day of universal time.
    pub fn add(&mut self, weight: u32, cap: u32, gap: Span) -> u32 {
        let number = u32::try_from(self.pool.members.len()).unwrap_or(u32::MAX);
        let (slot, id) = (Slot::from_number(number), AccountId(number.into()));
        let weight = weight.max(1);
        self.pool.members.push(Member { place: Place::default(), gap, cap, weight });
        self.pool.outlooks.push(Outlook::NONE);
        let offset = self.pool.virtual_time.at();
        self.pool.attached.insert(id, Attachment::new(offset));
        self.pool.renew(slot, Timestamp::MIN);
        self.rota.add(&mut self.pool.lens(), slot, slot);
        if !self.pool.outlooks[slot.index()].away() {
            self.rota.lift(slot);
            self.let_leave();
            self.bring_back(&[slot]);
        }
        number
    }

    /// Picks a member and counts its send. A `now` before the latest one counts as that.
    ///
    /// # Errors
    /// The least instant at which somebody may send; [`Timestamp::MAX`] if nobody ever may.
    pub fn pick(&mut self, now: Timestamp) -> Result<u32, Timestamp> {
        let now = self.pool.now.max(now);
        self.pool.now = now;
        let (row, jumped_to) = match self.whose_turn(now) {
            Some(row) => (row, None),
            None => self.turn_of_all(now)?,
        };
        self.charge(row, jumped_to);
        Ok(row.number())
    }

    /// Whose turn it is, if that is known without another look at anybody.
    #[inline]
    fn whose_turn(&mut self, now: Timestamp) -> Option<Slot> {
        let Self { pool, rota } = self;
        let is_quiet = now < pool.day_end && rota.is_calm(now) && rota.is_settled(now);
        let virtual_time = grain(pool.virtual_time.at());
        if is_quiet { rota.whose_turn(&pool.outlooks, virtual_time, now) } else { None }
    }

    #[inline(never)]
    fn turn_of_all(&mut self, now: Timestamp) -> Result<(Slot, Option<i128>), Timestamp> {
        if self.pool.day_end <= now {
            self.pool.day_end = now.floor(DAY_MS).plus(Span::days(1));
        }
        if !self.rota.is_calm(now) {
            self.arrive();
        }
        if !self.rota.is_settled(now) {
            if !self.anybody_ready() {
                return Err(self.until());
            }
            self.gather();
        }
        let turn = choice::choose(&mut self.rota, &mut self.pool.lens(), Exclusion::NONE);
        turn.ok_or_else(|| self.until())
    }

    /// Gives a member another weight. It stays as many of its turns before or behind as it was.
    pub fn set_weight(&mut self, member: u32, weight: u32) {
        let (row, weight) = (Slot::from_number(member), weight.max(1));
        let Pool { members, attached, outlooks, virtual_time, total_weight, .. } = &mut self.pool;
        let (Some(of), Some(outlook), Some(attachment)) =
            (members.get_mut(row.index()), outlooks.get_mut(row.index()), attached.at_mut(row))
        else {
            return;
        };
        let old = std::mem::replace(&mut of.weight, weight);
        if old == weight {
            return;
        }
        let (old, weight) = (u64::from(old), u64::from(weight));
        let start = of.place.at() + attachment.offset();
        let start = rescaled(start, virtual_time.at(), old, weight);
        attachment.set_offset(within_reach(start.saturating_sub(of.place.at())));
        outlook.stand(of.place, weight);
        if attachment.present {
            *total_weight = *total_weight - old + weight;
        }
        self.rota.told(&mut self.pool.lens(), row, true);
    }

    /// Looks again at those that may leave or stay by now.
    fn arrive(&mut self) {
        while let Some((row, _)) = self.rota.flipped(self.pool.now) {
            self.look_again(row);
        }
        for (row, _) in self.rota.staying(self.pool.now) {
            self.look_again(row);
        }
        self.rota.wake(&mut self.pool.lens());
    }

    /// Sees to it that a member stands by its present outlook.
    fn look_again(&mut self, row: Slot) {
        self.refresh(row);
        self.rota.seat_anew(&mut self.pool.lens(), row);
    }

    fn refresh(&mut self, row: Slot) -> Outlook {
        let outlook = self.pool.outlooks[row.index()];
        if outlook.flips_at <= self.pool.now {
            self.pool.renew(row, outlook.ready_at);
        }
        self.pool.outlooks[row.index()]
    }

    fn anybody_ready(&mut self) -> bool {
        if self.rota.next(&mut self.pool.lens(), Exclusion::NONE).is_some() {
            return true;
        }
        let now = self.pool.now;
        while let Some((_, (_, row), _)) = self.rota.first_absent().filter(|(at, ..)| *at <= now) {
            if self.refresh(row).is_ready(self.pool.now) {
                return true;
            }
            self.rota.seat_anew(&mut self.pool.lens(), row);
        }
        false
    }

    fn until(&mut self) -> Timestamp {
        let first = self.rota.first_waiting(&mut self.pool.lens(), Exclusion::NONE);
        first.map_or(Timestamp::MAX, |(at, _)| at)
    }

    /// Who cannot take part leaves.
    fn let_leave(&mut self) {
        let mut leaving = self.rota.take_leaving();
        leaving.sort_unstable();
        leaving.dedup();
        for row in leaving {
            let is_present = self.pool.attached.at(row).is_some_and(|of| of.present);
            if !is_present || !self.refresh(row).away() {
                continue;
            }
            let (at, leaving) = (self.pool.virtual_time.at(), (row, self.pool.weight(row)));
            let heir = choice::heir(&mut self.rota, &mut self.pool.lens(), at, leaving);
            self.leave(row, heir);
            for row in [row].into_iter().chain(heir) {
                self.rota.seat_anew(&mut self.pool.lens(), row);
            }
        }
    }

    /// Who cannot take part leaves, and of those that can the first come back.
    fn gather(&mut self) {
        self.let_leave();
        loop {
            let coming = self.coming();
            self.bring_back(&coming);
            if coming.is_empty() || self.rota.next(&mut self.pool.lens(), Exclusion::NONE).is_some()
            {
                break;
            }
        }
    }

    fn coming(&mut self) -> Vec<Slot> {
        let mut coming = Vec::new();
        while coming.len() < RETURNS_MAX {
            let Some(((_, row), _)) = self.rota.next_coming(self.pool.now) else { break };
            if self.refresh(row).away() {
                self.rota.seat_anew(&mut self.pool.lens(), row);
            } else {
                self.rota.lift(row);
                coming.push(row);
            }
        }
        coming
    }

    /// Lets members take part, at the present of those that do.
    fn bring_back(&mut self, coming: &[Slot]) {
        let virtual_time = self.pool.virtual_time.at();
        let present = choice::present(&mut self.rota, &mut self.pool.lens(), virtual_time);
        for row in coming.iter().copied() {
            let (at, weight) = (self.pool.outlooks[row.index()].at, self.pool.weight(row));
            if let Some(attachment) = self.pool.attached.at_mut(row) {
                attachment.set_offset(attachment.offset().max(present - at));
                attachment.present = true;
                self.pool.total_weight += weight;
            }
            self.rota.seat_anew(&mut self.pool.lens(), row);
        }
    }

    /// Takes a member's weight out of the total; what it is owed or owes goes to the heir.
    fn leave(&mut self, row: Slot, heir: Option<Slot>) {
        let (at, weight) = (self.pool.outlooks[row.index()].at, self.pool.weight(row));
        let Some(attachment) = self.pool.attached.at_mut(row) else { return };
        attachment.present = false;
        self.pool.total_weight -= weight;
        let owed = self.pool.virtual_time.at() - (at + attachment.offset());
        let Some(heir) = heir else { return };
        attachment.add(owed);
        let turns = owed.saturating_mul(i128::from(weight));
        let weight = self.pool.weight(heir);
        if let Some(attachment) = self.pool.attached.at_mut(heir) {
            let turns = turns.div_euclid(i128::from(weight));
            attachment.set_offset(within_reach(attachment.offset().saturating_sub(turns)));
        }
    }

    /// Puts a member back whose lease has ended, or that cannot stay in the order.
    #[inline(never)]
    fn put_back(&mut self, row: Slot) {
        if !self.pool.outlooks[row.index()].is_calm(self.pool.now) {
            self.pool.spend_last(row);
        }
        let rests_until = self.pool.outlooks[row.index()].ready_at;
        self.rota.served(&mut self.pool.lens(), row, rests_until);
    }

    /// Counts a send and puts the member back.
    #[inline]
    fn charge(&mut self, row: Slot, jumped_to: Option<i128>) {
        let Pool { members, attached, outlooks, virtual_time, total_weight, now, .. } =
            &mut self.pool;
        if let Some(to) = jumped_to {
            virtual_time.jump(to);
        }
        let (Some(member), Some(attachment), Some(outlook)) =
            (members.get_mut(row.index()), attached.at_mut(row), outlooks.get_mut(row.index()))
        else {
            return;
        };
        let weight = u64::from(member.weight);
        // A rested member catches up by one turn at most.
        let least = virtual_time.at() - member.place.turn(weight);
        let start = member.place.at() + attachment.offset();
        if start < least {
            attachment.add(least - start);
        }
        virtual_time.forward(*total_weight);
        outlook.advance(&mut member.place, weight);
        outlook.ready_at = now.plus(member.gap);
        let rest = (outlook.ready_at, *now);
        if outlook.spend(*now) && self.rota.serve(row, outlook, attachment, rest) {
            self.rota.fetch(outlooks, |row, _| {
                let attachment = attached.at(row).map_or(0, |of| u64::from(of.present));
                attachment ^ members.get(row.index()).map_or(0, |of| u64::from(of.weight))
            });
            return;
        }
        self.put_back(row);
    }
}

impl Default for Lineup {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_and_a_cap_are_kept_and_waits_end_when_they_say() {
        let at = |ms| Timestamp::from_unix_ms(ms).unwrap();
        let mut lineup = Lineup::new();
        assert_eq!(lineup.pick(at(0)), Err(Timestamp::MAX));
        lineup.add(1, 2, Span::seconds(1));
        lineup.add(1, 0, Span::seconds(1));
        assert_eq!(lineup.pick(at(0)), Ok(0));
        assert_eq!(lineup.pick(at(0)), Err(at(1_000)));
        assert_eq!(lineup.pick(at(1_000)), Ok(0));
        assert_eq!(lineup.pick(at(3_000)), Err(at(DAY_MS)));
        assert_eq!(lineup.pick(at(DAY_MS)), Ok(0));
    }
}
