//! Reading account lists: the example files as a whole, every wrong field at once, and bytes that
//! nobody meant to be a list.
#![cfg(feature = "import")]

use mailrota::import::{self, Defaults, ImportError, Imported};
use mailrota::{Link, OwnerId, Provider, Span, WarmupMail, Zone};
use serde_json::{Value, json};

const ACCOUNTS: &str = include_str!("../../examples/data/smartlead-accounts.json");
const ACCOUNTS_500: &str = include_str!("../../examples/data/smartlead-accounts-500.json");
const INSTANTLY: &str = include_str!("../../examples/data/instantly-accounts.json");

fn defaults() -> Defaults {
    Defaults::new(OwnerId(456)).zone("Europe/Madrid".parse().expect("a zone of the table"))
}

/// What a list says about an account, as one line of a table.
fn line(read: &Imported) -> String {
    let account = &read.account;
    let link = |name: &str, link: &Link| link.words().map(|words| format!("{name} {words}"));
    let blocked = account.warmup.as_ref().and_then(|warmup| warmup.blocked.as_ref());
    let notes = [
        link("smtp:", &account.connection.smtp),
        link("imap:", &account.connection.imap),
        account.suspended.then(|| "suspended".to_owned()),
        blocked.map(|reason| format!("warm-up: {reason}")),
    ];
    let notes: Vec<_> = notes.into_iter().flatten().collect();
    let trust = account.reputation.map_or("?".to_owned(), |of| of.value.to_string());
    format!(
        "{} {} {:?} cap {} sent {} every {} trust {trust} {}",
        account.id,
        account.address,
        account.provider,
        account.daily_cap,
        read.sent_today,
        account.spacing,
        notes.join(", "),
    )
    .trim_end()
    .to_owned()
}

fn check(list: &str, expected: &[&str]) {
    let read = import::any(list.as_bytes(), &defaults()).expect("a sound list");
    let lines: Vec<_> = read.iter().map(line).collect();
    assert_eq!(lines, expected);
    for read in &read {
        assert_eq!(read.account.owner, OwnerId(456));
        assert_eq!(read.account.zone.name(), "Europe/Madrid");
        assert_eq!(read.account.reputation.and_then(|of| of.measured_at), None);
    }
}

#[test]
fn the_smartlead_example_reads_as_it_says() {
    check(
        ACCOUNTS,
        &[
            "456 ana@acme-mail.example Google cap 50 sent 0 every 10 min trust 95",
            "457 ben@acme-mail.example Google cap 50 sent 12 every 10 min trust 97",
            "458 chiara@acme-mail.example Google cap 40 sent 0 every 8 min trust 95",
            "459 dev@getacme.example Microsoft cap 50 sent 25 every 10 min trust 88",
            "460 elif@getacme.example Microsoft cap 30 sent 30 every 10 min trust 91",
            "461 farid@getacme.example Microsoft cap 50 sent 3 every 10 min trust 81",
            "462 greta@tryacme.example Other cap 100 sent 40 every 5 min trust 99",
            "463 hugo@tryacme.example Other cap 25 sent 0 every 15 min trust 84",
            "470 ines@acme-mail.example Google cap 50 sent 0 every 10 min trust 80",
            "471 jun@acme-mail.example Google cap 50 sent 0 every 10 min trust 79",
            "472 kofi@getacme.example Microsoft cap 50 sent 0 every 10 min trust 92 \
             smtp: 535 5.7.8 Username and Password not accepted",
            "473 lena@getacme.example Microsoft cap 50 sent 0 every 10 min trust 93 \
             imap: AUTHENTICATE failed.",
            "474 mina@tryacme.example Other cap 50 sent 0 every 10 min trust 96 suspended",
            "475 noor@tryacme.example Other cap 20 sent 0 every 10 min trust ?",
            "476 otto@tryacme.example Other cap 20 sent 0 every 10 min trust 90 \
             warm-up: too many spam placements",
            "477 pia@tryacme.example Other cap 0 sent 0 every 10 min trust 90",
        ],
    );
}

#[test]
fn the_smartlead_example_has_names_and_warm_ups() {
    let read = import::smartlead(ACCOUNTS.as_bytes(), &defaults()).unwrap();
    assert_eq!((read[0].name.as_str(), read[15].name.as_str()), ("Ana Ruiz", "Pia Lund"));
    for read in &read {
        assert_eq!(read.account.warmup_mail, WarmupMail::Counted);
        let started = read.account.warmup.as_ref().and_then(|warmup| warmup.started_at);
        let started = started.map(|at| at.to_string());
        // Only Noor has no warm-up.
        let expected = (read.account.id.0 != 475).then_some("2026-08-01T09:00:00Z");
        assert_eq!(started.as_deref(), expected);
    }
}

#[test]
fn five_hundred_accounts_are_read() {
    let read = import::any(ACCOUNTS_500.as_bytes(), &Defaults::new(OwnerId(1))).unwrap();
    let ids = (read[0].account.id.0, read[499].account.id.0);
    assert_eq!((read.len(), ids), (500, (10_000, 10_499)));
    let caps: u32 = read.iter().map(|read| read.account.daily_cap).sum();
    let sent: u32 = read.iter().map(|read| read.sent_today).sum();
    assert_eq!((caps, sent), (21_235, 10_615));
    let hosted = |by| read.iter().filter(|read| read.account.provider == by).count();
    assert_eq!(
        [Provider::Google, Provider::Microsoft, Provider::Other].map(hosted),
        [233, 211, 56]
    );
    for read in &read {
        assert!(read.account.connection.is_verified());
        assert!(read.account.spacing >= Span::minutes(3));
        assert_eq!(read.account.zone, Zone::UTC);
    }
}

#[test]
fn the_instantly_example_reads_as_it_says() {
    check(
        INSTANTLY,
        &[
            "1 ana@acme-mail.example Google cap 30 sent 0 every 10 min trust 96",
            "2 ben@acme-mail.example Google cap 30 sent 0 every 10 min trust 90 suspended",
            "3 chiara@getacme.example Microsoft cap 40 sent 0 every 5 min trust 88 \
             smtp: connection error",
            "4 dev@getacme.example Microsoft cap 40 sent 0 every 5 min trust 97 warm-up: banned",
            "5 elif@tryacme.example Other cap 50 sent 0 every 0 s trust 100",
        ],
    );
}

#[test]
fn all_wrong_fields_are_named_at_once() {
    let wrong = include_bytes!("golden/import_wrong.json");
    let error = import::any(wrong, &defaults()).unwrap_err().to_string();
    assert_eq!(error, include_str!("golden/import_wrong.txt").trim_end(), "now:\n{error}");
}

/// Values that a field may turn out to have, whatever its documentation says.
fn odd_values() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(0.5),
        json!(-0.0),
        json!(1e308),
        json!(""),
        json!("%"),
        json!("-"),
        json!("."),
        json!("@"),
        json!("9".repeat(400)),
        json!("é\u{0}\u{202e}".repeat(4_000)),
        json!("+262143-12-31T23:59:60.999999999+23:59"),
        json!([]),
        json!([[{"id": 1}]]),
        json!({}),
        json!({"response": "x".repeat(5_000), "warmup_reputation": {}}),
    ]
}

/// An error is about the fields and short; an account has texts that it may keep.
fn check_odd(read: Result<Vec<Imported>, ImportError>, changed: &str) {
    match read {
        Ok(read) => {
            for Imported { account, .. } in &read {
                let words = [&account.connection.smtp, &account.connection.imap];
                let mut words: Vec<_> = words.into_iter().filter_map(Link::words).collect();
                words.extend(account.warmup.iter().filter_map(|of| of.blocked.as_deref()));
                assert!(words.iter().all(|words| words.len() <= 1_000), "{changed}");
                assert!(account.spacing <= Span::days(31), "{changed}");
            }
        }
        Err(ImportError::Fields { errors, .. }) => {
            for error in errors {
                assert!(error.field.contains(changed), "{changed}: {error}");
                let line = error.to_string();
                assert!(line.chars().count() < 400 && !line.contains('\n'), "{line}");
            }
        }
        Err(other) => panic!("{changed}: {other}"),
    }
}

#[test]
fn each_field_may_hold_anything() {
    for (list, path) in
        [(ACCOUNTS, "/10"), (ACCOUNTS, "/14/warmup_details"), (INSTANTLY, "/items/2")]
    {
        let list: Value = serde_json::from_str(list).unwrap();
        let names: Vec<_> = list.pointer(path).unwrap().as_object().unwrap().keys().collect();
        for name in names {
            for odd in odd_values() {
                let mut changed = list.clone();
                changed.pointer_mut(path).unwrap()[name] = odd;
                check_odd(import::any(changed.to_string().as_bytes(), &defaults()), name);
            }
        }
    }
}

#[test]
fn no_bytes_make_it_panic() {
    for list in [ACCOUNTS, INSTANTLY] {
        let list = list.as_bytes();
        for end in (0..list.len()).step_by(list.len() / 200 + 1) {
            assert!(matches!(
                import::any(&list[..end], &defaults()),
                Err(ImportError::NotJson { .. })
            ));
            for byte in [0, b'"', b'9', b'-', b'{', 0xff] {
                let mut bent = list.to_vec();
                bent[end] = byte;
                let _ = import::any(&bent, &defaults());
            }
        }
    }
}
