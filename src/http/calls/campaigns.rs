//! Calls about campaigns: create, list, look at, start and stop, delete.

use axum::Json;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::calendar::instant;
use crate::http::caller::Caller;
use crate::http::input::{self, Body, Id, LIST_MAX, Page, Params};
use crate::http::problem::Problem;
use crate::http::records::{self, CampaignRecord, Kind};
use crate::http::service::Service;
use crate::http::shapes::answers::Said;
use crate::http::shapes::campaign_view::{self, CampaignView};
use crate::http::spacing;
use crate::import::fields::{Fields, whole};
use crate::policy::{Campaign, CampaignState};
use crate::store::{Documents, Step};
use crate::vocab::{CampaignId, Timestamp};

pub(crate) fn router() -> OpenApiRouter<Service> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(list))
        .routes(routes!(get, delete))
        .routes(routes!(set_status))
}

const NAME_MAX: usize = 500;

/// A campaign to create.
#[derive(Debug, ToSchema)]
#[schema(as = CampaignBody)]
#[expect(dead_code, reason = "only described; the body is read field by field")]
struct CampaignBody {
    /// `Untitled Campaign` if it is not given.
    #[schema(example = "Spring", max_length = 500)]
    name: Option<String>,
    client_id: Option<u64>,
}

/// A campaign was created, in the state `DRAFTED`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CreatedCampaign)]
#[expect(clippy::struct_field_names, reason = "the shape is the reference's")]
struct Created {
    ok: bool,
    id: u64,
    name: String,
    created_at: String,
}

/// A state to set.
#[derive(Debug, ToSchema)]
#[schema(as = StatusBody)]
#[expect(dead_code, reason = "only described; the body is read field by field")]
struct StatusBody {
    /// `START`, `PAUSED` or `STOPPED`, which is for good. `ACTIVE` means `START`.
    #[schema(example = "START")]
    status: String,
}

/// Which campaigns to list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only described; the query is read field by field")]
struct Filters {
    /// How many to leave out at the beginning.
    offset: Option<u64>,
    /// How many at most, 1 to 1,000.
    limit: Option<u64>,
    client_id: Option<u64>,
}

/// Reads the name of a campaign.
pub(crate) fn name(fields: &mut Fields<'_>) -> Option<String> {
    let rule = "give a text of 1 to 500 bytes";
    fields.optional("name", rule, |value| {
        let name = value.as_str()?.trim();
        (!name.is_empty() && name.len() <= NAME_MAX).then(|| name.to_owned())
    })
}

/// Creates a campaign in the state `DRAFTED`.
#[utoipa::path(post, path = "/campaigns/create", tag = "campaigns", request_body = CampaignBody,
    responses((status = 200, description = "It was created", body = Created)))]
async fn create(caller: Caller, body: Body) -> Result<Json<Created>, Problem> {
    let (name, client_id) = input::read(&body, |fields| {
        let client_id = fields.optional("client_id", "give the client's number", whole);
        Some((name(fields).unwrap_or_else(|| "Untitled Campaign".to_owned()), client_id))
    })?;
    let now =
        Timestamp::try_from(caller.now).map_err(|error| Problem::internal(error.to_string()))?;
    let (created_at, updated_at) = (Some(now), Some(now));
    let record = CampaignRecord {
        name: name.clone(),
        client_id,
        created_at,
        updated_at,
        ..CampaignRecord::default()
    };
    let created = caller.engine.step(|step| {
        let id = free_id(step);
        write(step, id, &record)?;
        let campaign = Campaign::new(CampaignId(id), caller.owner).state(CampaignState::Draft);
        step.add_campaign(campaign, caller.now)?;
        Ok::<u64, Problem>(id)
    });
    let id = created.await?;
    Ok(Json(Created { ok: true, id, name, created_at: instant(now) }))
}

/// Lists the campaigns of the key's owner, by number.
#[utoipa::path(get, path = "/campaigns", tag = "campaigns", params(Filters),
    responses((status = 200, description = "The campaigns", body = Vec<CampaignView>)))]
async fn list(caller: Caller, Params(query): Params) -> Result<Json<Vec<CampaignView>>, Problem> {
    let (page, client) = input::read(&query, |fields| {
        let client = fields.optional("client_id", "give the client's number", whole);
        Some((Page::of(fields, LIST_MAX as u64), client))
    })?;
    let views = caller.engine.look(|engine, documents| {
        let own = engine.campaigns().filter(|campaign| campaign.owner == caller.owner);
        let records = own.map(|campaign| (campaign, record(documents, campaign.id)));
        let taken = records.filter(|(_, record)| client.is_none() || record.client_id == client);
        page.cut(taken).map(|(own, record)| campaign_view::campaign(own, &record)).collect()
    });
    Ok(Json(views))
}

/// Shows one campaign.
#[utoipa::path(get, path = "/campaigns/{campaign_id}", tag = "campaigns",
    params(("campaign_id" = u64, Path)),
    responses((status = 200, description = "The campaign", body = CampaignView)))]
async fn get(caller: Caller, Id(id): Id) -> Result<Json<CampaignView>, Problem> {
    let view = caller.engine.look(|engine, documents| {
        let campaign = records::campaign(engine, caller.owner, id)?;
        Some(campaign_view::campaign(campaign, &record(documents, campaign.id)))
    });
    view.map(Json).ok_or(Problem::NOT_FOUND)
}

/// Deletes a campaign. Its accounts stay; reservations that are out can still be settled.
#[utoipa::path(delete, path = "/campaigns/{campaign_id}", tag = "campaigns",
    params(("campaign_id" = u64, Path)),
    responses((status = 200, description = "It was deleted", body = Said)))]
async fn delete(caller: Caller, Id(id): Id) -> Result<Json<Said>, Problem> {
    let deleted = caller.engine.step(|step| {
        records::campaign(step, caller.owner, id).ok_or(Problem::NOT_FOUND)?;
        let campaign = CampaignId(id);
        let accounts: Vec<_> = step.attached(campaign).collect();
        step.delete_campaign(campaign, caller.now)?;
        records::remove(step, Kind::Campaign, id);
        spacing::update(step, accounts, caller.now)
    });
    deleted.await?;
    Ok(Json(Said::new("Campaign deleted successfully")))
}

/// Starts, pauses or stops a campaign.
#[utoipa::path(post, path = "/campaigns/{campaign_id}/status", tag = "campaigns",
    params(("campaign_id" = u64, Path)), request_body = StatusBody,
    responses((status = 200, description = "The state is set", body = Said)))]
pub(crate) async fn set_status(
    caller: Caller,
    Id(id): Id,
    body: Body,
) -> Result<Json<Said>, Problem> {
    let state = input::read(&body, |fields| {
        fields.required("status", "give START, PAUSED or STOPPED", |value| {
            match value.as_str()?.trim().to_ascii_uppercase().as_str() {
                "ACTIVE" | "START" => Some(CampaignState::Active),
                "PAUSED" => Some(CampaignState::Paused),
                "STOPPED" => Some(CampaignState::Stopped),
                _ => None,
            }
        })
    })?;
    let set = caller.engine.step(|step| {
        let campaign = records::campaign(step, caller.owner, id).ok_or(Problem::NOT_FOUND)?;
        let campaign = campaign.clone().state(state);
        touch(step, id, caller.now)?;
        step.change_campaign(campaign, caller.now)?;
        let attached: Vec<_> = step.attached(CampaignId(id)).collect();
        spacing::update(step, attached, caller.now)
    });
    set.await?;
    Ok(Json(Said::new("Campaign status updated successfully")))
}

fn touch(step: &mut Step<'_>, id: u64, now: chrono::DateTime<chrono::Utc>) -> Result<(), Problem> {
    let mut record = record(step.documents(), CampaignId(id));
    record.updated_at = Timestamp::try_from(now).ok();
    write(step, id, &record)
}

pub(crate) fn write(step: &mut Step<'_>, id: u64, record: &CampaignRecord) -> Result<(), Problem> {
    records::save(step, Kind::Campaign, id, record)
        .map_err(|error| Problem::internal(error.to_string()))
}

/// What is kept of a campaign.
pub(crate) fn record(documents: &Documents, id: CampaignId) -> CampaignRecord {
    records::load(documents, Kind::Campaign, id.0).unwrap_or_default()
}

/// A number that no campaign has, also none that another program added to the same store.
fn free_id(step: &mut Step<'_>) -> u64 {
    loop {
        let id = records::next_id(step, Kind::Campaign);
        if step.campaign(CampaignId(id)).is_none() {
            return id;
        }
    }
}
