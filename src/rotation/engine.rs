//! The engine: its state, its index, and the two steps of every command.
//!
//! First the clock is taken in and what lapsed is noted; then the command decides, and its events
//! are taken in one by one. Which commands there are is told by the files beside this one.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::rotation::containers::table::{Hint, Slot};
use crate::rotation::index::{Index, Touch};
use crate::rotation::rota::lease::Lease;
use crate::rotation::state::State;
use crate::rotation::state::apply;
use crate::rotation::state::charge::{self, ChargedDay, Ended, Hints};
use crate::rotation::state::config::Config;
use crate::rotation::state::event::{Event, Fact, Grant, Reserved};
use crate::rotation::state::reservation::{Fate, Reservation};
use crate::vocab::{AccountId, CampaignId, ReservationId, Span, TimeError, Timestamp};

/// A sender rotation: accounts, campaigns, and whose turn it is.
///
/// Every method that changes something takes `now`, the present instant. A `now` before the latest
/// one seen counts as that one, so a clock that steps back grants nothing. Methods that take
/// `&self` change nothing at all.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) state: State,
    pub(crate) index: Index,
    outbox: Option<Vec<Event>>,
}

/// An instant that the engine does not accept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClockError {
    /// The instant is outside the years 1 to 9999.
    OutOfRange(TimeError),
    /// The instant is so far ahead of the latest one seen that the clock is more likely wrong.
    TooFarAhead {
        /// What was given.
        now: Timestamp,
        /// The latest instant seen.
        seen: Timestamp,
        /// The largest step that is believed.
        leap_max: Span,
    },
}

impl fmt::Display for ClockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange(error) => fmt::Display::fmt(error, f),
            Self::TooFarAhead { now, seen, leap_max } => write!(
                f,
                "now is {now}, more than {leap_max} after {seen}; set the clock right, or call \
                 confirm_clock if it is"
            ),
        }
    }
}

impl std::error::Error for ClockError {}

impl Engine {
    /// An engine without accounts or campaigns.
    pub fn new(config: Config) -> Self {
        Self::from_state(State::new(config))
    }

    pub(crate) fn from_state(state: State) -> Self {
        Self { index: Index::new(&state), state, outbox: None }
    }

    /// The same for a copy that is only asked.
    pub(crate) fn to_be_asked(state: State) -> Self {
        Self { index: Index::without_addresses(&state), state, outbox: None }
    }

    /// Keeps events from now on for [`take_events`](Self::take_events).
    pub fn record_events(&mut self) {
        self.outbox.get_or_insert_default();
    }

    /// The events since the last call, if they are [kept](Self::record_events). Whoever writes them
    /// down before an answer is used can bring the engine back with [`replay`](Self::replay) or
    /// [`extend`](Self::extend).
    pub fn take_events(&mut self) -> Vec<Event> {
        self.outbox.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The configuration.
    pub const fn config(&self) -> &Config {
        &self.state.config
    }

    /// The latest instant seen; nothing before the first call.
    pub const fn seen(&self) -> Option<Timestamp> {
        self.state.seen
    }

    /// The next instant at which a fact changes by itself: a reservation lapses. Nothing if none is
    /// out. When a campaign that waits may send again is told by [`Wait`](crate::Wait).
    pub fn next_wakeup(&self) -> Option<DateTime<Utc>> {
        self.index.next_lapse().map(DateTime::from)
    }

    /// Notes that time has passed: reservations that ended by then lapse. Every command does this
    /// by itself; a service that keeps events calls it at [`next_wakeup`](Self::next_wakeup).
    ///
    /// # Errors
    /// [`ClockError`] if `now` is not accepted.
    pub fn tick(&mut self, now: DateTime<Utc>) -> Result<(), ClockError> {
        self.enter(now).map(drop)
    }

    /// Confirms that `now` is right although it is further ahead than the engine believes by
    /// itself.
    ///
    /// # Errors
    /// [`ClockError::OutOfRange`] outside the years 1 to 9999.
    pub fn confirm_clock(&mut self, now: DateTime<Utc>) -> Result<(), ClockError> {
        let now = Timestamp::try_from(now).map_err(ClockError::OutOfRange)?;
        let now = self.arrive(now);
        self.take_in(now, Fact::ClockConfirmed);
        Ok(())
    }

    /// Takes the clock in. Returns the instant that counts.
    pub(crate) fn enter(&mut self, now: DateTime<Utc>) -> Result<Timestamp, ClockError> {
        let now = self.instant(now)?;
        Ok(self.arrive(now))
    }

    /// The instant that counts for `now`, which changes nothing.
    pub(crate) fn instant(&self, now: DateTime<Utc>) -> Result<Timestamp, ClockError> {
        let now = Timestamp::try_from(now).map_err(ClockError::OutOfRange)?;
        let Some(seen) = self.state.seen else { return Ok(now) };
        let leap_max = self.state.config.leap_max;
        if now.since(seen) > leap_max {
            return Err(ClockError::TooFarAhead { now, seen, leap_max });
        }
        Ok(now.max(seen))
    }

    /// Takes in that it is so late, or later already.
    pub(crate) fn arrive(&mut self, now: Timestamp) -> Timestamp {
        let now = self.state.seen.map_or(now, |seen| seen.max(now));
        if self.state.seen == Some(now) && self.index.now == now {
            return now;
        }
        self.index.now = now;
        if self.index.lapsed().is_some() {
            self.lapse();
        }
        self.state.seen = Some(now);
        now
    }

    /// Takes in one event: facts first, then what is derived from them. Grants and the ends of
    /// reservations, which are most of all events, have ways of their own below.
    pub(crate) fn take_in(&mut self, at: Timestamp, fact: Fact) {
        let event = Event { at, fact };
        let before = self.before(&event.fact);
        apply::apply(&mut self.state, &event);
        self.follow(&event.fact, before);
        if let Some(outbox) = &mut self.outbox {
            outbox.push(event);
        }
    }

    /// Takes in a grant, which is an event like any other; it is only made one if events are kept.
    pub(crate) fn grant(
        &mut self,
        at: Timestamp,
        grant: Grant<'_>,
        hints: Hints,
    ) -> Option<&Reservation> {
        let taken = charge::reserve(&mut self.state, &grant, hints, at)?;
        self.index.opened(grant.reservation, grant.ends_at);
        self.index.taken(&self.state, taken);
        if let Some(outbox) = &mut self.outbox {
            outbox.push(Event { at, fact: Fact::Reserved(Box::new(Reserved::from(grant))) });
        }
        self.state.reservations.last()
    }

    /// Takes in the end of a reservation, which is an event, too.
    pub(crate) fn end(&mut self, at: Timestamp, id: ReservationId, fate: Fate) {
        let Some(ended) = self.close(at, id, fate) else { return };
        if let Some(slot) = ended.account {
            let touch = if ended.in_time { Touch::Ended } else { Touch::Changed };
            self.index.touch(&self.state, slot, touch);
        }
    }

    /// Takes in the end of a reservation but for what is known of its account.
    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    pub(super) fn close(&mut self, at: Timestamp, id: ReservationId, fate: Fate) -> Option<Ended> {
        self.state.seen = self.state.seen.max(Some(at));
        let ended = charge::end(&mut self.state, id, (fate, ChargedDay::Found), at)?;
        self.index.closed(&self.state.reservations);
        if let Some(slot) = ended.campaign {
            self.index.forget_answer(slot);
            if !ended.in_time {
                // Its rules are asked again before its next email.
                self.index.rota(slot).lease = Lease::NONE;
            }
        }
        if let Some(outbox) = &mut self.outbox {
            let (reservation, day) = (id, ended.day);
            let fact = match fate {
                Fate::Cancelled => Some(Fact::Cancelled { reservation }),
                Fate::Lapsed => day.map(|day| Fact::Lapsed { reservation, day }),
                Fate::Settled(outcome) => Some(Fact::Settled { reservation, outcome, day }),
                Fate::Open => None,
            };
            outbox.extend(fact.map(|fact| Event { at, fact }));
        }
        Some(ended)
    }

    /// What an event does away with and what follows has to know.
    fn before(&self, fact: &Fact) -> Before {
        match fact {
            Fact::AccountDeleted { account } => {
                let campaigns = self.state.accounts.get(account).map(|a| a.campaigns.iter());
                let campaigns = campaigns.into_iter().flatten();
                self.memberships(campaigns.map(|campaign| (*campaign, *account)))
            }
            Fact::CampaignDeleted { campaign } => {
                let attached = self.state.campaigns.get(campaign).map(|c| c.attached.keys());
                self.memberships(attached.into_iter().flatten().map(|id| (*campaign, *id)))
            }
            Fact::Detached { campaign, accounts } => {
                self.memberships(accounts.iter().map(|account| (*campaign, *account)))
            }
            Fact::Attached { campaign, accounts } => {
                let attached = self.state.campaigns.get(campaign).map(|c| &c.attached);
                let is_new =
                    |id: &&AccountId| attached.is_some_and(|attached| !attached.contains_key(id));
                Before::Joins(accounts.iter().filter(is_new).copied().collect())
            }
            Fact::AccountHeld { .. }
            | Fact::AccountSet { .. }
            | Fact::Begun { .. }
            | Fact::CampaignSet { .. }
            | Fact::Cancelled { .. }
            | Fact::ClockConfirmed
            | Fact::DomainHeld { .. }
            | Fact::FollowUpsDeclared { .. }
            | Fact::Lapsed { .. }
            | Fact::LeadBound { .. }
            | Fact::Left { .. }
            | Fact::Reserved(_)
            | Fact::Returned { .. }
            | Fact::Settled { .. }
            | Fact::UsageReported { .. } => Before::Nothing,
        }
    }

    fn memberships(&self, of: impl Iterator<Item = (CampaignId, AccountId)>) -> Before {
        let membership = |(campaign, account): (CampaignId, AccountId)| {
            let slot = self.state.campaigns.slot(&campaign)?;
            let row = self.state.campaigns.at(slot)?.attached.slot(&account)?;
            let shared = self.state.accounts.get(&account)?.campaigns.len() > 1;
            Some(Membership { campaign: slot, row, account, shared })
        };
        Before::Leaves(of.filter_map(membership).collect())
    }

    /// Brings what is derived up to an event that was taken in.
    fn follow(&mut self, fact: &Fact, before: Before) {
        match before {
            Before::Joins(accounts) => self.joined(fact, &accounts),
            Before::Leaves(memberships) => self.parted(&memberships),
            Before::Nothing => {}
        }
        match fact {
            Fact::AccountDeleted { account }
            | Fact::AccountHeld { account, .. }
            | Fact::FollowUpsDeclared { account, .. }
            | Fact::UsageReported { account, .. } => self.touch(*account, Touch::Changed),
            Fact::AccountSet { account, .. } => {
                self.file(account);
                self.touch(account.id, Touch::Changed);
            }
            Fact::CampaignDeleted { campaign } => {
                self.index.dismiss(self.state.campaigns.slot(campaign));
            }
            Fact::CampaignSet { campaign } => self.recheck(campaign.id),
            Fact::DomainHeld { owner, domain, .. } => {
                for account in self.senders(*owner, domain) {
                    self.touch(account, Touch::Changed);
                }
            }
            Fact::Left { campaign, account, taker } => {
                self.place(*campaign, *account);
                if let Some(taker) = taker {
                    self.place(*campaign, *taker);
                }
            }
            Fact::Returned { campaign, accounts, .. } => {
                for account in accounts {
                    self.place(*campaign, *account);
                }
            }
            Fact::Attached { .. }
            | Fact::Begun { .. }
            | Fact::Cancelled { .. }
            | Fact::ClockConfirmed
            | Fact::Detached { .. }
            | Fact::Lapsed { .. }
            | Fact::LeadBound { .. }
            | Fact::Reserved(_)
            | Fact::Settled { .. } => {}
        }
    }

    fn place(&mut self, campaign: CampaignId, account: AccountId) {
        if let Some(slot) = self.state.campaigns.slot(&campaign) {
            self.index.place(&self.state, slot, account, Hint::NONE);
        }
    }

    /// Asks a campaign's rules again before its next email.
    fn recheck(&mut self, campaign: CampaignId) {
        if let Some(slot) = self.state.campaigns.slot(&campaign) {
            self.index.rota(slot).lease = Lease::NONE;
            self.index.forget_answer(slot);
        }
    }

    /// Counts how many of a campaign's accounts are attached elsewhere too.
    fn share(&mut self, campaign: CampaignId, change: impl FnOnce(&mut usize)) {
        if let Some(slot) = self.state.campaigns.slot(&campaign) {
            change(&mut self.index.rota(slot).shared);
        }
    }

    fn touch(&mut self, account: AccountId, touch: Touch) {
        if let Some(slot) = self.state.accounts.slot(&account) {
            self.index.touch(&self.state, slot, touch);
        }
    }

    fn joined(&mut self, fact: &Fact, accounts: &[AccountId]) {
        let Fact::Attached { campaign, .. } = fact else { return };
        for id in accounts {
            self.touch(*id, Touch::Changed);
            let Some(account) = self.state.accounts.get(id) else { continue };
            let other = account.campaigns.iter().find(|other| *other != campaign).copied();
            let first_shared = account.campaigns.len() == 2;
            if let Some(other) = other {
                self.share(*campaign, |shared| *shared += 1);
                if first_shared {
                    self.share(other, |shared| *shared += 1);
                }
            }
        }
        if let Some(slot) = self.state.campaigns.slot(campaign) {
            self.index.attached(&self.state, slot, accounts);
        }
    }

    fn parted(&mut self, memberships: &[Membership]) {
        for Membership { campaign, row, account, shared } in memberships {
            self.index.detached(*campaign, *row, *shared);
            let record = self.state.accounts.get(account);
            let stays = record.filter(|record| *shared && record.campaigns.len() == 1);
            if let Some(stays) = stays.and_then(|record| record.campaigns.first().copied()) {
                // It is no longer shared where it stays. Sends from elsewhere moved it there
                // unnoticed, and where nobody is shared everybody stands where it is noted.
                self.share(stays, |shared| *shared -= 1);
                self.place(stays, *account);
            }
        }
    }
}

/// What an event does away with.
enum Before {
    Joins(Vec<AccountId>),
    Leaves(Vec<Membership>),
    Nothing,
}

/// An account's place in a campaign, before it is detached.
struct Membership {
    campaign: Slot,
    row: Slot,
    account: AccountId,
    /// Whether it is attached to other campaigns too.
    shared: bool,
}
