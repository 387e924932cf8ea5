//! Asking for an account: reserved now, a wait with its end, or unavailable with reasons.
//!
//! Decides and writes nothing by itself; the events it decides on are taken in by the engine.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::policy::{Block, Pace};
use crate::rotation::candidates::{Candidacy, Route};
use crate::rotation::charge::Hints;
use crate::rotation::engine::{ClockError, Engine};
use crate::rotation::event::Grant;
use crate::rotation::explain::Candidate;
use crate::rotation::pick;
use crate::rotation::reservation::{Fate, Request, Reservation};
use crate::rotation::rules::{AccountRules, Purpose};
use crate::vocab::{AccountId, CampaignId, LeadId, Span, Timestamp};

/// The most bytes of an idempotency key.
const KEY_MAX: usize = 255;

/// The answer to a request: now, later, or not until somebody acts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a reservation that is not settled counts as sent"]
#[expect(clippy::exhaustive_enums, reason = "a caller's run loop has an arm for each")]
pub enum Pick {
    /// The request's key had a reservation, and it has ended. No new permission to send. If its
    /// [fate](crate::Fate::counts) counts, the email went, or may have; otherwise it did not, and
    /// is asked for again under another key.
    Ended(Reservation),
    /// Send now, from the account that it names, and settle it.
    Reserved(Reservation),
    /// Nobody may send it within the horizon unless somebody acts.
    Unavailable(Unavailable),
    /// Nobody may send it now.
    Wait(Wait),
}

impl Pick {
    /// The reservation, if one was granted or is still out.
    pub const fn reserved(&self) -> Option<&Reservation> {
        match self {
            Self::Reserved(reservation) => Some(reservation),
            Self::Ended(_) | Self::Unavailable(_) | Self::Wait(_) => None,
        }
    }

    /// When to ask again, if it is to wait.
    pub fn until(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Wait(wait) => Some(wait.until()),
            Self::Ended(_) | Self::Reserved(_) | Self::Unavailable(_) => None,
        }
    }
}

/// Nobody may send it now. Left alone, the answer stays so at every instant before
/// [`until`](Self::until), and is a reservation at it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wait {
    /// The least instant that passes all rules together.
    pub until_at: Timestamp,
    /// The account that may send then, the first of them.
    pub account: AccountId,
    /// What holds it now: of the campaign, the lead and the account, that which lasts longest. All
    /// that holds everybody is told by [`Engine::explain`].
    pub block: Option<Block>,
}

impl Wait {
    /// The least instant at which the answer will be a reservation.
    pub fn until(&self) -> DateTime<Utc> {
        self.until_at.to_datetime()
    }
}

/// Nobody may send it within the horizon unless somebody acts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unavailable {
    /// What holds the campaign as a whole.
    pub campaign: Vec<Block>,
    /// Every attached account and what holds it.
    pub candidates: Vec<Candidate>,
}

impl Unavailable {
    /// Every reason with its account; those of the campaign come first and have none.
    pub fn reasons(&self) -> impl Iterator<Item = (Option<AccountId>, Block)> + '_ {
        let campaign = self.campaign.iter().map(|block| (None, *block));
        let accounts = self.candidates.iter().flat_map(|candidate| {
            candidate.blocks.iter().map(|block| (Some(candidate.account), *block))
        });
        campaign.chain(accounts)
    }
}

/// A request that cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReserveError {
    /// The demanded account is not attached to the campaign; it may not exist.
    AccountNotAttached {
        /// Which campaign.
        campaign: CampaignId,
        /// Which account.
        account: AccountId,
    },
    /// The instant is not accepted.
    Clock(ClockError),
    /// The key is empty or too long.
    KeyLength {
        /// Its length in bytes.
        bytes: usize,
    },
    /// The key was used for another request.
    KeyReused {
        /// The key.
        key: String,
    },
    /// The demanded account is not the one that wrote to the lead.
    LeadElsewhere {
        /// Which lead.
        lead: LeadId,
        /// The account that writes to it.
        bound: AccountId,
        /// The account that was demanded.
        demanded: AccountId,
    },
    /// A follow-up to a lead that nobody wrote to.
    LeadUnbound {
        /// Which lead.
        lead: LeadId,
    },
    /// There is no such campaign.
    UnknownCampaign {
        /// The number given.
        campaign: CampaignId,
    },
}

impl fmt::Display for ReserveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AccountNotAttached { campaign, account } => write!(
                f,
                "account {account} is not attached to campaign {campaign}; attach it, or demand \
                 none"
            ),
            Self::Clock(error) => fmt::Display::fmt(error, f),
            Self::KeyLength { bytes } => {
                write!(
                    f,
                    "an idempotency key of {bytes} bytes is out of range; give 1 to {KEY_MAX}"
                )
            }
            Self::KeyReused { key } => write!(
                f,
                "idempotency key `{key}` was used for another request; give each email its own"
            ),
            Self::LeadElsewhere { lead, bound, demanded } => write!(
                f,
                "lead {lead} belongs to account {bound}, not {demanded}; demand that one, or call \
                 bind_lead first"
            ),
            Self::LeadUnbound { lead } => write!(
                f,
                "nobody wrote to lead {lead}; send it as a new lead, demand an account, or call \
                 bind_lead first"
            ),
            Self::UnknownCampaign { campaign } => {
                write!(f, "there is no campaign {campaign}; add it first")
            }
        }
    }
}

impl std::error::Error for ReserveError {}

impl From<ClockError> for ReserveError {
    fn from(error: ClockError) -> Self {
        Self::Clock(error)
    }
}

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
                Some(pick::Turn { account, jumped_to: None, hints: Hints::default() })
            }
            Route::Rotation => pick::turn(&self.state, &mut self.index, slot, excluded),
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
        turn: pick::Turn,
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
        let used = usage.on_day(zone, day, today.start(zone, day));
        let left = u64::from(allowance.saturating_sub(used).max(1));
        let day_end = today.start(zone, day.plus_days(1));
        let open = settings.schedule.open_between(zone, now, day_end);
        let step = Span::milliseconds(open.as_ms() / left);
        let next = settings.schedule.advance(zone, now, step)?;
        let jitter = crate::rotation::usage::jitter(
            settings.id,
            settings.jitter,
            self.state.config.seed,
            usage.number,
        );
        Some(next.plus(jitter))
    }
}

/// For which purpose a named account is asked.
pub(crate) const fn named_purpose(new_lead: bool) -> Purpose {
    if new_lead { Purpose::DemandedNewLead } else { Purpose::FollowUp }
}
