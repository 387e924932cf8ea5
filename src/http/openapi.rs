//! The OpenAPI document: generated from the calls, with what they all share added once.

use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi as Document, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi};

use crate::http::problem::{KeyProblemBody, LimitProblemBody, ProblemBody};

/// What stands above all calls.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "mailrota",
        description = "Whose turn is it to send? Rotates a campaign's emails over its accounts, \
                       inside every cap, spacing and window, and says why."
    ),
    components(schemas(ProblemBody, KeyProblemBody, LimitProblemBody)),
    modifiers(&Keys),
    security(("api_key" = []), ("bearer" = [])),
    tags(
        (name = "pool", description = "A campaign's accounts; compatible with SmartLead"),
        (name = "email-accounts", description = "Accounts; compatible with SmartLead"),
        (name = "campaigns", description = "Campaigns; compatible with SmartLead"),
        (name = "rotation", description = "Who sends, and why: the engine's own calls"),
        (name = "service", description = "How the service is"),
    )
)]
pub(super) struct Description;

/// How a caller shows its key.
#[derive(Debug)]
struct Keys;

impl Modify for Keys {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        let query = SecurityScheme::ApiKey(ApiKey::Query(ApiKeyValue::new("api_key")));
        components.add_security_scheme("api_key", query);
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    }
}

/// The refusals that every call may answer, and one that needs a body: status, words, schema.
const REFUSALS: [(&str, &str, &str); 10] = [
    ("400", "The path, the query or the body cannot be read", "Problem"),
    ("401", "No key, or a wrong one", "KeyProblem"),
    ("404", "It does not exist, or belongs to somebody else", "Problem"),
    ("405", "The path takes other methods", "Problem"),
    ("408", "The body did not come in time", "Problem"),
    ("409", "The state of things forbids it", "Problem"),
    ("422", "Values that fail validation, each with every reason", "Problem"),
    ("429", "Too many calls", "LimitProblem"),
    ("500", "The service failed; the body names the request", "Problem"),
    ("503", "The service is starting or stopping, or its store cannot write", "Problem"),
];

/// With which method.
#[derive(Clone, Copy, Debug)]
enum Written {
    Patch,
    Post,
}

/// Calls that some clients write otherwise: where they are described, and how else they are
/// written.
const ALIASES: [(&str, &str, Written); 4] = [
    ("/campaigns/{campaign_id}/schedule", "/campaigns/{campaign_id}", Written::Post),
    ("/campaigns/{campaign_id}/schedule", "/campaigns/{campaign_id}/schedule", Written::Patch),
    ("/campaigns/{campaign_id}/settings", "/campaigns/{campaign_id}/settings", Written::Patch),
    ("/campaigns/{campaign_id}/status", "/campaigns/{campaign_id}/status", Written::Patch),
];

/// Adds the calls that are written otherwise, a name to every call, and the refusals to those that
/// need a key.
pub(super) fn completed(mut document: Document) -> Document {
    for (described, path, method) in ALIASES {
        let paths = &mut document.paths.paths;
        let same = paths.get(&format!("/api/v1{described}")).and_then(|item| item.post.clone());
        let item = paths.get_mut(&format!("/api/v1{path}"));
        if let (Some(mut operation), Some(item)) = (same, item) {
            operation.description = Some(format!("The same as POST {described}."));
            match method {
                Written::Patch => item.patch = Some(operation),
                Written::Post => item.post = Some(operation),
            }
        }
    }
    for (path, item) in &mut document.paths.paths {
        let operations = [
            ("get", &mut item.get),
            ("post", &mut item.post),
            ("put", &mut item.put),
            ("delete", &mut item.delete),
            ("patch", &mut item.patch),
        ];
        for (method, operation) in operations {
            let Some(operation) = operation else { continue };
            operation.operation_id = Some(operation_id(method, path));
            if path.starts_with("/api/v1/") {
                refuse(operation);
            }
        }
    }
    document
}

/// A name that no other call has, as who makes clients of the document needs.
fn operation_id(method: &str, path: &str) -> String {
    let words = path.trim_start_matches("/api/v1").split(['/', '-', '{', '}']);
    let words = words.filter(|word| !word.is_empty());
    words.fold(method.to_owned(), |id, word| format!("{id}_{word}"))
}

fn refuse(operation: &mut Operation) {
    let has_body = operation.request_body.is_some();
    for (status, words, schema) in REFUSALS.iter().filter(|(of, ..)| has_body || *of != "408") {
        let schema = Ref::from_schema_name(*schema);
        let content = ContentBuilder::new().schema(Some(schema)).build();
        let response =
            ResponseBuilder::new().description(*words).content("application/json", content).build();
        operation.responses.responses.entry((*status).to_owned()).or_insert(RefOr::T(response));
    }
}

/// The document as JSON.
pub(super) fn json(document: &Document) -> String {
    document.to_pretty_json().unwrap_or_default() + "\n"
}
