//! Shapes that several calls share, and the bodies as the OpenAPI document describes them.
//!
//! Bodies are read field by field and more tolerantly than they are described here.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::shapes::account_view::AccountView;
use crate::http::shapes::rotation_body::RotationBody;

/// A list of accounts.
pub(crate) type Accounts = Vec<AccountView>;

/// It was done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Said {
    ok: bool,
    success: bool,
    message: &'static str,
}

impl Said {
    pub(crate) const fn new(message: &'static str) -> Self {
        Self { ok: true, success: true, message }
    }
}

/// An account as callers write it. All fields may be left out when it is changed.
#[derive(Debug, ToSchema)]
#[schema(as = EmailAccountBody)]
#[expect(dead_code, reason = "only described; the body is read field by field")]
pub(crate) struct EmailAccountBody {
    /// The account to change; leave it out for a new one.
    id: Option<u64>,
    /// Required for a new account, unless `user_name` is an address.
    #[schema(example = "ana@acme-mail.example")]
    from_email: Option<String>,
    from_name: Option<String>,
    user_name: Option<String>,
    /// Read over and not kept.
    #[schema(write_only)]
    password: Option<String>,
    smtp_host: Option<String>,
    #[schema(minimum = 1, maximum = 65_535)]
    smtp_port: Option<u64>,
    imap_host: Option<String>,
    #[schema(minimum = 1, maximum = 65_535)]
    imap_port: Option<u64>,
    /// `GMAIL`, `OUTLOOK` or `SMTP`.
    r#type: Option<String>,
    /// The most emails in a civil day, also `message_per_day`. Required for a new account.
    #[schema(example = 50, maximum = 4_294_967_295_u32)]
    max_email_per_day: Option<u64>,
    /// The least minutes between two sends, also `minTimeToWaitInMins`.
    #[schema(example = 10, maximum = 44_640)]
    time_to_wait_in_mins: Option<u64>,
    is_suspended: Option<bool>,
    /// What the last check of the credentials said; not in the reference.
    is_smtp_success: Option<bool>,
    /// What the last check of the credentials said; not in the reference.
    is_imap_success: Option<bool>,
    smtp_failure_error: Option<String>,
    imap_failure_error: Option<String>,
    /// A number, a percentage or a word; not in the reference.
    #[schema(value_type = Option<Value>)]
    warmup_reputation: Option<String>,
    warmup_enabled: Option<bool>,
    total_warmup_per_day: Option<u64>,
    daily_rampup: Option<u64>,
    reply_rate_percentage: Option<u64>,
    signature: Option<String>,
    custom_tracking_url: Option<String>,
    bcc: Option<String>,
    client_id: Option<u64>,
    #[schema(value_type = Option<Vec<Value>>)]
    tags: Option<Vec<String>>,
    /// Where its civil days are counted; not in the reference.
    #[schema(example = "Europe/Madrid")]
    timezone: Option<String>,
    /// The operator's share of turns; not in the reference.
    #[schema(maximum = 100)]
    weight: Option<u8>,
    /// How it takes part in the rotation; not in the reference. Null says nothing.
    rotation: Option<RotationBody>,
}

/// Accounts to attach or to detach.
#[derive(Debug, ToSchema)]
#[schema(as = EmailAccountIds)]
#[expect(dead_code, reason = "only described; the body is read field by field")]
pub(crate) struct EmailAccountIds {
    /// At most 1,000.
    #[schema(example = json!([1, 2]), min_items = 1, max_items = 1_000)]
    email_account_ids: Vec<u64>,
}
