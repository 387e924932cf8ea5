//! A store that was idle for longer than a clock is believed: the command refuses it, and says how
//! to open it once somebody knows that the clock is right.

use std::process::Command;

use chrono::{DateTime, TimeDelta, Utc};
use mailrota::{Account, AccountId, DurableEngine, Options, OwnerId};

use crate::durable_world::Folder;
use crate::http_socket::{Serving, keys};

/// In 2019.
fn then() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(18_000)
}

/// A store whose last call was then.
fn idle() -> Folder {
    let folder = Folder::new();
    let engine = DurableEngine::open(folder.store(), &Options::default(), then()).unwrap();
    let account = Account::new(AccountId(1), OwnerId(1), "ana@acme.example");
    engine.add_account(account, then()).unwrap();
    engine.close().unwrap();
    folder
}

#[test]
fn a_store_idle_for_years_is_served_once_the_clock_is_confirmed() {
    let folder = idle();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailrota"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--store"]).arg(folder.store());
    let output = command.output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    let last = "store.db took, at 2019-04-14T00:00:00Z";
    let way = "; set the clock right, or give --confirm-clock if it is\n";
    assert!(told.contains(last) && told.ends_with(way), "{told}");
    let serving = Serving::start_with(&folder, &["--confirm-clock"]);
    assert_eq!(serving.end(), Some(0));
    // What was confirmed once need not be again.
    assert_eq!(Serving::start_with(&folder, &[]).end(), Some(0));
}

#[test]
fn keys_of_a_store_idle_for_years_are_made_once_the_clock_is_confirmed() {
    let folder = idle();
    for words in [&["add"][..], &["list"], &["revoke", "1"]] {
        let told = keys(&folder, words).unwrap_err();
        assert!(told.ends_with("or give --confirm-clock if it is\n"), "{words:?}: {told}");
    }
    let told = keys(&folder, &["add", "--confirm-clock"]).unwrap();
    assert!(told.starts_with("key 1 of owner 1"), "{told}");
    assert_eq!(keys(&folder, &["list"]).unwrap().lines().count(), 2);
}
