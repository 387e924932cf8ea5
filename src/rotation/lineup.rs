//! The rotation alone: members with a weight, a cap a day and a gap, and whose turn it is.
//!
//! It chooses and puts back by the very code that the engine does, in the same sequence. Knows no
//! reservations, keys, leads, windows or reasons, and keeps nothing but counts.

use crate::policy::{Place, grain, rescaled};
use crate::rotation::gather::RETURNS_MAX;
use crate::rotation::lens::Lens;
use crate::rotation::outlook::Outlook;
use crate::rotation::pick;
use crate::rotation::rota::Rota;
use crate::rotation::state::Attachment;
use crate::rotation::table::{Slot, Table};
use crate::vocab::{AccountId, Span, Timestamp};

const DAY_MS: i64 = 86_400_000;

/// What is kept of a member.
#[derive(Clone, Debug)]
struct Member {
    place: Place,
    gap: Span,
    cap: u32,
    /// Sends on the day of the last one.
    sent: u32,
    day: i64,
}

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
/// time, and two sends of one member are never closer than its gap.
#[derive(Clone, Debug)]
pub struct Lineup {
    pool: Pool,
    rota: Rota,
}

/// The members and what follows from their sends.
#[derive(Clone, Debug)]
struct Pool {
    members: Vec<Member>,
    attached: Table<AccountId, Attachment>,
    outlooks: Vec<Outlook>,
    virtual_time: Place,
    /// The sum of the weights of those present.
    total_weight: u64,
    now: Timestamp,
    /// The day of universal time, and the instant at which it ends.
    today: i64,
    day_end: Timestamp,
}

impl Lineup {
    /// A rotation without members.
    pub fn new() -> Self {
        let pool = Pool {
            members: Vec::new(),
            attached: Table::default(),
            outlooks: Vec::new(),
            virtual_time: Place::default(),
            total_weight: 0,
            now: Timestamp::MIN,
            today: i64::MIN,
            day_end: Timestamp::MIN,
        };
        Self { pool, rota: Rota::default() }
    }

    /// Adds a member and returns its number, counted from 0. A weight of 0 counts as 1; `cap` is
    /// the most sends in a day of universal time.
    pub fn add(&mut self, weight: u32, cap: u32, gap: Span) -> u32 {
        let number = u32::try_from(self.pool.members.len()).unwrap_or(u32::MAX);
        let (slot, id) = (Slot::from_number(number), AccountId(number.into()));
        let place = Place::default();
        self.pool.members.push(Member { place, gap, cap, sent: 0, day: i64::MIN });
        let mut outlook = Outlook::NONE;
        outlook.weight = u64::from(weight.max(1));
        self.pool.outlooks.push(outlook);
        let offset = self.pool.virtual_time.at();
        self.pool.attached.insert(id, Attachment::new(offset));
        self.renew(slot, Timestamp::MIN);
        self.rota.add(&mut self.pool.lens(), slot, slot);
        if !self.pool.outlooks[slot.index()].away {
            self.rota.lift(slot);
            self.bring_back(&[slot]);
        }
        number
    }

    /// Picks a member and counts its send. A `now` before the latest one counts as that.
    ///
    /// # Errors
    /// The least instant at which somebody may send; [`Timestamp::MAX`] if nobody ever may.
    pub fn pick(&mut self, now: Timestamp) -> Result<u32, Timestamp> {
        self.pool.now = self.pool.now.max(now);
        if self.pool.day_end <= self.pool.now {
            self.pool.today = self.pool.now.unix_ms().div_euclid(DAY_MS);
            let day_end = Timestamp::from_unix_ms((self.pool.today + 1) * DAY_MS);
            self.pool.day_end = day_end.unwrap_or(Timestamp::MAX);
        }
        if !self.rota.is_calm(self.pool.now) {
            self.arrive();
        }
        if !self.rota.is_settled(self.pool.now) {
            if !self.anybody_ready() {
                return Err(self.until());
            }
            self.gather();
        }
        let Some((row, jumped_to)) = pick::choose(&mut self.rota, &mut self.pool.lens(), &[])
        else {
            return Err(self.until());
        };
        self.charge(row, jumped_to);
        Ok(row.number())
    }

    /// Gives a member another weight. It stays as many of its turns before or behind as it was.
    pub fn set_weight(&mut self, member: u32, weight: u32) {
        let (row, weight) = (Slot::from_number(member), u64::from(weight.max(1)));
        let (Some(of), Some(outlook)) =
            (self.pool.members.get_mut(row.index()), self.pool.outlooks.get_mut(row.index()))
        else {
            return;
        };
        let Some(attachment) = self.pool.attached.at_mut(row) else { return };
        let old = std::mem::replace(&mut outlook.weight, weight);
        if old == weight {
            return;
        }
        let start = of.place.at() + attachment.offset();
        let start = rescaled(start, self.pool.virtual_time.at(), old, weight);
        attachment.set_offset(start - of.place.at());
        outlook.next = of.place.next(weight);
        if attachment.present {
            self.pool.total_weight = self.pool.total_weight - old + weight;
        }
        self.rota.seat_anew(&mut self.pool.lens(), row);
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
            self.renew(row, outlook.ready_at);
        }
        self.pool.outlooks[row.index()]
    }

    fn anybody_ready(&mut self) -> bool {
        if self.rota.next(&mut self.pool.lens(), &[]).is_some() {
            return true;
        }
        while let Some((at, (_, row), _)) = self.rota.first_absent() {
            if at > self.pool.now {
                break;
            }
            if self.refresh(row).is_ready(self.pool.now) {
                return true;
            }
            self.rota.seat_anew(&mut self.pool.lens(), row);
        }
        false
    }

    fn until(&mut self) -> Timestamp {
        let first = self.rota.first_waiting(&mut self.pool.lens(), &[]);
        first.map_or(Timestamp::MAX, |(at, _)| at)
    }

    /// Who cannot take part leaves, and of those that can the first come back.
    fn gather(&mut self) {
        let mut leaving = self.rota.take_leaving();
        leaving.sort_unstable();
        leaving.dedup();
        for row in leaving {
            let is_present = self.pool.attached.at(row).is_some_and(|of| of.present);
            if !is_present || !self.refresh(row).away {
                continue;
            }
            let virtual_time = self.pool.virtual_time.at();
            let heir = pick::heir(&mut self.rota, &mut self.pool.lens(), virtual_time, row);
            self.leave(row, heir);
            self.rota.seat_anew(&mut self.pool.lens(), row);
            if let Some(heir) = heir {
                self.rota.seat_anew(&mut self.pool.lens(), heir);
            }
        }
        loop {
            let coming = self.coming();
            self.bring_back(&coming);
            if coming.is_empty() || self.rota.next(&mut self.pool.lens(), &[]).is_some() {
                break;
            }
        }
    }

    fn coming(&mut self) -> Vec<Slot> {
        let mut coming = Vec::new();
        while coming.len() < RETURNS_MAX {
            let Some(((_, row), _)) = self.rota.next_coming(self.pool.now) else { break };
            if self.refresh(row).away {
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
        let present = pick::present(&mut self.rota, &mut self.pool.lens(), virtual_time);
        for row in coming.iter().copied() {
            let outlook = self.pool.outlooks[row.index()];
            if let Some(attachment) = self.pool.attached.at_mut(row) {
                attachment.set_offset(attachment.offset().max(present - outlook.at));
                attachment.present = true;
                self.pool.total_weight += outlook.weight;
            }
            self.rota.seat_anew(&mut self.pool.lens(), row);
        }
    }

    /// Takes a member's weight out of the total; what it is owed or owes goes to the heir.
    fn leave(&mut self, row: Slot, heir: Option<Slot>) {
        let outlook = self.pool.outlooks[row.index()];
        let Some(attachment) = self.pool.attached.at_mut(row) else { return };
        attachment.present = false;
        self.pool.total_weight -= outlook.weight;
        let owed = self.pool.virtual_time.at() - (outlook.at + attachment.offset());
        let Some(heir) = heir else { return };
        attachment.add(owed);
        let weight = self.pool.outlooks[heir.index()].weight;
        if let Some(attachment) = self.pool.attached.at_mut(heir) {
            let turns = owed.saturating_mul(i128::from(outlook.weight));
            attachment.add(-turns.div_euclid(i128::from(weight)));
        }
    }

    /// Counts a send and puts the member back.
    fn charge(&mut self, row: Slot, jumped_to: Option<i128>) {
        if let Some(to) = jumped_to {
            self.pool.virtual_time.jump(to);
        }
        let member = &mut self.pool.members[row.index()];
        let weight = self.pool.outlooks[row.index()].weight;
        if let Some(attachment) = self.pool.attached.at_mut(row) {
            // A rested member catches up by one turn at most.
            let least = self.pool.virtual_time.at() - member.place.turn(weight);
            let start = member.place.at() + attachment.offset();
            attachment.add((least - start).max(0));
        }
        self.pool.virtual_time.forward(self.pool.total_weight);
        member.place.forward(weight);
        member.sent = if member.day == self.pool.today { member.sent + 1 } else { 1 };
        member.day = self.pool.today;
        let pause = self.pool.now.plus(member.gap);
        self.renew(row, pause);
        self.rota.served(&mut self.pool.lens(), row);
    }

    /// Looks at a member's cap; `pause` is when its gap ends.
    fn renew(&mut self, row: Slot, pause: Timestamp) {
        let member = &self.pool.members[row.index()];
        let outlook = &mut self.pool.outlooks[row.index()];
        outlook.stand(member.place);
        outlook.away =
            member.sent >= member.cap && (member.cap == 0 || member.day == self.pool.today);
        outlook.ready_at = pause.max(self.pool.now);
        outlook.flips_at = Timestamp::MAX;
        if outlook.away {
            if member.cap > 0 {
                outlook.flips_at = self.pool.day_end;
            }
            outlook.ready_at = outlook.ready_at.max(outlook.flips_at);
        }
    }
}

impl Pool {
    fn lens(&mut self) -> Lens<'_> {
        Lens {
            attached: &self.attached,
            outlooks: &self.outlooks,
            // A pause never gets shorter.
            waits: &mut [],
            campaign: Slot::from_number(0),
            now: self.now,
            virtual_time: grain(self.virtual_time.at()),
        }
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
