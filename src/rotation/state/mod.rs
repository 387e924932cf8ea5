//! The facts: accounts and what they used, campaigns and who is attached, reservations, leads.
//!
//! All of it is data that a snapshot writes down. What is derived from it for speed is elsewhere,
//! and the rules that read it too.

pub(super) mod apply;
mod binding;
mod bulk;
pub(super) mod charge;
pub(super) mod config;
pub(super) mod event;
pub(super) mod exclusion;
mod lead_index;
mod lead_records;
pub(super) mod leads;
mod log;
mod many_out;
mod membership;
pub(super) mod outstanding;
pub(super) mod reservation;
mod sends;
pub(super) mod settings;
mod stamps;
pub(super) mod usage;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::policy::{Account, Campaign, Place, weight};
use crate::rotation::containers::sorted::Sorted;
use crate::rotation::containers::table::{Slot, Table};
use crate::rotation::state::config::Config;
use crate::rotation::state::leads::Leads;
use crate::rotation::state::reservation::{Keyed, Reservations};
use crate::rotation::state::usage::{MEMORY_MIN, Usage};
use crate::vocab::{
    AccountId, CampaignId, CivilDay, OwnerId, ReservationId, Span, Timestamp, as_text,
};

/// How long an ended reservation and its key are remembered at least.
const RESERVATION_MEMORY_MIN: Span = Span::hours(26);

/// An account, what it used, and its place in the rotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccountRecord {
    pub(crate) settings: Account,
    /// Deleted accounts stay for what they sent.
    pub(crate) deleted: bool,
    pub(crate) usage: Usage,
    /// The part of its place that all its campaigns share: a turn further with each send.
    pub(crate) place: Place,
    /// The weight in force.
    pub(crate) weight: u64,
    /// The civil day whose allowance is in it.
    pub(crate) weight_day: CivilDay,
    /// Whether its reputation let it in and did not drop since.
    pub(crate) good: bool,
    /// Since when it is suspended or broken.
    pub(crate) down_since: Option<Timestamp>,
    pub(crate) hold_until: Option<Timestamp>,
    pub(crate) campaigns: Sorted<CampaignId>,
}

impl AccountRecord {
    /// The weight that the settings give on a day with that allowance.
    pub(crate) fn weight_for(&self, allowance: u32) -> u64 {
        let reputation = self.settings.reputation.map_or(0, |standpoint| standpoint.value.value());
        weight(allowance, reputation, self.settings.weight.value())
    }

    /// Where it stands in a campaign's virtual time.
    pub(crate) const fn start(&self, attachment: &Attachment) -> i128 {
        self.place.at() + attachment.offset()
    }

    /// Reads what a turn needs of it, which is all over the record, and tells nothing.
    #[inline]
    pub(crate) fn read(&self) -> u64 {
        let Self { settings, usage, .. } = self;
        let rules = settings.spacing.as_ms() ^ u64::from(settings.daily_cap) ^ self.weight;
        let counts = usage.number ^ usage.open.len() as u64 ^ u64::from(usage.log.is_empty());
        let marks = [
            settings.ramp.is_some(),
            settings.limits.is_empty(),
            self.place.is_origin(),
            usage.ramp.has_begun(),
        ];
        marks.into_iter().fold(rules ^ counts, |all, mark| all ^ u64::from(mark))
    }

    /// How long its sends must be remembered to the millisecond.
    pub(crate) fn memory(&self) -> Span {
        let longest = self.settings.limits.iter().map(|limit| limit.length()).max();
        MEMORY_MIN.max(longest.unwrap_or_default())
    }
}

/// An account's membership in a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "AttachmentFields", into = "AttachmentFields")]
pub(crate) struct Attachment {
    /// The offset in two halves: there are many attachments, and a number of 128 bits would make
    /// each a third larger.
    high: i64,
    low: u64,
    /// Whether its weight is part of the campaign's total.
    pub(crate) present: bool,
}

/// A membership as it is written down.
#[derive(Serialize, Deserialize)]
struct AttachmentFields {
    #[serde(with = "as_text")]
    offset: i128,
    present: bool,
}

impl Attachment {
    /// A member that takes no part yet.
    pub(crate) fn new(offset: i128) -> Self {
        let mut attachment = Self { high: 0, low: 0, present: false };
        attachment.set_offset(offset);
        attachment
    }

    /// What is added to the account's own place to give its place here.
    pub(crate) const fn offset(&self) -> i128 {
        (self.high as i128) << 64 | self.low as i128
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "each is one half of the number"
    )]
    pub(crate) const fn set_offset(&mut self, offset: i128) {
        (self.high, self.low) = ((offset >> 64) as i64, offset as u64);
    }

    pub(crate) const fn add(&mut self, further: i128) {
        self.set_offset(self.offset() + further);
    }
}

impl From<AttachmentFields> for Attachment {
    fn from(AttachmentFields { offset, present }: AttachmentFields) -> Self {
        Self { present, ..Self::new(offset) }
    }
}

impl From<Attachment> for AttachmentFields {
    fn from(attachment: Attachment) -> Self {
        Self { offset: attachment.offset(), present: attachment.present }
    }
}

/// A campaign, its accounts and its leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CampaignRecord {
    pub(crate) settings: Campaign,
    /// Deleted campaigns stay for what they sent today.
    pub(crate) deleted: bool,
    pub(crate) attached: Table<AccountId, Attachment>,
    pub(crate) virtual_time: Place,
    /// The sum of the weights of those present.
    pub(crate) total_weight: u64,
    pub(crate) usage: Usage,
    /// Who writes to each lead.
    pub(crate) leads: Leads,
}

/// Everything that happened, as far as it matters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) config: Config,
    /// The latest instant seen; nothing before the first call.
    pub(crate) seen: Option<Timestamp>,
    pub(crate) accounts: Table<AccountId, AccountRecord>,
    pub(crate) campaigns: Table<CampaignId, CampaignRecord>,
    pub(crate) reservations: Reservations,
    #[serde(with = "keys_as_list")]
    pub(crate) keys: BTreeMap<(OwnerId, String), Keyed>,
    /// Keys in the order of their reservations, to forget them together.
    pub(crate) keys_by_age: BTreeMap<ReservationId, (OwnerId, String)>,
    #[serde(with = "holds_as_list")]
    pub(crate) domain_holds: BTreeMap<(OwnerId, String), Timestamp>,
    /// The longest rolling window that any account ever had.
    pub(crate) longest_window: Span,
}

impl State {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            config,
            seen: None,
            accounts: Table::default(),
            campaigns: Table::default(),
            reservations: Reservations::default(),
            keys: BTreeMap::new(),
            keys_by_age: BTreeMap::new(),
            domain_holds: BTreeMap::new(),
            longest_window: Span::ZERO,
        }
    }

    /// An account that was not deleted.
    #[inline]
    pub(crate) fn account(&self, id: AccountId) -> Option<&AccountRecord> {
        self.accounts.get(&id).filter(|account| !account.deleted)
    }

    /// A campaign that was not deleted.
    pub(crate) fn campaign(&self, id: CampaignId) -> Option<&CampaignRecord> {
        self.campaigns.get(&id).filter(|campaign| !campaign.deleted)
    }

    /// The same, by its slot.
    pub(crate) fn open_campaign(&self, slot: Slot) -> Option<&CampaignRecord> {
        self.campaigns.at(slot).filter(|campaign| !campaign.deleted)
    }

    /// Until when the account's sending domain is held.
    pub(crate) fn domain_hold(&self, account: &Account) -> Option<Timestamp> {
        if self.domain_holds.is_empty() {
            return None;
        }
        self.domain_holds.get(&(account.owner, account.domain())).copied()
    }

    /// How long ended reservations are remembered.
    pub(crate) fn reservation_memory(&self) -> Span {
        RESERVATION_MEMORY_MIN.max(self.longest_window)
    }
}

/// Keys are pairs, which formats such as JSON cannot have as keys of a map.
mod keys_as_list {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use crate::rotation::state::reservation::Keyed;
    use crate::vocab::OwnerId;

    type Keys = BTreeMap<(OwnerId, String), Keyed>;

    pub(super) fn serialize<S: Serializer>(keys: &Keys, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(keys.values())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Keys, D::Error> {
        let keys = Vec::<Keyed>::deserialize(from)?;
        Ok(keys.into_iter().map(|keyed| ((keyed.owner, keyed.key.clone()), keyed)).collect())
    }
}

/// As for keys.
mod holds_as_list {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use crate::vocab::{OwnerId, Timestamp};

    type Holds = BTreeMap<(OwnerId, String), Timestamp>;

    pub(super) fn serialize<S: Serializer>(holds: &Holds, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(holds.iter().map(|((owner, domain), until)| (owner, domain, until)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Holds, D::Error> {
        let holds = Vec::<(OwnerId, String, Timestamp)>::deserialize(from)?;
        Ok(holds.into_iter().map(|(owner, domain, until)| ((owner, domain), until)).collect())
    }
}
