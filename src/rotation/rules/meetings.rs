//! Whether windows of accounts are ever open together with their campaign's.
//!
//! That is looked for through hundreds of days where it is never so, and accounts mostly have the
//! window of many others: it is looked for once for each. Knows windows, and no other rule.

use crate::policy::{Account, Campaign, Schedule};
use crate::vocab::{Timestamp, Zone};

/// So many different windows are told apart. Of more it is looked for each time.
const KEPT_MAX: usize = 16;

/// The windows that were looked at, and whether each meets the campaign's between two instants.
#[derive(Debug)]
pub(crate) struct Meetings<'a> {
    campaign: &'a Campaign,
    between: (Timestamp, Timestamp),
    known: Vec<(Zone, &'a Schedule, bool)>,
}

impl<'a> Meetings<'a> {
    /// With a campaign's window, from an instant to another.
    pub(crate) const fn new(campaign: &'a Campaign, from: Timestamp, last: Timestamp) -> Self {
        Self { campaign, between: (from, last), known: Vec::new() }
    }

    /// Whether an account's window is ever open together with the campaign's.
    pub(crate) fn has(&mut self, account: &'a Account) -> bool {
        let (zone, schedule) = (account.zone, &account.schedule);
        let known = self.known.iter().find(|known| known.0 == zone && known.1 == schedule);
        if let Some((.., meets)) = known {
            return *meets;
        }
        let meets = self.look(zone, schedule);
        if self.known.len() < KEPT_MAX {
            self.known.push((zone, schedule, meets));
        }
        meets
    }

    fn look(&self, zone: Zone, own: &Schedule) -> bool {
        let theirs = self.campaign;
        let (mut at, last) = self.between;
        loop {
            let a = own.at(zone, at);
            let b = theirs.schedule.at(theirs.zone, at);
            let next = match (a, b) {
                ((true, _), (true, _)) => return true,
                ((false, None), _) | (_, (false, None)) => return false,
                ((false, Some(next)), (true, _)) | ((true, _), (false, Some(next))) => next,
                ((false, Some(one)), (false, Some(other))) => one.max(other),
            };
            if next > last {
                return false;
            }
            at = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocab::{AccountId, CampaignId, OwnerId, Span};

    /// As found by looking at every half an hour of nine days.
    #[test]
    fn windows_meet_if_both_are_open_at_one_instant() {
        let zones = ["UTC", "Asia/Tokyo", "America/New_York"].map(|zone| zone.parse().unwrap());
        let office = |start, end| Schedule::working_days(start, end).unwrap();
        let schedules = [
            Schedule::always(),
            Schedule::closed(),
            office("09:00", "17:00"),
            office("17:00", "21:00"),
            office("22:00", "03:00").holiday("1970-01-07".parse().unwrap()),
        ];
        let from = Timestamp::EPOCH.plus(Span::minutes(20));
        let last = from.plus(Span::days(9));
        let (mut counts, mut lookups) = ([0, 0], 0);
        for (zone, schedule) in
            zones.iter().flat_map(|zone| schedules.iter().map(move |of| (zone, of)))
        {
            let campaign = Campaign::new(CampaignId(1), OwnerId(1)).zone(*zone);
            let campaign = campaign.schedule(schedule.clone());
            let accounts = zones.iter().flat_map(|zone| {
                schedules.iter().map(move |own| {
                    let account = Account::new(AccountId(1), OwnerId(1), "a@b.example");
                    account.zone(*zone).schedule(own.clone())
                })
            });
            let accounts: Vec<_> = accounts.collect();
            let mut meetings = Meetings::new(&campaign, from, last);
            for account in accounts.iter().chain(&accounts) {
                let halves = (0..9 * 48).map(|n| from.plus(Span::minutes(30 * n)));
                let met = halves
                    .into_iter()
                    .any(|at| account.schedule.at(account.zone, at).0 && schedule.at(*zone, at).0);
                assert_eq!(meetings.has(account), met, "{zone} {schedule:?} {account:?}");
                counts[usize::from(met)] += 1;
                lookups += 1;
            }
            assert_eq!(meetings.known.len(), accounts.len(), "each is looked for once");
        }
        assert!(counts.iter().all(|count| *count > lookups / 9), "{counts:?}");
    }
}
