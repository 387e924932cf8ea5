//! Promise 12, bad input: histories at the ends of time and of numbers, requests that make no
//! sense, and snapshots with damage.
//!
//! Whether an error is the right one is known where its command is tested; here it is that there is
//! one, that it names what was given, and that nothing else happened.

use chrono::{DateTime, TimeDelta, Utc};
use mailrota::{
    Account, AccountError, AccountId, AttachError, Campaign, CampaignError, CampaignId, ClockError,
    Config, Engine, LeadId, Limit, Mode, Outcome, OwnerId, Pick, Request, ReservationId,
    ReserveError, SettleError, Snapshot, Span, Timestamp,
};
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::{Index, select};
use proptest::{prop_assert, prop_assert_eq};
use serde_json::Value;

use crate::histories::{History, history, odd_history};
use crate::strategies::{Verdict, holds};
use crate::world::{CAMPAIGN, OWNER, account, engine, monday};

/// After an error the engine did nothing but see what time it is.
fn errors_do_nothing(history: &History) -> Verdict {
    let mut played = history.set_up();
    played.engine.take_events();
    let mut before = played.clone();
    for step in &history.steps {
        let done = played.step(step);
        let events = played.engine.take_events();
        if done.is_refused() {
            // What lapsed by then did so without it.
            let clock = before.engine.tick(before.wall);
            prop_assert_eq!(before.engine.take_events(), events, "{:?}", done);
            prop_assert_eq!(before.engine.snapshot(), played.engine.snapshot(), "{:?}", done);
            prop_assert!(clock.is_ok() || before.now == played.now, "{done:?}");
        }
        before = played.clone();
    }
    Ok(())
}

/// > Bad input gets a typed error that names the value, the rule and the way out. Nothing panics,
/// > nothing is half done.
#[test]
fn what_is_refused_is_not_half_done() {
    holds(150, history(60), |history| errors_do_nothing(&history));
}

/// The same at the first and last instants that there are, in zones with days of odd lengths, and
/// with the largest numbers.
#[test]
fn the_ends_of_time_and_numbers_are_instants_and_numbers() {
    holds(200, odd_history(60), |history| errors_do_nothing(&history));
}

/// Instants that no civil calendar of four digits has are refused by every command.
#[test]
fn instants_beyond_the_calendar_are_refused() {
    let year_zero = Timestamp::MIN.to_datetime() - TimeDelta::milliseconds(1);
    let year_10000 = Timestamp::MAX.to_datetime() + TimeDelta::milliseconds(1);
    let ends = [DateTime::<Utc>::MIN_UTC, year_zero, year_10000, DateTime::<Utc>::MAX_UTC];
    let mut engine = engine([account(1)]);
    let snapshot = engine.snapshot();
    for now in ends {
        let out = |error: ClockError| matches!(error, ClockError::OutOfRange(_));
        assert!(out(engine.tick(now).unwrap_err()), "{now}");
        assert!(out(engine.confirm_clock(now).unwrap_err()), "{now}");
        assert!(out(engine.hold_domain(OWNER, "a.example", Some(now), monday()).unwrap_err()));
        let error = engine.reserve(CAMPAIGN, &Request::new_lead(LeadId(1)), now).unwrap_err();
        assert!(matches!(error, ReserveError::Clock(ClockError::OutOfRange(_))), "{error}");
        let error = engine.preview(CAMPAIGN, 1, now).unwrap_err();
        assert!(error.to_string().contains("outside the years 1 to 9999"), "{error}");
        let held = engine.hold_account(AccountId(1), Some(now), monday());
        assert!(matches!(held, Err(AccountError::Clock(ClockError::OutOfRange(_)))));
        assert_eq!(engine.snapshot(), snapshot, "after {now}");
    }
}

/// One account with the largest of everything, at the first and near the last instant.
#[test]
fn the_largest_of_everything_is_served() {
    let (month, last) = (Span::days(31), u64::MAX);
    for start in [Timestamp::MIN, Timestamp::MAX.minus(month).minus(month)] {
        let now = start.to_datetime();
        let mut engine = Engine::new(Config::default().seed(last));
        let (id, campaign) = (AccountId(last), CampaignId(last));
        let largest = Account::new(id, OwnerId(last), "a@b.example").daily_cap(u32::MAX);
        let largest = largest.limit(Limit::rolling(u32::MAX, month).unwrap());
        engine.add_account(largest.clone(), now).unwrap();
        let settings = Campaign::new(campaign, OwnerId(last)).daily_cap(u32::MAX);
        engine.add_campaign(settings, now).unwrap();
        engine.attach(campaign, &[id], now).unwrap();
        let request = Request::new_lead(LeadId(last)).key("k".repeat(255));
        let granted = engine.reserve(campaign, &request, now).unwrap();
        engine.settle(granted.reserved().unwrap().id, Outcome::Sent, now).unwrap();
        engine.change_account(largest.spacing(month).jitter(month), now).unwrap();
        let second = Request::new_lead(LeadId(0));
        let pick = engine.reserve(campaign, &second, now).unwrap();
        let until = pick.until().unwrap();
        assert!(now < until && until <= Timestamp::MAX.to_datetime(), "{pick:?}");
        for _ in 0..3 {
            engine.report_usage(id, u32::MAX, now).unwrap();
            engine.declare_follow_ups(id, "2026-11-23".parse().unwrap(), u32::MAX, now).unwrap();
        }
        let standing = engine.standing(id, now).unwrap();
        assert_eq!((standing.sent, standing.headroom()), (u32::MAX, 0));
        assert!(engine.reserve(campaign, &second, now).unwrap().reserved().is_none());
        engine.forecast(campaign, 3, Span::milliseconds(last), now).unwrap();
    }
}

/// A cap holds in the first hours that there are, where nothing is a day before.
#[test]
fn caps_hold_at_the_first_instant() {
    let first = Timestamp::MIN.to_datetime();
    let day = Limit::rolling(1, Span::days(1)).unwrap();
    let month = Limit::rolling(1, Span::days(31)).unwrap();
    for limit in [day, month] {
        let mut engine = Engine::new(Config::default());
        let account = Account::new(AccountId(1), OWNER, "a@b.example").limit(limit);
        engine.add_account(account.daily_cap(100), first).unwrap();
        engine.add_campaign(Campaign::new(CAMPAIGN, OWNER), first).unwrap();
        engine.attach(CAMPAIGN, &[AccountId(1)], first).unwrap();
        let mut ask = |lead, hours| {
            let now = first + TimeDelta::hours(hours);
            let pick = engine.reserve(CAMPAIGN, &Request::new_lead(LeadId(lead)), now).unwrap();
            if let Some(granted) = pick.reserved() {
                engine.settle(granted.id, Outcome::Sent, now).unwrap();
            }
            pick.reserved().is_some()
        };
        assert!(ask(1, 0) && !ask(2, 0) && !ask(3, 1) && !ask(4, 23), "{limit:?}");
        assert_eq!(ask(5, 25), limit == day, "{limit:?}");
    }
}

/// Every command about something that is not there names it.
#[test]
fn errors_name_what_was_given() {
    let (mut engine, now) = (engine([account(1)]), monday());
    let (id, campaign, no) = (AccountId(987), CampaignId(654), ReservationId(321));
    let lead = Request::new_lead(LeadId(1));
    let of = |error: AccountError| error.to_string();
    let about = |error: CampaignError| error.to_string();
    let ask = |error: ReserveError| error.to_string();
    let end = |error: SettleError| error.to_string();
    let attach = |error: AttachError| error.to_string();
    let day = "2026-11-23".parse().unwrap();
    let bound = Request::follow_up(LeadId(777));
    let stranger = lead.clone().from_account(id);
    for (number, error) in [
        ("987", of(engine.suspend(id, now).unwrap_err())),
        ("987", of(engine.resume(id, now).unwrap_err())),
        ("987", of(engine.delete_account(id, now).unwrap_err())),
        ("987", of(engine.change_account(account(987), now).unwrap_err())),
        ("987", of(engine.report_usage(id, 1, now).unwrap_err())),
        ("987", of(engine.declare_follow_ups(id, day, 1, now).unwrap_err())),
        ("987", of(engine.hold_account(id, None, now).unwrap_err())),
        ("1", of(engine.add_account(account(1), now).unwrap_err())),
        ("654", about(engine.delete_campaign(campaign, now).unwrap_err())),
        ("987", about(engine.bind_lead(CAMPAIGN, LeadId(1), id, now).unwrap_err())),
        ("654", about(engine.bind_lead(campaign, LeadId(1), id, now).unwrap_err())),
        ("654", ask(engine.reserve(campaign, &lead, now).unwrap_err())),
        ("777", ask(engine.reserve(CAMPAIGN, &bound, now).unwrap_err())),
        ("987", ask(engine.reserve(CAMPAIGN, &stranger, now).unwrap_err())),
        ("0 bytes", ask(engine.reserve(CAMPAIGN, &lead.clone().key(""), now).unwrap_err())),
        ("256 bytes", {
            let long = lead.clone().key("k".repeat(256));
            ask(engine.reserve(CAMPAIGN, &long, now).unwrap_err())
        }),
        ("321", end(engine.settle(no, Outcome::Sent, now).unwrap_err())),
        ("321", end(engine.cancel(no, now).unwrap_err())),
        ("654", attach(engine.attach(campaign, &[id], now).unwrap_err())),
        ("987", attach(engine.attach(CAMPAIGN, &[id], now).unwrap_err())),
        ("654", engine.explain(campaign, now).unwrap_err().to_string()),
        ("654", engine.preview(campaign, 1, now).unwrap_err().to_string()),
        ("987", engine.standing(id, now).unwrap_err().to_string()),
    ] {
        let (first, last) = (error.chars().next().unwrap(), error.chars().last().unwrap());
        assert!(error.contains(number), "{error} does not name {number}");
        assert!(first.is_lowercase() && last != '.', "{error} is not a fragment");
    }
}

/// A batch of none is answered by none; one of many has an answer for each, in order, and what
/// makes no sense in it does not keep the others from theirs.
#[test]
fn a_batch_has_an_answer_for_each() {
    let mut engine = engine([account(1).daily_cap(300), account(2).daily_cap(100)]);
    let now = monday();
    assert_eq!(engine.reserve_batch(CAMPAIGN, &[], now).unwrap(), []);
    let sound = (0..500).map(|lead| Request::new_lead(LeadId(lead)).key(format!("{lead}")));
    let absurd = || Request::follow_up(LeadId(9_999)).excluding((0..2_000).map(AccountId));
    let batch: Vec<_> = sound.flat_map(|sound| [sound.clone(), absurd(), sound]).collect();
    let answers = engine.reserve_batch(CAMPAIGN, &batch, now).unwrap();
    assert_eq!(answers.len(), batch.len());
    for (n, answers) in answers.chunks(3).enumerate() {
        let reserved = matches!(&answers[0], Ok(Pick::Reserved(_)));
        assert_eq!(reserved, n < 400, "{n}: {:?}", answers[0]);
        assert!(matches!(answers[1], Err(ReserveError::LeadUnbound { .. })));
        assert_eq!(answers[0], answers[2], "the same key gets the same answer");
    }
}

/// Requests that repeat themselves or name nobody change nothing that they need not.
#[test]
fn absurd_requests_are_harmless() {
    let (mut engine, now) = (engine([account(1), account(2)]), monday());
    let snapshot = engine.snapshot();
    assert_eq!(engine.attach(CAMPAIGN, &[], now).unwrap().accounts, []);
    assert_eq!(engine.detach(CAMPAIGN, &[], now).unwrap().accounts, []);
    let many: Vec<_> = (0..10_000).map(|n| AccountId(n % 3)).collect();
    assert_eq!(engine.attach_with(CAMPAIGN, &many, Mode::DryRun, now).unwrap().accounts.len(), 3);
    assert_eq!(engine.attach(CAMPAIGN, &[AccountId(2); 9], now).unwrap().changed, []);
    engine.hold_domain(OWNER, "", None, now).unwrap();
    engine.report_usage(AccountId(1), 0, now).unwrap();
    assert_eq!(engine.snapshot(), snapshot);
    let everybody = Request::new_lead(LeadId(1)).excluding([1, 2, 2, 3].map(AccountId));
    let pick = engine.reserve(CAMPAIGN, &everybody, now).unwrap();
    assert!(matches!(&pick, Pick::Unavailable(none) if none.reasons().count() == 2), "{pick:?}");
    let nobody = everybody.from_account(AccountId(1));
    let pick = engine.reserve(CAMPAIGN, &nobody, now).unwrap();
    assert!(matches!(pick, Pick::Unavailable(_)), "{pick:?}");
}

/// One place of a snapshot and what is written there instead.
#[derive(Clone, Debug)]
struct Damage {
    place: Index,
    written: Written,
}

#[derive(Clone, Debug)]
enum Written {
    /// This number, or as much more than what was there.
    Number(i128),
    Plus(i8),
    /// The entry is gone.
    Removed,
    Text(&'static str),
    Value(&'static str),
}

fn damage() -> impl Strategy<Value = Damage> {
    let numbers = [0, 1, 2, -1, 1 << 31, (1 << 32) - 1, 1 << 62, (1 << 63) - 1, (1 << 64) - 1];
    let texts = [
        "",
        "0",
        "-1",
        "170141183460469231731687303715884105727",
        "-170141183460469231731687303715884105728",
        "21267647932558653966460912964485513216",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999Z",
        "2026-11-24T00:00:00Z",
        "0001-01-01",
        "9999-12-31",
        "262142-12-31",
        "Pacific/Apia",
        "open",
        "cancelled",
        "lapsed",
        "stopped",
    ];
    let written = prop_oneof![
        4 => select(numbers.to_vec()).prop_map(Written::Number),
        2 => any::<i8>().prop_map(Written::Plus),
        1 => Just(Written::Removed),
        3 => select(texts.to_vec()).prop_map(Written::Text),
        1 => select(&["null", "true", "false", "[]", "{}"][..]).prop_map(Written::Value),
    ];
    (any::<Index>(), written).prop_map(|(place, written)| Damage { place, written })
}

/// How many places a value has.
fn places(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(places).sum(),
        Value::Object(fields) => fields.values().map(places).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// Does the damage at the `place`-th place.
fn strike(value: &mut Value, mut place: usize, written: &Written) {
    if place == 0 {
        *value = rewritten(value, written);
        return;
    }
    place -= 1;
    let children: Vec<&mut Value> = match value {
        Value::Array(items) => {
            if matches!(written, Written::Removed) && place < items.len() {
                items.remove(place);
                return;
            }
            items.iter_mut().collect()
        }
        Value::Object(fields) => fields.values_mut().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    for child in children {
        let inside = places(child);
        if place < inside {
            return strike(child, place, written);
        }
        place -= inside;
    }
}

fn rewritten(value: &Value, written: &Written) -> Value {
    let number = |n: i128| match (u64::try_from(n), i64::try_from(n)) {
        (Ok(n), _) => Value::from(n),
        (_, Ok(n)) => Value::from(n),
        (_, _) => Value::Null,
    };
    match (value, written) {
        (Value::String(text), Written::Plus(more)) => match text.parse::<i128>() {
            Ok(n) => Value::from(n.saturating_add(i128::from(*more)).to_string()),
            Err(_) => Value::from(format!("{text}{more}")),
        },
        (Value::String(_), Written::Number(n)) => Value::from(n.to_string()),
        (Value::Number(n), Written::Plus(more)) => {
            number(i128::from(n.as_u64().unwrap_or_default()) + i128::from(*more))
        }
        (_, Written::Number(n)) => number(*n),
        (_, Written::Plus(_) | Written::Removed) => Value::Null,
        (_, Written::Text(text)) => Value::from(*text),
        (_, Written::Value(json)) => serde_json::from_str(json).unwrap(),
    }
}

/// Uses an engine for everything; only a panic is wrong.
fn use_up(mut engine: Engine) {
    let seen = engine.seen().unwrap_or(Timestamp::EPOCH).to_datetime();
    let accounts: Vec<Account> = engine.accounts().cloned().collect();
    for later in [TimeDelta::zero(), TimeDelta::minutes(20), TimeDelta::days(2)] {
        let Some(now) = seen.checked_add_signed(later) else { return };
        let _ = (engine.tick(now), engine.next_wakeup());
        for campaign in [1, 2].map(CampaignId) {
            for lead in 0..3 {
                for request in [Request::new_lead(LeadId(lead)), Request::follow_up(LeadId(lead))] {
                    let _ = engine.explain_request(campaign, &request, now);
                    let _ = engine.reserve(campaign, &request.key(format!("key {lead}")), now);
                }
            }
            let _ = engine.explain(campaign, now);
            let _ = engine.forecast(campaign, 2, Span::days(2), now);
        }
        for account in &accounts {
            let _ = engine.standing(account.id, now);
            let _ = engine.change_account(account.clone().daily_cap(7), now);
            let _ = engine.detach(CAMPAIGN, &[account.id], now);
        }
        for id in (0..40).map(ReservationId) {
            let _ = match id.0 % 3 {
                0 => engine.cancel(id, now),
                1 => engine.settle(id, Outcome::Sent, now),
                _ => engine.settle(id, Outcome::Deferred, now),
            };
        }
    }
    let text = serde_json::to_string(&engine.snapshot()).unwrap();
    // What was damaged may be found out only now.
    let _ = Engine::restore(serde_json::from_str(&text).unwrap());
}

/// > Bad input gets a typed error […]. Nothing panics, nothing is half done.
///
/// A damaged snapshot is refused, or it is one that an engine can be made of and works.
#[test]
fn a_damaged_snapshot_is_refused_or_works() {
    let damaged = (history(40), proptest::collection::vec(damage(), 1..4));
    holds(400, damaged, |(history, damages)| {
        let played = history.play::<proptest::test_runner::TestCaseError>(|_, _| Ok(()))?;
        let mut value = serde_json::to_value(played.engine.snapshot()).unwrap();
        for Damage { place, written } in &damages {
            let place = place.index(places(&value));
            strike(&mut value, place, written);
        }
        let read = serde_json::from_value::<Snapshot>(value);
        if let Some(engine) = read.ok().and_then(|snapshot| Engine::restore(snapshot).ok()) {
            use_up(engine);
        }
        Ok(())
    });
}
