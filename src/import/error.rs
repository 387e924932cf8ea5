//! What is wrong with a list of accounts, said so that a person can put it right in one go.
//!
//! Knows how to shorten what it quotes, not what any field means.

use std::fmt;
use std::io::{self, Write};

use serde_json::Value;

/// The most characters that are quoted of a value.
const QUOTED_MAX: usize = 80;

/// Why a list of accounts could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImportError {
    /// The list was read, and fields of its accounts are wrong: all of them, up to a number that a
    /// person can still look through.
    Fields {
        /// The wrong fields in the order of the list, at most 1,000.
        errors: Vec<FieldError>,
        /// How many were found beyond those.
        more: usize,
    },
    /// It is JSON, but no list of accounts.
    NotAList {
        /// What it is instead.
        found: String,
    },
    /// It is not JSON.
    NotJson {
        /// The line at which reading stopped, from 1.
        line: usize,
        /// The byte of that line, from 1; 0 if the line is empty.
        column: usize,
        /// What is wrong there.
        message: String,
    },
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fields { errors, more } => {
                for (n, error) in errors.iter().enumerate() {
                    let gap = if n == 0 { "" } else { "\n" };
                    write!(f, "{gap}{error}")?;
                }
                if *more > 0 { write!(f, "\nand {more} more") } else { Ok(()) }
            }
            Self::NotAList { found } => write!(
                f,
                "{found} is not a list of accounts; give [..], {{\"data\":[..]}} (Smartlead) or \
                 {{\"items\":[..]}} (Instantly)"
            ),
            Self::NotJson { line, column, message } => write!(
                f,
                "line {line} column {column} is not JSON: {message}; give the list as the API \
                 answers it"
            ),
        }
    }
}

impl std::error::Error for ImportError {}

impl ImportError {
    pub(super) fn not_json(error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let message = error.to_string();
        // The place is in fields of its own, so the words need not repeat it.
        let place = format!(" at line {line} column {column}");
        let message = clean(message.strip_suffix(&place).unwrap_or(&message));
        Self::NotJson { line, column, message }
    }

    pub(super) fn not_a_list(value: &Value) -> Self {
        Self::NotAList { found: describe(value) }
    }
}

/// One field of one account that cannot be used.
///
/// Written as one line: `account 456: message_per_day is -5; give a whole number from 0 to
/// 4294967295`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldError {
    /// The account's id, or else its address, or else its place in the list, such as `#3`.
    pub account: String,
    /// The path of the field, such as `warmup_details.warmup_reputation`; empty if the account
    /// itself is no object.
    pub field: String,
    /// The JSON that was given, shortened; empty if the field is missing.
    pub value: String,
    /// What to give instead.
    pub rule: String,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, field, value, rule } = self;
        write!(f, "account {account}")?;
        if !field.is_empty() {
            write!(f, ": {field}")?;
        }
        if value.is_empty() {
            write!(f, " is missing; {rule}")
        } else {
            write!(f, " is {value}; {rule}")
        }
    }
}

impl std::error::Error for FieldError {}

/// The value as JSON, shortened.
pub(crate) fn quoted(value: &Value) -> String {
    let mut front = Front(Vec::new());
    // A full front refuses the rest, which is how a huge value costs no more than a small one.
    let _ = serde_json::to_writer(&mut front, value);
    clean(&String::from_utf8_lossy(&front.0))
}

/// The first bytes written, enough for [`QUOTED_MAX`] characters and one more.
struct Front(Vec<u8>);

impl Write for Front {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = (QUOTED_MAX + 1) * 4 - self.0.len();
        let taken = &bytes[..bytes.len().min(room)];
        self.0.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The text without anything that would move a terminal's cursor or turn its direction, shortened.
pub(super) fn clean(text: &str) -> String {
    let mut cleaned = String::new();
    for (n, c) in text.chars().enumerate() {
        if n == QUOTED_MAX {
            cleaned.push('…');
            break;
        }
        if c.is_control() || turns(c) {
            cleaned.extend(c.escape_unicode());
        } else {
            cleaned.push(c);
        }
    }
    cleaned
}

/// Whether a character ends the line or turns the direction of writing, though it is no control.
fn turns(c: char) -> bool {
    matches!(c as u32, 0x200e..=0x200f | 0x2028..=0x202e | 0x2066..=0x2069)
}

/// What a value is, for someone who expected a list; an API's refusal is quoted.
fn describe(value: &Value) -> String {
    let Some(object) = value.as_object() else {
        return quoted(value);
    };
    let said = [value.pointer("/message"), value.pointer("/error/message"), value.get("error")];
    if let Some(words) = said.into_iter().flatten().find(|words| words.is_string()) {
        return format!("an answer that says {}", quoted(words));
    }
    let names: Vec<_> = object.keys().take(5).map(|name| format!("`{}`", clean(name))).collect();
    if names.is_empty() {
        return "an empty object".to_owned();
    }
    format!("an object with {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_quoted_value_is_short_and_on_one_line() {
        for (value, short) in [
            (json!(null), "null".to_owned()),
            (json!("a\nb"), r#""a\nb""#.to_owned()),
            (json!("a\u{9b}\u{202e}b"), r#""a\u{9b}\u{202e}b""#.to_owned()),
            (json!({"a": [1, 2.5]}), r#"{"a":[1,2.5]}"#.to_owned()),
            (json!("é".repeat(5_000)), format!("\"{}…", "é".repeat(79))),
            (json!(vec![7; 5_000]), format!("[{}7…", "7,".repeat(39))),
        ] {
            assert_eq!(quoted(&value), short);
        }
    }

    #[test]
    fn what_is_not_a_list_is_named() {
        for (value, found) in [
            (json!(17), "17"),
            (json!({}), "an empty object"),
            (json!({"id": 1, "password": "secret"}), "an object with `id`, `password`"),
            (json!({"message": "Invalid API Key"}), r#"an answer that says "Invalid API Key""#),
            (json!({"error": "gone"}), r#"an answer that says "gone""#),
            (json!({"error": {"message": "slow"}}), r#"an answer that says "slow""#),
        ] {
            assert_eq!(describe(&value), found);
        }
    }

    #[test]
    fn an_error_names_the_value_and_the_way_out() {
        let field = |field: &str, value: &str| FieldError {
            account: "#3".to_owned(),
            field: field.to_owned(),
            value: value.to_owned(),
            rule: "give an id".to_owned(),
        };
        for (error, text) in [
            (field("id", "-1"), "account #3: id is -1; give an id"),
            (field("id", ""), "account #3: id is missing; give an id"),
            (field("", "17"), "account #3 is 17; give an id"),
        ] {
            assert_eq!(error.to_string(), text);
        }
        let fields = ImportError::Fields { errors: vec![field("id", "1"); 2], more: 7 };
        let line = "account #3: id is 1; give an id";
        assert_eq!(fields.to_string(), format!("{line}\n{line}\nand 7 more"));
    }
}
