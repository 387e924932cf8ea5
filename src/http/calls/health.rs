//! Whether the service lives, and whether it takes calls. Needs no key and tells nothing else.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::service::Service;

pub(crate) fn router() -> OpenApiRouter<Service> {
    OpenApiRouter::new().routes(routes!(lives)).routes(routes!(ready))
}

/// How the service is.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// `ok`, `starting`, `stopping` or `clock`: the wall clock jumped and is not believed yet,
    /// while calls are answered by the steady clock.
    status: &'static str,
}

/// Whether the process answers at all.
#[utoipa::path(get, path = "/healthz", tag = "service", security(()),
    responses((status = 200, description = "It lives", body = Health)))]
async fn lives() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Whether calls are taken.
#[utoipa::path(get, path = "/readyz", tag = "service", security(()),
    responses((status = 200, description = "Calls are taken", body = Health),
        (status = 503, description = "No calls are taken", body = Health)))]
async fn ready(State(service): State<Service>) -> Response {
    let unready =
        |status| (StatusCode::SERVICE_UNAVAILABLE, Json(Health { status })).into_response();
    if service.is_stopping() {
        return unready("stopping");
    }
    if service.engine().is_none() {
        return unready("starting");
    }
    let status = if service.clock().doubt().is_some() { "clock" } else { "ok" };
    Json(Health { status }).into_response()
}
