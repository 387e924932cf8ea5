//! The answers as JSON, for other programs.
//!
//! Instants are RFC 3339 in UTC, lengths of time whole seconds, shares in thousandths. Foreign
//! texts are as they were given.

use mailrota::{Block, Reason, Span, Timestamp};
use serde_json::{Value, json};

use crate::cli::plans::report::{Noted, Report, Row};
use crate::cli::plans::stands::Answer;
use crate::cli::stores::grant::{Rule, Why};
use crate::cli::stores::past::Past;

/// The report of a plan.
pub(crate) fn plan(report: &Report) -> String {
    let accounts: Vec<Value> = report.rows.iter().map(|row| account(report, row)).collect();
    let days = report.days.iter();
    let days = days.map(|(day, emails)| json!({"day": day.to_string(), "emails": emails}));
    let costs = report.costs.iter().map(|cost| {
        let finished_at = cost.last_at.filter(|_| cost.sent == report.emails);
        json!({
            "without": cost.limits.code(),
            "sent": cost.sent,
            "finished_at": finished_at,
            "saves_seconds": report.saves(cost).map(seconds),
        })
    });
    let never = report.stuck.iter();
    let never = never.map(|(reason, times)| json!({"reason": reason.code(), "times": times}));
    written(&json!({
        "start": report.start,
        "zone": report.zone,
        "emails": report.emails,
        "sent": report.sent,
        "finished_at": report.finished_at(),
        "held_forever_by": never.collect::<Vec<_>>(),
        "accounts": accounts,
        "refused": noted(&report.refused),
        "warnings": noted(&report.warned),
        "days": days.collect::<Vec<_>>(),
        "costs": costs.collect::<Vec<_>>(),
        "costs_most": report.dearest().map(|cost| cost.limits.code()),
    }))
}

fn account(report: &Report, row: &Row) -> Value {
    let held = row.held.iter();
    let held =
        held.map(|(reason, span)| json!({"reason": reason.code(), "seconds": seconds(*span)}));
    json!({
        "id": row.id,
        "address": row.address.0,
        "daily_cap": row.cap,
        "headroom_today": row.today,
        "weight": row.weight,
        "asked_permille": report.asked(&[row]),
        "got_permille": report.got(&[row]),
        "sent": row.sent,
        "first_at": row.first_at,
        "last_at": row.last_at,
        "held": held.collect::<Vec<_>>(),
    })
}

fn noted(noted: &[Noted]) -> Vec<Value> {
    let one = |noted: &Noted| {
        let findings = noted.findings.iter();
        let findings = findings.map(|(code, text)| json!({"code": code, "text": text.0}));
        json!({
            "id": noted.id,
            "address": noted.address.0,
            "findings": findings.collect::<Vec<_>>(),
        })
    };
    noted.iter().map(one).collect()
}

/// How every account stands.
pub(crate) fn explain(answer: &Answer) -> String {
    let accounts = answer.stands.iter().map(|stand| {
        json!({
            "id": stand.id,
            "address": stand.address.0,
            "ready": stand.is_ready(),
            "ready_at": stand.ready_at,
            "daily_cap": stand.cap,
            "allowance": stand.allowance,
            "sent": stand.sent,
            "weight": stand.weight,
            "blocks": blocks(&stand.blocks),
        })
    });
    written(&json!({
        "at": answer.at,
        "zone": answer.zone,
        "sent": answer.sent,
        "campaign": blocks(&answer.campaign),
        "accounts": accounts.collect::<Vec<_>>(),
        "refused": noted(&answer.refused),
        "warnings": noted(&answer.warned),
    }))
}

/// A store as it was, and why a reservation got its account; what was not asked for is null.
pub(crate) fn replay(past: Option<&Past>, why: Option<&Why>) -> String {
    written(&json!({"past": past.map(standings), "reservation": why.map(grant)}))
}

fn standings(past: &Past) -> Value {
    let accounts = past.accounts.iter().map(|(address, standing)| {
        json!({
            "id": standing.account,
            "address": address.0,
            "ready": standing.is_ready(),
            "ready_at": standing.ready_at,
            "daily_cap": standing.daily_cap,
            "allowance": standing.allowance,
            "sent": standing.sent,
            "reserved": standing.reserved,
            "left": standing.headroom(),
            "weight": standing.weight,
            "blocks": blocks(&standing.blocks),
        })
    });
    json!({"at": past.at, "accounts": accounts.collect::<Vec<_>>()})
}

fn grant(why: &Why) -> Value {
    let candidates = why.rivals.iter().map(|rival| {
        json!({
            "id": rival.id,
            "address": rival.address.0,
            "weight": rival.weight,
            "used": rival.used,
            "allowance": rival.allowance,
            "turn": rival.place,
            "blocks": blocks(&rival.blocks),
        })
    });
    let moved_from = match why.rule {
        Rule::Moved(gone) => Some(gone),
        Rule::Demanded | Rule::Lead | Rule::Turn => None,
    };
    json!({
        "sequence": why.sequence,
        "at": why.at,
        "granted": why.reserved,
        "by": why.rule.code(),
        "moved_from": moved_from,
        "this_version_picks": why.today,
        "candidates": candidates.collect::<Vec<_>>(),
        "later": why.later,
    })
}

fn blocks(blocks: &[Block]) -> Vec<Value> {
    let one = |block: &Block| {
        let (reason, until): (Reason, Option<Timestamp>) = (block.reason, block.until);
        json!({"reason": reason.code(), "used": block.used, "max": block.max, "until": until})
    };
    blocks.iter().map(one).collect()
}

const fn seconds(span: Span) -> u64 {
    span.as_ms() / 1_000
}

fn written(value: &Value) -> String {
    format!("{value:#}\n")
}
