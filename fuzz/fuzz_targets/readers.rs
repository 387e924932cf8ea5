//! Feeds arbitrary bytes to the readers of account lists: they read or refuse, and never panic.
//!
//! Whatever they read must be fit for an engine, and whatever they refuse must fit on a person's
//! screen. What a field means is not asked here.
#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use mailrota::OwnerId;
use mailrota::import::{self, Defaults, ImportError, Imported};

/// The most bytes of an error. A list is read whole, and its refusal goes into a terminal or a log.
const ERROR_MAX: usize = 1_000_000;
const OWNER: OwnerId = OwnerId(7);

fuzz_target!(|bytes: &[u8]| {
    let defaults = Defaults::new(OWNER);
    let read = [import::any, import::smartlead, import::instantly].map(|reader| {
        let read = reader(bytes, &defaults);
        assert_eq!(read, reader(bytes, &defaults), "read again, it is another list");
        match &read {
            Ok(accounts) => sound(accounts),
            Err(error) => readable(error),
        }
        read
    });
    let [any, smartlead, instantly] = read;
    assert!(any == smartlead || any == instantly, "a third reading");
});

fn sound(accounts: &[Imported]) {
    let ids: BTreeSet<_> = accounts.iter().map(|read| read.account.id).collect();
    assert_eq!(ids.len(), accounts.len(), "an id twice");
    for Imported { account, .. } in accounts {
        assert_eq!(account.owner, OWNER);
        assert!(account.reputation.is_none_or(|trust| trust.value.value() <= 100));
        assert!(account.address.contains('@'), "not an address: {}", account.address);
        let words = [account.connection.smtp.words(), account.connection.imap.words()];
        let blocked = account.warmup.as_ref().and_then(|warmup| warmup.blocked.as_deref());
        for text in words.into_iter().chain([blocked, Some(&account.address)]).flatten() {
            assert!(text.len() <= 1_000, "longer than an account keeps: {text}");
        }
    }
}

fn readable(error: &ImportError) {
    let text = error.to_string();
    assert!(!text.is_empty() && text.len() < ERROR_MAX, "{} bytes", text.len());
    if let ImportError::Fields { errors, .. } = error {
        assert!((1..=1_000).contains(&errors.len()), "{} errors", errors.len());
        for error in errors {
            assert!(!error.to_string().contains('\n'), "more than a line: {error:?}");
        }
    }
}
