//! Why an email went out from its account: what held each other one, or its place in the turn.
//!
//! The engine as it was right before is asked again, so what is told is what it answers.

use std::collections::BTreeMap;
use std::fmt::Write;

use mailrota::{
    About, AccountId, Block, Candidate, Engine, Event, Fact, Filter, Granted, History, Pick,
    Request, ReservationId, Reserved, Timestamp, Zone,
};

use crate::cli::stores::facts;
use crate::cli::writing::failure::Failure;
use crate::cli::writing::table::{self, BOLD, GOOD, PLAIN, Side, Table, WARN};
use crate::cli::writing::words::{self, Foreign, count, number};

/// The most places in the turn that are asked for. Each is asked of an engine of its own.
const PLACES_MAX: usize = 100;

/// An account that was attached.
pub(crate) struct Rival {
    pub(crate) id: AccountId,
    pub(crate) address: Foreign,
    pub(crate) weight: u64,
    pub(crate) used: u32,
    pub(crate) allowance: u32,
    /// Its place among those that might send, from 1, as far as places were asked for.
    pub(crate) place: Option<usize>,
    pub(crate) blocks: Vec<Block>,
}

/// All of it.
pub(crate) struct Why {
    pub(crate) sequence: u64,
    pub(crate) at: Timestamp,
    pub(crate) reserved: Reserved,
    /// What the engine answers today to the same question.
    pub(crate) today: Option<AccountId>,
    pub(crate) rule: Rule,
    /// The accounts in the order of their turns, then those that were held.
    pub(crate) rivals: Vec<Rival>,
    /// What became of it.
    pub(crate) later: Vec<Event>,
}

/// What named the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    Demanded,
    Lead,
    Moved(AccountId),
    Turn,
}

impl Rule {
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Demanded => "demanded",
            Self::Lead => "lead",
            Self::Moved(_) => "moved",
            Self::Turn => "turn",
        }
    }
}

pub(crate) fn why(history: &mut History, id: ReservationId, top: usize) -> Result<Why, Failure> {
    let Some(granted) = history.granted(id).map_err(Failure::of)? else {
        return Err(Failure::new(format!(
            "no kept fact grants reservation {id}; mailrota log shows those that are kept"
        )));
    };
    let Granted { sequence, at, reserved, before, .. } = granted;
    let explained = before.explain_request(reserved.campaign, &reserved.request, at.to_datetime());
    let candidates = explained.map_err(Failure::of)?.candidates;
    let most = if top == 0 { PLACES_MAX } else { top.min(PLACES_MAX) };
    let places = places(&before, &reserved, at, most);
    let rivals = rivals(&before, candidates, &places, at)?;
    let later = later(history, &reserved)?;
    let (today, rule) = (places.first().copied(), rule(&before, &reserved));
    Ok(Why { sequence, at, reserved, today, rule, rivals, later })
}

fn rule(before: &Engine, reserved: &Reserved) -> Rule {
    let Request { account, lead, .. } = &reserved.request;
    match (account, reserved.moved_from) {
        (Some(_), _) => Rule::Demanded,
        (None, Some(gone)) => Rule::Moved(gone),
        // Whoever wrote to a lead is asked for a first email to it, too.
        (None, None) if before.lead_account(reserved.campaign, *lead).is_some() => Rule::Lead,
        (None, None) => Rule::Turn,
    }
}

/// Who would have got the email, who if that one had been excluded, and so on.
fn places(before: &Engine, reserved: &Reserved, at: Timestamp, most: usize) -> Vec<AccountId> {
    let mut places = Vec::new();
    while places.len() < most {
        let request = reserved.request.clone().excluding(places.iter().copied());
        let pick = before.clone().reserve(reserved.campaign, &request, at.to_datetime());
        let Ok(Pick::Reserved(next)) = pick else { break };
        if places.contains(&next.account) {
            break;
        }
        places.push(next.account);
    }
    places
}

fn rivals(
    before: &Engine,
    candidates: Vec<Candidate>,
    places: &[AccountId],
    at: Timestamp,
) -> Result<Vec<Rival>, Failure> {
    let place: BTreeMap<AccountId, usize> = places.iter().copied().zip(1..).collect();
    let rival = |candidate: Candidate| {
        let id = candidate.account;
        let standing = before.standing(id, at.to_datetime()).map_err(Failure::of)?;
        let address = before.account(id).map(|account| account.address.clone());
        Ok(Rival {
            id,
            address: Foreign(address.unwrap_or_default()),
            weight: standing.weight,
            used: standing.sent + standing.reserved,
            allowance: standing.allowance,
            place: place.get(&id).copied(),
            blocks: candidate.blocks,
        })
    };
    let mut rivals: Vec<Rival> =
        candidates.into_iter().map(rival).collect::<Result<_, Failure>>()?;
    rivals.sort_by_key(|rival| (!rival.blocks.is_empty(), rival.place.unwrap_or(usize::MAX)));
    Ok(rivals)
}

/// The facts about a reservation after its grant.
fn later(history: &mut History, reserved: &Reserved) -> Result<Vec<Event>, Failure> {
    let mut later = Vec::new();
    let filter = Filter::new().account(reserved.account).lead(reserved.request.lead);
    let read = history.facts(&filter, |_, event, _| {
        if let Fact::Begun { reservation }
        | Fact::Cancelled { reservation }
        | Fact::Lapsed { reservation, .. }
        | Fact::Settled { reservation, .. } = &event.fact
        {
            if *reservation == reserved.reservation {
                later.push(event.clone());
            }
        }
        true
    });
    read.map_err(Failure::of)?;
    Ok(later)
}

pub(crate) fn draw(out: &mut String, why: &Why, width: usize, top: usize) {
    let Reserved { reservation, campaign, account, request, .. } = &why.reserved;
    let kind = facts::kind(request.kind);
    let _ = writeln!(
        out,
        "{BOLD}Reservation {reservation}: {kind} {} of campaign {campaign} went to account \
         {account}{BOLD:#}",
        request.lead
    );
    let _ = writeln!(out, "  fact {}, at {}", why.sequence, why.at);
    for event in &why.later {
        let _ = writeln!(out, "  {}: {}", event.at, facts::told(&event.fact, &About::default()));
    }
    let _ = writeln!(out, "\n  {}", because(why));
    match why.today {
        Some(today) if today == *account => {}
        today => {
            let today = today.map_or_else(|| "nobody".to_owned(), |id| format!("account {id}"));
            let _ = writeln!(out, "  {WARN}This version would pick {today}.{WARN:#}");
        }
    }
    out.push('\n');
    table(out, why, width, top);
}

fn because(why: &Why) -> String {
    let account = why.reserved.account;
    let ready = why.rivals.iter().filter(|rival| rival.blocks.is_empty()).count();
    match why.rule {
        Rule::Demanded => format!("Account {account} was demanded, and nothing held it."),
        Rule::Lead => format!("Account {account} writes to this lead, and nothing held it."),
        Rule::Moved(gone) => {
            format!("Account {gone} wrote to this lead and is gone; account {account} takes over.")
        }
        Rule::Turn => {
            let all = count(why.rivals.len() as u64, "attached account");
            format!(
                "{} of {all} might send, and it was account {account}'s turn.",
                number(ready as u64)
            )
        }
    }
}

fn table(out: &mut String, why: &Why, width: usize, top: usize) {
    let heads = [
        ("account", Side::Right),
        ("address", Side::Left),
        ("weight", Side::Right),
        ("today", Side::Right),
        ("turn", Side::Right),
        ("what held it", Side::Left),
    ];
    let mut table = Table::new(&heads, 1);
    let shown = if top == 0 { why.rivals.len() } else { top };
    for rival in why.rivals.iter().take(shown) {
        let style = if rival.id == why.reserved.account { GOOD } else { PLAIN };
        let turn = match rival.place {
            Some(place) => number(place as u64),
            None if rival.blocks.is_empty() => "later".to_owned(),
            None => "-".to_owned(),
        };
        let blocks = rival.blocks.iter().map(|block| words::told(Zone::UTC, block));
        table.tall_row(
            style,
            vec![
                rival.id.to_string(),
                rival.address.shown(),
                number(rival.weight),
                format!("{}/{}", number(rival.used.into()), number(rival.allowance.into())),
                turn,
            ],
            blocks,
        );
    }
    table.write(out, width);
    table::more(out, why.rivals.len().saturating_sub(shown));
}
