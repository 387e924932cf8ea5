//! Promise 9, the same history and the same answers: random histories played by twins.
//!
//! One twin goes on; the other is rebuilt, asked questions, or told things in another order. They
//! are compared as text, byte for byte.

use std::fmt::Debug;

use chrono::{DateTime, TimeDelta, Utc};
use mailrota::{Account, AccountId, Campaign, Config, Engine, Event, LeadId, Limit, Mode, Outcome};
use mailrota::{Pick, Request, ReservationId, Snapshot, Span, Weight};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::Index;
use proptest::test_runner::TestCaseError;
use proptest::{prop_assert, prop_assert_eq};

use crate::histories::{History, Played, history, odd_history};
use crate::strategies::{Strength, Verdict, holds, pool};
use crate::world::{CAMPAIGN, OWNER, account, engine, monday, send};

fn text(snapshot: &Snapshot) -> String {
    serde_json::to_string(snapshot).unwrap()
}

/// An engine written down and read again.
fn restored(engine: &Engine) -> Engine {
    let mut again = Engine::restore(serde_json::from_str(&text(&engine.snapshot())).unwrap());
    if let Ok(engine) = &mut again {
        engine.record_events();
    }
    again.unwrap()
}

/// Plays a history twice, the second time with something done between the steps, and compares
/// every answer, every event and every state.
fn twins(history: &History, mut between: impl FnMut(&mut Played)) -> Verdict {
    let (mut one, mut other) = (history.set_up(), history.set_up());
    prop_assert_eq!(one.engine.take_events(), other.engine.take_events());
    for step in &history.steps {
        between(&mut other);
        prop_assert_eq!(one.engine.next_wakeup(), other.engine.next_wakeup());
        prop_assert_eq!(one.step(step), other.step(step));
        prop_assert_eq!(one.engine.take_events(), other.engine.take_events());
        let (one, other) = (one.engine.snapshot(), other.engine.snapshot());
        if one != other {
            prop_assert_eq!(text(&one), text(&other));
            prop_assert_eq!(one, other);
        }
    }
    Ok(())
}

/// > Same history, same answers, byte for byte, on every platform.
///
/// An engine that is rebuilt from its own snapshot after every command has nothing but the facts:
/// what is derived from them never decides.
#[test]
fn an_engine_rebuilt_after_every_command_answers_alike() {
    let rebuild = |played: &mut Played| played.engine = restored(&played.engine);
    holds(60, history(60), |history| twins(&history, rebuild));
    holds(30, odd_history(40), |history| twins(&history, rebuild));
}

/// The same for an engine that stopped once and went on from what was written down.
#[test]
fn an_engine_restored_once_goes_on_alike() {
    holds(100, (history(90), any::<Index>()), |(history, stop)| {
        let mut left = stop.index(history.steps.len());
        twins(&history, |played| {
            if left == 0 {
                played.engine = restored(&played.engine);
            }
            left = left.wrapping_sub(1);
        })
    });
}

/// What happens to a crowd that shares one campaign.
#[derive(Clone, Debug)]
enum Move {
    /// A new lead, for all but these.
    Ask(Vec<u64>),
    /// Some of those that are out are cancelled, in any order.
    Cancel(Vec<Index>),
    /// The clock goes on by so many seconds.
    Later(i64),
    Settle(Index),
    Suspend(u64, bool),
}

/// A crowd's moves. Numbers of accounts are small, as those come first.
fn moves() -> impl Strategy<Value = Vec<Move>> {
    let few = || prop_oneof![2 => vec(1_u64..8, 0..7), 1 => vec(1_u64..40, 0..16)];
    let each = prop_oneof![
        14 => few().prop_map(Move::Ask),
        3 => vec(any::<Index>(), 1..6).prop_map(Move::Cancel),
        1 => (0_i64..30).prop_map(Move::Later),
        3 => any::<Index>().prop_map(Move::Settle),
        2 => (1_u64..40, any::<bool>()).prop_map(|(id, off)| Move::Suspend(id, off)),
    ];
    vec(each, 20..160)
}

/// Who would be given a new lead, and who would if that one were excluded, and so on.
fn next_ones(engine: &Engine, now: DateTime<Utc>) -> Vec<AccountId> {
    let mut ones = Vec::new();
    while ones.len() < 12 {
        let request = Request::new_lead(LeadId(u64::MAX)).excluding(ones.iter().copied());
        let pick = engine.clone().reserve(CAMPAIGN, &request, now).unwrap();
        let Some(one) = pick.reserved() else { break };
        ones.push(one.account);
    }
    ones
}

/// Plays moves with accounts of some weights and one spacing, in seconds. Each answer is that of an
/// engine which knows the facts only.
fn crowd(weights: &[u8], spacing: u64, moves: &[Move]) -> Verdict {
    let accounts = (1..).zip(weights).map(|(id, weight)| {
        account(id).weight(Weight::new(*weight).unwrap()).spacing(Span::seconds(spacing))
    });
    let (mut engine, mut now) = (engine(accounts), monday());
    let mut out = Vec::new();
    for (lead, one) in (1..).zip(moves) {
        match one {
            Move::Ask(excluded) => {
                let excluded = excluded.iter().copied().map(AccountId);
                let request = Request::new_lead(LeadId(lead)).excluding(excluded);
                let mut again = Engine::restore(engine.snapshot()).unwrap();
                let pick = engine.reserve(CAMPAIGN, &request, now).unwrap();
                prop_assert_eq!(&pick, &again.reserve(CAMPAIGN, &request, now).unwrap());
                out.extend(pick.reserved().map(|one| one.id));
            }
            Move::Cancel(some) => {
                for one in some.iter().take(out.len()) {
                    let id = out.swap_remove(one.index(out.len()));
                    let _ = engine.cancel(id, now).unwrap();
                }
                let again = Engine::restore(engine.snapshot()).unwrap();
                prop_assert_eq!(next_ones(&engine, now), next_ones(&again, now));
            }
            Move::Later(seconds) => now += TimeDelta::seconds(*seconds),
            Move::Settle(one) if !out.is_empty() => {
                let id = out.swap_remove(one.index(out.len()));
                let _ = engine.settle(id, Outcome::Sent, now).unwrap();
            }
            Move::Settle(_) => {}
            Move::Suspend(id, off) => {
                let Some(account) = engine.account(AccountId(*id)).cloned() else { continue };
                engine.change_account(account.suspended(*off), now).unwrap();
            }
        }
    }
    Ok(())
}

/// The same for accounts of a few weights that are too many to be gone through one by one, most of
/// them excluded at times, and for cancels that set virtual time back far.
#[test]
fn a_crowd_whose_reservations_are_cancelled_is_served_as_if_made_anew() {
    let weights = prop_oneof![vec(Just(1_u8), 17..40), vec(1_u8..4, 17..40)];
    let spacing = prop_oneof![2 => Just(0), 1 => 1_u64..60];
    holds(60, (weights, spacing, moves()), |(weights, spacing, moves)| {
        crowd(&weights, spacing, &moves)
    });
}

/// A cancel sets virtual time back behind starts that had come. Whoever stands there is found all
/// the same when all that come before it are excluded.
#[test]
fn who_had_come_before_a_cancel_is_found_behind_those_that_are_excluded() {
    let mut engine = engine((1..=20).map(|id| account(id).spacing(Span::ZERO)));
    let mut open = Vec::new();
    for lead in 1..=21 {
        let request = Request::new_lead(LeadId(lead));
        let Ok(Pick::Reserved(one)) = engine.reserve(CAMPAIGN, &request, monday()) else {
            panic!("nobody sends to lead {lead}");
        };
        if lead == 3 || lead == 21 {
            open.push(one.id);
        } else {
            let _ = engine.settle(one.id, Outcome::Sent, monday()).unwrap();
        }
    }
    for id in open.into_iter().rev() {
        let _ = engine.cancel(id, monday()).unwrap();
    }
    let request = Request::new_lead(LeadId(22)).excluding([1, 2, 3].map(AccountId));
    let mut again = restored(&engine);
    let expected = again.reserve(CAMPAIGN, &request, monday()).unwrap();
    assert!(matches!(expected, Pick::Reserved(_)), "{expected:?}");
    assert_eq!(engine.reserve(CAMPAIGN, &request, monday()).unwrap(), expected);
}

/// Asks everything that can be asked.
fn look(played: &mut Played) {
    let at = played.now;
    for id in played.accounts() {
        let _ = played.engine.standing(id, at);
    }
    for id in played.campaigns().collect::<Vec<_>>() {
        let _ = played.engine.explain(id, at);
        let _ = played.engine.preview(id, 3, at);
        let _ = played.engine.forecast(id, 2, Span::days(2), at);
        for request in [Request::new_lead(LeadId(1)), Request::follow_up(LeadId(2))] {
            let _ = played.engine.explain_request(id, &request, at);
        }
        let all: Vec<_> = played.accounts().collect();
        let _ = played.engine.attach_with(id, &all, Mode::DryRun, at);
        let _ = played.engine.detach_with(id, &all, Mode::DryRun, at);
    }
}

/// > Looking (explain, preview, forecast) changes nothing.
#[test]
fn looking_changes_nothing() {
    holds(40, history(50), |history| twins(&history, look));
}

/// > Same history, same answers, byte for byte, on every platform.
///
/// The events that were recorded are the history; read from text, they bring the engine back.
#[test]
fn recorded_events_bring_the_engine_back() {
    let replays = |history: History| {
        let mut played = history.play::<TestCaseError>(|_, _| Ok(()))?;
        let events = serde_json::to_string(&played.engine.take_events()).unwrap();
        let events: Vec<Event> = serde_json::from_str(&events).unwrap();
        let mut again = Engine::replay(played.config.clone(), &events);
        // That time has passed is no event.
        again.confirm_clock(played.now).unwrap();
        prop_assert_eq!(text(&again.snapshot()), text(&played.engine.snapshot()));
        prop_assert_eq!(again.next_wakeup(), played.engine.next_wakeup());
        Ok(())
    };
    holds(150, history(90), replays);
    holds(50, odd_history(60), replays);
}

/// The first picks of accounts that were added and attached in an order.
fn picks(accounts: &[(AccountId, Account)], at_once: bool) -> Vec<Option<AccountId>> {
    let mut engine = Engine::new(Config::default());
    engine.add_campaign(Campaign::new(CAMPAIGN, OWNER), monday()).unwrap();
    for (_, account) in accounts {
        engine.add_account(account.clone(), monday()).unwrap();
    }
    let ids: Vec<_> = accounts.iter().map(|(id, _)| *id).collect();
    let one_by_one = if at_once { ids.len() } else { 1 };
    for ids in ids.chunks(one_by_one) {
        engine.attach(CAMPAIGN, ids, monday()).unwrap();
    }
    (0..60).map(|lead| send(&mut engine, CAMPAIGN, lead, monday())).collect()
}

/// > Same history, same answers
///
/// In which order equals were told about is no part of a history.
#[test]
fn the_order_of_adding_and_attaching_does_not_matter() {
    let shuffled = pool(1..=9).prop_flat_map(|pool: Vec<Strength>| {
        let accounts = (1..).zip(&pool).map(|(id, strength)| (AccountId(id), strength.account(id)));
        let accounts: Vec<_> = accounts.collect();
        (Just(accounts.clone()), Just(accounts).prop_shuffle(), any::<bool>())
    });
    holds(60, shuffled, |(accounts, shuffled, at_once)| {
        prop_assert_eq!(picks(&accounts, true), picks(&shuffled, at_once));
        Ok(())
    });
}

/// One campaign's caller, who draws what to do next, and says it to all engines alike.
struct Caller {
    engines: Vec<Engine>,
    state: u64,
    now: DateTime<Utc>,
    leads: u64,
    out: Vec<ReservationId>,
    /// How many emails counted when they ended.
    counted: usize,
}

impl Caller {
    fn draw(&mut self, below: u64) -> u64 {
        self.state = self.state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (self.state >> 33) % below
    }

    /// What all engines answer.
    fn ask<T: Debug + PartialEq>(
        &mut self,
        of: impl Fn(&mut Engine, DateTime<Utc>) -> T,
    ) -> Result<T, TestCaseError> {
        let now = self.now;
        let mut answers = self.engines.iter_mut().map(|engine| of(engine, now));
        let first = answers.next().unwrap();
        for other in answers {
            prop_assert_eq!(&first, &other, "at {}", now);
        }
        Ok(first)
    }

    fn reserve(&mut self) -> Verdict {
        let request = match self.draw(5) {
            0 if self.leads > 0 => Request::follow_up(LeadId(3 * self.draw(self.leads))),
            _ => {
                self.leads += 1;
                Request::new_lead(LeadId(3 * self.leads))
            }
        };
        let answer = self.ask(|engine, now| engine.reserve(CAMPAIGN, &request, now))?;
        // A lead that is forgotten, or gave its account back, has no follow-up.
        let granted = answer.as_ref().ok().and_then(Pick::reserved);
        self.out.extend(granted.map(|granted| granted.id));
        Ok(())
    }

    /// Ends one that is out, or has lapsed already.
    fn end(&mut self, nth: usize) -> Verdict {
        let id = self.out.remove(nth);
        let outcome = match self.draw(12) {
            0 => return self.ask(|engine, now| engine.cancel(id, now)).map(drop),
            1 => Outcome::Deferred,
            2 => Outcome::Rejected,
            _ => Outcome::Sent,
        };
        self.counted += usize::from(outcome != Outcome::Deferred);
        self.ask(|engine, now| engine.settle(id, outcome, now)).map(drop)
    }

    fn steps(&mut self, count: usize) -> Verdict {
        for step in 0..count {
            let later = i64::try_from(self.draw(12_000)).unwrap();
            self.now += TimeDelta::milliseconds(later);
            self.reserve()?;
            while self.out.len() > 30 {
                let nth = usize::try_from(self.draw(self.out.len() as u64)).unwrap();
                self.end(nth)?;
            }
            if step % 50 == 0 {
                self.ask(|engine, _| engine.next_wakeup())?;
                self.ask(|engine, now| engine.explain(CAMPAIGN, now).unwrap())?;
            }
        }
        Ok(())
    }
}

/// The same for a campaign that has more of everything than stands in one piece of memory: leads in
/// many segments, some of them freed; more than a hundred that ended in the middle of those that
/// are out; and so many sends that their times stand in pieces. What is restored is packed anew.
#[test]
fn a_large_campaign_restored_once_goes_on_alike() {
    holds(1, any::<u64>().no_shrink(), |seed| {
        let limit = Limit::rolling(900, Span::hours(6)).unwrap();
        let config = Config::default().lead_memory(Span::days(1)).unwrap();
        let mut engine = Engine::new(config);
        let campaign = Campaign::new(CAMPAIGN, OWNER).new_lead_cap(11_000);
        engine.add_campaign(campaign, monday()).unwrap();
        for id in 1..=4 {
            engine.add_account(account(id).spacing(Span::ZERO).limit(limit), monday()).unwrap();
        }
        engine.attach(CAMPAIGN, &[1, 2, 3, 4].map(AccountId), monday()).unwrap();
        let (state, now) = (seed, monday());
        let engines = vec![engine];
        let mut caller = Caller { engines, state, now, leads: 0, out: Vec::new(), counted: 0 };
        // Into the third day, on which leads of the first are forgotten. By so many sends the log
        // of the campaign has had to make room for more than one piece holds.
        caller.steps(28_000)?;
        prop_assert!(caller.counted > 20_480, "{} emails", caller.counted);
        while !caller.out.is_empty() {
            caller.end(0)?;
        }
        caller.now += TimeDelta::hours(1);
        for _ in 0..300 {
            caller.reserve()?;
        }
        let len = caller.out.len();
        prop_assert!(len > 250, "{len} are out");
        for _ in 0..110 {
            caller.end(len / 4)?;
        }
        caller.engines.push(restored(&caller.engines[0]));
        caller.steps(2_500)?;
        let texts: Vec<_> = caller.engines.iter().map(|engine| text(&engine.snapshot())).collect();
        prop_assert!(texts[0] == texts[1], "the same facts at the end");
        Ok(())
    });
}
