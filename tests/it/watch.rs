//! What is worth telling of facts: which notices come, and that each comes once.

use chrono::{DateTime, Utc};
use mailrota::{
    AccountId, Campaign, CampaignId, CampaignState, Connection, Engine, LeadId, Link, Noticed,
    Outcome, Pick, Reason, Reputation, Request, Warmup, Watch,
};

use crate::world::{CAMPAIGN, OWNER, account, engine, minutes, monday, send, t};

/// An engine that is watched from its beginning.
struct Watched {
    engine: Engine,
    watch: Watch,
}

impl Watched {
    fn over(mut engine: Engine) -> Self {
        engine.record_events();
        Self { watch: Watch::new(&engine), engine }
    }

    /// What was told since the last call, in short.
    fn told(&mut self) -> Vec<String> {
        let mut notices = Vec::new();
        let events = self.engine.take_events();
        self.watch.see(&self.engine, &events, &mut notices);
        notices.iter().map(|notice| short(&notice.what)).collect()
    }

    fn send(&mut self, lead: u64, now: DateTime<Utc>) -> Vec<String> {
        send(&mut self.engine, CAMPAIGN, lead, now);
        self.told()
    }
}

fn short(what: &Noticed) -> String {
    let codes = |reasons: &[Reason]| {
        reasons.iter().map(|reason| reason.code()).collect::<Vec<_>>().join("+")
    };
    match what {
        Noticed::AccountLost { account, reasons, deleted } => {
            let deleted = if *deleted { " deleted" } else { "" };
            format!("lost {account} {}{deleted}", codes(reasons))
        }
        Noticed::CampaignStarved { campaign, reasons } => {
            format!("starved {campaign} {}", codes(reasons))
        }
        Noticed::CapNear(cap) => format!("near {} {}/{}", cap.account, cap.used, cap.allowance),
        Noticed::CapReached(cap) => {
            format!("reached {} {}/{}", cap.account, cap.used, cap.allowance)
        }
        _ => "?".to_owned(),
    }
}

#[test]
fn a_cap_is_told_near_and_reached_once_a_day() {
    let mut world = Watched::over(engine([account(1).daily_cap(20), account(2).daily_cap(0)]));
    world.told();
    for day in 0..2 {
        let now = monday() + minutes(day * 24 * 60);
        let mut told = Vec::new();
        for lead in 0..20 {
            told.extend(world.send(day.unsigned_abs() * 100 + lead, now));
        }
        assert_eq!(told, ["near 1 18/20", "reached 1 20/20"]);
        // Room that comes back and is taken again is not told again.
        assert_eq!(world.send(1_000, now), [""; 0]);
    }
}

#[test]
fn use_that_comes_back_is_told_once_and_a_jump_is_told_as_what_it_came_to() {
    let mut world = Watched::over(engine([account(1).daily_cap(10), account(2).daily_cap(10)]));
    let now = monday();
    world.engine.report_usage(AccountId(1), 8, now).unwrap();
    assert_eq!(world.told(), [""; 0]);
    for n in 0..3 {
        let request = Request::new_lead(LeadId(n)).from_account(AccountId(1));
        let pick = world.engine.reserve(CAMPAIGN, &request, now).unwrap();
        let id = pick.reserved().unwrap().id;
        world.engine.cancel(id, now).unwrap();
        // The step is over when it is looked at, and what came back in it was never near.
        assert_eq!(world.told(), [""; 0]);
        let request = Request::new_lead(LeadId(100 + n)).from_account(AccountId(1));
        let Pick::Reserved(held) = world.engine.reserve(CAMPAIGN, &request, now).unwrap() else {
            panic!("there is room");
        };
        assert_eq!(world.told(), if n == 0 { vec!["near 1 9/10"] } else { vec![] });
        world.engine.cancel(held.id, now).unwrap();
        assert_eq!(world.told(), [""; 0]);
    }
    world.engine.report_usage(AccountId(2), 10, now).unwrap();
    assert_eq!(world.told(), ["reached 2 10/10"]);
    // A cap that is lowered below what was used is used up.
    let lower = world.engine.account(AccountId(1)).unwrap().clone().daily_cap(8);
    world.engine.change_account(lower, now).unwrap();
    assert_eq!(world.told(), ["reached 1 8/8"]);
}

#[test]
fn a_day_that_is_used_up_by_what_was_out_over_midnight_is_told() {
    let mut world = Watched::over(engine([account(1).daily_cap(1)]));
    let now = t("2026-11-23T23:59:00Z");
    let Pick::Reserved(held) =
        world.engine.reserve(CAMPAIGN, &Request::new_lead(LeadId(1)), now).unwrap()
    else {
        panic!("there is room");
    };
    assert_eq!(world.told(), ["reached 1 1/1"]);
    world.engine.settle(held.id, Outcome::Sent, now + minutes(2)).unwrap();
    assert_eq!(world.told(), ["reached 1 1/1"]);
}

#[test]
fn an_account_is_told_lost_for_each_reason_once() {
    let mut world = Watched::over(engine([account(1), account(2)]));
    let (now, one) = (monday(), AccountId(1));
    world.engine.suspend(one, now).unwrap();
    world.engine.suspend(one, now).unwrap();
    assert_eq!(world.told(), ["lost 1 sender_suspended"]);
    let broken = Connection::new(Link::broken("no"), Link::Verified);
    world.engine.report_connection(one, broken, now).unwrap();
    assert_eq!(world.told(), ["lost 1 sender_suspended+smtp_down"]);
    world.engine.report_connection(one, Connection::VERIFIED, now).unwrap();
    assert_eq!(world.told(), [""; 0]);
    world.engine.resume(one, now).unwrap();
    assert_eq!(world.told(), [""; 0]);
    world.engine.report_reputation(one, Reputation::new(10).unwrap(), now).unwrap();
    assert_eq!(world.told(), ["lost 1 reputation_low"]);
    world.engine.report_reputation(one, Reputation::new(99).unwrap(), now).unwrap();
    let blocked = world.engine.account(one).unwrap().clone();
    let blocked = blocked.warmup(Warmup::default().blocked("spam"));
    world.engine.change_account(blocked, now).unwrap();
    assert_eq!(world.told(), ["lost 1 warmup_blocked"]);
    world.engine.delete_account(one, now).unwrap();
    assert_eq!(world.told(), ["lost 1 warmup_blocked deleted"]);
}

#[test]
fn a_campaign_is_told_starved_when_its_last_account_is_lost() {
    let mut world = Watched::over(engine([account(1), account(2)]));
    let now = monday();
    world.engine.suspend(AccountId(1), now).unwrap();
    assert_eq!(world.told(), ["lost 1 sender_suspended"]);
    world.engine.delete_account(AccountId(2), now).unwrap();
    assert_eq!(world.told(), ["lost 2  deleted", "starved 1 sender_suspended"]);
    // The same is not told twice, and told again once it was otherwise.
    let request = Request::new_lead(LeadId(1));
    for told in [0, 1] {
        let pick = world.engine.reserve(CAMPAIGN, &request, now).unwrap();
        let Pick::Unavailable(unavailable) = pick else { panic!("nobody may: {pick:?}") };
        let mut notices = Vec::new();
        world.watch.unavailable(&world.engine, CAMPAIGN, &unavailable, &mut notices);
        assert_eq!(notices.len(), 0, "{told}");
    }
    world.engine.resume(AccountId(1), now).unwrap();
    assert_eq!(world.told(), [""; 0]);
    world.engine.suspend(AccountId(1), now).unwrap();
    assert_eq!(world.told(), ["lost 1 sender_suspended", "starved 1 sender_suspended"]);
}

#[test]
fn a_campaign_that_nobody_may_send_for_is_told_once_a_day() {
    let mut world = Watched::over(engine([account(1).daily_cap(0)]));
    for (day, expected) in [(0, 1), (0, 0), (1, 1), (1, 0)] {
        let now = monday() + minutes(day * 24 * 60);
        let pick = world.engine.reserve(CAMPAIGN, &Request::new_lead(LeadId(1)), now).unwrap();
        let Pick::Unavailable(unavailable) = pick else { panic!("nobody may: {pick:?}") };
        let mut notices = Vec::new();
        world.watch.unavailable(&world.engine, CAMPAIGN, &unavailable, &mut notices);
        let told: Vec<_> = notices.iter().map(|notice| short(&notice.what)).collect();
        assert_eq!(told, vec!["starved 1 daily_cap"; expected], "day {day}");
    }
}

/// An account's trust gets too old. That changes nothing that is told, and whoever acts next, or
/// asks in vain, has it told.
#[test]
fn what_time_does_to_a_campaign_is_told_at_the_next_change_or_refusal() {
    let measured = t("2026-11-23T09:00:00Z").try_into().unwrap();
    let stale = account(1).reputation(Reputation::new(99).unwrap(), measured);
    let now = monday() + minutes(30 * 24 * 60);
    let watched = || Watched::over(engine([stale.clone(), account(2), account(3)]));
    let mut world = watched();
    world.engine.detach(CAMPAIGN, &[AccountId(2)], now).unwrap();
    assert_eq!(world.told(), [""; 0]);
    world.engine.delete_account(AccountId(3), now).unwrap();
    assert_eq!(world.told(), ["lost 3  deleted", "starved 1 reputation_stale"]);
    // Of those that were not known to send nobody is looked for.
    let mut world = watched();
    for id in [2, 3] {
        world.engine.delete_account(AccountId(id), now).unwrap();
        assert_eq!(world.told(), [format!("lost {id}  deleted")]);
    }
    let pick = world.engine.reserve(CAMPAIGN, &Request::new_lead(LeadId(1)), now).unwrap();
    let Pick::Unavailable(unavailable) = pick else { panic!("nobody may: {pick:?}") };
    let mut notices = Vec::new();
    world.watch.unavailable(&world.engine, CAMPAIGN, &unavailable, &mut notices);
    assert_eq!(short(&notices[0].what), "starved 1 reputation_stale");
    // Nor is it told again.
    world.watch.unavailable(&world.engine, CAMPAIGN, &unavailable, &mut notices);
    assert_eq!(notices.len(), 1);
}

#[test]
fn a_campaign_without_accounts_starves_from_its_start_on() {
    let mut world = Watched::over(engine([account(1)]));
    let (now, other) = (monday(), CampaignId(2));
    let draft = Campaign::new(other, OWNER).state(CampaignState::Draft);
    world.engine.add_campaign(draft.clone(), now).unwrap();
    assert_eq!(world.told(), [""; 0]);
    world.engine.change_campaign(draft.state(CampaignState::Active), now).unwrap();
    assert_eq!(world.told(), ["starved 2 no_senders"]);
}

/// What a watch finds when it is made was told by the one before.
#[test]
fn a_new_watch_tells_nothing_that_holds_already() {
    let mut first = Watched::over(engine([account(1).daily_cap(10), account(2)]));
    let now = monday();
    first.engine.report_usage(AccountId(1), 9, now).unwrap();
    first.engine.suspend(AccountId(2), now).unwrap();
    assert_eq!(first.told(), ["near 1 9/10", "lost 2 sender_suspended"]);
    let mut second = Watched::over(first.engine);
    second.engine.suspend(AccountId(2), now).unwrap();
    assert_eq!(second.told(), [""; 0]);
    assert_eq!(second.send(1, now), ["reached 1 10/10"]);
}
