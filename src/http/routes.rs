//! All routes together, and what is around them.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, patch, post};
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;
use utoipa_axum::router::OpenApiRouter;

use crate::http::around::around;
use crate::http::calls::{
    accounts, campaign_settings, campaigns, events, health, leads, metrics, pool, questions,
    reports, reservations, warmup,
};
use crate::http::openapi::{self, Description};
use crate::http::page;
use crate::http::problem::Problem;
use crate::http::service::Service;
use crate::http::watch;

impl Service {
    /// The routes, to be served or mounted. Calls are found under `/api/v1`.
    pub fn router(&self) -> Router {
        let (described, document) = described();
        // What clients send that the reference does not describe, or describes elsewhere.
        let undescribed = Router::new()
            .route("/api/v1/campaigns/{campaign_id}", post(campaign_settings::set_schedule))
            .route(
                "/api/v1/campaigns/{campaign_id}/schedule",
                patch(campaign_settings::set_schedule),
            )
            .route(
                "/api/v1/campaigns/{campaign_id}/settings",
                patch(campaign_settings::set_settings),
            )
            .route("/api/v1/campaigns/{campaign_id}/status", patch(campaigns::set_status))
            .route("/api/v1/email-accounts/", axum::routing::get(accounts::list))
            .route("/api/v1/email-accounts/{email_account_id}/", axum::routing::get(accounts::get));
        described
            .merge(undescribed)
            .merge(page::router(&document))
            .merge(watch::page())
            .fallback(any(async || Problem::NOT_FOUND))
            .method_not_allowed_fallback(async || Problem::MethodNotAllowed)
            .layer(from_fn_with_state(self.clone(), around))
            .with_state(self.clone())
    }
}

/// The routes that are described, and their description.
fn described() -> (Router<Service>, Document) {
    let calls = OpenApiRouter::new()
        .merge(accounts::router())
        .merge(warmup::router())
        .merge(campaigns::router())
        .merge(campaign_settings::router())
        .merge(events::router())
        .merge(leads::router())
        .merge(pool::router())
        .merge(questions::router())
        .merge(reports::router())
        .merge(reservations::router())
        .merge(watch::router());
    let all = OpenApiRouter::with_openapi(Description::openapi())
        .nest("/api/v1", calls)
        .merge(health::router())
        .merge(metrics::router());
    let (router, document) = all.split_for_parts();
    (router, openapi::completed(document))
}

/// The OpenAPI document of all calls, as JSON.
pub fn openapi() -> String {
    let (_, document) = described();
    openapi::json(&document)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_call_has_a_name_of_its_own() {
        let (_, document) = described();
        let document = serde_json::to_value(document).unwrap();
        let items = document["paths"].as_object().unwrap().values();
        let operations = items.flat_map(|item| item.as_object().unwrap().values());
        let names: Vec<_> = operations.map(|of| of["operationId"].as_str().unwrap()).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
        assert!(names.contains(&"get_campaigns_campaign_id_email_accounts"), "{names:?}");
    }
}
