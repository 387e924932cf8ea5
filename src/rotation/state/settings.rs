//! Taking in new settings of accounts and campaigns, with what follows from a change.
//!
//! What is asked of a change is checked before; here it is only taken in.

use crate::policy::{Account, Campaign, Place};
use crate::rotation::containers::sorted::Sorted;
use crate::rotation::containers::table::Table;
use crate::rotation::state::config::Config;
use crate::rotation::state::leads::Leads;
use crate::rotation::state::membership::{detach, reweigh};
use crate::rotation::state::usage::Usage;
use crate::rotation::state::{AccountRecord, CampaignRecord, State};
use crate::vocab::{AccountId, CampaignId, CivilDay, Span, Timestamp, Zone};

/// How long the days of a former zone still count.
const FORMER_ZONE_MEMORY: Span = Span::hours(26);

/// Adds an account, or replaces its settings.
pub(crate) fn set_account(
    state: &mut State,
    settings: &Account,
    (weight, day): (u64, CivilDay),
    at: Timestamp,
) {
    let id = settings.id;
    let down = settings.suspended || !settings.connection.is_verified();
    for limit in &settings.limits {
        state.longest_window = state.longest_window.max(limit.length());
    }
    let config = &state.config;
    let Some(record) = state.accounts.get_mut(&id) else {
        state.accounts.insert(
            id,
            AccountRecord {
                good: enters(config, settings, at),
                settings: settings.clone(),
                deleted: false,
                usage: Usage::default(),
                place: Place::default(),
                weight,
                weight_day: day,
                down_since: down.then_some(at),
                hold_until: None,
                campaigns: Sorted::default(),
            },
        );
        return;
    };
    record.good = if record.deleted {
        enters(config, settings, at)
    } else {
        stays(config, record, settings, at)
    };
    record.down_since = if down { record.down_since.or(Some(at)) } else { None };
    let old = std::mem::replace(&mut record.settings, settings.clone());
    record.deleted = false;
    change_zone(&mut record.usage, old.zone, settings.zone, at);
    let pace_kept = old.pace == settings.pace
        && old.zone == settings.zone
        && old.daily_cap == settings.daily_cap
        && old.schedule == settings.schedule
        && old.ramp == settings.ramp;
    if !pace_kept {
        record.usage.pace_until = None;
    }
    reweigh(state, id, weight, day);
}

/// Whether a reputation lets an account in.
pub(crate) fn enters(config: &Config, settings: &Account, at: Timestamp) -> bool {
    fresh(config, settings, at)
        && settings.reputation.is_some_and(|s| s.value > config.reputation_enter_above)
}

/// Whether an account is still good with new settings: it was, no staleness came between, and the
/// lower threshold holds.
fn stays(config: &Config, record: &AccountRecord, settings: &Account, at: Timestamp) -> bool {
    let was_good = record.good && fresh(config, &record.settings, at);
    let good = settings.reputation.is_some_and(|s| s.value >= config.reputation_stay_min);
    enters(config, settings, at) || (was_good && good && fresh(config, settings, at))
}

/// Whether the reputation is not older than it may be.
fn fresh(config: &Config, settings: &Account, at: Timestamp) -> bool {
    let measured_at = settings.reputation.and_then(|standpoint| standpoint.measured_at);
    measured_at.is_none_or(|measured| measured.plus(config.reputation_age_max) > at)
}

/// Deletes an account; its record stays for what it sent.
pub(crate) fn delete_account(state: &mut State, id: AccountId) {
    let Some(account) = state.accounts.get_mut(&id) else { return };
    account.deleted = true;
    account.hold_until = None;
    let campaigns: Vec<CampaignId> = account.campaigns.iter().copied().collect();
    for campaign in campaigns {
        detach(state, campaign, &[id]);
    }
}

/// Adds a campaign, or replaces its settings.
pub(crate) fn set_campaign(state: &mut State, settings: &Campaign, at: Timestamp) {
    if let Some(record) = state.campaigns.get_mut(&settings.id) {
        let old = std::mem::replace(&mut record.settings, settings.clone());
        record.deleted = false;
        change_zone(&mut record.usage, old.zone, settings.zone, at);
        return;
    }
    state.campaigns.insert(
        settings.id,
        CampaignRecord {
            settings: settings.clone(),
            deleted: false,
            attached: Table::default(),
            virtual_time: Place::default(),
            total_weight: 0,
            usage: Usage::default(),
            leads: Leads::default(),
        },
    );
}

/// Deletes a campaign; its record stays for what it sent today.
pub(crate) fn delete_campaign(state: &mut State, id: CampaignId) {
    let Some(campaign) = state.campaigns.get_mut(&id) else { return };
    campaign.deleted = true;
    campaign.leads.clear();
    let accounts: Vec<AccountId> = campaign.attached.keys().copied().collect();
    detach(state, id, &accounts);
    if let Some(campaign) = state.campaigns.get_mut(&id) {
        // It kept room for everybody who was in it.
        campaign.attached = Table::default();
    }
}

/// Lets the days of the zone that was left count on for a while.
fn change_zone(usage: &mut Usage, old: Zone, new: Zone, at: Timestamp) {
    usage.former_zones.change(|zones| {
        zones.retain(|(zone, until)| *until > at && *zone != new);
        if old != new {
            zones.push((old, at.plus(FORMER_ZONE_MEMORY)));
        }
    });
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::rotation::engine::Engine;
    use crate::vocab::OwnerId;

    #[test]
    fn a_campaign_that_was_deleted_keeps_no_room_for_its_accounts() {
        let (now, campaign) = (DateTime::UNIX_EPOCH, CampaignId(1));
        let mut engine = Engine::new(Config::default());
        let ids: Vec<_> = (0..50).map(AccountId).collect();
        for id in &ids {
            engine.add_account(Account::new(*id, OwnerId(1), "a@b.example"), now).unwrap();
        }
        for _ in 0..2 {
            engine.add_campaign(Campaign::new(campaign, OwnerId(1)), now).unwrap();
            engine.attach(campaign, &ids, now).unwrap();
            engine.delete_campaign(campaign, now).unwrap();
            let slot = engine.state.campaigns.slot(&campaign).unwrap();
            assert_eq!(engine.index.rota(slot).seats.capacity(), 0);
            assert_eq!(engine.state.campaigns.at(slot).unwrap().attached.room(), 0);
        }
    }
}
