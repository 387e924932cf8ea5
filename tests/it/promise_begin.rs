//! The mark before DATA: it changes nothing that was sent, and tells after a crash what was not.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use mailrota::{Engine, Fact, Fate, Pick, ReservationId};
use proptest::prelude::any;
use proptest::{prop_assert, prop_assert_eq};
use serde_json::Value;

use crate::histories::{Done, History, Played, history};
use crate::strategies::{Verdict, holds};

fn forget_marks(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(forget_marks),
        Value::Object(values) => {
            values.remove("begun_at");
            values.values_mut().for_each(forget_marks);
        }
        Value::Bool(_) | Value::Null | Value::Number(_) | Value::String(_) => {}
    }
}

/// The state without the marks.
fn unmarked(engine: &Engine) -> Value {
    let mut value = serde_json::to_value(engine.snapshot()).unwrap();
    forget_marks(&mut value);
    value
}

/// > Begin changes no usage and no turn.
///
/// Of two engines one marks everything that is out before every step.
#[test]
fn a_mark_changes_nothing_else() {
    holds(60, history(60), |history| {
        let (mut one, mut other) = (history.set_up(), history.set_up());
        for step in &history.steps {
            other.begin_all();
            let _ = one.engine.tick(one.now);
            one.step(step);
            other.step(step);
            prop_assert_eq!(one.engine.next_wakeup(), other.engine.next_wakeup());
            prop_assert_eq!(unmarked(&one.engine), unmarked(&other.engine), "{:?}", step);
        }
        Ok(())
    });
}

#[derive(Default)]
struct Marks {
    out: BTreeSet<ReservationId>,
    begun: BTreeSet<ReservationId>,
}

impl Marks {
    fn note(&mut self, played: &mut Played, done: &Done) {
        match done {
            Done::Asked(_, _, Ok(Pick::Reserved(granted))) => drop(self.out.insert(granted.id)),
            Done::Ended(id, _, Ok(_)) => drop(self.out.remove(id)),
            Done::Asked(..)
            | Done::Bound(..)
            | Done::CampaignDeleted(_)
            | Done::Ended(..)
            | Done::Imported(..)
            | Done::Other
            | Done::Refused(_) => {}
        }
        for event in played.engine.take_events() {
            if let Fact::Begun { reservation } = event.fact {
                self.begun.insert(reservation);
            }
            if let Fact::Lapsed { reservation, .. } = event.fact {
                self.out.remove(&reservation);
            }
        }
    }
}

/// After a crash at any instant, exactly what was out without a mark comes back.
fn crash(history: &History, down: i64) -> Verdict {
    let mut marks = Marks::default();
    let mut played = history.set_up();
    for step in &history.steps {
        let done = played.step(step);
        marks.note(&mut played, &done);
    }
    let before = played.engine.clone();
    let later = before.seen().unwrap().to_datetime() + TimeDelta::minutes(down);
    let given_back = played.engine.give_back_unbegun(later).unwrap();
    let expected: Vec<_> = marks.out.difference(&marks.begun).copied().collect();
    prop_assert_eq!(&given_back, &expected);
    // Again finds nothing.
    prop_assert_eq!(played.engine.give_back_unbegun(later).unwrap(), []);
    for id in expected {
        prop_assert!(played.engine.begin(id, later).is_err(), "{id:?} was given back");
    }
    // The same as giving back one by one before anything else.
    let mut one_by_one = before;
    let seen = one_by_one.seen().unwrap().to_datetime();
    for id in given_back.iter().rev() {
        one_by_one.cancel(*id, seen).unwrap();
    }
    one_by_one.tick(later).unwrap();
    prop_assert!(one_by_one.snapshot() == played.engine.snapshot());
    Ok(())
}

/// > cancels every open reservation without the mark, leaves the begun ones out
#[test]
fn after_a_crash_what_was_not_begun_comes_back() {
    let down = any::<u16>();
    holds(200, (history(60), down), |(history, down)| crash(&history, i64::from(down)));
}

/// > nobody may start DATA at or after the lapse
#[test]
fn nobody_begins_at_the_lapse() {
    use mailrota::{BeginError, LeadId, Request, Span};

    use crate::world::{CAMPAIGN, account, engine, monday};

    let mut engine = engine([account(1)]);
    let request = Request::new_lead(LeadId(1)).key("one");
    let pick = engine.reserve(CAMPAIGN, &request, monday()).unwrap();
    let granted = pick.reserved().unwrap().clone();
    assert_eq!(granted.begun_at, None);
    let mut late = engine.clone();
    let error = late.begin(granted.id, granted.ends_at.to_datetime()).unwrap_err();
    assert!(matches!(error, BeginError::Lapsed { ends_at, .. } if ends_at == granted.ends_at));
    let just_before = granted.ends_at.minus(Span::milliseconds(1));
    assert_eq!(engine.begin(granted.id, just_before.to_datetime()).unwrap().begun_at, just_before);
    let again = engine.reserve(CAMPAIGN, &request, just_before.to_datetime()).unwrap();
    assert_eq!(again.reserved().unwrap().begun_at, Some(just_before));
    let ended = engine.reserve(CAMPAIGN, &request, granted.ends_at.to_datetime()).unwrap();
    assert!(matches!(ended, Pick::Ended(ended) if ended.fate == Fate::Lapsed));
}
