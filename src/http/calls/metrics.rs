//! The call that tells what is counted and measured.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::problem::{Problem, ProblemBody};
use crate::http::service::Service;

pub(crate) fn router() -> OpenApiRouter<Service> {
    OpenApiRouter::new().routes(routes!(metrics))
}

/// The form of the text.
const FORM: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is counted and measured, for Prometheus. Needs no key: nothing in it says anything of an
/// owner.
#[utoipa::path(get, path = "/metrics", tag = "service", security(()),
    responses((status = 200, description = "The text", body = String,
            content_type = "application/openmetrics-text"),
        (status = 404, description = "The service runs without", body = ProblemBody)))]
async fn metrics(State(service): State<Service>) -> Result<Response, Problem> {
    let counting = service.clone();
    let counted = tokio::task::spawn_blocking(move || {
        let meters = counting.meters()?;
        if let Some(engine) = counting.engine() {
            meters.count_headroom(engine, counting.clock().elapsed());
        }
        meters.streaming(counting.listeners().count());
        Some(meters.text())
    });
    let text = counted.await.map_err(|error| Problem::internal(error.to_string()))?;
    let text = text.ok_or(Problem::NOT_FOUND)?;
    let text = text.ok_or_else(|| Problem::internal("the metrics cannot be written"))?;
    Ok(([(CONTENT_TYPE, FORM)], text).into_response())
}
