//! The tables that people read: one row for each line.

use rusqlite::{Connection, params};

use crate::store::journal::ledger::Line;

/// Every table with rows of a snapshot, and what tells them apart within one.
pub(crate) const TABLES: [(&str, &str); 4] = [
    ("part", "part"),
    ("account_line", "account"),
    ("reservation_line", "reservation"),
    ("sends_line", "account, day"),
];

const ACCOUNT: &str = "insert or replace into account_line \
    (snapshot, account, owner, address, zone, ahead_minutes, daily_cap, allowance) \
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

const RESERVATION: &str = "insert or replace into reservation_line \
    (snapshot, reservation, account, campaign, lead, reserved_at, ends_at, begun_at, lapsed_on) \
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

const SENDS: &str = "insert or replace into sends_line (snapshot, account, day, emails) \
    values (?1, ?2, ?3, ?4)";

/// Writes one line.
pub(crate) fn insert(to: &Connection, snapshot: u64, line: &Line) -> rusqlite::Result<()> {
    let snapshot = snapshot.cast_signed();
    match line {
        Line::Account { account, owner, address, zone, ahead_minutes, daily_cap, allowance } => {
            let (account, owner) = (account.0.cast_signed(), owner.0.cast_signed());
            to.prepare_cached(ACCOUNT)?.execute(params![
                snapshot,
                account,
                owner,
                address,
                zone,
                ahead_minutes,
                daily_cap,
                allowance
            ])
        }
        Line::Reservation {
            reservation,
            account,
            campaign,
            lead,
            reserved_at,
            ends_at,
            begun_at,
            lapsed_on,
        } => to.prepare_cached(RESERVATION)?.execute(params![
            snapshot,
            reservation.0.cast_signed(),
            account.0.cast_signed(),
            campaign.0.cast_signed(),
            lead.0.cast_signed(),
            reserved_at.to_string(),
            ends_at.to_string(),
            begun_at.map(|at| at.to_string()),
            lapsed_on.map(|day| day.to_string())
        ]),
        Line::Sends { account, day, emails } => to.prepare_cached(SENDS)?.execute(params![
            snapshot,
            account.0.cast_signed(),
            day.to_string(),
            emails.cast_signed()
        ]),
    }
    .map(drop)
}
