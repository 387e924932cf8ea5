//! The least time between two sends of an account: the longest that it or any of its active
//! campaigns asks for.
//!
//! The engine knows one spacing per account, which holds over all campaigns; this brings it up to
//! what the records say.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::http::problem::Problem;
use crate::http::records::{self, AccountRecord, CampaignRecord, Kind};
use crate::policy::CampaignState;
use crate::store::Step;
use crate::vocab::{AccountId, CampaignId, Span};

/// What campaigns ask for, each read once however many accounts it has. For as long as no campaign
/// changes.
#[derive(Debug, Default)]
struct Asked(BTreeMap<CampaignId, u64>);

impl Asked {
    /// A campaign that does not send asks for nothing.
    fn by(&mut self, step: &Step<'_>, campaign: CampaignId) -> u64 {
        *self.0.entry(campaign).or_insert_with(|| {
            let sends = step.campaign(campaign).is_some_and(|of| of.state == CampaignState::Active);
            let documents = step.documents();
            let record = records::load::<CampaignRecord>(documents, Kind::Campaign, campaign.0);
            record.filter(|_| sends).map_or(0, |record| record.spacing_minutes)
        })
    }

    fn of(&mut self, step: &Step<'_>, account: AccountId, own_minutes: u64) -> Span {
        let campaigns = step.campaigns_of(account);
        let asked = campaigns.map(|campaign| self.by(step, campaign));
        Span::minutes(asked.fold(own_minutes, u64::max))
    }
}

/// What an account's spacing is to be.
pub(crate) fn of(step: &Step<'_>, account: AccountId, own_minutes: u64) -> Span {
    Asked::default().of(step, account, own_minutes)
}

/// Brings the spacings of accounts up to date.
pub(crate) fn update(
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
