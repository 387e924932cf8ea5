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
    if std::env::var_os("UPDATE_GOLDEN").is_some() && !golden(1).exists() {
        fs::create_dir_all(golden(1).parent().unwrap()).unwrap();
        fs::copy(newest.store(), golden(1)).unwrap();
    }
    check(&newest);
    let folder = Folder::new();
    fs::copy(golden(1), folder.store()).unwrap();
    check(&folder);
}
