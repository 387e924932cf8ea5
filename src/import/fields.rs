//! Reading one account's fields, each into its type, while taking note of every one that is wrong.
//!
//! A field that is missing, `null` or blank counts as not given. If a name is given twice in one
//! object, JSON's usual reading holds: the last one counts. Knows nothing of any product's names.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::import::Imported;
use crate::import::error::{FieldError, ImportError, clean, quoted};
use crate::vocab::Timestamp;

/// The most wrong fields that are kept.
const ERRORS_MAX: usize = 1_000;
/// The most bytes of an address, as RFC 5321 allows (section 4.5.3.1.3, less the brackets).
const ADDRESS_MAX: usize = 254;
/// The most bytes that are kept of a text; an account refuses longer ones.
const TEXT_MAX: usize = 1_000;
/// The most minutes between two sends, 31 days: an account refuses longer spacings.
const MINUTES_MAX: u64 = 44_640;

pub(crate) const ADDRESS_RULE: &str = "give an address such as ana@acme.example";

/// What was found so far in a list.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    errors: Vec<FieldError>,
    more: usize,
    /// The place in the list of the first account with each identity.
    first: BTreeMap<String, usize>,
}

impl Findings {
    fn add(&mut self, error: impl FnOnce() -> FieldError) {
        if self.errors.len() < ERRORS_MAX {
            self.errors.push(error());
        } else {
            self.more += 1;
        }
    }

    /// Takes note of an element that is not an account at all.
    pub(crate) fn not_an_object(&mut self, place: usize, value: &Value) {
        self.add(|| FieldError {
            account: format!("#{place}"),
            field: String::new(),
            value: quoted(value),
            rule: "give an object with the account's fields".to_owned(),
        });
    }

    /// What was found, if nobody counts accounts.
    #[cfg(feature = "http")]
    pub(crate) fn into_errors(self) -> Vec<FieldError> {
        self.errors
    }

    /// The accounts, if nothing was wrong with any of them.
    pub(crate) fn finish(self, accounts: Vec<Imported>) -> Result<Vec<Imported>, ImportError> {
        if self.errors.is_empty() {
            return Ok(accounts);
        }
        Err(ImportError::Fields { errors: self.errors, more: self.more })
    }
}

/// The fields of one account, or of an object inside it.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    label: &'a str,
    place: usize,
    path: String,
    object: &'a Map<String, Value>,
    findings: &'a mut Findings,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(
        label: &'a str,
        place: usize,
        object: &'a Map<String, Value>,
        findings: &'a mut Findings,
    ) -> Self {
        Self { label, place, path: String::new(), object, findings }
    }

    /// The account's place in the list, from 1.
    pub(crate) fn place(&self) -> usize {
        self.place
    }

    /// The field, if it is given.
    pub(crate) fn given(&self, name: &str) -> Option<&'a Value> {
        given(self.object, name)
    }

    /// Takes note that a field is wrong, or missing.
    pub(crate) fn wrong(&mut self, name: &str, rule: &str) {
        let value = self.given(name).map(quoted).unwrap_or_default();
        self.note(name, value, rule);
    }

    /// Takes note that a value is wrong, which may be one of a list.
    #[cfg(feature = "http")]
    pub(crate) fn wrong_value(&mut self, name: &str, value: &Value, rule: &str) {
        self.note(name, quoted(value), rule);
    }

    fn note(&mut self, name: &str, value: String, rule: &str) {
        let (label, field) = (self.label, self.path_of(name));
        let rule = rule.to_owned();
        self.findings.add(|| FieldError { account: clean(label), field, value, rule });
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// The field as it is written, also `null` or blank.
    #[cfg(feature = "http")]
    pub(crate) fn written(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name)
    }

    /// Takes note of every name that is none of these, or one of them in camel case.
    #[cfg(feature = "http")]
    pub(crate) fn only(&mut self, names: &[&str]) {
        let is_camel = |name: &str| name.bytes().any(|byte| byte.is_ascii_uppercase());
        let object = self.object;
        for (name, value) in object {
            if !names.contains(&name.as_str()) && !is_camel(name) {
                let rule = format!("there is no field here but {}", names.join(", "));
                self.wrong_value(&clean(name), value, &rule);
            }
        }
    }

    /// Reads a field if it is given; takes note if `read` does not understand it.
    pub(crate) fn optional<T>(
        &mut self,
        name: &str,
        rule: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        let read = read(self.given(name)?);
        if read.is_none() {
            self.wrong(name, rule);
        }
        read
    }

    /// The same for a field that must be given.
    pub(crate) fn required<T>(
        &mut self,
        name: &str,
        rule: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        if self.given(name).is_none() {
            self.wrong(name, rule);
        }
        self.optional(name, rule, read)
    }

    /// Reads a field that goes by either of two names; both may be given if they agree.
    pub(crate) fn either<T: PartialEq>(
        &mut self,
        names: [&'static str; 2],
        read: impl Fn(&mut Self, &'static str) -> Option<T>,
    ) -> Option<T> {
        let [one, other] = names.map(|name| read(self, name));
        if one.is_some() && other.is_some() && one != other {
            let told = self.given(names[1]).map(quoted).unwrap_or_default();
            let rule = format!("{} is {told}; give one of the two, or the same in both", names[1]);
            self.wrong(names[0], &rule);
        }
        one.or(other)
    }

    /// The fields of an object inside this one.
    pub(crate) fn inside(&mut self, name: &str) -> Option<Fields<'_>> {
        let object = self.given(name)?.as_object();
        if object.is_none() {
            self.wrong(name, "give an object, or null");
        }
        Some(self.of(name, object?))
    }

    /// The fields of an object that is there, such as one of a list.
    pub(crate) fn of<'b>(&'b mut self, name: &str, object: &'b Map<String, Value>) -> Fields<'b> {
        let (label, place, path) = (self.label, self.place, self.path_of(name));
        Fields { label, place, path, object, findings: &mut *self.findings }
    }

    /// Takes note if an earlier account of the list has the same identity.
    pub(crate) fn unique(&mut self, name: &str, identity: String) {
        let here = self.place;
        let first = *self.findings.first.entry(identity).or_insert(here);
        if first != here {
            self.wrong(name, &format!("accounts #{first} and #{here} both have it; keep one"));
        }
    }

    pub(crate) fn address(&mut self, name: &str) -> Option<String> {
        self.required(name, ADDRESS_RULE, address)
    }

    pub(crate) fn flag(&mut self, name: &str) -> Option<bool> {
        self.optional(name, "give true or false", Value::as_bool)
    }

    pub(crate) fn instant(&mut self, name: &str) -> Option<Timestamp> {
        let rule = "give an instant such as 2026-11-20T09:00:00Z";
        self.optional(name, rule, |value| Timestamp::parse(value.as_str()?.trim()).ok())
    }

    /// A number of emails.
    pub(crate) fn emails(&mut self, name: &str) -> Option<u32> {
        let rule = "give a whole number from 0 to 4294967295";
        self.optional(name, rule, |value| u32::try_from(whole(value)?).ok())
    }

    /// A number of minutes between two sends.
    pub(crate) fn minutes(&mut self, name: &str) -> Option<u64> {
        let rule = "give whole minutes from 0 to 44640 (31 days)";
        self.optional(name, rule, |value| whole(value).filter(|minutes| *minutes <= MINUTES_MAX))
    }

    /// A text, cut to what an account keeps.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        self.optional(name, "give a text, or null", |value| value.as_str().map(cut))
    }
}

/// The field of that name, unless it is `null` or a blank text.
pub(crate) fn given<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| {
        !value.is_null() && value.as_str().is_none_or(|text| !text.trim().is_empty())
    })
}

/// An address: something before and after an `@`, and no blank or control character.
pub(crate) fn address(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let (local, domain) = text.rsplit_once('@')?;
    let sound = !local.is_empty()
        && !domain.is_empty()
        && text.len() <= ADDRESS_MAX
        && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    sound.then(|| text.to_owned())
}

/// A whole number that is not negative: `50`, `50.0` or `"50"`.
pub(crate) fn whole(value: &Value) -> Option<u64> {
    decimal(&number_text(value)?).filter(|(_, fraction)| !fraction).map(|(whole, _)| whole)
}

/// A whole number of either sign, written the same ways.
pub(crate) fn code(value: &Value) -> Option<i64> {
    let text = number_text(value)?;
    let (sign, digits) = text.strip_prefix('-').map_or((1, text.as_str()), |digits| (-1, digits));
    let (whole, fraction) = decimal(digits)?;
    if fraction { None } else { i64::try_from(whole).ok().map(|whole| sign * whole) }
}

/// A number as it is written, whether or not in quotes.
fn number_text(value: &Value) -> Option<String> {
    value.as_number().map(ToString::to_string).or_else(|| Some(value.as_str()?.trim().to_owned()))
}

/// The whole part of a number such as `95` or `95.5`, and whether something follows it. Digits are
/// read as text so that no fraction is ever rounded on the way.
pub(crate) fn decimal(text: &str) -> Option<(u64, bool)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    Some((whole.parse().ok()?, fraction.bytes().any(|b| b != b'0')))
}

/// The text without blanks around it, cut to [`TEXT_MAX`] bytes between two characters.
pub(crate) fn cut(text: &str) -> String {
    let text = text.trim();
    let mut end = text.len().min(TEXT_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_whole_number_is_written_in_several_ways() {
        for (value, read) in [
            (json!(50), Some(50)),
            (json!(50.0), Some(50)),
            (json!("50"), Some(50)),
            (json!(" 50 "), Some(50)),
            (json!(u64::MAX), Some(u64::MAX)),
            (json!(50.5), None),
            (json!(-1), None),
            (json!("+1"), None),
            (json!("1e3"), None),
            (json!(1e300), None),
            (json!("18446744073709551616"), None),
            (json!("٥"), None),
            (json!(""), None),
            (json!("."), None),
            (json!(true), None),
            (json!([50]), None),
        ] {
            assert_eq!(whole(&value), read, "{value}");
        }
        for (value, read) in [
            (json!(-3), Some(-3)),
            (json!("-3"), Some(-3)),
            (json!(2), Some(2)),
            (json!("--3"), None),
            (json!("-"), None),
            (json!(u64::MAX), None),
            (json!(i64::MIN), None),
        ] {
            assert_eq!(code(&value), read, "{value}");
        }
    }

    #[test]
    fn an_address_has_two_parts_and_no_blanks() {
        for (text, sound) in [
            ("ana@acme.example", true),
            ("\"a@b\"@c.example", true),
            ("ana", false),
            ("@acme.example", false),
            ("ana@", false),
            ("ana @acme.example", false),
            ("ana@acme.example\u{7}", false),
            (&format!("{}@acme.example", "a".repeat(250)), false),
        ] {
            assert_eq!(address(&json!(text)).is_some(), sound, "{text}");
        }
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("  words "), "words");
        assert_eq!(cut(&"é".repeat(501)).len(), 1_000);
        assert_eq!(cut(&format!("x{}", "é".repeat(500))).len(), 999);
    }

    #[test]
    fn only_so_many_errors_are_kept() {
        let mut findings = Findings::default();
        for place in 1..=ERRORS_MAX + 5 {
            findings.not_an_object(place, &json!(1));
        }
        let Err(ImportError::Fields { errors, more }) = findings.finish(Vec::new()) else {
            panic!("the fields are wrong");
        };
        assert_eq!((errors.len(), more), (1_000, 5));
    }
}
