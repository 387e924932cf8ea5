//! What is known of the mailbox behind an account: its host, its connection, its trust.
//!
//! Given from outside, kept as given. What it permits is decided elsewhere.

use serde::{Deserialize, Serialize};

use crate::vocab::{Reputation, Timestamp};

/// Who hosts an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Provider {
    /// Gmail or Google Workspace.
    Google,
    /// Outlook.com or Exchange Online.
    Microsoft,
    /// Any other SMTP server.
    #[default]
    Other,
    /// Amazon SES.
    Ses,
    /// Yahoo Mail.
    Yahoo,
    /// Zoho Mail.
    Zoho,
}

/// What the last check of the credentials said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Connection {
    /// Sending.
    pub smtp: Link,
    /// Reading, without which replies and bounces go unseen.
    pub imap: Link,
}

impl Connection {
    /// Both work.
    pub const VERIFIED: Self = Self { smtp: Link::Verified, imap: Link::Verified };

    /// The two of them.
    pub const fn new(smtp: Link, imap: Link) -> Self {
        Self { smtp, imap }
    }

    /// Whether both work.
    pub fn is_verified(&self) -> bool {
        self.smtp == Link::Verified && self.imap == Link::Verified
    }
}

/// One half of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "a check passes or it does not")]
pub enum Link {
    /// The check failed.
    Broken {
        /// The provider's words.
        error: String,
    },
    /// The check passed.
    Verified,
}

impl Link {
    /// A failed check with the provider's words.
    pub fn broken(error: impl Into<String>) -> Self {
        Self::Broken { error: error.into() }
    }

    /// The provider's words, if the check failed.
    pub fn words(&self) -> Option<&str> {
        match self {
            Self::Broken { error } => Some(error),
            Self::Verified => None,
        }
    }
}

/// A reputation and when it was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "a value and its date, and nothing else")]
pub struct Standpoint {
    /// How far the account is trusted.
    pub value: Reputation,
    /// When that was measured; without a date it never grows stale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured_at: Option<Timestamp>,
}

/// What an account's warm-up says about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Warmup {
    /// Why the warm-up service blocked the account, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<String>,
    /// When the warm-up began, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
}

impl Warmup {
    /// A warm-up that began then and is not blocked.
    pub const fn started(at: Timestamp) -> Self {
        Self { blocked: None, started_at: Some(at) }
    }

    /// The same, blocked with these words.
    pub fn blocked(mut self, reason: impl Into<String>) -> Self {
        self.blocked = Some(reason.into());
        self
    }
}
