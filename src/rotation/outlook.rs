//! An account's outlook: what its rules say of the present, and of the future if it is left alone.
//!
//! Asking every rule is dear, so what they answered is kept with how long and for how many grants
//! it surely holds. Between two askings a grant only shifts the pause. Knows one account and no
//! campaign.

use crate::policy::{Place, Reason};
use crate::rotation::rules::{AccountRules, Purpose, earliest};
use crate::rotation::state::AccountRecord;
use crate::vocab::{Span, Timestamp};

/// How far ahead an account's readiness is looked for; answers are bounded by the horizon.
const AHEAD: Span = Span::days(800);

/// What is known of an account. It holds until [`flips_at`](Self::flips_at) or until the account's
/// facts change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outlook {
    /// Out of the rotation: it comes back at the present, owed nothing.
    pub(crate) away: bool,
    /// The least instant at which it may send a new lead, as far as its own rules go.
    pub(crate) ready_at: Timestamp,
    /// The instant at which it may come back, or go away, by itself.
    pub(crate) flips_at: Timestamp,
    /// Until then, and for so many grants, nothing but a pause can hold it.
    calm_until: Timestamp,
    grants: u32,
    /// How often its place has changed, which tells that it has.
    pub(crate) moves: u32,
    /// Copies of its place, of the place a turn further and of its weight.
    pub(crate) at: i128,
    pub(crate) next: i128,
    pub(crate) weight: u64,
}

impl Outlook {
    /// Of an account that is not there.
    pub(crate) const NONE: Self = Self {
        away: true,
        ready_at: Timestamp::MAX,
        flips_at: Timestamp::MAX,
        calm_until: Timestamp::MIN,
        grants: 0,
        moves: 0,
        at: 0,
        next: 0,
        weight: 0,
    };

    /// Asks every rule.
    pub(crate) fn of(rules: AccountRules<'_>, now: Timestamp) -> Self {
        let mut away = false;
        let mut held = false;
        let mut flips_at = Timestamp::MAX;
        let (mut grants, mut calm_until) = (u32::MAX, Timestamp::MAX);
        rules.each(now, Purpose::NewLead, |verdict| match verdict.block {
            None => {
                flips_at = verdict.changes_at.map_or(flips_at, |at| at.min(flips_at));
                grants = grants.min(verdict.room.grants);
                calm_until = calm_until.min(verdict.room.until);
            }
            Some(block) if is_pause(block.reason) => {}
            Some(block) if block.reason.is_rest() => held = true,
            Some(_) => away = true,
        });
        let far = now.plus(AHEAD);
        let first = |rests: bool| {
            let ready_at = earliest(now, far, |at, visit| {
                rules.each(at, Purpose::NewLead, |verdict| {
                    let counts = rests || verdict.block.is_some_and(|b| !b.reason.is_rest());
                    if counts {
                        visit(verdict);
                    }
                });
            });
            ready_at.unwrap_or(Timestamp::MAX)
        };
        if away {
            flips_at = first(false);
        }
        let pause = rules.pause_until();
        let ready_at = if away || held || pause >= flips_at { first(true) } else { pause.max(now) };
        if away || held {
            grants = 0;
        }
        let calm_until = calm_until.min(flips_at);
        let mut outlook = Self { away, ready_at, flips_at, calm_until, grants, ..Self::NONE };
        outlook.place(rules.account);
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
            self.place(rules.account);
        }
        true
    }

    /// Whether it may send a new lead now, as far as its own rules go.
    pub(crate) fn is_ready(&self, now: Timestamp) -> bool {
        !self.away && self.ready_at <= now
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
    pub(crate) fn stand(&mut self, place: Place) {
        self.moves = self.moves.wrapping_add(u32::from(self.at != place.at()));
        (self.at, self.next) = (place.at(), place.next(self.weight));
    }

    fn place(&mut self, account: &AccountRecord) {
        self.weight = account.weight;
        self.stand(account.place);
    }
}

/// Whether a reason is a pause between two sends, which is not kept but computed anew.
const fn is_pause(reason: Reason) -> bool {
    matches!(reason, Reason::GapNotOver | Reason::SettlementAwaited | Reason::PaceNotDue)
}
