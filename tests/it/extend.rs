//! A snapshot and what happened since are the whole history; what cannot have happened is refused.
//!
//! Random histories, cut anywhere, and damaged anywhere.

use chrono::TimeDelta;
use mailrota::{
    AccountId, Engine, Event, Fact, LeadId, Misfit, Outcome, Pick, Ramp, Request, ReservationId,
    Snapshot, Span,
};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::sample::{Index, select};
use proptest::{prop_assert, prop_assert_eq};
use serde_json::Value;

use crate::histories::{History, history, odd_history};
use crate::strategies::{Verdict, holds};

fn read<T: serde::de::DeserializeOwned>(value: &impl serde::Serialize) -> T {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

/// Plays a history with a twin, of which a snapshot is taken before one step and which is brought
/// back from it and the events since before another.
fn cut(history: &History, from: usize, to: usize) -> Verdict {
    let (mut one, mut other) = (history.set_up(), history.set_up());
    let mut saved = other.engine.snapshot();
    other.engine.take_events();
    one.engine.take_events();
    let mut since: Vec<Event> = Vec::new();
    for (n, step) in history.steps.iter().enumerate() {
        if n == from {
            saved = read(&other.engine.snapshot());
            since.clear();
        }
        if n == to {
            let seen = other.engine.seen().unwrap();
            let since: Vec<Event> = read(&since);
            other.engine = if from % 2 == 0 {
                Engine::restore_with(saved.clone(), since).unwrap()
            } else {
                let mut engine = Engine::restore(saved.clone()).unwrap();
                engine.extend(&since).unwrap();
                engine
            };
            // That time has passed is no event.
            other.engine.confirm_clock(seen.to_datetime()).unwrap();
            other.engine.record_events();
        }
        prop_assert_eq!(one.engine.next_wakeup(), other.engine.next_wakeup());
        prop_assert_eq!(one.step(step), other.step(step));
        let events = one.engine.take_events();
        prop_assert_eq!(&events, &other.engine.take_events());
        since.extend(events);
        prop_assert!(one.engine.snapshot() == other.engine.snapshot(), "after step {}", n);
    }
    Ok(())
}

/// > a snapshot and the events since are the same engine as all events from the beginning
#[test]
fn a_snapshot_and_the_events_since_are_the_whole_history() {
    let cuts = |histories: fn(usize) -> _, most| {
        (histories(most), any::<Index>(), any::<Index>()).prop_map(|(history, one, other)| {
            let history: History = history;
            let cut = [one, other].map(|at| at.index(history.steps.len()));
            (history, cut[0].min(cut[1]), cut[0].max(cut[1]))
        })
    };
    let boxed = |most: usize| history(most).boxed();
    holds(150, cuts(boxed, 90), |(history, from, to)| cut(&history, from, to));
    let boxed = |most: usize| odd_history(most).boxed();
    holds(50, cuts(boxed, 60), |(history, from, to)| cut(&history, from, to));
}

/// What may befall a list of events.
#[derive(Clone, Debug)]
enum Damage {
    Drop(Index),
    Number(Index, Index, u64),
    Repeat(Index, Index),
    Swap(Index, Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let numbers = select(&[0, 1, 2, 3, 600_000, 1 << 32, 1 << 61, u64::MAX - 1, u64::MAX]);
    (0..6, any::<Index>(), any::<Index>(), numbers).prop_map(
        |(kind, one, other, number)| match kind {
            0 => Damage::Drop(one),
            1 => Damage::Repeat(one, other),
            2 => Damage::Swap(one, other),
            _ => Damage::Number(one, other, number),
        },
    )
}

/// Every number in a value, also those that are written as text.
fn numbers<'a>(value: &'a mut Value, found: &mut Vec<&'a mut Value>) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| numbers(value, found)),
        Value::Object(values) => values.values_mut().for_each(|value| numbers(value, found)),
        Value::Number(_) => found.push(value),
        Value::String(text) if text.parse::<i128>().is_ok() => found.push(value),
        Value::Bool(_) | Value::Null | Value::String(_) => {}
    }
}

impl Damage {
    fn befall(&self, events: &mut Vec<Value>) {
        if events.is_empty() {
            return;
        }
        let len = events.len();
        match self {
            Self::Drop(at) => drop(events.remove(at.index(len))),
            Self::Repeat(at, to) => events.insert(to.index(len), events[at.index(len)].clone()),
            Self::Swap(one, other) => events.swap(one.index(len), other.index(len)),
            Self::Number(at, which, number) => {
                let mut found = Vec::new();
                numbers(&mut events[at.index(len)]["fact"], &mut found);
                if found.is_empty() {
                    return;
                }
                let place = which.index(found.len());
                let text = i128::from(*number) << 63;
                let value = &mut *found[place];
                *value = if value.is_string() { text.to_string().into() } else { (*number).into() };
            }
        }
    }
}

fn texts(history: &History) -> (Snapshot, Vec<Value>) {
    let mut played = history.set_up();
    let begin = played.engine.snapshot();
    played.engine.take_events();
    let mut events = Vec::new();
    for step in &history.steps {
        played.step(step);
        events.extend(played.engine.take_events());
    }
    let events = events.iter().map(|event| serde_json::to_value(event).unwrap());
    (begin, events.collect())
}

/// Damaged events are refused, or change something that an engine goes on with.
fn never_panics(history: &History, damages: &[Damage]) -> Verdict {
    let (begin, mut events) = texts(history);
    for damage in damages {
        damage.befall(&mut events);
    }
    let events = events.into_iter().map(serde_json::from_value);
    let events: Vec<Event> = events.map_while(Result::ok).collect();
    let mut engine = Engine::restore(begin).unwrap();
    if let Err(error) = engine.extend(&events) {
        let taken = usize::try_from(error.taken).unwrap();
        prop_assert_eq!(events[taken].at, error.at);
    }
    let again = Engine::restore(read(&engine.snapshot()));
    prop_assert!(again.is_ok(), "{}", again.unwrap_err());
    let mut again = again.unwrap();
    let now = engine.seen().unwrap().plus(Span::days(1)).to_datetime();
    for campaign in history.set_up().campaigns() {
        for lead in 0..3 {
            let request = Request::new_lead(LeadId(lead)).excluding([AccountId(1)]);
            let answers =
                [&mut engine, &mut again].map(|engine| engine.reserve(campaign, &request, now));
            prop_assert_eq!(&answers[0], &answers[1]);
        }
    }
    Ok(())
}

/// > Corrupt or foreign events never panic.
#[test]
fn events_that_cannot_have_happened_never_panic() {
    let drawn = || (history(50), vec(damage(), 1..4));
    holds(400, drawn(), |(history, damages)| never_panics(&history, &damages));
}

/// > a later zone table cannot change the past
///
/// The day that a send is charged to is the one that its fact says, not one looked up anew.
#[test]
fn a_fact_says_which_day_is_charged() {
    let zone = "Asia/Kolkata".parse().unwrap();
    let ramp = Ramp::table([1, 1, 7]).unwrap();
    let mut engine = crate::world::engine([crate::world::account(1).zone(zone).ramp(ramp)]);
    let before = engine.snapshot();
    engine.record_events();
    // Half an hour after midnight there.
    let now = crate::world::t("2026-11-23T19:00:00Z");
    crate::world::send(&mut engine, crate::world::CAMPAIGN, 1, now);
    let pick = engine.reserve(crate::world::CAMPAIGN, &Request::new_lead(LeadId(2)), now);
    let tomorrow = pick.unwrap().until().unwrap();
    let pick = engine.reserve(crate::world::CAMPAIGN, &Request::new_lead(LeadId(2)), tomorrow);
    assert!(pick.unwrap().reserved().is_some());
    engine.tick(tomorrow + crate::world::minutes(10)).unwrap();
    engine.report_usage(AccountId(1), 2, tomorrow + crate::world::minutes(10)).unwrap();
    let mut events = engine.take_events();
    let mut untold = events.clone();
    let mut days = Vec::new();
    for event in &mut events {
        let day = if let Fact::Settled { day, .. } = &mut event.fact {
            day.as_mut()
        } else if let Fact::Lapsed { day, .. } | Fact::UsageReported { day, .. } = &mut event.fact {
            Some(day)
        } else {
            None
        };
        let Some(day) = day else { continue };
        days.push(day.to_string());
        // As a table would have it in which it was a day earlier.
        *day = day.plus_days(-1);
    }
    assert_eq!(days, ["2026-11-24", "2026-11-25", "2026-11-25"]);
    let later = tomorrow + crate::world::minutes(10);
    let allowance = |engine: &Engine, at| engine.standing(AccountId(1), at).unwrap().allowance;
    assert_eq!(allowance(&engine, later), 1, "the second day");
    let moved = Engine::restore_with(before.clone(), events).unwrap();
    assert_eq!(allowance(&moved, later), 7, "two days with sends came before");
    // A day that no fact says is none.
    for event in &mut untold {
        if let Fact::Settled { day, .. } = &mut event.fact {
            *day = None;
        }
    }
    let next_day = later + crate::world::minutes(24 * 60);
    assert_eq!(allowance(&engine, next_day), 7, "the third day");
    let untold = Engine::restore_with(before, untold).unwrap();
    assert_eq!(allowance(&untold, next_day), 1, "one day with a send came before");
}

/// The same events twice are not taken for a longer history.
#[test]
fn what_was_taken_in_is_not_taken_in_again() {
    let mut engine = crate::world::engine([crate::world::account(1)]);
    engine.record_events();
    let now = crate::world::monday();
    let before = engine.snapshot();
    crate::world::send(&mut engine, crate::world::CAMPAIGN, 1, now);
    let events = engine.take_events();
    let mut again = Engine::restore(before).unwrap();
    again.extend(&events).unwrap();
    let error = again.extend(&events).unwrap_err();
    let turn = matches!(error.misfit, Misfit::Turn { .. });
    assert!(turn, "{error}");
}

/// Who forgets at another time may give a key again that is still known here. It is then of the
/// last reservation that got it, also when the first is forgotten.
#[test]
fn a_key_is_of_the_last_that_got_it() {
    let mut engine = crate::world::engine([crate::world::account(1)]);
    engine.record_events();
    let monday = crate::world::monday();
    let before = engine.snapshot();
    let mut keyed = |key: &str, lead: u64, hours: i64| {
        let now = monday + TimeDelta::hours(hours);
        let request = Request::new_lead(LeadId(lead)).key(key);
        let granted = engine.reserve(crate::world::CAMPAIGN, &request, now).unwrap();
        let id = granted.reserved().unwrap().id;
        engine.settle(id, Outcome::Sent, now).unwrap();
    };
    keyed("first", 1, 0);
    keyed("again", 2, 1);
    let text = serde_json::to_string(&engine.take_events()).unwrap();
    let events: Vec<Event> = serde_json::from_str(&text.replace("again", "first")).unwrap();
    let mut taken = Engine::restore(before).unwrap();
    taken.extend(&events).unwrap();
    let now = monday + TimeDelta::minutes(26 * 60 + 30);
    // With the end of this one the first is forgotten.
    crate::world::send(&mut taken, crate::world::CAMPAIGN, 3, now);
    assert!(taken.reservation(ReservationId(0)).is_none());
    let request = Request::new_lead(LeadId(2)).key("first");
    let again = taken.reserve(crate::world::CAMPAIGN, &request, now).unwrap();
    assert!(matches!(again, Pick::Ended(_)), "{again:?}");
}
