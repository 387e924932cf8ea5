//! Calls about one lead, and the figures of a campaign's mailboxes.

use axum::Json;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::caller::Caller;
use crate::http::calls::accounts;
use crate::http::input::{self, Body, Id, Page, Params};
use crate::http::problem::Problem;
use crate::http::records;
use crate::http::service::Service;
use crate::import::fields::{Fields, whole};
use crate::vocab::{AccountId, CampaignId, CivilDay, LeadId, Timestamp, Zone};

pub(crate) fn router() -> OpenApiRouter<Service> {
    OpenApiRouter::new().routes(routes!(move_lead)).routes(routes!(statistics))
}

/// The most rows of statistics at once, as the reference has it.
const ROWS_MAX: u64 = 20;

/// A lead to give to an account.
#[derive(Debug, ToSchema)]
#[schema(as = LeadBody)]
#[expect(dead_code, reason = "only described; the body is read field by field")]
struct LeadBody {
    email_account_id: u64,
    email_campaign_id: u64,
    email_lead_id: u64,
    /// Whether a lead that another account wrote to is moved all the same; true if it is not given.
    override_lead_email_account: Option<bool>,
}

/// The lead belongs to the account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LeadMoved)]
struct Moved {
    success: bool,
    message: &'static str,
}

/// Of which days.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only described; the query is read field by field")]
struct Filters {
    offset: Option<u64>,
    /// How many at most, 1 to 20.
    limit: Option<u64>,
    /// The first day, such as `2026-11-20`; with it, `end_date` must be given.
    start_date: Option<String>,
    end_date: Option<String>,
    /// Where the days are counted; UTC if it is not given.
    time_zone: Option<String>,
}

/// The figures of a campaign's mailboxes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MailboxStatistics)]
struct Statistics {
    ok: bool,
    data: Vec<Row>,
}

/// The figures of one mailbox.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MailboxStatisticsRow)]
struct Row {
    email_account_id: u64,
    from_email: String,
    from_name: Option<String>,
    /// Sent on the account's present civil day over all campaigns; null if the days that are asked
    /// for do not hold the present one.
    sent_count: Option<u32>,
    /// What is left of that day's allowance.
    remaining_count: Option<u32>,
}

/// Gives a lead to an account.
#[utoipa::path(post, path = "/campaigns/update-lead-email-account", tag = "pool",
    request_body = LeadBody,
    responses((status = 200, description = "The lead belongs to the account", body = Moved)))]
async fn move_lead(caller: Caller, body: Body) -> Result<Json<Moved>, Problem> {
    let rule = "give a number";
    let (account, campaign, lead, moves) = input::read(&body, |fields| {
        let mut number = |name: &str, other: &str| {
            if fields.given(name).is_none() && fields.given(other).is_some() {
                return fields.optional(other, rule, whole);
            }
            fields.required(name, rule, whole)
        };
        let account = number("email_account_id", "account_id");
        let campaign = number("email_campaign_id", "campaign_id");
        let lead = number("email_lead_id", "lead_id");
        let moves = fields.flag("override_lead_email_account").unwrap_or(true);
        Some((account?, campaign?, lead?, moves))
    })?;
    let done = caller.engine.step(|step| {
        records::campaign(step, caller.owner, campaign).ok_or(Problem::NOT_FOUND)?;
        let own = records::account(step, caller.owner, account);
        own.ok_or_else(|| Problem::no_accounts([AccountId(account)]))?;
        let (campaign, account, lead) = (CampaignId(campaign), AccountId(account), LeadId(lead));
        let bound = step.lead_account(campaign, lead).filter(|bound| *bound != account);
        if let (Some(bound), false) = (bound, moves) {
            let error = format!(
                "lead {lead} belongs to account {bound}; set override_lead_email_account to move it"
            );
            return Err(Problem::conflict("lead_elsewhere", error));
        }
        step.bind_lead(campaign, lead, account, caller.now).map_err(Problem::from)
    });
    done.await?;
    Ok(Json(Moved { success: true, message: "Lead email account updated" }))
}

/// Shows what each mailbox of a campaign has sent and may still send.
#[utoipa::path(get, path = "/campaigns/{campaign_id}/mailbox-statistics", tag = "pool",
    params(("campaign_id" = u64, Path), Filters),
    responses((status = 200, description = "The figures", body = Statistics)))]
async fn statistics(
    caller: Caller,
    Id(id): Id,
    Params(query): Params,
) -> Result<Json<Statistics>, Problem> {
    let (page, days) = input::read(&query, |fields| {
        let page = Page::of(fields, ROWS_MAX);
        Some((page, range(fields)))
    })?;
    let now = Timestamp::try_from(caller.now).unwrap_or(Timestamp::EPOCH);
    let present =
        days.is_none_or(|(zone, first, last)| (first..=last).contains(&zone.civil_day(now)));
    let data = caller.engine.look(|engine, documents| {
        let campaign = records::campaign(engine, caller.owner, id)?;
        let rows = page.cut(engine.attached(campaign.id)).filter_map(|id| {
            let account = engine.account(id)?;
            let standing = engine.standing(id, caller.now).ok().filter(|_| present);
            let name = accounts::record(documents, account).fields.get("from_name").cloned();
            Some(Row {
                email_account_id: id.0,
                from_email: account.address.clone(),
                from_name: name.and_then(|name| name.as_str().map(str::to_owned)),
                sent_count: standing.as_ref().map(|standing| standing.sent),
                remaining_count: standing.as_ref().map(crate::rotation::Standing::headroom),
            })
        });
        Some(rows.collect())
    });
    let data = data.ok_or(Problem::NOT_FOUND)?;
    Ok(Json(Statistics { ok: true, data }))
}

/// Reads the days: both ends or neither.
fn range(fields: &mut Fields<'_>) -> Option<(Zone, CivilDay, CivilDay)> {
    let day = |value: &Value| value.as_str()?.parse::<CivilDay>().ok();
    let rule = "give a day such as 2026-11-20";
    let first = fields.optional("start_date", rule, day);
    let last = fields.optional("end_date", rule, day);
    for (name, other) in [("start_date", "end_date"), ("end_date", "start_date")] {
        if fields.given(name).is_none() && fields.given(other).is_some() {
            fields.wrong(name, &format!("give both or neither of it and {other}"));
        }
    }
    let rule = "give a zone such as Europe/Madrid";
    let zone = fields.optional("time_zone", rule, |value| value.as_str()?.trim().parse().ok());
    if first > last && last.is_some() {
        fields.wrong("end_date", "give a day that is not before start_date");
    }
    Some((zone.unwrap_or(Zone::UTC), first?, last?))
}
