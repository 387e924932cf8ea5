//! A sending service that survives `kill -9`: run it, kill it at any moment, run it again.
//!
//! ```sh
//! cargo run --features sqlite --example durable -- /tmp/service.db
//! ```
//!
//! The queue is the numbers from 1 to 200, and the SMTP server is a line on the terminal. No email
//! is sent twice. None is forgotten but one that was on its way when the process died; it counts.
//! Each life begins with what the store knows of those before.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use mailrota::{
    Account, AccountId, Campaign, CampaignId, DurableEngine, Fact, Filter, History, LeadId,
    Options, Outcome, OwnerId, Pick, Recovery, Request, Reservation,
};

const CAMPAIGN: CampaignId = CampaignId(1);

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("give the path of the store")?;
    let path = Path::new(&path);
    if path.exists() {
        tell_what_survived(path)?;
    }
    // Whoever was about to send before the crash marked it; all other reservations come back.
    let options = Options::default().recovery(Recovery::GiveBackUnbegun);
    let engine = DurableEngine::open(path, &options, now())?;
    set_up(&engine)?;
    tell_what_counts(&engine)?;
    for lead in (1..=200).map(LeadId) {
        // Bound to an account: somebody wrote to this lead, in this life or an earlier one.
        if engine.lead_account(CAMPAIGN, lead).is_none() {
            write_to(&engine, lead)?;
        }
    }
    tell_what_counts(&engine)?;
    engine.close()?;
    Ok(())
}

/// How far an email came.
enum Stage {
    Reserved,
    Begun,
    Ended,
}

/// Reads the facts of earlier lives as they are on the disk.
fn tell_what_survived(path: &Path) -> Result<(), Box<dyn Error>> {
    let mut emails = BTreeMap::new();
    let mut facts = 0;
    History::open(path)?.facts(&Filter::new(), |_, event, about| {
        facts += 1;
        let (reservation, stage) = if let Fact::Reserved(reserved) = &event.fact {
            (reserved.reservation, Some(Stage::Reserved))
        } else if let Fact::Begun { reservation } = &event.fact {
            (*reservation, Some(Stage::Begun))
        } else if let Fact::Settled { reservation, .. } | Fact::Lapsed { reservation, .. } =
            &event.fact
        {
            (*reservation, Some(Stage::Ended))
        } else if let Fact::Cancelled { reservation } = &event.fact {
            // Given back: as if it had never been.
            (*reservation, None)
        } else {
            return true;
        };
        match (stage, about.lead) {
            (Some(stage), Some(lead)) => drop(emails.insert(reservation, (lead, stage))),
            _ => drop(emails.remove(&reservation)),
        }
        true
    })?;
    println!("{facts} facts of earlier lives are on the disk, each proven by its check:");
    let ended = emails.values().filter(|(_, stage)| matches!(stage, Stage::Ended)).count();
    println!("  {ended} emails went; they are not sent again");
    for (lead, stage) in emails.values() {
        match stage {
            Stage::Reserved => println!("  lead {lead} was reserved only; its room comes back"),
            Stage::Begun => println!(
                "  lead {lead} was on its way; nobody knows whether it went, so it counts and is \
                 not sent again"
            ),
            Stage::Ended => {}
        }
    }
    Ok(())
}

fn tell_what_counts(engine: &DurableEngine) -> Result<(), Box<dyn Error>> {
    for account in engine.accounts() {
        let standing = engine.standing(account.id, now())?;
        let (sent, reserved, cap) = (standing.sent, standing.reserved, account.daily_cap);
        println!("{}: {sent} sent and {reserved} on their way of {cap} today", account.address);
    }
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
