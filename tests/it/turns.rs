//! Promise 4, first picks: tables that a person can check.

use mailrota::AccountId;

use crate::world::{CAMPAIGN, account, engine, monday, send};

/// The first picks with these weights, as letters. A weight is a thousand emails of daily cap.
fn picks(weights: &[u32], n: usize) -> String {
    let accounts = weights.iter().zip(1..).map(|(cap, id)| account(id).daily_cap(cap * 1_000));
    let mut engine = engine(accounts);
    (0..n as u64)
        .map(|lead| match send(&mut engine, CAMPAIGN, lead, monday()) {
            Some(AccountId(id)) => char::from(b'a' + u8::try_from(id - 1).unwrap()),
            None => '-',
        })
        .collect()
}

#[test]
fn first_picks() {
    for (weights, expected) in [
        (&[100, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10][..], "abacadaeafagahaiajakab"),
        (&[5, 1, 1], "abaacaa"),
        (&[50, 40, 30, 20, 10], "abcabdacbacdabe"),
        (&[1, 1, 1], "abcabc"),
    ] {
        assert_eq!(picks(weights, expected.len()), expected, "{weights:?}");
    }
}
