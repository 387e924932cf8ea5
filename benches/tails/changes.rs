//! Histories in which somebody changes something between turns, or much is shared.

use std::collections::VecDeque;

use chrono::TimeDelta;
use mailrota::{AccountId, CampaignId, Pick};

use crate::calls::Calls;
use crate::crowds::ON_THE_WAY;
use crate::pool::{Pool, first, usual};

/// One account is in every campaign, with one other in each. All turns are taken in one campaign;
/// the caps are used up before the day is.
pub(crate) fn memberships(campaigns: u64) -> Calls {
    let mut pool = Pool::new(campaigns + 1, usual);
    for campaign in 0..campaigns {
        pool.campaign(campaign, &[AccountId(0), AccountId(campaign + 1)]);
    }
    let turns = |pool: &mut Pool, turns| {
        for _ in 0..turns {
            pool.now += TimeDelta::minutes(10);
            if let Pick::Reserved(granted) = pool.reserve(0) {
                pool.now += TimeDelta::seconds(2);
                pool.settle(granted.id);
            }
        }
    };
    pool.quietly(|pool| turns(pool, 1_000));
    turns(&mut pool, 15_000);
    pool.calls
}

/// Everybody's cap is lowered to zero, one account after another, with a turn after each; and
/// raised again in the same order.
pub(crate) fn lowered(n: u64) -> Calls {
    let mut pool = Pool::of(n, usual);
    pool.on_the_way = ON_THE_WAY;
    pool.quietly(|pool| pool.spread(0, n));
    let set = |pool: &mut Pool, place: u64, cap: fn(u32) -> u32| {
        // Comes to each, far from the last.
        let account = usual(place * 7_919 % n);
        let account = account.clone().daily_cap(cap(account.daily_cap));
        let (engine, now) = (&mut pool.engine, pool.now);
        let change = || engine.change_account(account, now);
        pool.calls.time(now, change, |_| "change_account").expect("it is there");
        pool.spread(0, 1);
    };
    for place in 0..n {
        set(&mut pool, place, |_| 0);
    }
    pool.spread(0, 5);
    for place in 0..n {
        set(&mut pool, place, |cap| cap);
    }
    pool.calls
}

/// Accounts with an email on its way are detached, and attached again some turns later.
pub(crate) fn detach(n: u64) -> Calls {
    let mut pool = Pool::of(n, usual);
    pool.on_the_way = 200;
    pool.quietly(|pool| pool.spread(0, n));
    let campaign = CampaignId(0);
    let mut gone = VecDeque::new();
    for _ in 0..if n < 10_000 { 2_000 } else { 500 } {
        pool.spread(0, 19);
        pool.now += pool.step;
        let Some(granted) = pool.turn(0) else { continue };
        let (engine, now) = (&mut pool.engine, pool.now);
        let leave = || engine.detach(campaign, &[granted.account], now);
        pool.calls.time(now, leave, |_| "detach").expect("it is attached");
        gone.push_back(granted.account);
        if gone.len() > 10 {
            let back = [gone.pop_front().expect("some are gone")];
            let (engine, now) = (&mut pool.engine, pool.now);
            let join = || engine.attach(campaign, &back, now);
            pool.calls.time(now, join, |_| "attach").expect("all in order");
        }
    }
    pool.calls
}

/// So many accounts are attached in one call, again and again, with as many turns after each.
pub(crate) fn attach(n: u64) -> Calls {
    const TIMES: u64 = 30;
    let mut pool = Pool::new(n * (TIMES + 1), usual);
    pool.campaign(0, &first(n));
    pool.on_the_way = ON_THE_WAY;
    pool.step = pool.step * i32::try_from(TIMES + 1).expect("a small number");
    pool.quietly(|pool| pool.spread(0, n));
    for time in 1..=TIMES {
        let ids: Vec<_> = (n * time..n * (time + 1)).map(AccountId).collect();
        let (engine, now) = (&mut pool.engine, pool.now);
        let join = || engine.attach(CampaignId(0), &ids, now);
        pool.calls.time(now, join, |_| "attach").expect("all in order");
        pool.spread(0, n);
    }
    pool.calls
}

/// So many campaigns share all accounts.
const CAMPAIGNS: u64 = 100;

/// Every campaign after its part of a round.
fn shared(n: u64) -> Pool {
    let mut pool = Pool::new(n, usual);
    for campaign in 0..CAMPAIGNS {
        pool.campaign(campaign, &first(n));
    }
    pool.on_the_way = ON_THE_WAY;
    pool.quietly(|pool| (0..n).for_each(|turn| pool.spread(turn % CAMPAIGNS, 1)));
    pool
}

/// All campaigns but the first send, one after another.
fn send_elsewhere(pool: &mut Pool, emails: u64) {
    (0..emails).for_each(|turn| pool.spread(1 + turn % (CAMPAIGNS - 1), 1));
}

/// Campaigns of the same accounts send in turn: what each sends is felt in all.
pub(crate) fn sharing(n: u64) -> Calls {
    let mut pool = shared(n);
    send_elsewhere(&mut pool, 50_000);
    pool.calls
}

/// A campaign that slept while the others sent 100,000 emails of the same accounts wakes.
pub(crate) fn sleeper(n: u64) -> Calls {
    let mut pool = shared(n);
    pool.quietly(|pool| send_elsewhere(pool, 100_000));
    pool.spread(0, 20_000);
    pool.calls
}
