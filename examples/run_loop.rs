//! The run loop of a sending service: three accounts, one campaign, a worker that crashes.
//!
//! `cargo run --example run_loop`. Time is made up, so it runs at once and always prints the same.

use std::error::Error;

use chrono::{DateTime, TimeDelta, Utc};
use mailrota::{
    Account, AccountId, Campaign, CampaignId, Config, Engine, LeadId, Outcome, OwnerId, Pick,
    Request, Reservation, Schedule, Span,
};

const OWNER: OwnerId = OwnerId(1);
const CAMPAIGN: CampaignId = CampaignId(7);

fn main() -> Result<(), Box<dyn Error>> {
    let mut now: DateTime<Utc> = "2026-11-23T08:55:00Z".parse()?;
    let mut engine = Engine::new(Config::default().seed(1));
    for (id, name, cap) in [(1, "ana", 6), (2, "ben", 4), (3, "eve", 2)] {
        let account = Account::new(AccountId(id), OWNER, format!("{name}@acme.example"))
            .daily_cap(cap)
            .spacing(Span::minutes(5))
            .schedule(Schedule::working_days("09:00", "17:00")?);
        engine.add_account(account, now)?;
    }
    engine.add_campaign(Campaign::new(CAMPAIGN, OWNER), now)?;
    let report = engine.attach(CAMPAIGN, &[AccountId(1), AccountId(2), AccountId(3)], now)?;
    println!("attached {} accounts", report.changed.len());

    let (mut lead, mut tries) = (1, 1);
    while lead <= 10 {
        // The key makes asking again safe: after a crash the same email gets the same answer.
        let key = format!("lead-{lead}/step-1/try-{tries}");
        let request = Request::new_lead(LeadId(lead)).key(key);
        match engine.reserve(CAMPAIGN, &request, now)? {
            Pick::Reserved(reservation) => {
                now += TimeDelta::seconds(3);
                match smtp(&reservation) {
                    Some(outcome) => {
                        engine.settle(reservation.id, outcome, now)?;
                        println!("{now} account {} to lead {lead}", reservation.account);
                    }
                    // A worker that goes silent: its reservation lapses and counts as sent.
                    None => println!("{now} account {} went silent", reservation.account),
                }
                lead += 1;
            }
            Pick::Wait(wait) => {
                let why = wait.block.map(|block| block.reason.text()).unwrap_or_default();
                println!("{now} wait until {}: {why}", wait.until());
                now = wait.until();
            }
            Pick::Unavailable(unavailable) => {
                for (account, block) in unavailable.reasons() {
                    println!("{now} {account:?}: {block}");
                }
                break;
            }
            Pick::Ended(reservation) if reservation.fate.counts() => {
                println!("{now} lead {lead} was served before: {:?}", reservation.fate);
                lead += 1;
            }
            // It was deferred or given back, and did not go: it needs another key.
            Pick::Ended(_) => tries += 1,
        }
    }

    // A restart: the state goes through a snapshot and gives the same answers.
    let mut again = Engine::restore(engine.snapshot())?;
    let request = Request::follow_up(LeadId(1));
    assert_eq!(engine.reserve(CAMPAIGN, &request, now)?, again.reserve(CAMPAIGN, &request, now)?);
    println!("after a restart the follow-up to lead 1 gets the same answer");
    Ok(())
}

/// Stands for handing the email to the provider. Nothing means that the worker died.
fn smtp(reservation: &Reservation) -> Option<Outcome> {
    (reservation.lead != LeadId(4)).then_some(Outcome::Sent)
}
