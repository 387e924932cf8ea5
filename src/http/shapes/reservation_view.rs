//! Reservations and the answers to who may send, as they are written on the wire.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::calendar::instant;
use crate::policy::Block;
use crate::rotation::{Candidate, EmailKind, Engine, Fate, Pick, Reservation};
use crate::vocab::{AccountId, Timestamp};

/// Who sends an email: an account now, nobody before an instant, or nobody until somebody acts.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "answer", rename_all = "snake_case")]
#[schema(as = Pick)]
pub(crate) enum PickView {
    /// The email's key was served before, and that reservation has ended: no new permission to
    /// send.
    Ended { reservation: ReservationView },
    /// Send now, from the account that it names, and settle it.
    Reserved { reservation: ReservationView },
    /// Nobody may, within a year and more, unless somebody acts.
    Unavailable { reasons: Vec<ReasonView> },
    /// Nobody may before an instant.
    Wait {
        /// The least instant at which the answer will be another, if nothing else happens.
        until: String,
        /// The account that may send then.
        email_account_id: u64,
        reasons: Vec<ReasonView>,
    },
}

/// Room that is held for one email.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Reservation)]
pub(crate) struct ReservationView {
    id: u64,
    campaign_id: u64,
    email_account_id: u64,
    /// The address to send from; null once the account is deleted.
    from_email: Option<String>,
    lead_id: u64,
    /// `new_lead` or `follow_up`.
    kind: &'static str,
    /// `open`, `settled`, `cancelled` or `lapsed`.
    state: &'static str,
    /// `sent`, `rejected`, `deferred` or `unknown`, once it is settled.
    outcome: Option<String>,
    reserved_at: String,
    /// When it lapses: nobody may start to send at or after this instant.
    ends_at: String,
    begun_at: Option<String>,
    decided_at: String,
    /// The account that wrote to the lead before and is gone.
    moved_from: Option<u64>,
}

/// One thing that keeps an email from going.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Reason)]
pub(crate) struct ReasonView {
    /// A stable word for machines.
    code: &'static str,
    /// The same for people.
    message: &'static str,
    /// Whom it holds; null if it holds the whole campaign.
    email_account_id: Option<u64>,
    /// How much of it is used, where the rule counts.
    used: Option<u32>,
    /// The most it allows, where the rule counts.
    max: Option<u32>,
    /// When it is over if nothing else happens; null if somebody must act.
    until: Option<String>,
}

/// An account of a campaign and all that holds it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Candidate)]
pub(crate) struct CandidateView {
    email_account_id: u64,
    ready: bool,
    /// The least instant at which nothing of its own holds it; null if somebody must act.
    ready_at: Option<String>,
    reasons: Vec<ReasonView>,
}

pub(crate) fn reason(account: Option<AccountId>, block: &Block) -> ReasonView {
    ReasonView {
        code: block.reason.code(),
        message: block.reason.text(),
        email_account_id: account.map(|id| id.0),
        used: block.used,
        max: block.max,
        until: block.until.map(instant),
    }
}

pub(crate) fn candidate(candidate: &Candidate) -> CandidateView {
    let blocks = candidate.blocks.iter();
    CandidateView {
        email_account_id: candidate.account.0,
        ready: candidate.is_ready(),
        ready_at: candidate.ready_at.map(instant),
        reasons: blocks.map(|block| reason(Some(candidate.account), block)).collect(),
    }
}

pub(crate) fn reservation(engine: &Engine, reservation: &Reservation) -> ReservationView {
    let (state, outcome) = match reservation.fate {
        Fate::Cancelled => ("cancelled", None),
        Fate::Lapsed => ("lapsed", None),
        Fate::Open => ("open", None),
        Fate::Settled(outcome) => ("settled", Some(outcome.to_string())),
    };
    let account = engine.account(reservation.account);
    let instant = |at: Timestamp| instant(at);
    ReservationView {
        id: reservation.id.0,
        campaign_id: reservation.campaign.0,
        email_account_id: reservation.account.0,
        from_email: account.map(|account| account.address.clone()),
        lead_id: reservation.lead.0,
        kind: match reservation.kind {
            EmailKind::FollowUp => "follow_up",
            EmailKind::NewLead => "new_lead",
        },
        state,
        outcome,
        reserved_at: instant(reservation.reserved_at),
        ends_at: instant(reservation.ends_at),
        begun_at: reservation.begun_at.map(instant),
        decided_at: instant(reservation.decided_at),
        moved_from: reservation.moved_from.map(|id| id.0),
    }
}

pub(crate) fn pick(engine: &Engine, pick: &Pick) -> PickView {
    match pick {
        Pick::Ended(record) => PickView::Ended { reservation: reservation(engine, record) },
        Pick::Reserved(record) => PickView::Reserved { reservation: reservation(engine, record) },
        Pick::Unavailable(unavailable) => {
            let reasons = unavailable.reasons().map(|(account, block)| reason(account, &block));
            PickView::Unavailable { reasons: reasons.collect() }
        }
        Pick::Wait(wait) => PickView::Wait {
            until: instant(wait.until_at),
            email_account_id: wait.account.0,
            reasons: wait.block.iter().map(|block| reason(Some(wait.account), block)).collect(),
        },
    }
}
