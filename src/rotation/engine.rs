//! The engine: its state, its index, and the two steps of every command.
//!
//! First the clock is taken in and what lapsed is noted; then the command decides, and its events
//! are taken in one by one. Which commands there are is told by the files beside this one.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::rotation::apply;
use crate::rotation::config::Config;
use crate::rotation::event::{Event, Fact};
use crate::rotation::index::Index;
use crate::rotation::state::State;
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

    /// An engine to which these events happened, in this order. They are those that
    /// [`take_events`](Self::take_events) of an engine with the same configuration returned. Its
    /// clock stands at the last event; questions that changed nothing left no trace.
    ///
    /// ```
    /// use mailrota::{Account, AccountId, Config, Engine, OwnerId};
    ///
    /// let now = chrono::DateTime::UNIX_EPOCH;
    /// let mut engine = Engine::new(Config::default());
    /// engine.record_events();
    /// engine.add_account(Account::new(AccountId(1), OwnerId(1), "a@b.example"), now)?;
    /// let again = Engine::replay(Config::default(), &engine.take_events());
    /// assert_eq!(again.snapshot(), engine.snapshot());
    /// # Ok::<(), mailrota::AccountError>(())
    /// ```
    pub fn replay(config: Config, events: &[Event]) -> Self {
        let mut state = State::new(config);
        for event in events {
            apply::apply(&mut state, event);
        }
        Self::from_state(state)
    }

    /// Keeps events from now on for [`take_events`](Self::take_events).
    pub fn record_events(&mut self) {
        self.outbox.get_or_insert_default();
    }

    /// The events since the last call, if they are [kept](Self::record_events). Whoever writes them
    /// down before an answer is used can bring the engine back with [`replay`](Self::replay).
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

    /// The next instant at which something changes by itself: a reservation lapses, a window opens
    /// or closes, room comes back. Nothing if nothing will.
    pub fn next_wakeup(&self) -> Option<DateTime<Utc>> {
        self.index.next_wakeup().map(DateTime::from)
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

    fn arrive(&mut self, now: Timestamp) -> Timestamp {
        let now = self.state.seen.map_or(now, |seen| seen.max(now));
        if self.state.seen == Some(now) && self.index.now == now {
            return now;
        }
        self.index.now = now;
        while let Some((ended_at, reservation)) = self.index.lapsed() {
            self.take_in(ended_at, Fact::Lapsed { reservation });
        }
        self.state.seen = Some(now);
        self.index.advance(&self.state);
        now
    }

    /// Takes in one event: facts first, then what is derived from them.
    pub(crate) fn take_in(&mut self, at: Timestamp, fact: Fact) {
        let event = Event { at, fact };
        let gone = self.members_before(&event.fact);
        apply::apply(&mut self.state, &event);
        for (campaign, account) in gone {
            self.index.place(&self.state, campaign, account);
            // It may be no longer shared where it stays.
            self.index.touch(&self.state, account);
        }
        self.follow(&event.fact);
        if let Some(outbox) = &mut self.outbox {
            outbox.push(event);
        }
    }

    /// The memberships that an event ends.
    fn members_before(&self, fact: &Fact) -> Vec<(CampaignId, AccountId)> {
        match fact {
            Fact::AccountDeleted { account } => {
                let campaigns = self.state.accounts.get(account).map(|a| &a.campaigns);
                campaigns.into_iter().flatten().map(|campaign| (*campaign, *account)).collect()
            }
            Fact::CampaignDeleted { campaign } => {
                let attached = self.state.campaigns.get(campaign).map(|c| c.attached.keys());
                attached.into_iter().flatten().map(|account| (*campaign, *account)).collect()
            }
            Fact::Detached { campaign, accounts } => {
                accounts.iter().map(|account| (*campaign, *account)).collect()
            }
            Fact::AccountHeld { .. }
            | Fact::AccountSet { .. }
            | Fact::Attached { .. }
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
            | Fact::UsageReported { .. } => Vec::new(),
        }
    }

    /// Brings what is derived up to an event that was taken in.
    fn follow(&mut self, fact: &Fact) {
        match fact {
            Fact::AccountDeleted { account }
            | Fact::AccountHeld { account, .. }
            | Fact::FollowUpsDeclared { account, .. }
            | Fact::UsageReported { account, .. } => self.index.touch(&self.state, *account),
            Fact::AccountSet { account, .. } => self.index.touch(&self.state, account.id),
            Fact::Attached { accounts, .. } | Fact::Detached { accounts, .. } => {
                for account in accounts {
                    self.index.touch(&self.state, *account);
                }
            }
            Fact::CampaignDeleted { .. }
            | Fact::CampaignSet { .. }
            | Fact::ClockConfirmed
            | Fact::LeadBound { .. } => {}
            Fact::Cancelled { reservation }
            | Fact::Lapsed { reservation }
            | Fact::Settled { reservation, .. } => self.ended(*reservation),
            Fact::DomainHeld { owner, domain, .. } => {
                let held = self.state.accounts.iter().filter(|(_, account)| {
                    account.settings.owner == *owner && account.settings.domain() == *domain
                });
                let held: Vec<AccountId> = held.map(|(id, _)| *id).collect();
                for account in held {
                    self.index.touch(&self.state, account);
                }
            }
            Fact::Left { campaign, account, taker } => {
                self.index.place(&self.state, *campaign, *account);
                if let Some(taker) = taker {
                    self.index.place(&self.state, *campaign, *taker);
                }
            }
            Fact::Reserved(reserved) => {
                self.index.opened(reserved.reservation, reserved.ends_at);
                self.index.touch(&self.state, reserved.account);
            }
            Fact::Returned { campaign, account, .. } => {
                self.index.place(&self.state, *campaign, *account);
            }
        }
    }

    fn ended(&mut self, id: ReservationId) {
        self.index.closed(id);
        if let Some(account) = self.state.reservations.get(id).map(|record| record.account) {
            self.index.touch(&self.state, account);
        }
    }
}
