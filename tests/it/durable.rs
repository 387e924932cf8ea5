//! The durable engine on an SQLite file: what was answered is there when it is opened again.

use mailrota::{AccountId, JournalError, Outcome, StoreError};

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

#[test]
fn only_one_has_a_store_open_for_writing() {
    let folder = Folder::new();
    let engine = open(&folder).unwrap();
    let refused = open(&folder).unwrap_err();
    assert!(matches!(refused, StoreError::Journal(JournalError::Locked { .. })), "{refused}");
    engine.close().unwrap();
    open(&folder).unwrap();
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
