//! An outside book of everything that was granted, and what it must add up to.
//!
//! It takes the engine's answers and counts them naively, email by email. It asks the engine for
//! settings and membership only, never for usage, standings or turns.

use std::collections::{BTreeMap, BTreeSet};

use mailrota::{
    AccountId, CampaignId, CampaignState, CivilDay, EmailKind, Engine, Fate, OwnerId, Ramp,
    Request, Reservation, ReservationId, Span, Timestamp, Zone,
};

/// How long the days of a zone that was left count on.
const FORMER_ZONE: Span = Span::hours(26);
/// How long a measured reputation is good.
const REPUTATION_AGE: Span = Span::days(7);

#[derive(Debug)]
pub(crate) struct Email {
    pub(crate) granted: Reservation,
    pub(crate) fate: Fate,
    pub(crate) begun_at: Option<Timestamp>,
    pub(crate) decided_at: Timestamp,
    /// Where it counts, if it does and is no longer out.
    counted_at: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Zones {
    current: Option<Zone>,
    former: Vec<(Zone, Timestamp)>,
}

impl Zones {
    fn enter(&mut self, zone: Zone, now: Timestamp) {
        self.former.retain(|(former, until)| *until > now && *former != zone);
        if let Some(old) = self.current.replace(zone).filter(|old| *old != zone) {
            self.former.push((old, now.plus(FORMER_ZONE)));
        }
    }

    fn in_force(&self, now: Timestamp) -> impl Iterator<Item = Zone> + '_ {
        let former = self.former.iter().filter(move |(_, until)| *until > now);
        former.map(|(zone, _)| *zone).chain(self.current)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) seen: Option<Timestamp>,
    pub(crate) emails: BTreeMap<ReservationId, Email>,
    pub(crate) keys: BTreeMap<(OwnerId, String), (CampaignId, Request, ReservationId)>,
    pub(crate) holds: BTreeMap<AccountId, Timestamp>,
    pub(crate) domain_holds: BTreeMap<(OwnerId, String), Timestamp>,
    reported: Vec<(AccountId, Timestamp, u32)>,
    account_zones: BTreeMap<AccountId, Zones>,
    campaign_zones: BTreeMap<CampaignId, Zones>,
    send_days: BTreeMap<AccountId, BTreeSet<CivilDay>>,
}

impl Ledger {
    /// Time passes: what is out lapses at its end and counts there.
    pub(crate) fn arrive(&mut self, now: Timestamp) {
        self.seen = Some(now);
        let due = |email: &&Email| email.fate == Fate::Open && email.granted.ends_at <= now;
        let mut due: Vec<_> =
            self.emails.values().filter(due).map(|e| (e.granted.ends_at, e.granted.id)).collect();
        due.sort_unstable();
        for (ends_at, id) in due {
            self.end(id, Fate::Lapsed, ends_at);
        }
    }

    pub(crate) fn account_set(&mut self, id: AccountId, zone: Zone, now: Timestamp) {
        self.account_zones.entry(id).or_default().enter(zone, now);
    }

    pub(crate) fn campaign_set(&mut self, id: CampaignId, zone: Zone, now: Timestamp) {
        self.campaign_zones.entry(id).or_default().enter(zone, now);
    }

    pub(crate) fn usage_reported(&mut self, id: AccountId, emails: u32, now: Timestamp) {
        if emails > 0 {
            self.reported.push((id, now, emails));
            self.sent_on_day(id, now);
        }
    }

    fn sent_on_day(&mut self, id: AccountId, at: Timestamp) {
        let zone = self.account_zones.get(&id).and_then(|zones| zones.current);
        let day = zone.expect("it sent, so it was set").civil_day(at);
        self.send_days.entry(id).or_default().insert(day);
    }

    /// Notes an end, and where it counts.
    pub(crate) fn end(&mut self, id: ReservationId, fate: Fate, at: Timestamp) {
        let email = self.emails.get_mut(&id).expect("granted before");
        let counts = match fate {
            Fate::Cancelled | Fate::Open => false,
            Fate::Lapsed => true,
            Fate::Settled(outcome) => outcome.counts(),
        };
        (email.fate, email.decided_at) = (fate, at);
        email.counted_at = counts.then_some(at);
        if counts {
            let account = email.granted.account;
            self.sent_on_day(account, at);
        }
    }

    fn of(&self, account: AccountId) -> impl Iterator<Item = &Email> {
        self.emails.values().filter(move |email| email.granted.account == account)
    }

    /// What an account has on a civil day: what counted on it, and what is out and touches it.
    pub(crate) fn on_day(&self, account: AccountId, zone: Zone, day: CivilDay) -> u32 {
        let reported =
            self.reported.iter().filter(|(id, at, _)| *id == account && zone.civil_day(*at) == day);
        let reported: u32 = reported.map(|(_, _, emails)| *emails).sum();
        reported + count(self.of(account).filter(|email| touches(email, zone, day)))
    }

    /// The caps of every window that a grant lies in, its account's health and its spacing.
    pub(crate) fn check_grant(&self, engine: &Engine, granted: &Reservation, request: &Request) {
        let now = granted.reserved_at;
        let id = granted.account;
        let account = engine.account(id).expect("a grant on an account that is there");
        let campaign = engine.campaign(granted.campaign).expect("of a campaign that is there");
        assert_eq!(account.owner, campaign.owner, "a foreign account");
        assert!(engine.attached(campaign.id).any(|attached| attached == id), "not attached");
        assert!(!request.excluded.contains(&id) && request.account.is_none_or(|only| only == id));
        assert_eq!(campaign.state, CampaignState::Active);
        assert!(campaign.schedule.at(campaign.zone, now).0, "the campaign's window is closed");
        assert!(account.schedule.at(account.zone, now).0, "the account's window is closed");
        assert!(!account.suspended && account.connection.is_verified(), "out of order");
        assert!(account.warmup.as_ref().is_none_or(|warmup| warmup.blocked.is_none()));
        let trust = account.reputation.expect("known");
        let stale = trust.measured_at.is_some_and(|at| at.plus(REPUTATION_AGE) <= now);
        assert!(trust.value.value() >= 80 && !stale, "not good: {trust:?}");
        assert!(self.holds.get(&id).is_none_or(|until| *until <= now), "held");
        let domain = (account.owner, account.domain());
        assert!(self.domain_holds.get(&domain).is_none_or(|until| *until <= now), "domain held");
        for zone in self.account_zones[&id].in_force(now) {
            for day in BTreeSet::from([zone.civil_day(now), zone.civil_day(granted.ends_at)]) {
                let used = self.on_day(id, zone, day);
                let max = account.daily_cap.min(self.ramp_max(id, account.ramp.as_ref(), day));
                assert!(used <= max, "{used} of {max} on {day} in {zone}");
            }
        }
        for limit in &account.limits {
            let from = now.minus(limit.length());
            let reported = self.reported.iter().filter(|(of, at, _)| *of == id && *at > from);
            let reported: u32 = reported.map(|(_, _, emails)| *emails).sum();
            let inside = |email: &&Email| {
                email.fate == Fate::Open || email.counted_at.is_some_and(|at| at > from)
            };
            let used = reported + count(self.of(id).filter(inside));
            assert!(used <= limit.emails(), "{used} of {limit}");
        }
        if !account.spacing.is_zero() || !account.jitter.is_zero() {
            for email in self.of(id).filter(|email| email.granted.id != granted.id) {
                assert_ne!(email.fate, Fate::Open, "two are out on an account with spacing");
                let rested = |at: Timestamp| now.since(at) >= account.spacing;
                assert!(email.counted_at.is_none_or(rested), "closer than {}", account.spacing);
            }
        }
        self.check_campaign(granted, campaign.daily_cap, campaign.new_lead_cap);
    }

    fn check_campaign(&self, granted: &Reservation, cap: Option<u32>, new_leads: Option<u32>) {
        let (id, now) = (granted.campaign, granted.reserved_at);
        let of = || self.emails.values().filter(move |email| email.granted.campaign == id);
        for zone in self.campaign_zones[&id].in_force(now) {
            for day in BTreeSet::from([zone.civil_day(now), zone.civil_day(granted.ends_at)]) {
                let on_day = || of().filter(|email| touches(email, zone, day));
                let used = count(on_day());
                assert!(cap.is_none_or(|cap| used <= cap), "{used} of {cap:?} on {day} in {zone}");
                if granted.kind == EmailKind::NewLead {
                    let new = on_day().filter(|email| email.granted.kind == EmailKind::NewLead);
                    let used = count(new);
                    let fits = new_leads.is_none_or(|cap| used <= cap);
                    assert!(fits, "{used} new of {new_leads:?} on {day} in {zone}");
                }
            }
        }
    }

    /// The most that a ramp can have reached on a day: a row for each earlier day with a send.
    fn ramp_max(&self, id: AccountId, ramp: Option<&Ramp>, day: CivilDay) -> u32 {
        let Some(ramp) = ramp else { return u32::MAX };
        let days = self.send_days.get(&id);
        let rows = days.map_or(0, |days| {
            let started = days.last().is_some_and(|last| *last >= day);
            days.len() - usize::from(started)
        });
        ramp.allowance(u32::try_from(rows).expect("few days"))
    }
}

fn count<'a>(emails: impl Iterator<Item = &'a Email>) -> u32 {
    u32::try_from(emails.count()).expect("few emails")
}

fn touches(email: &Email, zone: Zone, day: CivilDay) -> bool {
    let granted = &email.granted;
    match email.counted_at {
        Some(at) => zone.civil_day(at) == day,
        None if email.fate == Fate::Open => {
            (zone.civil_day(granted.reserved_at)..=zone.civil_day(granted.ends_at)).contains(&day)
        }
        None => false,
    }
}

impl Email {
    pub(crate) fn new(granted: &Reservation) -> Self {
        Self {
            granted: granted.clone(),
            fate: Fate::Open,
            begun_at: None,
            decided_at: granted.reserved_at,
            counted_at: None,
        }
    }
}
