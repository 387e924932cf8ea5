//! How an account stands, as it is shown.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::calendar::instant;
use crate::http::shapes::reservation_view::{self, ReasonView};
use crate::rotation::{Engine, Standing};

/// How an account stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Standing)]
pub(crate) struct StandingView {
    email_account_id: u64,
    from_email: String,
    /// The civil day in its zone, which the counts up to `headroom` are of.
    day: String,
    day_ends_at: String,
    daily_cap: u32,
    /// What the day permits: the cap, or the ramp below it.
    allowance: u32,
    sent: u32,
    reserved: u32,
    /// What is left of the allowance.
    headroom: u32,
    weight: u64,
    ready: bool,
    /// The least instant at which nothing of its own holds it; null if somebody must act.
    ready_at: Option<String>,
    reasons: Vec<ReasonView>,
}

pub(crate) fn standing(engine: &Engine, standing: &Standing) -> StandingView {
    let account = engine.account(standing.account);
    let blocks = standing.blocks.iter();
    StandingView {
        email_account_id: standing.account.0,
        from_email: account.map(|account| account.address.clone()).unwrap_or_default(),
        day: standing.day.to_string(),
        day_ends_at: instant(standing.day_ends_at),
        daily_cap: standing.daily_cap,
        allowance: standing.allowance,
        sent: standing.sent,
        reserved: standing.reserved,
        headroom: standing.headroom(),
        weight: standing.weight,
        ready: standing.is_ready(),
        ready_at: standing.ready_at.map(instant),
        reasons: blocks
            .map(|block| reservation_view::reason(Some(standing.account), block))
            .collect(),
    }
}
