//! The socket beside a store: what else may be in its place, and stores that can have none.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::os::unix::net::UnixListener;
use std::process::Command;

use crate::durable_world::Folder;
use crate::http_socket::{Serving, keys};

#[test]
fn what_somebody_else_put_in_its_place_stays() {
    let folder = Folder::new();
    let place = folder.0.join("store.db-control");
    let making = folder.0.join("store.db-control.new");
    fs::write(&place, "a letter").unwrap();
    drop(Serving::start_with(&folder, &[]));
    assert_eq!(fs::read_to_string(&place).unwrap(), "a letter");
    assert!(!making.exists());
    fs::remove_file(&place).unwrap();
    // The folder that the socket is made in too, if there is something else in it.
    fs::create_dir(&making).unwrap();
    fs::write(making.join("letter"), "another").unwrap();
    let serving = Serving::start_with(&folder, &[]);
    assert_eq!(fs::read_to_string(making.join("letter")).unwrap(), "another");
    // Without a socket it serves, and keys wait until it has ended.
    assert!(!place.exists());
    assert!(keys(&folder, &["list"]).is_err());
    drop(serving);
    assert!(keys(&folder, &["list"]).is_ok());
}

#[test]
fn a_socket_that_took_its_place_stays() {
    let folder = Folder::new();
    let place = folder.0.join("store.db-control");
    let serving = Serving::start_with(&folder, &[]);
    fs::remove_file(&place).unwrap();
    let other = UnixListener::bind(&place).unwrap();
    assert_eq!(serving.end(), Some(0));
    assert!(fs::symlink_metadata(&place).unwrap().file_type().is_socket());
    drop(other);
    // One that nobody listens at is replaced, and taken away in the end.
    let serving = Serving::start_with(&folder, &[]);
    assert!(keys(&folder, &["list"]).is_ok());
    assert_eq!(serving.end(), Some(0));
    assert!(!place.exists());
}

#[test]
fn a_store_whose_path_is_too_long_for_a_socket_has_keys_all_the_same() {
    let mut folder = Folder::new();
    let whole = folder.0.clone();
    folder.0.push("x".repeat(120));
    fs::create_dir(&folder.0).unwrap();
    let told = keys(&folder, &["add", "--owner", "3"]).unwrap();
    assert!(told.starts_with("key 1 of owner 3"), "{told}");
    assert_eq!(keys(&folder, &["list"]).unwrap().lines().count(), 2);
    folder.0 = whole;
}

#[test]
fn a_link_to_a_store_leads_to_the_service_that_has_it_open() {
    let (folder, link) = (Folder::new(), Folder::new());
    symlink(folder.store(), link.store()).unwrap();
    for (served, asked) in [(&link, &folder), (&folder, &link)] {
        let serving = Serving::start_with(served, &[]);
        assert!(folder.0.join("store.db-control").exists());
        assert!(keys(asked, &["list"]).unwrap().contains("\n1 "));
        assert_eq!(serving.end(), Some(0));
        // The second finds the key that the first made.
        fs::write(folder.0.join("known"), "").unwrap();
    }
    assert!(!link.0.join("store.db-control").exists());
}

#[test]
fn only_making_a_key_makes_a_store() {
    let folder = Folder::new();
    for store in [None, Some("")] {
        if let Some(text) = store {
            fs::write(folder.store(), text).unwrap();
        }
        for words in [&["list"][..], &["revoke", "1"]] {
            let told = keys(&folder, words).unwrap_err();
            assert!(told.contains("there is no store ") && told.contains("--store"), "{told}");
        }
        assert_eq!(folder.store().metadata().ok().map(|file| file.len()), store.map(|_| 0));
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), usize::from(store.is_some()));
    }
    assert!(keys(&folder, &["add"]).unwrap().contains("mr_1_"));
    assert!(keys(&folder, &["list"]).unwrap().contains("\n1 "));
}

/// It is shown once, so whoever asked for it must know that it was not.
#[cfg(target_os = "linux")]
#[test]
fn a_key_that_cannot_be_shown_is_told_of() {
    let folder = Folder::new();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailrota"));
    let output = command.args(["keys", "add", "--store"]).arg(folder.store()).stdout(full).output();
    let output = output.unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.starts_with("mailrota: it is done, and the answer cannot be written: "), "{told}");
    assert!(keys(&folder, &["list"]).unwrap().contains("\n1 "));
}

#[test]
fn a_key_that_leaked_is_revoked_by_its_text_and_never_shown() {
    let folder = Folder::new();
    let serving = Serving::start_with(&folder, &[]);
    let first = serving.key.clone().unwrap();
    let add = || keys(&folder, &["add"]).unwrap().trim().rsplit(' ').next().unwrap().to_owned();
    let (second, third) = (add(), add());
    assert_eq!(keys(&folder, &["revoke", &second]).unwrap(), "key 2 of owner 1 is revoked\n");
    assert_eq!(serving.end(), Some(0));
    for _ in 0..2 {
        assert_eq!(keys(&folder, &["revoke", &first]).unwrap(), "key 1 of owner 1 is revoked\n");
    }
    let secret = third.strip_prefix("mr_3_").unwrap();
    let (cut, other) = (&third[..third.len() - 1], format!("mr_9_{secret}"));
    for (words, way) in [
        (&["revoke", cut][..], "key 3 begins like it and is another; give all of it, or a number"),
        (&["revoke", &other], "there is no key 9; list them"),
        (&["revoke", secret], "give the number that keys list shows, or a whole key: mr_…"),
        (&["revoke", "third"], "give the number that keys list shows, or a whole key: mr_…"),
        (&["revoke", "-1"], "give the number that keys list shows, or a whole key: mr_…"),
        (&["revoke", "mr_3"], "give the number that keys list shows, or a whole key: mr_…"),
        (&["revoke", "3", &third], "unexpected argument 'mr_3_…' found"),
        (&[&third], "unrecognized subcommand 'mr_3_…'"),
    ] {
        let told = keys(&folder, words).unwrap_err();
        assert!(told.contains(way) && told.matches('\n').count() == 1, "{words:?}: {told}");
        assert!(!told.contains(&secret[..9]), "{words:?}: {told}");
    }
    let listed = keys(&folder, &["list"]).unwrap();
    let third = listed.lines().last().unwrap();
    assert!(third.starts_with("3 ") && third.contains(" - "), "{listed}");
}
