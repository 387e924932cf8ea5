//! What goes wrong with a call, as a status and a body.
//!
//! One envelope per status, the same for every route. What does not exist and what belongs to
//! somebody else are one problem, so they cannot be told apart.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::Json;
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::import::FieldError;
use crate::rotation::{AttachReport, Checked, Finding};
use crate::vocab::AccountId;

/// The most details of a refusal, as many as a list may have entries.
pub(super) const DETAILS_MAX: usize = 1_000;

/// A call that is not answered as its caller wished.
#[derive(Clone, Debug)]
pub(super) enum Problem {
    Conflict {
        code: &'static str,
        error: String,
        details: Vec<Detail>,
    },
    Internal {
        problem: String,
    },
    Invalid {
        error: Option<String>,
        details: Vec<Detail>,
    },
    Malformed {
        error: String,
    },
    MethodNotAllowed,
    NotFound {
        details: Vec<Detail>,
    },
    TooMany(Limited),
    /// The body did not come in time.
    TooSlow {
        wait: Duration,
    },
    Unauthorized,
    Unavailable {
        code: &'static str,
        error: String,
        retry_after: u64,
    },
}

/// How a caller stands with its limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limited {
    pub(super) limit: u32,
    /// Whole seconds until the next call is answered, at least 1.
    pub(super) retry_after: u64,
    /// When that is, in seconds since 1970.
    pub(super) reset_at: i64,
}

/// The body of a refusal.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemBody {
    /// What is wrong, in words.
    error: String,
    /// A stable word for machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// Every field or account that is wrong, with every reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<Detail>,
    /// The id to ask about, on a failure of the service itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

/// The body of a refusal for want of a key.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = KeyProblem)]
pub(super) struct KeyProblemBody {
    message: &'static str,
}

/// The body of a refusal for too many calls.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = LimitProblem)]
pub(super) struct LimitProblemBody {
    error: LimitError,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
struct LimitError {
    code: &'static str,
    message: &'static str,
    /// Whole seconds until the next call is answered.
    retry_after: u64,
}

/// One field or one account, and everything that is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ProblemDetail)]
pub(super) struct Detail {
    /// Which account of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) email_account_id: Option<u64>,
    /// The path of the field in the body or the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) field: Option<String>,
    /// All that is wrong.
    pub(super) reasons: Vec<Why>,
}

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ProblemReason)]
pub(super) struct Why {
    /// A stable word for machines.
    pub(super) code: &'static str,
    /// `error` keeps the account out, `warning` does not.
    pub(super) severity: &'static str,
    /// The same in words, with what to do.
    pub(super) message: String,
}

impl Detail {
    pub(super) fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        let why = Why { code: "invalid", severity: "error", message: message.into() };
        Self { email_account_id: None, field: Some(field.into()), reasons: vec![why] }
    }
}

impl From<&Checked> for Detail {
    fn from(checked: &Checked) -> Self {
        let why = |finding: &Finding| Why {
            code: finding.code(),
            severity: if finding.is_error() { "error" } else { "warning" },
            message: finding.to_string(),
        };
        Self {
            email_account_id: Some(checked.account.0),
            field: None,
            reasons: checked.findings.iter().map(why).collect(),
        }
    }
}

impl From<&FieldError> for Detail {
    fn from(error: &FieldError) -> Self {
        let FieldError { field, value, rule, .. } = error;
        let message = match value.as_str() {
            "" => format!("is missing; {rule}"),
            value => format!("is {value}; {rule}"),
        };
        Self::field(field.as_str(), message)
    }
}

/// The accounts of a report about which there is something to say.
pub(super) fn details(report: &AttachReport) -> Vec<Detail> {
    let told = report.accounts.iter().filter(|checked| !checked.findings.is_empty());
    told.map(Detail::from).collect()
}

impl Problem {
    pub(super) const NOT_FOUND: Self = Self::NotFound { details: Vec::new() };

    /// Accounts that do not exist, or belong to somebody else.
    pub(super) fn no_accounts(accounts: impl IntoIterator<Item = AccountId>) -> Self {
        let finding = Finding::NotFoundOrNotOwned;
        let detail = |id: AccountId| Detail {
            email_account_id: Some(id.0),
            field: None,
            reasons: vec![Why {
                code: finding.code(),
                severity: "error",
                message: finding.to_string(),
            }],
        };
        Self::NotFound { details: accounts.into_iter().map(detail).collect() }
    }

    pub(super) fn malformed(error: impl Into<String>) -> Self {
        Self::Malformed { error: error.into() }
    }

    /// Fields that are wrong, up to [`DETAILS_MAX`]. Of several readings of one field the first is
    /// told.
    pub(super) fn invalid(mut details: Vec<Detail>) -> Self {
        let mut told = BTreeSet::new();
        details
            .retain(|detail| detail.field.as_ref().is_none_or(|field| told.insert(field.clone())));
        details.truncate(DETAILS_MAX);
        Self::Invalid { error: None, details }
    }

    /// One field that is wrong.
    pub(super) fn field(field: &str, message: impl Into<String>) -> Self {
        Self::invalid(vec![Detail::field(field, message)])
    }

    pub(super) fn conflict(code: &'static str, error: impl Into<String>) -> Self {
        Self::Conflict { code, error: error.into(), details: Vec::new() }
    }

    pub(super) fn internal(problem: impl Into<String>) -> Self {
        Self::Internal { problem: problem.into() }
    }

    pub(super) fn unavailable(code: &'static str, error: impl Into<String>) -> Self {
        Self::Unavailable { code, error: error.into(), retry_after: 5 }
    }

    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::Conflict { .. } => StatusCode::CONFLICT,
            Self::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Invalid { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Malformed { .. } => StatusCode::BAD_REQUEST,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotFound { .. } => StatusCode::NOT_FOUND,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::TooSlow { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What is wrong, as one text.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Conflict { error, .. }
            | Self::Malformed { error }
            | Self::Unavailable { error, .. } => error.clone(),
            Self::Invalid { error, details } => {
                let reasons = details.iter().flat_map(|detail| &detail.reasons);
                let said = error.iter().chain(reasons.map(|why| &why.message));
                said.cloned().collect::<Vec<_>>().join("; ")
            }
            Self::Internal { .. } => "internal".to_owned(),
            Self::MethodNotAllowed => "Method not allowed".to_owned(),
            Self::NotFound { .. } => "Resource not found".to_owned(),
            Self::TooMany(_) => "Too many requests".to_owned(),
            Self::TooSlow { wait } => {
                format!("the body did not come within {} seconds", wait.as_secs_f64())
            }
            Self::Unauthorized => "Invalid API Key".to_owned(),
        }
    }

    /// The answer; a failure of the service itself names the request to ask about.
    pub(super) fn respond(self, request_id: Option<&str>) -> Response {
        let status = self.status();
        let body = |error: String, code, details| {
            let body = ProblemBody { error, code, details, request_id: None };
            (status, Json(body)).into_response()
        };
        match self {
            Self::Conflict { code, error, details } => body(error, Some(code), details),
            Self::Internal { .. } => {
                let error = "Internal server error".to_owned();
                let (code, details) = (Some("internal"), Vec::new());
                let request_id = request_id.map(str::to_owned);
                (status, Json(ProblemBody { error, code, details, request_id })).into_response()
            }
            Self::Invalid { error, details } => {
                let error = error.unwrap_or_else(|| "Invalid parameters provided".to_owned());
                body(error, Some("invalid"), details)
            }
            Self::Malformed { error } => body(error, Some("malformed"), Vec::new()),
            Self::MethodNotAllowed => {
                let error = "Method not allowed".to_owned();
                body(error, Some("method_not_allowed"), Vec::new())
            }
            Self::NotFound { details } => body("Resource not found".to_owned(), None, details),
            Self::TooMany(limited) => limited.respond(),
            Self::TooSlow { .. } => body(self.words(), Some("timeout"), Vec::new()),
            Self::Unauthorized => {
                let body = Json(KeyProblemBody { message: "Invalid API Key" });
                (status, [(WWW_AUTHENTICATE, "Bearer")], body).into_response()
            }
            Self::Unavailable { code, error, retry_after } => {
                let mut response = body(error, Some(code), Vec::new());
                response.headers_mut().insert("retry-after", HeaderValue::from(retry_after));
                response
            }
        }
    }
}

impl Limited {
    fn respond(self) -> Response {
        let error = LimitError {
            code: "RATE_LIMIT_EXCEEDED",
            message: "Too many requests; wait, then go on",
            retry_after: self.retry_after,
        };
        let body = Json(LimitProblemBody { error });
        let mut response = (StatusCode::TOO_MANY_REQUESTS, body).into_response();
        let headers = [
            ("retry-after", HeaderValue::from(self.retry_after)),
            ("x-ratelimit-limit", HeaderValue::from(self.limit)),
            ("x-ratelimit-remaining", HeaderValue::from(0)),
            ("x-ratelimit-reset", HeaderValue::from(self.reset_at)),
        ];
        for (name, value) in headers {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
        response
    }
}

impl IntoResponse for Problem {
    /// The layer around all routes answers in its place once it knows the request's id.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wrong_field_is_told_once_and_no_more_of_them_than_a_person_reads() {
        let field = |n: usize| Detail::field(format!("f{}", n / 2), format!("{n}"));
        let Problem::Invalid { details, .. } = Problem::invalid((0..100_000).map(field).collect())
        else {
            panic!("fields are wrong")
        };
        assert_eq!(details.len(), DETAILS_MAX);
        for (n, detail) in details.iter().enumerate() {
            assert_eq!(*detail, field(2 * n), "the first of two");
        }
    }
}
