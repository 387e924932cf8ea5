//! What happens around every call: its id, its line in the log, and its refusal while the service
//! stops.
//!
//! Knows no route. The query is never logged: it may hold a key.

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::problem::Problem;
use crate::http::service::Service;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id that is taken over from a caller.
const ID_MAX: usize = 64;
/// The most characters of a method or a path in the log.
const LOGGED_MAX: usize = 256;
/// What is answered while the service stops too.
const ALWAYS: [&str; 3] = ["/healthz", "/metrics", "/readyz"];

/// Runs a call as a task of its own, so that it ends even if its caller is gone.
pub(super) async fn around(
    State(service): State<Service>,
    request: Request,
    next: Next,
) -> Response {
    let started = service.clock().elapsed();
    let id = given(request.headers()).unwrap_or_else(|| made(&service));
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = match service.enter() {
        None if !ALWAYS.contains(&path.as_str()) => {
            Problem::unavailable("stopping", "The service is stopping").into_response()
        }
        running => {
            let call = tokio::spawn(async move {
                let response = next.run(request).await;
                drop(running);
                response
            });
            call.await.unwrap_or_else(|error| {
                Problem::internal(format!("a call panicked: {error}")).into_response()
            })
        }
    };
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        if let Problem::Internal { problem } = &problem {
            tracing::error!(request_id = %id, problem, "a call failed");
        }
        let allow = response.headers().get("allow").cloned();
        response = problem.respond(Some(&id));
        if let Some(allow) = allow {
            response.headers_mut().insert("allow", allow);
        }
    }
    let status = response.status().as_u16();
    let took = service.clock().elapsed().saturating_sub(started);
    if let Some(meters) = service.meters() {
        let route = route.as_ref().map(MatchedPath::as_str);
        meters.called(method.as_str(), route, status, took);
    }
    let micros = took.as_micros();
    let (method, path) = (logged(method.as_str()), logged(&path));
    tracing::info!(request_id = %id, %method, path, status, micros, "call");
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// The id that the caller gave, if it is fit to be written anywhere.
fn given(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let fit =
        !id.is_empty() && id.len() <= ID_MAX && id.bytes().all(|byte| byte.is_ascii_graphic());
    fit.then(|| id.to_owned())
}

/// A text that a caller made up, as the log takes it: short, and nothing that moves a cursor.
fn logged(text: &str) -> String {
    let mut logged = String::new();
    for (n, c) in text.chars().enumerate() {
        if n == LOGGED_MAX {
            logged.push('…');
            break;
        }
        if c.is_ascii_graphic() { logged.push(c) } else { logged.extend(c.escape_unicode()) }
    }
    logged
}

fn made(service: &Service) -> String {
    format!("{:x}-{}", service.clock().now().timestamp_millis(), service.next_request())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_logged_is_short_and_moves_no_cursor() {
        assert_eq!(logged("/api/v1/campaigns/1%20"), "/api/v1/campaigns/1%20");
        assert_eq!(logged("/a\u{9b}2J\u{7f}\u{202e}\n"), r"/a\u{9b}2J\u{7f}\u{202e}\u{a}");
        let long = logged(&"x".repeat(60_000));
        assert_eq!((long.chars().count(), long.ends_with("x…")), (257, true));
        assert_eq!(logged(&"x".repeat(256)).len(), 256);
    }
}
