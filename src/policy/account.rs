//! What an account is set to: who owns it, how it is reached, and how much it may send when.
//!
//! Plain values with their defaults and checks. What follows from them at an instant is decided by
//! the other files of this floor; what the account has sent is not known here.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::policy::limit::Limit;
use crate::policy::mailbox::{Connection, Link, Provider, Standpoint, Warmup};
use crate::policy::ramp::Ramp;
use crate::policy::schedule::Schedule;
use crate::vocab::{AccountId, OwnerId, Reputation, Span, Timestamp, Weight, Zone};

/// The longest text that is kept of an address or of a provider's words, in bytes.
const TEXT_MAX: usize = 1_000;
/// The most further limits on one account.
pub(crate) const LIMITS_MAX: usize = 16;
/// The longest spacing and the longest jitter.
pub(crate) const SPACING_MAX: Span = Span::days(31);

/// One mailbox that may be sent from, with everything an operator can set.
///
/// Made with [`Account::new`] and the methods below, each of which sets one thing:
///
/// ```
/// use mailrota::{Account, AccountId, Limit, OwnerId, Span, Zone};
///
/// let madrid: Zone = "Europe/Madrid".parse()?;
/// let ana = Account::new(AccountId(456), OwnerId(1), "ana@acme-mail.example")
///     .daily_cap(50)
///     .spacing(Span::minutes(10))
///     .zone(madrid)
///     .limit(Limit::per_hour(8));
/// # Ok::<(), mailrota::ZoneError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Account {
    /// The caller's number for it.
    pub id: AccountId,
    /// Whom it belongs to.
    pub owner: OwnerId,
    /// The address that it sends from.
    pub address: String,
    /// Who hosts it.
    pub provider: Provider,
    /// Whether its credentials worked when last tried.
    pub connection: Connection,
    /// Whether an operator stopped it.
    pub suspended: bool,
    /// How far it is trusted and since when that is known; nothing if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reputation: Option<Standpoint>,
    /// What its warm-up says about it, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warmup: Option<Warmup>,
    /// Where its civil days and its sending window are counted.
    pub zone: Zone,
    /// The most emails in a civil day of [`zone`](Self::zone).
    pub daily_cap: u32,
    /// Further limits, all in force at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<Limit>,
    /// The least time between two sends, over all campaigns.
    pub spacing: Span,
    /// The most that is added to the spacing, by chance, anew for each send.
    pub jitter: Span,
    /// The operator's share of turns; 0 gets no new leads.
    pub weight: Weight,
    /// When it may send, in its own [`zone`](Self::zone).
    pub schedule: Schedule,
    /// The schedule of rising allowances, if it is still growing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ramp: Option<Ramp>,
    /// Whether its warm-up mail counts against the cap.
    pub warmup_mail: WarmupMail,
    /// How a day's emails are spread.
    pub pace: Pace,
}

impl Account {
    /// An account with a verified connection, full and undated trust, a cap of 50 emails a day in
    /// UTC, no spacing, weight 1, and no other limit.
    pub fn new(id: AccountId, owner: OwnerId, address: impl Into<String>) -> Self {
        Self {
            id,
            owner,
            address: address.into(),
            provider: Provider::Other,
            connection: Connection::VERIFIED,
            suspended: false,
            reputation: Some(Standpoint { value: Reputation::FULL, measured_at: None }),
            warmup: None,
            zone: Zone::UTC,
            daily_cap: 50,
            limits: Vec::new(),
            spacing: Span::ZERO,
            jitter: Span::ZERO,
            weight: Weight::ONE,
            schedule: Schedule::always(),
            ramp: None,
            warmup_mail: WarmupMail::Counted,
            pace: Pace::Asap,
        }
    }

    /// Sets who hosts it. Default [`Provider::Other`].
    pub fn provider(mut self, provider: Provider) -> Self {
        self.provider = provider;
        self
    }

    /// Sets what the last credential check said. Default verified.
    pub fn connection(mut self, connection: Connection) -> Self {
        self.connection = connection;
        self
    }

    /// Sets whether an operator stopped it. Default no.
    pub fn suspended(mut self, suspended: bool) -> Self {
        self.suspended = suspended;
        self
    }

    /// Sets how far it is trusted, as measured at an instant; a measurement grows stale. Default
    /// full trust without a date, which never does.
    pub fn reputation(mut self, value: Reputation, measured_at: Timestamp) -> Self {
        self.reputation = Some(Standpoint { value, measured_at: Some(measured_at) });
        self
    }

    /// Says that nobody knows how far it is trusted. Such an account cannot be attached.
    pub fn reputation_unknown(mut self) -> Self {
        self.reputation = None;
        self
    }

    /// Sets what its warm-up says. Default none.
    pub fn warmup(mut self, warmup: Warmup) -> Self {
        self.warmup = Some(warmup);
        self
    }

    /// Sets where its civil days and its window are counted. Default UTC.
    pub fn zone(mut self, zone: Zone) -> Self {
        self.zone = zone;
        self
    }

    /// Sets the most emails in a civil day. Default 50. A cap of 0 sends nothing.
    pub fn daily_cap(mut self, emails: u32) -> Self {
        self.daily_cap = emails;
        self
    }

    /// Adds a limit to those in force. Default none but the daily cap.
    pub fn limit(mut self, limit: Limit) -> Self {
        self.limits.push(limit);
        self
    }

    /// Sets the least time between two sends. Default none. With a spacing or a jitter, the
    /// account has one reservation out at a time.
    pub fn spacing(mut self, spacing: Span) -> Self {
        self.spacing = spacing;
        self
    }

    /// Sets the most that chance adds to the spacing. Default none.
    pub fn jitter(mut self, jitter: Span) -> Self {
        self.jitter = jitter;
        self
    }

    /// Sets the operator's share of turns. Default 1.
    pub fn weight(mut self, weight: Weight) -> Self {
        self.weight = weight;
        self
    }

    /// Sets when it may send. Default always.
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// Sets a schedule of rising allowances below the cap. Default none.
    pub fn ramp(mut self, ramp: Ramp) -> Self {
        self.ramp = Some(ramp);
        self
    }

    /// Sets whether warm-up mail counts against the cap. Default counted.
    pub fn warmup_mail(mut self, warmup_mail: WarmupMail) -> Self {
        self.warmup_mail = warmup_mail;
        self
    }

    /// Sets how a day's emails are spread. Default as soon as allowed.
    pub fn pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// The part of the address after the last `@`, in lower case: what a hold on a sending domain
    /// is matched with. Empty if the address has none.
    pub fn domain(&self) -> String {
        self.address.rsplit_once('@').map_or_else(String::new, |(_, d)| d.to_ascii_lowercase())
    }

    /// Checks what the types cannot: lengths of texts and spans.
    ///
    /// # Errors
    /// The first [`SettingError`] found.
    pub(crate) fn check(&self) -> Result<(), SettingError> {
        let words =
            [&self.connection.smtp, &self.connection.imap].into_iter().filter_map(Link::words);
        let warmup = self.warmup.iter().filter_map(|w| w.blocked.as_deref());
        for text in words.chain(warmup).chain([self.address.as_str()]) {
            if text.len() > TEXT_MAX {
                return Err(SettingError::TextTooLong { bytes: text.len(), max: TEXT_MAX });
            }
        }
        if self.limits.len() > LIMITS_MAX {
            return Err(SettingError::TooManyLimits { count: self.limits.len(), max: LIMITS_MAX });
        }
        for (field, span) in [("spacing", self.spacing), ("jitter", self.jitter)] {
            if span > SPACING_MAX {
                return Err(SettingError::SpanTooLong { field, span, max: SPACING_MAX });
            }
        }
        Ok(())
    }
}

/// A setting outside its range.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettingError {
    /// A spacing or a jitter is longer than any service needs.
    SpanTooLong {
        /// Which setting.
        field: &'static str,
        /// What was given.
        span: Span,
        /// The longest allowed.
        max: Span,
    },
    /// A text is longer than what is kept.
    TextTooLong {
        /// Its length in bytes.
        bytes: usize,
        /// The most bytes.
        max: usize,
    },
    /// More limits than an account may have.
    TooManyLimits {
        /// How many were given.
        count: usize,
        /// The most.
        max: usize,
    },
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SpanTooLong { field, span, max } => {
                write!(f, "{field} {span} is too long; give at most {max}")
            }
            Self::TextTooLong { bytes, max } => {
                write!(f, "a text of {bytes} bytes is too long; cut it to {max}")
            }
            Self::TooManyLimits { count, max } => {
                write!(f, "{count} limits on one account are too many; give at most {max}")
            }
        }
    }
}

impl std::error::Error for SettingError {}

/// Whether warm-up mail uses up the daily cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "it counts or it does not")]
pub enum WarmupMail {
    /// It does; products that give one number for all mail mean this.
    #[default]
    Counted,
    /// It has a number of its own.
    Separate,
}

/// How a day's emails are spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Pace {
    /// Each as soon as the limits allow.
    #[default]
    Asap,
    /// Evenly over what is left of the account's own sending window today. Where a campaign's
    /// window is shorter, give the account the same one, or part of the day falls after its
    /// closing.
    Even,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_is_what_follows_the_last_at() {
        for (address, domain) in
            [("a@B.example", "b.example"), ("\"x@y\"@z.example", "z.example"), ("nobody", "")]
        {
            assert_eq!(Account::new(AccountId(1), OwnerId(1), address).domain(), domain);
        }
    }

    #[test]
    fn what_is_too_long_is_refused_with_its_length() {
        let account = Account::new(AccountId(1), OwnerId(1), "a@b.example");
        let error = account.clone().spacing(Span::days(40)).check().unwrap_err();
        assert_eq!(error.to_string(), "spacing 40 d is too long; give at most 31 d");
        let words = Link::broken("x".repeat(1_001));
        let broken = account.connection(Connection::new(words, Link::Verified));
        assert!(broken.check().unwrap_err().to_string().contains("1001 bytes"));
    }
}
