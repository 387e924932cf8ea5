//! Calls about an account's warm-up, which another service does: its settings, which are kept and
//! shown, and what is known of it.
//!
//! The engine sends no warm-up mail and counts none. Whether what was sent counts against the daily
//! cap is a setting of the account's rotation.

use axum::Json;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::caller::Caller;
use crate::http::calls::accounts;
use crate::http::input::{self, Body, Id};
use crate::http::problem::Problem;
use crate::http::records;
use crate::http::service::Service;
use crate::http::shapes::answers::Said;
use crate::import::fields::whole;

pub(crate) fn router() -> OpenApiRouter<Service> {
    OpenApiRouter::new().routes(routes!(set)).routes(routes!(stats))
}

/// The settings of a warm-up. What is not given stays.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "only described; the body is read field by field")]
struct WarmupBody {
    warmup_enabled: Option<bool>,
    /// Warm-up emails a day, 1 to 50.
    total_warmup_per_day: Option<u64>,
    /// How many more each day, 5 to 20.
    daily_rampup: Option<u64>,
    /// How many of them are answered, 20 to 100 percent.
    reply_rate_percentage: Option<u64>,
}

/// The numbers of a warm-up with the ranges that the reference takes.
const RANGES: [(&str, u64, u64); 3] =
    [("daily_rampup", 5, 20), ("reply_rate_percentage", 20, 100), ("total_warmup_per_day", 1, 50)];

/// What is known of an account's warm-up.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WarmupStats)]
struct WarmupStats {
    /// Of warm-up emails; the engine sends and counts none.
    total_sent: u64,
    spam_count: u64,
    /// In percent; null if unknown.
    reputation_score: Option<u8>,
    /// Empty, since nothing is known of single days.
    #[schema(value_type = Vec<Value>)]
    daily_stats: [Value; 0],
}

/// Keeps the settings of an account's warm-up, which another service does.
#[utoipa::path(post, path = "/email-accounts/{email_account_id}/warmup", tag = "email-accounts",
    operation_id = "post_email_accounts_warmup",
    params(("email_account_id" = u64, Path)), request_body = WarmupBody,
    responses((status = 200, description = "They are kept", body = Said)))]
async fn set(caller: Caller, Id(id): Id, body: Body) -> Result<Json<Said>, Problem> {
    let settings = read(&body)?;
    caller.engine.step(|step| accounts::change(step, &caller, id, &settings)).await?;
    Ok(Json(Said::new("Warmup settings updated successfully")))
}

/// Shows what is known of an account's warm-up: its reputation.
#[utoipa::path(get, path = "/email-accounts/{email_account_id}/warmup-stats",
    tag = "email-accounts", operation_id = "get_email_accounts_warmup_stats",
    params(("email_account_id" = u64, Path)),
    responses((status = 200, description = "What is known", body = WarmupStats)))]
async fn stats(caller: Caller, Id(id): Id) -> Result<Json<WarmupStats>, Problem> {
    let known = caller.engine.look(|engine, _| {
        let account = records::account(engine, caller.owner, id)?;
        let reputation_score = account.reputation.map(|standpoint| standpoint.value.value());
        Some(WarmupStats { total_sent: 0, spam_count: 0, reputation_score, daily_stats: [] })
    });
    known.map(Json).ok_or(Problem::NOT_FOUND)
}

/// The settings that are given, each within its range.
fn read(body: &Map<String, Value>) -> Result<Map<String, Value>, Problem> {
    input::read(body, |fields| {
        let mut settings = Map::new();
        if let Some(enabled) = fields.flag("warmup_enabled") {
            settings.insert("warmup_enabled".to_owned(), enabled.into());
        }
        for (name, least, most) in RANGES {
            let rule = format!("give a whole number from {least} to {most}");
            let number = fields.optional(name, &rule, |value| {
                whole(value).filter(|number| (least..=most).contains(number))
            });
            settings.extend(number.map(|number| (name.to_owned(), number.into())));
        }
        Some(settings)
    })
}
