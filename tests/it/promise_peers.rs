//! Promise 4 where accounts are not alone with one campaign: shared ones, and ones that rest.
//!
//! Shares of totals, compared as whole numbers. Unshared campaigns have a file of their own.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use mailrota::{Account, AccountId, Campaign, CampaignId, Config, Engine, LeadId, Limit, Request};
use mailrota::{Outcome, Span};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::prop_assert;

use crate::strategies::{Strength, Verdict, holds};
use crate::world::{CAMPAIGN, OWNER, engine, monday, send};

/// A strength whose cap is not used up.
fn ample() -> impl Strategy<Value = Strength> {
    let cap = prop_oneof![Just(1_000_000_u32), 10_000..=1_000_000_u32];
    let operator = prop_oneof![Just(1_u8), Just(100_u8), 1..=100_u8];
    (cap, operator).prop_map(|(cap, operator)| Strength { cap, reputation: 90, operator })
}

/// How far `i` is ahead of `j`, as sent/weight, times both weights.
fn ahead(i: (i128, i128), j: (i128, i128)) -> i128 {
    i.0 * j.1 - j.0 * i.1
}

fn shared(accounts: &[(Strength, u8)], order: &[u8]) -> Verdict {
    let mut engine = Engine::new(Config::default());
    let now = monday();
    for (id, (strength, _)) in (1..).zip(accounts) {
        engine.add_account(strength.account(id), now).unwrap();
    }
    let members = |campaign: u8| {
        let ids = (1..).zip(accounts);
        ids.filter(move |(_, (_, of))| of >> campaign & 1 == 1).map(|(id, _)| AccountId(id))
    };
    for campaign in 0..4 {
        let id = CampaignId(u64::from(campaign));
        engine.add_campaign(Campaign::new(id, OWNER), now).unwrap();
        engine.attach(id, &members(campaign).collect::<Vec<_>>(), now).unwrap();
    }
    let mut sent = vec![0_i128; accounts.len()];
    for (lead, campaign) in (0..).zip(order) {
        let Some(AccountId(id)) = send(&mut engine, CampaignId(u64::from(*campaign)), lead, now)
        else {
            continue;
        };
        let i = usize::try_from(id - 1).unwrap();
        sent[i] += 1;
        let of = |k: usize| (sent[k], i128::from(accounts[k].0.weight()));
        for j in 0..accounts.len() {
            let alike = accounts[i].1 & accounts[j].1 == accounts[i].1;
            if i != j && alike {
                let most = of(i).1.max(of(j).1);
                let (i, j) = (i + 1, j + 1);
                prop_assert!(
                    ahead(of(i - 1), of(j - 1)) <= most,
                    "account {i} is ahead of {j}: {sent:?}"
                );
            }
        }
    }
    Ok(())
}

/// > Accounts shared by campaigns: if every campaign of i is also one of j's, both placed alike and
/// > ready throughout, then sent_i/w_i − sent_j/w_j ≤ max(1/w_i, 1/w_j) over the totals.
#[test]
fn shared_accounts_even_out() {
    let accounts = vec((ample(), 1_u8..16), 2..8);
    holds(200, (accounts, vec(0_u8..4, 1..300)), |(accounts, order)| shared(&accounts, &order));
}

/// What rests an account after a send.
#[derive(Clone, Copy, Debug)]
enum Rest {
    Hourly(u32),
    Minutely(u32),
    None,
    Spacing(u64),
}

fn rest() -> impl Strategy<Value = Rest> {
    prop_oneof![
        (1_u32..10).prop_map(Rest::Hourly),
        (1_u32..4).prop_map(Rest::Minutely),
        Just(Rest::None),
        (1_u64..120).prop_map(Rest::Spacing),
    ]
}

fn resting(account: Account, rest: Rest) -> Account {
    match rest {
        Rest::Hourly(most) => account.limit(Limit::per_hour(most)),
        Rest::Minutely(most) => account.limit(Limit::per_minute(most)),
        Rest::None => account,
        Rest::Spacing(seconds) => account.spacing(Span::seconds(seconds)),
    }
}

/// Sends with pauses in seconds; account 1 is always ready.
fn with_resting_peers(pool: &[(Strength, Rest)], pauses: &[u8]) -> Verdict {
    let accounts = (1..).zip(pool).map(|(id, (strength, rest))| {
        resting(strength.account(id), if id == 1 { Rest::None } else { *rest })
    });
    let mut engine = engine(accounts);
    let mut now = monday();
    let weight = |id: u64| i128::from(pool[usize::try_from(id - 1).unwrap()].0.weight());
    let mut sent: BTreeMap<u64, i128> = BTreeMap::new();
    let mut least: BTreeMap<u64, i128> = BTreeMap::new();
    for (lead, pause) in (0..).zip(pauses) {
        now += TimeDelta::seconds(i64::from(*pause));
        let request = Request::new_lead(LeadId(lead));
        let pick = engine.reserve(CAMPAIGN, &request, now).unwrap();
        let reservation = pick.reserved().expect("account 1 is ready");
        engine.settle(reservation.id, Outcome::Sent, now).unwrap();
        *sent.entry(reservation.account.0).or_default() += 1;
        for id in 2..=pool.len() as u64 {
            let of = |id| (sent.get(&id).copied().unwrap_or_default(), weight(id));
            let lead = ahead(of(id), of(1));
            let least = least.entry(id).or_default();
            *least = lead.min(*least);
            let stride = weight(id).max(weight(1));
            prop_assert!(lead <= 2 * stride, "{id} is ahead of 1, which is always ready: {sent:?}");
            prop_assert!(
                lead - *least <= 4 * stride,
                "{id} ran ahead of 1, which is always ready: {sent:?}"
            );
        }
    }
    Ok(())
}

/// > With resting peers: never more than two turns of the larger stride ahead of an account that is
/// > always ready. No long runs of one account.
#[test]
fn resting_accounts_do_not_catch_up() {
    let pause = prop_oneof![4 => Just(0_u8), 2 => 1..5_u8, 1 => 5..200_u8];
    let pool = vec((ample(), rest()), 2..8);
    holds(200, (pool, vec(pause, 1..300)), |(pool, pauses)| with_resting_peers(&pool, &pauses));
}
