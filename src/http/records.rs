//! What a service keeps that the engine does not know: names, hosts, tags, schedules as they were
//! written. Each is a document in the same store.
//!
//! Knows the records, not the shapes on the wire. No record has a field for a password.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::policy::{Account, Campaign};
use crate::rotation::Engine;
use crate::store::{Documents, Step};
use crate::vocab::{AccountId, CampaignId, OwnerId, Timestamp};

/// What a document is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Account,
    Campaign,
    Key,
}

/// The documents that hold the next number of each kind.
const NEXT: &str = "next";

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Campaign => "campaign",
            Self::Key => "key",
        }
    }
}

/// What is kept of an account beside its settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct AccountRecord {
    pub(super) created_at: Option<Timestamp>,
    pub(super) updated_at: Option<Timestamp>,
    /// The account's own least time between two sends; a campaign may ask for more.
    pub(super) spacing_minutes: u64,
    pub(super) client_id: Option<u64>,
    pub(super) tags: Vec<Value>,
    /// Texts and numbers by the names of the wire, as they were given.
    pub(super) fields: Map<String, Value>,
    /// The same of its warm-up.
    pub(super) warmup: Map<String, Value>,
}

impl AccountRecord {
    /// Whether its warm-up goes on, as was said last; one that is known goes on if nothing was.
    pub(super) fn warms_up(&self, account: &Account) -> bool {
        let said = self.warmup.get("warmup_enabled").and_then(Value::as_bool);
        said.unwrap_or(account.warmup.is_some())
    }
}

/// What is kept of a campaign beside its settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct CampaignRecord {
    pub(super) created_at: Option<Timestamp>,
    pub(super) updated_at: Option<Timestamp>,
    pub(super) name: String,
    pub(super) client_id: Option<u64>,
    pub(super) schedule: Option<ScheduleRecord>,
    pub(super) spacing_minutes: u64,
    /// Other settings by the names of the wire, as they were given.
    pub(super) settings: Map<String, Value>,
}

/// A schedule as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ScheduleRecord {
    pub(super) zone: String,
    /// Days of the week, 0 for Sunday.
    pub(super) days: Vec<u8>,
    pub(super) start_hour: String,
    pub(super) end_hour: String,
}

/// Reads a record; nothing if there is none.
pub(super) fn load<T: DeserializeOwned>(documents: &Documents, kind: Kind, id: u64) -> Option<T> {
    let text = documents.get(kind.name(), &id.to_string())?;
    // Written by this build or an older one; a newer one's extra fields are passed over.
    serde_json::from_str(text).ok()
}

/// Reads every record of a kind.
pub(super) fn all<T: DeserializeOwned>(
    documents: &Documents,
    kind: Kind,
) -> impl Iterator<Item = (u64, T)> {
    let texts = documents.of_kind(kind.name());
    texts.filter_map(|(id, text)| Some((id.parse().ok()?, serde_json::from_str(text).ok()?)))
}

/// Writes a record.
pub(super) fn save<T: Serialize>(
    step: &mut Step<'_>,
    kind: Kind,
    id: u64,
    record: &T,
) -> Result<(), serde_json::Error> {
    step.put(kind.name(), &id.to_string(), serde_json::to_string(record)?);
    Ok(())
}

/// Removes a record.
pub(super) fn remove(step: &mut Step<'_>, kind: Kind, id: u64) {
    step.remove(kind.name(), &id.to_string());
}

/// The next number of a kind. None is given twice.
pub(super) fn next_id(step: &mut Step<'_>, kind: Kind) -> u64 {
    let next = step.documents().get(NEXT, kind.name()).and_then(|text| text.parse().ok());
    let id: u64 = next.unwrap_or(1);
    step.put(NEXT, kind.name(), id.saturating_add(1).to_string());
    id
}

/// An account of an owner. One that is not there and one of somebody else are alike.
pub(super) fn account(engine: &Engine, owner: OwnerId, id: u64) -> Option<&Account> {
    engine.account(AccountId(id)).filter(|account| account.owner == owner)
}

/// The same for a campaign.
pub(super) fn campaign(engine: &Engine, owner: OwnerId, id: u64) -> Option<&Campaign> {
    engine.campaign(CampaignId(id)).filter(|campaign| campaign.owner == owner)
}
