//! What callers report about an account: its reputation, its connection, mail that it sent
//! elsewhere, follow-ups that are due, and what a provider said.
//!
//! The engine has no command for a bounce or a complaint as such: whoever measures them says what
//! follows, a lower reputation or a hold.

use axum::Json;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::caller::Caller;
use crate::http::input::{self, Body, Id};
use crate::http::problem::Problem;
use crate::http::records;
use crate::http::service::Service;
use crate::import::reputation::{REPUTATION_RULE, reputation};
use crate::policy::{Connection, Link};
use crate::vocab::{AccountId, CivilDay, Reputation, Timestamp};

pub(crate) fn router() -> OpenApiRouter<Service> {
    OpenApiRouter::new().routes(routes!(feedback))
}

/// What is known of an account. What is given is taken, all or nothing.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only described; the body is read field by field")]
struct FeedbackBody {
    /// Its reputation as measured now: a number, a percentage or a word.
    #[schema(value_type = Option<Value>, example = 92)]
    reputation: Option<String>,
    /// What a check of the credentials said; with it, `is_imap_success` must be given.
    is_smtp_success: Option<bool>,
    is_imap_success: Option<bool>,
    smtp_failure_error: Option<String>,
    imap_failure_error: Option<String>,
    /// Emails that it sent today without the engine.
    sent_elsewhere: Option<u32>,
    /// Until when it sends nothing, as a provider may demand; null lifts the hold.
    hold_until: Option<String>,
    /// How many follow-ups are due on `follow_ups_day`; that much room is held back from new leads.
    follow_ups_due: Option<u32>,
    /// A civil day of the account's zone; the present one if it is not given.
    follow_ups_day: Option<String>,
}

/// The names of what may be reported.
const FIELDS: [&str; 9] = [
    "reputation",
    "is_smtp_success",
    "is_imap_success",
    "smtp_failure_error",
    "imap_failure_error",
    "sent_elsewhere",
    "hold_until",
    "follow_ups_due",
    "follow_ups_day",
];

/// What was taken.
#[derive(Debug, Serialize, ToSchema)]
struct FeedbackTaken {
    ok: bool,
    /// The fields that were taken.
    taken: Vec<&'static str>,
}

#[derive(Debug, Default)]
struct Feedback {
    connection: Option<Connection>,
    day: Option<CivilDay>,
    due: Option<u32>,
    hold: Option<Hold>,
    reputation: Option<Reputation>,
    sent: Option<u32>,
}

/// What becomes of the hold on an account.
#[derive(Clone, Copy, Debug)]
enum Hold {
    Lifted,
    Until(Timestamp),
}

/// Takes what a caller reports about an account.
#[utoipa::path(post, path = "/rotation/email-accounts/{email_account_id}/feedback",
    tag = "rotation", params(("email_account_id" = u64, Path)), request_body = FeedbackBody,
    responses((status = 200, description = "It was taken", body = FeedbackTaken)))]
async fn feedback(caller: Caller, Id(id): Id, body: Body) -> Result<Json<FeedbackTaken>, Problem> {
    let feedback = read(&body)?;
    let now = caller.now;
    let taken = caller.engine.step(|step| {
        let account = records::account(step, caller.owner, id).ok_or(Problem::NOT_FOUND)?;
        let day = Timestamp::try_from(now).map(|now| account.zone.civil_day(now));
        let id = AccountId(id);
        let mut taken = Vec::new();
        if let Some(connection) = feedback.connection {
            step.report_connection(id, connection, now)?;
            taken.push("connection");
        }
        if let Some(value) = feedback.reputation {
            step.report_reputation(id, value, now)?;
            taken.push("reputation");
        }
        if let Some(emails) = feedback.sent {
            step.report_usage(id, emails, now)?;
            taken.push("sent_elsewhere");
        }
        if let Some(hold) = feedback.hold {
            let until = match hold {
                Hold::Lifted => None,
                Hold::Until(until) => Some(until.to_datetime()),
            };
            step.hold_account(id, until, now)?;
            taken.push("hold_until");
        }
        if let (Some(due), Some(day)) = (feedback.due, feedback.day.or(day.ok())) {
            step.declare_follow_ups(id, day, due, now)?;
            taken.push("follow_ups_due");
        }
        Ok::<_, Problem>(taken)
    });
    Ok(Json(FeedbackTaken { ok: true, taken: taken.await? }))
}

fn read(body: &Map<String, Value>) -> Result<Feedback, Problem> {
    input::read(body, |fields| {
        fields.only(&FIELDS);
        let mut feedback = Feedback {
            due: fields.emails("follow_ups_due"),
            reputation: fields.optional("reputation", REPUTATION_RULE, reputation),
            sent: fields.emails("sent_elsewhere"),
            ..Feedback::default()
        };
        let rule = "give a day such as 2026-11-20";
        feedback.day =
            fields.optional("follow_ups_day", rule, |value| value.as_str()?.parse().ok());
        feedback.hold = match body.get("hold_until") {
            None => None,
            Some(Value::Null) => Some(Hold::Lifted),
            Some(_) => fields.instant("hold_until").map(Hold::Until),
        };
        let (smtp, imap) = (fields.flag("is_smtp_success"), fields.flag("is_imap_success"));
        let words = ["smtp_failure_error", "imap_failure_error"].map(|name| fields.text(name));
        let [smtp_words, imap_words] = words;
        let link = |works: bool, words: Option<String>| {
            if works {
                return Link::Verified;
            }
            Link::broken(words.unwrap_or_else(|| "failed without a reason".to_owned()))
        };
        feedback.connection = match (smtp, imap) {
            (None, None) => None,
            (Some(smtp), Some(imap)) => {
                Some(Connection::new(link(smtp, smtp_words), link(imap, imap_words)))
            }
            (Some(_), None) => {
                fields.wrong("is_imap_success", "give it together with is_smtp_success");
                None
            }
            (None, Some(_)) => {
                fields.wrong("is_smtp_success", "give it together with is_imap_success");
                None
            }
        };
        Some(feedback)
    })
}
