//! One account as Instantly's API (version 2) writes it.
//!
//! Knows its codes. Does not read `enable_slow_ramp`: it says that a ramp is on but not which day
//! of it the account has reached, and a ramp that begins anew would hold a grown account back.

use serde_json::{Map, Value};

use crate::import::fields::{Fields, address, code, cut, given};
use crate::import::reputation::{REPUTATION_RULE, reputation};
use crate::import::{Defaults, Imported};
use crate::policy::{Account, Connection, Link, Provider, Standpoint, Warmup, WarmupMail};
use crate::vocab::{AccountId, Span};

const STATUS_RULE: &str = "give 1 (active), 2 (paused), 3 (maintenance), -1 (connection error), \
                           -2 (soft bounce error) or -3 (sending error)";
const WARMUP_RULE: &str = "give 0 (paused), 1 (active), -1 (banned), -2 (spam folder unknown) or \
                           -3 (permanent suspension)";

/// What errors call the account: its address.
pub(super) fn label(object: &Map<String, Value>) -> Option<String> {
    given(object, "email").and_then(address)
}

pub(super) fn account(fields: &mut Fields<'_>, defaults: &Defaults) -> Option<Imported> {
    let address = fields.address("email");
    if let Some(address) = &address {
        fields.unique("email", address.to_ascii_lowercase());
    }
    let names = ["first_name", "last_name"].map(|name| fields.text(name).unwrap_or_default());
    let status = fields.required("status", STATUS_RULE, |value| Status::of(code(value)?));
    let pending = fields.flag("setup_pending").unwrap_or(false);
    let cap = fields.emails("daily_limit");
    if fields.given("daily_limit").is_none() {
        fields.wrong("daily_limit", "give the most emails in a day");
    }
    let minutes = fields.minutes("sending_gap").unwrap_or(0);
    let provider = provider(fields);
    let warmup = warmup(fields);
    let reputation = fields.optional("stat_warmup_score", REPUTATION_RULE, reputation);
    let connection = match status? {
        _ if pending => pending_connection(),
        Status::Active | Status::Stopped => Connection::VERIFIED,
        Status::Failing(error) => {
            Connection::new(Link::broken(failure(fields, error)), Link::Verified)
        }
    };

    let id = u64::try_from(fields.place()).ok()?;
    let mut account = Account::new(AccountId(id), defaults.owner, address?)
        .provider(provider)
        .connection(connection)
        .suspended(status? == Status::Stopped)
        .zone(defaults.zone)
        .daily_cap(cap?)
        .spacing(Span::minutes(minutes))
        .warmup_mail(WarmupMail::Separate);
    // Read when the list was fetched, and the list does not say when that was.
    account.reputation = reputation.map(|value| Standpoint { value, measured_at: None });
    account.warmup = warmup;
    Some(Imported { account, sent_today: 0, name: names.join(" ").trim().to_owned() })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Active,
    Failing(&'static str),
    Stopped,
}

impl Status {
    /// An unknown code is not read as active: it may be the one that says the opposite.
    fn of(code: i64) -> Option<Self> {
        match code {
            1 => Some(Self::Active),
            2 | 3 => Some(Self::Stopped),
            -1 => Some(Self::Failing("connection error")),
            -2 => Some(Self::Failing("soft bounce error")),
            -3 => Some(Self::Failing("sending error")),
            _ => None,
        }
    }
}

/// An account that was never set up to the end has not been connected.
fn pending_connection() -> Connection {
    let link = || Link::broken("not set up: setup_pending is true");
    Connection::new(link(), link())
}

/// The error with the server's reply, where the list has it. The words decide nothing, so whatever
/// form they have is not held against the list.
fn failure(fields: &Fields<'_>, error: &str) -> String {
    let reply = fields.given("status_message").and_then(|message| {
        let said = ["response", "e_message", "code"].map(|name| message.get(name)?.as_str());
        message.as_str().or_else(|| said.into_iter().flatten().find(|said| !said.trim().is_empty()))
    });
    reply.map_or_else(|| error.to_owned(), |reply| cut(&format!("{error}: {}", reply.trim())))
}

/// Codes without a name here are read as some other host: nothing is refused for its provider.
fn provider(fields: &mut Fields<'_>) -> Provider {
    match fields.optional("provider_code", "give a whole number", code) {
        Some(2) => Provider::Google,
        Some(3) => Provider::Microsoft,
        Some(4) => Provider::Ses,
        _ => Provider::Other,
    }
}

fn warmup(fields: &mut Fields<'_>) -> Option<Warmup> {
    let started_at = fields.instant("timestamp_warmup_start");
    let blocked = fields.optional("warmup_status", WARMUP_RULE, |value| match code(value)? {
        0 | 1 => Some(None),
        -1 => Some(Some("banned")),
        -2 => Some(Some("spam folder unknown")),
        -3 => Some(Some("permanent suspension")),
        _ => None,
    });
    if blocked.is_none() && started_at.is_none() {
        return None;
    }
    Some(Warmup { blocked: blocked.flatten().map(str::to_owned), started_at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::{ImportError, instantly};
    use crate::vocab::{OwnerId, Timestamp};
    use serde_json::json;

    /// Reads one sound account with `change` laid over it.
    fn read(change: &Value) -> Result<Imported, String> {
        let mut account = json!({"email": "a@b.example", "status": 1, "daily_limit": 30});
        for (name, value) in change.as_object().unwrap() {
            account[name] = value.clone();
        }
        let bytes = json!({"items": [account]}).to_string();
        instantly(bytes.as_bytes(), &Defaults::new(OwnerId(9)))
            .map(|mut accounts| accounts.remove(0))
            .map_err(|error: ImportError| error.to_string())
    }

    #[test]
    fn a_status_suspends_or_breaks() {
        let reply =
            json!({"code": "EENVELOPE", "response": "550-5.4.5 limit", "responseCode": 550});
        for (change, suspended, words) in [
            (json!({"status": 1}), false, None),
            (json!({"status": 1, "status_message": reply}), false, None),
            (json!({"status": 2}), true, None),
            (json!({"status": "3"}), true, None),
            (json!({"status": -1}), false, Some("connection error")),
            (
                json!({"status": -2, "status_message": {"response": 5}}),
                false,
                Some("soft bounce error"),
            ),
            (
                json!({"status": -3, "status_message": reply}),
                false,
                Some("sending error: 550-5.4.5 limit"),
            ),
            (
                json!({"status": -1, "status_message": "timed out"}),
                false,
                Some("connection error: timed out"),
            ),
            (json!({"setup_pending": true}), false, Some("not set up: setup_pending is true")),
        ] {
            let account = read(&change).unwrap().account;
            assert_eq!(account.suspended, suspended, "{change}");
            assert_eq!(account.connection.smtp.words(), words, "{change}");
            assert_eq!(account.check(), Ok(()));
        }
        assert_eq!(
            read(&json!({"status": 4})).unwrap_err(),
            format!("account a@b.example: status is 4; {STATUS_RULE}")
        );
    }

    #[test]
    fn a_warm_up_is_blocked_by_its_code() {
        let start = "2026-08-01T09:00:00Z";
        let at = Timestamp::parse(start).ok();
        let warmup = |blocked: Option<&str>, started_at| {
            Some(Warmup { blocked: blocked.map(str::to_owned), started_at })
        };
        for (change, expected) in [
            (json!({}), None),
            (json!({"warmup_status": 0}), warmup(None, None)),
            (json!({"warmup_status": 1, "timestamp_warmup_start": start}), warmup(None, at)),
            (json!({"timestamp_warmup_start": start}), warmup(None, at)),
            (json!({"warmup_status": -1}), warmup(Some("banned"), None)),
            (json!({"warmup_status": -2}), warmup(Some("spam folder unknown"), None)),
            (json!({"warmup_status": -3}), warmup(Some("permanent suspension"), None)),
        ] {
            assert_eq!(read(&change).unwrap().account.warmup, expected, "{change}");
        }
        assert!(
            read(&json!({"warmup_status": 2})).unwrap_err().contains("warmup_status is 2; give")
        );
    }

    #[test]
    fn the_rest_is_read_by_name() {
        let read = read(&json!({
            "provider_code": 4, "sending_gap": 10, "stat_warmup_score": 96,
            "first_name": "Ana", "last_name": "Ruiz", "daily_limit": 40.0,
        }))
        .unwrap();
        assert_eq!((read.name.as_str(), read.sent_today), ("Ana Ruiz", 0));
        assert_eq!(read.account.provider, Provider::Ses);
        assert_eq!(read.account.spacing, Span::minutes(10));
        assert_eq!(read.account.reputation.map(|of| of.value.value()), Some(96));
        assert_eq!((read.account.id, read.account.owner), (AccountId(1), OwnerId(9)));
        assert_eq!((read.account.daily_cap, read.account.warmup_mail), (40, WarmupMail::Separate));
    }

    #[test]
    fn one_of_two_names_is_enough() {
        for (change, name) in [
            (json!({}), ""),
            (json!({"first_name": "Ana"}), "Ana"),
            (json!({"last_name": "Ruiz"}), "Ruiz"),
        ] {
            assert_eq!(read(&change).unwrap().name, name);
        }
    }

    #[test]
    fn an_address_is_given_once() {
        let account = |email: &str| json!({"email": email, "status": 1, "daily_limit": 30});
        let bytes = json!([account("a@b.example"), account("A@B.example")]).to_string();
        assert_eq!(
            instantly(bytes.as_bytes(), &Defaults::new(OwnerId(9))).unwrap_err().to_string(),
            "account A@B.example: email is \"A@B.example\"; accounts #1 and #2 both have it; keep \
             one"
        );
    }
}
