//! Engines behind locks: threads change no owner's answers, pass no cap, and see no broken engine.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Barrier;
use std::thread;

use chrono::{DateTime, TimeDelta, Utc};
use mailrota::{
    Account, AccountId, Campaign, CampaignId, Config, Engine, LayoutError, LeadId, Outcome,
    OwnerId, Pick, Request, ReservationId, ShardError, Shards, Span,
};

use crate::world::{minutes, monday};

/// Accounts of each owner.
const ACCOUNTS: u64 = 3;
/// What each of them may send a day.
const CAP: u32 = 5;

fn shards(count: usize) -> Shards {
    Shards::new(Config::default(), NonZeroUsize::new(count).unwrap())
}

/// The first two owners who are not in one shard.
fn apart(shards: &Shards) -> [OwnerId; 2] {
    let first = OwnerId(1);
    let is_apart = |owner: &OwnerId| shards.shard_of(*owner) != shards.shard_of(first);
    [first, (2..100).map(OwnerId).find(is_apart).unwrap()]
}

/// One owner's accounts and its campaign, which has the owner's number.
fn set_up(engine: &mut Engine, owner: OwnerId, spacing: Span) {
    engine.add_campaign(Campaign::new(CampaignId(owner.0), owner), monday()).unwrap();
    let ids: Vec<_> = (0..ACCOUNTS).map(|n| AccountId(owner.0 * 10 + n)).collect();
    for id in &ids {
        let account = Account::new(*id, owner, format!("a{id}@acme.example"));
        engine.add_account(account.daily_cap(CAP).spacing(spacing), monday()).unwrap();
    }
    engine.attach(CampaignId(owner.0), &ids, monday()).unwrap();
}

fn ask(engine: &mut Engine, owner: OwnerId, lead: u64, now: DateTime<Utc>) -> Pick {
    engine.reserve(CampaignId(owner.0), &Request::new_lead(LeadId(lead)), now).unwrap()
}

/// A closure that reserves and then panics, without a message among the test's own.
fn panic_halfway(shards: &Shards, owner: OwnerId) {
    let halfway = || {
        shards.with(owner, |engine| {
            let _ = ask(engine, owner, 1, monday());
            resume_unwind(Box::new("halfway"))
        })
    };
    let panic: Result<Result<(), _>, _> = catch_unwind(AssertUnwindSafe(halfway));
    assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"halfway"));
}

/// Two days of requests: waits, caps, outcomes of all kinds, a lapse now and then. `call` is how
/// the owner's engine is reached.
fn history(owner: OwnerId, mut call: impl FnMut(&mut dyn FnMut(&mut Engine))) -> Vec<Pick> {
    let mut now = monday();
    let mut answers = Vec::new();
    call(&mut |engine| set_up(engine, owner, Span::minutes(owner.0 % 7 + 1)));
    for lead in 0..600 {
        let mut id: Option<ReservationId> = None;
        call(&mut |engine| {
            let pick = ask(engine, owner, lead, now);
            id = pick.reserved().map(|reservation| reservation.id);
            answers.push(pick);
        });
        now += TimeDelta::seconds(2);
        let outcome = [Outcome::Sent, Outcome::Deferred, Outcome::Rejected, Outcome::Unknown]
            [usize::try_from(lead % 4).unwrap()];
        if let Some(id) = id.filter(|_| lead % 11 > 0) {
            call(&mut |engine| assert!(engine.settle(id, outcome, now).is_ok()));
        }
        now += minutes(5);
    }
    answers
}

/// > Threads that work for owners in different shards do not wait for each other.
///
/// Nor do they notice each other: every answer, and all that is remembered, is the same.
#[test]
fn two_threads_answer_as_two_plain_engines() {
    let shards = shards(2);
    let owners = apart(&shards);
    let through = |owner| {
        let shards = shards.clone();
        move || history(owner, |work| shards.with(owner, |engine| work(engine)).unwrap())
    };
    let threads = owners.map(|owner| thread::spawn(through(owner)));
    for (owner, thread) in owners.into_iter().zip(threads) {
        let mut alone = Engine::new(Config::default());
        let answers = history(owner, |work| work(&mut alone));
        let kinds: BTreeSet<_> = answers.iter().map(|pick| pick.reserved().is_some()).collect();
        assert_eq!(kinds.len(), 2, "the history has grants and refusals");
        assert_eq!(thread.join().unwrap(), answers);
        let state = shards.with(owner, |engine| engine.snapshot()).unwrap();
        assert_eq!(state, alone.snapshot());
    }
}

/// > The same on every platform and in every version.
#[test]
fn an_owner_is_always_in_the_same_shard() {
    let homes = |count| [0, 1, 2, 3, 4, u64::MAX].map(|n| shards(count).shard_of(OwnerId(n)));
    assert_eq!(homes(1), [0; 6]);
    assert_eq!(homes(2), [1, 1, 0, 1, 0, 0]);
    assert_eq!(homes(7), [2, 2, 4, 2, 6, 0]);
    let (one, other) = (shards(5), shards(5));
    for owner in (0..200).map(OwnerId) {
        let shard = one.shard_of(owner);
        assert_eq!(other.shard_of(owner), shard);
        // The engine that `with` gives is the one that `each` calls by that number.
        one.with(owner, |engine| set_up(engine, owner, Span::ZERO)).unwrap();
        let found = one.each(|_, engine| engine.campaign(CampaignId(owner.0)).is_some());
        assert_eq!(found, [0, 1, 2, 3, 4].map(|n| Ok(n == shard)));
        assert!(
            one.clone().with(owner, |engine| engine.accounts().any(|a| a.owner == owner)).unwrap()
        );
    }
}

/// Numbers in order, or with steps that a remainder alone would put into one shard.
#[test]
fn numbers_with_steps_spread_evenly() {
    let shards = shards(8);
    for step in [1, 8, 64, 1_000] {
        let mut owners = [0_u32; 8];
        (0..8_000).for_each(|n| owners[shards.shard_of(OwnerId(n * step))] += 1);
        assert!(owners.iter().all(|n| (900..1_100).contains(n)), "step {step}: {owners:?}");
    }
}

/// More is asked for than there is room, by all threads for all owners: the union is the cap.
#[test]
fn eight_threads_never_pass_a_cap() {
    const THREADS: u64 = 8;
    const OWNERS: u64 = 60;
    let shards = shards(4);
    for owner in (0..OWNERS).map(OwnerId) {
        shards.with(owner, |engine| set_up(engine, owner, Span::ZERO)).unwrap();
    }
    let start = Barrier::new(THREADS.try_into().unwrap());
    let work = |thread: u64| {
        let mut granted = Vec::new();
        start.wait();
        for n in 0..OWNERS * 4 {
            let owner = OwnerId((n + thread * 7) % OWNERS);
            let lead = thread * OWNERS * 4 + n;
            let pick = shards.with(owner, |engine| ask(engine, owner, lead, monday())).unwrap();
            let Some(reservation) = pick.reserved() else { continue };
            granted.push((shards.shard_of(owner), reservation.id, reservation.account));
            let settle = |engine: &mut Engine| {
                engine.settle(reservation.id, Outcome::Sent, monday()).unwrap();
            };
            shards.with(owner, settle).unwrap();
        }
        granted
    };
    let granted: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|n| scope.spawn(move || work(n))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let mut sent = BTreeMap::new();
    for (_, _, account) in &granted {
        *sent.entry(*account).or_insert(0) += 1;
    }
    let full = (0..OWNERS).flat_map(|n| (0..ACCOUNTS).map(move |k| (AccountId(n * 10 + k), CAP)));
    assert_eq!(sent, full.collect());
    let numbers: BTreeSet<_> = granted.iter().map(|(shard, id, _)| (shard, id)).collect();
    assert_eq!(numbers.len(), granted.len(), "a number was given out twice in a shard");
}

/// > From then on nobody gets that engine, but [`ShardError::Poisoned`], until another is put in
/// > its place with `replace`. The other shards go on.
#[test]
fn a_panic_closes_one_shard_until_its_engine_is_replaced() {
    let shards = shards(2);
    let [owner, other] = apart(&shards);
    let shard = shards.shard_of(owner);
    for owner in [owner, other] {
        shards.with(owner, |engine| set_up(engine, owner, Span::ZERO)).unwrap();
    }
    let before = shards.with(owner, |engine| engine.snapshot()).unwrap();
    panic_halfway(&shards, owner);

    let poisoned = ShardError::Poisoned { shard };
    let said = format!("shard {shard} is poisoned by a panic; rebuild its engine and call replace");
    assert_eq!(poisoned.to_string(), said);
    let mut called = false;
    assert_eq!(shards.clone().with(owner, |_| called = true), Err(poisoned));
    assert!(!called, "a half-changed engine was handed out");
    let mut both = [Ok(0), Ok(1)];
    both[shard] = Err(poisoned);
    assert_eq!(shards.each(|n, _| n), both);
    let granted = |owner| shards.with(owner, |engine| ask(engine, owner, 2, monday()));
    assert!(granted(other).unwrap().reserved().is_some());

    let wrong = shards.with(other, |engine| engine.clone()).unwrap();
    let found = Err(LayoutError::Misplaced { owner: other, found: shard, shard: 1 - shard });
    assert_eq!(shards.replace(shard, wrong), found);
    assert_eq!(shards.with(owner, |_| ()), Err(poisoned), "a refused engine repairs nothing");

    shards.replace(shard, Engine::restore(before.clone()).unwrap()).unwrap();
    assert_eq!(shards.with(owner, |engine| engine.snapshot()), Ok(before.clone()));
    assert_eq!(granted(owner).unwrap().reserved().unwrap().id, ReservationId(0));

    // Whoever comes second with a rebuilt engine must not undo what was granted since.
    let second = shards.replace(shard, Engine::restore(before).unwrap());
    assert_eq!(second, Err(LayoutError::InOrder(shard)));
    assert_eq!(granted(owner).unwrap().reserved().unwrap().id, ReservationId(1));
}

/// > [`LayoutError::Misplaced`] if an account is not in its owner's shard, as when the order or the
/// > number of the engines is not what it was.
#[test]
fn engines_in_another_layout_are_refused() {
    let three = shards(3);
    for owner in (0..9).map(OwnerId) {
        three.with(owner, |engine| set_up(engine, owner, Span::ZERO)).unwrap();
    }
    let stored: Vec<_> = three.each(|_, engine| engine.clone()).into_iter().flatten().collect();
    let again = Shards::from_engines(stored.clone()).unwrap();
    assert_eq!(again.count(), three.count());
    let states = |shards: &Shards| shards.each(|_, engine| engine.snapshot());
    assert_eq!(states(&again), states(&three));

    let more = [stored.clone(), vec![Engine::new(Config::default())]].concat();
    let [mut less, mut turned] = [stored.clone(), stored];
    less.truncate(2);
    turned.rotate_left(1);
    for engines in [more, less, turned] {
        let error = Shards::from_engines(engines).unwrap_err();
        assert!(matches!(error, LayoutError::Misplaced { .. }), "{error}");
    }
    // A campaign alone belongs to somebody, too.
    let owner = OwnerId(5);
    let mut engines = vec![Engine::new(Config::default()); 3];
    engines[(three.shard_of(owner) + 1) % 3]
        .add_campaign(Campaign::new(CampaignId(1), owner), monday())
        .unwrap();
    let error = Shards::from_engines(engines).unwrap_err();
    assert!(matches!(error, LayoutError::Misplaced { owner: OwnerId(5), .. }), "{error}");
    let unknown = three.replace(3, Engine::new(Config::default())).unwrap_err();
    for (error, text) in [
        (
            LayoutError::Misplaced { owner: OwnerId(5), found: 0, shard: 2 },
            "owner 5 is in shard 0 but belongs in shard 2; give as many engines as \
             were stored, in their order",
        ),
        (Shards::from_engines(Vec::new()).unwrap_err(), "there are no engines; give at least one"),
        (unknown, "no shard 3; give a number below count"),
        (
            three.replace(0, Engine::new(Config::default())).unwrap_err(),
            "shard 0 is not poisoned; keep its engine",
        ),
    ] {
        assert_eq!(error.to_string(), text);
    }
}
