//! Promises 5 and 11, attaching and owners: drawn requests against a list of what is wrong with
//! each account.
//!
//! The findings are expected from how an account was drawn, not from its settings.

use std::collections::BTreeSet;

use mailrota::{
    Account, AccountId, AttachError, AttachReport, Campaign, CampaignId, CampaignState, Checked,
    CivilDay, Config, Connection, Engine, LeadId, Link, Mode, OwnerId, Ramp, Reputation, Request,
    ReserveError, Schedule, Timestamp, Warmup,
};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;
use proptest::{prop_assert, prop_assert_eq};

use crate::strategies::{Verdict, holds};
use crate::world::{CAMPAIGN, OWNER, account, engine, minutes, monday, send};

/// Something about an account, with the code of its finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trait {
    CapZero,
    ClosedForever,
    ImapBroken,
    Old,
    RampZero,
    SmtpBroken,
    Suspended,
    Untrusted,
    Unknown,
    WarmupBlocked,
    Young,
}

impl Trait {
    const ALL: [Self; 11] = [
        Self::CapZero,
        Self::ClosedForever,
        Self::ImapBroken,
        Self::Old,
        Self::RampZero,
        Self::SmtpBroken,
        Self::Suspended,
        Self::Untrusted,
        Self::Unknown,
        Self::WarmupBlocked,
        Self::Young,
    ];

    /// The code of its finding, and whether that is an error.
    const fn code(self) -> (&'static str, bool) {
        match self {
            Self::CapZero | Self::RampZero => ("no_daily_capacity", false),
            Self::ClosedForever => ("window_never_open", false),
            Self::ImapBroken => ("imap_failed", true),
            Self::Old => ("reputation_stale", true),
            Self::SmtpBroken => ("smtp_failed", true),
            Self::Suspended => ("suspended", true),
            Self::Untrusted => ("warmup_reputation_too_low", true),
            Self::Unknown => ("reputation_unknown", true),
            Self::WarmupBlocked => ("warmup_blocked", true),
            Self::Young => ("warmup_too_young", false),
        }
    }
}

fn instant(days_ago: i64) -> Timestamp {
    (monday() - chrono::TimeDelta::days(days_ago)).try_into().unwrap()
}

/// An account with these traits.
fn with(id: u64, traits: &BTreeSet<Trait>) -> Account {
    let has = |one| traits.contains(&one);
    let link = |broken| if broken { Link::broken("535 no") } else { Link::Verified };
    let mut account = account(id)
        .connection(Connection::new(link(has(Trait::SmtpBroken)), link(has(Trait::ImapBroken))))
        .suspended(has(Trait::Suspended));
    let value = Reputation::new(if has(Trait::Untrusted) { 80 } else { 81 }).unwrap();
    account = account.reputation(value, instant(if has(Trait::Old) { 7 } else { 6 }));
    if has(Trait::Unknown) {
        account = account.reputation_unknown();
    }
    if has(Trait::CapZero) {
        account = account.daily_cap(0);
    }
    if has(Trait::RampZero) {
        account = account.ramp(Ramp::step(0, 1));
    }
    if has(Trait::ClosedForever) {
        let year = (0..800).fold(Schedule::working_days("09:00", "17:00").unwrap(), |open, day| {
            open.holiday(CivilDay::new(2026, 11, 23).unwrap().plus_days(day))
        });
        account = account.schedule(year);
    }
    let started = Warmup::started(instant(if has(Trait::Young) { 13 } else { 14 }));
    account.warmup(if has(Trait::WarmupBlocked) { started.blocked("spam") } else { started })
}

/// One number of a request and who is behind it.
#[derive(Clone, Debug)]
enum Who {
    /// Attached before.
    Member,
    /// Nobody.
    Missing,
    /// The owner's own, with these traits.
    Own(BTreeSet<Trait>),
    /// Another owner's, with these traits.
    Theirs(BTreeSet<Trait>),
}

fn who() -> impl Strategy<Value = Who> {
    let traits = || {
        let some = vec(select(&Trait::ALL[..]), 0..4);
        prop_oneof![2 => Just(Vec::new()), 1 => some].prop_map(BTreeSet::from_iter)
    };
    prop_oneof![
        1 => Just(Who::Member),
        1 => Just(Who::Missing),
        6 => traits().prop_map(Who::Own),
        1 => traits().prop_map(Who::Theirs),
    ]
}

/// The codes that an account's findings have, and whether it can be attached.
fn expected(who: &Who, twice: bool) -> (BTreeSet<&'static str>, bool) {
    let mut codes = BTreeSet::new();
    if twice {
        codes.insert("duplicate_in_request");
    }
    let enters = match who {
        Who::Member => {
            codes.insert("already_attached");
            false
        }
        Who::Missing | Who::Theirs(_) => {
            codes.insert("not_found_or_not_owned");
            false
        }
        Who::Own(traits) => {
            let unknown = traits.contains(&Trait::Unknown);
            let measured = [Trait::Old, Trait::Untrusted];
            let told = traits.iter().filter(|one| !(unknown && measured.contains(one)));
            codes.extend(told.clone().map(|one| one.code().0));
            !told.clone().any(|one| one.code().1)
        }
    };
    (codes, enters)
}

/// An engine with those behind the numbers from 1 on.
fn world(all: &[Who]) -> Engine {
    let mut engine = Engine::new(Config::default());
    engine.add_campaign(Campaign::new(CAMPAIGN, OWNER), monday()).unwrap();
    for (id, who) in (1..).zip(all) {
        match who {
            Who::Member => {
                engine.add_account(with(id, &BTreeSet::new()), monday()).unwrap();
                engine.attach(CAMPAIGN, &[AccountId(id)], monday()).unwrap();
            }
            Who::Missing => {}
            Who::Own(traits) => engine.add_account(with(id, traits), monday()).unwrap(),
            Who::Theirs(traits) => {
                let mut account = with(id, traits);
                account.owner = OwnerId(2);
                engine.add_account(account, monday()).unwrap();
            }
        }
    }
    engine.record_events();
    engine
}

/// Checks a report against what was drawn.
fn told(report: &AttachReport, all: &[Who], asked: &[AccountId]) -> Verdict {
    let mut rest: BTreeSet<AccountId> = asked.iter().copied().collect();
    for Checked { account, findings, .. } in &report.accounts {
        prop_assert!(rest.remove(account), "{account:?} is told twice, or was not asked for");
        let who = &all[usize::try_from(account.0 - 1).unwrap()];
        let twice = asked.iter().filter(|id| *id == account).count() > 1;
        let codes: BTreeSet<_> = findings.iter().map(mailrota::Finding::code).collect();
        prop_assert_eq!(codes.len(), findings.len(), "{:?} says something twice", account);
        prop_assert_eq!(codes, expected(who, twice).0, "{:?} is {:?}", account, who);
    }
    prop_assert!(rest.is_empty(), "nothing is told of {rest:?}");
    Ok(())
}

fn attached(engine: &Engine) -> BTreeSet<AccountId> {
    engine.attached(CAMPAIGN).collect()
}

fn all_or_none(all: &[Who], asked: &[AccountId]) -> Verdict {
    let mut engine = world(all);
    let before = attached(&engine);
    let of = |id: &AccountId| &all[usize::try_from(id.0 - 1).unwrap()];
    let enter = asked.iter().filter(|id| expected(of(id), false).1).copied();
    let enter: BTreeSet<_> = enter.collect();
    let refused = asked.iter().any(|id| !matches!(of(id), Who::Member) && !enter.contains(id));
    let snapshot = engine.snapshot();

    let dry = engine.attach_with(CAMPAIGN, asked, Mode::DryRun, monday()).unwrap();
    told(&dry, all, asked)?;
    prop_assert_eq!(&engine.snapshot(), &snapshot, "a dry run changed something");
    prop_assert_eq!(dry.changed.iter().copied().collect::<BTreeSet<_>>(), enter.clone());

    match engine.attach(CAMPAIGN, asked, monday()) {
        Ok(report) => {
            prop_assert!(!refused, "{report:?}");
            prop_assert_eq!(&report, &dry);
            prop_assert_eq!(attached(&engine), &before | &enter);
        }
        Err(AttachError::Refused(report)) => {
            prop_assert!(refused, "{report:?}");
            prop_assert_eq!(&report.accounts, &dry.accounts);
            prop_assert!(report.changed.is_empty());
            prop_assert_eq!(&engine.snapshot(), &snapshot, "what was refused changed something");
            prop_assert!(engine.take_events().is_empty());
        }
        Err(error) => prop_assert!(false, "{error}"),
    }

    let each = engine.attach_with(CAMPAIGN, asked, Mode::EachThatCan, monday()).unwrap();
    prop_assert_eq!(attached(&engine), &before | &enter);
    prop_assert!(!refused || each == dry, "{each:?}");
    let (snapshot, _) = (engine.snapshot(), engine.take_events());
    let again = engine.attach_with(CAMPAIGN, asked, Mode::EachThatCan, monday()).unwrap();
    prop_assert!(again.changed.is_empty(), "{again:?}");
    prop_assert!(engine.take_events().is_empty());
    prop_assert_eq!(&engine.snapshot(), &snapshot, "repeating it changed something");
    Ok(())
}

/// > Attach is all or none (or, asked for, each that can; or a dry run), names every account's
/// > every problem, tells nothing about other owners' accounts, and repeating it changes nothing.
#[test]
fn attaching_is_all_or_none() {
    let asked = vec(who(), 1..7).prop_flat_map(|all| {
        let ids = (1..=all.len() as u64).map(AccountId).collect::<Vec<_>>();
        (Just(all), vec(select(ids), 0..9))
    });
    holds(400, asked, |(all, asked)| all_or_none(&all, &asked));
}

/// Detaching is all or none as well: an active campaign keeps its last account.
#[test]
fn detaching_is_all_or_none() {
    let asked = vec(select(vec![1, 2, 3, 4_u64]), 0..6);
    holds(100, (1_u64..4, asked, any::<bool>()), |(members, asked, active)| {
        let mut engine = engine((1..=members).map(account));
        if !active {
            let paused = Campaign::new(CAMPAIGN, OWNER).state(CampaignState::Paused);
            engine.change_campaign(paused, monday()).unwrap();
        }
        send(&mut engine, CAMPAIGN, 1, monday());
        let snapshot = engine.snapshot();
        let asked: Vec<_> = asked.into_iter().map(AccountId).collect();
        let leaving = |id: &AccountId| asked.contains(id);
        let (leave, stay): (BTreeSet<_>, _) = attached(&engine).into_iter().partition(leaving);
        let stay: BTreeSet<AccountId> = stay;
        let emptied = active && stay.is_empty() && !leave.is_empty();
        match engine.detach(CAMPAIGN, &asked, monday()) {
            Ok(report) => {
                prop_assert!(!emptied, "{report:?}");
                prop_assert_eq!(report.changed.into_iter().collect::<BTreeSet<_>>(), leave);
                prop_assert_eq!(attached(&engine), stay);
            }
            Err(AttachError::Refused(_)) => {
                prop_assert!(emptied);
                prop_assert_eq!(engine.snapshot(), snapshot);
            }
            Err(error) => prop_assert!(false, "{error}"),
        }
        Ok(())
    });
}

/// Two engines that differ only in that one has another owner's account 2, of whatever traits, in
/// a campaign of its own, and the other has nothing of the kind.
fn with_and_without(traits: &BTreeSet<Trait>) -> [Engine; 2] {
    let ours = || engine([account(1)]);
    let (mut with_theirs, theirs) = (ours(), CampaignId(2));
    let mut foreign = with(2, traits);
    foreign.owner = OwnerId(2);
    with_theirs.add_account(foreign, monday()).unwrap();
    with_theirs.add_campaign(Campaign::new(theirs, OwnerId(2)), monday()).unwrap();
    if !traits.iter().any(|one| one.code().1) {
        with_theirs.attach(theirs, &[AccountId(2)], monday()).unwrap();
        send(&mut with_theirs, theirs, 7, monday());
    }
    [with_theirs, ours()]
}

/// > No owner reaches another's accounts, by id, by error text, or by timing worth measuring.
#[test]
fn a_foreign_account_is_a_missing_one() {
    let some = vec(select(&Trait::ALL[..]), 0..4).prop_map(BTreeSet::from_iter);
    holds(100, some, |traits| {
        let two = AccountId(2);
        let answers = with_and_without(&traits).map(|mut engine| {
            let mut answers = Vec::new();
            for mode in [Mode::AllOrNone, Mode::DryRun, Mode::EachThatCan] {
                let asked = [AccountId(1), two, two];
                let report = engine.attach_with(CAMPAIGN, &asked, mode, monday());
                answers.push(report.as_ref().map_or_else(ToString::to_string, |_| String::new()));
                answers.push(format!("{report:?}"));
                let report = engine.detach_with(CAMPAIGN, &[two], mode, monday());
                answers.push(format!("{report:?}"));
            }
            let bound = engine.bind_lead(CAMPAIGN, LeadId(1), two, monday());
            answers.push(bound.unwrap_err().to_string());
            let demanded = Request::new_lead(LeadId(1)).from_account(two);
            let refused = engine.reserve(CAMPAIGN, &demanded, monday()).unwrap_err();
            assert!(matches!(refused, ReserveError::AccountNotAttached { .. }), "{refused}");
            answers.push(refused.to_string());
            let excluding = Request::new_lead(LeadId(2)).excluding([two]);
            answers.push(format!("{:?}", engine.explain_request(CAMPAIGN, &excluding, monday())));
            answers.push(format!("{:?}", engine.attached(CAMPAIGN).collect::<Vec<_>>()));
            let until = Some(monday() + minutes(60));
            let held = engine.hold_domain(OwnerId(3), "acme.example", until, monday());
            answers.push(format!("{held:?} {:?}", engine.standing(AccountId(1), monday())));
            answers
        });
        let [with_theirs, without] = answers;
        prop_assert_eq!(with_theirs, without);
        Ok(())
    });
}
