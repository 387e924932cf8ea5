//! Campaigns as they are written on the wire, in the shape that the reference documents.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::http::calendar::instant;
use crate::http::records::CampaignRecord;
use crate::policy::{Campaign, CampaignState};

/// A campaign.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Campaign)]
pub(crate) struct CampaignView {
    id: u64,
    user_id: u64,
    created_at: Option<String>,
    updated_at: Option<String>,
    /// `DRAFTED`, `ACTIVE`, `PAUSED` or `STOPPED`.
    status: &'static str,
    name: String,
    #[schema(value_type = Value)]
    track_settings: Value,
    scheduler_cron_value: Option<CronView>,
    /// The least minutes between two sends of an account.
    min_time_btwn_emails: u64,
    /// The most new leads in a day.
    max_leads_per_day: Option<u32>,
    /// The most emails in a day over all accounts; not in the reference.
    daily_cap: Option<u32>,
    stop_lead_settings: Option<String>,
    unsubscribe_text: Option<String>,
    client_id: Option<u64>,
    enable_ai_esp_matching: bool,
    send_as_plain_text: bool,
    follow_up_percentage: Option<u64>,
    parent_campaign_id: Option<u64>,
}

/// When a campaign sends.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SchedulerCronValue)]
pub(crate) struct CronView {
    tz: String,
    /// Days of the week, 0 for Sunday.
    days: Vec<u8>,
    #[serde(rename = "startHour")]
    start_hour: String,
    #[serde(rename = "endHour")]
    end_hour: String,
}

pub(crate) fn campaign(campaign: &Campaign, record: &CampaignRecord) -> CampaignView {
    let settings = &record.settings;
    let schedule = record.schedule.clone().map(|schedule| CronView {
        tz: schedule.zone,
        days: schedule.days,
        start_hour: schedule.start_hour,
        end_hour: schedule.end_hour,
    });
    CampaignView {
        id: campaign.id.0,
        user_id: campaign.owner.0,
        created_at: record.created_at.map(instant),
        updated_at: record.updated_at.map(instant),
        status: status(campaign.state),
        name: record.name.clone(),
        track_settings: settings
            .get("track_settings")
            .cloned()
            .unwrap_or_else(|| Value::Array(vec![])),
        scheduler_cron_value: schedule,
        min_time_btwn_emails: record.spacing_minutes,
        max_leads_per_day: campaign.new_lead_cap,
        daily_cap: campaign.daily_cap,
        stop_lead_settings: text(settings, "stop_lead_settings"),
        unsubscribe_text: text(settings, "unsubscribe_text"),
        client_id: record.client_id,
        enable_ai_esp_matching: flag(settings, "enable_ai_esp_matching"),
        send_as_plain_text: flag(settings, "send_as_plain_text"),
        follow_up_percentage: settings.get("follow_up_percentage").and_then(Value::as_u64),
        parent_campaign_id: None,
    }
}

/// A state in the words of the reference.
pub(crate) const fn status(state: CampaignState) -> &'static str {
    match state {
        CampaignState::Active => "ACTIVE",
        CampaignState::Draft => "DRAFTED",
        CampaignState::Paused => "PAUSED",
        CampaignState::Stopped => "STOPPED",
    }
}

fn text(settings: &Map<String, Value>, name: &str) -> Option<String> {
    settings.get(name)?.as_str().map(str::to_owned)
}

fn flag(settings: &Map<String, Value>, name: &str) -> bool {
    settings.get(name).and_then(Value::as_bool).unwrap_or(false)
}
