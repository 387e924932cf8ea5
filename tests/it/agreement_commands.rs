//! The commands of a random history, carried out by the engine; answers as comparable lines.
//!
//! Knows the crate's face and nothing of the model.

use std::fmt::Debug;

use mailrota::{
    Account, AccountId, AttachError, AttachReport, Campaign, CampaignId, CivilDay, Connection,
    Engine, LeadId, Mode, Outcome, OwnerId, Pick, Reputation, Request, Reservation, ReservationId,
    ReserveError, SettleError, Settlement,
};

use crate::agreement_zones::at;
use crate::model::minute;
use crate::model_state::Minute;

/// One command; every instant is a minute.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    AddAccount(Box<Account>),
    AddCampaign(Campaign),
    Attach(CampaignId, Vec<AccountId>, Mode),
    Begin(u64),
    BindLead(CampaignId, LeadId, AccountId),
    Cancel(u64),
    ChangeAccount(Box<Account>),
    ChangeCampaign(Campaign),
    ConfirmClock,
    Connect(AccountId, Connection),
    DeleteAccount(AccountId),
    DeleteCampaign(CampaignId),
    Detach(CampaignId, Vec<AccountId>, Mode),
    FollowUps(AccountId, CivilDay, u32),
    GiveBack,
    HoldAccount(AccountId, Option<Minute>),
    HoldDomain(OwnerId, &'static str, Option<Minute>),
    Look(AccountId, Minute),
    LookLead(CampaignId, LeadId),
    Reserve(CampaignId, Vec<Request>),
    Restart,
    Resume(AccountId),
    Settle(u64, Outcome),
    Suspend(AccountId),
    Tick,
    Trust(AccountId, Reputation),
    Usage(AccountId, u32),
}

/// An answer as a line, and when to ask again for each request that has to wait.
pub(crate) struct Answer {
    pub(crate) line: String,
    pub(crate) waits: Vec<Option<Minute>>,
    /// What was granted, or had been.
    pub(crate) reservations: Vec<Reservation>,
}

fn said(line: impl Into<String>) -> Answer {
    Answer { line: line.into(), waits: Vec::new(), reservations: Vec::new() }
}

/// An error's kind: its name, and that of a clock error by its own.
pub(crate) fn kind(error: &impl Debug) -> String {
    let text = format!("{error:?}");
    let end = text.find([' ', '(', '{']).unwrap_or(text.len());
    format!("error {}", &text[..end])
}

fn done<E: Debug>(result: Result<(), E>) -> Answer {
    said(result.map_or_else(|error| kind(&error), |()| "done".to_owned()))
}

pub(crate) fn carry_out(engine: &mut Engine, command: &Command, minute: Minute) -> Answer {
    let now = at(minute);
    match command.clone() {
        Command::AddAccount(account) => done(engine.add_account(*account, now)),
        Command::AddCampaign(campaign) => done(engine.add_campaign(campaign, now)),
        Command::Attach(id, accounts, mode) => {
            attached(engine.attach_with(id, &accounts, mode, now))
        }
        Command::Begin(id) => said(
            engine
                .begin(ReservationId(id), now)
                .map_or_else(|error| kind(&error), |it| begun_line(it.repeated)),
        ),
        Command::BindLead(id, lead, account) => done(engine.bind_lead(id, lead, account, now)),
        Command::Cancel(id) => settled(engine.cancel(ReservationId(id), now)),
        Command::ChangeAccount(account) => done(engine.change_account(*account, now)),
        Command::ChangeCampaign(campaign) => done(engine.change_campaign(campaign, now)),
        Command::ConfirmClock => done(engine.confirm_clock(now)),
        Command::Connect(id, connection) => done(engine.report_connection(id, connection, now)),
        Command::DeleteAccount(id) => done(engine.delete_account(id, now)),
        Command::DeleteCampaign(id) => done(engine.delete_campaign(id, now)),
        Command::Detach(id, accounts, mode) => {
            attached(engine.detach_with(id, &accounts, mode, now))
        }
        Command::FollowUps(id, day, due) => done(engine.declare_follow_ups(id, day, due, now)),
        Command::GiveBack => {
            said(engine.give_back_unbegun(now).map_or_else(
                |error| kind(&error),
                |ids| given_back_line(ids.iter().map(|id| id.0)),
            ))
        }
        Command::HoldAccount(id, until) => done(engine.hold_account(id, until.map(at), now)),
        Command::HoldDomain(owner, domain, until) => {
            done(engine.hold_domain(owner, domain, until.map(at), now))
        }
        Command::Look(id, ahead) => look(engine, id, ahead),
        Command::LookLead(id, lead) => said(format!("{:?}", engine.lead_account(id, lead))),
        Command::Reserve(id, requests) => match engine.reserve_batch(id, &requests, now) {
            Ok(picks) => picked(&picks),
            Err(error) => Answer { waits: vec![None; requests.len()], ..said(kind(&error)) },
        },
        Command::Restart => {
            *engine = Engine::restore(engine.snapshot()).unwrap();
            said("done")
        }
        Command::Resume(id) => done(engine.resume(id, now)),
        Command::Settle(id, outcome) => settled(engine.settle(ReservationId(id), outcome, now)),
        Command::Suspend(id) => done(engine.suspend(id, now)),
        Command::Tick => done(engine.tick(now)),
        Command::Trust(id, value) => done(engine.report_reputation(id, value, now)),
        Command::Usage(id, emails) => done(engine.report_usage(id, emails, now)),
    }
}

fn look(engine: &Engine, id: AccountId, ahead: Minute) -> Answer {
    let Some(seen) = engine.seen() else { return said("never asked") };
    said(engine.standing(id, at(minute(seen) + ahead)).map_or_else(
        |error| kind(&error),
        |it| {
            standing_line(it.sent, it.reserved, it.allowance, i128::from(it.weight), it.is_ready())
        },
    ))
}

pub(crate) fn standing_line(sent: u32, out: u32, most: u32, weight: i128, ready: bool) -> String {
    format!("sent {sent} reserved {out} of {most}, weight {weight}, ready {ready}")
}

pub(crate) fn report_line(
    report: &[(AccountId, Vec<&'static str>)],
    changed: &[AccountId],
) -> String {
    format!("{report:?} changed {changed:?}")
}

fn attached(result: Result<AttachReport, AttachError>) -> Answer {
    let line = |report: AttachReport| {
        let codes = |findings: Vec<mailrota::Finding>| {
            let mut codes: Vec<_> = findings.iter().map(mailrota::Finding::code).collect();
            codes.sort_unstable();
            codes
        };
        let accounts = report.accounts.into_iter().map(|of| (of.account, codes(of.findings)));
        report_line(&accounts.collect::<Vec<_>>(), &report.changed)
    };
    said(match result {
        Ok(report) => line(report),
        Err(AttachError::Refused(report)) => format!("error Refused {}", line(report)),
        Err(error) => kind(&error),
    })
}

pub(crate) fn settled_line(repeated: bool, late_since: Option<Minute>) -> String {
    format!("settled, repeated {repeated}, late since {late_since:?}")
}

fn settled(result: Result<Settlement, SettleError>) -> Answer {
    said(match result {
        Ok(it) => settled_line(it.repeated, it.late_since.map(minute)),
        Err(SettleError::Settled { outcome, .. }) => format!("error Settled {outcome}"),
        Err(error) => kind(&error),
    })
}

pub(crate) fn begun_line(repeated: bool) -> String {
    format!("begun, repeated {repeated}")
}

pub(crate) fn given_back_line(ids: impl Iterator<Item = u64>) -> String {
    format!("given back {:?}", ids.collect::<Vec<_>>())
}

pub(crate) fn email_line(
    word: &str,
    id: u64,
    account: AccountId,
    ends: Minute,
    moved_from: Option<AccountId>,
) -> String {
    let moved = moved_from.map_or(String::new(), |from| format!(", moved from {from}"));
    format!("{word} #{id} by {account} until {ends}{moved}")
}

fn picked(picks: &[Result<Pick, ReserveError>]) -> Answer {
    let reservation = |word: &str, it: &Reservation| {
        email_line(word, it.id.0, it.account, minute(it.ends_at), it.moved_from)
    };
    let line = |pick: &Result<Pick, ReserveError>| match pick {
        Ok(Pick::Ended(it)) => reservation("ended", it),
        Ok(Pick::Reserved(it)) => reservation("reserved", it),
        Ok(Pick::Unavailable(_)) => "unavailable".to_owned(),
        Ok(Pick::Wait(wait)) => format!("wait {}", minute(wait.until_at)),
        Err(error) => kind(error),
    };
    let until = |pick: &Result<Pick, ReserveError>| match pick {
        Ok(Pick::Wait(wait)) => Some(minute(wait.until_at)),
        Ok(_) | Err(_) => None,
    };
    let lines: Vec<String> = picks.iter().map(line).collect();
    let reservations = picks.iter().flatten().filter_map(Pick::reserved).cloned().collect();
    Answer { line: lines.join("; "), waits: picks.iter().map(until).collect(), reservations }
}
