//! Attaching accounts to a campaign and taking them out: all or none, each that can, or only told.
//!
//! The checks are made when an account enters. Whether it may send later is the rules' to say.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::policy::{Account, CampaignState};
use crate::rotation::commands::findings::{AttachError, AttachReport, Checked, Finding};
use crate::rotation::engine::Engine;
use crate::rotation::rules::meetings::Meetings;
use crate::rotation::state::CampaignRecord;
use crate::rotation::state::event::Fact;
use crate::vocab::{AccountId, CampaignId, OwnerId, Span, Timestamp};

/// How a request for several accounts is carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a request is carried out whole, in part, or not")]
pub enum Mode {
    /// All of them, or none if one has an error.
    #[default]
    AllOrNone,
    /// Nothing is changed; the report says what would happen if each that can were taken.
    DryRun,
    /// Each that has no error.
    EachThatCan,
}

/// How far ahead it is looked for a time at which an account and its campaign are both open.
const MEETING_DAYS: Span = Span::days(400);

impl Engine {
    /// Attaches accounts to a campaign, all or none.
    ///
    /// Promises: it is all or none (or, with [`attach_with`](Self::attach_with), each that can, or
    /// a dry run); it names every account's every problem; it tells nothing about other owners'
    /// accounts; repeating it changes nothing.
    ///
    /// # Errors
    /// [`AttachError`]; then nothing has changed.
    pub fn attach(
        &mut self,
        campaign: CampaignId,
        accounts: &[AccountId],
        now: DateTime<Utc>,
    ) -> Result<AttachReport, AttachError> {
        self.attach_with(campaign, accounts, Mode::AllOrNone, now)
    }

    /// Attaches accounts to a campaign in the given mode.
    ///
    /// # Errors
    /// [`AttachError`]; then nothing has changed.
    pub fn attach_with(
        &mut self,
        campaign: CampaignId,
        accounts: &[AccountId],
        mode: Mode,
        now: DateTime<Utc>,
    ) -> Result<AttachReport, AttachError> {
        let now = self.enter(now)?;
        let record =
            self.state.campaign(campaign).ok_or(AttachError::UnknownCampaign { campaign })?;
        let mut meetings = Meetings::new(&record.settings, now, now.plus(MEETING_DAYS));
        let report = report(accounts, |id, findings| {
            if record.attached.contains_key(&id) {
                findings.push(Finding::AlreadyAttached);
                return false;
            }
            self.check_entry((record, &mut meetings), id, now, findings);
            true
        });
        let report =
            self.carry_out(report, mode, now, |accounts| Fact::Attached { campaign, accounts })?;
        if mode != Mode::DryRun {
            self.join(campaign, &report.changed, now);
        }
        Ok(report)
    }

    /// Takes accounts out of a campaign, all or none. What they sent still counts for them.
    ///
    /// # Errors
    /// [`AttachError`]; then nothing has changed. An active campaign keeps its last account.
    pub fn detach(
        &mut self,
        campaign: CampaignId,
        accounts: &[AccountId],
        now: DateTime<Utc>,
    ) -> Result<AttachReport, AttachError> {
        self.detach_with(campaign, accounts, Mode::AllOrNone, now)
    }

    /// Takes accounts out of a campaign in the given mode.
    ///
    /// # Errors
    /// As [`detach`](Self::detach).
    pub fn detach_with(
        &mut self,
        campaign: CampaignId,
        accounts: &[AccountId],
        mode: Mode,
        now: DateTime<Utc>,
    ) -> Result<AttachReport, AttachError> {
        let now = self.enter(now)?;
        let record =
            self.state.campaign(campaign).ok_or(AttachError::UnknownCampaign { campaign })?;
        let asked: BTreeSet<AccountId> = accounts.iter().copied().collect();
        let leave = asked.iter().filter(|id| record.attached.contains_key(id)).count();
        let emptied =
            leave == record.attached.len() && record.settings.state == CampaignState::Active;
        let sticky = record.leads.written_to_by(&asked);
        let report = report(accounts, |id, findings| {
            if !record.attached.contains_key(&id) {
                findings.push(Finding::NotAttached);
                return false;
            }
            if emptied {
                findings.push(Finding::LastSenderOfActiveCampaign);
            }
            if let Some(leads) = sticky.get(&id).copied() {
                findings.push(Finding::HasStickyLeads { leads });
            }
            true
        });
        let leaving = if mode == Mode::DryRun { Vec::new() } else { report.changed.clone() };
        let allowed = mode == Mode::EachThatCan || !any_refused(&report);
        if allowed {
            for account in leaving {
                self.leave(campaign, account, now);
            }
        }
        self.carry_out(report, mode, now, |accounts| Fact::Detached { campaign, accounts })
    }

    fn carry_out(
        &mut self,
        report: AttachReport,
        mode: Mode,
        now: Timestamp,
        fact: impl Fn(Vec<AccountId>) -> Fact,
    ) -> Result<AttachReport, AttachError> {
        match mode {
            Mode::DryRun => Ok(report),
            Mode::AllOrNone if any_refused(&report) => {
                Err(AttachError::Refused(AttachReport { changed: Vec::new(), ..report }))
            }
            Mode::AllOrNone | Mode::EachThatCan => {
                if !report.changed.is_empty() {
                    self.take_in(now, fact(report.changed.clone()));
                }
                Ok(report)
            }
        }
    }

    /// Everything that keeps an account out of a campaign, and what its owner should know.
    fn check_entry<'a>(
        &'a self,
        (campaign, meetings): (&CampaignRecord, &mut Meetings<'a>),
        id: AccountId,
        now: Timestamp,
        findings: &mut Vec<Finding>,
    ) {
        let owner = campaign.settings.owner;
        let Some(record) = self.state.account(id).filter(|a| owns(owner, &a.settings)) else {
            findings.push(Finding::NotFoundOrNotOwned);
            return;
        };
        let account = &record.settings;
        if let Some(error) = account.connection.smtp.words() {
            findings.push(Finding::SmtpFailed { error: error.to_owned() });
        }
        if let Some(error) = account.connection.imap.words() {
            findings.push(Finding::ImapFailed { error: error.to_owned() });
        }
        if account.suspended {
            findings.push(Finding::Suspended);
        }
        self.check_trust(account, now, findings);
        let first = account.ramp.as_ref().map_or(u32::MAX, |ramp| {
            let day = account.zone.civil_day(now);
            ramp.allowance(record.usage.ramp_at(account.zone, now).row(day))
        });
        if account.daily_cap.min(first) == 0 {
            findings.push(Finding::NoDailyCapacity);
        }
        if !meetings.has(account) {
            findings.push(Finding::WindowNeverOpen);
        }
    }

    fn check_trust(&self, account: &Account, now: Timestamp, findings: &mut Vec<Finding>) {
        let config = &self.state.config;
        match account.reputation {
            None => findings.push(Finding::ReputationUnknown),
            Some(standpoint) => {
                let too_old = |at: &Timestamp| at.plus(config.reputation_age_max) <= now;
                if let Some(measured_at) = standpoint.measured_at.filter(too_old) {
                    findings.push(Finding::ReputationStale { measured_at });
                }
                if standpoint.value <= config.reputation_enter_above {
                    findings.push(Finding::WarmupReputationTooLow {
                        value: standpoint.value.value(),
                        above: config.reputation_enter_above.value(),
                    });
                }
            }
        }
        let Some(warmup) = &account.warmup else { return };
        if let Some(reason) = &warmup.blocked {
            findings.push(Finding::WarmupBlocked { reason: reason.clone() });
        }
        let too_young = |at: &Timestamp| at.plus(config.warmup_age_min) > now;
        if let Some(started_at) = warmup.started_at.filter(too_young) {
            findings.push(Finding::WarmupTooYoung { started_at });
        }
    }
}

/// Looks at every account of a request once. `check` returns whether its membership would change.
fn report(
    accounts: &[AccountId],
    mut check: impl FnMut(AccountId, &mut Vec<Finding>) -> bool,
) -> AttachReport {
    let mut seen = BTreeSet::new();
    let mut twice = BTreeSet::new();
    for id in accounts {
        if !seen.insert(*id) {
            twice.insert(*id);
        }
    }
    let mut checked = Vec::with_capacity(seen.len());
    let mut changed = Vec::new();
    for id in accounts {
        if !seen.remove(id) {
            continue;
        }
        let mut findings = Vec::new();
        if twice.contains(id) {
            findings.push(Finding::DuplicateInRequest);
        }
        let eligible = check(*id, &mut findings);
        let one = Checked { account: *id, findings };
        if eligible && !one.is_refused() {
            changed.push(*id);
        }
        checked.push(one);
    }
    AttachReport { accounts: checked, changed }
}

fn any_refused(report: &AttachReport) -> bool {
    report.accounts.iter().any(Checked::is_refused)
}

fn owns(owner: OwnerId, account: &Account) -> bool {
    account.owner == owner
}
