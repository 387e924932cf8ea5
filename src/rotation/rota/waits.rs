//! When the first of those that may not send may.
//!
//! What is noted of an account is a lower bound until it comes up. Then it is looked at, and moved
//! if it does not stand there any more.

use crate::rotation::containers::table::Slot;
use crate::rotation::rota::Rota;
use crate::rotation::rota::lens::Lens;
use crate::rotation::rota::seat::{Place, Seat, are_few};
use crate::rotation::state::exclusion::Exclusion;
use crate::rotation::turns::standing::{Member, Spot};
use crate::vocab::{AccountId, Timestamp};

/// Those that take part in the rotation and go on doing so, and the others.
#[derive(Clone, Copy, Debug)]
enum Side {
    Absent,
    Present,
}

impl Rota {
    /// Whether nobody is to be looked at or let up by now.
    pub(crate) fn is_calm(&self, now: Timestamp) -> bool {
        now < self.calm_until
    }

    /// Lets everybody up who waited until now, once all were looked at that had to be.
    pub(crate) fn wake(&mut self, lens: &mut Lens<'_>) {
        while let Some((at, member)) = self.waiting.pop_by(lens.now) {
            if self.let_up(lens, member, at) {
                break;
            }
        }
        while let Some((at, member)) = self.out.pop_by(lens.now) {
            if self.let_up(lens, member, at) {
                break;
            }
        }
        self.turns.get_up(lens.now);
        while let Some((at, member)) =
            self.turns.many.as_mut().and_then(|runs| runs.next_rested(lens.now))
        {
            if sleeps(&self.seats, at, member) {
                self.seat_anew(lens, member.1);
            }
        }
        let mut calm_until = self.stays_at;
        for first in [self.waiting.first(), self.out.first()] {
            calm_until = first.map_or(calm_until, |(at, _)| at.min(calm_until));
        }
        let flips_at = self.flips.first().map_or(calm_until, |(at, _)| at);
        let flips_at = flips_at.min(self.shut.first_at());
        self.calm_until = calm_until.min(flips_at).min(self.turns.gets_up_at());
    }

    /// Lets an account up if it waits until then. At the last instant that there is, what waits for
    /// it waits for ever; says whether it is that.
    #[inline]
    fn let_up(&mut self, lens: &mut Lens<'_>, member: Member, at: Timestamp) -> bool {
        if !self.waits_until(at, member) {
            return false;
        }
        self.seat_anew(lens, member.1);
        lens.now == Timestamp::MAX && self.waits_until(Timestamp::MAX, member)
    }

    /// The first of those that wait whom the request does not exclude, and until when it waits.
    pub(crate) fn first_waiting(
        &mut self,
        lens: &mut Lens<'_>,
        excluded: Exclusion<'_>,
    ) -> Option<(Timestamp, AccountId)> {
        let sides = [Side::Absent, Side::Present];
        let found = sides.into_iter().filter_map(|side| self.first_of(lens, side, excluded)).min();
        // Those that were looked at may be among the few by now.
        found.into_iter().chain(self.first_of_few(lens, excluded)).min()
    }

    /// The first of those that stand in the order though they are not ready.
    fn first_of_few(
        &self,
        lens: &Lens<'_>,
        excluded: Exclusion<'_>,
    ) -> Option<(Timestamp, AccountId)> {
        let few = self.turns.few().filter(|at| !excluded.has(at.id));
        let few = few.filter(|_| are_few(&self.seats));
        let ready_at = |row| Some(lens.outlooks.get(self.account(row)?.index())?.ready_at);
        few.filter_map(|at| Some((ready_at(at.row())?, at.id))).min()
    }

    fn first_of(
        &mut self,
        lens: &mut Lens<'_>,
        side: Side,
        excluded: Exclusion<'_>,
    ) -> Option<(Timestamp, AccountId)> {
        if self.scans && matches!(side, Side::Present) {
            return self.scan_waiting(lens, excluded);
        }
        let mut aside = Vec::new();
        let mut found = None;
        while let Some((at, (id, row), account)) = self.first(side) {
            if lens.outlooks[account.index()].ready_at != at {
                self.take(side, row);
                self.seat_anew(lens, row);
            } else if excluded.has(id) {
                aside.extend(self.take(side, row));
            } else {
                found = Some((at, id));
                break;
            }
        }
        match side {
            Side::Absent => self.put_back(aside),
            Side::Present => aside.into_iter().for_each(|(at, of)| self.let_wait(at, of)),
        }
        found
    }

    fn first(&mut self, side: Side) -> Option<(Timestamp, Member, Slot)> {
        match side {
            Side::Absent => self.first_absent(),
            Side::Present => self.first_present(),
        }
    }

    /// Takes out whom [`first`](Self::first) found.
    fn take(&mut self, side: Side, row: Slot) -> Option<(Timestamp, Member)> {
        let seat = self.seat(row)?;
        match (side, seat.place) {
            (Side::Absent, _) => self.pop_absent(),
            (Side::Present, Place::Asleep { ready_at, .. }) => {
                self.rise(row);
                Some((ready_at, (seat.id, row)))
            }
            (Side::Present, _) => self.pop_waiting(),
        }
    }

    /// Takes the first out of those that wait.
    fn pop_waiting(&mut self) -> Option<(Timestamp, Member)> {
        let Self { waiting, out, .. } = self;
        match (waiting.first(), out.first()) {
            (Some(first), Some(of_out)) if of_out < first => out.pop_by(Timestamp::MAX),
            (None, _) => out.pop_by(Timestamp::MAX),
            (Some(_), _) => waiting.pop(),
        }
    }

    fn let_wait(&mut self, at: Timestamp, member: Member) {
        if let Some(Some(seat)) = self.seats.get_mut(member.1.index()) {
            self.parts += usize::from(!seat.place.takes_part());
            seat.place = Place::Waiting(at);
        }
        self.waiting.push(at, member);
    }

    fn first_present(&mut self) -> Option<(Timestamp, Member, Slot)> {
        let waiting = loop {
            let first = self.waiting.first();
            if first.is_none_or(|(at, member)| self.waits_until(at, member)) {
                break first;
            }
            self.waiting.pop();
        };
        let mut found = waiting.into_iter().chain(self.out.first()).min();
        if self.turns.gets_up_at() < Timestamp::MAX {
            found = found.into_iter().chain(self.first_asleep()).min();
        }
        let (at, member) = found?;
        Some((at, member, self.seat(member.1)?.account))
    }

    fn first_asleep(&mut self) -> Option<(Timestamp, Member)> {
        let Self { seats, turns, .. } = self;
        turns.first_asleep(|at, member| sleeps(seats, at, member))
    }

    /// When the first of those that are absent or leave may send, as far as is known.
    pub(crate) fn first_absent(&mut self) -> Option<(Timestamp, Member, Slot)> {
        self.drop_stale_absent();
        let (at, member) = self.absent.ready.first()?;
        Some((at, member, self.seat(member.1)?.account))
    }

    /// Takes that entry out for a while.
    pub(crate) fn put_aside(&mut self) -> Option<(Timestamp, Member)> {
        self.pop_absent()
    }

    pub(crate) fn put_back(&mut self, aside: Vec<(Timestamp, Member)>) {
        for (at, member) in aside {
            if let Some(Some(seat)) = self.seats.get_mut(member.1.index()) {
                seat.noted_at = at;
            }
            self.absent.ready.push(at, member);
        }
    }

    fn pop_absent(&mut self) -> Option<(Timestamp, Member)> {
        let (at, member) = self.absent.ready.pop()?;
        let seat = self.seats.get_mut(member.1.index()).and_then(Option::as_mut);
        if let Some(seat) = seat.filter(|seat| seat.noted_at == at) {
            seat.noted_at = Timestamp::MAX;
        }
        Some((at, member))
    }

    pub(crate) fn drop_stale_absent(&mut self) {
        while let Some((at, (id, row))) = self.absent.ready.first() {
            if self.absent_until(row) == Some((at, id)) {
                break;
            }
            self.pop_absent();
        }
    }

    /// When an account may send that is absent or leaves.
    fn absent_until(&self, row: Slot) -> Option<(Timestamp, AccountId)> {
        let seat = self.seat(row)?;
        match seat.place {
            Place::Absent { ready_at, .. } | Place::Leaving { ready_at } => {
                Some((ready_at, seat.id))
            }
            Place::Asleep { .. }
            | Place::Nowhere
            | Place::Scanned
            | Place::Turns
            | Place::Waiting(_) => None,
        }
    }

    /// Whether an account waits until then. Another may have got its row.
    #[inline]
    fn waits_until(&self, at: Timestamp, (id, row): Member) -> bool {
        let seat = self.seats.get(row.index()).and_then(Option::as_ref);
        seat.is_some_and(|seat| seat.place == Place::Waiting(at) && seat.id == id)
    }

    /// Puts an account that is nowhere and rests among those that rest for about as long, where
    /// there are so many accounts that it matters and most are in no other campaign, or else among
    /// those that wait: accounts of several campaigns often rest anew before they are up, and would
    /// be looked at in vain.
    #[inline]
    pub(super) fn rest(&mut self, member: Member, spot: Spot, rest: (Timestamp, Timestamp)) {
        let Self { seats, turns, waiting, .. } = self;
        let is_large = seats.len() >= self.sliced_min && 2 * self.shared <= seats.len();
        let Some(Some(seat)) = seats.get_mut(member.1.index()) else { return };
        let found = if is_large { turns.rest(member.1, spot, rest) } else { None };
        if let Some(((run, until), ticket)) = found {
            (seat.place, seat.ticket) = (Place::Asleep { run, until, ready_at: rest.0 }, ticket);
            self.drop_left_behind();
        } else {
            seat.place = Place::Waiting(rest.0);
            waiting.push(rest.0, member);
        }
    }

    /// Drops what no longer stands, once it is most of what there is.
    pub(super) fn drop_stale(&mut self) {
        let most = 2 * self.seats.len() + 64;
        let Self { seats, turns, waiting, absent, leaving, .. } = self;
        let seat = |row: Slot| seats[row.index()].as_ref();
        if waiting.len() > most {
            waiting.retain(|at, (id, row)| {
                let waits = |seat: &Seat| seat.place == Place::Waiting(at) && seat.id == id;
                seat(row).is_some_and(waits)
            });
        }
        if let Some(runs) = &mut turns.many {
            runs.drop_unrested(most, |at, member| sleeps(seats, at, member));
        }
        if absent.ready.len() > most {
            // An account that takes part by now may be absent until the same instant again.
            absent.ready.retain(|at, (id, row)| {
                seat(row).is_some_and(|seat| (seat.noted_at, seat.id) == (at, id))
            });
        }
        if leaving.len() > most {
            leaving.sort_unstable();
            leaving.dedup();
            let leaves = |seat: &Seat| matches!(seat.place, Place::Leaving { .. });
            leaving.retain(|row| seat(*row).is_some_and(leaves));
        }
    }
}

/// Whether an account that lies in the order may send then. Another may have got its row.
fn sleeps(seats: &[Option<Seat>], at: Timestamp, (id, row): Member) -> bool {
    let seat = seats.get(row.index()).and_then(Option::as_ref);
    let lies = |of: &Seat| matches!(of.place, Place::Asleep { ready_at, .. } if ready_at == at);
    seat.is_some_and(|seat| seat.id == id && lies(seat))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use crate::policy::{Account, Campaign};
    use crate::rotation::engine::Engine;
    use crate::rotation::state::config::Config;
    use crate::rotation::{Outcome, Request};
    use crate::vocab::{AccountId, CampaignId, LeadId, OwnerId, Span, Weight};

    /// An account that has to leave is noted again with each change, and nobody may ever ask.
    #[test]
    fn who_leaves_is_noted_a_few_times_only() {
        let (now, campaign) = (DateTime::UNIX_EPOCH, CampaignId(1));
        let mut engine = Engine::new(Config::default());
        let account = Account::new(AccountId(1), OwnerId(1), "a@b.example");
        engine.add_account(account.clone(), now).unwrap();
        engine.add_campaign(Campaign::new(campaign, OwnerId(1)), now).unwrap();
        engine.attach(campaign, &[AccountId(1)], now).unwrap();
        for n in 0..2_000_u32 {
            let weight = Weight::new(if n % 2 == 0 { 1 } else { 2 }).unwrap();
            let change = account.clone().suspended(true).weight(weight);
            engine.change_account(change, now).unwrap();
        }
        let slot = engine.state.campaigns.slot(&campaign).unwrap();
        let noted = engine.index.rota(slot).leaving.len();
        assert!((1..=67).contains(&noted), "{noted} of one account");
    }

    /// The same of one that waits, whatever else of it changes meanwhile.
    #[test]
    fn who_waits_is_noted_once() {
        let (now, campaign) = (DateTime::UNIX_EPOCH, CampaignId(1));
        let mut engine = Engine::new(Config::default());
        let ids: Vec<_> = (0..20).map(AccountId).collect();
        for id in &ids {
            let account = Account::new(*id, OwnerId(1), "a@b.example");
            engine.add_account(account.spacing(Span::minutes(9)), now).unwrap();
        }
        engine.add_campaign(Campaign::new(campaign, OwnerId(1)), now).unwrap();
        engine.attach(campaign, &ids, now).unwrap();
        let granted = engine.reserve(campaign, &Request::new_lead(LeadId(1)), now).unwrap();
        let granted = granted.reserved().unwrap().clone();
        engine.settle(granted.id, Outcome::Sent, now).unwrap();
        let account = engine.account(granted.account).unwrap().clone();
        for n in 0..2_000_u32 {
            let weight = Weight::new(if n % 2 == 0 { 3 } else { 2 }).unwrap();
            engine.change_account(account.clone().weight(weight), now).unwrap();
        }
        let slot = engine.state.campaigns.slot(&campaign).unwrap();
        let rota = engine.index.rota(slot);
        assert_eq!((rota.waiting.len(), rota.out.first()), (1, None));
    }
}
