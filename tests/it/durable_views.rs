//! What a person reads in a store with plain SQL is what the engine says, also when facts are gone.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use mailrota::{
    Account, AccountId, Campaign, CampaignId, DurableEngine, LeadId, Options, Outcome, OwnerId,
    Request, ReservationId, Span,
};
use rusqlite::Connection;

use crate::durable_world::Folder;
use crate::world::account;

/// Rows of numbers and texts, as text.
fn rows(path: &Path, sql: &str) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection.prepare(sql).unwrap();
    let columns = statement.column_count();
    let row = |row: &rusqlite::Row<'_>| {
        let values = (0..columns).map(|n| row.get::<_, rusqlite::types::Value>(n).unwrap());
        Ok(values.map(|value| format!("{value:?}")).collect::<Vec<_>>().join(" "))
    };
    statement.query_map([], row).unwrap().map(Result::unwrap).collect()
}

/// What the views must say, from the engine alone.
fn expected(engine: &DurableEngine, open: &BTreeMap<u64, u64>) -> (Vec<String>, Vec<String>) {
    let accounts = engine.accounts().into_iter().map(|account| {
        let standing = engine.standing(account.id, engine.seen().unwrap().into()).unwrap();
        let open = open.values().filter(|id| **id == account.id.0).count();
        let open = u32::try_from(open).unwrap();
        let left = standing.allowance.saturating_sub(standing.sent).saturating_sub(open);
        format!(
            "Integer({}) Integer({}) Integer({open}) Integer({left})",
            account.id, standing.sent
        )
    });
    let open = open.iter().map(|(id, account)| format!("Integer({id}) Integer({account})"));
    (accounts.collect(), open.collect())
}

#[test]
fn views_say_what_the_engine_says() {
    for seed in 0..6_u64 {
        let folder = Folder::new();
        // Today, since the view of today asks the machine's clock for the day.
        let today = rows(Path::new(":memory:"), "select unixepoch('now', 'start of day')");
        let today = today[0].strip_prefix("Integer(").unwrap().strip_suffix(')').unwrap();
        let mut now = DateTime::<Utc>::from_timestamp(today.parse().unwrap(), 0).unwrap();
        let options = Options::default().history(Span::ZERO);
        let engine = DurableEngine::open(folder.store(), &options, now).unwrap();
        engine.add_campaign(Campaign::new(CampaignId(1), OwnerId(1)), now).unwrap();
        for id in 1..=4 {
            engine.add_account(account(id).daily_cap(60), now).unwrap();
            engine.attach(CampaignId(1), &[AccountId(id)], now).unwrap();
        }
        let mut random = seed;
        let mut draw = |below: u64| {
            random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            (random >> 33) % below
        };
        let mut granted: Vec<(ReservationId, AccountId)> = Vec::new();
        for step in 0..120 {
            now += TimeDelta::seconds(draw(30).try_into().unwrap());
            let chosen = granted.get(usize::try_from(draw(120)).unwrap()).copied();
            match (draw(12), chosen) {
                (0, Some((id, _))) => drop(engine.cancel(id, now)),
                (1, Some((id, _))) => drop(engine.settle(id, Outcome::Deferred, now)),
                (2..=4, Some((id, _))) => drop(engine.settle(id, Outcome::Sent, now)),
                (5, Some((id, _))) => drop(engine.begin(id, now)),
                (6, _) => drop(engine.report_usage(AccountId(1 + draw(4)), 1, now)),
                (7, _) => {
                    let other: Account = account(1 + draw(5)).daily_cap(50);
                    drop(engine.change_account(other.clone(), now));
                    drop(engine.add_account(other, now));
                }
                (8, _) if step % 3 == 0 => engine.compact().unwrap(),
                _ => {
                    let request = Request::new_lead(LeadId(step));
                    let pick = engine.reserve(CampaignId(1), &request, now).unwrap();
                    granted.extend(pick.reserved().map(|r| (r.id, r.account)));
                }
            }
            if step % 10 == 9 {
                engine.tick(now).unwrap();
                compare(&folder, &engine, &format!("seed {seed}, step {step}"));
            }
        }
        engine.delete_account(AccountId(2), now).unwrap();
        compare(&folder, &engine, &format!("seed {seed}, deleted"));
    }
}

fn compare(folder: &Folder, engine: &DurableEngine, case: &str) {
    let state = serde_json::to_value(engine.snapshot()).unwrap();
    let records = state["state"]["reservations"]["records"].as_array().unwrap().clone();
    let open = records.iter().filter(|record| record["fate"] == "open");
    let open =
        open.map(|record| (record["id"].as_u64().unwrap(), record["account"].as_u64().unwrap()));
    let (accounts, open) = expected(engine, &open.collect());
    let sql = "select account, sent, reserved, left from account_today order by account";
    assert_eq!(rows(&folder.store(), sql), accounts, "{case}");
    let sql = "select reservation, account from reservation_out order by reservation";
    assert_eq!(rows(&folder.store(), sql), open, "{case}");
    let sql = "select reservation from reservation_out where begun_at is not null order by 1";
    let begun = records.iter().filter(|record| {
        record["fate"] == "open" && record.get("begun_at").is_some_and(|at| !at.is_null())
    });
    let begun: Vec<_> = begun.map(|record| format!("Integer({})", record["id"])).collect();
    assert_eq!(rows(&folder.store(), sql), begun, "{case}");
}
