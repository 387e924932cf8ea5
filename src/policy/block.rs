//! Why an email cannot go now: one reason, what is used of what, and until when.
//!
//! The words only. Which reasons hold at an instant is decided where usage is known.

use std::fmt;

use serde::Serialize;

use crate::vocab::Timestamp;

/// One thing that keeps an account, or a campaign, from sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Block {
    /// Which rule.
    pub reason: Reason,
    /// How much of it is used, where the rule counts: sent and reserved together.
    pub used: Option<u32>,
    /// The most it allows, where the rule counts.
    pub max: Option<u32>,
    /// When it is over if nothing else happens; nothing if somebody must act.
    pub until: Option<Timestamp>,
}

impl Block {
    pub(crate) const fn new(reason: Reason, until: Option<Timestamp>) -> Self {
        Self { reason, used: None, max: None, until }
    }

    /// Whether it lasts longer than another; what somebody must end lasts longest.
    pub(crate) fn outlasts(self, other: Self) -> bool {
        other.until.is_some_and(|other| self.until.is_none_or(|own| own > other))
    }

    pub(crate) const fn counted(
        reason: Reason,
        used: u32,
        max: u32,
        until: Option<Timestamp>,
    ) -> Self {
        Self { reason, used: Some(used), max: Some(max), until }
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason.code())?;
        if let (Some(used), Some(max)) = (self.used, self.max) {
            write!(f, " {used}/{max}")?;
        }
        match self.until {
            Some(until) => write!(f, " until {until}"),
            None => f.write_str(" until somebody acts"),
        }
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        /// Which rule keeps an email from going. Each has a [`code`](Self::code) for machines and a
        /// [`text`](Self::text) for people.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl Reason {
            /// Every reason there is, in the order of the enum.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// A stable word for machines, such as `daily_cap`.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The same for people.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

reasons! {
    /// The campaign was not started yet.
    CampaignDraft = "campaign_draft", "the campaign was not started yet";
    /// The campaign is paused.
    CampaignPaused = "campaign_paused", "the campaign is paused";
    /// The campaign was ended for good.
    CampaignStopped = "campaign_stopped", "the campaign was ended for good";
    /// The campaign's cap of emails per civil day is used up.
    CampaignDailyCap = "campaign_daily_cap", "the campaign's daily cap is used up";
    /// The campaign's cap of new leads per civil day is used up.
    CampaignNewLeadCap = "campaign_new_lead_cap", "the campaign's cap of new leads is used up";
    /// The campaign's window is closed.
    OutOfSchedule = "out_of_schedule", "the campaign's window is closed";
    /// A holiday of the campaign.
    Holiday = "holiday", "a holiday of the campaign";
    /// No account is attached to the campaign.
    NoSenders = "no_senders", "no account is attached";
    /// An operator stopped the account.
    SenderSuspended = "sender_suspended", "the account is suspended";
    /// The last SMTP check failed.
    SmtpDown = "smtp_down", "the SMTP connection is broken";
    /// The last IMAP check failed.
    ImapDown = "imap_down", "the IMAP connection is broken";
    /// The warm-up service blocked the account.
    WarmupBlocked = "warmup_blocked", "the warm-up is blocked";
    /// Nobody knows the account's reputation.
    ReputationUnknown = "reputation_unknown", "the reputation is unknown";
    /// The reputation is too low to go on.
    ReputationLow = "reputation_low", "the reputation is too low";
    /// The reputation was measured too long ago.
    ReputationStale = "reputation_stale", "the reputation was measured too long ago";
    /// A hold on the account, such as "the provider said stop until then".
    AccountHold = "provider_hold", "the account is held";
    /// A hold on the account's sending domain.
    DomainHold = "domain_hold", "the sending domain is held";
    /// The account's own window is closed.
    OutsideSenderHours = "outside_sender_hours", "the account's window is closed";
    /// A holiday of the account.
    SenderHoliday = "sender_holiday", "a holiday of the account";
    /// The account's daily cap is used up.
    DailyCap = "daily_cap", "the daily cap is used up";
    /// The ramp's allowance below the cap is used up.
    RampCap = "ramp_cap", "the ramp's allowance is used up";
    /// The cap is used up in the civil day of a zone that the account was in until lately.
    FormerZoneCap = "former_zone_cap", "the daily cap is used up in the former time zone";
    /// A rolling limit of up to a minute is used up.
    MinuteCap = "minute_cap", "the limit per minute is used up";
    /// A rolling limit of up to an hour is used up.
    HourCap = "hour_cap", "the limit per hour is used up";
    /// A rolling limit of up to 24 hours is used up.
    RollingCap = "rolling_cap", "the limit per 24 hours is used up";
    /// A rolling limit of more than 24 hours is used up.
    LongCap = "long_cap", "the limit over several days is used up";
    /// The spacing since the last send is not over.
    GapNotOver = "gap_not_over", "the spacing is not over";
    /// The account's one reservation is out and not settled.
    SettlementAwaited = "settlement_awaited", "a settlement is awaited";
    /// An even pace puts the next send later.
    PaceNotDue = "pace_not_due", "an even pace puts the next send later";
    /// Room is held back for follow-ups that are due.
    FollowUpsDue = "follow_ups_due", "room is held back for follow-ups";
    /// The operator's weight is 0.
    WeightZero = "weight_zero", "the weight is 0";
    /// The request excluded the account.
    Excluded = "excluded", "the request excluded it";
    /// The lead belongs to another account.
    LeadElsewhere = "lead_elsewhere", "the lead belongs to another account";
    /// The lead's account is gone and the grace time before others may write is not over.
    GraceNotOver = "grace_not_over", "the lead's account is gone, the grace time is not over";
}

impl Reason {
    /// Whether an account so blocked is only resting: it keeps its place in the rotation. The other
    /// reasons make it leave; it comes back at the present, owed nothing.
    pub(crate) const fn is_rest(self) -> bool {
        matches!(
            self,
            Self::GapNotOver
                | Self::SettlementAwaited
                | Self::PaceNotDue
                | Self::MinuteCap
                | Self::HourCap
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_all_different() {
        let codes: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
    }

    #[test]
    fn a_block_reads_like_a_sentence() {
        let block = Block::counted(Reason::DailyCap, 50, 50, Some(Timestamp::EPOCH));
        assert_eq!(block.to_string(), "daily_cap 50/50 until 1970-01-01T00:00:00Z");
        let block = Block::new(Reason::SenderSuspended, None);
        assert_eq!(block.to_string(), "sender_suspended until somebody acts");
    }
}
