//! Accounts as callers write them: what is given is laid over what is there.
//!
//! What the engine decides by is read by the reader of account lists, so that a list and a call
//! mean the same by the same words. Passwords are never looked at.

use serde_json::{Map, Value, json};

use crate::http::input;
use crate::http::problem::{Detail, Problem};
use crate::http::records::AccountRecord;
use crate::http::settings::Unstated;
use crate::http::shapes::{account_view, rotation_body};
use crate::import::fields::{Fields, cut, given, whole};
use crate::import::smartlead::WARMUP_START;
use crate::import::{self, Defaults, ImportError};
use crate::policy::{Account, Standpoint, Warmup};
use crate::vocab::{AccountId, OwnerId, Weight, Zone};

/// What the reader of lists understands; of the names in one row either may be given.
const READ: [&[&str]; 13] = [
    &["daily_sent_count"],
    &["from_email"],
    &["from_name"],
    &["imap_failure_error"],
    &["is_imap_success"],
    &["is_smtp_success"],
    &["is_suspended"],
    &["message_per_day", "max_email_per_day"],
    &["minTimeToWaitInMins", "time_to_wait_in_mins"],
    &["smtp_failure_error"],
    &["smtp_host"],
    &["type"],
    &["warmup_details"],
];

/// Texts that are kept as they are: the name they are kept by, and another they may have.
const TEXTS: [(&str, &str); 11] = [
    ("bcc_email", "bcc"),
    ("custom_tracking_domain", "custom_tracking_url"),
    ("different_reply_to_address", "reply_to"),
    ("from_name", "from_name"),
    ("imap_host", "imap_host"),
    ("imap_port_type", "imap_port_type"),
    ("imap_username", "imap_user_name"),
    ("signature", "signature"),
    ("smtp_host", "smtp_host"),
    ("smtp_port_type", "smtp_port_type"),
    ("username", "user_name"),
];

/// Numbers of the warm-up that are kept as they are.
const WARMUP: [&str; 3] = ["daily_rampup", "reply_rate_percentage", "total_warmup_per_day"];

const TEXT_MAX: usize = 10_000;
const TAGS_MAX: usize = 50;

/// An account that was read.
#[derive(Debug)]
pub(crate) struct Read {
    /// With the spacing that it asks for itself.
    pub(crate) account: Account,
    pub(crate) record: AccountRecord,
    pub(crate) sent_today: u32,
}

/// What is there already.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Current<'a> {
    pub(crate) account: &'a Account,
    pub(crate) record: &'a AccountRecord,
}

/// Reads an account, new or changed.
pub(crate) fn read(
    body: &Map<String, Value>,
    id: u64,
    owner: OwnerId,
    current: Option<Current<'_>>,
    unstated: Unstated,
) -> Result<Read, Problem> {
    let mut details = Vec::new();
    let list = Value::Array(vec![laid_over(body, id, current, unstated)]).to_string();
    let imported = match import::smartlead(list.as_bytes(), &Defaults::new(owner)) {
        Ok(mut list) => list.pop(),
        Err(ImportError::Fields { errors, .. }) => {
            details.extend(errors.iter().map(Detail::from));
            None
        }
        Err(error) => return Err(Problem::internal(error.to_string())),
    };
    let mut record = current.map(|current| current.record.clone()).unwrap_or_default();
    let mut own = Own {
        rotation: match current {
            None => Account::new(AccountId(id), owner, ""),
            Some(current) => current.account.clone(),
        },
        weight: None,
        zone: None,
    };
    let reading = input::read(body, |fields| {
        own.read(fields, body, &mut record);
        Some(())
    });
    if let Err(problem) = reading {
        let Problem::Invalid { details: more, .. } = problem else { return Err(problem) };
        details.extend(more);
    }
    let Some(imported) = imported.filter(|_| details.is_empty()) else {
        return Err(Problem::invalid(details));
    };
    record.spacing_minutes = imported.account.spacing.as_ms() / 60_000;
    let mut account = match current {
        None => imported.account,
        Some(current) => changed(current.account, imported.account, body),
    };
    account.zone = own.zone.unwrap_or(account.zone);
    account.weight = own.weight.unwrap_or(account.weight);
    let Account { limits, jitter, schedule, ramp, warmup_mail, pace, .. } = own.rotation;
    let account = Account { limits, jitter, schedule, ramp, warmup_mail, pace, ..account };
    Ok(Read { account, record, sent_today: imported.sent_today })
}

/// The account as the reader of lists is to see it.
fn laid_over(
    body: &Map<String, Value>,
    id: u64,
    current: Option<Current<'_>>,
    unstated: Unstated,
) -> Value {
    let mut object = current.map(written).unwrap_or_default();
    object.insert("id".to_owned(), json!(id));
    let user_name = given(body, "user_name").or_else(|| given(body, "username"));
    if let Some(name) = user_name.filter(|_| current.is_none()) {
        object.insert("username".to_owned(), name.clone());
    }
    let spacing = given(body, "min_time_to_wait_in_mins");
    if let Some(spacing) = spacing.filter(|_| given(body, READ[8][0]).is_none()) {
        object.insert(READ[8][0].to_owned(), spacing.clone());
    }
    for names in READ.iter().chain([&["warmup_reputation"][..]].iter()) {
        if names.iter().any(|name| given(body, name).is_some()) {
            for name in *names {
                object.remove(*name);
            }
        }
        for name in *names {
            if let Some(value) = given(body, name) {
                object.insert((*name).to_owned(), value.clone());
            }
        }
    }
    if current.is_none() && unstated == Unstated::Verified {
        for name in ["is_imap_success", "is_smtp_success"] {
            object.entry(name).or_insert(Value::Bool(true));
        }
        if !tells_reputation(&object) {
            object.insert("warmup_reputation".to_owned(), json!(100));
        }
    }
    Value::Object(object)
}

/// What is there, as far as the reader of lists reads it.
fn written(current: Current<'_>) -> Map<String, Value> {
    let Current { account, record } = current;
    let (smtp, imap) = (&account.connection.smtp, &account.connection.imap);
    let value = json!({
        "from_email": account.address,
        "imap_failure_error": imap.words(),
        "is_imap_success": imap.words().is_none(),
        "is_smtp_success": smtp.words().is_none(),
        "is_suspended": account.suspended,
        "message_per_day": account.daily_cap,
        "minTimeToWaitInMins": record.spacing_minutes,
        "smtp_failure_error": smtp.words(),
        "smtp_host": record.fields.get("smtp_host"),
        "type": account_view::kind(account.provider),
    });
    value.as_object().cloned().unwrap_or_default()
}

/// The account that is there, with what was given laid over it.
fn changed(current: &Account, read: Account, body: &Map<String, Value>) -> Account {
    let says = |name: &str| given(body, name).is_some();
    let mut account = current.clone();
    account.address = read.address;
    account.connection = read.connection;
    account.daily_cap = read.daily_cap;
    account.spacing = read.spacing;
    account.suspended = read.suspended;
    // Several providers are shown by one word.
    let tells_kind = account_view::kind(read.provider) != account_view::kind(account.provider);
    if says("smtp_host") || (says("type") && tells_kind) {
        account.provider = read.provider;
    }
    // What is known already was not measured anew: it keeps its date, and with it grows stale.
    let value = |standpoint: Standpoint| standpoint.value;
    if tells_reputation(body) && read.reputation.map(value) != current.reputation.map(value) {
        account.reputation = read.reputation;
    }
    if says("warmup_details") && read.warmup != Some(shown(current.warmup.as_ref())) {
        account.warmup = read.warmup.map(|read| told(current.warmup.as_ref(), read, body));
    }
    account
}

/// The warm-up that was read, with what was not told of it as it was.
fn told(current: Option<&Warmup>, mut read: Warmup, body: &Map<String, Value>) -> Warmup {
    let details = body.get("warmup_details").and_then(Value::as_object);
    let tells =
        |names: &[&str]| details.is_some_and(|of| names.iter().any(|name| of.contains_key(*name)));
    let Some(current) = current else { return read };
    if !tells(&WARMUP_START) {
        read.started_at = current.started_at;
    }
    if !tells(&["blocked_reason", "is_warmup_blocked"]) {
        read.blocked.clone_from(&current.blocked);
    }
    read
}

/// What the reader of lists makes of a warm-up as it is shown, also of none.
fn shown(warmup: Option<&Warmup>) -> Warmup {
    let mut shown = warmup.cloned().unwrap_or_default();
    if let Some(words) = &mut shown.blocked {
        let read = cut(words);
        *words = if read.is_empty() { "blocked".to_owned() } else { read };
    }
    shown
}

fn tells_reputation(object: &Map<String, Value>) -> bool {
    let details = object.get("warmup_details").and_then(Value::as_object);
    let among = details.and_then(|details| given(details, "warmup_reputation"));
    given(object, "warmup_reputation").or(among).is_some()
}

/// What only a service reads.
#[derive(Debug)]
struct Own {
    /// An account of which only what `rotation` sets counts.
    rotation: Account,
    weight: Option<Weight>,
    zone: Option<Zone>,
}

impl Own {
    fn read(
        &mut self,
        fields: &mut Fields<'_>,
        body: &Map<String, Value>,
        record: &mut AccountRecord,
    ) {
        let rule = "give a zone such as Europe/Madrid";
        self.zone = fields.optional("timezone", rule, |value| value.as_str()?.trim().parse().ok());
        self.weight = fields.optional("weight", "give a whole number from 0 to 100", |value| {
            Weight::new(u8::try_from(whole(value)?).ok()?).ok()
        });
        if let Some(mut inside) = fields.inside("rotation") {
            rotation_body::read(&mut inside, &mut self.rotation);
        }
        let rule = "give the client's number, or null";
        record.client_id = match body.get("client_id") {
            None => record.client_id,
            Some(_) => fields.optional("client_id", rule, whole),
        };
        if body.contains_key("tags") {
            let rule = "give a list of at most 50 names, numbers or objects with id, name, color";
            record.tags = fields.optional("tags", rule, tags).unwrap_or_default();
        }
        for (name, other) in TEXTS {
            let spellings = if other == name { &[name][..] } else { &[other, name][..] };
            for spelt in spellings {
                keep(&mut record.fields, name, spelt, body, |fields_name| {
                    fields.optional(fields_name, "give a text of at most 10000 bytes", text)
                });
            }
        }
        for name in ["imap_port", "smtp_port"] {
            keep(&mut record.fields, name, name, body, |name| {
                fields.optional(name, "give a port from 1 to 65535", |value| {
                    let port = whole(value).filter(|port| (1..=65_535).contains(port));
                    port.map(Value::from)
                })
            });
        }
        for name in WARMUP {
            keep(&mut record.warmup, name, name, body, |name| {
                fields.optional(name, "give a whole number", |value| whole(value).map(Value::from))
            });
        }
        for (kept, name) in [
            (&mut record.warmup, "warmup_enabled"),
            (&mut record.fields, "is_different_imap_account"),
        ] {
            keep(kept, name, name, body, |name| fields.flag(name).map(Value::Bool));
        }
    }
}

/// Keeps a field that is given; `null` takes it away.
fn keep(
    kept: &mut Map<String, Value>,
    name: &str,
    spelt: &str,
    body: &Map<String, Value>,
    read: impl FnOnce(&str) -> Option<Value>,
) {
    match body.get(spelt) {
        None => {}
        Some(Value::Null) => drop(kept.remove(name)),
        Some(_) => {
            if let Some(value) = read(spelt) {
                kept.insert(name.to_owned(), value);
            }
        }
    }
}

fn text(value: &Value) -> Option<Value> {
    value.as_str().filter(|text| text.len() <= TEXT_MAX).map(Value::from)
}

/// Tags as names, numbers, or objects of which only what a tag has is kept.
fn tags(value: &Value) -> Option<Vec<Value>> {
    let short = |value: &Value| value.as_str().is_none_or(|text| text.len() <= 200);
    let simple = |value: &Value| (value.is_string() || value.is_u64()) && short(value);
    let list = value.as_array().filter(|list| list.len() <= TAGS_MAX)?;
    let tag = |tag: &Value| match tag.as_object() {
        Some(object) => {
            let known = ["id", "name", "color"].into_iter();
            let parts =
                known.filter_map(|name| Some((name.to_owned(), given(object, name)?.clone())));
            let parts: Map<String, Value> = parts.collect();
            parts.values().all(simple).then_some(Value::Object(parts))
        }
        None => simple(tag).then(|| tag.clone()),
    };
    list.iter().map(tag).collect()
}
