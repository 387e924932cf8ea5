//! Bringing an engine back from what was written down: a snapshot, events, or both.
//!
//! Events are compared with the state before they are taken in, so that damaged ones, or those of
//! another engine, are an error and never a panic. Knows nothing of how they are stored.

use std::borrow::Borrow;

use crate::policy::{PLACE_MAX, WEIGHT_MAX};
use crate::rotation::engine::Engine;
use crate::rotation::index::Index;
use crate::rotation::misfit::{EventError, Misfit};
use crate::rotation::snapshot::{Snapshot, SnapshotError};
use crate::rotation::state::State;
use crate::rotation::state::apply;
use crate::rotation::state::config::Config;
use crate::rotation::state::event::{Event, Fact, Reserved};
use crate::rotation::state::reservation::Fate;
use crate::rotation::state::usage::COUNT_MAX;
use crate::vocab::{AccountId, ReservationId};

/// How far a place in an event may be: far enough from the most that there may be for what follows
/// to stay below that.
const FAR: u128 = PLACE_MAX / 4;

impl Engine {
    /// An engine to which these events happened, in this order. They are those that
    /// [`take_events`](Self::take_events) of an engine with the same configuration returned. Its
    /// clock stands at the last event; questions that changed nothing left no trace.
    ///
    /// It stops before an event that cannot have happened; [`extend`](Self::extend) tells which.
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
        // What it stops at is told by the method that can say so.
        let _ = take_all(&mut state, events);
        Self::from_state(state)
    }

    /// Takes in what happened after the state that this engine is in, as if it had happened here:
    /// a snapshot and the events since are the same engine as all events from the beginning. The
    /// events are taken to be written down and are not [recorded](Self::record_events) again.
    ///
    /// What is derived from the facts is built once, after the last event, and that takes as long
    /// as after [`restore`](Self::restore): give many events at once. They need not be in memory
    /// together, an iterator that reads them will do.
    ///
    /// ```
    /// use mailrota::{Account, AccountId, Config, Engine, OwnerId};
    ///
    /// let now = chrono::DateTime::UNIX_EPOCH;
    /// let mut engine = Engine::new(Config::default());
    /// let before = engine.snapshot();
    /// engine.record_events();
    /// engine.add_account(Account::new(AccountId(1), OwnerId(1), "a@b.example"), now)?;
    /// let mut again = Engine::restore(before)?;
    /// again.extend(engine.take_events())?;
    /// assert_eq!(again.snapshot(), engine.snapshot());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`EventError`] at the first event that cannot have happened in this state, as one that is
    /// damaged, comes from another engine, or was taken in before. Those before it were taken in.
    pub fn extend<E: Borrow<Event>>(
        &mut self,
        events: impl IntoIterator<Item = E>,
    ) -> Result<(), EventError> {
        let taken = take_all(&mut self.state, events);
        self.index = Index::new(&self.state);
        taken
    }

    /// An engine with the state of a snapshot and what happened since: [`restore`](Self::restore)
    /// and [`extend`](Self::extend) in one, which builds what is derived only once.
    ///
    /// # Errors
    /// [`SnapshotError`] as from `restore`; [`SnapshotError::Event`] as from `extend`.
    pub fn restore_with<E: Borrow<Event>>(
        snapshot: Snapshot,
        events: impl IntoIterator<Item = E>,
    ) -> Result<Self, SnapshotError> {
        let mut state = snapshot.into_state()?;
        take_all(&mut state, events).map_err(SnapshotError::Event)?;
        Ok(Self::from_state(state))
    }
}

fn take_all<E: Borrow<Event>>(
    state: &mut State,
    events: impl IntoIterator<Item = E>,
) -> Result<(), EventError> {
    for (taken, event) in (0..).zip(events) {
        let event = event.borrow();
        check(state, event).map_err(|misfit| EventError { taken, at: event.at, misfit })?;
        apply::apply(state, event);
    }
    Ok(())
}

/// Whether an engine in this state could have made the event, as far as its own sums need it.
fn check(state: &State, event: &Event) -> Result<(), Misfit> {
    if let Some(seen) = state.seen.filter(|seen| event.at < *seen) {
        return Err(Misfit::Earlier { seen });
    }
    match &event.fact {
        Fact::AccountSet { account, weight, .. } => {
            account.check().map_err(Misfit::Setting)?;
            in_range("weight", *weight > 0 && *weight <= WEIGHT_MAX)
        }
        Fact::Attached { campaign, accounts } => {
            let record = state.campaign(*campaign).ok_or(Misfit::Campaign(*campaign))?;
            let joins =
                |id: &AccountId| state.account(*id).is_some() && !record.attached.contains_key(id);
            match accounts.iter().find(|id| !joins(id)) {
                Some(id) => Err(Misfit::Account(*id)),
                None => Ok(()),
            }
        }
        Fact::Cancelled { reservation } | Fact::Settled { reservation, .. } => {
            fate(state, *reservation, &[Fate::Open, Fate::Lapsed])
        }
        Fact::Begun { reservation } | Fact::Lapsed { reservation, .. } => {
            fate(state, *reservation, &[Fate::Open])
        }
        Fact::Reserved(reserved) => check_grant(state, reserved),
        Fact::Returned { present, .. } => in_range("present", present.unsigned_abs() <= FAR),
        Fact::AccountDeleted { .. }
        | Fact::AccountHeld { .. }
        | Fact::CampaignDeleted { .. }
        | Fact::CampaignSet { .. }
        | Fact::ClockConfirmed
        | Fact::Detached { .. }
        | Fact::DomainHeld { .. }
        | Fact::FollowUpsDeclared { .. }
        | Fact::LeadBound { .. }
        | Fact::Left { .. }
        | Fact::UsageReported { .. } => Ok(()),
    }
}

fn fate(state: &State, id: ReservationId, fates: &[Fate]) -> Result<(), Misfit> {
    let record = state.reservations.get(id);
    let fits = record.is_some_and(|record| fates.contains(&record.fate));
    if fits { Ok(()) } else { Err(Misfit::Reservation(id)) }
}

fn check_grant(state: &State, reserved: &Reserved) -> Result<(), Misfit> {
    let (next, found) = (state.reservations.next_id(), reserved.reservation);
    if next != found {
        return Err(Misfit::Turn { next, found });
    }
    state.campaign(reserved.campaign).ok_or(Misfit::Campaign(reserved.campaign))?;
    state.account(reserved.account).ok_or(Misfit::Account(reserved.account))?;
    in_range("weight", reserved.weight > 0 && reserved.weight <= WEIGHT_MAX)?;
    in_range("number", reserved.number < COUNT_MAX && found.0 < COUNT_MAX)?;
    let jump = reserved.jumped_to.unwrap_or_default();
    in_range("jumped_to", jump.unsigned_abs() <= FAR)
}

fn in_range(field: &'static str, is: bool) -> Result<(), Misfit> {
    if is { Ok(()) } else { Err(Misfit::OutOfRange { field }) }
}
