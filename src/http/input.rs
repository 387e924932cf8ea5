//! What a caller sends: numbers in the path, the query, and the body, as far as calls are alike.
//!
//! A body is a JSON object whatever its content type, also with DELETE. Names may be written with
//! underscores or in camel case. What a field means is told where it is read.

use std::ops::Deref;

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use serde_json::{Map, Value};

use crate::http::problem::{Detail, Problem};
use crate::http::room::{Held, SMALL};
use crate::http::service::Service;
use crate::import::error::quoted;
use crate::import::fields::{Fields, Findings, given, whole};

/// The most entries of a list in a body.
pub(super) const LIST_MAX: usize = 1_000;
/// The most things on a page.
pub(super) const PAGE_MAX: u64 = 100;
/// How many fields that are given twice are told.
const TWICE_MAX: usize = 100;
/// How many characters are told of a name that a caller made up.
const NAME_SHOWN: usize = 80;

/// A number in the path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Id(pub(super) u64);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let id = text.ok().and_then(|Path(text)| {
            // A sign, a blank or an empty text is no number of ours, though a parser may take it.
            text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
        });
        id.map(Self).ok_or_else(|| {
            let rule = "the id in the path is no whole number up to 18446744073709551615";
            Problem::malformed(rule)
        })
    }
}

/// The query, every value a text.
#[derive(Clone, Debug)]
pub(super) struct Params(pub(super) Map<String, Value>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(pairs) = Query::<Vec<(String, String)>>::from_request_parts(parts, state)
            .await
            .map_err(|_| Problem::malformed("the query cannot be read"))?;
        let mut object = Map::new();
        for (name, value) in pairs.into_iter().filter(|(name, _)| name != "api_key") {
            object.insert(name, Value::String(value));
        }
        normalise(object).map(Self)
    }
}

/// The body, which takes room until it is dropped.
#[derive(Debug)]
pub(super) struct Body {
    object: Map<String, Value>,
    /// Held and not looked at.
    _room: Held,
}

impl Deref for Body {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.object
    }
}

impl FromRequest<Service> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, service: &Service) -> Result<Self, Problem> {
        let (most, wait) = (service.settings().body_max, service.settings().body_wait);
        let read = tokio::time::timeout(wait, to_bytes(request.into_body(), most)).await;
        let bytes = read.map_err(|_| Problem::TooSlow { wait })?.map_err(|_| {
            Problem::malformed(format!("the body cannot be read, or is longer than {most} bytes"))
        })?;
        let room = service.room().take(bytes.len(), wait).await?;
        let object = if bytes.len() <= SMALL {
            parse(&bytes)?
        } else {
            // Others are served meanwhile.
            let parsed = tokio::task::spawn_blocking(move || parse(&bytes)).await;
            parsed.map_err(|_| Problem::internal("a body could not be parsed"))??
        };
        Ok(Self { object, _room: room })
    }
}

fn parse(bytes: &[u8]) -> Result<Map<String, Value>, Problem> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(object)) => normalise(object),
        Ok(_) => Err(Problem::malformed("the body is not a JSON object")),
        // The words of the parser quote nothing of the body.
        Err(error) => Err(Problem::malformed(format!("the body is not JSON: {error}"))),
    }
}

/// Reads fields, and tells all that are wrong at once.
pub(super) fn read<T>(
    object: &Map<String, Value>,
    read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
) -> Result<T, Problem> {
    let mut findings = Findings::default();
    let value = read(&mut Fields::new("request", 1, object, &mut findings));
    let errors = findings.into_errors();
    if !errors.is_empty() {
        return Err(Problem::invalid(errors.iter().map(Detail::from).collect()));
    }
    value.ok_or_else(|| Problem::internal("a body was read neither well nor badly"))
}

/// Reads a field that goes by any of several names; those that are given must agree.
pub(super) fn any_of<'a, T: PartialEq>(
    fields: &mut Fields<'a>,
    names: &[&'static str],
    read: impl Fn(&mut Fields<'a>, &'static str) -> Option<T>,
) -> Option<T> {
    let mut found: Option<(&'static str, T)> = None;
    for name in names {
        let Some(value) = read(fields, name) else { continue };
        match &found {
            None => found = Some((name, value)),
            Some((first, other)) if *other != value => {
                fields.wrong(name, &format!("{first} says otherwise; give one of the two"));
            }
            Some(_) => {}
        }
    }
    found.map(|(_, value)| value)
}

/// A list of 1 to [`LIST_MAX`] numbers; each that is none is told.
pub(super) fn some_ids(object: &Map<String, Value>, name: &str) -> Result<Vec<u64>, Problem> {
    let rule = format!("give a list of 1 to {LIST_MAX} account numbers");
    let list = given(object, name);
    let Some(list) = list.and_then(Value::as_array).filter(|list| !list.is_empty()) else {
        let is = list.map_or("is missing".to_owned(), |value| format!("is {}", quoted(value)));
        return Err(Problem::field(name, format!("{is}; {rule}")));
    };
    if list.len() > LIST_MAX {
        return Err(Problem::field(name, format!("has {} entries; {rule}", list.len())));
    }
    let numbers = list.iter().map(whole);
    let wrong = numbers.clone().enumerate().filter(|(_, number)| number.is_none());
    let wrong: Vec<_> = wrong
        .map(|(n, _)| {
            let message = format!("is {}; give an account's number", quoted(&list[n]));
            Detail::field(format!("{name}[{n}]"), message)
        })
        .collect();
    if wrong.is_empty() { Ok(numbers.flatten().collect()) } else { Err(Problem::invalid(wrong)) }
}

/// A list of numbers, at most [`LIST_MAX`].
pub(super) fn ids(value: &Value) -> Option<Vec<u64>> {
    let list = value.as_array().filter(|list| list.len() <= LIST_MAX)?;
    list.iter().map(whole).collect()
}

/// The part of a list that a page shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    pub(super) offset: u64,
    pub(super) limit: u64,
}

impl Page {
    /// Reads `offset` and `limit`, which is `most` if it is not given.
    pub(super) fn of(fields: &mut Fields<'_>, most: u64) -> Self {
        let rule = "give a whole number, 0 or more";
        let offset = fields.optional("offset", rule, whole);
        let rule = format!("give a whole number from 1 to {most}");
        let limit = fields.optional("limit", &rule, |value| {
            whole(value).filter(|limit| (1..=most).contains(limit))
        });
        Self { offset: offset.unwrap_or(0), limit: limit.unwrap_or(most) }
    }

    pub(super) fn cut<T>(self, items: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
        let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        items.skip(size(self.offset)).take(size(self.limit))
    }
}

/// Gives every value whose name is in camel case the name with underscores, in objects and lists of
/// them at any depth. Plain values keep both names; lists and objects are moved, since copies would
/// double at each level.
fn normalise(mut object: Map<String, Value>) -> Result<Map<String, Value>, Problem> {
    let mut twice = Vec::new();
    spell(&mut object, None, &mut twice);
    if twice.is_empty() { Ok(object) } else { Err(Problem::invalid(twice)) }
}

/// Where an object is. A path is only made of it when there is something to tell.
#[derive(Clone, Copy, Debug)]
struct Place<'a> {
    above: Option<&'a Place<'a>>,
    name: &'a str,
}

fn spell(object: &mut Map<String, Value>, above: Option<&Place<'_>>, twice: &mut Vec<Detail>) {
    let is_camel = |name: &&String| name.bytes().any(|byte| byte.is_ascii_uppercase());
    let camel: Vec<String> = object.keys().filter(is_camel).cloned().collect();
    for name in camel {
        let plain = underscored(&name);
        let value = match object.get(&name) {
            Some(Value::Array(_) | Value::Object(_)) => object.remove(&name),
            value => value.cloned(),
        };
        let Some(value) = value else { continue };
        match object.get(&plain) {
            Some(other) if *other != value && twice.len() < TWICE_MAX => {
                let message = format!("{} says otherwise; give one of the two", short(&name));
                twice.push(Detail::field(path(&Place { above, name: &plain }), message));
            }
            Some(_) => {}
            None => drop(object.insert(plain, value)),
        }
    }
    for (name, value) in object.iter_mut() {
        let items = if let Value::Array(items) = value {
            items.as_mut_slice()
        } else {
            std::slice::from_mut(value)
        };
        let place = Place { above, name };
        for inner in items.iter_mut().filter_map(Value::as_object_mut) {
            spell(inner, Some(&place), twice);
        }
    }
}

/// The names from the body down, with dots between.
fn path(place: &Place<'_>) -> String {
    let mut names: Vec<String> = std::iter::successors(Some(place), |place| place.above)
        .map(|place| short(place.name))
        .collect();
    names.reverse();
    names.join(".")
}

/// A name that a caller made up, cut to what a person reads.
fn short(name: &str) -> String {
    let mut short: String = name.chars().take(NAME_SHOWN).collect();
    if short.len() < name.len() {
        short.push('…');
    }
    short
}

fn underscored(name: &str) -> String {
    let mut plain = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            plain.push('_');
        }
        plain.push(c.to_ascii_lowercase());
    }
    plain
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use serde_json::json;

    #[test]
    fn names_may_be_in_either_style_but_not_differ() {
        let read = |value: Value| normalise(value.as_object().unwrap().clone());
        let both = read(json!({"emailAccountIds": [1], "schedule": {"startHour": "9"}})).unwrap();
        assert_eq!(both["email_account_ids"], json!([1]));
        assert_eq!(both["schedule"]["start_hour"], "9");
        assert!(read(json!({"isSuspended": true, "is_suspended": true})).is_ok());
        let twice = read(json!({"a": {"isB": 1, "is_b": 2}})).unwrap_err();
        let Problem::Invalid { details, .. } = twice else { panic!("two values") };
        assert_eq!(details[0].field.as_deref(), Some("a.is_b"));
    }

    /// The size of what is read of a text, in bytes of JSON.
    fn size(text: &str) -> usize {
        let object = serde_json::from_str(text).unwrap();
        serde_json::to_string(&normalise(object).unwrap()).unwrap().len()
    }

    #[test]
    fn what_is_read_is_as_large_as_what_is_given_however_deep_it_is() {
        // One level more is refused by the parser.
        let nested = |name: &str, depth| {
            format!("{}1{}", format!(r#"{{"{name}":"#).repeat(depth), "}".repeat(depth))
        };
        assert!(serde_json::from_str::<Value>(&nested("aB", 128)).is_err());
        let deepest = nested("aB", 127);
        // A letter more for every name, and the innermost number has both.
        assert!(size(&deepest) <= deepest.len() + 127 + 10);
        for (open, close) in [(r#"{"aB":[{"cD":"#, "}]}"), (r#"{"aB":[1,{"c":[],"dE":"#, "}]}")] {
            let text = format!("{}{{}}{}", open.repeat(40), close.repeat(40));
            assert!(size(&text) <= 2 * text.len(), "{open}");
        }
    }

    #[test]
    fn a_long_name_is_not_written_anew_for_each_of_many_items() {
        // 1.2 TB, if each item wrote it.
        let name = "nameIn".repeat(700_000);
        let items = vec![r#"{"aB":1}"#; 300_000].join(",");
        let text = format!(r#"{{"{name}":[{items}]}}"#);
        assert!(size(&text) <= 3 * text.len());
    }

    #[test]
    fn lists_and_objects_may_be_given_twice_if_they_agree() {
        let read = |text: &str| normalise(serde_json::from_str(text).unwrap());
        let same = read(r#"{"aB":{"cD":[1]},"a_b":{"cD":[1]}}"#).unwrap();
        assert_eq!(Value::Object(same), json!({"a_b": {"c_d": [1]}}));
        let twice = read(r#"{"x":[{"aB":[1],"a_b":[2]}]}"#).unwrap_err();
        let Problem::Invalid { details, .. } = twice else { panic!("two values") };
        assert_eq!(details[0].field.as_deref(), Some("x.a_b"));
        assert_eq!(details[0].reasons[0].message, "aB says otherwise; give one of the two");
    }

    #[test]
    fn of_many_fields_that_are_given_twice_some_are_told_and_shortly() {
        let told = |text: &str| match normalise(serde_json::from_str(text).unwrap()) {
            Err(Problem::Invalid { details, .. }) => details,
            other => panic!("two values: {other:?}"),
        };
        let names = |n: usize| format!(r#""a{n}B":1,"a{n}_b":2"#);
        let names: Vec<_> = (0..1_000).map(names).collect();
        assert_eq!(told(&format!("{{{}}}", names.join(","))).len(), TWICE_MAX);
        let (long, path) = ("a".repeat(1_000), "x".repeat(10_000));
        let details = told(&format!(r#"{{"{path}":[{{"{long}B":1,"{long}_b":2}}]}}"#));
        let detail = serde_json::to_string(&details).unwrap();
        assert!(detail.len() < 500, "{detail}");
    }

    #[test]
    fn a_large_body_takes_room_until_it_is_dropped() {
        let clock = crate::clock::Clock::by_hand(chrono::DateTime::UNIX_EPOCH);
        let settings = crate::http::settings::Settings::default().body_max(8 << 20);
        let service = Service::new(settings.body_wait(Duration::from_millis(50)), clock);
        let read = async |bytes: usize| {
            let text = format!("{{{}}}", " ".repeat(bytes - 2));
            Body::from_request(Request::new(axum::body::Body::from(text)), &service).await
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let large = read(8 << 20).await.unwrap();
            let other = read(1 << 20).await.unwrap_err();
            assert!(matches!(other, Problem::Unavailable { code: "busy", .. }), "{other:?}");
            assert!(large.is_empty() && read(SMALL).await.is_ok());
            drop(large);
            assert!(read(1 << 20).await.is_ok());
        });
    }
}
