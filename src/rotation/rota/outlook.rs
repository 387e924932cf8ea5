//! An account's outlook: what its rules say of the present, and of the future if it is left alone.
//!
//! Asking every rule is dear, so what they answered is kept with how long and for how many grants
//! it surely holds. Between two askings a grant only shifts the pause. Knows one account and no
//! campaign.

use crate::policy::{Place, Reason};
use crate::rotation::rules::{AccountRules, Purpose, earliest};
use crate::vocab::{Span, Timestamp};

/// How far ahead an account's readiness is looked for; answers are bounded by the horizon.
const AHEAD: Span = Span::days(800);

/// What is known of an account. It holds until [`flips_at`](Self::flips_at) or until the account's
/// facts change. A turn looks at two of these, so each is a line of the processor's cache.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(crate) struct Outlook {
    /// Copies of its place and of the place a turn further.
    pub(crate) at: i128,
    pub(crate) next: i128,
    /// The least instant at which it may send a new lead, as far as its own rules go.
    pub(crate) ready_at: Timestamp,
    /// The instant at which it may come back, or go away, by itself.
    pub(crate) flips_at: Timestamp,
    /// Until then, and for so many grants, nothing but a pause can hold it. [`AWAY`] if it is away.
    calm_until: Timestamp,
    grants: u32,
    /// How often its place has changed, which tells that it has.
    pub(crate) moves: u32,
}

/// Stands for no instant: the account is away.
const AWAY: Timestamp = Timestamp::MIN;
/// The first that stands for one.
const FIRST: Timestamp = AWAY.plus(Span::milliseconds(1));

impl Outlook {
    /// Of an account that is not there.
    pub(crate) const NONE: Self = Self {
        at: 0,
        next: 0,
        ready_at: Timestamp::MAX,
        flips_at: Timestamp::MAX,
        calm_until: AWAY,
        grants: 0,
        moves: 0,
    };

    /// Asks every rule.
    pub(crate) fn of(rules: AccountRules<'_>, now: Timestamp) -> Self {
        let mut away = false;
        let mut held = false;
        let mut flips_at = Timestamp::MAX;
        let (mut grants, mut calm_until) = (u32::MAX, Timestamp::MAX);
        // From when on all may pass, and all that are no rest.
        let (mut passes_at, mut stays_at) = (Some(now), Some(now));
        rules.each(now, Purpose::NewLead, |verdict| {
            passes_at = verdict.passes_after(now, passes_at);
            let Some(block) = verdict.block else {
                flips_at = verdict.changes_at.map_or(flips_at, |at| at.min(flips_at));
                grants = grants.min(verdict.room.grants);
                calm_until = calm_until.min(verdict.room.until);
                return;
            };
            if !block.reason.is_rest() {
                (away, stays_at) = (true, verdict.passes_after(now, stays_at));
            } else if !is_pause(block.reason) {
                held = true;
            }
        });
        let far = now.plus(AHEAD);
        let first = |rests: bool| {
            let from = if rests { passes_at } else { stays_at };
            let ready_at = from.filter(|from| *from <= far).and_then(|from| {
                earliest(from, far, |at, visit| {
                    rules.each(at, Purpose::NewLead, |verdict| {
                        if rests || verdict.block.is_some_and(|block| !block.reason.is_rest()) {
                            visit(verdict);
                        }
                    });
                })
            });
            ready_at.unwrap_or(Timestamp::MAX)
        };
        // Who comes back when a window opens mostly may send then: one look tells both.
        let at_once = passes_at.filter(|at| away && Some(*at) == stays_at && *at <= far);
        let at_once = at_once.filter(|at| rules.pass(*at, Purpose::NewLead));
        if away {
            flips_at = at_once.unwrap_or_else(|| first(false));
        }
        let pause = rules.pause_until();
        let ready_at = match at_once {
            Some(at) => at,
            None if away || held || pause >= flips_at => first(true),
            None => pause.max(now),
        };
        if away || held {
            grants = 0;
        }
        let calm_until = if away { AWAY } else { calm_until.min(flips_at).max(FIRST) };
        let mut outlook = Self { ready_at, flips_at, calm_until, grants, ..Self::NONE };
        outlook.stand(rules.account.place, rules.account.weight);
        outlook
    }

    /// After a grant, or after one ended in time: the same with the pause that now holds, unless
    /// the rules must be asked again. Then nothing but the number of grants has changed.
    #[inline]
    pub(crate) fn shift(&mut self, rules: AccountRules<'_>, now: Timestamp, granted: bool) -> bool {
        self.grants = self.grants.saturating_sub(u32::from(granted));
        let pause = rules.pause_until();
        if !self.is_calm(now) || pause >= self.flips_at {
            return false;
        }
        self.ready_at = pause.max(now);
        // Of the ends only a cancel moves the account.
        if granted || self.at != rules.account.place.at() {
            self.stand(rules.account.place, rules.account.weight);
        }
        true
    }

    /// Has the account looked at after so many grants at the latest.
    pub(crate) fn spare(&mut self, grants: u32) {
        self.grants = self.grants.min(grants);
    }

    /// Whether it is out of the rotation: it comes back at the present, owed nothing.
    #[inline]
    pub(crate) fn away(&self) -> bool {
        self.calm_until == AWAY
    }

    /// Whether its turn is another, and so its weight. Rounding makes turns of one weight differ by
    /// a unit, and those of two weights differ by more.
    pub(crate) const fn turns_otherwise(&self, turn: i128) -> bool {
        (self.next - self.at).abs_diff(turn) > 1
    }

    /// Whether it may send a new lead now, as far as its own rules go.
    #[inline]
    pub(crate) fn is_ready(&self, now: Timestamp) -> bool {
        !self.away() && self.ready_at <= now
    }

    /// Whether nothing but a pause can hold it now.
    pub(crate) fn is_calm(&self, now: Timestamp) -> bool {
        self.grants > 0 && now < self.calm_until
    }

    /// Takes the place of the one that was known before.
    pub(crate) fn succeed(&mut self, old: &Self) {
        self.moves = old.moves.wrapping_add(u32::from(self.at != old.at));
    }

    /// Takes in where the account stands, and where it does a turn further.
    #[inline]
    pub(crate) fn stand(&mut self, place: Place, weight: u64) {
        self.moves = self.moves.wrapping_add(u32::from(self.at != place.at()));
        (self.at, self.next) = (place.at(), place.next(weight));
    }
}

/// Whether a reason is a pause between two sends, which is not kept but computed anew.
const fn is_pause(reason: Reason) -> bool {
    matches!(reason, Reason::GapNotOver | Reason::SettlementAwaited | Reason::PaceNotDue)
}
