//! Noting that an email is about to go, and giving back what was not begun after a crash.
//!
//! The mark changes no usage and no turn. Knows nothing of how it is written down.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::rotation::engine::{ClockError, Engine};
use crate::rotation::state::event::Fact;
use crate::rotation::state::reservation::{Fate, Reservation};
use crate::vocab::{ReservationId, Timestamp};

/// A mark that was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Begun {
    /// When it was set first.
    pub begun_at: Timestamp,
    /// Whether that was before this call. Somebody else may have started to send the email then.
    pub repeated: bool,
}

/// A reservation for which nobody may start to send.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BeginError {
    /// The instant is not accepted.
    Clock(ClockError),
    /// It was settled or given back.
    Ended {
        /// Which.
        reservation: ReservationId,
    },
    /// It has lapsed, which counts as sent.
    Lapsed {
        /// Which.
        reservation: ReservationId,
        /// When.
        ends_at: Timestamp,
    },
    /// There is no such reservation, or it ended too long ago to be remembered.
    UnknownReservation {
        /// The number given.
        reservation: ReservationId,
    },
}

impl fmt::Display for BeginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clock(error) => fmt::Display::fmt(error, f),
            Self::Ended { reservation } => {
                write!(f, "reservation {reservation} has ended; reserve again before sending")
            }
            Self::Lapsed { reservation, ends_at } => write!(
                f,
                "reservation {reservation} lapsed at {ends_at}; reserve again before sending"
            ),
            Self::UnknownReservation { reservation } => write!(
                f,
                "there is no reservation {reservation}, or it ended long ago; reserve before \
                 sending"
            ),
        }
    }
}

impl std::error::Error for BeginError {}

impl From<ClockError> for BeginError {
    fn from(error: ClockError) -> Self {
        Self::Clock(error)
    }
}

impl Engine {
    /// Marks that an email is about to go: the caller is going to send `DATA` once this is written
    /// down. It changes no usage and no turn; again is the same as once.
    ///
    /// The mark is for [`give_back_unbegun`](Self::give_back_unbegun) and worth one more fact per
    /// email only to a service that calls that.
    ///
    /// # Errors
    /// [`BeginError`] if nobody may start to send: the reservation has ended, has lapsed, or is not
    /// known. The mark is not set.
    pub fn begin(
        &mut self,
        reservation: ReservationId,
        now: DateTime<Utc>,
    ) -> Result<Begun, BeginError> {
        let now = self.enter(now)?;
        let record = self.state.reservations.get(reservation);
        let record = record.ok_or(BeginError::UnknownReservation { reservation })?;
        match (record.fate, record.begun_at) {
            (Fate::Open, Some(begun_at)) => return Ok(Begun { begun_at, repeated: true }),
            (Fate::Open, None) => {}
            (Fate::Lapsed, _) => {
                return Err(BeginError::Lapsed { reservation, ends_at: record.ends_at });
            }
            (Fate::Cancelled | Fate::Settled(_), _) => {
                return Err(BeginError::Ended { reservation });
            }
        }
        self.take_in(now, Fact::Begun { reservation });
        Ok(Begun { begun_at: now, repeated: false })
    }

    /// Gives back every reservation that is out and not [begun](Self::begin), with its place in the
    /// rotation: what a service calls once after a crash, before anything else, if all its callers
    /// mark what they begin and none of them lives on. Returns which they were, by number.
    ///
    /// They are given back at the latest instant that was seen before, so those that would have
    /// lapsed while the service was down come back too. Those that were begun stay out. Nobody
    /// knows whether they went; they lapse, unless somebody settles them, and count.
    ///
    /// A service whose callers do not mark does not call this. Then all that was out lapses and
    /// counts: no email goes twice and no cap is passed, and the room of those that did not go is
    /// lost for as long as it would be if they had.
    ///
    /// What is begun and not settled may have gone. Whoever does not send it again sends at most
    /// once; whoever reserves anew and sends it again, at least once.
    ///
    /// ```
    /// use chrono::TimeDelta;
    /// use mailrota::{Account, AccountId, Campaign, CampaignId, Config, Engine, LeadId, OwnerId};
    /// use mailrota::Request;
    ///
    /// let (account, campaign) = (AccountId(1), CampaignId(1));
    /// let now = chrono::DateTime::UNIX_EPOCH;
    /// let mut engine = Engine::new(Config::default());
    /// engine.record_events();
    /// engine.add_account(Account::new(account, OwnerId(1), "ana@acme.example"), now)?;
    /// engine.add_campaign(Campaign::new(campaign, OwnerId(1)), now)?;
    /// engine.attach(campaign, &[account], now)?;
    /// // Two workers reserve. One is about to send DATA, the other still talks to the server.
    /// let mut reserve = |lead| {
    ///     let pick = engine.reserve(campaign, &Request::new_lead(LeadId(lead)), now);
    ///     pick.map(|pick| pick.reserved().map(|reservation| reservation.id))
    /// };
    /// let (one, other) = (reserve(1)?.ok_or("nobody")?, reserve(2)?.ok_or("nobody")?);
    /// engine.begin(one, now)?;
    /// let written_down = engine.take_events();
    /// drop(engine); // The service is killed, and started again an hour later.
    ///
    /// let later = now + TimeDelta::hours(1);
    /// let mut engine = Engine::replay(Config::default(), &written_down);
    /// assert_eq!(engine.give_back_unbegun(later)?, [other]);
    /// // The email to lead 1 may have gone and counts; the room for lead 2 is free again.
    /// assert_eq!(engine.standing(account, later)?.sent, 1);
    /// assert!(engine.begin(other, later).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ClockError`] if `now` is not accepted; then nothing has changed.
    pub fn give_back_unbegun(
        &mut self,
        now: DateTime<Utc>,
    ) -> Result<Vec<ReservationId>, ClockError> {
        self.instant(now)?;
        let unbegun = |record: &&Reservation| record.begun_at.is_none();
        let unbegun = self.state.reservations.open().filter(unbegun).map(|record| record.id);
        let unbegun: Vec<ReservationId> = unbegun.collect();
        if let Some(seen) = self.state.seen {
            // The last first, so that turns are taken back in the order that undoes them.
            for reservation in unbegun.iter().rev() {
                self.end(seen, *reservation, Fate::Cancelled);
            }
        }
        self.enter(now)?;
        Ok(unbegun)
    }
}
