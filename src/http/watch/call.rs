//! One answer with all that a person who watches a campaign wants to see.
//!
//! What is asked is copied while the engine is held, and computed from the copy afterwards, so that
//! watching holds no writer up for longer than a copy takes.

use axum::Json;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::calendar::instant;
use crate::http::caller::Caller;
use crate::http::input::{self, Id, LIST_MAX, Page, Params};
use crate::http::problem::Problem;
use crate::http::records::{self, CampaignRecord, Kind};
use crate::http::service::Service;
use crate::http::shapes::campaign_view;
use crate::http::shapes::reservation_view::{self, ReasonView};
use crate::http::shapes::standing_view::{self, StandingView};
use crate::policy::CampaignState;
use crate::rotation::{AccountShare, CampaignDay, Engine, Planned, RestOfDay, Standing};
use crate::vocab::{CampaignId, Span, Timestamp, Zone};

pub(super) fn router() -> OpenApiRouter<Service> {
    OpenApiRouter::new().routes(routes!(watch))
}

/// How many of the next emails are shown.
const NEXT: usize = 20;
/// How many emails the rest of the day is planned with at most.
const PLANNED_MAX: u64 = 5_000;
const MILLION: u64 = 1_000_000;

/// A campaign as a person watches it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Watch)]
struct WatchView {
    /// The instant that all of this holds for.
    at: String,
    campaign_id: u64,
    name: String,
    /// `DRAFTED`, `ACTIVE`, `PAUSED` or `STOPPED`.
    status: &'static str,
    /// Where its civil days are counted.
    timezone: &'static str,
    /// What holds the campaign as a whole.
    reasons: Vec<ReasonView>,
    day: DayView,
    /// The next emails to new leads, at most 20, if nothing else happens; the first is the next
    /// that the campaign may send. None if nobody may unless somebody acts.
    next: Vec<NextView>,
    /// How many accounts are attached.
    accounts_total: u64,
    /// Those of the page, by number.
    accounts: Vec<WatchedView>,
}

/// The campaign's civil day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WatchDay)]
struct DayView {
    date: String,
    starts_at: String,
    ends_at: String,
    /// Emails of the campaign that count as sent on it.
    sent: u32,
    /// Reservations of the campaign that are out.
    reserved: u32,
    /// Since when each account's part of it is counted: the beginning of the day, or a later
    /// instant if the service made more than 100,000 reservations since.
    counted_from: String,
    /// Up to which instant the rest of the day is planned: its end, or the instant of the last
    /// email if 5,000 go before.
    planned_until: String,
    /// Every hour since the day began.
    hours: Vec<HourView>,
}

/// One hour of a campaign's day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WatchHour)]
struct HourView {
    starts_at: String,
    /// How many went.
    sent: u32,
    /// How many more would go to new leads, each the moment it may.
    planned: u32,
}

/// One of the next emails.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WatchNext)]
struct NextView {
    at: String,
    email_account_id: u64,
    from_email: String,
}

/// An account of the campaign: its day over all campaigns, its part in this one, and what holds it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WatchedAccount)]
struct WatchedView {
    /// Over all campaigns.
    #[serde(flatten)]
    standing: StandingView,
    /// Its part of the weights of those that can send without somebody acting, in millionths; null
    /// if it cannot.
    share_asked: Option<u32>,
    /// What it sent for this campaign on the campaign's day.
    campaign_sent: u32,
    /// What it has out for this campaign.
    campaign_reserved: u32,
    /// Its part of what the attached accounts sent for the campaign on its day, in millionths;
    /// null before the first.
    share_got: Option<u32>,
}

/// Which accounts to show.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only described; the query is read field by field")]
struct WatchQuery {
    offset: Option<u64>,
    /// How many accounts at most, 1 to 1,000.
    limit: Option<u64>,
}

/// What is taken out of the service while it is held.
struct Taken {
    /// The campaign and its accounts alone.
    engine: Engine,
    id: CampaignId,
    name: String,
    state: CampaignState,
    zone: Zone,
    day: CampaignDay,
}

/// Shows what a person who watches a campaign wants to see: its day by hour, the next emails, and
/// of each account what it used, what it has left, its share and what holds it.
#[utoipa::path(get, path = "/rotation/campaigns/{campaign_id}/watch", tag = "rotation",
    params(("campaign_id" = u64, Path), WatchQuery),
    responses((status = 200, description = "How it goes", body = WatchView)))]
async fn watch(
    caller: Caller,
    Id(id): Id,
    Params(query): Params,
) -> Result<Json<WatchView>, Problem> {
    let page = input::read(&query, |fields| Some(Page::of(fields, LIST_MAX as u64)))?;
    caller.aside(move |caller| view(&take(caller, id)?, page, caller)).await
}

fn take(caller: &Caller, id: u64) -> Result<Taken, Problem> {
    caller.engine.look(|engine, documents| {
        let campaign = records::campaign(engine, caller.owner, id).ok_or(Problem::NOT_FOUND)?;
        let record: Option<CampaignRecord> = records::load(documents, Kind::Campaign, id);
        Ok(Taken {
            engine: engine.only(campaign.id),
            id: campaign.id,
            name: record.unwrap_or_default().name,
            state: campaign.state,
            zone: campaign.zone,
            day: engine.campaign_day(campaign.id, caller.now)?,
        })
    })
}

fn view(taken: &Taken, page: Page, caller: &Caller) -> Result<WatchView, Problem> {
    let Taken { engine, id, name, state, zone, day } = taken;
    let explanation = engine.explain(*id, caller.now)?;
    let next = engine.preview(*id, NEXT, caller.now)?;
    let rest = engine.rest_of_day(*id, PLANNED_MAX, caller.now)?;
    let standings = engine.attached(*id).map(|account| engine.standing(account, caller.now));
    let standings: Vec<Standing> = standings.collect::<Result<_, _>>()?;
    let can = standings.iter().filter(|standing| standing.ready_at.is_some());
    let weights = can.map(|standing| standing.weight).fold(0, u64::saturating_add);
    let share = |standing: &Standing| day.accounts.get(&standing.account).copied();
    let sent = standings.iter().filter_map(|standing| Some(u64::from(share(standing)?.sent)));
    let sent = sent.sum();
    let accounts = page.cut(standings.iter()).map(|standing| {
        watched(engine, standing, share(standing).unwrap_or_default(), (weights, sent))
    });
    Ok(WatchView {
        at: Timestamp::try_from(caller.now).map(instant).unwrap_or_default(),
        campaign_id: id.0,
        name: name.clone(),
        status: campaign_view::status(*state),
        timezone: zone.name(),
        reasons: explanation
            .campaign
            .iter()
            .map(|block| reservation_view::reason(None, block))
            .collect(),
        day: day_view(day, &rest),
        next: next.iter().map(|planned| next_view(engine, planned)).collect(),
        accounts_total: standings.len() as u64,
        accounts: accounts.collect(),
    })
}

fn day_view(day: &CampaignDay, rest: &RestOfDay) -> DayView {
    let hours = (0..).zip(day.hours.iter().zip(&rest.hours)).map(|(hour, (sent, planned))| {
        let starts_at = instant(day.starts_at.plus(Span::hours(hour)));
        HourView { starts_at, sent: *sent, planned: *planned }
    });
    DayView {
        date: day.day.to_string(),
        starts_at: instant(day.starts_at),
        ends_at: instant(day.ends_at),
        sent: day.sent,
        reserved: day.accounts.values().fold(0, |sum, share| sum.saturating_add(share.reserved)),
        counted_from: instant(day.counted_from),
        planned_until: instant(rest.until),
        hours: hours.collect(),
    }
}

fn next_view(engine: &Engine, planned: &Planned) -> NextView {
    let account = engine.account(planned.account);
    NextView {
        at: instant(planned.at),
        email_account_id: planned.account.0,
        from_email: account.map(|account| account.address.clone()).unwrap_or_default(),
    }
}

/// An account; the totals are those of all weights that take part and of all that was sent.
fn watched(
    engine: &Engine,
    standing: &Standing,
    share: AccountShare,
    (weights, sent): (u64, u64),
) -> WatchedView {
    WatchedView {
        standing: standing_view::standing(engine, standing),
        share_asked: standing.ready_at.and_then(|_| part(standing.weight, weights)),
        campaign_sent: share.sent,
        campaign_reserved: share.reserved,
        share_got: part(share.sent.into(), sent),
    }
}

/// A part of a whole in millionths, rounded down.
fn part(part: u64, whole: u64) -> Option<u32> {
    let millionths = u128::from(part) * u128::from(MILLION);
    u32::try_from(millionths.checked_div(whole.into())?).ok()
}
