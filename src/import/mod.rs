//! Readers of account lists as other products' APIs answer them.
//!
//! They translate and do not decide: whether an account may be attached or may send is the engine's
//! to say. They fetch nothing, and they trust nothing: any bytes give accounts or an error that
//! names every wrong field at once.
//!
//! ```
//! use mailrota::OwnerId;
//! use mailrota::import::{self, Defaults};
//!
//! let list = br#"[{"id": 456, "from_email": "ana@acme.example", "message_per_day": 50,
//!                  "is_smtp_success": true, "is_imap_success": true,
//!                  "warmup_details": {"warmup_reputation": "95%"}}]"#;
//! let accounts = import::any(list, &Defaults::new(OwnerId(1)))?;
//! assert_eq!(accounts[0].account.daily_cap, 50);
//!
//! let error = import::any(br#"[{"id": 456, "message_per_day": -5}]"#, &Defaults::new(OwnerId(1)));
//! assert_eq!(
//!     error.unwrap_err().to_string(),
//!     "account 456: from_email is missing; give an address such as ana@acme.example\n\
//!      account 456: message_per_day is -5; give a whole number from 0 to 4294967295",
//! );
//! # Ok::<(), mailrota::import::ImportError>(())
//! ```
//!
//! # What is read alike from every list
//!
//! - Fields without a meaning here are passed over. One that is missing, `null` or blank counts as
//!   not given.
//! - A number may stand in quotes, and `50.0` is 50.
//! - A reputation is a number, a percentage or one of the words of [`ReputationWord`]; a fraction
//!   is rounded down. Without one, the reputation is unknown, which is not a good one. It gets no
//!   date: the list was fetched just now, and the dates in it say when something else changed.
//! - The least time between two sends is in whole minutes, at most 31 days; without one there is
//!   none.
//! - Words of a provider are cut to the 1,000 bytes that an account keeps.
//! - A list may be one page of several. Only what is in it is read.

pub(crate) mod error;
pub(crate) mod fields;
mod instantly;
pub(crate) mod reputation;
pub(crate) mod smartlead;

pub use error::{FieldError, ImportError};
pub use reputation::ReputationWord;

use serde_json::{Map, Value};

use crate::import::fields::{Fields, Findings, given};
use crate::policy::Account;
use crate::vocab::{OwnerId, Zone};

/// What the lists do not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Defaults {
    /// Whom every account of the list belongs to. Lists carry numbers of customers, but only the
    /// caller knows with whose key the list was fetched.
    pub owner: OwnerId,
    /// Where the accounts' civil days are counted.
    pub zone: Zone,
}

impl Defaults {
    /// Accounts of that owner, whose days are counted in UTC.
    pub const fn new(owner: OwnerId) -> Self {
        Self { owner, zone: Zone::UTC }
    }

    /// Sets where civil days are counted. Default UTC.
    pub const fn zone(mut self, zone: Zone) -> Self {
        self.zone = zone;
        self
    }
}

/// An account of a list, and what the list says about it beside its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// The account.
    pub account: Account,
    /// How many emails it has sent today, as the list's product counts its days; 0 if the list does
    /// not say.
    pub sent_today: u32,
    /// The name that it sends under, or nothing.
    pub name: String,
}

/// Reads a list of Smartlead's: `[..]`, `{"data":[..]}` or `{"ok":true,"data":[..]}`.
///
/// - `id`, `from_email` (or else `username`) and `message_per_day` are required.
/// - Fields with two names may have either: `message_per_day` or `max_email_per_day`,
///   `minTimeToWaitInMins` or `time_to_wait_in_mins`, and of the warm-up `created_at` or
///   `warmup_created_at`. Both may be given if they agree. The `max_email_per_day` of the warm-up
///   is its own number and not the account's.
/// - A half of the connection that the list does not say to work is broken, with the words of the
///   list or a note that it was not checked. An account that the list does not say to be suspended
///   is not.
/// - A `type` of `SMTP` leaves the provider to the name of the server.
/// - Warm-up mail counts against the cap.
///
/// # Errors
/// [`ImportError`] if the bytes are no such list, or with all wrong fields of all accounts; an id
/// that is given twice is one of them.
pub fn smartlead(bytes: &[u8], defaults: &Defaults) -> Result<Vec<Imported>, ImportError> {
    read(&parse(bytes)?, Product::Smartlead, defaults)
}

/// Reads a list of Instantly's: `{"items":[..]}` or `[..]`.
///
/// - `email`, `status` and `daily_limit` are required.
/// - Instantly knows accounts by address and has no numbers for them, so that each account's id is
///   its place in the list, from 1. It is the same whenever the same list is read, and another if
///   the list is another page or in another order.
/// - Paused accounts and those in maintenance are suspended; those with an error have a broken
///   connection for sending, and those not yet set up for reading too.
/// - A warm-up that is banned, suspended or blind to the spam folder is blocked.
/// - Warm-up mail has a number of its own. What was sent today is not in the list.
/// - `enable_slow_ramp` is passed over, for the list does not say which day of its ramp an account
///   has reached; set [`Account::ramp`] where one is wanted.
///
/// # Errors
/// [`ImportError`] if the bytes are no such list, or with all wrong fields of all accounts; an
/// address that is given twice is one of them.
pub fn instantly(bytes: &[u8], defaults: &Defaults) -> Result<Vec<Imported>, ImportError> {
    read(&parse(bytes)?, Product::Instantly, defaults)
}

/// Reads a list of either product and tells by its shape which: `{"items":[..]}` is Instantly's,
/// and so is `[..]` if its first account has an `email` or a `provider_code` and no `id`; anything
/// else is Smartlead's.
///
/// # Errors
/// Those of [`smartlead()`] or of [`instantly()`].
pub fn any(bytes: &[u8], defaults: &Defaults) -> Result<Vec<Imported>, ImportError> {
    let json = parse(bytes)?;
    let first = json.get(0).and_then(Value::as_object);
    let instantly = json.get("items").is_some_and(Value::is_array)
        || first.is_some_and(|first| {
            let has = |name| given(first, name).is_some();
            !has("id") && (has("email") || has("provider_code"))
        });
    let product = if instantly { Product::Instantly } else { Product::Smartlead };
    read(&json, product, defaults)
}

#[derive(Clone, Copy)]
enum Product {
    Instantly,
    Smartlead,
}

impl Product {
    /// The field that holds the list where the list is not alone.
    const fn list_field(self) -> &'static str {
        match self {
            Self::Instantly => "items",
            Self::Smartlead => "data",
        }
    }

    fn label(self, object: &Map<String, Value>) -> Option<String> {
        match self {
            Self::Instantly => instantly::label(object),
            Self::Smartlead => smartlead::label(object),
        }
    }

    fn account(self, fields: &mut Fields<'_>, defaults: &Defaults) -> Option<Imported> {
        match self {
            Self::Instantly => instantly::account(fields, defaults),
            Self::Smartlead => smartlead::account(fields, defaults),
        }
    }
}

fn parse(bytes: &[u8]) -> Result<Value, ImportError> {
    // Editors on Windows put this mark at the start of a file; JSON has no place for it.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    serde_json::from_slice(bytes).map_err(|error| ImportError::not_json(&error))
}

fn read(json: &Value, product: Product, defaults: &Defaults) -> Result<Vec<Imported>, ImportError> {
    let list = json
        .as_array()
        .or_else(|| json.get(product.list_field())?.as_array())
        .ok_or_else(|| ImportError::not_a_list(json))?;
    let mut findings = Findings::default();
    let mut accounts = Vec::new();
    for (place, value) in (1..).zip(list) {
        let Some(object) = value.as_object() else {
            findings.not_an_object(place, value);
            continue;
        };
        let label = product.label(object).unwrap_or_else(|| format!("#{place}"));
        let mut fields = Fields::new(&label, place, object, &mut findings);
        accounts.extend(product.account(&mut fields, defaults));
    }
    findings.finish(accounts)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMARTLEAD: &str = r#"{"id":7,"from_email":"a@b.example","message_per_day":5}"#;
    const INSTANTLY: &str = r#"{"email":"a@b.example","status":1,"daily_limit":5}"#;

    fn ids(read: Result<Vec<Imported>, ImportError>) -> String {
        match read {
            Ok(accounts) => {
                let ids = accounts.iter().map(|read| read.account.id.to_string());
                ids.collect::<Vec<_>>().join(" ")
            }
            Err(ImportError::Fields { errors, .. }) => format!("{} wrong", errors.len()),
            Err(ImportError::NotAList { .. }) => "not a list".to_owned(),
            Err(ImportError::NotJson { line, column, .. }) => {
                format!("not JSON at {line}:{column}")
            }
        }
    }

    #[test]
    fn the_shape_tells_whose_list_it_is() {
        for (list, any_read, smartlead_read, instantly_read) in [
            ("[]", "", "", ""),
            (r#"{"data":[]}"#, "", "", "not a list"),
            (r#"{"items":[]}"#, "", "not a list", ""),
            ("[S]", "7", "7", "3 wrong"),
            (r#"{"data":[S]}"#, "7", "7", "not a list"),
            (r#"{"ok":true,"data":[S]}"#, "7", "7", "not a list"),
            ("[I]", "1", "3 wrong", "1"),
            (r#"{"items":[I],"next_starting_after":null}"#, "1", "not a list", "1"),
            ("[S,S]", "2 wrong", "2 wrong", "6 wrong"),
            ("[1,null,[]]", "3 wrong", "3 wrong", "3 wrong"),
            ("S", "not a list", "not a list", "not a list"),
            (r#"{"data":{}}"#, "not a list", "not a list", "not a list"),
            ("null", "not a list", "not a list", "not a list"),
            ("\u{feff}[S]", "7", "7", "3 wrong"),
        ] {
            let bytes = list.replace('S', SMARTLEAD).replace('I', INSTANTLY);
            let defaults = Defaults::new(OwnerId(1));
            let read = [any, smartlead, instantly].map(|f| ids(f(bytes.as_bytes(), &defaults)));
            assert_eq!(read, [any_read, smartlead_read, instantly_read], "{list}");
        }
    }

    #[test]
    fn what_is_not_json_is_placed() {
        let deep = "[".repeat(100_000);
        for (bytes, place) in [
            (&b""[..], "1:0"),
            (b"[", "1:1"),
            (b"[1]x", "1:4"),
            (b"[\n\"\xff\"]", "2:2"),
            (b"[1e999]", "1:6"),
            (b"\xff\xfe[\0]\0", "1:1"),
            (b"id,from_email\n", "1:1"),
            (deep.as_bytes(), "1:128"),
        ] {
            let read = any(bytes, &Defaults::new(OwnerId(1)));
            assert_eq!(ids(read), format!("not JSON at {place}"), "{bytes:?}");
        }
    }
}
