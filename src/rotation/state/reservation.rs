//! Reservations: the room held for one email, from its grant to its end, and how long that is
//! remembered.
//!
//! Knows the records, not what they are charged to.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::rotation::containers::table::Hint;
use crate::vocab::{AccountId, CampaignId, LeadId, OwnerId, ReservationId, Timestamp};

/// What became of an email, known when it was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "SMTP knows yes, no and later; a lost line is unknown")]
pub enum Outcome {
    /// A 4xx reply before the message was accepted: it may be tried later. Gives the room back.
    Deferred,
    /// A 5xx reply. Providers count the attempt, so it counts.
    Rejected,
    /// A 2xx reply after the data.
    Sent,
    /// Nobody knows, as after a line lost behind the data. Counts, which is the safe side.
    Unknown,
}

impl Outcome {
    /// Whether the email uses up room.
    pub const fn counts(self) -> bool {
        !matches!(self, Self::Deferred)
    }
}

/// Whether an email is the first to its lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "an email is the first to somebody or it is not")]
pub enum EmailKind {
    /// A later email to a lead; it goes from the account that wrote first.
    FollowUp,
    /// The first email to a lead.
    NewLead,
}

/// How a reservation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "the four ends of a promise to send")]
pub enum Fate {
    /// Given back unused.
    Cancelled,
    /// It ended unsettled, which counts as sent.
    Lapsed,
    /// It is out.
    Open,
    /// What became of the email is known.
    Settled(Outcome),
}

impl Fate {
    /// Whether the email uses up room as one that was sent: whether it went, or may have gone. If
    /// it has ended and does not count, its room came back, and the email may be asked for again
    /// under another key.
    pub const fn counts(self) -> bool {
        match self {
            Self::Cancelled | Self::Open => false,
            Self::Lapsed => true,
            Self::Settled(outcome) => outcome.counts(),
        }
    }
}

/// The room held for one email on one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reservation {
    /// Its number, by which it is settled.
    pub id: ReservationId,
    /// The campaign whose email it is.
    pub campaign: CampaignId,
    /// The account that sends it.
    pub account: AccountId,
    /// Whom it goes to.
    pub lead: LeadId,
    /// Whether it is the first email to the lead.
    pub kind: EmailKind,
    /// When it was granted.
    pub reserved_at: Timestamp,
    /// When it lapses. Nobody may start to send at or after this instant.
    pub ends_at: Timestamp,
    /// When somebody was about to send it, if [that was said](crate::Engine::begin).
    #[serde(default)]
    pub begun_at: Option<Timestamp>,
    /// The account that wrote to the lead before and is gone, if the lead moved.
    pub moved_from: Option<AccountId>,
    /// How it stands.
    pub fate: Fate,
    /// When that was decided; the grant while it is open.
    pub decided_at: Timestamp,
    /// Which send of the account it is.
    pub(crate) number: u64,
    /// Where its charge is entered once it counts as sent.
    pub(crate) charged_at: Option<Timestamp>,
    /// Whether its campaign's virtual time moved with it.
    pub(crate) in_rotation: bool,
    /// Where its campaign, its account and the campaign's record of the lead are.
    #[serde(skip)]
    pub(crate) hints: (Hint, Hint, Hint),
}

/// How many reservations stand in one piece of memory, so that none ever has to move. Larger pieces
/// would each be asked of the system and given back to it, which takes far longer than a turn.
const CHUNK: usize = 256;

/// How many are forgotten at a time. More than end at a time, so that none stay for long; after a
/// quiet weekend no single call has to forget a whole Friday.
const FORGOTTEN_MAX: usize = 16;

/// All reservations that are remembered, by number.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Records", into = "Records")]
pub(crate) struct Reservations {
    /// The number of the first record of the first chunk.
    base: u64,
    /// How many records of the first chunk are forgotten.
    forgotten: usize,
    /// All but the last are full.
    chunks: VecDeque<Vec<Reservation>>,
    /// Of a copy that has only some: those, which came before the first chunk.
    apart: BTreeMap<ReservationId, Reservation>,
}

/// Reservations as they are written down.
#[derive(Serialize, Deserialize)]
struct Records {
    base: u64,
    records: Vec<Reservation>,
}

impl Reservations {
    /// The number that the next reservation gets.
    pub(crate) fn next_id(&self) -> ReservationId {
        let full = self.chunks.len().saturating_sub(1) * CHUNK;
        let count = full + self.chunks.back().map_or(0, Vec::len);
        ReservationId(self.base.saturating_add(count as u64))
    }

    /// Adds the next reservation.
    pub(crate) fn push(&mut self, reservation: Reservation) {
        if self.chunks.back().is_none_or(|last| last.len() == CHUNK) {
            self.chunks
                .push_back(Vec::with_capacity(CHUNK.min(4 << (2 * self.chunks.len().min(4)))));
        }
        if let Some(last) = self.chunks.back_mut() {
            last.push(reservation);
        }
    }

    /// The one that was added last.
    pub(crate) fn last(&self) -> Option<&Reservation> {
        self.chunks.back()?.last()
    }

    pub(crate) fn get(&self, id: ReservationId) -> Option<&Reservation> {
        let Some(index) = self.index(id) else { return self.apart.get(&id) };
        self.chunks.get(index / CHUNK)?.get(index % CHUNK)
    }

    pub(crate) fn get_mut(&mut self, id: ReservationId) -> Option<&mut Reservation> {
        let Some(index) = self.index(id) else { return self.apart.get_mut(&id) };
        self.chunks.get_mut(index / CHUNK)?.get_mut(index % CHUNK)
    }

    /// Forgets some of the oldest that ended before `at`, up to the first that is younger or open.
    pub(crate) fn prune(&mut self, at: Timestamp) {
        let is_old = |oldest: &Reservation| oldest.fate != Fate::Open && oldest.decided_at < at;
        while let Some(oldest) = self.apart.first_entry().filter(|oldest| is_old(oldest.get())) {
            oldest.remove();
        }
        for _ in 0..FORGOTTEN_MAX {
            if !self.first().is_some_and(is_old) {
                break;
            }
            self.forgotten += 1;
            if self.forgotten == CHUNK {
                self.chunks.pop_front();
                self.base += CHUNK as u64;
                self.forgotten = 0;
            }
        }
    }

    /// Whether each has the number that it is found by, as after reading them from outside.
    pub(crate) fn is_sound(&self) -> bool {
        let first = self.base.saturating_add(self.forgotten as u64);
        (first..).zip(self.records()).all(|(number, record)| record.id.0 == number)
    }

    /// Every reservation that is out.
    pub(crate) fn open(&self) -> impl Iterator<Item = &Reservation> {
        self.records().filter(|record| record.fate == Fate::Open)
    }

    /// Every reservation that is remembered.
    #[cfg(feature = "store")]
    pub(crate) fn all(&self) -> impl Iterator<Item = &Reservation> {
        self.records()
    }

    /// Some of them alone. The next one gets the number that it would have got.
    pub(crate) fn part(&self, ids: impl Iterator<Item = ReservationId>) -> Self {
        let apart = ids.filter_map(|id| Some((id, self.get(id)?.clone()))).collect();
        Self { base: self.next_id().0, apart, ..Self::default() }
    }

    /// Every reservation that is remembered, the newest first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &Reservation> {
        self.records().rev()
    }

    fn first(&self) -> Option<&Reservation> {
        self.chunks.front()?.get(self.forgotten)
    }

    fn records(&self) -> impl DoubleEndedIterator<Item = &Reservation> {
        let first = self.chunks.front().and_then(|chunk| chunk.get(self.forgotten..));
        let chunks = first.into_iter().flatten().chain(self.chunks.iter().skip(1).flatten());
        self.apart.values().chain(chunks)
    }

    fn index(&self, id: ReservationId) -> Option<usize> {
        let index = usize::try_from(id.0.checked_sub(self.base)?).ok()?;
        Some(index).filter(|index| *index >= self.forgotten)
    }
}

impl PartialEq for Reservations {
    /// Where chunks begin does not matter.
    fn eq(&self, other: &Self) -> bool {
        self.next_id() == other.next_id() && self.records().eq(other.records())
    }
}

impl Eq for Reservations {}

impl From<Records> for Reservations {
    fn from(Records { base, records }: Records) -> Self {
        let mut reservations = Self { base, ..Self::default() };
        for record in records {
            reservations.push(record);
        }
        reservations
    }
}

impl From<Reservations> for Records {
    fn from(reservations: Reservations) -> Self {
        let records: Vec<_> = reservations.records().cloned().collect();
        Self { base: reservations.base.saturating_add(reservations.forgotten as u64), records }
    }
}

/// What was asked for under an idempotency key, and the reservation that answered it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Keyed {
    pub(crate) owner: OwnerId,
    pub(crate) key: String,
    pub(crate) campaign: CampaignId,
    pub(crate) request: Request,
    pub(crate) reservation: ReservationId,
}

/// One email that wants to go: to whom, and under which conditions.
///
/// ```
/// use mailrota::{AccountId, LeadId, Request};
///
/// let first = Request::new_lead(LeadId(7)).key("campaign-1/lead-7/step-1");
/// let second = Request::follow_up(LeadId(7)).excluding([AccountId(456)]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Request {
    /// Whom it goes to.
    pub lead: LeadId,
    /// Whether it is the first email to the lead.
    pub kind: EmailKind,
    /// The only account that may send it, if one is demanded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// Accounts that may not send it, such as the one that just failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<AccountId>,
    /// The idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl Request {
    /// The first email to a lead. The rotation picks the account, unless the campaign wrote to the
    /// lead before: then it goes from the account that did.
    pub const fn new_lead(lead: LeadId) -> Self {
        Self::of(lead, EmailKind::NewLead)
    }

    /// A later email to a lead. It goes from the account that wrote first.
    pub const fn follow_up(lead: LeadId) -> Self {
        Self::of(lead, EmailKind::FollowUp)
    }

    const fn of(lead: LeadId, kind: EmailKind) -> Self {
        Self { lead, kind, account: None, excluded: Vec::new(), key: None }
    }

    /// Demands one account; no other will do.
    pub const fn from_account(mut self, account: AccountId) -> Self {
        self.account = Some(account);
        self
    }

    /// Excludes accounts from this one email.
    pub fn excluding(mut self, accounts: impl IntoIterator<Item = AccountId>) -> Self {
        self.excluded.extend(accounts);
        self.excluded.sort_unstable();
        self.excluded.dedup();
        self
    }

    /// Sets an idempotency key of 1 to 255 bytes. Within an owner, a key that got a reservation
    /// gets the same one again; it is remembered for at least 26 hours and as long as the longest
    /// window. After that, up to sixteen are let go with each reservation that ends, the oldest
    /// first.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_are_forgotten_a_few_at_a_time_up_to_the_first_that_is_not() {
        let at = |ms| Timestamp::from_unix_ms(ms).unwrap();
        let mut reservations = Reservations::default();
        let count = 12 * CHUNK as u64;
        for id in 0..count {
            reservations.push(Reservation {
                id: ReservationId(id),
                campaign: CampaignId(1),
                account: AccountId(1),
                lead: LeadId(id),
                kind: EmailKind::NewLead,
                reserved_at: at(0),
                ends_at: at(1),
                begun_at: None,
                moved_from: None,
                fate: if id == 2_500 { Fate::Open } else { Fate::Lapsed },
                decided_at: at(1),
                number: id,
                charged_at: None,
                in_rotation: true,
                hints: Default::default(),
            });
        }
        let mut left = count;
        while reservations.all_left() > count - 2_500 {
            reservations.prune(at(2));
            let before = std::mem::replace(&mut left, reservations.all_left());
            assert!((1..=FORGOTTEN_MAX as u64).contains(&(before - left)), "{before} to {left}");
            let first = ReservationId(count - left);
            assert_eq!(reservations.get(first).map(|record| record.id), Some(first));
            assert!(first.0 == 0 || reservations.get(ReservationId(first.0 - 1)).is_none());
        }
        reservations.prune(at(2));
        assert_eq!((reservations.all_left(), reservations.chunks.len()), (count - 2_500, 3));
        assert_eq!(reservations.next_id(), ReservationId(count));
    }

    impl Reservations {
        fn all_left(&self) -> u64 {
            self.records().count() as u64
        }
    }
}
