//! The least time between two sends of an account: the longest that it or any of its campaigns asks
//! for.
//!
//! The engine knows one spacing per account, which holds over all campaigns; this brings it up to
//! what the records say.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::http::problem::Problem;
use crate::http::records::{self, AccountRecord, CampaignRecord, Kind};
use crate::store::{Documents, Step};
use crate::vocab::{AccountId, CampaignId, Span};

/// What campaigns ask for, each read once however many accounts it has. For as long as no campaign
/// changes.
#[derive(Debug, Default)]
struct Asked(BTreeMap<CampaignId, u64>);

impl Asked {
    fn by(&mut self, documents: &Documents, campaign: CampaignId) -> u64 {
        *self.0.entry(campaign).or_insert_with(|| {
            let record = records::load::<CampaignRecord>(documents, Kind::Campaign, campaign.0);
            record.map_or(0, |record| record.spacing_minutes)
        })
    }

    fn of(&mut self, step: &Step<'_>, account: AccountId, own_minutes: u64) -> Span {
        let campaigns = step.campaigns_of(account);
        let asked = campaigns.map(|campaign| self.by(step.documents(), campaign));
        Span::minutes(asked.fold(own_minutes, u64::max))
    }
}

/// What an account's spacing is to be.
pub(super) fn of(step: &Step<'_>, account: AccountId, own_minutes: u64) -> Span {
    Asked::default().of(step, account, own_minutes)
}

/// Brings the spacings of accounts up to date.
pub(super) fn update(
    step: &mut Step<'_>,
    accounts: impl IntoIterator<Item = AccountId>,
    now: DateTime<Utc>,
) -> Result<(), Problem> {
    let mut asked = Asked::default();
    for id in accounts {
        let Some(account) = step.account(id) else { continue };
        let record = records::load::<AccountRecord>(step.documents(), Kind::Account, id.0);
        // An account that another program added keeps what that gave it.
        let Some(record) = record else { continue };
        let spacing = asked.of(step, id, record.spacing_minutes);
        if account.spacing != spacing {
            let changed = account.clone().spacing(spacing);
            step.change_account(changed, now)?;
        }
    }
    Ok(())
}
