//! A sending service that survives `kill -9`: run it, kill it at any moment, run it again.
//!
//! ```sh
//! cargo run --features sqlite --example durable -- /tmp/service.db
//! ```
//!
//! The queue is the numbers from 1 to 200, and the SMTP server is a line on the terminal. No email
//! is sent twice. None is forgotten but one that was on its way when the process died; it counts.

use std::error::Error;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use mailrota::{
    Account, AccountId, Campaign, CampaignId, DurableEngine, LeadId, Options, Outcome, OwnerId,
    Pick, Recovery, Request, Reservation,
};

const CAMPAIGN: CampaignId = CampaignId(1);

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("give the path of the store")?;
    // Whoever was about to send before the crash marked it; all other reservations come back.
    let options = Options::default().recovery(Recovery::GiveBackUnbegun);
    let engine = DurableEngine::open(path, &options, now())?;
    set_up(&engine)?;
    for lead in (1..=200).map(LeadId) {
        // Bound to an account: somebody wrote to this lead, in this life or an earlier one.
        if engine.lead_account(CAMPAIGN, lead).is_none() {
            write_to(&engine, lead)?;
        }
    }
    engine.close()?;
    Ok(())
}

fn write_to(engine: &DurableEngine, lead: LeadId) -> Result<(), Box<dyn Error>> {
    loop {
        // The answer is on the disk before it is here.
        match engine.reserve(CAMPAIGN, &Request::new_lead(lead), now())? {
            Pick::Reserved(reservation) => {
                engine.begin(reservation.id, now())?;
                let outcome = smtp(&reservation);
                engine.settle(reservation.id, outcome, now())?;
                return Ok(());
            }
            Pick::Wait(wait) => {
                let pause = wait.until() - now();
                std::thread::sleep(pause.to_std().unwrap_or_default());
            }
            Pick::Ended(_) => return Ok(()),
            Pick::Unavailable(unavailable) => {
                let reasons: Vec<String> =
                    unavailable.reasons().map(|(_, block)| block.to_string()).collect();
                return Err(reasons.join(", ").into());
            }
        }
    }
}

/// Each step is there or not, however far an earlier life came.
fn set_up(engine: &DurableEngine) -> Result<(), Box<dyn Error>> {
    let accounts = [(1, "ana@acme.example", 60), (2, "ben@acme.example", 140)];
    for (id, address, cap) in accounts {
        if engine.account(AccountId(id)).is_none() {
            let account = Account::new(AccountId(id), OwnerId(1), address).daily_cap(cap);
            engine.add_account(account, now())?;
        }
    }
    if engine.campaign(CAMPAIGN).is_none() {
        engine.add_campaign(Campaign::new(CAMPAIGN, OwnerId(1)), now())?;
    }
    // Those that are attached stay as they are.
    engine.attach(CAMPAIGN, &[AccountId(1), AccountId(2)], now())?;
    Ok(())
}

fn smtp(reservation: &Reservation) -> Outcome {
    println!("lead {} from account {}", reservation.lead, reservation.account);
    std::thread::sleep(Duration::from_millis(50));
    Outcome::Sent
}

#[expect(clippy::disallowed_methods, reason = "a service reads the clock in one place")]
fn now() -> DateTime<Utc> {
    SystemTime::now().into()
}
