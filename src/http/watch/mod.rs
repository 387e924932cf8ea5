//! The page for people, and the call that it asks.
//!
//! The page is a few files within the binary. It loads nothing from elsewhere, and the policy that
//! goes with it lets the browser load nothing from elsewhere either.

mod call;

use axum::Router;
use axum::http::HeaderName;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::IntoResponse;
use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;

use crate::http::service::Service;

/// What a browser may do with the page: run and show what comes from here, ask here, and nothing
/// else; no text of an account becomes a script, no form leaves, no other page frames it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The files of the page: path, content type, text.
const FILES: [(&str, &str, &str); 7] = [
    ("/", HTML, include_str!("page.html")),
    ("/watch/page.css", "text/css; charset=utf-8", include_str!("page.css")),
    ("/watch/icon.svg", "image/svg+xml", include_str!("icon.svg")),
    ("/watch/main.js", SCRIPT, include_str!("main.js")),
    ("/watch/view.js", SCRIPT, include_str!("view.js")),
    ("/watch/chart.js", SCRIPT, include_str!("chart.js")),
    ("/watch/words.js", SCRIPT, include_str!("words.js")),
];

/// The call that the page asks.
pub(super) fn router() -> OpenApiRouter<Service> {
    call::router()
}

/// The page. It needs no key; what it shows does.
pub(super) fn page() -> Router<Service> {
    FILES.into_iter().fold(Router::new(), |router, (path, kind, text)| {
        router.route(path, get(async move || file(kind, text)))
    })
}

fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    let headers: [(HeaderName, &'static str); 5] = [
        (CONTENT_TYPE, kind),
        // Asked for anew each time, so that a page never runs with files of another build.
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, text)
}
