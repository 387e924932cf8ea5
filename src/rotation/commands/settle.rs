//! Ending a reservation: what became of the email, or that it was not sent.
//!
//! Once each. The same end again changes nothing; another end is an error. What nobody ended
//! lapses.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::rotation::engine::{ClockError, Engine};
use crate::rotation::index::Touch;
use crate::rotation::state::reservation::{Fate, Outcome, Reservation};
use crate::vocab::{OwnerId, ReservationId, Timestamp};

/// A settlement that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settlement {
    /// Whether it had been taken before; then nothing changed.
    pub repeated: bool,
    /// When the reservation had lapsed, if it had. An email sent after that instant broke the
    /// promise that was made for it; it is charged at the instant of the settlement, which is safe.
    pub late_since: Option<Timestamp>,
}

/// A reservation that cannot be ended so.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettleError {
    /// It was given back.
    Cancelled {
        /// Which.
        reservation: ReservationId,
    },
    /// The instant is not accepted.
    Clock(ClockError),
    /// It was settled with another outcome.
    Settled {
        /// Which.
        reservation: ReservationId,
        /// The outcome that stands.
        outcome: Outcome,
    },
    /// There is no such reservation, or it ended too long ago to be remembered.
    UnknownReservation {
        /// The number given.
        reservation: ReservationId,
    },
}

impl fmt::Display for SettleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled { reservation } => {
                write!(f, "reservation {reservation} was cancelled; reserve again before sending")
            }
            Self::Clock(error) => fmt::Display::fmt(error, f),
            Self::Settled { reservation, outcome } => write!(
                f,
                "reservation {reservation} was settled as {outcome}; the first outcome stands"
            ),
            Self::UnknownReservation { reservation } => write!(
                f,
                "there is no reservation {reservation}, or it ended too long ago; settle within 26 \
                 hours"
            ),
        }
    }
}

impl std::error::Error for SettleError {}

impl From<ClockError> for SettleError {
    fn from(error: ClockError) -> Self {
        Self::Clock(error)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deferred => "deferred",
            Self::Rejected => "rejected",
            Self::Sent => "sent",
            Self::Unknown => "unknown",
        })
    }
}

impl Engine {
    /// A reservation and whom its campaign belongs to, as long as it is remembered: after its end
    /// for at least 26 hours and as long as the longest window, until one of those that end later
    /// lets it go, up to sixteen of the oldest each. A deleted campaign's reservations are found
    /// too, since they can be settled.
    pub fn reservation(&self, id: ReservationId) -> Option<(&Reservation, OwnerId)> {
        let reservation = self.state.reservations.get(id)?;
        let campaign = self.state.campaigns.get(&reservation.campaign)?;
        Some((reservation, campaign.settings.owner))
    }

    /// Says what became of an email.
    ///
    /// Sent, rejected and unknown count; deferred gives the room back. After the reservation has
    /// lapsed the outcome is still taken: what counted already counts from now, and "deferred"
    /// gives the room back in the window that was
    /// charged, while the pause after the lapse stays.
    ///
    /// # Errors
    /// [`SettleError`] if it ended otherwise or is not known; then nothing has changed.
    pub fn settle(
        &mut self,
        reservation: ReservationId,
        outcome: Outcome,
        now: DateTime<Utc>,
    ) -> Result<Settlement, SettleError> {
        let now = self.enter(now)?;
        let (fate, late_since) = self.stands(reservation, now)?;
        let repeated = match fate {
            Fate::Open | Fate::Lapsed => false,
            Fate::Cancelled => return Err(SettleError::Cancelled { reservation }),
            Fate::Settled(before) if before == outcome => true,
            Fate::Settled(before) => {
                return Err(SettleError::Settled { reservation, outcome: before });
            }
        };
        if !repeated {
            self.end(now, reservation, Fate::Settled(outcome));
        }
        Ok(Settlement { repeated, late_since })
    }

    /// How a reservation stands, and since when it had lapsed when somebody ended it, or has by now
    /// if nobody did.
    fn stands(
        &self,
        reservation: ReservationId,
        now: Timestamp,
    ) -> Result<(Fate, Option<Timestamp>), SettleError> {
        let record = self
            .state
            .reservations
            .get(reservation)
            .ok_or(SettleError::UnknownReservation { reservation })?;
        let ended_at = match record.fate {
            Fate::Open | Fate::Lapsed => now,
            Fate::Cancelled | Fate::Settled(_) => record.decided_at,
        };
        Ok((record.fate, (record.ends_at <= ended_at).then_some(record.ends_at)))
    }

    /// Gives a reservation back unused, with its place in the rotation. After it has lapsed, only a
    /// caller that knows the email was not sent may do so.
    ///
    /// # Errors
    /// [`SettleError`] if it was settled or is not known; then nothing has changed.
    pub fn cancel(
        &mut self,
        reservation: ReservationId,
        now: DateTime<Utc>,
    ) -> Result<Settlement, SettleError> {
        let now = self.enter(now)?;
        let (fate, late_since) = self.stands(reservation, now)?;
        let repeated = match fate {
            Fate::Open | Fate::Lapsed => false,
            Fate::Cancelled => true,
            Fate::Settled(outcome) => return Err(SettleError::Settled { reservation, outcome }),
        };
        if !repeated {
            self.end(now, reservation, Fate::Cancelled);
        }
        Ok(Settlement { repeated, late_since })
    }

    /// Takes in what lapsed. However much of that an account has, its rules are asked once.
    #[inline(never)]
    pub(crate) fn lapse(&mut self) {
        let mut accounts = Vec::new();
        while let Some((ended_at, id)) = self.index.lapsed() {
            accounts.extend(self.close(ended_at, id, Fate::Lapsed).and_then(|of| of.account));
        }
        accounts.sort_unstable();
        accounts.dedup();
        for slot in accounts {
            self.index.touch(&self.state, slot, Touch::Ended);
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::policy::{Account, Campaign};
    use crate::rotation::{Config, Request};
    use crate::vocab::{AccountId, CampaignId, LeadId};

    /// All that two accounts may send is out, so that whatever ends their rules have to be asked.
    #[test]
    fn however_many_lapse_at_once_an_accounts_rules_are_asked_once() {
        let (mut now, campaign) = (DateTime::UNIX_EPOCH, CampaignId(1));
        let mut engine = Engine::new(Config::default());
        let ids = [AccountId(1), AccountId(2)];
        for id in ids {
            let account = Account::new(id, OwnerId(1), format!("a{id}@b.example")).daily_cap(300);
            engine.add_account(account, now).unwrap();
        }
        engine.add_campaign(Campaign::new(campaign, OwnerId(1)), now).unwrap();
        engine.attach(campaign, &ids, now).unwrap();
        now += TimeDelta::hours(1);
        let reserve = |engine: &mut Engine, lead, now| {
            engine.reserve(campaign, &Request::new_lead(LeadId(lead)), now).unwrap()
        };
        for lead in 0..600 {
            assert!(reserve(&mut engine, lead, now).reserved().is_some());
        }
        assert!(reserve(&mut engine, 600, now).until().is_some());
        let before = engine.index.asked;
        now += TimeDelta::hours(2);
        engine.tick(now).unwrap();
        let asked = engine.index.asked - before;
        assert!((1..=ids.len()).contains(&asked), "asked {asked} times");
        let sent = ids.map(|id| engine.standing(id, now).unwrap().sent);
        assert_eq!((sent, engine.next_wakeup()), ([300; 2], None));
    }
}
