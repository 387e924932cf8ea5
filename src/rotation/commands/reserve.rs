//! Asking for an account: reserved now, a wait with its end, or unavailable with reasons.
//!
//! Decides and writes nothing by itself; the events it decides on are taken in by the engine.

use chrono::{DateTime, Utc};

use crate::policy::Pace;
use crate::rotation::commands::candidates::{Candidacy, Route};
use crate::rotation::commands::pick::{KEY_MAX, Pick, ReserveError};
use crate::rotation::commands::turn::{Turn, turn};
use crate::rotation::engine::{ClockError, Engine};
use crate::rotation::rules::AccountRules;
use crate::rotation::state::charge::Hints;
use crate::rotation::state::event::Grant;
use crate::rotation::state::reservation::{Fate, Request};
use crate::vocab::{AccountId, CampaignId, Span, Timestamp};

impl Engine {
    /// Asks which account sends an email, and holds room for it.
    ///
    /// Promises: no reservation makes sent and reserved exceed any maximum in force, in any window,
    /// at any instant, over all campaigns of the account. Two sends of an account are never closer
    /// than its spacing. If an attached account may send under all limits, the answer is
    /// [`Pick::Reserved`]; otherwise [`Pick::Wait`] names the least instant at which it will be.
    ///
    /// # Errors
    /// [`ReserveError`] if the request cannot be answered; then nothing has changed.
    pub fn reserve(
        &mut self,
        campaign: CampaignId,
        request: &Request,
        now: DateTime<Utc>,
    ) -> Result<Pick, ReserveError> {
        let now = self.enter(now)?;
        self.reserve_at(campaign, request, now)
    }

    /// Asks for several emails at once, in order. Each gets its own answer; one that cannot be
    /// answered does not keep the others from being so.
    ///
    /// # Errors
    /// [`ClockError`] if `now` is not accepted; then nothing was asked.
    pub fn reserve_batch(
        &mut self,
        campaign: CampaignId,
        requests: &[Request],
        now: DateTime<Utc>,
    ) -> Result<Vec<Result<Pick, ReserveError>>, ClockError> {
        let now = self.enter(now)?;
        Ok(requests.iter().map(|request| self.reserve_at(campaign, request, now)).collect())
    }

    pub(crate) fn reserve_at(
        &mut self,
        campaign: CampaignId,
        request: &Request,
        now: Timestamp,
    ) -> Result<Pick, ReserveError> {
        if let Some(answer) = self.answered_before(campaign, request)? {
            return Ok(answer);
        }
        let candidacy = Candidacy::new(&self.state, campaign, request, now)?;
        let granted = match self.grant_to(&candidacy, now) {
            Some((grant, hints)) => self.grant(now, grant, hints),
            None => None,
        };
        Ok(match granted {
            Some(reservation) => Pick::Reserved(reservation.clone()),
            None => candidacy.later(&self.state, &mut self.index, now),
        })
    }

    /// What is granted to a request now, if anything is.
    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    pub(crate) fn grant_to<'r>(
        &mut self,
        candidacy: &Candidacy<'r>,
        now: Timestamp,
    ) -> Option<(Grant<'r>, Hints)> {
        let Candidacy { campaign, slot, request, route, excluded, lead_is_new } = *candidacy;
        self.index.arrive(&self.state, slot);
        if route == Route::Rotation && self.index.rota(slot).is_settled(now) {
            // Whose turn it is says whether there is anybody.
            if !candidacy.campaign_is_open(&self.state, &mut self.index, now) {
                return None;
            }
        } else {
            if !candidacy.may_start(&self.state, &mut self.index, now) {
                return None;
            }
            let rotates = route == Route::Rotation;
            self.gather(campaign, slot, now, rotates.then_some(excluded));
        }
        let turn = match route {
            Route::Named { account, .. } => {
                Some(Turn { account, jumped_to: None, hints: Hints::default() })
            }
            Route::Rotation => turn(&self.state, &mut self.index, slot, excluded),
            Route::Moved { .. } => candidacy.heir(&self.state, now),
        };
        let turn = turn?;
        let grant = self.decide(campaign, request, turn, candidacy.moved_from(), now)?;
        Some((grant, Hints { lead_is_new, ..turn.hints }))
    }

    /// The answer that the request's key already got.
    fn answered_before(
        &self,
        campaign: CampaignId,
        request: &Request,
    ) -> Result<Option<Pick>, ReserveError> {
        let Some(key) = &request.key else { return Ok(None) };
        if key.is_empty() || key.len() > KEY_MAX {
            return Err(ReserveError::KeyLength { bytes: key.len() });
        }
        let record =
            self.state.campaign(campaign).ok_or(ReserveError::UnknownCampaign { campaign })?;
        let owner = record.settings.owner;
        let Some(keyed) = self.state.keys.get(&(owner, key.clone())) else { return Ok(None) };
        if keyed.campaign != campaign || keyed.request != *request {
            return Err(ReserveError::KeyReused { key: key.clone() });
        }
        let Some(reservation) = self.state.reservations.get(keyed.reservation).cloned() else {
            return Ok(None);
        };
        Ok(Some(match reservation.fate {
            Fate::Open => Pick::Reserved(reservation),
            Fate::Cancelled | Fate::Lapsed | Fate::Settled(_) => Pick::Ended(reservation),
        }))
    }

    /// Everything about a grant that must not depend on later rules or tables.
    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    fn decide<'r>(
        &self,
        campaign: CampaignId,
        request: &'r Request,
        turn: Turn,
        moved_from: Option<AccountId>,
        now: Timestamp,
    ) -> Option<Grant<'r>> {
        let slot = self.state.accounts.find(&turn.account, turn.hints.account)?;
        let account = self.state.accounts.at(slot)?;
        let rules = AccountRules::of(&self.state, account);
        let zone = account.settings.zone;
        let ends_at = now.plus(self.state.config.reservation_ttl);
        let today = &account.usage.today;
        let day = today.look(zone, now);
        let allowance = rules.allowance(now, day);
        // The weight of a day holds from the account's first send of that day.
        let same_day = account.weight_day == day;
        let weight = if same_day { account.weight } else { account.weight_for(allowance) };
        Some(Grant {
            reservation: self.state.reservations.next_id(),
            campaign,
            account: turn.account,
            request,
            ends_at,
            number: account.usage.number,
            weight,
            days: (day, today.look(zone, ends_at)),
            pace_until: match account.settings.pace {
                Pace::Even => self.pace_until(rules, allowance, now),
                Pace::Asap => None,
            },
            jumped_to: turn.jumped_to,
            moved_from,
        })
    }

    /// Where an even pace puts the next send: what is left of the window today, shared among what
    /// is left of the allowance, and a jitter.
    fn pace_until(
        &self,
        rules: AccountRules<'_>,
        allowance: u32,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let (settings, usage) = (&rules.account.settings, &rules.account.usage);
        let zone = settings.zone;
        let today = usage.today.around(zone, now);
        let day = today.look(zone, now);
        let used = usage.on_day(today.start(zone, day));
        let left = u64::from(allowance.saturating_sub(used).max(1));
        let day_end = today.start(zone, day.plus_days(1));
        let open = settings.schedule.open_between(zone, now, day_end);
        let step = Span::milliseconds(open.as_ms() / left);
        let next = settings.schedule.advance(zone, now, step)?;
        let jitter = crate::rotation::state::usage::jitter(
            settings.id,
            settings.jitter,
            self.state.config.seed,
            usage.number,
        );
        Some(next.plus(jitter))
    }
}
