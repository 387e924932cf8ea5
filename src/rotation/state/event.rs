//! Facts, in the past tense: all that ever changes the state.
//!
//! A command decides on events, and the events are taken in. What was decided is in the event, so
//! that the same events give the same state with any zone table and any version of the rules.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::policy::{Account, Campaign};
use crate::rotation::state::reservation::{EmailKind, Outcome, Request};
use crate::vocab::{
    AccountId, CampaignId, CivilDay, LeadId, OwnerId, ReservationId, Timestamp, ZONE_TABLE_VERSION,
    as_text,
};

/// A fact and its instant.
///
/// What is empty is left out when it is written, so it is read back from formats that name their
/// fields, such as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Event {
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub fact: Fact,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fact {
    /// An account was deleted; what it sent still counts.
    AccountDeleted {
        /// Which.
        account: AccountId,
    },
    /// A hold was set on an account, or lifted.
    AccountHeld {
        /// Which.
        account: AccountId,
        /// Until when; nothing lifts it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// An account was added, or its settings replaced.
    AccountSet {
        /// The settings.
        account: Box<Account>,
        /// The weight that follows from them.
        weight: u64,
        /// The civil day whose allowance is in the weight.
        day: CivilDay,
    },
    /// Accounts were attached to a campaign.
    Attached {
        /// Which campaign.
        campaign: CampaignId,
        /// Those that were not attached before.
        accounts: Vec<AccountId>,
    },
    /// Somebody is about to send what was reserved.
    Begun {
        /// Which reservation.
        reservation: ReservationId,
    },
    /// A campaign was deleted; what it sent still counts for its accounts.
    CampaignDeleted {
        /// Which.
        campaign: CampaignId,
    },
    /// A campaign was added, or its settings replaced.
    CampaignSet {
        /// The settings.
        campaign: Campaign,
    },
    /// A reservation was given back unused.
    Cancelled {
        /// Which.
        reservation: ReservationId,
    },
    /// An instant further ahead than the engine believes by itself was confirmed.
    ClockConfirmed,
    /// Accounts were taken out of a campaign.
    Detached {
        /// Which campaign.
        campaign: CampaignId,
        /// Those that were attached.
        accounts: Vec<AccountId>,
    },
    /// A hold was set on a sending domain of an owner, or lifted.
    DomainHeld {
        /// Whose.
        owner: OwnerId,
        /// The domain in lower case.
        domain: String,
        /// Until when; nothing lifts it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// The caller declared how many follow-ups an account has due on a day.
    FollowUpsDeclared {
        /// Which account.
        account: AccountId,
        /// The civil day in its zone.
        day: CivilDay,
        /// How many.
        due: u32,
    },
    /// A reservation ended unsettled. It counts as sent.
    Lapsed {
        /// Which.
        reservation: ReservationId,
        /// The civil day in the account's zone that it is charged to.
        day: CivilDay,
    },
    /// A lead was given to an account from outside.
    LeadBound {
        /// In which campaign.
        campaign: CampaignId,
        /// Which lead.
        lead: LeadId,
        /// To which account.
        account: AccountId,
    },
    /// An account left a campaign's rotation while it stays attached.
    Left {
        /// Which campaign.
        campaign: CampaignId,
        /// Which account.
        account: AccountId,
        /// Who takes over what it was owed, or owes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        taker: Option<AccountId>,
    },
    /// Room was reserved for one email.
    Reserved(Box<Reserved>),
    /// Accounts joined a campaign's rotation, or came back to it: each where it stood, or at the
    /// present, if that is later.
    Returned {
        /// Which campaign.
        campaign: CampaignId,
        /// Which accounts.
        accounts: Vec<AccountId>,
        /// The present in the campaign's virtual time.
        #[serde(with = "as_text")]
        present: i128,
    },
    /// What became of an email is known.
    Settled {
        /// Which reservation.
        reservation: ReservationId,
        /// What became of it.
        outcome: Outcome,
        /// The civil day in the account's zone that it is charged to, if it counts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        day: Option<CivilDay>,
    },
    /// Emails were sent from an account without the engine.
    UsageReported {
        /// Which account.
        account: AccountId,
        /// How many.
        emails: u32,
        /// The civil day in its zone that they are charged to.
        day: CivilDay,
    },
}

/// The grant of a reservation with everything that was decided about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reserved {
    /// Its number.
    pub reservation: ReservationId,
    /// Whose campaign it is.
    pub campaign: CampaignId,
    /// Who sends.
    pub account: AccountId,
    /// What was asked for.
    pub request: Request,
    /// When it lapses.
    pub ends_at: Timestamp,
    /// Which send of the account it is.
    pub number: u64,
    /// The account's weight from now on.
    pub weight: u64,
    /// The civil days of the account that it is charged to, first and last.
    pub days: (CivilDay, CivilDay),
    /// The zone table by which these were found.
    pub zone_table: Cow<'static, str>,
    /// Before when an even pace sends nothing more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pace_until: Option<Timestamp>,
    /// Where virtual time jumped to because nobody's turn had come.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_text")]
    pub jumped_to: Option<i128>,
    /// The account that the lead moved away from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_from: Option<AccountId>,
}

/// A grant as it is decided, before anybody needs it as an event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grant<'a> {
    pub(crate) reservation: ReservationId,
    pub(crate) campaign: CampaignId,
    pub(crate) account: AccountId,
    pub(crate) request: &'a Request,
    pub(crate) ends_at: Timestamp,
    pub(crate) number: u64,
    pub(crate) weight: u64,
    pub(crate) days: (CivilDay, CivilDay),
    pub(crate) pace_until: Option<Timestamp>,
    pub(crate) jumped_to: Option<i128>,
    pub(crate) moved_from: Option<AccountId>,
}

impl Grant<'_> {
    /// Whether it is the first email to its lead.
    pub(crate) fn new_lead(&self) -> bool {
        self.request.kind == EmailKind::NewLead
    }
}

impl<'a> From<&'a Reserved> for Grant<'a> {
    fn from(reserved: &'a Reserved) -> Self {
        Self {
            reservation: reserved.reservation,
            campaign: reserved.campaign,
            account: reserved.account,
            request: &reserved.request,
            ends_at: reserved.ends_at,
            number: reserved.number,
            weight: reserved.weight,
            days: reserved.days,
            pace_until: reserved.pace_until,
            jumped_to: reserved.jumped_to,
            moved_from: reserved.moved_from,
        }
    }
}

impl From<Grant<'_>> for Reserved {
    /// By the zone table that this build carries.
    fn from(grant: Grant<'_>) -> Self {
        Self {
            reservation: grant.reservation,
            campaign: grant.campaign,
            account: grant.account,
            request: grant.request.clone(),
            ends_at: grant.ends_at,
            number: grant.number,
            weight: grant.weight,
            days: grant.days,
            zone_table: Cow::Borrowed(ZONE_TABLE_VERSION),
            pace_until: grant.pace_until,
            jumped_to: grant.jumped_to,
            moved_from: grant.moved_from,
        }
    }
}

/// An optional 128-bit number as text.
mod optional_text {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::vocab::as_text;

    #[derive(Serialize, Deserialize)]
    struct Text(#[serde(with = "as_text")] i128);

    #[expect(clippy::ref_option, reason = "the shape that serde calls")]
    pub(super) fn serialize<S: Serializer>(value: &Option<i128>, to: S) -> Result<S::Ok, S::Error> {
        value.map(Text).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<i128>, D::Error> {
        Ok(Option::<Text>::deserialize(from)?.map(|text| text.0))
    }
}
