//! Promises 1 and 2, caps and spacing: an outside ledger of who may have sent when, in random
//! histories.
//!
//! The ledger keeps emails as a person would on paper and counts them anew for each grant. It
//! shares no code with the engine, not even for civil days.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use mailrota::{
    Account, AccountId, CampaignId, EmailKind, Outcome, Pick, Reservation, ReservationId,
};
use proptest::prop_assert;

use crate::histories::{Done, Played, history, history_across_zones};
use crate::strategies::{Verdict, holds};

/// How long an account whose zone changed keeps the days of the former one.
const BOTH_ZONES: TimeDelta = TimeDelta::hours(26);

/// Room taken: from the grant until it is known when, at the latest, the email went.
#[derive(Clone, Debug)]
struct Email {
    account: AccountId,
    campaign: CampaignId,
    new_lead: bool,
    from: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Taken or maybe taken by the provider, at this instant at the latest.
    Counted(DateTime<Utc>),
    Out,
    /// Surely not taken.
    Spared,
}

#[derive(Default)]
struct Ledger {
    emails: BTreeMap<ReservationId, Email>,
    imports: Vec<(AccountId, DateTime<Utc>, u32)>,
    zones: BTreeMap<AccountId, Zones>,
    /// The ramp of each account: days with sends, and the last of them.
    ramps: BTreeMap<AccountId, BTreeSet<NaiveDate>>,
}

/// The zone that an account is in, and those that it left with the instant until which they count.
struct Zones {
    now: &'static str,
    before: Vec<(&'static str, DateTime<Utc>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Account(AccountId),
    Campaign(CampaignId),
}

fn tz(name: &str) -> Tz {
    name.parse().unwrap()
}

fn date(zone: Tz, at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&zone).date_naive()
}

impl Ledger {
    /// Writes down what came of a step.
    fn note(&mut self, played: &Played, done: &Done) -> Verdict {
        self.lapse(played);
        match done {
            Done::Asked(campaign, _, Ok(Pick::Reserved(granted)))
                if !self.emails.contains_key(&granted.id) =>
            {
                self.grant(played, *campaign, granted)?;
            }
            Done::Ended(id, outcome, Ok(settlement)) if !settlement.repeated => {
                let counts =
                    matches!(outcome, Some(Outcome::Rejected | Outcome::Sent | Outcome::Unknown));
                let fate = if counts { Fate::Counted(played.now) } else { Fate::Spared };
                self.emails.get_mut(id).unwrap().fate = fate;
                if counts {
                    let account = self.emails[id].account;
                    self.ramp_day(played, account, played.now);
                }
            }
            Done::Imported(account, emails) => {
                self.imports.push((*account, played.now, *emails));
                if *emails > 0 {
                    self.ramp_day(played, *account, played.now);
                }
            }
            Done::Asked(..)
            | Done::Bound(..)
            | Done::CampaignDeleted(_)
            | Done::Ended(..)
            | Done::Other
            | Done::Refused(_) => {}
        }
        self.see_zones(played);
        Ok(())
    }

    fn lapse(&mut self, played: &Played) {
        let mut lapsed = Vec::new();
        for email in self.emails.values_mut() {
            if email.fate == Fate::Out && email.ends_at <= played.now {
                email.fate = Fate::Counted(email.ends_at);
                lapsed.push((email.account, email.ends_at));
            }
        }
        for (account, at) in lapsed {
            self.ramp_day(played, account, at);
        }
    }

    fn ramp_day(&mut self, played: &Played, account: AccountId, at: DateTime<Utc>) {
        // The zone that it was in before this step is the one that the day was in.
        let zone = match self.zones.get(&account) {
            Some(zones) => tz(zones.now),
            None => tz(played.engine.account(account).unwrap().zone.name()),
        };
        let days = self.ramps.entry(account).or_default();
        let day = date(zone, at);
        if days.last().is_none_or(|last| *last < day) {
            days.insert(day);
        }
    }

    fn see_zones(&mut self, played: &Played) {
        for account in played.engine.accounts() {
            let name = account.zone.name();
            let zones =
                self.zones.entry(account.id).or_insert(Zones { now: name, before: Vec::new() });
            if zones.now != name {
                let left = std::mem::replace(&mut zones.now, name);
                zones.before.push((left, played.now + BOTH_ZONES));
            }
        }
    }

    /// Enters a grant, and holds the account to everything that is in force.
    fn grant(&mut self, played: &Played, campaign: CampaignId, granted: &Reservation) -> Verdict {
        let email = Email {
            account: granted.account,
            campaign,
            new_lead: granted.kind == EmailKind::NewLead,
            from: played.now,
            ends_at: played.now + played.ttl,
            fate: Fate::Out,
        };
        let account = played.engine.account(granted.account).unwrap();
        self.spaced(account, played.now)?;
        self.emails.insert(granted.id, email);
        self.within_windows(account, played.now)?;
        self.within_days(account, played)?;
        self.campaign_within_days(campaign, played)
    }

    /// > Two sends of one account are never closer than its spacing, over all campaigns. A send's
    /// > instant is the latest it can have happened (its settlement, or its lapse), so an account
    /// > with spacing has one reservation out at a time.
    fn spaced(&self, account: &Account, now: DateTime<Utc>) -> Verdict {
        if account.spacing.is_zero() && account.jitter.is_zero() {
            return Ok(());
        }
        let spacing = TimeDelta::milliseconds(account.spacing.as_ms().try_into().unwrap());
        for email in self.emails.values().filter(|email| email.account == account.id) {
            prop_assert!(email.fate != Fate::Out, "a second one is out at {now}: {email:?}");
            if let Fate::Counted(at) = email.fate {
                prop_assert!(at + spacing <= now, "{now} is too close to {email:?}");
            }
        }
        Ok(())
    }

    fn within_windows(&self, account: &Account, now: DateTime<Utc>) -> Verdict {
        for limit in &account.limits {
            let length = TimeDelta::milliseconds(limit.length().as_ms().try_into().unwrap());
            let inside = |at: DateTime<Utc>| at + length > now;
            let sent = self.emails.values().filter(|email| {
                let counts = match email.fate {
                    Fate::Counted(at) => inside(at),
                    Fate::Out => true,
                    Fate::Spared => false,
                };
                email.account == account.id && counts
            });
            let imported =
                self.imports.iter().filter(|(id, at, _)| *id == account.id && inside(*at));
            let used = sent.count() + imported.map(|(_, _, n)| *n as usize).sum::<usize>();
            prop_assert!(
                used <= limit.emails() as usize,
                "{used} of {limit} at {now} for {:?}",
                account.id
            );
        }
        Ok(())
    }

    /// How many emails of an account or a campaign count against a civil day.
    fn on_day(&self, whose: Whose, zone: Tz, day: NaiveDate, new_only: bool) -> usize {
        let emails = self.emails.values().filter(|email| {
            let mine = match whose {
                Whose::Account(id) => email.account == id,
                Whose::Campaign(id) => email.campaign == id,
            };
            let on_day = match email.fate {
                Fate::Counted(at) => date(zone, at) == day,
                Fate::Out => date(zone, email.from) <= day && day <= date(zone, email.ends_at),
                Fate::Spared => false,
            };
            mine && on_day && (email.new_lead || !new_only)
        });
        let imported = self.imports.iter().filter(|(id, at, _)| {
            whose == Whose::Account(*id) && date(zone, *at) == day && !new_only
        });
        emails.count() + imported.map(|(_, _, n)| *n as usize).sum::<usize>()
    }

    fn within_days(&self, account: &Account, played: &Played) -> Verdict {
        let whose = Whose::Account(account.id);
        let ends_at = played.now + played.ttl;
        let in_force = tz(account.zone.name());
        let former = self.zones.get(&account.id).into_iter().flat_map(|zones| &zones.before);
        let former = former.filter(|(_, until)| *until > played.now).map(|(zone, _)| tz(zone));
        for zone in former.chain([in_force]) {
            for day in [date(zone, played.now), date(zone, ends_at)] {
                let used = self.on_day(whose, zone, day, false);
                let mut most = account.daily_cap;
                if let Some(ramp) = &account.ramp
                    && zone == in_force
                {
                    most = most.min(ramp.allowance(self.ramp_row(account.id, day)));
                }
                prop_assert!(
                    used <= most as usize,
                    "{used} of {most} on {day} in {zone} for {:?}",
                    account.id
                );
            }
        }
        Ok(())
    }

    /// How many days with sends a ramp has behind it on `day`, since the last 30 silent ones. A
    /// date that comes again after a change of zone stays the day that it was.
    fn ramp_row(&self, account: AccountId, day: NaiveDate) -> u32 {
        let days: Vec<_> = self.ramps.get(&account).into_iter().flatten().copied().collect();
        let last = days.last().copied().unwrap_or(day);
        let mut next = day.max(last);
        let mut row = 0;
        let today = next;
        for day in days.into_iter().rev().filter(|day| *day < today) {
            if next.num_days_from_ce() - day.num_days_from_ce() > 30 {
                break;
            }
            row += 1;
            next = day;
        }
        row
    }

    fn campaign_within_days(&self, campaign: CampaignId, played: &Played) -> Verdict {
        let settings = played.engine.campaign(campaign).unwrap();
        let zone = tz(settings.zone.name());
        let caps = [(settings.daily_cap, false), (settings.new_lead_cap, true)];
        for (most, new_only) in caps.into_iter().filter_map(|(cap, new)| Some((cap?, new))) {
            for day in [date(zone, played.now), date(zone, played.now + played.ttl)] {
                let used = self.on_day(Whose::Campaign(campaign), zone, day, new_only);
                let asked_new = self.emails.last_key_value().is_some_and(|(_, e)| e.new_lead);
                prop_assert!(
                    used <= most as usize || (new_only && !asked_new),
                    "{used} of {most} on {day} for {campaign:?}"
                );
            }
        }
        Ok(())
    }
}

/// > No reservation is granted that makes sent + reserved exceed any maximum in force, in any
/// > window, at any instant. Across all campaigns of the account, after a crash, with several
/// > machines, with the clock stepping back. (A maximum lowered below what is used, or an import
/// > above it, grants nothing until room is back.)
#[test]
fn caps_and_spacing_hold_in_any_history() {
    holds(400, history(90), |history| {
        let mut ledger = Ledger::default();
        history.play(|played, done| ledger.note(played, done)).map(drop)
    });
}

/// The same where accounts move from zone to zone: a day that is full stays full for a while.
#[test]
fn caps_hold_across_zones() {
    holds(200, history_across_zones(60), |history| {
        let mut ledger = Ledger::default();
        history.play(|played, done| ledger.note(played, done)).map(drop)
    });
}
