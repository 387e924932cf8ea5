//! How the civil day of one campaign goes: what each account sent for it, how much went in each
//! hour, and how much still may.
//!
//! Changes nothing, and looks at no more than a bounded number of reservations.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::rotation::engine::Engine;
use crate::rotation::questions::explain::QuestionError;
use crate::rotation::questions::forecast::Step;
use crate::rotation::state::CampaignRecord;
use crate::rotation::state::reservation::{Fate, Reservation};
use crate::vocab::{AccountId, CampaignId, CivilDay, Span, Timestamp};

/// How many reservations are looked at, newest first: a few milliseconds of work.
const LOOKED_AT_MAX: usize = 100_000;

/// The civil day of a campaign up to an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CampaignDay {
    /// The civil day in the campaign's zone.
    pub day: CivilDay,
    /// When it began.
    pub starts_at: Timestamp,
    /// When it ends.
    pub ends_at: Timestamp,
    /// Emails of the campaign that count as sent on it.
    pub sent: u32,
    /// The same for each hour since the day began; in some zones a day has 23 or 25 of them.
    pub hours: Vec<u32>,
    /// What each account did for the campaign since `counted_from`, if it did anything.
    pub accounts: BTreeMap<AccountId, AccountShare>,
    /// Since when accounts are counted: the beginning of the day, or a later instant if there were
    /// more than 100,000 reservations since, of whichever campaigns.
    pub counted_from: Timestamp,
}

/// What one account did for one campaign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountShare {
    /// Emails that count as sent.
    pub sent: u32,
    /// Reservations that are out.
    pub reserved: u32,
}

/// How the rest of a campaign's civil day would go if leads did not run out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestOfDay {
    /// Emails to new leads that would go, for each hour since the day began.
    pub hours: Vec<u32>,
    /// Up to which instant they are counted: the end of the day, or the instant of the last one
    /// that was looked for.
    pub until: Timestamp,
}

impl Engine {
    /// How the civil day of a campaign went up to `at`, left alone until then. Changes nothing.
    ///
    /// # Errors
    /// [`QuestionError`] if there is no such campaign or `at` is not accepted.
    pub fn campaign_day(
        &self,
        campaign: CampaignId,
        at: DateTime<Utc>,
    ) -> Result<CampaignDay, QuestionError> {
        self.day_so_far(campaign, at, LOOKED_AT_MAX)
    }

    fn day_so_far(
        &self,
        campaign: CampaignId,
        at: DateTime<Utc>,
        looked_at_max: usize,
    ) -> Result<CampaignDay, QuestionError> {
        let at = self.instant(at)?;
        let unknown = QuestionError::UnknownCampaign { campaign };
        let record = self.state.campaign(campaign).ok_or(unknown)?;
        let day = record.settings.zone.civil_day(at);
        let (starts_at, ends_at) = bounds(record, at);
        let sent_since = |from: Timestamp| {
            let lapsed = record.usage.open.iter().filter(|open| open.ends_at <= at);
            let lapsed = lapsed.filter(|open| open.ends_at >= from).count();
            record.usage.log.since(from).saturating_add(u32::try_from(lapsed).unwrap_or(u32::MAX))
        };
        let mut from = starts_at;
        let mut hours = Vec::new();
        while from < ends_at {
            let next = from.plus(Span::hours(1));
            hours.push(sent_since(from).saturating_sub(sent_since(next.min(ends_at))));
            from = next;
        }
        let newest = self.state.reservations.newest_first().take(looked_at_max);
        let mut accounts: BTreeMap<AccountId, AccountShare> = BTreeMap::new();
        let mut oldest = None;
        for (index, reservation) in newest.enumerate() {
            if index + 1 == looked_at_max {
                oldest = Some(reservation.reserved_at);
            }
            if reservation.campaign != campaign {
                continue;
            }
            match charge(reservation, at) {
                Charge::None => {}
                Charge::Reserved => accounts.entry(reservation.account).or_default().reserved += 1,
                Charge::Sent(sent_at) if sent_at < starts_at => {}
                Charge::Sent(_) => accounts.entry(reservation.account).or_default().sent += 1,
            }
        }
        let counted_from = oldest.map_or(starts_at, |oldest| oldest.max(starts_at));
        let sent = sent_since(starts_at).saturating_sub(sent_since(ends_at));
        Ok(CampaignDay { day, starts_at, ends_at, sent, hours, accounts, counted_from })
    }

    /// How the rest of a campaign's civil day would go from `now` on: emails to new leads, each
    /// sent the moment it may be, and no more of them than `emails`. Changes nothing.
    ///
    /// # Errors
    /// [`QuestionError`] if there is no such campaign, `now` is not accepted, or more than ten
    /// million emails are asked for.
    pub fn rest_of_day(
        &self,
        campaign: CampaignId,
        emails: u64,
        now: DateTime<Utc>,
    ) -> Result<RestOfDay, QuestionError> {
        let at = self.instant(now)?;
        let unknown = QuestionError::UnknownCampaign { campaign };
        let record = self.state.campaign(campaign).ok_or(unknown)?;
        let (starts_at, ends_at) = bounds(record, at);
        let length = ends_at.since(starts_at).as_ms().div_ceil(HOUR_MS);
        let mut hours = vec![0; usize::try_from(length).unwrap_or_default()];
        let (mut planned, mut last) = (0, at);
        let horizon = Span::milliseconds(ends_at.since(at).as_ms().saturating_sub(1));
        self.look_ahead(campaign, emails, horizon, now, |step| {
            if let Step::Sent { email, .. } = step {
                planned += 1;
                last = email.at;
                let hour = email.at.since(starts_at).as_ms() / HOUR_MS;
                let hour = usize::try_from(hour).ok().and_then(|hour| hours.get_mut(hour));
                if let Some(hour) = hour {
                    *hour += 1;
                }
            }
        })?;
        Ok(RestOfDay { hours, until: if planned == emails { last } else { ends_at } })
    }
}

const HOUR_MS: u64 = 3_600_000;

/// When the campaign's civil day around an instant begins and ends.
fn bounds(record: &CampaignRecord, at: Timestamp) -> (Timestamp, Timestamp) {
    let zone = record.settings.zone;
    (zone.day_start(zone.civil_day(at)), zone.day_end(at))
}

/// What a reservation counts as at an instant.
enum Charge {
    None,
    Reserved,
    Sent(Timestamp),
}

fn charge(reservation: &Reservation, at: Timestamp) -> Charge {
    match (reservation.fate, reservation.charged_at) {
        (Fate::Open, _) if reservation.ends_at <= at => Charge::Sent(reservation.ends_at),
        (Fate::Open, _) => Charge::Reserved,
        (_, Some(charged_at)) => Charge::Sent(charged_at),
        (_, None) => Charge::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Account, Campaign};
    use crate::rotation::{Config, Outcome, Pick, Request};
    use crate::vocab::{LeadId, OwnerId, Zone};

    const CAMPAIGN: CampaignId = CampaignId(1);

    fn t(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// Two accounts, and a campaign whose days are counted in Madrid.
    fn engine(now: DateTime<Utc>) -> Engine {
        let mut engine = Engine::new(Config::default());
        let zone: Zone = "Europe/Madrid".parse().unwrap();
        for id in [1, 2] {
            engine.add_campaign(Campaign::new(CampaignId(id), OwnerId(1)).zone(zone), now).unwrap();
        }
        let ids = [1, 2].map(AccountId);
        for id in ids {
            engine
                .add_account(Account::new(id, OwnerId(1), "a@b.example").daily_cap(1_000), now)
                .unwrap();
        }
        for id in [1, 2] {
            engine.attach(CampaignId(id), &ids, now).unwrap();
        }
        engine
    }

    fn reserve(engine: &mut Engine, campaign: u64, lead: u64, now: DateTime<Utc>) -> Reservation {
        let request = Request::new_lead(LeadId(lead));
        let Pick::Reserved(reservation) =
            engine.reserve(CampaignId(campaign), &request, now).unwrap()
        else {
            panic!("nobody may send to lead {lead}");
        };
        reservation
    }

    #[test]
    fn a_day_is_counted_by_hour_and_account_where_the_campaign_is() {
        let mut engine = engine(t("2026-11-23T22:00:00Z"));
        // The first is still of the day before in Madrid; the last is of the other campaign.
        let sends = ["22:30", "23:10", "23:50"].map(|at| t(&format!("2026-11-23T{at}:00Z")));
        for (lead, at) in (1..).zip(sends) {
            let reservation = reserve(&mut engine, 1, lead, at);
            engine.settle(reservation.id, Outcome::Sent, at).unwrap();
        }
        let other = reserve(&mut engine, 2, 1, sends[2]);
        engine.settle(other.id, Outcome::Sent, sends[2]).unwrap();
        // One gives its room back, one will lapse, one is out.
        let deferred = reserve(&mut engine, 1, 4, t("2026-11-24T01:00:00Z"));
        engine.settle(deferred.id, Outcome::Deferred, t("2026-11-24T01:00:01Z")).unwrap();
        reserve(&mut engine, 1, 5, t("2026-11-24T01:55:00Z"));
        reserve(&mut engine, 1, 6, t("2026-11-24T02:04:00Z"));
        let at = t("2026-11-24T02:05:00Z");
        let day = engine.campaign_day(CAMPAIGN, at).unwrap();
        assert_eq!((day.day.to_string().as_str(), day.sent), ("2026-11-24", 3));
        assert_eq!((day.hours.len(), &day.hours[..4]), (24, [2, 0, 0, 1].as_slice()));
        let shares = day.accounts.values();
        let total = shares.fold((0, 0), |sum, s| (sum.0 + s.sent, sum.1 + s.reserved));
        assert_eq!((total, day.counted_from), ((3, 1), day.starts_at));
        // Only the two newest are looked at: one that lapsed, and one that is out.
        let part = engine.day_so_far(CAMPAIGN, at, 2).unwrap();
        let total = part.accounts.values().fold((0, 0), |s, a| (s.0 + a.sent, s.1 + a.reserved));
        assert_eq!((total, part.counted_from.to_datetime()), ((1, 1), t("2026-11-24T01:55:00Z")));
        assert_eq!((part.sent, part.hours), (day.sent, day.hours));
    }

    #[test]
    fn the_rest_of_the_day_is_planned_by_hour_and_no_further() {
        let now = t("2026-11-24T20:30:00Z");
        let mut engine = engine(now);
        for id in [1, 2] {
            let account = Account::new(AccountId(id), OwnerId(1), "a@b.example").daily_cap(1_000);
            engine.change_account(account.spacing(Span::minutes(30)), now).unwrap();
        }
        let rest = engine.rest_of_day(CAMPAIGN, 100, now).unwrap();
        // From 21:30 in Madrid on, at every half hour before midnight, two.
        assert_eq!(
            (&rest.hours[..21], &rest.hours[21..]),
            ([0; 21].as_slice(), [2, 4, 4].as_slice())
        );
        assert_eq!(rest.until.to_datetime(), t("2026-11-24T23:00:00Z"));
        let part = engine.rest_of_day(CAMPAIGN, 3, now).unwrap();
        assert_eq!(
            (part.hours[21], part.hours[22], part.until.to_datetime()),
            (2, 1, t("2026-11-24T21:00:00Z"))
        );
    }
}
