//! What one rule answers: a block or none, until when that holds, and how much it lets through.
//!
//! Knows the civil days that a reservation would touch, which most counted rules are about; not
//! which rules there are.

use crate::policy::{Block, Reason};
use crate::vocab::{CivilDay, Span, Timestamp, Today, Zone};

/// A rule's answer: what it holds back, and the next instant at which that may be otherwise if
/// nothing but time changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verdict {
    pub(crate) block: Option<Block>,
    pub(crate) changes_at: Option<Timestamp>,
    /// If it does not block: what it surely lets through.
    pub(crate) room: Room,
}

/// So many grants at any instants before `until` are surely let through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) grants: u32,
    pub(crate) until: Timestamp,
}

impl Room {
    const BOUNDLESS: Self = Self { grants: u32::MAX, until: Timestamp::MAX };
}

impl Verdict {
    pub(crate) const fn pass(changes_at: Option<Timestamp>) -> Self {
        Self { block: None, changes_at, room: Room::BOUNDLESS }
    }

    /// Lets through what fits, and blocks at the earliest at `changes_at` if left alone.
    pub(crate) const fn counted(
        grants: u32,
        until: Timestamp,
        changes_at: Option<Timestamp>,
    ) -> Self {
        Self { block: None, changes_at, room: Room { grants, until } }
    }

    pub(crate) const fn block(block: Block) -> Self {
        Self { block: Some(block), changes_at: block.until, room: Room::BOUNDLESS }
    }

    /// The same, but it is over at `until` already, if that is given and earlier.
    pub(crate) fn until(self, until: Option<Timestamp>) -> Self {
        if self.block.is_none() {
            return self;
        }
        let over_at = |block: Block| block.until.into_iter().chain(until).min();
        let block = self.block.map(|block| Block { until: over_at(block), ..block });
        Self { block, ..self.or_changes_at(until) }
    }

    /// The same, but it may be otherwise at `at` already, if that is given and earlier.
    pub(crate) fn or_changes_at(self, at: Option<Timestamp>) -> Self {
        Self { changes_at: self.changes_at.into_iter().chain(at).min(), ..self }
    }

    /// The instant from which on it may pass beside others that may from `next` on, as asked at
    /// `at`. A rule that never passes by itself outlasts all others.
    #[inline]
    pub(crate) fn passes_after(&self, at: Timestamp, next: Option<Timestamp>) -> Option<Timestamp> {
        if self.block.is_none() {
            return next;
        }
        let changes_at = self.changes_at.filter(|changes_at| *changes_at > at)?;
        next.map(|next| next.max(changes_at))
    }

    /// The same, but nothing is sure of what it will let through.
    pub(crate) const fn unsure(self) -> Self {
        Self { room: Room { grants: 0, until: Timestamp::MIN }, ..self }
    }

    pub(crate) const fn held(reason: Reason, until: Option<Timestamp>) -> Self {
        Self::block(Block::new(reason, until))
    }
}

/// A civil day of one zone around an instant, and the next day if a reservation would touch it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Touched {
    zone: Zone,
    /// What is known of this day and the next one. Universal time needs no table.
    known: Option<Today>,
    day: CivilDay,
    start: Timestamp,
    end: Timestamp,
    pub(crate) later: Option<CivilDay>,
}

impl Touched {
    /// Of an instant in a zone, of whose days something may be known.
    pub(crate) fn new(zone: Zone, known: &Today, at: Timestamp, ttl: Span) -> Self {
        let known = (zone != Zone::UTC).then(|| known.around(zone, at));
        let day_of = |at| known.map_or_else(|| zone.civil_day(at), |known| known.look(zone, at));
        let start_of =
            |day| known.map_or_else(|| zone.day_start(day), |known| known.start(zone, day));
        let day = day_of(at);
        let end = start_of(day.plus_days(1));
        let until = at.plus(ttl);
        let later = (until >= end).then(|| day_of(until));
        Self { zone, known, day, start: start_of(day), end, later }
    }

    fn start_of(&self, day: CivilDay) -> Timestamp {
        match &self.known {
            None => self.zone.day_start(day),
            Some(known) => known.start(self.zone, day),
        }
    }

    /// The first instant at which the days that a reservation would touch are others.
    pub(crate) fn changes_at(&self, ttl: Span) -> Timestamp {
        if self.later.is_some() { self.end } else { self.end.minus(ttl) }
    }

    /// Blocks if `used` reaches `max` on the day or on the later one, until the `next` day on which
    /// that may be otherwise. What passes and is `steady` goes on passing if left alone.
    pub(crate) fn verdict(
        &self,
        ttl: Span,
        steady: bool,
        reason: impl Fn(CivilDay) -> Reason,
        used: impl Fn(Timestamp) -> u32,
        max: impl Fn(CivilDay) -> u32,
        next: impl Fn(CivilDay) -> Option<CivilDay>,
    ) -> Verdict {
        let until = |day| next(day).map(|next| self.start_of(next));
        let mut room = u32::MAX;
        if let Some(later) = self.later {
            let (count, most) = (used(self.start_of(later)), max(later));
            room = most.saturating_sub(count);
            if count >= most {
                return Verdict::block(Block::counted(reason(later), count, most, until(later)));
            }
        }
        let (count, most) = (used(self.start), max(self.day));
        if count >= most {
            return Verdict::block(Block::counted(reason(self.day), count, most, until(self.day)));
        }
        let changes_at = self.changes_at(ttl);
        room = room.min(most - count);
        Verdict::counted(room, changes_at, Some(changes_at).filter(|_| !steady))
    }
}
