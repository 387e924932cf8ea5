//! A campaign's accounts: attach, detach, list.

use axum::Json;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::caller::Caller;
use crate::http::calls::accounts;
use crate::http::input::{self, Body, Id, LIST_MAX, Page, Params};
use crate::http::problem::{Detail, Problem, details};
use crate::http::records;
use crate::http::service::Service;
use crate::http::settings::AttachAnswer;
use crate::http::shapes::account_view::{self, MemberView};
use crate::http::shapes::answers::EmailAccountIds;
use crate::http::spacing;
use crate::rotation::{AttachReport, Mode};
use crate::store::Step;
use crate::vocab::{AccountId, CampaignId};

pub(crate) fn router() -> OpenApiRouter<Service> {
    OpenApiRouter::new()
        .routes(routes!(attach, detach, list))
        .routes(routes!(attach_with_report))
        .routes(routes!(detach_with_report))
}

/// They were attached. Which of the shapes is written is a setting of the service.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Attached)]
enum Attached {
    Data { success: bool, data: AttachedData },
    Ok { ok: bool },
}

/// Empty, unless the service is set to count.
#[derive(Debug, Default, Serialize, ToSchema)]
struct AttachedData {
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    added_count: Option<usize>,
}

/// They were detached.
#[derive(Debug, Serialize, ToSchema)]
struct Detached {
    ok: bool,
}

/// Which accounts to list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only described; the query is read field by field")]
struct Filters {
    /// How many to leave out at the beginning.
    offset: Option<u64>,
    /// How many at most, 1 to 1,000.
    limit: Option<u64>,
    /// Whether to show the tags.
    include_tags: Option<bool>,
}

/// Accounts to attach or to detach, and how.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only described; the body is read field by field")]
struct ModeBody {
    /// At most 1,000.
    #[schema(example = json!([1, 2]), min_items = 1, max_items = 1_000)]
    email_account_ids: Vec<u64>,
    /// `all_or_none` (if it is not given), `each_that_can` or `dry_run`.
    mode: Option<String>,
}

/// What became of every account of a request.
#[derive(Debug, Serialize, ToSchema)]
struct Report {
    /// Those whose membership changed, or would without a dry run.
    changed: Vec<u64>,
    /// Every account about which there is something to say, with everything.
    details: Vec<Detail>,
}

impl From<&AttachReport> for Report {
    fn from(report: &AttachReport) -> Self {
        let changed = report.changed.iter().map(|id| id.0).collect();
        Self { changed, details: details(report) }
    }
}

/// Reads the accounts of a body.
fn ids(body: &Map<String, Value>) -> Result<Vec<u64>, Problem> {
    input::some_ids(body, "email_account_ids")
}

fn mode(body: &Map<String, Value>) -> Result<Mode, Problem> {
    let rule = "give all_or_none, each_that_can or dry_run";
    let mode = input::read(body, |fields| {
        fields.only(&["email_account_ids", "mode"]);
        Some(fields.optional("mode", rule, |value| match value.as_str()? {
            "all_or_none" => Some(Mode::AllOrNone),
            "dry_run" => Some(Mode::DryRun),
            "each_that_can" => Some(Mode::EachThatCan),
            _ => None,
        }))
    })?;
    Ok(mode.unwrap_or_default())
}

/// Adds accounts to a campaign's rotation, all or none.
#[utoipa::path(post, path = "/campaigns/{campaign_id}/email-accounts", tag = "pool",
    params(("campaign_id" = u64, Path)), request_body = EmailAccountIds,
    responses((status = 200, description = "They are in the rotation", body = Attached)))]
async fn attach(caller: Caller, Id(id): Id, body: Body) -> Result<Json<Attached>, Problem> {
    let report = attach_as(&caller, id, &ids(&body)?, Mode::AllOrNone).await?;
    let data = |data| Attached::Data { success: true, data };
    Ok(Json(match caller.service.settings().attach_answer {
        AttachAnswer::Count => data(AttachedData {
            message: Some("Email accounts added successfully"),
            added_count: Some(report.changed.len()),
        }),
        AttachAnswer::Data => data(AttachedData::default()),
        AttachAnswer::Ok => Attached::Ok { ok: true },
    }))
}

/// Takes accounts out of a campaign's rotation, all or none. The accounts stay.
#[utoipa::path(delete, path = "/campaigns/{campaign_id}/email-accounts", tag = "pool",
    params(("campaign_id" = u64, Path)), request_body = EmailAccountIds,
    responses((status = 200, description = "They are out of the rotation", body = Detached)))]
async fn detach(caller: Caller, Id(id): Id, body: Body) -> Result<Json<Detached>, Problem> {
    detach_as(&caller, id, &ids(&body)?, Mode::AllOrNone).await?;
    Ok(Json(Detached { ok: true }))
}

/// Adds accounts, and tells everything that was found about each.
#[utoipa::path(post, path = "/rotation/campaigns/{campaign_id}/attach", tag = "rotation",
    params(("campaign_id" = u64, Path)), request_body = ModeBody,
    responses((status = 200, description = "What became of each", body = Report)))]
async fn attach_with_report(
    caller: Caller,
    Id(id): Id,
    body: Body,
) -> Result<Json<Report>, Problem> {
    let report = attach_as(&caller, id, &ids(&body)?, mode(&body)?).await?;
    Ok(Json(Report::from(&report)))
}

/// Takes accounts out, and tells everything that was found about each.
#[utoipa::path(post, path = "/rotation/campaigns/{campaign_id}/detach", tag = "rotation",
    params(("campaign_id" = u64, Path)), request_body = ModeBody,
    responses((status = 200, description = "What became of each", body = Report)))]
async fn detach_with_report(
    caller: Caller,
    Id(id): Id,
    body: Body,
) -> Result<Json<Report>, Problem> {
    let report = detach_as(&caller, id, &ids(&body)?, mode(&body)?).await?;
    Ok(Json(Report::from(&report)))
}

async fn attach_as(
    caller: &Caller,
    id: u64,
    ids: &[u64],
    mode: Mode,
) -> Result<AttachReport, Problem> {
    let accounts: Vec<AccountId> = ids.iter().copied().map(AccountId).collect();
    let attached = caller.engine.step(|step| {
        records::campaign(step, caller.owner, id).ok_or(Problem::NOT_FOUND)?;
        let report = step.attach_with(CampaignId(id), &accounts, mode, caller.now)?;
        if mode != Mode::DryRun {
            spacing::update(step, report.changed.iter().copied(), caller.now)?;
        }
        Ok::<_, Problem>(report)
    });
    Ok(attached.await?)
}

async fn detach_as(
    caller: &Caller,
    id: u64,
    ids: &[u64],
    mode: Mode,
) -> Result<AttachReport, Problem> {
    let accounts: Vec<AccountId> = ids.iter().copied().map(AccountId).collect();
    let detached = caller.engine.step(|step| {
        records::campaign(step, caller.owner, id).ok_or(Problem::NOT_FOUND)?;
        known(step, caller, ids)?;
        let report = step.detach_with(CampaignId(id), &accounts, mode, caller.now)?;
        if mode != Mode::DryRun {
            spacing::update(step, report.changed.iter().copied(), caller.now)?;
        }
        Ok::<_, Problem>(report)
    });
    Ok(detached.await?)
}

/// Refuses accounts that are not the caller's. The engine takes them for not attached, which is
/// true and helps nobody who misspelt a number.
fn known(step: &Step<'_>, caller: &Caller, ids: &[u64]) -> Result<(), Problem> {
    let strangers = accounts::strangers(step, caller.owner, ids);
    if strangers.is_empty() {
        return Ok(());
    }
    Err(Problem::no_accounts(strangers))
}

/// Lists a campaign's accounts, suspended ones too, by number.
#[utoipa::path(get, path = "/campaigns/{campaign_id}/email-accounts", tag = "pool",
    params(("campaign_id" = u64, Path), Filters),
    responses((status = 200, description = "The accounts", body = Vec<MemberView>)))]
async fn list(
    caller: Caller,
    Id(id): Id,
    Params(query): Params,
) -> Result<Json<Vec<MemberView>>, Problem> {
    let (page, with_tags) = input::read(&query, |fields| {
        let page = Page::of(fields, LIST_MAX as u64);
        Some((page, accounts::truth(fields, "include_tags").unwrap_or(false)))
    })?;
    let views = caller.engine.look(|engine, documents| {
        let campaign = records::campaign(engine, caller.owner, id)?;
        let attached = page.cut(engine.attached(campaign.id));
        let views = attached.filter_map(|id| {
            let view = accounts::view(engine, documents, engine.account(id)?, &caller);
            Some(account_view::member(if with_tags { view } else { view.without_tags() }))
        });
        Some(views.collect())
    });
    views.map(Json).ok_or(Problem::NOT_FOUND)
}
