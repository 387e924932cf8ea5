//! What happens to single emails: asking, settling, and looking ahead.

use mailrota::{
    AccountId, BeginError, CampaignId, EmailKind, Fate, LeadId, Outcome, Pick, Request,
    Reservation, ReservationId, ReserveError, SettleError, Span, Timestamp,
};

use crate::World;
use crate::ledger::Email;

/// How long an ended reservation is remembered at least.
const REMEMBERED: Span = Span::hours(26);

impl World {
    pub(crate) fn batch(&mut self, clock: Timestamp, campaign: CampaignId, requests: &[Request]) {
        let now = clock.to_datetime();
        let mut single = self.engine.clone();
        let answers = self.both(|engine| engine.reserve_batch(campaign, requests, now));
        for (request, answer) in requests.iter().zip(answers.expect("a good clock")) {
            let alone = single.reserve(campaign, request, now);
            assert_eq!(answer, alone, "one by one, another answer");
            if let Ok(Pick::Reserved(granted)) = answer {
                self.granted(campaign, request, &granted);
            }
        }
    }

    pub(crate) fn reserve(&mut self, clock: Timestamp, campaign: CampaignId, request: &Request) {
        let mut before = self.engine.clone();
        let explained = before.explain_request(campaign, request, clock.to_datetime());
        let answer = self.both(|engine| engine.reserve(campaign, request, clock.to_datetime()));
        let ready = explained.as_ref().is_ok_and(|explained| {
            explained.campaign.is_empty() && explained.candidates.iter().any(|one| one.is_ready())
        });
        match answer {
            Err(error) => {
                before.tick(clock.to_datetime()).expect("a good clock");
                assert!(before.snapshot() == self.engine.snapshot(), "refused, and done: {error}");
                self.check_refusal(campaign, request, &error);
            }
            Ok(Pick::Ended(ended)) => {
                let key = request.key.clone().expect("only a key brings an end back");
                let owner = self.engine.campaign(campaign).expect("there").owner;
                assert_eq!(self.ledger.keys[&(owner, key)].2, ended.id);
                assert_eq!(self.ledger.emails[&ended.id].fate, ended.fate);
                assert_ne!(ended.fate, Fate::Open);
            }
            Ok(Pick::Reserved(granted)) => {
                let new = !self.ledger.emails.contains_key(&granted.id);
                assert!(!new || ready, "granted, but explained otherwise: {explained:?}");
                let account = explained.expect("answered").candidates;
                let account = account.iter().find(|one| one.account == granted.account);
                assert!(!new || account.is_some_and(|one| one.is_ready()), "{account:?}");
                if new {
                    self.check_lead(&before, request, &granted);
                }
                self.granted(campaign, request, &granted);
            }
            Ok(Pick::Unavailable(_)) => {
                assert!(!ready, "refused, but ready: {explained:?}");
                // The last instant at which it could be, and some other.
                let some = self.horizon.as_ms() / 48 * (1 + self.ledger.emails.len() as u64 % 48);
                for later in [self.horizon, Span::milliseconds(some)] {
                    self.check_alone(campaign, request, self.now.plus(later), None);
                }
            }
            Ok(Pick::Wait(wait)) => {
                assert!(!ready, "waits, but ready: {explained:?}");
                assert!(wait.until_at > self.now, "no wait at all");
                let length = wait.until_at.since(self.now).as_ms();
                for early in [1, length.div_ceil(2)] {
                    let at = wait.until_at.minus(Span::milliseconds(early));
                    self.check_alone(campaign, request, at, Some(wait.until_at));
                }
                let mut alone = self.engine.clone();
                let then = alone.reserve(campaign, request, wait.until());
                let granted = then.as_ref().is_ok_and(|pick| pick.reserved().is_some());
                assert!(granted, "at {}: {then:?}", wait.until_at);
                self.last_wait = Some(wait.until_at);
            }
        }
    }

    /// Left alone until `at`, the answer is a wait until `until`, or nothing that may be sent.
    fn check_alone(
        &self,
        campaign: CampaignId,
        request: &Request,
        at: Timestamp,
        until: Option<Timestamp>,
    ) {
        let mut alone = self.engine.clone();
        let answer = alone.reserve(campaign, request, at.to_datetime()).expect("as before");
        match until {
            Some(until) => assert_eq!(answer.until(), Some(until.to_datetime()), "at {at}"),
            None => assert_eq!(answer.reserved(), None, "at {at}"),
        }
    }

    /// Whether a reservation under a key may have been forgotten.
    fn forgotten(&self, id: ReservationId) -> bool {
        let email = &self.ledger.emails[&id];
        email.fate != Fate::Open && email.decided_at.plus(REMEMBERED) < self.now
    }

    fn check_refusal(&self, campaign: CampaignId, request: &Request, error: &ReserveError) {
        let there = self.engine.campaign(campaign);
        let lead = self.engine.lead_account(campaign, request.lead);
        let attached = |id: AccountId| self.engine.attached(campaign).any(|other| other == id);
        let sound = match error {
            ReserveError::AccountNotAttached { account, .. } => {
                request.account == Some(*account) && !attached(*account)
            }
            ReserveError::KeyReused { key } => there.is_some_and(|there| {
                let known = self.ledger.keys.get(&(there.owner, key.clone()));
                known.is_some_and(|(of, asked, _)| *of != campaign || asked != request)
            }),
            ReserveError::LeadElsewhere { bound, demanded, .. } => {
                lead == Some(*bound) && request.account == Some(*demanded) && bound != demanded
            }
            ReserveError::LeadUnbound { .. } => {
                lead.is_none() && request.kind == EmailKind::FollowUp && request.account.is_none()
            }
            ReserveError::UnknownCampaign { .. } => there.is_none(),
            _ => false,
        };
        assert!(sound, "{error:?}");
    }

    /// A lead stays with its account unless that is gone.
    fn check_lead(&self, before: &mailrota::Engine, request: &Request, granted: &Reservation) {
        let campaign = granted.campaign;
        let bound = before.lead_account(campaign, request.lead);
        let Some(bound) = bound.filter(|bound| *bound != granted.account) else { return };
        let account = before.account(bound);
        let attached = before.attached(campaign).any(|id| id == bound);
        let down = |a: &mailrota::Account| a.suspended || !a.connection.is_verified();
        assert!(!attached || account.is_none_or(down), "{bound:?} is not gone");
        assert!(request.account.is_some() || granted.moved_from == Some(bound), "unsaid");
    }

    fn granted(&mut self, campaign: CampaignId, request: &Request, granted: &Reservation) {
        let owner = self.engine.campaign(campaign).expect("it granted").owner;
        let name = request.key.clone().map(|key| (owner, key));
        let known = name.as_ref().and_then(|name| self.ledger.keys.get(name)).cloned();
        if let Some(email) = self.ledger.emails.get(&granted.id) {
            let mut then = email.granted.clone();
            then.begun_at = email.begun_at;
            assert_eq!((email.fate, &then), (Fate::Open, granted));
            let same = known.is_some_and(|(of, asked, id)| {
                of == campaign && asked == *request && id == granted.id
            });
            assert!(same, "a reservation came back without its key");
            return;
        }
        assert!(known.is_none_or(|known| self.forgotten(known.2)), "a second one under {name:?}");
        assert_eq!((granted.reserved_at, granted.lead), (self.now, request.lead));
        if let Some(name) = name {
            self.ledger.keys.insert(name, (campaign, request.clone(), granted.id));
        }
        self.ledger.emails.insert(granted.id, Email::new(granted));
        self.ledger.check_grant(&self.engine, granted, request);
    }

    /// Marks one of those that were granted lately.
    pub(crate) fn begin(&mut self, clock: Timestamp, nth: u8) {
        let known = self.ledger.emails.keys().rev().nth(usize::from(nth) % 12).copied();
        let id = known.unwrap_or(ReservationId(1_000_000));
        let answer = self.both(|engine| engine.begin(id, clock.to_datetime()));
        let Some(email) = known.and_then(|id| self.ledger.emails.get_mut(&id)) else {
            assert!(matches!(answer, Err(BeginError::UnknownReservation { .. })));
            return;
        };
        match (email.fate, answer) {
            (Fate::Open, Ok(begun)) => {
                let first = *email.begun_at.get_or_insert(self.now);
                assert_eq!(begun.begun_at, first);
            }
            (Fate::Lapsed, Err(BeginError::Lapsed { ends_at, .. })) => {
                assert_eq!(ends_at, email.granted.ends_at);
            }
            (Fate::Cancelled | Fate::Settled(_), Err(BeginError::Ended { .. })) => {}
            (fate, Err(BeginError::UnknownReservation { .. })) if fate != Fate::Open => {
                assert!(self.forgotten(id), "forgotten too early");
            }
            (fate, answer) => panic!("{fate:?}, then {answer:?}"),
        }
    }

    /// Gives back what is out without a mark.
    pub(crate) fn give_back(&mut self, clock: Timestamp) {
        let unbegun = |email: &Email| email.fate == Fate::Open && email.begun_at.is_none();
        let emails = self.ledger.emails.iter().filter(|(_, email)| unbegun(email));
        let unbegun: Vec<_> = emails.map(|(id, _)| *id).collect();
        let answer = self.both(|engine| engine.give_back_unbegun(clock.to_datetime()));
        assert_eq!(answer.expect("a good clock"), unbegun);
        for id in unbegun {
            self.ledger.end(id, Fate::Cancelled, self.now);
        }
    }

    /// Ends a reservation, one of those that were granted lately or one that never was.
    pub(crate) fn end(&mut self, clock: Timestamp, nth: u8, fate: Fate) {
        let now = clock.to_datetime();
        let nth = usize::from(nth) % 12;
        let known = self.ledger.emails.keys().rev().nth(nth).copied();
        let id = known.unwrap_or(ReservationId(1_000_000));
        let answer = self.both(|engine| match fate {
            Fate::Settled(outcome) => engine.settle(id, outcome, now),
            Fate::Cancelled | Fate::Lapsed | Fate::Open => engine.cancel(id, now),
        });
        let Some(email) = known.and_then(|id| self.ledger.emails.get(&id)) else {
            assert!(matches!(answer, Err(SettleError::UnknownReservation { .. })));
            return;
        };
        if matches!(answer, Err(SettleError::UnknownReservation { .. })) {
            assert!(self.forgotten(id), "forgotten too early");
            return;
        }
        let (was, ends_at) = (email.fate, email.granted.ends_at);
        match (was, answer) {
            (Fate::Open | Fate::Lapsed, Ok(taken)) => {
                let late = (ends_at <= self.now).then_some(ends_at);
                assert_eq!((taken.repeated, taken.late_since), (false, late));
                self.ledger.end(id, fate, self.now);
            }
            (_, Ok(taken)) => assert!(taken.repeated && was == fate, "{was:?}, then {fate:?}"),
            (Fate::Cancelled, Err(SettleError::Cancelled { .. })) => assert_ne!(was, fate),
            (Fate::Settled(first), Err(SettleError::Settled { outcome, .. })) => {
                assert!(first == outcome && was != fate);
            }
            (was, Err(error)) => panic!("{was:?}, then {fate:?}: {error}"),
        }
    }

    /// Questions change nothing, and tell what the book says and what then happens.
    pub(crate) fn look(&self, clock: Timestamp, account: AccountId, campaign: CampaignId) {
        let (engine, now) = (&self.engine, clock.to_datetime());
        let before = engine.snapshot();
        if let Ok(standing) = engine.standing(account, now) {
            let zone = engine.account(account).expect("it stands").zone;
            let used = self.ledger.on_day(account, zone, zone.civil_day(self.now));
            assert_eq!(standing.sent + standing.reserved, used, "{standing:?}");
        }
        if let Ok(planned) = engine.preview(campaign, 3, now) {
            let mut copy = engine.clone();
            for (one, lead) in planned.iter().zip(1_000..) {
                let at = one.at.to_datetime();
                let pick = copy.reserve(campaign, &Request::new_lead(LeadId(lead)), at);
                let pick = pick.expect("foreseen");
                let granted = pick.reserved().expect("foreseen");
                assert_eq!(granted.account, one.account, "the preview named another");
                copy.settle(granted.id, Outcome::Sent, at).expect("foreseen");
            }
            let forecast = engine.forecast(campaign, 3, Span::days(2), now).expect("as before");
            assert!(forecast.emails <= planned.len() as u64);
        }
        drop((engine.explain(campaign, now), engine.next_wakeup()));
        assert!(engine.snapshot() == before, "a look changed something");
    }
}
