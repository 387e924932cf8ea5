//! The least time between two sends of an account: the longest that it or any of its campaigns asks
//! for.
//!
//! The engine knows one spacing per account, which holds over all campaigns; this brings it up to
//! what the records say.

use chrono::{DateTime, Utc};

use crate::http::problem::Problem;
use crate::http::records::{self, AccountRecord, CampaignRecord, Kind};
use crate::store::Step;
use crate::vocab::{AccountId, Span};

/// What an account's spacing is to be.
pub(super) fn of(step: &Step<'_>, account: AccountId, own_minutes: u64) -> Span {
    let asked = step.campaigns_of(account).filter_map(|campaign| {
        let record: CampaignRecord = records::load(step.documents(), Kind::Campaign, campaign.0)?;
        Some(record.spacing_minutes)
    });
    Span::minutes(asked.fold(own_minutes, u64::max))
}

/// Brings the spacings of accounts up to date.
pub(super) fn update(
    step: &mut Step<'_>,
    accounts: impl IntoIterator<Item = AccountId>,
    now: DateTime<Utc>,
) -> Result<(), Problem> {
    for id in accounts {
        let Some(account) = step.account(id) else { continue };
        let record = records::load::<AccountRecord>(step.documents(), Kind::Account, id.0);
        // An account that another program added keeps what that gave it.
        let Some(record) = record else { continue };
        let spacing = of(step, id, record.spacing_minutes);
        if account.spacing != spacing {
            let changed = account.clone().spacing(spacing);
            step.change_account(changed, now)?;
        }
    }
    Ok(())
}
