//! One account as Smartlead's API writes it.
//!
//! Knows the names of its fields, of which some come in pairs. Reads neither `client_id` nor
//! `user_id`: whose list it is, the caller knows.

use serde_json::{Map, Value};

use crate::import::fields::{Fields, address, given, whole};
use crate::import::reputation::{REPUTATION_RULE, reputation};
use crate::import::{Defaults, Imported};
use crate::policy::{Account, Connection, Link, Provider, Standpoint, Warmup, WarmupMail};
use crate::vocab::{AccountId, Reputation, Span};

const CAP: [&str; 2] = ["message_per_day", "max_email_per_day"];
const SPACING: [&str; 2] = ["minTimeToWaitInMins", "time_to_wait_in_mins"];
pub(crate) const WARMUP_START: [&str; 2] = ["created_at", "warmup_created_at"];

/// Whose servers a host name is, by the end of the name.
const HOSTS: [(&str, Provider); 15] = [
    ("gmail.com", Provider::Google),
    ("google.com", Provider::Google),
    ("googlemail.com", Provider::Google),
    ("hotmail.com", Provider::Microsoft),
    ("live.com", Provider::Microsoft),
    ("office365.com", Provider::Microsoft),
    ("outlook.com", Provider::Microsoft),
    ("yahoo.com", Provider::Yahoo),
    ("zoho.com", Provider::Zoho),
    ("zoho.com.au", Provider::Zoho),
    ("zoho.com.cn", Provider::Zoho),
    ("zoho.eu", Provider::Zoho),
    ("zoho.in", Provider::Zoho),
    ("zoho.jp", Provider::Zoho),
    ("zohocloud.ca", Provider::Zoho),
];

/// What errors call the account: its id, or else its address.
pub(super) fn label(object: &Map<String, Value>) -> Option<String> {
    let id = given(object, "id").and_then(whole).map(|id| id.to_string());
    id.or_else(|| ["from_email", "username"].iter().find_map(|n| address(given(object, n)?)))
}

pub(super) fn account(fields: &mut Fields<'_>, defaults: &Defaults) -> Option<Imported> {
    let id = fields.required("id", "give the account's number, such as 456", whole);
    if let Some(id) = id {
        fields.unique("id", id.to_string());
    }
    let address = from_address(fields);
    if let Some(address) = &address {
        fields.unique("from_email", format!("<{}>", address.to_ascii_lowercase()));
    }
    let name = fields.text("from_name").unwrap_or_default();
    let cap = daily_cap(fields);
    let sent_today = fields.emails("daily_sent_count").unwrap_or(0);
    let minutes = fields.either(SPACING, Fields::minutes).unwrap_or(0);
    let provider = provider(fields);
    let smtp = link(fields, "is_smtp_success", "smtp_failure_error");
    let imap = link(fields, "is_imap_success", "imap_failure_error");
    let suspended = fields.flag("is_suspended").unwrap_or(false);
    let (warmup, reputation) = trust(fields);

    let mut account = Account::new(AccountId(id?), defaults.owner, address?)
        .provider(provider)
        .connection(Connection::new(smtp, imap))
        .suspended(suspended)
        .zone(defaults.zone)
        .daily_cap(cap?)
        .spacing(Span::minutes(minutes))
        .warmup_mail(WarmupMail::Counted);
    // Read when the list was fetched, and the list does not say when that was.
    account.reputation = reputation.map(|value| Standpoint { value, measured_at: None });
    account.warmup = warmup;
    Some(Imported { account, sent_today, name })
}

fn from_address(fields: &mut Fields<'_>) -> Option<String> {
    if fields.given("from_email").is_none() && fields.given("username").is_some() {
        return fields.address("username");
    }
    fields.address("from_email")
}

fn daily_cap(fields: &mut Fields<'_>) -> Option<u32> {
    if CAP.iter().all(|name| fields.given(name).is_none()) {
        let rule = "give it, or max_email_per_day: the most emails in a day";
        fields.wrong(CAP[0], rule);
    }
    fields.either(CAP, Fields::emails)
}

/// One half of the connection. What was never checked is not known to work, so it counts as broken.
fn link(fields: &mut Fields<'_>, flag: &str, words: &str) -> Link {
    let words = fields.text(words);
    match fields.flag(flag) {
        Some(true) => Link::Verified,
        Some(false) => Link::broken(words.unwrap_or_else(|| "failed without a reason".to_owned())),
        None => Link::broken(format!("not checked: no {flag} was given")),
    }
}

/// The provider by `type`, or where that says only SMTP, by the server.
fn provider(fields: &mut Fields<'_>) -> Provider {
    let (kind, host) = (fields.text("type"), fields.text("smtp_host"));
    match kind.unwrap_or_default().to_ascii_uppercase().as_str() {
        "GMAIL" => Provider::Google,
        "OUTLOOK" => Provider::Microsoft,
        _ => hosted_by(&host.unwrap_or_default().to_ascii_lowercase()),
    }
}

fn hosted_by(host: &str) -> Provider {
    // Anyone's server may run at Amazon; only these are its mail service.
    if host.starts_with("email-smtp") && host.ends_with(".amazonaws.com") {
        return Provider::Ses;
    }
    let of = |suffix: &str| {
        host.strip_suffix(suffix).is_some_and(|front| front.is_empty() || front.ends_with('.'))
    };
    HOSTS.iter().find(|(suffix, _)| of(suffix)).map_or(Provider::Other, |(_, provider)| *provider)
}

/// What the warm-up says, and the reputation. The list of one campaign's accounts has the
/// reputation beside the other fields, the list of all accounts has it among the warm-up's.
fn trust(fields: &mut Fields<'_>) -> (Option<Warmup>, Option<Reputation>) {
    let beside = fields.optional("warmup_reputation", REPUTATION_RULE, reputation);
    let Some(mut details) = fields.inside("warmup_details") else {
        return (None, beside);
    };
    let warmup = warmup(&mut details);
    let among = details.optional("warmup_reputation", REPUTATION_RULE, reputation);
    if beside.is_some() && among.is_some() && beside != among {
        let rule = "warmup_details has another; give one of the two, or the same in both";
        fields.wrong("warmup_reputation", rule);
    }
    (Some(warmup), among.or(beside))
}

fn warmup(details: &mut Fields<'_>) -> Warmup {
    let reason = details.text("blocked_reason");
    let blocked = match details.flag("is_warmup_blocked") {
        Some(true) => Some(reason.unwrap_or_else(|| "blocked".to_owned())),
        // The reason may be that of a block since lifted.
        Some(false) => None,
        None => reason,
    };
    let started_at = details.either(WARMUP_START, Fields::instant);
    Warmup { blocked, started_at }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::fields::ADDRESS_RULE;
    use crate::import::{ImportError, smartlead};
    use crate::vocab::{OwnerId, Timestamp};
    use serde_json::json;

    /// Reads one sound account with `change` laid over it.
    fn read(change: &Value) -> Result<Imported, String> {
        let mut account = json!({
            "id": 1, "from_email": "a@b.example", "message_per_day": 5,
            "is_smtp_success": true, "is_imap_success": true,
        });
        for (name, value) in change.as_object().unwrap() {
            account[name] = value.clone();
        }
        let bytes = json!([account]).to_string();
        smartlead(bytes.as_bytes(), &Defaults::new(OwnerId(9)))
            .map(|mut accounts| accounts.remove(0))
            .map_err(|error: ImportError| error.to_string())
    }

    #[test]
    fn a_pair_of_names_may_agree_but_not_differ() {
        for (change, cap) in [
            (json!({}), Ok(5)),
            (json!({"max_email_per_day": 5}), Ok(5)),
            (json!({"message_per_day": null, "max_email_per_day": "7"}), Ok(7)),
            (
                json!({"max_email_per_day": 7}),
                Err(
                    "account 1: message_per_day is 5; max_email_per_day is 7; give one of the two, \
                     or the same in both",
                ),
            ),
            (
                json!({"message_per_day": null}),
                Err("account 1: message_per_day is missing; give it, or max_email_per_day: the \
                     most emails in a day"),
            ),
        ] {
            let read = read(&change).map(|read| read.account.daily_cap);
            assert_eq!(read, cap.map_err(str::to_owned), "{change}");
        }
        for (change, minutes) in [
            (json!({}), 0),
            (json!({"minTimeToWaitInMins": 10}), 10),
            (json!({"time_to_wait_in_mins": "12", "minTimeToWaitInMins": 12}), 12),
            (json!({"time_to_wait_in_mins": 44_640}), 44_640),
        ] {
            assert_eq!(read(&change).unwrap().account.spacing, Span::minutes(minutes), "{change}");
        }
        assert!(read(&json!({"time_to_wait_in_mins": 44_641})).is_err());
    }

    #[test]
    fn an_address_is_given_once() {
        let account =
            |id: u64, email: &str| json!({"id": id, "from_email": email, "message_per_day": 30});
        let bytes = json!([account(1, "a@b.example"), account(2, "A@B.example")]).to_string();
        assert_eq!(
            smartlead(bytes.as_bytes(), &Defaults::new(OwnerId(9))).unwrap_err().to_string(),
            "account 2: from_email is \"A@B.example\"; accounts #1 and #2 both have it; keep one"
        );
    }

    #[test]
    fn what_was_not_checked_is_broken() {
        for (change, words) in [
            (json!({}), None),
            (json!({"smtp_failure_error": "old"}), None),
            (json!({"is_smtp_success": false, "smtp_failure_error": "535 no"}), Some("535 no")),
            (
                json!({"is_smtp_success": false, "smtp_failure_error": " "}),
                Some("failed without a reason"),
            ),
            (json!({"is_smtp_success": null}), Some("not checked: no is_smtp_success was given")),
        ] {
            let account = read(&change).unwrap().account;
            assert_eq!(account.connection.smtp.words(), words, "{change}");
            assert_eq!(account.connection.imap, Link::Verified);
        }
    }

    #[test]
    fn the_provider_is_told_by_type_then_by_host() {
        for (kind, host, provider) in [
            (json!("GMAIL"), "", Provider::Google),
            (json!("outlook"), "mail.b.example", Provider::Microsoft),
            (json!("SMTP"), "smtp.gmail.com", Provider::Google),
            (json!("SMTP"), "smtp.office365.com", Provider::Microsoft),
            (json!("SMTP"), "smtp.mail.Yahoo.com", Provider::Yahoo),
            (json!("SMTP"), "smtppro.zoho.eu", Provider::Zoho),
            (json!("SMTP"), "email-smtp.eu-west-1.amazonaws.com", Provider::Ses),
            (json!("SMTP"), "ec2-1-2-3-4.compute-1.amazonaws.com", Provider::Other),
            (json!("SMTP"), "notgmail.com", Provider::Other),
            (json!("SMTP"), "mail.b.example", Provider::Other),
            (json!("NEW"), "mail.b.example", Provider::Other),
            (json!(null), "zoho.com", Provider::Zoho),
        ] {
            let account = read(&json!({"type": kind, "smtp_host": host})).unwrap().account;
            assert_eq!(account.provider, provider, "{kind} {host}");
        }
    }

    #[test]
    fn the_warm_up_says_whether_it_is_blocked_and_since_when_it_runs() {
        let day = Timestamp::parse("2026-08-01T09:00:00Z").unwrap();
        for (details, blocked, started_at) in [
            (json!({}), None, None),
            (json!({"is_warmup_blocked": true}), Some("blocked"), None),
            (json!({"is_warmup_blocked": true, "blocked_reason": "spam"}), Some("spam"), None),
            (json!({"is_warmup_blocked": false, "blocked_reason": "spam"}), None, None),
            (json!({"blocked_reason": "spam"}), Some("spam"), None),
            (json!({"created_at": "2026-08-01T09:00:00.000Z"}), None, Some(day)),
            (
                json!({"created_at": "2026-08-01T09:00:00Z",
                       "warmup_created_at": "2026-08-01T11:00:00+02:00"}),
                None,
                Some(day),
            ),
            // The warm-up's own number is not the account's cap.
            (json!({"max_email_per_day": 30}), None, None),
        ] {
            let account = read(&json!({"warmup_details": details})).unwrap().account;
            let expected = Warmup { blocked: blocked.map(str::to_owned), started_at };
            assert_eq!(account.warmup, Some(expected), "{details}");
            assert_eq!(account.daily_cap, 5);
        }
    }

    #[test]
    fn a_reputation_stands_in_either_place_and_has_no_date() {
        for (change, value) in [
            (json!({}), None),
            (json!({"warmup_details": null}), None),
            (json!({"warmup_details": {"warmup_reputation": null}}), None),
            (json!({"warmup_details": {"warmup_reputation": "81%"}}), Some(81)),
            (json!({"warmup_reputation": 82}), Some(82)),
            (
                json!({"warmup_reputation": 95, "warmup_details": {"warmup_reputation": "95"}}),
                Some(95),
            ),
        ] {
            let reputation = read(&change).unwrap().account.reputation;
            assert_eq!(reputation.map(|of| of.value.value()), value, "{change}");
            assert_eq!(reputation.and_then(|of| of.measured_at), None);
        }
        let both = json!({"warmup_reputation": 95, "warmup_details": {"warmup_reputation": 90}});
        assert!(read(&both).unwrap_err().contains("warmup_details has another"));
    }

    #[test]
    fn the_user_name_stands_in_for_a_missing_address() {
        let change = json!({"from_email": "", "username": "u@b.example"});
        assert_eq!(read(&change).unwrap().account.address, "u@b.example");
        let error = read(&json!({"from_email": null})).unwrap_err();
        assert_eq!(error, format!("account 1: from_email is missing; {ADDRESS_RULE}"));
    }

    #[test]
    fn long_texts_are_cut_to_what_an_account_keeps() {
        let long = "é".repeat(5_000);
        let read = read(&json!({
            "is_smtp_success": false, "smtp_failure_error": long,
            "warmup_details": {"is_warmup_blocked": true, "blocked_reason": long},
        }));
        assert_eq!(read.unwrap().account.check(), Ok(()));
    }
}
