//! Short words for tests: instants, accounts, campaigns and the run loop.

use chrono::{DateTime, TimeDelta, Utc};
use mailrota::{
    Account, AccountId, Campaign, CampaignId, Config, Engine, LeadId, Outcome, OwnerId, Pick,
    Request,
};

/// The owner of everything unless a test says otherwise.
pub(crate) const OWNER: OwnerId = OwnerId(1);
/// The campaign of tests that need one.
pub(crate) const CAMPAIGN: CampaignId = CampaignId(1);

/// An instant from RFC 3339 text.
pub(crate) fn t(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Monday, nine o'clock.
pub(crate) fn monday() -> DateTime<Utc> {
    t("2026-11-23T09:00:00Z")
}

pub(crate) fn minutes(n: i64) -> TimeDelta {
    TimeDelta::minutes(n)
}

pub(crate) fn account(id: u64) -> Account {
    Account::new(AccountId(id), OWNER, format!("a{id}@acme.example")).daily_cap(1_000_000)
}

/// An engine with one campaign and these accounts attached.
pub(crate) fn engine(accounts: impl IntoIterator<Item = Account>) -> Engine {
    let mut engine = Engine::new(Config::default());
    engine.add_campaign(Campaign::new(CAMPAIGN, OWNER), monday()).unwrap();
    let mut ids = Vec::new();
    for account in accounts {
        ids.push(account.id);
        engine.add_account(account, monday()).unwrap();
    }
    engine.attach(CAMPAIGN, &ids, monday()).unwrap();
    engine
}

/// Reserves for a new lead and settles as sent at the same instant.
pub(crate) fn send(
    engine: &mut Engine,
    campaign: CampaignId,
    lead: u64,
    now: DateTime<Utc>,
) -> Option<AccountId> {
    match engine.reserve(campaign, &Request::new_lead(LeadId(lead)), now).unwrap() {
        Pick::Reserved(reservation) => {
            engine.settle(reservation.id, Outcome::Sent, now).unwrap();
            Some(reservation.account)
        }
        Pick::Ended(_) | Pick::Unavailable(_) | Pick::Wait(_) => None,
    }
}
