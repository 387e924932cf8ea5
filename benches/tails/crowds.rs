//! Histories in which nobody changes anything: many accounts take turns, rest, and come back.

use chrono::{DateTime, TimeDelta, Utc};
use mailrota::{Schedule, Span};

use crate::calls::Calls;
use crate::pool::{Pool, alike, first, usual};

/// Emails on their way at once, where they are.
pub(crate) const ON_THE_WAY: usize = 20;

/// So many for the least pool, the middle one and the largest.
fn by_size(n: u64, [least, middle, largest]: [u64; 3]) -> u64 {
    match n {
        0..10_000 => least,
        10_000..1_000_000 => middle,
        1_000_000.. => largest,
    }
}

/// Emails spread over the day, after a round of everybody; the least pool sees several midnights.
pub(crate) fn steady(n: u64) -> Calls {
    let mut pool = Pool::of(n, usual);
    pool.on_the_way = ON_THE_WAY;
    pool.quietly(|pool| pool.spread(0, n));
    pool.spread(0, by_size(n, [200_000, 500_000, 500_000]));
    pool.calls
}

/// Everybody has just sent. A campaign that asks all the same is told to wait, while the last
/// emails are settled.
pub(crate) fn asleep(n: u64) -> Calls {
    let mut pool = Pool::of(n, usual);
    pool.on_the_way = 500;
    pool.quietly(|pool| pool.burst(0, n));
    for ask in 1..=200_000 {
        pool.now += TimeDelta::milliseconds(1);
        assert!(pool.reserve(0).reserved().is_none(), "everybody rests");
        if ask % 400 == 0 {
            pool.settle_oldest();
        }
    }
    pool.calls
}

/// Everybody has an email on its way at once. First they end in no order, then in theirs.
pub(crate) fn at_once(n: u64) -> Calls {
    let mut pool = Pool::of(n, |id| alike(id).daily_cap(100));
    pool.on_the_way = usize::MAX;
    let rounds = by_size(n, [20, 1, 1]);
    for round in 0..2 * rounds {
        pool.burst(0, n);
        for ended in 0..usize::try_from(n).expect("a small number") {
            if round < rounds { pool.settle_at(ended * 7_919) } else { pool.settle_oldest() }
        }
        pool.wait(0);
    }
    pool.calls
}

/// Everybody sends at one instant, rests for as long, and wakes in the same millisecond.
pub(crate) fn wake(n: u64) -> Calls {
    let mut pool = Pool::of(n, alike);
    pool.quietly(|pool| pool.burst(0, n));
    for _ in 0..by_size(n, [20, 3, 1]) {
        pool.wait(0);
        pool.burst(0, n);
    }
    pool.calls
}

/// Everybody may send one email a day and has; at midnight all may again.
pub(crate) fn midnight(n: u64) -> Calls {
    let mut pool = Pool::of(n, |id| usual(id).daily_cap(1));
    pool.quietly(|pool| pool.burst(0, n));
    for _ in 0..by_size(n, [50, 2, 1]) {
        pool.wait(0);
        pool.burst(0, n.min(300_000));
    }
    pool.calls
}

/// Everybody sends at one instant and rests, each for as long as it is set, and for an hour nobody
/// asks.
pub(crate) fn idle(n: u64) -> Calls {
    let mut pool = Pool::of(n, usual);
    pool.quietly(|pool| pool.burst(0, n));
    for _ in 0..by_size(n, [20, 2, 1]) {
        pool.now += TimeDelta::hours(1);
        pool.burst(0, n);
    }
    pool.calls
}

/// Everybody's window opens at 09:00 and closes at 17:00. At noon, when all have rested, one more
/// email is sent.
pub(crate) fn window(n: u64) -> Calls {
    let office = Schedule::working_days("09:00", "17:00").expect("a range of the day");
    let mut pool = Pool::of(n, |id| usual(id).schedule(office.clone()));
    let at = |now: DateTime<Utc>, hour| {
        now.date_naive().and_hms_opt(hour, 0, 0).expect("a whole hour").and_utc()
    };
    let day = |pool: &mut Pool| {
        pool.wait(0);
        assert_eq!(pool.now, at(pool.now, 9));
        pool.burst(0, n);
        pool.now = at(pool.now, 12);
        pool.quietly(|pool| pool.burst(0, 1));
        pool.now = at(pool.now, 17);
    };
    pool.quietly(day);
    for _ in 0..by_size(n, [20, 2, 1]) {
        day(&mut pool);
    }
    pool.calls
}

/// Every second account may send one email a day, the others a million.
pub(crate) fn weights(n: u64) -> Calls {
    let cap = |id| if id % 2 == 0 { 1 } else { 1_000_000 };
    let mut pool = Pool::of(n, |id| usual(id).daily_cap(cap(id)).spacing(Span::ZERO));
    pool.on_the_way = ON_THE_WAY;
    pool.step = TimeDelta::seconds(1);
    pool.quietly(|pool| pool.spread(0, n));
    pool.spread(0, 300_000);
    pool.calls
}

/// Two campaigns of the same accounts. After everybody was served in one of them, nobody's start
/// has come in the other: its virtual time jumps.
pub(crate) fn jump(n: u64) -> Calls {
    let mut pool = Pool::of(n, alike);
    pool.campaign(1, &first(n));
    pool.quietly(|pool| {
        pool.burst(0, n);
        pool.wait(0);
        pool.burst(1, n);
    });
    for _ in 0..by_size(n, [10, 2, 1]) {
        for campaign in [0, 1] {
            pool.wait(campaign);
            pool.burst(campaign, n);
        }
    }
    pool.calls
}
