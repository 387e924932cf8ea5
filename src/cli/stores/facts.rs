//! Facts in plain words, one line each.
//!
//! Knows what a fact says, not what it meant for others.

use std::fmt::{Display, Write};

use mailrota::{
    About, Account, Campaign, EmailKind, Fact, Outcome, ReservationId, Reserved, Timestamp,
};

use crate::cli::writing::words::{count, safe};

/// How many of a list are named.
const NAMED: usize = 5;

/// What happened, and to what if the fact itself does not say.
pub(crate) fn told(fact: &Fact, about: &About) -> String {
    let email = |reservation: &ReservationId| email(*reservation, about);
    match fact {
        Fact::AccountDeleted { account } => format!("account {account} was deleted"),
        Fact::AccountHeld { account, until } => held(&format!("account {account}"), *until),
        Fact::AccountSet { account, weight, .. } => account_set(account, *weight),
        Fact::Attached { campaign, accounts } => {
            format!("{} attached to campaign {campaign}", were(accounts))
        }
        Fact::Begun { reservation } => format!("{} is about to be sent", email(reservation)),
        Fact::CampaignDeleted { campaign } => format!("campaign {campaign} was deleted"),
        Fact::CampaignSet { campaign } => campaign_set(campaign),
        Fact::Cancelled { reservation } => {
            format!("{} was given back unused", email(reservation))
        }
        Fact::ClockConfirmed => "the clock was confirmed".to_owned(),
        Fact::Detached { campaign, accounts } => {
            format!("{} detached from campaign {campaign}", were(accounts))
        }
        Fact::DomainHeld { owner, domain, until } => {
            held(&format!("domain {} of owner {owner}", safe(domain)), *until)
        }
        Fact::FollowUpsDeclared { account, day, due } => {
            format!("account {account} has {} due on {day}", count((*due).into(), "follow-up"))
        }
        Fact::Lapsed { reservation, day } => {
            format!("{} lapsed; it counts as sent on {day}", email(reservation))
        }
        Fact::LeadBound { campaign, lead, account } => {
            format!("lead {lead} of campaign {campaign} was given to account {account}")
        }
        Fact::Left { campaign, account, taker } => {
            let mut told = format!("account {account} left the rotation of campaign {campaign}");
            if let Some(taker) = taker {
                let _ = write!(told, "; account {taker} takes over its balance");
            }
            told
        }
        Fact::Reserved(reserved) => granted(reserved),
        Fact::Returned { campaign, accounts, .. } => {
            format!("{} taken into the rotation of campaign {campaign}", were(accounts))
        }
        Fact::Settled { reservation, outcome, .. } => {
            format!("{} {}", email(reservation), ended(*outcome))
        }
        Fact::UsageReported { account, emails, day } => {
            let emails = count((*emails).into(), "email");
            format!("account {account} sent {emails} elsewhere on {day}")
        }
        // A fact of a later version, which this one does not read.
        other => format!("{other:?}"),
    }
}

/// A reservation and what it was granted for; that is not known if its grant was forgotten.
fn email(reservation: ReservationId, about: &About) -> String {
    let (Some(campaign), Some(lead)) = (about.campaign, about.lead) else {
        return format!("reservation {reservation}");
    };
    let accounts: Vec<String> = about.accounts.iter().map(ToString::to_string).collect();
    let account = accounts.join(", ");
    format!("reservation {reservation} (lead {lead} of campaign {campaign}, account {account})")
}

fn account_set(account: &Account, weight: u64) -> String {
    let Account { id, owner, address, daily_cap, zone, suspended, .. } = account;
    let suspended = if *suspended { ", suspended" } else { "" };
    let address = safe(address);
    format!(
        "account {id} was set: {address} of owner {owner}, {daily_cap} a day in {zone}, weight \
         {weight}{suspended}"
    )
}

fn campaign_set(campaign: &Campaign) -> String {
    let Campaign { id, owner, state, zone, daily_cap, new_lead_cap, .. } = campaign;
    let state = format!("{state:?}").to_lowercase();
    let mut told = format!("campaign {id} was set: {state}, of owner {owner}, in {zone}");
    if let Some(cap) = daily_cap {
        let _ = write!(told, ", {cap} a day");
    }
    if let Some(cap) = new_lead_cap {
        let _ = write!(told, ", {} a day", count((*cap).into(), "new lead"));
    }
    told
}

fn granted(reserved: &Reserved) -> String {
    let Reserved { reservation, campaign, account, request, ends_at, moved_from, .. } = reserved;
    let kind = kind(request.kind);
    let mut told = format!(
        "reservation {reservation}: {kind} {} of campaign {campaign} goes from account {account}",
        request.lead
    );
    if let Some(gone) = moved_from {
        let _ = write!(told, ", in place of account {gone}");
    }
    let _ = write!(told, ", until {ends_at}");
    if let Some(key) = &request.key {
        let _ = write!(told, ", key {}", safe(key));
    }
    told
}

/// What kind of email, and to whom.
pub(crate) const fn kind(kind: EmailKind) -> &'static str {
    match kind {
        EmailKind::FollowUp => "a follow-up to lead",
        EmailKind::NewLead => "the first email to lead",
    }
}

const fn ended(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Deferred => "was deferred; its room came back",
        Outcome::Rejected => "was rejected; it counts",
        Outcome::Sent => "was sent",
        Outcome::Unknown => "ended, nobody knows how; it counts",
    }
}

fn held(what: &str, until: Option<Timestamp>) -> String {
    match until {
        Some(until) => format!("{what} is held until {until}"),
        None => format!("{what} is held no longer"),
    }
}

/// `account 3 was`, `accounts 3, 4 were`, `accounts 1, 2, 3, 4, 5 and 95 more were`.
fn were(accounts: &[impl Display]) -> String {
    let named: Vec<String> = accounts.iter().take(NAMED).map(ToString::to_string).collect();
    let named = named.join(", ");
    match accounts.len() {
        1 => format!("account {named} was"),
        n if n <= NAMED => format!("accounts {named} were"),
        n => format!("accounts {named} and {} more were", n - NAMED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_cut() {
        let all: Vec<u32> = (1..=100).collect();
        for (n, said) in [
            (1, "account 1 was"),
            (2, "accounts 1, 2 were"),
            (5, "accounts 1, 2, 3, 4, 5 were"),
            (100, "accounts 1, 2, 3, 4, 5 and 95 more were"),
        ] {
            assert_eq!(were(&all[..n]), said);
        }
    }
}
