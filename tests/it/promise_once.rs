//! Promise 7, once: keys and settlements in random histories, against a list of what was answered.
//!
//! The list has every key's first answer and every reservation's end. It shares no code with the
//! engine.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use mailrota::{
    Account, AccountId, Campaign, CampaignId, LeadId, Limit, Outcome, OwnerId, Pick, Request,
    ReservationId, ReserveError, SettleError, Settlement, Span,
};
use proptest::{prop_assert, prop_assert_eq};

use crate::histories::{Done, Played, history};
use crate::strategies::{Verdict, holds};
use crate::world::{CAMPAIGN, account, engine, monday};

/// How long a key lives at least.
const KEY_LIFE: TimeDelta = TimeDelta::hours(24);

/// What was first answered under a key.
#[derive(Clone, Debug)]
struct First {
    campaign: CampaignId,
    request: Request,
    reservation: ReservationId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Cancelled,
    Lapsed,
    Settled(Outcome),
}

#[derive(Clone, Debug)]
struct Answered {
    ends_at: DateTime<Utc>,
    /// How it ended and when, unless it is out.
    ended: Option<(Ending, DateTime<Utc>)>,
    /// Whether that was so long ago once that it may be forgotten.
    is_old: bool,
}

#[derive(Default)]
struct Answers {
    keys: BTreeMap<String, First>,
    reservations: BTreeMap<ReservationId, Answered>,
    /// The longest window that any account had.
    longest: TimeDelta,
}

impl Answers {
    fn note(&mut self, played: &Played, done: &Done) -> Verdict {
        for answered in self.reservations.values_mut() {
            if answered.ended.is_none() && answered.ends_at <= played.now {
                answered.ended = Some((Ending::Lapsed, answered.ends_at));
            }
            let memory = KEY_LIFE.max(self.longest);
            answered.is_old |= answered.ended.is_some_and(|(_, at)| at + memory < played.now);
        }
        for limit in played.engine.accounts().flat_map(|account| &account.limits) {
            let length = TimeDelta::milliseconds(limit.length().as_ms().try_into().unwrap());
            self.longest = self.longest.max(length);
        }
        match done {
            Done::Asked(campaign, request, answer) => {
                self.asked(played, *campaign, request, answer)
            }
            Done::Ended(id, outcome, answer) => {
                let ending = outcome.map_or(Ending::Cancelled, Ending::Settled);
                self.ended(played, *id, ending, answer)
            }
            Done::Bound(..)
            | Done::CampaignDeleted(_)
            | Done::Imported(..)
            | Done::Other
            | Done::Refused(_) => Ok(()),
        }
    }

    fn asked(
        &mut self,
        played: &Played,
        campaign: CampaignId,
        request: &Request,
        answer: &Result<Pick, ReserveError>,
    ) -> Verdict {
        let first = request.key.as_ref().and_then(|key| self.keys.get(key)).cloned();
        let first = first.filter(|first| {
            !self.reservations[&first.reservation].is_old || reminds(first, answer)
        });
        let Some(first) = first else {
            return self.first(played, campaign, request, answer);
        };
        let same = first.campaign == campaign && first.request == *request;
        match answer {
            Err(ReserveError::Clock(_) | ReserveError::UnknownCampaign { .. }) => {}
            Err(ReserveError::KeyReused { key }) => {
                prop_assert!(!same, "{request:?} is refused");
                prop_assert_eq!(Some(key), request.key.as_ref());
            }
            Ok(Pick::Reserved(again)) => {
                prop_assert!(same, "{request:?} is granted under the key of {first:?}");
                prop_assert_eq!(again.id, first.reservation);
                let ended = self.reservations[&again.id].ended;
                prop_assert!(ended.is_none(), "{again:?} is granted again after {ended:?}");
            }
            Ok(Pick::Ended(again)) => {
                prop_assert!(same, "{request:?} gets the end of {first:?}");
                prop_assert_eq!(again.id, first.reservation);
                prop_assert!(self.reservations[&again.id].ended.is_some(), "{again:?} is out");
            }
            Ok(Pick::Unavailable(_) | Pick::Wait(_)) | Err(_) => {
                prop_assert!(false, "{request:?} was answered before, now: {answer:?}");
            }
        }
        Ok(())
    }

    /// Enters an answer to a request without a key, or whose key is new.
    fn first(
        &mut self,
        played: &Played,
        campaign: CampaignId,
        request: &Request,
        answer: &Result<Pick, ReserveError>,
    ) -> Verdict {
        match answer {
            Ok(Pick::Reserved(granted)) => {
                let answered =
                    Answered { ends_at: played.now + played.ttl, ended: None, is_old: false };
                let before = self.reservations.insert(granted.id, answered);
                prop_assert!(before.is_none(), "{granted:?} is given out a second time");
                if let Some(key) = &request.key {
                    let reservation = granted.id;
                    let first = First { campaign, request: request.clone(), reservation };
                    self.keys.insert(key.clone(), first);
                }
            }
            Ok(Pick::Ended(_)) | Err(ReserveError::KeyReused { .. }) => {
                prop_assert!(false, "{request:?} was never answered, but: {answer:?}");
            }
            Ok(Pick::Unavailable(_) | Pick::Wait(_)) | Err(_) => {}
        }
        Ok(())
    }

    fn ended(
        &mut self,
        played: &Played,
        id: ReservationId,
        ending: Ending,
        answer: &Result<Settlement, SettleError>,
    ) -> Verdict {
        let answered = self.reservations.get_mut(&id).unwrap();
        match (answered.ended, answer) {
            (_, Err(SettleError::Clock(_))) => {}
            (_, Err(SettleError::UnknownReservation { .. })) => {
                prop_assert!(answered.is_old, "{id:?} is forgotten: {answered:?}");
            }
            (None | Some((Ending::Lapsed, _)), Ok(settlement)) => {
                prop_assert!(!settlement.repeated, "{id:?} was not ended before: {answered:?}");
                let late = answered.ends_at <= played.now;
                prop_assert_eq!(settlement.late_since.is_some(), late, "{:?}", answered);
                answered.ended = Some((ending, played.now));
            }
            (Some((before, _)), Ok(settlement)) => {
                prop_assert!(settlement.repeated, "{id:?} ends twice: {answered:?}");
                prop_assert_eq!(before, ending);
            }
            (Some((Ending::Settled(before), _)), Err(SettleError::Settled { outcome, .. })) => {
                prop_assert!(before == *outcome && ending != Ending::Settled(before));
            }
            (Some((Ending::Cancelled, _)), Err(SettleError::Cancelled { .. })) => {
                prop_assert!(ending != Ending::Cancelled, "{id:?} was cancelled so");
            }
            (before, Err(error)) => {
                prop_assert!(false, "{id:?} ended as {before:?}, now {ending:?} gets: {error}");
            }
        }
        Ok(())
    }
}

/// Whether an answer is one that only a key that is remembered gets.
fn reminds(first: &First, answer: &Result<Pick, ReserveError>) -> bool {
    match answer {
        Ok(Pick::Reserved(granted) | Pick::Ended(granted)) => granted.id == first.reservation,
        Err(ReserveError::KeyReused { .. }) => true,
        Ok(Pick::Unavailable(_) | Pick::Wait(_)) | Err(_) => false,
    }
}

/// > Within an owner, an idempotency key that got a reservation gets the same one; other parameters
/// > under it are a typed error; a key whose reservation has ended returns its end, never a new
/// > permission to send; keys live at least 24 hours and as long as the longest window. Settling
/// > twice is the same as once; a second, different settlement is a typed error.
#[test]
fn keys_and_settlements_count_once() {
    holds(400, history(120), |history| {
        let mut answers = Answers::default();
        history.play(|played, done| answers.note(played, done)).map(drop)
    });
}

/// > Within an owner, an idempotency key that got a reservation gets the same one
///
/// Another owner's key of the same name is another key.
#[test]
fn a_key_is_its_owners() {
    let mut engine = engine([account(1)]);
    let (now, theirs) = (monday(), CampaignId(2));
    let other = Account::new(AccountId(2), OwnerId(2), "b@other.example");
    engine.add_account(other, now).unwrap();
    engine.add_campaign(Campaign::new(theirs, OwnerId(2)), now).unwrap();
    engine.attach(theirs, &[AccountId(2)], now).unwrap();
    let request = Request::new_lead(LeadId(1)).key("welcome");
    let ours = engine.reserve(CAMPAIGN, &request, now).unwrap();
    let theirs = engine.reserve(theirs, &request, now).unwrap();
    let accounts = [&ours, &theirs].map(|pick| pick.reserved().map(|granted| granted.account));
    assert_eq!(accounts, [Some(AccountId(1)), Some(AccountId(2))]);
}

/// > it is remembered for at least 26 hours and as long as the longest window
#[test]
fn a_key_lives_as_long_as_the_longest_window() {
    let month = Limit::rolling(1_000, Span::days(31)).unwrap();
    for (accounts, hours) in [(account(1), 26), (account(1).limit(month), 31 * 24)] {
        let mut engine = engine([accounts]);
        let request = Request::new_lead(LeadId(1)).key("welcome");
        let first = engine.reserve(CAMPAIGN, &request, monday()).unwrap();
        let id = first.reserved().unwrap().id;
        engine.settle(id, Outcome::Sent, monday()).unwrap();
        let now = monday() + TimeDelta::hours(hours);
        // Other traffic, with which old keys are forgotten.
        for hour in 0..=hours {
            let now = monday() + TimeDelta::hours(hour);
            crate::world::send(&mut engine, CAMPAIGN, 1_000 + u64::try_from(hour).unwrap(), now);
        }
        let again = engine.reserve(CAMPAIGN, &request, now).unwrap();
        assert!(matches!(again, Pick::Ended(ended) if ended.id == id), "after {hours} hours");
    }
}

/// > After that, up to sixteen are let go with each reservation that ends, the oldest first.
#[test]
fn what_is_due_is_forgotten_sixteen_at_a_time() {
    let mut engine = engine([account(1)]);
    let request = |lead: u64| Request::new_lead(LeadId(lead)).key(format!("email {lead}"));
    let ids: Vec<_> = (0..40)
        .map(|lead| {
            let pick = engine.reserve(CAMPAIGN, &request(lead), monday()).unwrap();
            pick.reserved().unwrap().id
        })
        .collect();
    for id in &ids {
        engine.settle(*id, Outcome::Sent, monday()).unwrap();
    }
    let due = monday() + TimeDelta::hours(26);
    let mut check = |now, forgotten: usize| {
        let other = Request::new_lead(LeadId(1_000));
        let other = engine.reserve(CAMPAIGN, &other, now).unwrap().reserved().unwrap().id;
        engine.cancel(other, now).unwrap();
        for (n, id) in ids.iter().enumerate() {
            let is_known = n >= forgotten;
            assert_eq!(engine.reservation(*id).is_some(), is_known, "{n} of {forgotten} at {now}");
            let again = engine.clone().reserve(CAMPAIGN, &request(n as u64), now).unwrap();
            let is_ended = matches!(&again, Pick::Ended(ended) if ended.id == *id);
            let is_new = again.reserved().is_some_and(|new| new.id > other);
            assert_eq!((is_ended, is_new), (is_known, !is_known), "{n} of {forgotten} at {now}");
        }
        assert!(engine.reservation(other).is_some());
    };
    check(due, 0);
    let past = due + TimeDelta::milliseconds(1);
    for forgotten in [16, 32, 40, 40] {
        check(past, forgotten);
    }
}
