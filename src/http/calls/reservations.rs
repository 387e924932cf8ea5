//! The run loop over HTTP: reserve, begin, settle, cancel.

use axum::Json;
use axum::http::HeaderMap;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::caller::Caller;
use crate::http::input::{self, Body, Id};
use crate::http::problem::{Detail, Problem};
use crate::http::records;
use crate::http::service::Service;
use crate::http::shapes::reservation_view::{self, PickView, ReservationView};
use crate::import::fields::{Fields, whole};
use crate::rotation::{EmailKind, Outcome, Pick, Request};
use crate::store::Step;
use crate::vocab::{AccountId, CampaignId, LeadId, ReservationId};

pub(crate) fn router() -> OpenApiRouter<Service> {
    OpenApiRouter::new()
        .routes(routes!(reserve))
        .routes(routes!(reserve_batch))
        .routes(routes!(get))
        .routes(routes!(begin))
        .routes(routes!(settle))
        .routes(routes!(cancel))
}

/// The most emails of one batch.
const BATCH_MAX: usize = 100;

/// The most bytes of an idempotency key.
const KEY_MAX: usize = 255;
const KEY_RULE: &str = "give a text of 1 to 255 bytes";

/// An email that wants to go.
#[derive(Debug, ToSchema)]
#[schema(as = ReserveBody)]
#[expect(dead_code, reason = "only described; the body is read field by field")]
struct ReserveBody {
    /// Whom it goes to.
    #[schema(example = 7)]
    lead_id: u64,
    /// `new_lead` (if it is not given) or `follow_up`, which goes from the account that wrote
    /// first.
    kind: Option<String>,
    /// The only account that may send it.
    email_account_id: Option<u64>,
    /// Accounts that may not send it, such as the one that just failed; at most 1,000.
    exclude_email_account_ids: Option<Vec<u64>>,
    /// An idempotency key of 1 to 255 bytes. The header `Idempotency-Key` says the same.
    key: Option<String>,
}

/// Several emails of one campaign.
#[derive(Debug, ToSchema)]
#[schema(as = BatchBody)]
#[expect(dead_code, reason = "only described; the body is read field by field")]
struct BatchBody {
    /// In the order in which they are asked for.
    #[schema(min_items = 1, max_items = 100)]
    requests: Vec<ReserveBody>,
}

/// The answers, in the order of the requests.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BatchAnswer)]
struct Batch {
    answers: Vec<BatchPick>,
}

/// The answer to one email of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum BatchPick {
    Pick(PickView),
    Refused(Refused),
}

/// An email of a batch that cannot be answered; the others are.
#[derive(Debug, Serialize, ToSchema)]
struct Refused {
    /// Always `refused`.
    answer: &'static str,
    error: String,
}

/// What became of an email.
#[derive(Debug, ToSchema)]
#[schema(as = SettleBody)]
#[expect(dead_code, reason = "only described; the body is read field by field")]
struct SettleBody {
    /// `sent` (2xx), `rejected` (5xx), `deferred` (4xx before it was accepted, gives the room back)
    /// or `unknown` (a line lost behind the data, counts).
    #[schema(example = "sent")]
    outcome: String,
}

/// The end of a reservation was taken.
#[derive(Debug, Serialize, ToSchema)]
struct Ended {
    reservation: ReservationView,
    /// Whether it had been taken before; then nothing changed.
    repeated: bool,
    /// When the reservation had lapsed, if it had. An email sent after that broke its promise.
    late_since: Option<String>,
}

/// The mark was set.
#[derive(Debug, Serialize, ToSchema)]
struct Begun {
    reservation: ReservationView,
    /// Whether it had been set before. Somebody else may have started to send the email then.
    repeated: bool,
}

/// The names of an email that wants to go.
const EMAIL: [&str; 5] =
    ["lead_id", "kind", "email_account_id", "exclude_email_account_ids", "key"];

fn request(fields: &mut Fields<'_>) -> Option<Request> {
    fields.only(&EMAIL);
    let lead = fields.required("lead_id", "give the lead's number", whole).map(LeadId);
    let kind =
        fields.optional("kind", "give new_lead or follow_up", |value| match value.as_str()? {
            "follow_up" => Some(EmailKind::FollowUp),
            "new_lead" => Some(EmailKind::NewLead),
            _ => None,
        });
    let account = fields.optional("email_account_id", "give the account's number", whole);
    let rule = "give a list of at most 1000 account numbers";
    let excluded = fields.optional("exclude_email_account_ids", rule, input::ids);
    let key = fields.optional("key", KEY_RULE, |value| {
        let key = value.as_str().filter(|key| key.len() <= KEY_MAX)?;
        Some(key.to_owned())
    });
    let lead = lead?;
    let mut request = match kind.unwrap_or(EmailKind::NewLead) {
        EmailKind::FollowUp => Request::follow_up(lead),
        EmailKind::NewLead => Request::new_lead(lead),
    };
    request.account = account.map(AccountId);
    request.key = key;
    Some(request.excluding(excluded.unwrap_or_default().into_iter().map(AccountId)))
}

/// Reads an email that wants to go. A blank key is no key that was left out: whoever sends it means
/// to be safe from asking twice.
fn email(object: &Map<String, Value>) -> Result<Request, Problem> {
    let key = object.get("key").and_then(Value::as_str);
    let blank = key.filter(|key| key.trim().is_empty());
    let blank =
        blank.map(|_| Detail::field("key", format!("is blank; {KEY_RULE}, or leave it out")));
    match (input::read(object, request), blank) {
        (read, None) => read,
        (Ok(_), Some(blank)) => Err(Problem::invalid(vec![blank])),
        (Err(Problem::Invalid { details, .. }), Some(blank)) => {
            Err(Problem::invalid(details.into_iter().chain([blank]).collect()))
        }
        (Err(problem), Some(_)) => Err(problem),
    }
}

/// Takes the key of the header over, which must not say otherwise than the body.
fn keyed(mut request: Request, headers: &HeaderMap) -> Result<Request, Problem> {
    let Some(header) = headers.get("idempotency-key") else { return Ok(request) };
    let key = header.to_str().map_err(|_| {
        Problem::field("Idempotency-Key", "is no plain text; give 1 to 255 printable characters")
    })?;
    if request.key.as_deref().is_some_and(|other| other != key) {
        return Err(Problem::field("key", "the header Idempotency-Key says otherwise"));
    }
    request.key = Some(key.to_owned());
    Ok(request)
}

/// Asks which account sends an email, and holds room for it.
///
/// Waiting is no error: the answer says until when, and why.
#[utoipa::path(post, path = "/rotation/campaigns/{campaign_id}/reservations", tag = "rotation",
    params(("campaign_id" = u64, Path),
        ("Idempotency-Key" = Option<String>, Header,
            description = "Finds the same reservation again")),
    request_body = ReserveBody,
    responses((status = 200, description = "Who sends it, or why nobody may", body = PickView)))]
async fn reserve(
    caller: Caller,
    Id(id): Id,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<PickView>, Problem> {
    let request = keyed(email(&body)?, &headers)?;
    let picked = caller.engine.step(|step| {
        records::campaign(step, caller.owner, id).ok_or(Problem::NOT_FOUND)?;
        strangers(step, &caller, &request)?;
        let pick = step.reserve(CampaignId(id), &request, caller.now)?;
        note(step, CampaignId(id), &request, &pick);
        Ok::<_, Problem>((reservation_view::pick(step, &pick), pick))
    });
    let (view, pick) = picked.await?;
    count(&caller, &pick);
    Ok(Json(view))
}

/// Notes that nobody may send for a campaign, if that is not the request's own doing.
fn note(step: &mut Step<'_>, campaign: CampaignId, request: &Request, pick: &Pick) {
    let Pick::Unavailable(unavailable) = pick else { return };
    let free = request.kind == EmailKind::NewLead
        && request.account.is_none()
        && request.excluded.is_empty()
        && step.lead_account(campaign, request.lead).is_none();
    if free {
        step.note_unavailable(campaign, unavailable);
    }
}

fn count(caller: &Caller, pick: &Pick) {
    if let Some(meters) = caller.service.meters() {
        meters.answered(pick);
    }
}

/// A demanded account that is not the caller's is not there.
fn strangers(step: &Step<'_>, caller: &Caller, request: &Request) -> Result<(), Problem> {
    let own = |id: AccountId| records::account(step, caller.owner, id.0).is_some();
    match request.account.filter(|id| !own(*id)) {
        None => Ok(()),
        Some(stranger) => Err(Problem::no_accounts([stranger])),
    }
}

/// Asks for several emails at once, in order; each has its own answer.
#[utoipa::path(post, path = "/rotation/campaigns/{campaign_id}/reservations/batch",
    tag = "rotation", params(("campaign_id" = u64, Path)), request_body = BatchBody,
    responses((status = 200, description = "The answers in order", body = Batch)))]
async fn reserve_batch(caller: Caller, Id(id): Id, body: Body) -> Result<Json<Batch>, Problem> {
    let requests = batch(&body)?;
    let answered = caller.engine.step(|step| {
        records::campaign(step, caller.owner, id).ok_or(Problem::NOT_FOUND)?;
        // An account that is not the caller's is attached to none of its campaigns: that is what
        // the email's own answer says, as of one that does not exist.
        let picks = step.reserve_batch(CampaignId(id), &requests, caller.now)?;
        for (request, pick) in requests.iter().zip(&picks) {
            if let Ok(pick) = pick {
                note(step, CampaignId(id), request, pick);
            }
        }
        let answers = picks.iter().map(|pick| match pick {
            Ok(pick) => BatchPick::Pick(reservation_view::pick(step, pick)),
            Err(error) => {
                let error = Problem::from(error.clone()).words();
                BatchPick::Refused(Refused { answer: "refused", error })
            }
        });
        let answers = answers.collect();
        Ok::<_, Problem>((answers, picks))
    });
    let (answers, picks) = answered.await?;
    picks.iter().flatten().for_each(|pick| count(&caller, pick));
    Ok(Json(Batch { answers }))
}

fn batch(body: &Map<String, Value>) -> Result<Vec<Request>, Problem> {
    input::read(body, |fields| {
        fields.only(&["requests"]);
        Some(())
    })?;
    let rule = "give a list of 1 to 100 requests";
    let list = body.get("requests").and_then(Value::as_array);
    let list = list.filter(|list| (1..=BATCH_MAX).contains(&list.len()));
    let list = list.ok_or_else(|| Problem::field("requests", rule))?;
    let (mut requests, mut wrong) = (Vec::new(), Vec::new());
    for (n, item) in list.iter().enumerate() {
        let path = format!("requests[{n}]");
        let Some(object) = item.as_object() else {
            wrong.push(Detail::field(path, "give an object"));
            continue;
        };
        match email(object) {
            Ok(request) => requests.push(request),
            Err(Problem::Invalid { details, .. }) => wrong.extend(details.into_iter().map(|one| {
                let field = one.field.as_deref().map(|field| format!("{path}.{field}"));
                Detail { field, ..one }
            })),
            Err(problem) => return Err(problem),
        }
    }
    if wrong.is_empty() { Ok(requests) } else { Err(Problem::invalid(wrong)) }
}

/// A reservation of the caller's.
fn own(step: &Step<'_>, caller: &Caller, id: u64) -> Result<ReservationId, Problem> {
    let id = ReservationId(id);
    let owner = step.reservation(id).map(|(_, owner)| owner);
    owner.filter(|owner| *owner == caller.owner).map(|_| id).ok_or(Problem::NOT_FOUND)
}

fn shown(step: &Step<'_>, id: ReservationId) -> Result<ReservationView, Problem> {
    let (reservation, _) = step.reservation(id).ok_or(Problem::NOT_FOUND)?;
    Ok(reservation_view::reservation(step, reservation))
}

/// Shows a reservation, as long as it is remembered.
#[utoipa::path(get, path = "/rotation/reservations/{reservation_id}", tag = "rotation",
    params(("reservation_id" = u64, Path)),
    responses((status = 200, description = "The reservation", body = ReservationView)))]
async fn get(caller: Caller, Id(id): Id) -> Result<Json<ReservationView>, Problem> {
    let found = caller.engine.step(|step| {
        // Takes the clock in, so that one that has lapsed is shown so.
        step.tick(caller.now)?;
        shown(step, own(step, &caller, id)?)
    });
    Ok(Json(found.await?))
}

/// Says that an email is about to go, just before it does.
#[utoipa::path(post, path = "/rotation/reservations/{reservation_id}/begin", tag = "rotation",
    params(("reservation_id" = u64, Path)),
    responses((status = 200, description = "The mark is set", body = Begun)))]
async fn begin(caller: Caller, Id(id): Id) -> Result<Json<Begun>, Problem> {
    let begun = caller.engine.step(|step| {
        let id = own(step, &caller, id)?;
        let begun = step.begin(id, caller.now)?;
        Ok::<_, Problem>(Begun { reservation: shown(step, id)?, repeated: begun.repeated })
    });
    Ok(Json(begun.await?))
}

/// Says what became of an email. The same again changes nothing.
#[utoipa::path(post, path = "/rotation/reservations/{reservation_id}/settle", tag = "rotation",
    params(("reservation_id" = u64, Path)), request_body = SettleBody,
    responses((status = 200, description = "It is settled", body = Ended)))]
async fn settle(caller: Caller, Id(id): Id, body: Body) -> Result<Json<Ended>, Problem> {
    let rule = "give sent, rejected, deferred or unknown";
    let outcome = input::read(&body, |fields| {
        fields.only(&["outcome"]);
        fields.required("outcome", rule, |value| match value.as_str()? {
            "deferred" => Some(Outcome::Deferred),
            "rejected" => Some(Outcome::Rejected),
            "sent" => Some(Outcome::Sent),
            "unknown" => Some(Outcome::Unknown),
            _ => None,
        })
    })?;
    end(&caller, id, |step, id| step.settle(id, outcome, caller.now)).await
}

/// Gives a reservation back unused, with its place in the rotation.
#[utoipa::path(post, path = "/rotation/reservations/{reservation_id}/cancel", tag = "rotation",
    params(("reservation_id" = u64, Path)),
    responses((status = 200, description = "It is given back", body = Ended)))]
async fn cancel(caller: Caller, Id(id): Id) -> Result<Json<Ended>, Problem> {
    end(&caller, id, |step, id| step.cancel(id, caller.now)).await
}

async fn end(
    caller: &Caller,
    id: u64,
    work: impl FnOnce(
        &mut Step<'_>,
        ReservationId,
    ) -> Result<crate::rotation::Settlement, crate::rotation::SettleError>,
) -> Result<Json<Ended>, Problem> {
    let ended = caller.engine.step(|step| {
        let id = own(step, caller, id)?;
        let settlement = work(step, id)?;
        let late_since = settlement.late_since.map(crate::http::calendar::instant);
        let reservation = shown(step, id)?;
        Ok::<_, Problem>(Ended { reservation, repeated: settlement.repeated, late_since })
    });
    Ok(Json(ended.await?))
}
