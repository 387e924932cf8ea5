//! Promise 4, first picks and single cases: tables that a person can check.
//!
//! Weights that are few or skewed, where rules that look alike differ. What holds for any weights
//! is a property and has files of its own.

use mailrota::AccountId;

use crate::world::{CAMPAIGN, account, engine, monday, send};

/// Who sends the first emails with these weights, from 0. A weight is a thousand emails of daily
/// cap.
fn picks(weights: &[u32], n: usize) -> Vec<usize> {
    let accounts = weights.iter().zip(1..).map(|(cap, id)| account(id).daily_cap(cap * 1_000));
    let mut engine = engine(accounts);
    let sends = (0..n as u64).map(|lead| send(&mut engine, CAMPAIGN, lead, monday()));
    sends.map(|id| usize::try_from(id.unwrap().0 - 1).unwrap()).collect()
}

#[test]
fn first_picks() {
    for (weights, expected) in [
        (&[100, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10][..], "abacadaeafagahaiajakab"),
        (&[5, 1, 1], "abaacaa"),
        (&[50, 40, 30, 20, 10], "abcabdacbacdabe"),
        (&[1, 1, 1], "abcabc"),
    ] {
        let letter = |account| char::from(b'a' + u8::try_from(account).unwrap());
        let picks: String = picks(weights, expected.len()).into_iter().map(letter).collect();
        assert_eq!(picks, expected, "{weights:?}");
    }
}

/// The largest count above and below the exact share over every prefix of two rounds, in hundredths
/// of a send rounded up, and the longest run of one account.
fn exactness(weights: &[u32]) -> (i64, i64, usize) {
    let total: i64 = weights.iter().copied().map(i64::from).sum();
    let mut counts = vec![0; weights.len()];
    let (mut ahead, mut behind, mut longest) = (0, 0, 0);
    let (mut before, mut run) = (None, 0);
    let n = usize::try_from(total).unwrap() / 5;
    for (sent, account) in (1..).zip(picks(weights, n)) {
        counts[account] += 1;
        for (count, weight) in counts.iter().zip(weights) {
            let lead = count * total - i64::from(*weight) * sent;
            ahead = ahead.max(lead);
            behind = behind.max(-lead);
        }
        run = if before == Some(account) { run + 1 } else { 1 };
        longest = longest.max(run);
        before = Some(account);
    }
    let hundredths = |lead: i64| (lead * 100 + total - 1) / total;
    (hundredths(ahead), hundredths(behind), longest)
}

/// Skewed weights break every rule that looks at deadlines alone: by 5, and by 50 with runs of 100.
#[test]
fn skewed_weights_are_kept_to_less_than_one() {
    let one_and = |heavy: u32, n: usize, weight: u32| {
        let mut weights = vec![weight; n];
        weights.insert(0, heavy);
        weights
    };
    for (weights, expected) in [
        (one_and(100, 10, 10), (90, 95, 1)),
        (one_and(1_000, 100, 10), (99, 100, 1)),
        (one_and(50, 2, 10), (72, 58, 3)),
    ] {
        assert_eq!(exactness(&weights), expected, "{weights:?}");
    }
}

/// Of forty equal accounts half were served when one a thousand times as heavy joins, and then the
/// other half leaves. What those are owed must not fall to the heavy one, nor be taken from it.
#[test]
fn a_heavy_account_is_not_swayed_by_those_that_leave() {
    let mut engine = engine((1..=40).map(|id| account(id).daily_cap(1_000)));
    let now = monday();
    let served: Vec<_> = (0..20).map(|lead| send(&mut engine, CAMPAIGN, lead, now)).collect();
    let heavy = AccountId(99);
    engine.add_account(account(99).daily_cap(1_000_000), now).unwrap();
    engine.attach(CAMPAIGN, &[heavy], now).unwrap();
    assert_eq!(send(&mut engine, CAMPAIGN, 99, now), Some(heavy));
    let unserved = (1..=40).map(AccountId).filter(|id| !served.contains(&Some(*id)));
    engine.detach(CAMPAIGN, &unserved.collect::<Vec<_>>(), now).unwrap();
    let mut count = 0;
    for sent in 1..=5_000 {
        count += i64::from(send(&mut engine, CAMPAIGN, 1_000 + sent, now) == Some(heavy));
        // It has 1,000 of 1,020 parts.
        let lead = count * 1_020 - 1_000 * i64::try_from(sent).unwrap();
        assert!(lead.abs() < 2 * 1_020, "{count} of {sent}");
    }
}
