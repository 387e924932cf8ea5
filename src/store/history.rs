//! Looking back: the facts that are kept, and the engine as it was at an instant.
//!
//! Reads beside whoever writes, compares every check, and changes nothing.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};

use crate::rotation::{Engine, Event, Fact, Reserved};
use crate::store::error::{JournalError, StoreError};
use crate::store::journal::chain::Mark;
use crate::store::journal::seam::{Head, Reader};
use crate::store::loading::load::{self, Facts, Page};
use crate::vocab::{AccountId, CampaignId, LeadId, ReservationId, Timestamp};

/// The kept history of a store.
pub struct History {
    place: String,
    reader: Box<dyn Reader>,
}

/// The grant of a reservation, and the engine as it was right before it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Granted {
    /// The number of the fact.
    pub sequence: u64,
    /// When it was granted.
    pub at: Timestamp,
    /// What was decided.
    pub reserved: Reserved,
    /// The engine with all facts before it and none after.
    pub before: Engine,
}

/// Which facts are wanted; all that are about everything that is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Filter {
    /// Only about this account.
    pub account: Option<AccountId>,
    /// Only about this campaign.
    pub campaign: Option<CampaignId>,
    /// Only about this lead.
    pub lead: Option<LeadId>,
    /// Only at or after this instant.
    pub from: Option<Timestamp>,
    /// Only before this instant.
    pub until: Option<Timestamp>,
}

impl Filter {
    /// Wants every fact.
    pub fn new() -> Self {
        Self::default()
    }

    /// Wants only facts about an account.
    pub const fn account(mut self, account: AccountId) -> Self {
        self.account = Some(account);
        self
    }

    /// Wants only facts about a campaign.
    pub const fn campaign(mut self, campaign: CampaignId) -> Self {
        self.campaign = Some(campaign);
        self
    }

    /// Wants only facts about a lead.
    pub const fn lead(mut self, lead: LeadId) -> Self {
        self.lead = Some(lead);
        self
    }

    /// Wants only facts at or after an instant.
    pub const fn from(mut self, from: Timestamp) -> Self {
        self.from = Some(from);
        self
    }

    /// Wants only facts before an instant.
    pub const fn until(mut self, until: Timestamp) -> Self {
        self.until = Some(until);
        self
    }

    fn wants(&self, event: &Event, about: &About) -> bool {
        self.account.is_none_or(|account| about.accounts.contains(&account))
            && self.campaign.is_none_or(|campaign| about.campaign == Some(campaign))
            && self.lead.is_none_or(|lead| about.lead == Some(lead))
            && self.from.is_none_or(|from| event.at >= from)
            && self.until.is_none_or(|until| event.at < until)
    }
}

impl History {
    /// The history that a reader sees.
    pub fn new(place: impl Into<String>, reader: Box<dyn Reader>) -> Self {
        Self { place: place.into(), reader }
    }

    /// The history of the store in an SQLite file. Whoever writes it is not disturbed.
    ///
    /// # Errors
    /// [`JournalError`] if it cannot be read.
    #[cfg(feature = "sqlite")]
    pub fn open(path: impl AsRef<std::path::Path>) -> Result<Self, JournalError> {
        let reader = crate::store::sqlite::SqliteReader::open(path.as_ref())?;
        Ok(Self::new(path.as_ref().display().to_string(), Box::new(reader)))
    }

    /// Hands out each kept fact that is wanted with its number and what it is about, oldest first,
    /// until it is told to stop by `false`. What is let go meanwhile is passed over: then there is
    /// a gap in the numbers.
    ///
    /// # Errors
    /// [`JournalError`] at the first fact that is not proven; those before it were handed out.
    pub fn facts(
        &mut self,
        filter: &Filter,
        mut each: impl FnMut(u64, &Event, &About) -> bool,
    ) -> Result<(), JournalError> {
        let mut reached = None;
        loop {
            let page = self.standing(|history| history.page(&mut reached))?;
            let (Some(page), Some((end, known))) = (page, &mut reached) else { return Ok(()) };
            *end = page.end;
            for (sequence, event) in page.events {
                let about = known.about(&event.fact);
                let wanted = filter.wants(&event, &about);
                if wanted && !each(sequence, &event, &about) {
                    return Ok(());
                }
            }
            page.outcome?;
            if page.is_last {
                return Ok(());
            }
        }
    }

    /// The next page of facts: from what was reached, or from the oldest snapshot if that is later
    /// by now. Nothing from an empty store.
    fn page(&mut self, reached: &mut Option<(Mark, Known)>) -> Result<Option<Page>, JournalError> {
        let Some(oldest) = self.reader.snapshots()?.first().copied() else { return Ok(None) };
        let (end, _) = match reached {
            Some(reached) if reached.0.sequence >= oldest.mark.sequence => reached,
            other => other.insert((oldest.mark, self.known(&oldest)?)),
        };
        load::page(&self.place, &mut *self.reader, *end).map(Some)
    }

    /// The engine as it was at an instant, with all facts up to it.
    ///
    /// # Errors
    /// [`StoreError::Forgotten`] if the history begins later; [`JournalError`] if what is kept is
    /// not proven.
    pub fn engine_at(&mut self, at: DateTime<Utc>) -> Result<Engine, StoreError> {
        self.standing(|history| history.as_of(at))
    }

    fn as_of(&mut self, at: DateTime<Utc>) -> Result<Engine, StoreError> {
        let heads = self.reader.snapshots()?;
        let before = heads.iter().rev().find(|head| head.at_ms <= at.timestamp_millis());
        let Some(head) = before else {
            let begins_at = heads.first().and_then(|head| Timestamp::from_unix_ms(head.at_ms).ok());
            return Err(StoreError::Forgotten { begins_at });
        };
        let wanted = |_, event: &Event| event.at.unix_ms() <= at.timestamp_millis();
        Ok(load::from(&self.place, &mut *self.reader, head, wanted)?.engine)
    }

    /// The grant of a reservation, with the engine as it was right before; nothing if no fact that
    /// is kept granted it.
    ///
    /// # Errors
    /// [`JournalError`] if what is kept is not proven.
    pub fn granted(&mut self, id: ReservationId) -> Result<Option<Granted>, JournalError> {
        self.standing(|history| history.granted_before(id))
    }

    fn granted_before(&mut self, id: ReservationId) -> Result<Option<Granted>, JournalError> {
        let Some((sequence, at, reserved)) = self.grant(id)? else { return Ok(None) };
        let heads = self.reader.snapshots()?;
        let Some(head) = heads.iter().rev().find(|head| head.mark.sequence < sequence) else {
            return Ok(None);
        };
        let is_before = |number, _: &Event| number < sequence;
        let before = load::from(&self.place, &mut *self.reader, head, is_before)?.engine;
        Ok(Some(Granted { sequence, at, reserved, before }))
    }

    /// The fact that granted a reservation.
    fn grant(
        &mut self,
        id: ReservationId,
    ) -> Result<Option<(u64, Timestamp, Reserved)>, JournalError> {
        let Some(head) = self.reader.snapshots()?.first().copied() else { return Ok(None) };
        let mut facts = Facts::after(&self.place, &mut *self.reader, head.mark);
        for (sequence, event) in facts.by_ref() {
            let Fact::Reserved(reserved) = event.fact else { continue };
            if reserved.reservation == id {
                return Ok(Some((sequence, event.at, *reserved)));
            }
        }
        facts.outcome.map(|()| None)
    }

    /// Looks at one instant, however long it takes.
    fn standing<T, E: From<JournalError>>(
        &mut self,
        look: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        self.reader.stand_still()?;
        let found = look(self);
        self.reader.go_on();
        found
    }

    /// The reservations that facts after a snapshot may be about.
    fn known(&mut self, head: &Head) -> Result<Known, JournalError> {
        let text = load::snapshot(&self.place, &mut *self.reader, head)?;
        let engine = Engine::restore(text.snapshot).map_err(|error| {
            let problem = format!("the snapshot at fact {}: {error}", head.mark.sequence);
            JournalError::damaged(&self.place, None, problem)
        })?;
        let known =
            engine.state.reservations.all().map(|r| (r.id, (r.account, r.campaign, r.lead)));
        Ok(Known(known.collect()))
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History").field("place", &self.place).finish_non_exhaustive()
    }
}

/// Whom a fact is about. A fact that only names a reservation is about what that was granted for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct About {
    /// Which accounts.
    pub accounts: Vec<AccountId>,
    /// Which campaign, if one.
    pub campaign: Option<CampaignId>,
    /// Which lead, if one.
    pub lead: Option<LeadId>,
}

/// What reservations are about, by number.
struct Known(BTreeMap<ReservationId, (AccountId, CampaignId, LeadId)>);

impl Known {
    fn about(&mut self, fact: &Fact) -> About {
        let account = |account: &AccountId| About { accounts: vec![*account], ..About::default() };
        match fact {
            Fact::AccountDeleted { account: id }
            | Fact::AccountHeld { account: id, .. }
            | Fact::FollowUpsDeclared { account: id, .. }
            | Fact::UsageReported { account: id, .. } => account(id),
            Fact::AccountSet { account: settings, .. } => account(&settings.id),
            Fact::Attached { campaign, accounts }
            | Fact::Detached { campaign, accounts }
            | Fact::Returned { campaign, accounts, .. } => {
                About { accounts: accounts.clone(), campaign: Some(*campaign), lead: None }
            }
            Fact::CampaignDeleted { campaign } => {
                About { campaign: Some(*campaign), ..About::default() }
            }
            Fact::CampaignSet { campaign } => {
                About { campaign: Some(campaign.id), ..About::default() }
            }
            Fact::LeadBound { campaign, lead, account } => {
                About { accounts: vec![*account], campaign: Some(*campaign), lead: Some(*lead) }
            }
            Fact::Left { campaign, account, taker } => {
                let accounts = std::iter::once(*account).chain(*taker).collect();
                About { accounts, campaign: Some(*campaign), lead: None }
            }
            Fact::Reserved(reserved) => {
                let about = (reserved.account, reserved.campaign, reserved.request.lead);
                self.0.insert(reserved.reservation, about);
                self.reservation(reserved.reservation)
            }
            Fact::Begun { reservation } | Fact::Lapsed { reservation, .. } => {
                self.reservation(*reservation)
            }
            // The last fact about it.
            Fact::Cancelled { reservation } | Fact::Settled { reservation, .. } => {
                let about = self.reservation(*reservation);
                self.0.remove(reservation);
                about
            }
            Fact::ClockConfirmed | Fact::DomainHeld { .. } => About::default(),
        }
    }

    fn reservation(&self, id: ReservationId) -> About {
        let Some((account, campaign, lead)) = self.0.get(&id) else { return About::default() };
        About { accounts: vec![*account], campaign: Some(*campaign), lead: Some(*lead) }
    }
}
