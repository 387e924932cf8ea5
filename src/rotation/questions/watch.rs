//! Which facts are worth telling somebody, each once for an account or a campaign and a civil day,
//! or once for a change.
//!
//! Looks at facts after they were taken in, and remembers what it told; it changes nothing. A grant
//! costs a look-up and a comparison: how many more grants cannot come near a cap is kept.

use std::collections::{BTreeMap, BTreeSet};

use crate::policy::Reason;
use crate::rotation::commands::pick::Unavailable;
use crate::rotation::engine::Engine;
use crate::rotation::index::starved::{Starved, is_active, lost};
use crate::rotation::questions::notice::{CapUse, Notice, Noticed};
use crate::rotation::rules::AccountRules;
use crate::rotation::state::event::{Event, Fact};
use crate::rotation::state::{AccountRecord, CampaignRecord, State};
use crate::vocab::{AccountId, CampaignId, CivilDay, Timestamp, Today};

/// Tells what happened to accounts and campaigns from the facts of an engine. What holds when it is
/// made is taken as told.
///
/// ```
/// use mailrota::{Account, AccountId, Config, Engine, Noticed, OwnerId, Watch};
///
/// let now = chrono::DateTime::UNIX_EPOCH;
/// let mut engine = Engine::new(Config::default());
/// engine.record_events();
/// let mut watch = Watch::new(&engine);
/// engine.add_account(Account::new(AccountId(1), OwnerId(1), "a@b.example"), now)?;
/// engine.suspend(AccountId(1), now)?;
/// let mut notices = Vec::new();
/// let facts = engine.take_events();
/// watch.see(&engine, &facts, &mut notices);
/// assert!(notices.is_empty(), "it was never seen without being suspended");
/// engine.resume(AccountId(1), now)?;
/// let facts = engine.take_events();
/// watch.see(&engine, &facts, &mut notices);
/// engine.suspend(AccountId(1), now)?;
/// let facts = engine.take_events();
/// watch.see(&engine, &facts, &mut notices);
/// assert!(matches!(notices[..], [ref one] if matches!(one.what, Noticed::AccountLost { .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Watch {
    accounts: BTreeMap<AccountId, Told>,
    pub(crate) starved: Starved,
    today: Today,
}

/// What was told of an account.
#[derive(Clone, Debug, Default)]
struct Told {
    /// What keeps it, as it was told last.
    lost: Vec<Reason>,
    /// The day of the last look at what it used.
    day: Option<CivilDay>,
    /// How far the day's use is told.
    level: Level,
    /// So many grants on that day cannot change the level.
    room: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    #[default]
    Below,
    Near,
    Reached,
}

impl Watch {
    /// A watch over an engine.
    pub fn new(engine: &Engine) -> Self {
        let mut watch = Self::default();
        let state = &engine.state;
        let Some(now) = state.seen else { return watch };
        for (id, record) in state.accounts.iter().filter(|(_, record)| !record.deleted) {
            watch.accounts.entry(*id).or_default().lost = lost(state, record, now);
            watch.measure(state, *id, record, now);
        }
        for id in state.campaigns.keys() {
            // What nobody may send for now was told.
            let _ = watch.starved.look(state, *id, None, now);
        }
        watch
    }

    /// Looks at facts that the engine has just taken in, in their order, and adds what is worth
    /// telling.
    pub fn see(&mut self, engine: &Engine, events: &[Event], notices: &mut Vec<Notice>) {
        for Event { at, fact } in events {
            self.fact(&engine.state, *at, fact, notices);
        }
    }

    /// Notes that nobody may take a new lead of a campaign, which any account could be given, until
    /// somebody acts.
    pub fn unavailable(
        &mut self,
        engine: &Engine,
        campaign: CampaignId,
        unavailable: &Unavailable,
        notices: &mut Vec<Notice>,
    ) {
        let Some(record) = engine.state.campaign(campaign).filter(|record| is_active(record))
        else {
            return;
        };
        let now = engine.seen().unwrap_or(Timestamp::MIN);
        let day = record.settings.zone.civil_day(now);
        if self.starved.tell(campaign, day) {
            let reasons = unavailable.reasons().map(|(_, block)| block.reason);
            notices.push(starved(record, reasons.collect(), now));
        }
    }

    fn fact(&mut self, state: &State, at: Timestamp, fact: &Fact, notices: &mut Vec<Notice>) {
        match fact {
            Fact::AccountDeleted { account } => self.deleted(state, *account, at, notices),
            Fact::AccountSet { account, .. } => {
                self.set(state, account.id, at, notices);
                self.used(state, account.id, at, notices);
            }
            Fact::Attached { campaign, accounts } | Fact::Detached { campaign, accounts } => {
                self.look(state, *campaign, Some(accounts), at, notices);
            }
            Fact::CampaignDeleted { campaign } => self.starved.forget(*campaign),
            Fact::CampaignSet { campaign } => self.look(state, campaign.id, None, at, notices),
            Fact::Lapsed { reservation, .. } | Fact::Settled { reservation, .. } => {
                let Some(record) = state.reservations.get(*reservation) else { return };
                self.ended(state, record.account, at, notices);
            }
            Fact::Reserved(reserved) => self.granted(state, reserved.account, at, notices),
            Fact::UsageReported { account, .. } => self.used(state, *account, at, notices),
            Fact::AccountHeld { .. }
            | Fact::Begun { .. }
            | Fact::Cancelled { .. }
            | Fact::ClockConfirmed
            | Fact::DomainHeld { .. }
            | Fact::FollowUpsDeclared { .. }
            | Fact::LeadBound { .. }
            | Fact::Left { .. }
            | Fact::Returned { .. } => {}
        }
    }

    fn deleted(
        &mut self,
        state: &State,
        account: AccountId,
        at: Timestamp,
        notices: &mut Vec<Notice>,
    ) {
        let Some(record) = state.accounts.get(&account) else { return };
        let reasons = self.accounts.remove(&account).map(|told| told.lost).unwrap_or_default();
        let owner = record.settings.owner;
        let what = Noticed::AccountLost { account, reasons, deleted: true };
        notices.push(Notice { at, owner, what });
        // In its other campaigns somebody else was known to send, or nobody was. Which those are is
        // not known any more, so whether time took that one away is seen later.
        for campaign in self.starved.campaigns_of(account) {
            self.look(state, campaign, Some(&[]), at, notices);
        }
    }

    /// Tells if something keeps an account that did not before.
    fn set(&mut self, state: &State, account: AccountId, at: Timestamp, notices: &mut Vec<Notice>) {
        let Some(record) = state.account(account) else { return };
        let reasons = lost(state, record, at);
        let is_new = !self.accounts.contains_key(&account);
        let told = self.accounts.entry(account).or_default();
        let before = std::mem::replace(&mut told.lost, reasons.clone());
        // What was never seen in order cannot be lost.
        if !is_new && reasons.iter().any(|reason| !before.contains(reason)) {
            let what = Noticed::AccountLost { account, reasons: reasons.clone(), deleted: false };
            notices.push(Notice { at, owner: record.settings.owner, what });
        }
        if before.is_empty() != reasons.is_empty() {
            for campaign in record.campaigns.iter() {
                self.look(state, *campaign, Some(&[account]), at, notices);
            }
        }
    }

    /// Tells if all accounts of an active campaign are lost, and forgets that once one is not.
    fn look(
        &mut self,
        state: &State,
        campaign: CampaignId,
        changed: Option<&[AccountId]>,
        at: Timestamp,
        notices: &mut Vec<Notice>,
    ) {
        let reasons = self.starved.look(state, campaign, changed, at);
        let told = reasons.zip(state.campaign(campaign));
        notices.extend(told.map(|(reasons, record)| starved(record, reasons, at)));
    }

    fn granted(
        &mut self,
        state: &State,
        account: AccountId,
        at: Timestamp,
        notices: &mut Vec<Notice>,
    ) {
        let Some(record) = state.account(account) else { return };
        if let Some(told) = self.accounts.get_mut(&account) {
            let day = record.usage.today.look(record.settings.zone, at);
            if told.room > 0 && told.day == Some(day) {
                told.room -= 1;
                return;
            }
        }
        self.used(state, account, at, notices);
    }

    /// What was reserved on the day before may use up the day on which it ends.
    fn ended(
        &mut self,
        state: &State,
        account: AccountId,
        at: Timestamp,
        notices: &mut Vec<Notice>,
    ) {
        let Some(record) = state.account(account) else { return };
        let day = record.usage.today.look(record.settings.zone, at);
        if self.accounts.get(&account).is_none_or(|told| told.day != Some(day)) {
            self.used(state, account, at, notices);
        }
    }

    /// Tells how far the day's allowance is used, if it is further than was told.
    fn used(
        &mut self,
        state: &State,
        account: AccountId,
        at: Timestamp,
        notices: &mut Vec<Notice>,
    ) {
        let Some(record) = state.account(account) else { return };
        let Some((level, used)) = self.measure(state, account, record, at) else { return };
        let what = match level {
            Level::Below => return,
            Level::Near => Noticed::CapNear(used),
            Level::Reached => Noticed::CapReached(used),
        };
        notices.push(Notice { at, owner: record.settings.owner, what });
    }

    /// Measures the day's use. The level, if it is higher than any before on that day.
    fn measure(
        &mut self,
        state: &State,
        account: AccountId,
        record: &AccountRecord,
        at: Timestamp,
    ) -> Option<(Level, CapUse)> {
        let zone = record.settings.zone;
        let (day, start) = self.today.begun(zone, at);
        let used = record.usage.on_day(start);
        let allowance = AccountRules::of(state, record).allowance(at, day);
        let near = near(allowance);
        let level = match used {
            used if used < near => Level::Below,
            used if used < allowance => Level::Near,
            // A cap of nothing is never used up.
            0 => Level::Below,
            _ => Level::Reached,
        };
        let told = self.accounts.entry(account).or_default();
        if told.day != Some(day) {
            (told.day, told.level) = (Some(day), Level::Below);
        }
        let higher = level > told.level;
        told.level = told.level.max(level);
        let next = match told.level {
            Level::Below => near,
            Level::Near => allowance,
            Level::Reached => u32::MAX,
        };
        told.room = next.saturating_sub(used).saturating_sub(1);
        higher.then_some((level, CapUse { account, day, used, allowance }))
    }
}

impl Engine {
    /// How many emails the caps leave for today, over up to `most` accounts from a number on, and
    /// the next number if there are more. An account that somebody must free counts nothing; what
    /// holds for a while, such as a spacing, is not looked at.
    pub fn headroom(&self, from: AccountId, most: usize) -> (u64, Option<AccountId>) {
        let state = &self.state;
        let now = state.seen.unwrap_or(Timestamp::MIN);
        let (mut sum, mut today) = (0_u64, Today::default());
        let mut accounts = state.accounts.from(from);
        for (_, record) in accounts.by_ref().take(most).filter(|(_, record)| !record.deleted) {
            if lost(state, record, now).is_empty() {
                let zone = record.settings.zone;
                let (day, start) = today.begun(zone, now);
                let allowance = AccountRules::of(state, record).allowance(now, day);
                let used = record.usage.on_day(start);
                sum = sum.saturating_add(u64::from(allowance.saturating_sub(used)));
            }
        }
        (sum, accounts.next().map(|(id, _)| *id))
    }
}

/// The least use that is 90 % of an allowance.
fn near(allowance: u32) -> u32 {
    allowance - allowance / 10
}

fn starved(record: &CampaignRecord, reasons: BTreeSet<Reason>, at: Timestamp) -> Notice {
    let (campaign, owner) = (record.settings.id, record.settings.owner);
    let reasons = reasons.into_iter().collect();
    Notice { at, owner, what: Noticed::CampaignStarved { campaign, reasons } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_is_the_least_use_that_is_nine_tenths() {
        for allowance in 0..1_000 {
            let near = near(allowance);
            let is = |used: u32| used * 10 >= allowance * 9;
            assert!(is(near) && (near == 0 || !is(near - 1)), "{allowance}");
        }
    }
}
