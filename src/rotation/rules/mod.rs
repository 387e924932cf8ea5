//! The rules at an instant: which of them hold an account or a campaign, and until when.
//!
//! Every rule answers for an instant at or after the present as if the engine were left alone until
//! then, and says when its answer may change. The least instant that passes all rules follows by
//! asking again at the latest of these. Nothing is changed here, and no turn is decided.

pub(super) mod meetings;
pub(super) mod verdict;

use crate::policy::{Block, CampaignState, Pace, Reason};
use crate::rotation::rules::verdict::{Touched, Verdict};
use crate::rotation::state::config::Config;
use crate::rotation::state::usage::Usage;
use crate::rotation::state::{AccountRecord, CampaignRecord, State};
use crate::vocab::{CivilDay, Percent, Span, Timestamp, Zone};

/// For which kind of email an account is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// An email to a lead that the account wrote to, or one moved to it.
    FollowUp,
    /// A new lead that names the account.
    DemandedNewLead,
    /// A new lead that the rotation places.
    NewLead,
}

impl Purpose {
    /// For which an account is asked that is named.
    pub(crate) const fn named(new_lead: bool) -> Self {
        if new_lead { Self::DemandedNewLead } else { Self::FollowUp }
    }
}

/// An account with what its rules need to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AccountRules<'a> {
    pub(crate) config: &'a Config,
    pub(crate) account: &'a AccountRecord,
    state: &'a State,
}

impl<'a> AccountRules<'a> {
    pub(crate) fn of(state: &'a State, account: &'a AccountRecord) -> Self {
        Self { config: &state.config, account, state }
    }

    /// Asks every rule, the lasting ones first.
    #[inline]
    pub(crate) fn each(self, at: Timestamp, purpose: Purpose, mut visit: impl FnMut(Verdict)) {
        self.lasting(at, &mut visit);
        let domain_hold = self.state.domain_hold(&self.account.settings);
        for (hold, reason) in
            [(self.account.hold_until, Reason::AccountHold), (domain_hold, Reason::DomainHold)]
        {
            if let Some(until) = hold.filter(|until| *until > at) {
                visit(Verdict::held(reason, Some(until)));
            }
        }
        self.window(at, &mut visit);
        self.days(at, purpose, &mut visit);
        for limit in &self.account.settings.limits {
            visit(self.rolling(at, limit.length(), limit.emails()));
        }
        self.pauses(at, &mut visit);
        if purpose == Purpose::NewLead && self.account.settings.weight.value() == 0 {
            visit(Verdict::held(Reason::WeightZero, None));
        }
    }

    /// Whether no rule blocks.
    #[inline(never)]
    pub(crate) fn pass(self, at: Timestamp, purpose: Purpose) -> bool {
        let mut pass = true;
        self.each(at, purpose, |verdict| pass &= verdict.block.is_none());
        pass
    }

    /// The most emails of a civil day, as it is known at `at`: the cap, or the ramp below it.
    #[inline]
    pub(crate) fn allowance(self, at: Timestamp, day: CivilDay) -> u32 {
        let settings = &self.account.settings;
        match &settings.ramp {
            None => settings.daily_cap,
            Some(ramp) => {
                let row = self.account.usage.ramp_at(settings.zone, at).row(day);
                ramp.allowance(row).min(settings.daily_cap)
            }
        }
    }

    /// Asks the rules that somebody must act to end: how the account is, and how far it is trusted.
    pub(crate) fn lasting(self, at: Timestamp, mut visit: impl FnMut(Verdict)) {
        self.health(&mut visit);
        self.reputation(at, &mut visit);
    }

    fn health(self, visit: &mut impl FnMut(Verdict)) {
        let settings = &self.account.settings;
        let blocked = settings.warmup.as_ref().is_some_and(|warmup| warmup.blocked.is_some());
        for (held, reason) in [
            (settings.suspended, Reason::SenderSuspended),
            (settings.connection.smtp.words().is_some(), Reason::SmtpDown),
            (settings.connection.imap.words().is_some(), Reason::ImapDown),
            (blocked, Reason::WarmupBlocked),
        ] {
            if held {
                visit(Verdict::held(reason, None));
            }
        }
    }

    fn reputation(self, at: Timestamp, visit: &mut impl FnMut(Verdict)) {
        let Some(standpoint) = self.account.settings.reputation else {
            visit(Verdict::held(Reason::ReputationUnknown, None));
            return;
        };
        let stale_at = standpoint.measured_at.map(|at| at.plus(self.config.reputation_age_max));
        if stale_at.is_some_and(|stale_at| stale_at <= at) {
            visit(Verdict::held(Reason::ReputationStale, None));
        } else if self.account.good {
            visit(Verdict::pass(stale_at));
        } else {
            let (value, min) = (standpoint.value.value(), self.config.reputation_stay_min.value());
            let block =
                Block::counted(Reason::ReputationLow, u32::from(value), u32::from(min), None);
            visit(Verdict::block(block));
        }
    }

    fn window(self, at: Timestamp, visit: &mut impl FnMut(Verdict)) {
        let (settings, today) = (&self.account.settings, &self.account.usage.today);
        if settings.schedule.is_always() {
            return;
        }
        visit(match settings.schedule.at_by(today, settings.zone, at) {
            (true, closes) => Verdict::pass(closes),
            (false, opens) if settings.schedule.is_holiday(settings.zone, at) => {
                Verdict::held(Reason::SenderHoliday, opens)
            }
            (false, opens) => Verdict::held(Reason::OutsideSenderHours, opens),
        });
    }

    fn days(self, at: Timestamp, purpose: Purpose, visit: &mut impl FnMut(Verdict)) {
        let (settings, usage) = (&self.account.settings, &self.account.usage);
        if settings.daily_cap == 0 {
            visit(Verdict::block(Block::counted(Reason::DailyCap, 0, 0, None)));
            return;
        }
        visit(lasting(at, |at| self.day_cap(at, settings.zone, None)));
        let former = usage.former_zones.get().into_iter().flatten();
        for (zone, until) in former.filter(|(_, until)| *until > at) {
            visit(lasting(at, |at| self.day_cap(at, *zone, Some(*until))));
        }
        if purpose != Purpose::FollowUp && usage.due.get().is_some() {
            let used = |start| usage.new_leads_on_day(start);
            visit(lasting(at, |at| {
                let left = |day| self.new_leads_max(self.allowance(at, day), day);
                self.on_days(at, settings.zone, false, |_| Reason::FollowUpsDue, used, left)
            }));
        }
    }

    /// The cap of the days of one zone: the account's, or one that it left and that counts `until`
    /// then.
    fn day_cap(self, at: Timestamp, zone: Zone, until: Option<Timestamp>) -> Verdict {
        if until.is_some_and(|until| until <= at) {
            return Verdict::pass(None);
        }
        let (settings, usage) = (&self.account.settings, &self.account.usage);
        let allowance = |day| self.allowance(at, day);
        let reason = |day| match until {
            Some(_) => Reason::FormerZoneCap,
            None if allowance(day) < settings.daily_cap => Reason::RampCap,
            None => Reason::DailyCap,
        };
        let used = |start| usage.on_day(start);
        // Left alone, a later day holds no more than what is out today.
        let out = u32::try_from(usage.open.len()).unwrap_or(u32::MAX);
        let steady = settings.ramp.as_ref().is_none_or(|ramp| ramp.least() > out);
        self.on_days(at, zone, steady, reason, used, allowance).until(until)
    }

    /// Asks the days of a zone, with what the ramp allows on them as it is known at `at`.
    fn on_days(
        self,
        at: Timestamp,
        zone: Zone,
        steady: bool,
        reason: impl Fn(CivilDay) -> Reason,
        used: impl Fn(Timestamp) -> u32,
        max: impl Fn(CivilDay) -> u32,
    ) -> Verdict {
        let (settings, usage) = (&self.account.settings, &self.account.usage);
        let ttl = self.config.reservation_ttl;
        let touched = Touched::new(zone, &usage.today, at, ttl);
        // Days without a send do not advance a ramp: what is nothing today stays nothing.
        let next = |day| match self.allowance(at, day) {
            0 => usage.ramp_at(settings.zone, at).row_ends(day),
            _ => Some(day.plus_days(1)),
        };
        let verdict = touched.verdict(ttl, steady, reason, used, max, next);
        if settings.ramp.is_none() {
            return verdict;
        }
        // A send changes what a ramp allows on other days than its own.
        let own_day = touched.later.is_none() && zone == settings.zone;
        let verdict = if own_day { verdict } else { verdict.unsure() };
        if verdict.block.is_none() && steady {
            return verdict;
        }
        // So does a lapse, which counts as a send.
        verdict.or_changes_at(usage.ramp_advances_at(settings.zone, at))
    }

    /// The most new leads of a day: what due follow-ups leave, but never less than their share.
    fn new_leads_max(self, allowance: u32, day: CivilDay) -> u32 {
        let due =
            self.account.usage.due.get().and_then(|due| due.get(&day)).copied().unwrap_or_default();
        allowance - due.min(allowance - share(allowance, self.config.new_lead_share))
    }

    fn rolling(self, at: Timestamp, length: Span, max: u32) -> Verdict {
        let (used, frees_at) = self.account.usage.rolling(at, length, max);
        if frees_at.is_some_and(|frees_at| frees_at <= at) {
            return Verdict::counted(max.saturating_sub(used), Timestamp::MAX, None);
        }
        let reason = match length {
            length if length <= Span::minutes(1) => Reason::MinuteCap,
            length if length <= Span::hours(1) => Reason::HourCap,
            length if length <= Span::days(1) => Reason::RollingCap,
            _ => Reason::LongCap,
        };
        Verdict::block(Block::counted(reason, used, max, frees_at))
    }

    /// Before when a pause between two sends holds it.
    #[inline]
    pub(crate) fn pause_until(self) -> Timestamp {
        let rest = self.account.usage.rest_until(&self.account.settings, self.config.seed);
        rest.map(|(until, _)| until).max(self.pace_until()).unwrap_or(Timestamp::MIN)
    }

    fn pace_until(self) -> Option<Timestamp> {
        let even = self.account.settings.pace == Pace::Even;
        self.account.usage.pace_until.filter(|_| even)
    }

    /// Asks what holds between two sends.
    pub(crate) fn pauses(self, at: Timestamp, visit: &mut impl FnMut(Verdict)) {
        let pauses = [self.rest(at), self.pace(at)];
        pauses.into_iter().flatten().for_each(|block| visit(Verdict::block(block)));
    }

    /// What holds between two sends, the longest of it.
    pub(crate) fn longest_pause(self, at: Timestamp) -> Option<Block> {
        longer(self.rest(at), self.pace(at))
    }

    #[inline]
    fn rest(self, at: Timestamp) -> Option<Block> {
        let usage = &self.account.usage;
        let rest = usage.rest_until(&self.account.settings, self.config.seed);
        let (until, awaited) = rest.filter(|(until, _)| *until > at)?;
        let awaited = awaited && usage.open.last().is_some_and(|open| open.ends_at > at);
        let reason = if awaited { Reason::SettlementAwaited } else { Reason::GapNotOver };
        Some(Block::new(reason, Some(until)))
    }

    fn pace(self, at: Timestamp) -> Option<Block> {
        let until = self.pace_until().filter(|until| *until > at)?;
        Some(Block::new(Reason::PaceNotDue, Some(until)))
    }
}

/// The rules of a campaign for one kind of email.
pub(crate) fn campaign_rules(
    config: &Config,
    campaign: &CampaignRecord,
    at: Timestamp,
    new_lead: bool,
    mut visit: impl FnMut(Verdict),
) {
    let settings = &campaign.settings;
    match settings.state {
        CampaignState::Active => {}
        CampaignState::Draft => visit(Verdict::held(Reason::CampaignDraft, None)),
        CampaignState::Paused => visit(Verdict::held(Reason::CampaignPaused, None)),
        CampaignState::Stopped => visit(Verdict::held(Reason::CampaignStopped, None)),
    }
    if !settings.schedule.is_always() {
        visit(match settings.schedule.at(settings.zone, at) {
            (true, closes) => Verdict::pass(closes),
            (false, opens) if settings.schedule.is_holiday(settings.zone, at) => {
                Verdict::held(Reason::Holiday, opens)
            }
            (false, opens) => Verdict::held(Reason::OutOfSchedule, opens),
        });
    }
    let ttl = config.reservation_ttl;
    let all = settings.daily_cap.map(|max| (Reason::CampaignDailyCap, max, false));
    let new = settings.new_lead_cap.filter(|_| new_lead);
    let new = new.map(|max| (Reason::CampaignNewLeadCap, max, true));
    let current = (settings.zone, None);
    let former = campaign.usage.former_zones.get().into_iter().flatten();
    let former = former.map(|(zone, until)| (*zone, Some(*until)));
    for (zone, until) in former.filter(|(_, until)| *until > Some(at)).chain([current]) {
        for (reason, max, counts_new) in all.into_iter().chain(new) {
            if max == 0 {
                visit(Verdict::block(Block::counted(reason, 0, 0, None)));
                continue;
            }
            let count = if counts_new { Usage::new_leads_on_day } else { Usage::on_day };
            let used = |start| count(&campaign.usage, start);
            let touched = Touched::new(zone, &campaign.usage.today, at, ttl);
            let next = |day: CivilDay| Some(day.plus_days(1));
            visit(touched.verdict(ttl, true, |_| reason, used, |_| max, next).until(until));
        }
    }
}

/// Of the blocks that are visited, the one that lasts longest, the first of equals.
pub(crate) fn longest(ask: impl FnOnce(&mut dyn FnMut(Verdict))) -> Option<Block> {
    let mut longest: Option<Block> = None;
    ask(&mut |verdict| longest = longer(longest, verdict.block));
    longest
}

/// The one of two blocks that lasts longer, the first of equals.
fn longer(first: Option<Block>, other: Option<Block>) -> Option<Block> {
    match (first, other) {
        (Some(first), Some(other)) if !other.outlasts(first) => Some(first),
        (first, other) => other.or(first),
    }
}

/// What a rule answers; if it blocks, until the least instant at which it passes.
fn lasting(at: Timestamp, rule: impl Fn(Timestamp) -> Verdict) -> Verdict {
    let verdict = rule(at);
    verdict.block.map_or(verdict, |block| {
        let until = earliest(at, Timestamp::MAX, |at, visit| visit(rule(at)));
        Verdict::block(Block { until, ..block })
    })
}

/// A share of a number, rounded up.
fn share(of: u32, share: Percent) -> u32 {
    let parts = u64::from(of) * u64::from(share.value());
    u32::try_from(parts.div_ceil(100)).unwrap_or(of)
}

/// The least instant from `from` on at which no rule blocks, if there is one up to `last`.
/// `ask` visits every rule's verdict for an instant.
pub(crate) fn earliest(
    from: Timestamp,
    last: Timestamp,
    ask: impl Fn(Timestamp, &mut dyn FnMut(Verdict)),
) -> Option<Timestamp> {
    let mut at = from;
    loop {
        let mut next = Some(at);
        ask(at, &mut |verdict| next = verdict.passes_after(at, next));
        let next = next?;
        if next > last {
            return None;
        }
        if next <= at {
            return Some(at);
        }
        at = next;
    }
}
