//! Promise 10, every answer explains itself: reasons, counts and instants are walked up to on
//! copies of the engine, in random histories; and what is foretold is what then happens.
//!
//! Knows the answers only; which limits hold is not computed again here.

use chrono::{DateTime, TimeDelta, Utc};
use mailrota::{Account, AccountId, Block, CampaignId, Candidate, Engine, Explanation, LeadId};
use mailrota::{Outcome, Pick, Planned, Reason, Request, Span, Timestamp};
use proptest::{prop_assert, prop_assert_eq};

use crate::histories::{Done, Played, history};
use crate::steps::{ZONES, zone_of};
use crate::strategies::{Verdict, holds};
use crate::world::{CAMPAIGN, account, engine, minutes, monday, send};

/// Emails that are foretold.
const AHEAD: usize = 5;

/// Whether a reason follows from the request, and not from the account.
fn is_of_request(reason: Reason) -> bool {
    matches!(reason, Reason::Excluded | Reason::GraceNotOver | Reason::LeadElsewhere)
}

/// Whether a reason counts the emails of a civil day, so that the next day may have it again.
fn is_daily(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::CampaignDailyCap
            | Reason::CampaignNewLeadCap
            | Reason::DailyCap
            | Reason::FollowUpsDue
            | Reason::FormerZoneCap
            | Reason::RampCap
    )
}

/// Whether a day begins in one of the zones that accounts and campaigns are in, or were.
fn day_begins(at: DateTime<Utc>) -> bool {
    let before = at - TimeDelta::milliseconds(1);
    let [at, before] = [at, before].map(|at| Timestamp::try_from(at).unwrap());
    (0..ZONES.len()).any(|n| {
        let zone = zone_of(u8::try_from(n).unwrap());
        zone.civil_day(at) != zone.civil_day(before)
    })
}

/// Whether no other block of the same maximum has the same reason, as the former zone's has.
fn is_alone(block: &Block, blocks: &[Block]) -> bool {
    let alike = |other: &&Block| other.reason == block.reason && other.max == block.max;
    blocks.iter().filter(alike).count() == 1
}

/// A block counts what is full, holds until its end, and is over then.
fn block_is_right(
    block: &Block,
    now: DateTime<Utc>,
    at: impl Fn(DateTime<Utc>) -> Vec<Block>,
) -> Verdict {
    match (block.used, block.max) {
        (Some(used), Some(max)) if block.reason == Reason::ReputationLow => {
            prop_assert!(used < max, "{block}");
        }
        (Some(used), Some(max)) => prop_assert!(used >= max, "{block}"),
        (used, max) => prop_assert_eq!((used, max), (None, None), "{}", block),
    }
    let Some(until) = block.until.map(Timestamp::to_datetime) else { return Ok(()) };
    prop_assert!(until > now, "at {now}: {block}");
    let lasts = |other: &Block| other.until.is_none_or(|other| other.to_datetime() >= until);
    let before = at(until - TimeDelta::milliseconds(1));
    prop_assert!(before.iter().any(lasts), "over before its end: {block}, {before:?}");
    let after = at(until);
    let goes_on = after.iter().any(|other| other.reason == block.reason && other.max == block.max);
    let may_go_on = is_daily(block.reason) && day_begins(until);
    prop_assert!(!goes_on || may_go_on, "not over at its end: {block}, {after:?}");
    Ok(())
}

fn candidate_is_right(
    candidate: &Candidate,
    now: DateTime<Utc>,
    at: impl Fn(DateTime<Utc>) -> Option<Candidate>,
) -> Verdict {
    let blocks_at = |then| at(then).map(|candidate| candidate.blocks).unwrap_or_default();
    let own = candidate.blocks.iter().filter(|block| !is_of_request(block.reason));
    for block in own.filter(|block| is_alone(block, &candidate.blocks)) {
        block_is_right(block, now, blocks_at)?;
        if let (Some(until), Some(ready_at)) = (block.until, candidate.ready_at) {
            prop_assert!(until <= ready_at, "ready before {block}: {candidate:?}");
        }
        let asks_somebody = block.until.is_none() && block.reason != Reason::WeightZero;
        prop_assert!(!asks_somebody || candidate.ready_at.is_none(), "{candidate:?}");
    }
    let Some(ready_at) = candidate.ready_at.map(Timestamp::to_datetime) else { return Ok(()) };
    let is_ready = |then| {
        let blocks: Vec<Block> = blocks_at(then);
        blocks.iter().all(|block| is_of_request(block.reason))
    };
    prop_assert!(is_ready(ready_at), "{candidate:?}");
    let before = ready_at - TimeDelta::milliseconds(1);
    prop_assert!(before < now || !is_ready(before), "ready before: {candidate:?}");
    Ok(())
}

/// What is said about a request, walked up to.
fn explanation_is_right(
    engine: &Engine,
    campaign: CampaignId,
    request: &Request,
    now: DateTime<Utc>,
) -> Verdict {
    let ask = |at| engine.explain_request(campaign, request, at);
    let explained = ask(now).unwrap();
    let attached: Vec<AccountId> = engine.attached(campaign).collect();
    let named: Vec<AccountId> = explained.candidates.iter().map(|c| c.account).collect();
    prop_assert_eq!(attached, named);
    let free = |candidate: &&Candidate| candidate.is_ready();
    let free = explained.candidates.iter().find(free);
    prop_assert!(!explained.campaign.is_empty() || free.is_none(), "nothing holds {free:?}");
    let blocks = &explained.campaign;
    for block in blocks.iter().filter(|block| is_alone(block, blocks)) {
        let blocks_at = |at| ask(at).map(|explained| explained.campaign).unwrap_or_default();
        block_is_right(block, now, blocks_at)?;
    }
    for candidate in &explained.candidates {
        candidate_is_right(candidate, now, |at| {
            ask(at).ok()?.candidates.into_iter().find(|c| c.account == candidate.account)
        })?;
    }
    Ok(())
}

fn explains(played: &Played, done: &Done) -> Verdict {
    let Done::Asked(campaign, request, Ok(pick)) = done else { return Ok(()) };
    let (engine, now) = (&played.engine, played.now);
    match pick {
        Pick::Ended(_) | Pick::Reserved(_) => Ok(()),
        Pick::Unavailable(unavailable) => {
            let Explanation { campaign: blocks, candidates, .. } =
                engine.explain_request(*campaign, request, now).unwrap();
            prop_assert_eq!(&unavailable.campaign, &blocks);
            prop_assert_eq!(&unavailable.candidates, &candidates);
            prop_assert!(unavailable.reasons().count() > 0);
            explanation_is_right(engine, *campaign, request, now)
        }
        Pick::Wait(wait) => {
            prop_assert!(wait.block.is_some(), "waits for nothing: {wait:?}");
            explanation_is_right(engine, *campaign, request, now)?;
            let explained = engine.explain_request(*campaign, request, wait.until()).unwrap();
            let waits_for = explained.candidates.iter().find(|c| c.account == wait.account);
            let free = waits_for.is_some_and(Candidate::is_ready);
            prop_assert!(free && explained.campaign.is_empty(), "{wait:?}: {explained:?}");
            Ok(())
        }
    }
}

/// > Every answer explains itself: each candidate with the limit that holds it, used, maximum, and
/// > when it frees.
#[test]
fn every_answer_explains_itself() {
    holds(150, history(60), |history| history.play(explains).map(drop));
}

/// What a campaign would send if everything were sent the moment it may be.
fn sent(
    engine: &mut Engine,
    campaign: CampaignId,
    now: DateTime<Utc>,
) -> Vec<(Timestamp, AccountId)> {
    let last = now + TimeDelta::days(400);
    let (mut at, mut planned) = (now, Vec::new());
    for lead in 1_000_000.. {
        if planned.len() == AHEAD {
            break;
        }
        match engine.reserve(campaign, &Request::new_lead(LeadId(lead)), at).unwrap() {
            Pick::Reserved(granted) => {
                engine.settle(granted.id, Outcome::Sent, at).unwrap();
                planned.push((granted.reserved_at, granted.account));
            }
            Pick::Wait(wait) if wait.until() <= last => at = wait.until(),
            Pick::Ended(_) | Pick::Unavailable(_) | Pick::Wait(_) => break,
        }
    }
    planned
}

fn foretells(played: &Played, _: &Done) -> Verdict {
    let (engine, now) = (&played.engine, played.now);
    for campaign in played.campaigns().filter(|id| engine.campaign(*id).is_some()) {
        let foretold = engine.preview(campaign, AHEAD, now).unwrap();
        let planned: Vec<_> = foretold.iter().map(|email| (email.at, email.account)).collect();
        let came = sent(&mut engine.clone(), campaign, now);
        prop_assert_eq!(&planned, &came, "in {:?} at {}", campaign, now);
        let horizon = Span::days(400);
        let forecast = engine.forecast(campaign, AHEAD as u64, horizon, now).unwrap();
        prop_assert_eq!(forecast.emails, planned.len() as u64);
        let last = planned.last().filter(|_| planned.len() == AHEAD).map(|(at, _)| *at);
        prop_assert_eq!(forecast.finished_at, last);
        for row in &forecast.days {
            let zone = engine.account(row.account).unwrap().zone;
            let of = |email: &&Planned| {
                email.account == row.account && zone.civil_day(email.at) == row.day
            };
            prop_assert_eq!(foretold.iter().filter(of).count(), row.emails as usize);
        }
    }
    Ok(())
}

/// > Looking (explain, preview, forecast) changes nothing.
///
/// And it is right: left alone, what is foretold is what then happens.
#[test]
fn what_is_foretold_happens() {
    holds(60, history(40), |history| history.play(foretells).map(drop));
}

/// The state of an account, as a table: what holds it, with counts, in one line each.
#[test]
fn a_block_names_the_limit() {
    let hour = || account(1).limit(mailrota::Limit::per_hour(2));
    let cases: [(Account, i64, &str); 5] = [
        (account(1).daily_cap(2), 0, "daily_cap 2/2 until 2026-11-24T00:00:00Z"),
        (hour(), 0, "hour_cap 2/2 until 2026-11-23T10:00:00Z"),
        (hour(), 59, "hour_cap 2/2 until 2026-11-23T10:00:00Z"),
        (account(1).spacing(Span::minutes(5)), 1, "gap_not_over until 2026-11-23T09:05:00Z"),
        (account(1).suspended(true), 1, "sender_suspended until somebody acts"),
    ];
    for (settings, later, expected) in cases {
        let mut engine = engine([settings.clone().suspended(false)]);
        for lead in 0..2 {
            send(&mut engine, CAMPAIGN, lead, monday());
        }
        engine.change_account(settings, monday()).unwrap();
        let at = monday() + minutes(later);
        let explained = engine.explain(CAMPAIGN, at).unwrap();
        let [candidate] = &explained.candidates[..] else { panic!("one is attached") };
        let lines: Vec<_> = candidate.blocks.iter().map(ToString::to_string).collect();
        assert_eq!(lines, [expected]);
        assert_eq!(engine.standing(AccountId(1), at).unwrap().blocks, candidate.blocks);
    }
}
