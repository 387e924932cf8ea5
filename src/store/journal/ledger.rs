//! What people want to see of a state besides its facts: lines for tables, and how many emails each
//! account sent on each day.
//!
//! Counted from facts, since the state forgets by the hour and the day of the machine. Decides
//! nothing; no answer rests on it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::rotation::{Engine, Fact, Fate};
use crate::vocab::{AccountId, CampaignId, CivilDay, LeadId, OwnerId, ReservationId, Timestamp};

/// For how many days sends are counted by the day.
const DAYS: i32 = 31;

/// A line of the tables that people read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Line {
    /// An account that is not deleted.
    Account {
        /// Which.
        account: AccountId,
        /// Whose.
        owner: OwnerId,
        /// The address it sends from.
        address: String,
        /// The name of its zone.
        zone: String,
        /// How many minutes its clock on the wall is ahead of UTC.
        ahead_minutes: i64,
        /// The most emails that the owner allows on a day.
        daily_cap: u32,
        /// The most emails of the day: the cap, or the ramp below it.
        allowance: u32,
    },
    /// A reservation that is out, or that lapsed and may still be settled.
    Reservation {
        /// Which.
        reservation: ReservationId,
        /// Who sends.
        account: AccountId,
        /// For which campaign.
        campaign: CampaignId,
        /// To whom.
        lead: LeadId,
        /// When it was granted.
        reserved_at: Timestamp,
        /// When it lapses.
        ends_at: Timestamp,
        /// When somebody was about to send it.
        begun_at: Option<Timestamp>,
        /// The day that a lapse was charged to.
        lapsed_on: Option<CivilDay>,
    },
    /// What an account sent on a civil day of its zone.
    Sends {
        /// Which account.
        account: AccountId,
        /// Which day.
        day: CivilDay,
        /// How many.
        emails: u64,
    },
}

/// Emails by account and day, and the reservations whose end may still change that.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub(crate) struct Ledger {
    sends: BTreeMap<(AccountId, CivilDay), u64>,
    /// Whose each is, and the day of its lapse.
    pending: BTreeMap<ReservationId, (AccountId, Option<CivilDay>)>,
}

/// A ledger as it is written down.
#[derive(Serialize, Deserialize)]
struct Written {
    sends: Vec<(AccountId, CivilDay, u64)>,
    pending: Vec<(ReservationId, AccountId, Option<CivilDay>)>,
}

impl Ledger {
    /// Counts what a fact says.
    pub(crate) fn take_in(&mut self, fact: &Fact) {
        match fact {
            Fact::Reserved(reserved) => {
                self.pending.insert(reserved.reservation, (reserved.account, None));
            }
            Fact::Lapsed { reservation, day } => {
                let Some((account, lapsed_on)) = self.pending.get_mut(reservation) else { return };
                *lapsed_on = Some(*day);
                let account = *account;
                self.add(account, *day, 1);
            }
            Fact::Cancelled { reservation } => {
                self.end(*reservation, None);
            }
            Fact::Settled { reservation, day, .. } => self.end(*reservation, *day),
            Fact::UsageReported { account, emails, day } => {
                self.add(*account, *day, u64::from(*emails));
            }
            Fact::AccountDeleted { .. }
            | Fact::AccountHeld { .. }
            | Fact::AccountSet { .. }
            | Fact::Attached { .. }
            | Fact::Begun { .. }
            | Fact::CampaignDeleted { .. }
            | Fact::CampaignSet { .. }
            | Fact::ClockConfirmed
            | Fact::Detached { .. }
            | Fact::DomainHeld { .. }
            | Fact::FollowUpsDeclared { .. }
            | Fact::LeadBound { .. }
            | Fact::Left { .. }
            | Fact::Returned { .. } => {}
        }
    }

    /// Forgets what can change no more, and days that are over for long.
    pub(crate) fn prune(&mut self, engine: &Engine) {
        let changes = |id: &ReservationId| {
            let record = engine.state.reservations.get(*id);
            record.is_some_and(|record| matches!(record.fate, Fate::Lapsed | Fate::Open))
        };
        self.pending.retain(|id, _| changes(id));
        let newest = self.sends.keys().map(|(_, day)| *day).max();
        if let Some(newest) = newest {
            self.sends.retain(|(_, day), emails| newest.days_since(*day) < DAYS && *emails > 0);
        }
    }

    /// All lines about a state.
    pub(crate) fn lines(&self, engine: &Engine) -> Vec<Line> {
        let now = engine.seen().unwrap_or(Timestamp::MIN);
        let accounts = engine.accounts().map(|account| {
            let standing = engine.standing(account.id, now.into());
            Line::Account {
                account: account.id,
                owner: account.owner,
                address: account.address.clone(),
                zone: account.zone.name().to_owned(),
                ahead_minutes: ahead_minutes(account.zone.local(now), now),
                daily_cap: account.daily_cap,
                allowance: standing.map_or(account.daily_cap, |standing| standing.allowance),
            }
        });
        let reservations = self.pending.iter().filter_map(|(id, (_, lapsed_on))| {
            let record = engine.state.reservations.get(*id)?;
            Some(Line::Reservation {
                reservation: *id,
                account: record.account,
                campaign: record.campaign,
                lead: record.lead,
                reserved_at: record.reserved_at,
                ends_at: record.ends_at,
                begun_at: record.begun_at,
                lapsed_on: *lapsed_on,
            })
        });
        let sends = self.sends.iter().map(|((account, day), emails)| Line::Sends {
            account: *account,
            day: *day,
            emails: *emails,
        });
        accounts.chain(reservations).chain(sends).collect()
    }

    fn end(&mut self, reservation: ReservationId, day: Option<CivilDay>) {
        let Some((account, lapsed_on)) = self.pending.remove(&reservation) else { return };
        if let Some(emails) = lapsed_on.and_then(|day| self.sends.get_mut(&(account, day))) {
            *emails = emails.saturating_sub(1);
        }
        if let Some(day) = day {
            self.add(account, day, 1);
        }
    }

    fn add(&mut self, account: AccountId, day: CivilDay, emails: u64) {
        let sum = self.sends.entry((account, day)).or_default();
        *sum = sum.saturating_add(emails);
    }
}

impl From<Ledger> for Written {
    fn from(ledger: Ledger) -> Self {
        let sends = ledger.sends.into_iter().map(|((account, day), emails)| (account, day, emails));
        let pending = ledger.pending.into_iter().map(|(id, (account, day))| (id, account, day));
        Self { sends: sends.collect(), pending: pending.collect() }
    }
}

impl From<Written> for Ledger {
    fn from(written: Written) -> Self {
        let sends =
            written.sends.into_iter().map(|(account, day, emails)| ((account, day), emails));
        let pending = written.pending.into_iter().map(|(id, account, day)| (id, (account, day)));
        Self { sends: sends.collect(), pending: pending.collect() }
    }
}

fn ahead_minutes(local: chrono::NaiveDateTime, at: Timestamp) -> i64 {
    (local - at.to_datetime().naive_utc()).num_minutes()
}
