//! Accounts as they are written on the wire, in the shape that the reference documents.
//!
//! Writes what is known and leaves `null` what is not. Passwords are never known.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::http::calendar::instant;
use crate::http::records::AccountRecord;
use crate::http::shapes::rotation_view::{self, RotationView};
use crate::policy::{Account, Link, Provider};
use crate::rotation::Engine;
use crate::vocab::CampaignId;

/// An account.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = EmailAccount)]
#[expect(clippy::struct_excessive_bools, reason = "the shape is the reference's")]
pub(crate) struct AccountView {
    id: u64,
    created_at: Option<String>,
    updated_at: Option<String>,
    user_id: u64,
    from_name: Option<String>,
    from_email: String,
    username: Option<String>,
    /// Always null: passwords are not kept.
    password: Option<String>,
    smtp_host: Option<String>,
    smtp_port: Option<u64>,
    smtp_port_type: Option<String>,
    imap_host: Option<String>,
    imap_port: Option<u64>,
    imap_port_type: Option<String>,
    imap_username: Option<String>,
    /// Always null: passwords are not kept.
    imap_password: Option<String>,
    is_different_imap_account: bool,
    different_reply_to_address: Option<String>,
    signature: Option<String>,
    custom_tracking_domain: Option<String>,
    bcc_email: Option<String>,
    /// `GMAIL`, `OUTLOOK` or `SMTP`.
    r#type: &'static str,
    client_id: Option<u64>,
    campaign_count: usize,
    /// Only with `fetch_campaigns=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    campaign_ids: Option<Vec<u64>>,
    /// The most emails in a civil day.
    message_per_day: u32,
    /// Sent on the account's present civil day.
    daily_sent_count: u32,
    #[serde(rename = "minTimeToWaitInMins")]
    min_time_to_wait_in_mins: u64,
    is_smtp_success: bool,
    is_imap_success: bool,
    smtp_failure_error: Option<String>,
    imap_failure_error: Option<String>,
    is_suspended: bool,
    /// The zone of its civil days; not in the reference.
    timezone: &'static str,
    /// The operator's share of turns; not in the reference.
    weight: u8,
    /// How it takes part in the rotation; not in the reference.
    rotation: RotationView,
    #[schema(value_type = Vec<Value>)]
    tags: Vec<Value>,
    warmup_details: Option<WarmupView>,
}

/// What is known of an account's warm-up and its reputation.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = WarmupDetails)]
pub(crate) struct WarmupView {
    /// `ACTIVE` or `INACTIVE`.
    status: &'static str,
    warmup_created_at: Option<String>,
    /// Such as `95%`; null if unknown.
    warmup_reputation: Option<String>,
    reply_rate: Option<u64>,
    is_warmup_blocked: bool,
    blocked_reason: Option<String>,
    warmup_max_count: Option<u64>,
    total_sent_count: u64,
    total_spam_count: u64,
}

/// An account in the list of a campaign.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = CampaignEmailAccount)]
pub(crate) struct MemberView {
    #[serde(flatten)]
    account: AccountView,
    warmup_enabled: bool,
    /// Such as `95%`; null if unknown.
    warmup_reputation: Option<String>,
}

/// `GMAIL`, `OUTLOOK` or `SMTP`.
pub(crate) const fn kind(provider: Provider) -> &'static str {
    match provider {
        Provider::Google => "GMAIL",
        Provider::Microsoft => "OUTLOOK",
        Provider::Other | Provider::Ses | Provider::Yahoo | Provider::Zoho => "SMTP",
    }
}

pub(crate) fn account(
    engine: &Engine,
    account: &Account,
    record: &AccountRecord,
    sent: u32,
) -> AccountView {
    let fields = &record.fields;
    let words = |link: &Link| link.words().map(str::to_owned);
    AccountView {
        id: account.id.0,
        created_at: record.created_at.map(instant),
        updated_at: record.updated_at.map(instant),
        user_id: account.owner.0,
        from_name: text(fields, "from_name"),
        from_email: account.address.clone(),
        username: text(fields, "username").or_else(|| Some(account.address.clone())),
        password: None,
        smtp_host: text(fields, "smtp_host"),
        smtp_port: number(fields, "smtp_port"),
        smtp_port_type: text(fields, "smtp_port_type"),
        imap_host: text(fields, "imap_host"),
        imap_port: number(fields, "imap_port"),
        imap_port_type: text(fields, "imap_port_type"),
        imap_username: text(fields, "imap_username"),
        imap_password: None,
        is_different_imap_account: flag(fields, "is_different_imap_account"),
        different_reply_to_address: text(fields, "different_reply_to_address"),
        signature: text(fields, "signature"),
        custom_tracking_domain: text(fields, "custom_tracking_domain"),
        bcc_email: text(fields, "bcc_email"),
        r#type: kind(account.provider),
        client_id: record.client_id,
        campaign_count: engine.campaigns_of(account.id).count(),
        campaign_ids: None,
        message_per_day: account.daily_cap,
        daily_sent_count: sent,
        min_time_to_wait_in_mins: record.spacing_minutes,
        is_smtp_success: account.connection.smtp == Link::Verified,
        is_imap_success: account.connection.imap == Link::Verified,
        smtp_failure_error: words(&account.connection.smtp),
        imap_failure_error: words(&account.connection.imap),
        is_suspended: account.suspended,
        timezone: account.zone.name(),
        weight: account.weight.value(),
        rotation: rotation_view::rotation(account),
        tags: record.tags.clone(),
        warmup_details: warmup(account, record),
    }
}

fn warmup(account: &Account, record: &AccountRecord) -> Option<WarmupView> {
    if account.warmup.is_none() && account.reputation.is_none() && record.warmup.is_empty() {
        return None;
    }
    let blocked = account.warmup.as_ref().and_then(|warmup| warmup.blocked.clone());
    Some(WarmupView {
        status: if record.warms_up(account) { "ACTIVE" } else { "INACTIVE" },
        warmup_created_at: account
            .warmup
            .as_ref()
            .and_then(|warmup| warmup.started_at.map(instant)),
        warmup_reputation: reputation(account),
        reply_rate: number(&record.warmup, "reply_rate_percentage"),
        is_warmup_blocked: blocked.is_some(),
        blocked_reason: blocked,
        warmup_max_count: number(&record.warmup, "total_warmup_per_day"),
        total_sent_count: 0,
        total_spam_count: 0,
    })
}

fn reputation(account: &Account) -> Option<String> {
    account.reputation.map(|standpoint| format!("{}%", standpoint.value.value()))
}

/// The account as a member of a campaign.
pub(crate) fn member(view: AccountView) -> MemberView {
    let details = view.warmup_details.as_ref();
    let warmup_enabled = details.is_some_and(|details| details.status == "ACTIVE");
    let warmup_reputation = details.and_then(|details| details.warmup_reputation.clone());
    MemberView { account: view, warmup_enabled, warmup_reputation }
}

impl AccountView {
    /// Names the campaigns too.
    pub(crate) fn with_campaigns(mut self, campaigns: impl Iterator<Item = CampaignId>) -> Self {
        self.campaign_ids = Some(campaigns.map(|id| id.0).collect());
        self
    }

    /// Leaves the tags out.
    pub(crate) fn without_tags(mut self) -> Self {
        self.tags.clear();
        self
    }
}

fn text(fields: &Map<String, Value>, name: &str) -> Option<String> {
    fields.get(name)?.as_str().map(str::to_owned)
}

fn number(fields: &Map<String, Value>, name: &str) -> Option<u64> {
    fields.get(name)?.as_u64()
}

fn flag(fields: &Map<String, Value>, name: &str) -> bool {
    fields.get(name).and_then(Value::as_bool).unwrap_or(false)
}
