//! Who calls, and when: the key is checked, the limit taken, the clock read, before anything else.

use axum::Json;
use axum::extract::{FromRequestParts, Query};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use chrono::{DateTime, Utc};

use crate::http::keys;
use crate::http::problem::Problem;
use crate::http::service::Service;
use crate::store::AsyncEngine;
use crate::vocab::OwnerId;

/// A caller whose key opens, within its limit.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) engine: AsyncEngine,
    /// The number of its key.
    pub(super) key: u64,
    pub(super) now: DateTime<Utc>,
    pub(super) owner: OwnerId,
    pub(super) service: Service,
}

impl FromRequestParts<Service> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Problem> {
        let engine = service.ready()?;
        let text = key(parts).ok_or(Problem::Unauthorized)?;
        let checked = engine.look(|_, documents| keys::check(documents, &text));
        let (key, owner) = checked.ok_or(Problem::Unauthorized)?;
        service.limits().take(key).map_err(Problem::TooMany)?;
        Ok(Self { engine, key, now: service.clock().now(), owner, service: service.clone() })
    }
}

impl Caller {
    /// Does what may take long on a thread for such work, so that others are answered meanwhile.
    pub(super) async fn aside<T: Send + 'static>(
        self,
        work: impl FnOnce(&Self) -> Result<T, Problem> + Send + 'static,
    ) -> Result<Json<T>, Problem> {
        let done = tokio::task::spawn_blocking(move || work(&self));
        done.await.map_err(|error| Problem::internal(error.to_string()))?.map(Json)
    }
}

/// The key: `Authorization: Bearer …`, or else `?api_key=…`.
fn key(parts: &Parts) -> Option<String> {
    let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = header.and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim().to_owned())
    });
    bearer.or_else(|| {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).ok()?;
        pairs.into_iter().find(|(name, _)| name == "api_key").map(|(_, key)| key)
    })
}
