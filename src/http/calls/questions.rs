//! Questions about the present and the future: usage, explain, preview, forecast.
//!
//! Nothing here changes anything. What may take long is asked on a thread for such work.

use axum::Json;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::calendar::instant;
use crate::http::caller::Caller;
use crate::http::input::{self, Id, LIST_MAX, PAGE_MAX, Page, Params};
use crate::http::problem::Problem;
use crate::http::records;
use crate::http::service::Service;
use crate::http::shapes::reservation_view::{self, CandidateView, ReasonView};
use crate::http::shapes::standing_view::{self, StandingView};
use crate::import::fields::{Fields, whole};
use crate::rotation::Engine;
use crate::vocab::{AccountId, CampaignId, Span, Timestamp};

pub(crate) fn router() -> OpenApiRouter<Service> {
    OpenApiRouter::new()
        .routes(routes!(usage))
        .routes(routes!(standing))
        .routes(routes!(explain))
        .routes(routes!(preview))
        .routes(routes!(forecast))
}

const PREVIEW_MAX: u64 = 1_000;
const FORECAST_MAX: u64 = 20_000;
const DAYS_MAX: u64 = 400;

/// What holds a campaign and each of its accounts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Explanation)]
struct ExplanationView {
    at: String,
    campaign: Vec<ReasonView>,
    candidates: Vec<CandidateView>,
}

/// The next emails, if nothing else happens.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Preview)]
struct PreviewView {
    emails: Vec<PlannedView>,
}

/// An email that would go.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Planned)]
struct PlannedView {
    at: String,
    email_account_id: u64,
    /// What keeps the account from the next one.
    held: Option<ReasonView>,
}

/// How a number of emails would go out.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Forecast)]
struct ForecastView {
    /// How many would go within the days that were asked for.
    emails: u64,
    /// When the last of them would; null if not all would.
    finished_at: Option<String>,
    days: Vec<DayView>,
    /// For how long the campaign as a whole would wait, by what it waits for.
    waits: Vec<HeldView>,
}

/// What one account would send on one of its civil days.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ForecastDay)]
struct DayView {
    day: String,
    email_account_id: u64,
    emails: u32,
}

/// For how long something holds.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ForecastWait)]
struct HeldView {
    code: &'static str,
    seconds: u64,
}

/// Which accounts to show.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only described; the query is read field by field")]
struct UsageQuery {
    offset: Option<u64>,
    /// How many at most, 1 to 100.
    limit: Option<u64>,
}

/// When.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only described; the query is read field by field")]
struct ExplainQuery {
    /// An instant such as `2026-11-20T09:00:00Z`, not a past one; now if it is not given.
    at: Option<String>,
    offset: Option<u64>,
    /// How many accounts at most, 1 to 1,000.
    limit: Option<u64>,
}

/// How many.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only described; the query is read field by field")]
struct PreviewQuery {
    /// How many emails, 1 to 1,000; 10 if it is not given.
    n: Option<u64>,
}

/// How many, and how far.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only described; the query is read field by field")]
struct ForecastQuery {
    /// How many emails, 1 to 20,000; 1,000 if it is not given.
    emails: Option<u64>,
    /// How many days ahead, 1 to 400; 30 if it is not given.
    days: Option<u64>,
}

/// Asks the engine on a thread for what may take long.
async fn aside<T: Send + 'static>(
    caller: Caller,
    question: impl FnOnce(&Engine, &Caller) -> Result<T, Problem> + Send + 'static,
) -> Result<Json<T>, Problem> {
    caller.aside(|caller| caller.engine.look(|engine, _| question(engine, caller))).await
}

fn campaign(engine: &Engine, caller: &Caller, id: u64) -> Result<CampaignId, Problem> {
    let campaign = records::campaign(engine, caller.owner, id);
    campaign.map(|campaign| campaign.id).ok_or(Problem::NOT_FOUND)
}

/// Shows how each of the owner's accounts stands, by number.
#[utoipa::path(get, path = "/rotation/usage", tag = "rotation", params(UsageQuery),
    responses((status = 200, description = "How they stand", body = Vec<StandingView>)))]
async fn usage(caller: Caller, Params(query): Params) -> Result<Json<Vec<StandingView>>, Problem> {
    let page = input::read(&query, |fields| {
        fields.only(&["offset", "limit"]);
        Some(Page::of(fields, PAGE_MAX))
    })?;
    aside(caller, move |engine, caller| {
        let own = engine.accounts().filter(|account| account.owner == caller.owner);
        let standings = page.cut(own).map(|account| {
            let standing = engine.standing(account.id, caller.now)?;
            Ok(standing_view::standing(engine, &standing))
        });
        standings.collect()
    })
    .await
}

/// Shows how an account stands, whatever campaign asks.
#[utoipa::path(get, path = "/rotation/email-accounts/{email_account_id}/standing",
    tag = "rotation", params(("email_account_id" = u64, Path)),
    responses((status = 200, description = "How it stands", body = StandingView)))]
async fn standing(caller: Caller, Id(id): Id) -> Result<Json<StandingView>, Problem> {
    aside(caller, move |engine, caller| {
        records::account(engine, caller.owner, id).ok_or(Problem::NOT_FOUND)?;
        let standing = engine.standing(AccountId(id), caller.now)?;
        Ok(standing_view::standing(engine, &standing))
    })
    .await
}

/// Explains what holds a campaign and each of its accounts from sending to a new lead.
#[utoipa::path(get, path = "/rotation/campaigns/{campaign_id}/explain", tag = "rotation",
    params(("campaign_id" = u64, Path), ExplainQuery),
    responses((status = 200, description = "What holds them", body = ExplanationView)))]
async fn explain(
    caller: Caller,
    Id(id): Id,
    Params(query): Params,
) -> Result<Json<ExplanationView>, Problem> {
    let (page, at) = input::read(&query, |fields| {
        fields.only(&["offset", "limit", "at"]);
        Some((Page::of(fields, LIST_MAX as u64), fields.instant("at")))
    })?;
    aside(caller, move |engine, caller| {
        let campaign = campaign(engine, caller, id)?;
        let at = asked_at(engine, caller, at)?;
        let explanation = engine.explain(campaign, at)?;
        let blocks = explanation.campaign.iter();
        Ok(ExplanationView {
            at: Timestamp::try_from(at).map(instant).unwrap_or_default(),
            campaign: blocks.map(|block| reservation_view::reason(None, block)).collect(),
            candidates: page
                .cut(explanation.candidates.iter())
                .map(reservation_view::candidate)
                .collect(),
        })
    })
    .await
}

/// The instant that is asked about, which cannot be past: the present as it is known, if none is
/// given.
fn asked_at(
    engine: &Engine,
    caller: &Caller,
    given: Option<Timestamp>,
) -> Result<DateTime<Utc>, Problem> {
    let seen = engine.seen().unwrap_or(Timestamp::MIN);
    let Some(at) = given else { return Ok(caller.now.max(seen.to_datetime())) };
    if at < seen {
        let message = format!("is before {seen}, up to when things are known; give a later one");
        return Err(Problem::field("at", message));
    }
    let last = seen.plus(engine.config().leap_max);
    if seen > Timestamp::MIN && at > last {
        let message = format!("is too far ahead; give an instant up to {last}");
        return Err(Problem::field("at", message));
    }
    Ok(at.to_datetime())
}

/// A number of a query within its range, or what it is if it is not given.
fn number(fields: &mut Fields<'_>, name: &str, usual: u64, most: u64) -> u64 {
    let rule = format!("give a whole number from 1 to {most}");
    let read = |value: &Value| whole(value).filter(|n| (1..=most).contains(n));
    fields.optional(name, &rule, read).unwrap_or(usual)
}

/// Previews the next emails to new leads, each sent the moment it may be. Changes nothing.
#[utoipa::path(get, path = "/rotation/campaigns/{campaign_id}/preview", tag = "rotation",
    params(("campaign_id" = u64, Path), PreviewQuery),
    responses((status = 200, description = "The next emails", body = PreviewView)))]
async fn preview(
    caller: Caller,
    Id(id): Id,
    Params(query): Params,
) -> Result<Json<PreviewView>, Problem> {
    let n = input::read(&query, |fields| {
        fields.only(&["n"]);
        Some(number(fields, "n", 10, PREVIEW_MAX))
    })?;
    aside(caller, move |engine, caller| {
        let campaign = campaign(engine, caller, id)?;
        let n = usize::try_from(n).unwrap_or(usize::MAX);
        let planned = engine.preview(campaign, n, caller.now)?;
        let emails = planned.iter().map(|email| PlannedView {
            at: instant(email.at),
            email_account_id: email.account.0,
            held: email.held.map(|block| reservation_view::reason(Some(email.account), &block)),
        });
        Ok(PreviewView { emails: emails.collect() })
    })
    .await
}

/// Forecasts how emails to new leads would go out. Changes nothing.
#[utoipa::path(get, path = "/rotation/campaigns/{campaign_id}/forecast", tag = "rotation",
    params(("campaign_id" = u64, Path), ForecastQuery),
    responses((status = 200, description = "How they would go", body = ForecastView)))]
async fn forecast(
    caller: Caller,
    Id(id): Id,
    Params(query): Params,
) -> Result<Json<ForecastView>, Problem> {
    let (emails, days) = input::read(&query, |fields| {
        fields.only(&["emails", "days"]);
        let emails = number(fields, "emails", 1_000, FORECAST_MAX);
        Some((emails, number(fields, "days", 30, DAYS_MAX)))
    })?;
    aside(caller, move |engine, caller| {
        let campaign = campaign(engine, caller, id)?;
        let forecast = engine.forecast(campaign, emails, Span::days(days), caller.now)?;
        let rows = forecast.days.iter().map(|day| DayView {
            day: day.day.to_string(),
            email_account_id: day.account.0,
            emails: day.emails,
        });
        let waits = forecast
            .waits
            .iter()
            .map(|(reason, span)| HeldView { code: reason.code(), seconds: span.as_ms() / 1_000 });
        Ok(ForecastView {
            emails: forecast.emails,
            finished_at: forecast.finished_at.map(instant),
            days: rows.collect(),
            waits: waits.collect(),
        })
    })
    .await
}
