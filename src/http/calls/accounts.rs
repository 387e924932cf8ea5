//! Calls about accounts: list, look at, save, change, suspend, delete.

use axum::Json;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::caller::Caller;
use crate::http::input::{self, Body, Id, PAGE_MAX, Page, Params};
use crate::http::problem::Problem;
use crate::http::records::{self, AccountRecord, Kind};
use crate::http::service::Service;
use crate::http::shapes::account_body::{self, Current};
use crate::http::shapes::account_view::{self, AccountView};
use crate::http::shapes::answers::{Accounts, EmailAccountBody, Said};
use crate::http::spacing;
use crate::import::fields::{Fields, whole};
use crate::policy::Account;
use crate::rotation::Engine;
use crate::store::{Documents, Step};
use crate::vocab::{AccountId, OwnerId, Span, Timestamp};

pub(crate) fn router() -> OpenApiRouter<Service> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(save))
        .routes(routes!(get, update, delete))
        .routes(routes!(suspend))
        .routes(routes!(unsuspend))
}

/// An account was saved.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SavedEmailAccount)]
struct Saved {
    ok: bool,
    success: bool,
    message: &'static str,
    #[serde(rename = "emailAccountId")]
    email_account_id: u64,
    data: SavedData,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SavedEmailAccountData)]
struct SavedData {
    id: u64,
}

/// An account was suspended, or freed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SuspendedEmailAccount)]
struct Suspended {
    success: bool,
    message: &'static str,
    data: SuspendedData,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SuspendedEmailAccountData)]
struct SuspendedData {
    account_id: u64,
    is_suspended: bool,
}

/// Which accounts to list. Each that is given must hold.
#[derive(Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only described; the query is read field by field")]
struct Filters {
    /// How many to leave out at the beginning.
    offset: Option<u64>,
    /// How many at most, 1 to 100.
    limit: Option<u64>,
    /// Whether it is attached to any campaign.
    #[param(rename = "isInUse")]
    is_in_use: Option<bool>,
    /// `ACTIVE` or `INACTIVE`.
    #[param(rename = "emailWarmupStatus")]
    email_warmup_status: Option<String>,
    #[param(rename = "isSmtpSuccess")]
    is_smtp_success: Option<bool>,
    #[param(rename = "isWarmupBlocked")]
    is_warmup_blocked: Option<bool>,
    /// `GMAIL`, `OUTLOOK` or `SMTP`.
    esp: Option<String>,
    /// A part of the address.
    username: Option<String>,
    client_id: Option<u64>,
    /// Whether to name the campaigns of each.
    fetch_campaigns: Option<bool>,
}

#[derive(Debug, Default)]
struct Wanted {
    client: Option<u64>,
    in_use: Option<bool>,
    kind: Option<String>,
    smtp: Option<bool>,
    username: Option<String>,
    warmup_blocked: Option<bool>,
    warmup_active: Option<bool>,
    campaigns: bool,
}

impl Wanted {
    fn read(fields: &mut Fields<'_>) -> (Page, Self) {
        let page = Page::of(fields, PAGE_MAX);
        let one_of = |value: &Value, words: &[&str]| {
            let word = value.as_str()?.to_ascii_uppercase();
            words.contains(&word.as_str()).then_some(word)
        };
        let status = fields.optional("email_warmup_status", "give ACTIVE or INACTIVE", |value| {
            one_of(value, &["ACTIVE", "INACTIVE"])
        });
        let kind = fields.optional("esp", "give GMAIL, OUTLOOK or SMTP", |value| {
            one_of(value, &["GMAIL", "OUTLOOK", "SMTP"])
        });
        let wanted = Self {
            client: fields.optional("client_id", "give the client's number", whole),
            in_use: truth(fields, "is_in_use"),
            kind,
            smtp: truth(fields, "is_smtp_success"),
            username: fields.text("username").map(|text| text.to_ascii_lowercase()),
            warmup_blocked: truth(fields, "is_warmup_blocked"),
            warmup_active: status.map(|status| status == "ACTIVE"),
            campaigns: truth(fields, "fetch_campaigns").unwrap_or(false),
        };
        (page, wanted)
    }

    fn takes(&self, engine: &Engine, documents: &Documents, account: &Account) -> bool {
        let is = |wanted: Option<bool>, found: bool| wanted.is_none_or(|wanted| wanted == found);
        let record = || record(documents, account);
        let blocked = account.warmup.as_ref().is_some_and(|warmup| warmup.blocked.is_some());
        let kind = account_view::kind(account.provider);
        is(self.in_use, engine.campaigns_of(account.id).next().is_some())
            && is(self.smtp, account.connection.smtp.words().is_none())
            && is(self.warmup_blocked, blocked)
            && self.kind.as_deref().is_none_or(|wanted| wanted == kind)
            && self.client.is_none_or(|wanted| record().client_id == Some(wanted))
            && is(self.warmup_active, self.warmup_active.is_some() && record().warms_up(account))
            && self
                .username
                .as_deref()
                .is_none_or(|part| account.address.to_ascii_lowercase().contains(part))
    }
}

/// A yes or no in a query.
pub(crate) fn truth(fields: &mut Fields<'_>, name: &str) -> Option<bool> {
    fields.optional(name, "give true or false", |value| match value.as_str()?.trim() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    })
}

/// Lists the accounts of the key's owner, by number.
#[utoipa::path(get, path = "/email-accounts", tag = "email-accounts", params(Filters),
    responses((status = 200, description = "The accounts", body = Accounts)))]
pub(crate) async fn list(
    caller: Caller,
    Params(query): Params,
) -> Result<Json<Vec<AccountView>>, Problem> {
    let (page, wanted) = input::read(&query, |fields| Some(Wanted::read(fields)))?;
    let owner = caller.owner;
    let views = caller.engine.look(|engine, documents| {
        let own = engine.accounts().filter(|account| account.owner == owner);
        let taken = own.filter(|account| wanted.takes(engine, documents, account));
        let shown = page.cut(taken).map(|account| {
            let view = view(engine, documents, account, &caller);
            if wanted.campaigns {
                view.with_campaigns(engine.campaigns_of(account.id))
            } else {
                view
            }
        });
        shown.collect()
    });
    Ok(Json(views))
}

/// Shows one account.
#[utoipa::path(get, path = "/email-accounts/{email_account_id}", tag = "email-accounts",
    params(("email_account_id" = u64, Path)),
    responses((status = 200, description = "The account", body = AccountView)))]
pub(crate) async fn get(caller: Caller, Id(id): Id) -> Result<Json<AccountView>, Problem> {
    let view = caller.engine.look(|engine, documents| {
        let account = records::account(engine, caller.owner, id)?;
        let view = view(engine, documents, account, &caller);
        Some(view.with_campaigns(engine.campaigns_of(account.id)))
    });
    view.map(Json).ok_or(Problem::NOT_FOUND)
}

/// Adds an account, or changes the one whose `id` is given. Passwords are read over and not kept.
#[utoipa::path(post, path = "/email-accounts/save", tag = "email-accounts",
    request_body = EmailAccountBody,
    responses((status = 200, description = "It was saved", body = Saved)))]
async fn save(caller: Caller, body: Body) -> Result<Json<Saved>, Problem> {
    let rule = "give the account's number, or leave it out for a new one";
    let id = input::read(&body, |fields| Some(fields.optional("id", rule, whole)))?;
    let saved = caller.engine.step(|step| match id {
        Some(id) => change(step, &caller, id, &body).map(|()| id),
        None => add(step, &caller, &body),
    });
    let id = saved.await?;
    Ok(Json(Saved {
        ok: true,
        success: true,
        message: "Email account saved successfully",
        email_account_id: id,
        data: SavedData { id },
    }))
}

/// Changes what is given of an account.
#[utoipa::path(post, path = "/email-accounts/{email_account_id}", tag = "email-accounts",
    params(("email_account_id" = u64, Path)), request_body = EmailAccountBody,
    responses((status = 200, description = "It was changed", body = Said)))]
async fn update(caller: Caller, Id(id): Id, body: Body) -> Result<Json<Said>, Problem> {
    caller.engine.step(|step| change(step, &caller, id, &body)).await?;
    Ok(Json(Said::new("Email account updated successfully")))
}

/// Deletes an account. What it sent still counts should its address be saved again.
#[utoipa::path(delete, path = "/email-accounts/{email_account_id}", tag = "email-accounts",
    params(("email_account_id" = u64, Path)),
    responses((status = 200, description = "It was deleted", body = Said)))]
async fn delete(caller: Caller, Id(id): Id) -> Result<Json<Said>, Problem> {
    let deleted = caller.engine.step(|step| {
        records::account(step, caller.owner, id).ok_or(Problem::NOT_FOUND)?;
        step.delete_account(AccountId(id), caller.now)?;
        records::remove(step, Kind::Account, id);
        Ok(())
    });
    deleted.await?;
    Ok(Json(Said::new("Email account deleted successfully")))
}

/// Suspends an account: it stays in its campaigns and sends nothing.
#[utoipa::path(put, path = "/email-accounts/suspend/{email_account_id}", tag = "email-accounts",
    params(("email_account_id" = u64, Path)),
    responses((status = 200, description = "It is suspended", body = Suspended)))]
async fn suspend(caller: Caller, Id(id): Id) -> Result<Json<Suspended>, Problem> {
    set_suspended(&caller, id, true).await
}

/// Frees a suspended account.
#[utoipa::path(delete, path = "/email-accounts/unsuspend/{email_account_id}",
    tag = "email-accounts", params(("email_account_id" = u64, Path)),
    responses((status = 200, description = "It is free", body = Suspended)))]
async fn unsuspend(caller: Caller, Id(id): Id) -> Result<Json<Suspended>, Problem> {
    set_suspended(&caller, id, false).await
}

async fn set_suspended(
    caller: &Caller,
    id: u64,
    is_suspended: bool,
) -> Result<Json<Suspended>, Problem> {
    let done = caller.engine.step(|step| {
        records::account(step, caller.owner, id).ok_or(Problem::NOT_FOUND)?;
        let account = AccountId(id);
        let done = if is_suspended {
            step.suspend(account, caller.now)
        } else {
            step.resume(account, caller.now)
        };
        done.map_err(Problem::from)
    });
    done.await?;
    let message = if is_suspended {
        "Email account suspended successfully"
    } else {
        "Email account unsuspended successfully"
    };
    let data = SuspendedData { account_id: id, is_suspended };
    Ok(Json(Suspended { success: true, message, data }))
}

fn add(step: &mut Step<'_>, caller: &Caller, body: &Map<String, Value>) -> Result<u64, Problem> {
    let unstated = caller.service.settings().unstated;
    let mut read = account_body::read(body, 0, caller.owner, None, unstated)?;
    is_free(step, &read.account)?;
    // A mailbox that comes back has sent what it sent; as a new account it would have a new cap.
    let deleted = step.deleted_account(caller.owner, &read.account.address);
    let id = deleted.map_or_else(|| free_id(step), |id| id.0);
    read.account.id = AccountId(id);
    let now = Timestamp::try_from(caller.now).ok();
    (read.record.created_at, read.record.updated_at) = (now, now);
    write(step, id, &read.record)?;
    step.add_account(read.account, caller.now)?;
    // What is known of it already is not counted twice.
    let known = step.standing(AccountId(id), caller.now).map_or(0, |standing| standing.sent);
    let elsewhere = read.sent_today.saturating_sub(known);
    step.report_usage(AccountId(id), elsewhere, caller.now)?;
    Ok(id)
}

/// One mailbox is one account: as two it would have its cap twice.
fn is_free(step: &Step<'_>, account: &Account) -> Result<(), Problem> {
    match step.account_at(account.owner, &account.address) {
        None => Ok(()),
        Some(other) => {
            let message = format!("account {} has it; change that one, or delete it", other.id);
            Err(Problem::field("from_email", message))
        }
    }
}

/// A number that no account has, also none that another program added to the same store.
fn free_id(step: &mut Step<'_>) -> u64 {
    loop {
        let id = records::next_id(step, Kind::Account);
        if step.account(AccountId(id)).is_none() {
            return id;
        }
    }
}

pub(crate) fn change(
    step: &mut Step<'_>,
    caller: &Caller,
    id: u64,
    body: &Map<String, Value>,
) -> Result<(), Problem> {
    let account = records::account(step, caller.owner, id).ok_or(Problem::NOT_FOUND)?;
    let before = record(step.documents(), account);
    let current = Current { account, record: &before };
    let unstated = caller.service.settings().unstated;
    let mut read = account_body::read(body, id, caller.owner, Some(current), unstated)?;
    if !read.account.address.eq_ignore_ascii_case(&account.address) {
        is_free(step, &read.account)?;
    }
    read.record.updated_at = Timestamp::try_from(caller.now).ok();
    let asked = spacing::of(step, AccountId(id), read.record.spacing_minutes);
    // What another program set may be finer than minutes; what is shown of it does not change it.
    let stays = asked == Span::minutes(whole_minutes(account.spacing));
    read.account.spacing = if stays { account.spacing } else { asked };
    write(step, id, &read.record)?;
    step.change_account(read.account, caller.now)?;
    Ok(())
}

fn write(step: &mut Step<'_>, id: u64, record: &AccountRecord) -> Result<(), Problem> {
    records::save(step, Kind::Account, id, record)
        .map_err(|error| Problem::internal(error.to_string()))
}

/// What is kept of an account. One that another program added asks for the spacing that it has.
pub(crate) fn record(documents: &Documents, account: &Account) -> AccountRecord {
    let spacing_minutes = whole_minutes(account.spacing);
    let added = || AccountRecord { spacing_minutes, ..AccountRecord::default() };
    records::load(documents, Kind::Account, account.id.0).unwrap_or_else(added)
}

/// Minutes that are no less than a spacing.
fn whole_minutes(spacing: Span) -> u64 {
    spacing.as_ms().div_ceil(60_000)
}

/// An account as it is shown.
pub(crate) fn view(
    engine: &Engine,
    documents: &Documents,
    account: &Account,
    caller: &Caller,
) -> AccountView {
    let sent = engine.standing(account.id, caller.now).map_or(0, |standing| standing.sent);
    account_view::account(engine, account, &record(documents, account), sent)
}

/// Accounts that are not the owner's, each once.
pub(crate) fn strangers(engine: &Engine, owner: OwnerId, ids: &[u64]) -> Vec<AccountId> {
    let strange = ids.iter().filter(|id| records::account(engine, owner, **id).is_none());
    let mut strange: Vec<AccountId> = strange.map(|id| AccountId(*id)).collect();
    strange.sort_unstable();
    strange.dedup();
    strange
}
