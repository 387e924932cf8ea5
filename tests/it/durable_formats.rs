//! Stores that earlier versions wrote, one for each format, as they must be read for ever.
//!
//! A new format gets a store of its own here; those before it stay as they are.

use std::fs;
use std::path::{Path, PathBuf};

use mailrota::{
    AccountId, CampaignId, DurableEngine, Filter, History, LeadId, Options, Outcome, ReservationId,
};

use crate::durable_world::{Folder, open, reserve, set_up};
use crate::world::monday;

const NEWEST: u32 = 2;

fn golden(format: u32) -> PathBuf {
    let stores = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden/stores");
    stores.join(format!("format-{format}.db"))
}

/// What the stores hold: three accounts, six emails of which three went, a
/// document, and a snapshot in between.
fn write(folder: &Folder) {
    let engine = open(folder).unwrap();
    set_up(&engine, 3);
    let put = engine.step(|step| {
        step.put("name", "1", "Ana".to_owned());
        Ok::<(), ()>(())
    });
    put.unwrap();
    for lead in 0..6 {
        let reservation = reserve(&engine, lead);
        if lead < 3 {
            engine.settle(reservation.id, Outcome::Sent, monday()).unwrap();
        }
        if lead == 3 {
            engine.compact().unwrap();
            engine.begin(reservation.id, monday()).unwrap();
        }
    }
    engine.close().unwrap();
}

fn check(folder: &Folder) {
    let engine = DurableEngine::open(folder.store(), &Options::default(), monday()).unwrap();
    let standing = |id| engine.standing(AccountId(id), monday()).unwrap();
    let counts: Vec<_> = (1..=3).map(|id| (standing(id).sent, standing(id).reserved)).collect();
    assert_eq!(counts, [(1, 1), (1, 1), (1, 1)]);
    assert_eq!(engine.attached(CampaignId(1)).len(), 3);
    let name = engine.look(|_, documents| documents.get("name", "1").map(str::to_owned));
    assert_eq!(name.as_deref(), Some("Ana"));
    assert_eq!(reserve(&engine, 5).id, ReservationId(5), "the key is known");
    assert_eq!(engine.lead_account(CampaignId(1), LeadId(0)), Some(AccountId(1)));
    assert!(engine.begin(ReservationId(3), monday()).unwrap().repeated);
    engine.compact().unwrap();
    engine.close().unwrap();
    let mut facts = 0;
    let mut history = History::open(folder.store()).unwrap();
    history
        .facts(&Filter::new().lead(LeadId(3)), |_, _, _| {
            facts += 1;
            true
        })
        .unwrap();
    assert_eq!(facts, 2, "reserved and begun");
    assert!(mailrota::check(folder.store()).unwrap().is_sound());
}

#[test]
fn a_store_of_every_format_opens() {
    let newest = Folder::new();
    write(&newest);
    if std::env::var_os("UPDATE_GOLDEN").is_some() && !golden(NEWEST).exists() {
        fs::create_dir_all(golden(NEWEST).parent().unwrap()).unwrap();
        fs::copy(newest.store(), golden(NEWEST)).unwrap();
    }
    check(&newest);
    for format in 1..=NEWEST {
        let folder = Folder::new();
        fs::copy(golden(format), folder.store()).unwrap();
        assert_eq!(found(&folder), format);
        // Looking changes nothing.
        assert!(mailrota::check(folder.store()).unwrap().is_sound());
        assert_eq!(found(&folder), format);
        check(&folder);
        assert_eq!(found(&folder), NEWEST, "an older build refuses it from now on");
    }
}

/// The documents of a store of format 1 are noted when it is opened, and watched from then on.
#[test]
fn documents_of_an_older_store_are_watched_once_it_was_opened() {
    let folder = Folder::new();
    fs::copy(golden(1), folder.store()).unwrap();
    open(&folder).unwrap().close().unwrap();
    let connection = rusqlite::Connection::open(folder.store()).unwrap();
    assert_eq!(connection.execute("delete from document", []), Ok(1));
    drop(connection);
    let error = open(&folder).unwrap_err();
    assert!(error.to_string().contains("its documents are not those"), "{error}");
}

fn found(folder: &Folder) -> u32 {
    let connection = rusqlite::Connection::open(folder.store()).unwrap();
    connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}
