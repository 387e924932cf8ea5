//! The durable engine on an SQLite file: what was answered is there when it is opened again.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use mailrota::{
    AccountId, CampaignId, ClockError, Config, DurableEngine, Fact, Filter, History, JournalError,
    Options, Outcome, OwnerId, Percent, Recovery, Span, StoreError, Timestamp, check,
};

use crate::durable_world::{Folder, open, reserve, set_up};
use crate::world::monday;

#[test]
fn what_was_answered_is_there_when_opened_again() {
    let folder = Folder::new();
    let engine = open(&folder).unwrap();
    set_up(&engine, 3);
    let first = reserve(&engine, 1);
    engine.settle(first.id, Outcome::Sent, monday()).unwrap();
    let second = reserve(&engine, 2);
    let before = engine.snapshot();
    drop(engine);
    let engine = open(&folder).unwrap();
    assert_eq!(engine.snapshot(), before);
    // The key finds the reservation of the life before.
    assert_eq!(reserve(&engine, 2).id, second.id);
    assert!(engine.settle(first.id, Outcome::Sent, monday()).unwrap().repeated);
}

/// Both files stay for those who may only read, and in an empty folder could not make them.
#[test]
fn the_log_is_empty_after_a_clean_end_and_only_then() {
    let folder = Folder::new();
    let length = |name| fs::metadata(folder.0.join(name)).map(|file| file.len()).ok();
    let engine = open(&folder).unwrap();
    set_up(&engine, 3);
    // What a crash would leave.
    assert!(length("store.db-wal") > Some(0));
    engine.close().unwrap();
    assert_eq!(length("store.db-wal"), Some(0));
    assert!(length("store.db-shm").is_some());
    // Whoever looks changes nothing of that.
    assert!(check(folder.store()).unwrap().is_sound());
    assert_eq!(length("store.db-wal"), Some(0));
}

/// > One wrong clock would otherwise free every cap for good.
#[test]
fn a_store_idle_for_longer_than_a_clock_is_believed_is_opened_once_that_is_confirmed() {
    let folder = Folder::new();
    let engine = open(&folder).unwrap();
    set_up(&engine, 1);
    engine.close().unwrap();
    let later = monday() + TimeDelta::days(401);
    let open = |options: Options| DurableEngine::open(folder.store(), &options, later);
    let refused = open(Options::default()).unwrap_err();
    assert!(matches!(refused, StoreError::Clock(ClockError::TooFarAhead { .. })), "{refused}");
    for recovery in [Recovery::Keep, Recovery::GiveBackUnbegun] {
        let confirmed = Options::default().recovery(recovery).confirm_clock(true);
        let engine = open(confirmed).unwrap();
        assert_eq!(engine.seen(), Timestamp::try_from(later).ok());
        engine.close().unwrap();
    }
    // One fact says so, and there is no need of another.
    let mut confirmed = 0;
    let mut history = History::open(folder.store()).unwrap();
    let facts = history.facts(&Filter::new(), |_, event, _| {
        confirmed += u32::from(event.fact == Fact::ClockConfirmed);
        true
    });
    facts.unwrap();
    assert_eq!(confirmed, 1);
    open(Options::default()).unwrap();
}

/// > Those that would have lapsed while the service was down come back too.
#[test]
fn what_nobody_began_comes_back_before_a_clock_is_confirmed() {
    let folder = Folder::new();
    let engine = open(&folder).unwrap();
    set_up(&engine, 3);
    let (begun, unbegun) = (reserve(&engine, 1).id, reserve(&engine, 2).id);
    engine.begin(begun, monday()).unwrap();
    engine.close().unwrap();
    let later = monday() + TimeDelta::days(401);
    let facts = || {
        let mut facts = Vec::new();
        let mut history = History::open(folder.store()).unwrap();
        let all = history.facts(&Filter::new(), |_, event, _| {
            facts.push((event.at.unix_ms(), event.fact.clone()));
            true
        });
        all.unwrap();
        facts
    };
    let before = facts().len();
    let options = Options::default().recovery(Recovery::GiveBackUnbegun);
    let open = |options: &Options, now| DurableEngine::open(folder.store(), options, now);
    // Who is refused gives nothing back.
    let beyond = DateTime::<Utc>::MAX_UTC;
    for (options, now) in [(options.clone(), later), (options.clone().confirm_clock(true), beyond)]
    {
        assert!(matches!(open(&options, now), Err(StoreError::Clock(_))));
        assert_eq!(facts().len(), before);
    }
    let engine = open(&options.confirm_clock(true), later).unwrap();
    let after = facts().split_off(before);
    let ms = |at: DateTime<Utc>| at.timestamp_millis();
    assert_eq!(after[0], (ms(monday()), Fact::Cancelled { reservation: unbegun }));
    let (at, lapsed) = &after[1];
    assert!(matches!(lapsed, Fact::Lapsed { reservation, .. } if *reservation == begun), "{at}");
    assert_eq!(after[2..], [(ms(later), Fact::ClockConfirmed)]);
    // The facts say what the engine says that decided them.
    let state = engine.snapshot();
    engine.close().unwrap();
    assert_eq!(open(&Options::default(), later).unwrap().snapshot(), state);
}

#[test]
fn only_one_has_a_store_open_for_writing() {
    let folder = Folder::new();
    let engine = open(&folder).unwrap();
    let refused = open(&folder).unwrap_err();
    assert!(matches!(refused, StoreError::Journal(JournalError::Locked { .. })), "{refused}");
    engine.close().unwrap();
    open(&folder).unwrap();
}

/// A process that is just being started holds copies of all open files until it runs its own
/// program, and with them their locks.
#[test]
#[cfg(unix)]
fn a_closed_store_opens_while_other_processes_are_started() {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                std::process::Command::new("true").status().unwrap();
            }
        });
        let folder = Folder::new();
        let opened = (0..300).try_for_each(|_| open(&folder)?.close());
        done.store(true, Ordering::Relaxed);
        opened.unwrap();
    });
}

#[test]
fn many_threads_share_writes_and_lose_nothing() {
    let folder = Folder::new();
    let engine = open(&folder).unwrap();
    set_up(&engine, 50);
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let engine = engine.clone();
            scope.spawn(move || {
                for n in 0..25 {
                    let reservation = reserve(&engine, thread * 1_000 + n);
                    engine.settle(reservation.id, Outcome::Sent, monday()).unwrap();
                }
            });
        }
    });
    let before = engine.snapshot();
    drop(engine);
    let engine = open(&folder).unwrap();
    assert_eq!(engine.snapshot(), before);
    let sent = |id| engine.standing(AccountId(id), monday()).unwrap().sent;
    assert_eq!((1..=50).map(sent).sum::<u32>(), 400);
}

/// What is asked for is not ignored in silence: a store keeps its configuration, and says so.
#[test]
fn another_configuration_than_the_stores_is_refused() {
    let folder = Folder::new();
    let open = |options: &Options| DurableEngine::open(folder.store(), options, monday());
    let first = Config::default().seed(1).reservation_ttl(Span::minutes(5)).unwrap();
    let options = Options::default().config(first.clone());
    assert_eq!(open(&options).unwrap().config(), first);
    assert_eq!(open(&options).unwrap().config(), first, "asked for again");
    assert_eq!(open(&Options::default()).unwrap().config(), first, "not asked for");
    let error = open(&Options::default().config(first.clone().seed(2))).unwrap_err();
    let StoreError::OtherConfig { differs, .. } = &error else { panic!("{error}") };
    assert_eq!(*differs, ["seed is 1 there, and 2 was asked for"], "{error}");
    assert!(error.to_string().contains("store.db"), "{error}");
    let other = Config::default().new_lead_share(Percent::new(35).unwrap());
    let error = open(&Options::default().config(other)).unwrap_err();
    let StoreError::OtherConfig { differs, .. } = &error else { panic!("{error}") };
    let told = [
        "seed is 1 there, and 0 was asked for",
        "reservation_ttl is 5 min there, and 10 min was asked for",
        "new_lead_share is 20 percent there, and 35 percent was asked for",
    ];
    assert_eq!(*differs, told, "{error}");
    assert_eq!(open(&options).unwrap().config(), first, "a refusal changes nothing");
}

/// > It has the engine's own commands and questions.
#[test]
fn what_the_engine_can_be_asked_the_store_can_be_asked() {
    let folder = Folder::new();
    let engine = open(&folder).unwrap();
    set_up(&engine, 3);
    let (campaign, owner) = (CampaignId(1), OwnerId(1));
    let reservation = reserve(&engine, 1);
    engine.delete_account(AccountId(2), monday()).unwrap();
    let itself = engine.look(|engine, _| engine.clone());
    let found = itself.reservation(reservation.id).map(|(found, owner)| (found.clone(), owner));
    assert!(found.is_some());
    assert_eq!(engine.reservation(reservation.id), found);
    assert_eq!(engine.campaigns(), itself.campaigns().cloned().collect::<Vec<_>>());
    assert_eq!(engine.campaigns().len(), 1);
    for account in [AccountId(1), AccountId(2)] {
        let of = itself.campaigns_of(account).collect::<Vec<_>>();
        assert_eq!(engine.campaigns_of(account), of);
    }
    assert_eq!(engine.deleted_account(owner, "A@b.example"), Some(AccountId(2)));
    assert_eq!(engine.account_at(owner, "A@b.example"), engine.account(AccountId(1)));
    assert_eq!(engine.campaign_day(campaign, monday()), itself.campaign_day(campaign, monday()));
    let rest = engine.rest_of_day(campaign, 9, monday());
    assert_eq!(rest, itself.rest_of_day(campaign, 9, monday()));
    assert_eq!(rest.unwrap().hours.iter().sum::<u32>(), 9);
}
