//! A campaign's schedule and settings, as callers write them.
//!
//! What the engine knows a rule for is handed to it; the rest is kept and shown again, and decides
//! nothing.

use axum::Json;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::calendar::{WEEK, days};
use crate::http::caller::Caller;
use crate::http::calls::campaigns;
use crate::http::input::{self, Body, Id};
use crate::http::problem::{Detail, Problem};
use crate::http::records::{self, CampaignRecord, ScheduleRecord};
use crate::http::service::Service;
use crate::http::shapes::answers::Said;
use crate::http::spacing;
use crate::import::fields::{Fields, given, whole};
use crate::policy::{Campaign, Schedule, ScheduleError};
use crate::vocab::{CampaignId, Timestamp, Zone};

pub(crate) fn router() -> OpenApiRouter<Service> {
    OpenApiRouter::new().routes(routes!(set_schedule)).routes(routes!(set_settings))
}

const DAYS: [&str; 3] = ["days", "days_of_the_week", "days_of_week"];
const SPACING: [&str; 3] =
    ["min_time_btw_emails", "min_time_btwn_emails", "min_time_between_emails"];
const LEADS: [&str; 3] = ["max_leads_per_day", "max_new_leads_per_day", "sending_limit"];
/// Settings that are a yes or a no.
const FLAGS: [&str; 7] = [
    "add_unsubscribe_tag",
    "auto_pause_domain_leads_on_reply",
    "domain_level_rate_limit",
    "enable_ai_esp_matching",
    "force_plain_text",
    "ignore_ss_mailbox_sending_limit",
    "send_as_plain_text",
];
/// Settings that are texts.
const TEXTS: [&str; 3] = ["bounce_autopause_threshold", "stop_lead_settings", "unsubscribe_text"];
/// Settings of any other shape.
const OTHERS: [&str; 3] =
    ["ai_categorisation_options", "out_of_office_detection_settings", "track_settings"];
/// The most bytes of one setting.
const SETTING_MAX: usize = 10_000;

/// When a campaign sends.
#[derive(Debug, ToSchema)]
#[schema(as = ScheduleBody)]
#[expect(dead_code, reason = "only described; the body is read field by field")]
struct ScheduleBody {
    /// May also stand at the top, without this object around it.
    schedule: ScheduleFields,
}

#[derive(Debug, ToSchema)]
#[schema(as = Schedule)]
#[expect(dead_code, reason = "only described; the body is read field by field")]
struct ScheduleFields {
    #[schema(example = "Europe/Madrid")]
    timezone: String,
    /// Days of the week, 0 for Sunday. Also `days_of_the_week`.
    #[schema(example = json!([1, 2, 3, 4, 5]))]
    days: Vec<u8>,
    #[schema(example = "09:00")]
    start_hour: String,
    /// Up to `24:00`; before the start it is on the next day.
    #[schema(example = "17:00")]
    end_hour: String,
    /// The least minutes between two sends of an account; the longest that any of its campaigns or
    /// the account itself asks for holds.
    #[schema(maximum = 44_640)]
    min_time_btw_emails: Option<u64>,
    /// The most new leads in a day of the campaign's zone.
    max_new_leads_per_day: Option<u32>,
}

/// Settings of a campaign. What is not given stays.
#[derive(Debug, ToSchema)]
#[schema(as = SettingsBody)]
#[expect(dead_code, reason = "only described; the body is read field by field")]
struct SettingsBody {
    #[schema(max_length = 500)]
    name: Option<String>,
    client_id: Option<u64>,
    /// The most new leads in a day, also `sending_limit`.
    max_leads_per_day: Option<u32>,
    /// The most emails in a day over all accounts, null for no such cap; not in the reference.
    daily_cap: Option<u32>,
    /// The least minutes between two sends of an account.
    #[schema(maximum = 44_640)]
    min_time_btwn_emails: Option<u64>,
    /// Kept, and decides nothing.
    #[schema(maximum = 100)]
    follow_up_percentage: Option<u64>,
    /// Kept, and decides nothing.
    enable_ai_esp_matching: Option<bool>,
    /// Kept, and decides nothing.
    bounce_autopause_threshold: Option<String>,
    /// Kept, and decides nothing.
    domain_level_rate_limit: Option<bool>,
    /// Kept, and decides nothing.
    send_as_plain_text: Option<bool>,
    /// Kept, and decides nothing.
    stop_lead_settings: Option<String>,
    /// Kept, and decides nothing.
    #[schema(value_type = Option<Value>)]
    track_settings: Option<String>,
}

/// Sets when a campaign sends.
#[utoipa::path(post, path = "/campaigns/{campaign_id}/schedule", tag = "campaigns",
    params(("campaign_id" = u64, Path)), request_body = ScheduleBody,
    responses((status = 200, description = "The schedule is set", body = Said)))]
pub(crate) async fn set_schedule(
    caller: Caller,
    Id(id): Id,
    body: Body,
) -> Result<Json<Said>, Problem> {
    let inner = given(&body, "schedule");
    if inner.is_some_and(|inner| !inner.is_object()) {
        return Err(Problem::field("schedule", "give an object"));
    }
    let fields = inner.and_then(Value::as_object).unwrap_or(&body);
    change(&caller, id, |campaign, record| schedule(fields, campaign, record)).await?;
    Ok(Json(Said::new("Campaign schedule updated successfully")))
}

/// Changes settings of a campaign.
#[utoipa::path(post, path = "/campaigns/{campaign_id}/settings", tag = "campaigns",
    params(("campaign_id" = u64, Path)), request_body = SettingsBody,
    responses((status = 200, description = "The settings are set", body = Said)))]
pub(crate) async fn set_settings(
    caller: Caller,
    Id(id): Id,
    body: Body,
) -> Result<Json<Said>, Problem> {
    change(&caller, id, |campaign, record| settings(&body, campaign, record)).await?;
    Ok(Json(Said::new("Campaign settings updated successfully")))
}

/// Changes a campaign and its record in one step.
async fn change(
    caller: &Caller,
    id: u64,
    work: impl FnOnce(&mut Campaign, &mut CampaignRecord) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let changed = caller.engine.step(|step| {
        let campaign = records::campaign(step, caller.owner, id).ok_or(Problem::NOT_FOUND)?;
        let mut campaign = campaign.clone();
        let mut record = campaigns::record(step.documents(), campaign.id);
        work(&mut campaign, &mut record)?;
        record.updated_at = Timestamp::try_from(caller.now).ok();
        campaigns::write(step, id, &record)?;
        step.change_campaign(campaign, caller.now)?;
        let attached: Vec<_> = step.attached(CampaignId(id)).collect();
        spacing::update(step, attached, caller.now)
    });
    changed.await.map_err(Problem::from)
}

fn schedule(
    body: &Map<String, Value>,
    campaign: &mut Campaign,
    record: &mut CampaignRecord,
) -> Result<(), Problem> {
    let named = ["timezone", "start_hour", "end_hour"].iter().chain(&DAYS);
    let tells_when = named.into_iter().any(|name| given(body, name).is_some());
    let before = record.schedule.clone();
    let limits =
        ["max_new_leads_per_day", "min_time_btw_emails"].iter().chain(&LEADS).chain(&SPACING);
    let tells_limits = limits.into_iter().any(|name| body.contains_key(*name));
    let wanted = input::read(body, |fields| {
        self::limits(fields, body, campaign, record);
        if tells_when || (before.is_none() && !tells_limits) {
            return window(fields, before.as_ref()).map(Some);
        }
        Some(None)
    })?;
    if let Some(schedule) = wanted {
        (campaign.zone, campaign.schedule) = opened(&schedule)?;
        record.schedule = Some(schedule);
    }
    Ok(())
}

/// Reads the window; what is not given is as before.
fn window(fields: &mut Fields<'_>, before: Option<&ScheduleRecord>) -> Option<ScheduleRecord> {
    let text = |fields: &mut Fields<'_>, name: &str, rule: &str, before: Option<&String>| {
        let read = |value: &Value| value.as_str().map(|text| text.trim().to_owned());
        match before {
            Some(before) => {
                Some(fields.optional(name, rule, read).unwrap_or_else(|| before.clone()))
            }
            None => fields.required(name, rule, read),
        }
    };
    let rule = "give a zone such as Europe/Madrid";
    let zone = text(fields, "timezone", rule, before.map(|before| &before.zone));
    let rule = "give a time of day such as 09:00";
    let start = text(fields, "start_hour", rule, before.map(|before| &before.start_hour));
    let end = text(fields, "end_hour", rule, before.map(|before| &before.end_hour));
    let rule = "give a list of 1 to 7 days of the week, 0 for Sunday to 6";
    if before.is_none() && DAYS.iter().all(|name| fields.given(name).is_none()) {
        fields.wrong(DAYS[0], rule);
    }
    let days = input::any_of(fields, &DAYS, |fields, name| fields.optional(name, rule, days));
    let days = days.or_else(|| before.map(|before| before.days.clone()));
    Some(ScheduleRecord { zone: zone?, days: days?, start_hour: start?, end_hour: end? })
}

/// The schedule for the engine.
fn opened(record: &ScheduleRecord) -> Result<(Zone, Schedule), Problem> {
    let mut details = Vec::new();
    let zone: Option<Zone> = record.zone.parse().ok();
    if zone.is_none() {
        details.push(Detail::field("timezone", "is no zone; give one such as Europe/Madrid"));
    }
    let days = record.days.iter().filter_map(|day| WEEK.get(usize::from(*day)));
    let opened = days.into_iter().try_fold(Schedule::closed(), |schedule, day| {
        schedule.open(*day, &record.start_hour, &record.end_hour)
    });
    match (zone, opened) {
        (Some(zone), Ok(schedule)) => Ok((zone, schedule)),
        (_, opened) => {
            if let Err(error) = opened {
                let is_start = match &error {
                    ScheduleError::Empty { .. } => false,
                    ScheduleError::MinuteOutOfRange { .. } => true,
                    ScheduleError::NotATime { text } => *text == record.start_hour,
                };
                let field = if is_start { "start_hour" } else { "end_hour" };
                details.push(Detail::field(field, error.to_string()));
            }
            Err(Problem::invalid(details))
        }
    }
}

/// Reads what both calls may limit.
fn limits(
    fields: &mut Fields<'_>,
    body: &Map<String, Value>,
    campaign: &mut Campaign,
    record: &mut CampaignRecord,
) {
    if let Some(minutes) = input::any_of(fields, &SPACING, Fields::minutes) {
        record.spacing_minutes = minutes;
    }
    match input::any_of(fields, &LEADS, Fields::emails) {
        Some(leads) => campaign.new_lead_cap = Some(leads),
        None if LEADS.iter().any(|name| body.get(*name) == Some(&Value::Null)) => {
            campaign.new_lead_cap = None;
        }
        None => {}
    }
}

fn settings(
    body: &Map<String, Value>,
    campaign: &mut Campaign,
    record: &mut CampaignRecord,
) -> Result<(), Problem> {
    input::read(body, |fields| {
        limits(fields, body, campaign, record);
        if let Some(name) = campaigns::name(fields) {
            record.name = name;
        }
        match (fields.emails("daily_cap"), body.get("daily_cap")) {
            (None, Some(Value::Null)) => campaign.daily_cap = None,
            (None, _) => {}
            (cap, _) => campaign.daily_cap = cap,
        }
        if body.contains_key("client_id") {
            record.client_id = fields.optional("client_id", "give the client's number", whole);
        }
        let mut kept = |name: &str, value: Option<Value>| match value {
            Some(value) => drop(record.settings.insert(name.to_owned(), value)),
            None if body.get(name) == Some(&Value::Null) => drop(record.settings.remove(name)),
            None => {}
        };
        for name in FLAGS {
            kept(name, fields.flag(name).map(Value::Bool));
        }
        for name in TEXTS {
            let rule = "give a text of at most 10000 bytes";
            kept(name, fields.optional(name, rule, |value| value.as_str().and(sized(value))));
        }
        for name in OTHERS {
            kept(name, fields.optional(name, "give at most 10000 bytes", sized));
        }
        let rule = "give a whole number from 0 to 100";
        let percent = fields.optional("follow_up_percentage", rule, |value| {
            whole(value).filter(|percent| *percent <= 100).map(Value::from)
        });
        kept("follow_up_percentage", percent);
        Some(())
    })
}

fn sized(value: &Value) -> Option<Value> {
    (value.to_string().len() <= SETTING_MAX).then(|| value.clone())
}
