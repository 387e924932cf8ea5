//! A repair that is cut short at any instant: the old store is there, or the new one.

use std::fs;
use std::path::Path;

use mailrota::{AccountId, DurableEngine, JournalError, Options, StoreError};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::crash::disk::VARIANTS;
use crate::crash::images::{Place, failures, told};
use crate::crash::tests::recorded;
use crate::crash::worker::{Subject, Task, acked};
use crate::durable_world::{reserve, set_up};
use crate::world::monday;

/// A store with eight reservations, of which the last three are in its log only, and the last one
/// was changed behind everybody's back.
pub(crate) const REPAIRED: Subject = Subject { name: "repaired", work, check };

fn open(path: &Path) -> Result<DurableEngine, StoreError> {
    DurableEngine::open(path, &Options::default(), monday())
}

fn work(task: &Task) {
    let path = task.folder.join("store.db");
    let engine = open(&path).unwrap();
    set_up(&engine, 3);
    for lead in 0..8 {
        reserve(&engine, lead);
        if lead == 2 {
            engine.compact().unwrap();
        }
    }
    engine.close().unwrap();
    let last = {
        let connection = Connection::open(&path).unwrap();
        let mut last = connection
            .prepare("select sequence, crc, event from fact order by sequence desc limit 3")
            .unwrap();
        let row = |row: &rusqlite::Row<'_>| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, u32>(1)?, row.get::<_, String>(2)?))
        };
        let last: Vec<_> = last.query_map([], row).unwrap().map(Result::unwrap).collect();
        let sql = "delete from fact where sequence >= ?1";
        connection.execute(sql, [last[2].0]).unwrap();
        last
    };
    let connection = Connection::open(&path).unwrap();
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
    for ((sequence, crc, event), changed) in last.into_iter().zip([" ", "", ""]) {
        let row = (sequence, crc, event + changed);
        connection.execute("insert into fact values (?1, ?2, ?3)", row).unwrap();
    }
    drop(connection);
    acked("damaged");
    mailrota::repair(&path).unwrap();
    acked("repaired");
}

fn check(folder: &Path, acked: &[&str]) -> Result<(), String> {
    let path = folder.join("store.db");
    if acked.is_empty() {
        return Ok(());
    }
    let looked = mailrota::check(&path).map_err(|why| format!("cannot be looked at: {why}"))?;
    let engine = match open(&path) {
        Ok(engine) => engine,
        Err(StoreError::Journal(JournalError::Damaged { sequence: Some(_), .. }))
            if acked.len() == 1 =>
        {
            if looked.is_sound() {
                return Err(format!("refused, and called sound: {looked}"));
            }
            let report = mailrota::repair(&path).map_err(|why| format!("no repair: {why}"))?;
            if (report.dropped, report.missing) != (1, 0) {
                return Err(format!("would drop more than one fact: {report}"));
            }
            open(&path).map_err(|why| format!("repaired, and does not open: {why}"))?
        }
        Err(why) => return Err(format!("does not open: {why}")),
    };
    let reserved = |id| engine.standing(AccountId(id), monday()).unwrap().reserved;
    let found: u32 = (1..=3).map(reserved).sum();
    engine.close().map_err(|why| why.to_string())?;
    mailrota::repair(&path).map_err(|why| format!("no second repair: {why}"))?;
    let names = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
    let left: Vec<_> = names.filter(|name| name.to_string_lossy().contains("-repair")).collect();
    let report = mailrota::check(&path).map_err(|why| why.to_string())?;
    if found == 7 && left.is_empty() && report.is_sound() {
        return Ok(());
    }
    Err(format!("{found} of 7 reservations, {left:?} is left, {report}"))
}

#[test]
fn a_repair_cut_short_leaves_the_old_store_or_the_new_one() {
    let recording = recorded(&REPAIRED, 1, 0);
    let damaged = |point: &usize| !recording.acked(*point).is_empty();
    let points = recording.points().into_iter().filter(damaged);
    // Every variant at every point, or without optimisation one of three.
    let step = if cfg!(debug_assertions) { 3 } else { 1 };
    let all = points.flat_map(|point| {
        let variants = VARIANTS.into_iter().skip(point % step).step_by(step);
        variants.map(move |variant| Place { point, variant, seed: point as u64 })
    });
    let all: Vec<_> = all.collect();
    let failed = failures(&REPAIRED, &recording, &all, &[]);
    let chain = recording.kept.display().to_string();
    assert!(failed.is_empty(), "{}", told(&REPAIRED, &chain, &failed));
    println!("a repair was cut short in {} ways", all.len());
    fs::remove_file(recording.kept).unwrap();
}
