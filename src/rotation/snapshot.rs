//! The whole state in a form that serde writes and reads, with a version.
//!
//! What is read is checked before an engine is made of it, so that a damaged snapshot is an error
//! and never a wrong answer or a panic.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::policy::{PLACE_MAX, SettingError};
use crate::rotation::engine::Engine;
use crate::rotation::misfit::EventError;
use crate::rotation::state::State;
use crate::rotation::state::config::ConfigError;
use crate::rotation::state::reservation::Reservation;
use crate::rotation::state::usage::{COUNT_MAX, Usage};
use crate::vocab::{AccountId, CampaignId};

/// The version that this build writes and reads.
const VERSION: u32 = 1;

/// An engine's whole state. An engine [restored](Engine::restore) from it gives the same answers.
///
/// What is empty may be left out when it is written, so it is read back from formats that name
/// their fields, such as JSON.
///
/// ```
/// # use mailrota::{Account, AccountId, Config, Engine, OwnerId};
/// # let now = chrono::DateTime::UNIX_EPOCH;
/// let mut engine = Engine::new(Config::default());
/// engine.add_account(Account::new(AccountId(1), OwnerId(1), "a@b.example"), now)?;
/// let text = serde_json::to_string(&engine.snapshot())?;
/// let again = Engine::restore(serde_json::from_str(&text)?)?;
/// assert_eq!(again.snapshot(), engine.snapshot());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    version: u32,
    state: State,
}

/// A snapshot that no engine can be made of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SnapshotError {
    /// An account and a campaign disagree about whether it is attached, or about its weight.
    Attachment {
        /// Which campaign.
        campaign: CampaignId,
    },
    /// A setting of the engine is outside its range.
    Config(ConfigError),
    /// An event that was to follow does not.
    Event(EventError),
    /// A setting of an account is outside its range.
    Setting {
        /// Which account.
        account: AccountId,
        /// What is wrong.
        error: SettingError,
    },
    /// What an account used contradicts itself.
    Usage {
        /// Which account.
        account: AccountId,
    },
    /// A record is filed under another number than its own.
    Misfiled {
        /// The number it is filed under.
        account: AccountId,
    },
    /// The reservations that are out are not those of their accounts and campaigns, or their
    /// numbers are out of range or out of order.
    Reservations,
    /// Written by a version that this build does not know.
    Version {
        /// The version found.
        found: u32,
        /// The version that this build reads.
        known: u32,
    },
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attachment { campaign } => write!(
                f,
                "campaign {campaign} and its accounts disagree; restore from another snapshot"
            ),
            Self::Misfiled { account } => write!(
                f,
                "account {account} has another number inside; restore from another snapshot"
            ),
            Self::Config(error) => fmt::Display::fmt(error, f),
            Self::Event(error) => fmt::Display::fmt(error, f),
            Self::Setting { account, error } => write!(f, "account {account}: {error}"),
            Self::Usage { account } => write!(
                f,
                "what account {account} used contradicts itself; restore from another snapshot"
            ),
            Self::Reservations => f.write_str(
                "the reservations that are out are not those of their accounts and \
                 campaigns; restore from another snapshot",
            ),
            Self::Version { found, known } => write!(
                f,
                "snapshot version {found} is not {known}; restore with the build that wrote it"
            ),
        }
    }
}

impl std::error::Error for SnapshotError {}

impl Engine {
    /// The whole state, to be written down.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { version: VERSION, state: self.state.clone() }
    }

    /// An engine with the state of a snapshot. Its future answers are those that the engine it was
    /// taken from would give, byte for byte.
    ///
    /// # Errors
    /// [`SnapshotError`] if the snapshot is of another version or contradicts itself.
    pub fn restore(snapshot: Snapshot) -> Result<Self, SnapshotError> {
        snapshot.into_state().map(Self::from_state)
    }
}

impl Snapshot {
    /// The state, if it is sound.
    pub(crate) fn into_state(self) -> Result<State, SnapshotError> {
        if self.version != VERSION {
            return Err(SnapshotError::Version { found: self.version, known: VERSION });
        }
        check(&self.state)?;
        Ok(self.state)
    }
}

fn check(state: &State) -> Result<(), SnapshotError> {
    state.config.check().map_err(SnapshotError::Config)?;
    for (id, account) in state.accounts.iter() {
        let settings = account.settings.check();
        settings.map_err(|error| SnapshotError::Setting { account: *id, error })?;
        if account.settings.id != *id || account.weight == 0 || account.weight > COUNT_MAX {
            return Err(SnapshotError::Misfiled { account: *id });
        }
        if !account.usage.is_sound() || !places_in_range(state, *id) {
            return Err(SnapshotError::Usage { account: *id });
        }
        for campaign in account.campaigns.iter() {
            let record = state.campaigns.get(campaign);
            if record.is_none_or(|record| !record.attached.contains_key(id)) {
                return Err(SnapshotError::Attachment { campaign: *campaign });
            }
        }
    }
    for (id, campaign) in state.campaigns.iter() {
        if !campaign.usage.is_sound() || campaign.virtual_time.at().unsigned_abs() > PLACE_MAX {
            return Err(SnapshotError::Attachment { campaign: *id });
        }
        if !campaign.leads.is_sound() {
            return Err(SnapshotError::Attachment { campaign: *id });
        }
        let mut total: u64 = 0;
        for (account, attachment) in campaign.attached.iter() {
            let record = state.accounts.get(account);
            let Some(record) = record.filter(|record| record.campaigns.has(id)) else {
                return Err(SnapshotError::Attachment { campaign: *id });
            };
            if attachment.present {
                total = total.saturating_add(record.weight);
            }
        }
        if total != campaign.total_weight || total > COUNT_MAX || campaign.settings.id != *id {
            return Err(SnapshotError::Attachment { campaign: *id });
        }
    }
    if state.reservations.next_id().0 >= COUNT_MAX || !state.reservations.is_sound() {
        return Err(SnapshotError::Reservations);
    }
    if !are_out_everywhere(state) {
        return Err(SnapshotError::Reservations);
    }
    Ok(())
}

/// Whether the reservations that are out are those of their accounts and of their campaigns.
fn are_out_everywhere(state: &State) -> bool {
    let (mut out, has) = (0, |usage: &Usage, of: &Reservation| usage.open.has(of.ends_at, of.id));
    for open in state.reservations.open() {
        let account = state.accounts.get(&open.account);
        let campaign = state.campaigns.get(&open.campaign);
        if !account.is_some_and(|account| has(&account.usage, open))
            || !campaign.is_some_and(|campaign| has(&campaign.usage, open))
        {
            return false;
        }
        out += 1;
    }
    let on_accounts: usize = state.accounts.values().map(|account| account.usage.open.len()).sum();
    let campaigns = state.campaigns.values().map(|campaign| campaign.usage.open.len());
    (on_accounts, campaigns.sum()) == (out, out)
}

/// Whether an account's places can be computed with.
fn places_in_range(state: &State, id: AccountId) -> bool {
    let Some(account) = state.accounts.get(&id) else { return false };
    let campaigns = account.campaigns.iter().filter_map(|campaign| state.campaigns.get(campaign));
    let offsets = campaigns.filter_map(|campaign| Some(campaign.attached.get(&id)?.offset()));
    account.place.at().unsigned_abs() <= PLACE_MAX
        && offsets.into_iter().all(|offset| offset.unsigned_abs() <= PLACE_MAX)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::Value;

    use super::*;
    use crate::policy::{Account, Campaign};
    use crate::rotation::{Config, Request};
    use crate::vocab::{LeadId, OwnerId};

    /// Reservations are found by their numbers, so each must have the one of its place.
    #[test]
    fn reservations_that_are_out_of_order_are_refused() {
        let (now, campaign, owner) = (DateTime::UNIX_EPOCH, CampaignId(1), OwnerId(1));
        let mut engine = Engine::new(Config::default());
        let accounts = [AccountId(1), AccountId(2)];
        for id in accounts {
            engine.add_account(Account::new(id, owner, format!("a{id}@b.example")), now).unwrap();
        }
        engine.add_campaign(Campaign::new(campaign, owner), now).unwrap();
        engine.attach(campaign, &accounts, now).unwrap();
        for lead in [LeadId(1), LeadId(2)] {
            let pick = engine.reserve(campaign, &Request::new_lead(lead), now).unwrap();
            assert!(pick.reserved().is_some());
        }
        let good = serde_json::to_value(engine.snapshot()).unwrap();
        let restored = |damage: fn(&mut Value)| {
            let mut value = good.clone();
            damage(&mut value["state"]["reservations"]);
            Engine::restore(serde_json::from_value(value).unwrap()).map(drop)
        };
        assert_eq!(restored(|_| {}), Ok(()));
        let refused = Err(SnapshotError::Reservations);
        assert_eq!(restored(|all| all["base"] = 1.into()), refused);
        assert_eq!(restored(|all| all["records"].as_array_mut().unwrap().reverse()), refused);
    }
}
