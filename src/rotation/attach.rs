//! Attaching accounts to a campaign and taking them out: all or none, each that can, or only told.
//!
//! The checks are made when an account enters. Whether it may send later is the rules' to say.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::policy::{Account, CampaignState};
use crate::rotation::engine::{ClockError, Engine};
use crate::rotation::event::Fact;
use crate::rotation::pick;
use crate::rotation::state::CampaignRecord;
use crate::vocab::{AccountId, CampaignId, OwnerId, Timestamp};

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

/// Something about one account that keeps it out, or that its owner should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Finding {
    /// It is attached already; nothing changes.
    AlreadyAttached,
    /// The request names it more than once.
    DuplicateInRequest,
    /// Leads that it wrote to will move to other accounts.
    HasStickyLeads {
        /// How many.
        leads: usize,
    },
    /// Its IMAP check failed.
    ImapFailed {
        /// The provider's words.
        error: String,
    },
    /// It would leave an active campaign without accounts.
    LastSenderOfActiveCampaign,
    /// Its cap or its ramp allows no email.
    NoDailyCapacity,
    /// It is not attached; nothing changes.
    NotAttached,
    /// It does not exist, or it belongs to somebody else, which is the same answer.
    NotFoundOrNotOwned,
    /// Its reputation was measured too long ago.
    ReputationStale {
        /// When.
        measured_at: Timestamp,
    },
    /// Nobody knows its reputation.
    ReputationUnknown,
    /// Its SMTP check failed.
    SmtpFailed {
        /// The provider's words.
        error: String,
    },
    /// An operator stopped it.
    Suspended,
    /// Its warm-up is blocked.
    WarmupBlocked {
        /// The warm-up service's words.
        reason: String,
    },
    /// Its reputation is not above the threshold.
    WarmupReputationTooLow {
        /// What it is.
        value: u8,
        /// What it must be above.
        above: u8,
    },
    /// Its warm-up has not lasted long enough.
    WarmupTooYoung {
        /// When it began.
        started_at: Timestamp,
    },
    /// Its window and the campaign's are never open together.
    WindowNeverOpen,
}

impl Finding {
    /// A stable word for machines, such as `smtp_failed`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AlreadyAttached => "already_attached",
            Self::DuplicateInRequest => "duplicate_in_request",
            Self::HasStickyLeads { .. } => "has_sticky_leads",
            Self::ImapFailed { .. } => "imap_failed",
            Self::LastSenderOfActiveCampaign => "last_sender_of_active_campaign",
            Self::NoDailyCapacity => "no_daily_capacity",
            Self::NotAttached => "not_attached",
            Self::NotFoundOrNotOwned => "not_found_or_not_owned",
            Self::ReputationStale { .. } => "reputation_stale",
            Self::ReputationUnknown => "reputation_unknown",
            Self::SmtpFailed { .. } => "smtp_failed",
            Self::Suspended => "suspended",
            Self::WarmupBlocked { .. } => "warmup_blocked",
            Self::WarmupReputationTooLow { .. } => "warmup_reputation_too_low",
            Self::WarmupTooYoung { .. } => "warmup_too_young",
            Self::WindowNeverOpen => "window_never_open",
        }
    }

    /// Whether it keeps the account out, or in; the others are warnings.
    pub const fn is_error(&self) -> bool {
        match self {
            Self::ImapFailed { .. }
            | Self::LastSenderOfActiveCampaign
            | Self::NotFoundOrNotOwned
            | Self::ReputationStale { .. }
            | Self::ReputationUnknown
            | Self::SmtpFailed { .. }
            | Self::Suspended
            | Self::WarmupBlocked { .. }
            | Self::WarmupReputationTooLow { .. } => true,
            Self::AlreadyAttached
            | Self::DuplicateInRequest
            | Self::HasStickyLeads { .. }
            | Self::NoDailyCapacity
            | Self::NotAttached
            | Self::WarmupTooYoung { .. }
            | Self::WindowNeverOpen => false,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyAttached => f.write_str("already attached"),
            Self::DuplicateInRequest => f.write_str("named more than once in the request"),
            Self::HasStickyLeads { leads } => {
                write!(f, "{leads} leads that it wrote to will move to other accounts")
            }
            Self::ImapFailed { error } => write!(f, "IMAP check failed: {error}"),
            Self::LastSenderOfActiveCampaign => f.write_str(
                "the last account of an active campaign; pause it or attach another first",
            ),
            Self::NoDailyCapacity => f.write_str("no daily capacity: its cap allows no email"),
            Self::NotAttached => f.write_str("not attached"),
            Self::NotFoundOrNotOwned => {
                f.write_str("not found, or not owned by the campaign's owner")
            }
            Self::ReputationStale { measured_at } => {
                write!(f, "reputation was measured too long ago, {measured_at}; measure it again")
            }
            Self::ReputationUnknown => f.write_str("reputation unknown; measure it first"),
            Self::SmtpFailed { error } => write!(f, "SMTP check failed: {error}"),
            Self::Suspended => f.write_str("suspended; resume it first"),
            Self::WarmupBlocked { reason } => write!(f, "warm-up blocked: {reason}"),
            Self::WarmupReputationTooLow { value, above } => {
                write!(f, "reputation {value} must be above {above}")
            }
            Self::WarmupTooYoung { started_at } => {
                write!(f, "warming up only since {started_at}")
            }
            Self::WindowNeverOpen => {
                f.write_str("its sending window and the campaign's are never open together")
            }
        }
    }
}

/// One account of a request and everything that was found about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Checked {
    /// Which account.
    pub account: AccountId,
    /// Errors and warnings, all of them.
    pub findings: Vec<Finding>,
}

impl Checked {
    /// Whether anything found is an error.
    pub fn is_refused(&self) -> bool {
        self.findings.iter().any(Finding::is_error)
    }

    /// What keeps it out.
    pub fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.is_error())
    }

    /// What its owner should know.
    pub fn warnings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| !finding.is_error())
    }
}

/// Every account of a request once, in the order of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AttachReport {
    /// The accounts and what was found.
    pub accounts: Vec<Checked>,
    /// Those whose membership changed, or would without a dry run.
    pub changed: Vec<AccountId>,
}

/// Nothing was attached, or taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttachError {
    /// The instant is not accepted.
    Clock(ClockError),
    /// At least one account has an error, and all or none was asked for.
    Refused(AttachReport),
    /// There is no such campaign.
    UnknownCampaign {
        /// The number given.
        campaign: CampaignId,
    },
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clock(error) => fmt::Display::fmt(error, f),
            Self::Refused(report) => {
                let refused = report.accounts.iter().filter(|checked| checked.is_refused());
                for (n, checked) in refused.enumerate() {
                    let gap = if n == 0 { "" } else { "; " };
                    write!(f, "{gap}account {}: ", checked.account)?;
                    for (n, error) in checked.errors().enumerate() {
                        let gap = if n == 0 { "" } else { ", " };
                        write!(f, "{gap}{error}")?;
                    }
                }
                Ok(())
            }
            Self::UnknownCampaign { campaign } => {
                write!(f, "there is no campaign {campaign}; add it first")
            }
        }
    }
}

impl std::error::Error for AttachError {}

impl From<ClockError> for AttachError {
    fn from(error: ClockError) -> Self {
        Self::Clock(error)
    }
}

impl Engine {
    /// Attaches accounts to a campaign, all or none.
    ///
    /// Promises: it is all or none (or, with [`attach_with`](Self::attach_with), each that can, or a
    /// dry run); it names every account's every problem; it tells nothing about other owners'
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
        let report = report(accounts, record, |id, findings| {
            if record.attached.contains_key(&id) {
                findings.push(Finding::AlreadyAttached);
                return false;
            }
            self.check_entry(record, id, now, findings);
            true
        });
        self.carry_out(report, mode, now, |accounts| Fact::Attached { campaign, accounts })
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
        let stay = record.attached.keys().filter(|id| !asked.contains(id)).count();
        let emptied = stay == 0 && record.settings.state == CampaignState::Active;
        let sticky = sticky_leads(record, &asked);
        let report = report(accounts, record, |id, findings| {
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

    /// Takes an account out of the rotation before it is detached or deleted.
    pub(crate) fn leave(&mut self, campaign: CampaignId, account: AccountId, now: Timestamp) {
        let attachment = self.state.campaign(campaign).and_then(|c| c.attached.get(&account));
        if attachment.is_some_and(|attachment| attachment.present) {
            let taker = pick::taker(&self.state, &self.index, campaign, account);
            self.take_in(now, Fact::Left { campaign, account, taker });
        }
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
    fn check_entry(
        &self,
        campaign: &CampaignRecord,
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
        if never_open(account, campaign, now) {
            findings.push(Finding::WindowNeverOpen);
        }
    }

    fn check_trust(&self, account: &Account, now: Timestamp, findings: &mut Vec<Finding>) {
        let config = &self.state.config;
        match account.reputation {
            None => findings.push(Finding::ReputationUnknown),
            Some(standpoint) => {
                if let Some(measured_at) = standpoint.measured_at
                    && measured_at.plus(config.reputation_age_max) <= now
                {
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
        if let Some(started_at) = warmup.started_at
            && started_at.plus(config.warmup_age_min) > now
        {
            findings.push(Finding::WarmupTooYoung { started_at });
        }
    }
}

/// Looks at every account of a request once. `check` returns whether its membership would change.
fn report(
    accounts: &[AccountId],
    _campaign: &CampaignRecord,
    check: impl Fn(AccountId, &mut Vec<Finding>) -> bool,
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
        let changes = check(*id, &mut findings);
        let one = Checked { account: *id, findings };
        if changes && !one.is_refused() {
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

/// How many leads each of these accounts wrote to.
fn sticky_leads(
    campaign: &CampaignRecord,
    accounts: &BTreeSet<AccountId>,
) -> std::collections::BTreeMap<AccountId, usize> {
    let mut sticky = std::collections::BTreeMap::new();
    let bound = campaign.leads.values().filter(|binding| binding.wrote);
    for binding in bound.filter(|binding| accounts.contains(&binding.account)) {
        *sticky.entry(binding.account).or_insert(0) += 1;
    }
    sticky
}

/// Whether the two windows are never open together within 400 days.
fn never_open(account: &Account, campaign: &CampaignRecord, now: Timestamp) -> bool {
    let (own, theirs) = (&account.schedule, &campaign.settings.schedule);
    let last = now.plus(crate::vocab::Span::days(400));
    let mut at = now;
    loop {
        let a = own.at(account.zone, at);
        let b = theirs.at(campaign.settings.zone, at);
        let next = match (a, b) {
            ((true, _), (true, _)) => return false,
            ((false, None), _) | (_, (false, None)) => return true,
            ((false, Some(next)), (true, _)) | ((true, _), (false, Some(next))) => next,
            ((false, Some(one)), (false, Some(other))) => one.max(other),
        };
        if next > last {
            return true;
        }
        at = next;
    }
}
