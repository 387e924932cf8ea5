//! Promise 3, waits are exact: walked towards on a copy of the engine, in random histories.
//!
//! Knows the answers only; which limits hold is not computed again here.

use chrono::{DateTime, TimeDelta, Utc};
use mailrota::{CampaignId, Engine, Pick, Request};
use proptest::{prop_assert, prop_assert_eq};

use crate::histories::{Done, Played, history};
use crate::strategies::{Verdict, holds};

/// Instants from `now` to before `until`: at once, spread in between, and right before it.
fn on_the_way(now: DateTime<Utc>, until: DateTime<Utc>) -> impl Iterator<Item = DateTime<Utc>> {
    let length = until - now;
    let part = move |n: i32| now + length / 7 * n;
    let right_before = until - TimeDelta::milliseconds(1);
    let near = [600_000, 60_000, 1_000, 1].map(|ms| until - TimeDelta::milliseconds(ms));
    let all = (0..7).map(part).chain(near).chain([right_before]);
    all.filter(move |at| *at >= now && *at < until)
}

/// > `Wait { until }`: left alone, the answer stays `Wait` at every instant before `until` and is
/// > `Reserved` at it.
fn waits_until(
    engine: &Engine,
    campaign: CampaignId,
    request: &Request,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Verdict {
    prop_assert!(until > now, "a wait from {now} to {until}");
    let mut walked = engine.clone();
    let mut instants: Vec<_> = on_the_way(now, until).collect();
    instants.extend(engine.next_wakeup().filter(|at| *at > now && *at < until));
    instants.sort_unstable();
    for at in instants {
        // Asked along the way, and out of the blue.
        for engine in [&mut walked, &mut engine.clone()] {
            let pick = engine.reserve(campaign, request, at).unwrap();
            prop_assert_eq!(pick.until(), Some(until), "at {}: {:?}", at, pick);
        }
    }
    for engine in [&mut walked, &mut engine.clone()] {
        let pick = engine.reserve(campaign, request, until).unwrap();
        prop_assert!(pick.reserved().is_some(), "at {until}, which was waited for: {pick:?}");
    }
    Ok(())
}

/// > `Unavailable`: none within the horizon.
fn stays_unavailable(
    engine: &Engine,
    campaign: CampaignId,
    request: &Request,
    now: DateTime<Utc>,
) -> Verdict {
    let day = TimeDelta::days(1);
    let later = [TimeDelta::minutes(11), TimeDelta::hours(13), day, day * 2, day * 8];
    let much_later = [day * 33, day * 100, day * 399, day * 400];
    for at in later.into_iter().chain(much_later).map(|later| now + later) {
        let pick = engine.clone().reserve(campaign, request, at).unwrap();
        prop_assert!(pick.reserved().is_none(), "unavailable at {now}, but at {at}: {pick:?}");
    }
    Ok(())
}

/// > If an attached account may send under all limits of account, campaign and lead, the answer is
/// > `Reserved`.
fn nobody_may(
    engine: &Engine,
    campaign: CampaignId,
    request: &Request,
    now: DateTime<Utc>,
) -> Verdict {
    let explained = engine.explain_request(campaign, request, now).unwrap();
    let ready = explained.candidates.iter().find(|candidate| candidate.is_ready());
    prop_assert!(
        !explained.campaign.is_empty() || ready.is_none(),
        "{ready:?} may send, but was not asked to"
    );
    Ok(())
}

fn exact(played: &Played, done: &Done) -> Verdict {
    let Done::Asked(campaign, request, Ok(pick)) = done else { return Ok(()) };
    let (engine, now) = (&played.engine, played.now);
    match pick {
        Pick::Ended(_) | Pick::Reserved(_) => Ok(()),
        Pick::Unavailable(_) => {
            nobody_may(engine, *campaign, request, now)?;
            stays_unavailable(engine, *campaign, request, now)
        }
        Pick::Wait(wait) => {
            nobody_may(engine, *campaign, request, now)?;
            waits_until(engine, *campaign, request, now, wait.until())
        }
    }
}

#[test]
fn waits_are_exact() {
    holds(150, history(60), |history| history.play(exact).map(drop));
}
