//! Who may answer one request: the accounts that the lead, the demand and the exclusions leave, and
//! when the first of them may.
//!
//! Knows the rules and the order of instants, not the order of turns.

use crate::policy::{Block, Reason, TURN, grain};
use crate::rotation::charge::Hints;
use crate::rotation::exclusion::Exclusion;
use crate::rotation::explain;
use crate::rotation::index::Index;
use crate::rotation::lease::Lease;
use crate::rotation::meetings::Meetings;
use crate::rotation::pick::Turn;
use crate::rotation::reservation::{EmailKind, Request};
use crate::rotation::reserve::{Pick, ReserveError, Unavailable, Wait, named_purpose};
use crate::rotation::rules::{AccountRules, Purpose, campaign_rules, earliest, longest};
use crate::rotation::state::{AccountRecord, CampaignRecord, State};
use crate::rotation::table::Slot;
use crate::rotation::verdict::Verdict;
use crate::vocab::{AccountId, CampaignId, Span, Timestamp};

/// Which accounts a request may go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// The lead's account is gone: anybody else, as far as the rules for follow-ups allow.
    Moved { from: AccountId },
    /// One account and no other, but for a lead whose account is about to be gone. It may be
    /// demanded for a lead whose account is gone already.
    Named { account: AccountId, gone_at: Option<Timestamp>, from: Option<AccountId> },
    /// Whoever's turn it is.
    Rotation,
}

/// A request, the campaign it is for, and where it may go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidacy<'a> {
    pub(crate) campaign: CampaignId,
    pub(crate) slot: Slot,
    pub(crate) request: &'a Request,
    pub(crate) route: Route,
    pub(crate) excluded: Exclusion<'a>,
    /// Whether there is no record of the lead.
    pub(crate) lead_is_new: bool,
}

impl<'a> Candidacy<'a> {
    /// Finds where a request may go.
    pub(crate) fn new(
        state: &State,
        campaign_id: CampaignId,
        request: &'a Request,
        now: Timestamp,
    ) -> Result<Self, ReserveError> {
        let unknown = ReserveError::UnknownCampaign { campaign: campaign_id };
        let found = state.campaigns.slot(&campaign_id);
        let found = found.and_then(|slot| Some((slot, state.open_campaign(slot)?)));
        let (slot, campaign) = found.ok_or(unknown)?;
        let stranger = |account: &AccountId| !campaign.attached.contains_key(account);
        if let Some(account) = request.account.filter(stranger) {
            return Err(ReserveError::AccountNotAttached { campaign: campaign_id, account });
        }
        let place = campaign.leads.place(request.lead);
        let bound = place.and_then(|place| campaign.leads.account_at(place));
        let route = Self::route(state, (campaign, bound), request, now)?;
        let excluded = Exclusion::of(&request.excluded);
        let lead_is_new = place.is_none();
        Ok(Self { campaign: campaign_id, slot, request, route, excluded, lead_is_new })
    }

    fn route(
        state: &State,
        (campaign, bound): (&CampaignRecord, Option<AccountId>),
        request: &Request,
        now: Timestamp,
    ) -> Result<Route, ReserveError> {
        let lead = request.lead;
        let Some(bound) = bound else {
            return match (request.account, request.kind) {
                (Some(account), _) => Ok(Route::Named { account, gone_at: None, from: None }),
                (None, EmailKind::NewLead) => Ok(Route::Rotation),
                (None, EmailKind::FollowUp) => Err(ReserveError::LeadUnbound { lead }),
            };
        };
        let gone_at = gone_at(state, campaign, bound, now);
        let is_gone = gone_at.is_some_and(|at| at <= now);
        match request.account {
            Some(demanded) if demanded != bound && !is_gone => {
                Err(ReserveError::LeadElsewhere { lead, bound, demanded })
            }
            Some(account) => {
                let from = Some(bound).filter(|bound| *bound != account);
                Ok(Route::Named { account, gone_at: None, from })
            }
            None if is_gone => Ok(Route::Moved { from: bound }),
            None => Ok(Route::Named { account: bound, gone_at, from: None }),
        }
    }

    /// The account that the lead moves away from.
    pub(crate) fn moved_from(&self) -> Option<AccountId> {
        match self.route {
            Route::Moved { from } => Some(from),
            Route::Named { from, .. } => from,
            Route::Rotation => None,
        }
    }

    /// Whether an account may send it at `now`.
    pub(crate) fn may_start(&self, state: &State, index: &mut Index, now: Timestamp) -> bool {
        self.campaign_is_open(state, index, now)
            && match self.route {
                Route::Named { account, .. } => {
                    self.allows(account) && self.named_passes(state, index, account, now)
                }
                Route::Rotation => index.anybody_ready(state, self.slot, self.excluded),
                Route::Moved { from } => {
                    self.others(state, from).any(|id| passes(state, id, Purpose::FollowUp, now))
                }
            }
    }

    /// Whether no rule of the campaign blocks. What it surely lets through is kept.
    #[inline]
    pub(crate) fn campaign_is_open(
        &self,
        state: &State,
        index: &mut Index,
        now: Timestamp,
    ) -> bool {
        index.rota(self.slot).lease.holds_until(now).is_some() || self.opens(state, index, now)
    }

    fn opens(&self, state: &State, index: &mut Index, now: Timestamp) -> bool {
        let Some(campaign) = state.open_campaign(self.slot) else { return false };
        let mut open = true;
        let mut lease = Lease { until: Timestamp::MAX, emails: u32::MAX };
        self.campaign_verdicts(state, campaign, now, &mut |verdict| {
            open &= verdict.block.is_none();
            let until = verdict.room.until.min(verdict.changes_at.unwrap_or(Timestamp::MAX));
            lease.until = lease.until.min(until);
            lease.emails = lease.emails.min(verdict.room.grants);
        });
        // What holds for an email to a new lead holds for every other.
        if open && self.request.kind == EmailKind::NewLead {
            index.rota(self.slot).lease = lease;
        }
        open
    }

    /// Whether no rule of a named account blocks; one that may send new leads may send any email.
    fn named_passes(
        &self,
        state: &State,
        index: &mut Index,
        account: AccountId,
        now: Timestamp,
    ) -> bool {
        let slot = state.accounts.slot(&account);
        slot.is_some_and(|slot| index.outlook(state, slot).is_ready(now))
            || passes(state, account, self.named_purpose(), now)
    }

    /// Among those that may take over a lead, the one whose turn it is.
    pub(crate) fn heir(&self, state: &State, now: Timestamp) -> Option<Turn> {
        let campaign = state.open_campaign(self.slot)?;
        let virtual_time = campaign.virtual_time.at();
        let from = self.moved_from()?;
        self.others(state, from)
            .filter(|id| passes(state, *id, Purpose::FollowUp, now))
            .filter_map(|id| {
                let (account, attachment) = (state.account(id)?, campaign.attached.get(&id)?);
                let start = account.start(attachment).max(virtual_time - TURN);
                let deadline = start + TURN / i128::from(account.weight);
                let early = grain(start) > grain(virtual_time);
                Some(((early, grain(if early { start } else { deadline }), id), id))
            })
            .min()
            .map(|(_, account)| Turn { account, jumped_to: None, hints: Hints::default() })
    }

    /// The answer when nobody may send it now.
    pub(crate) fn later(&self, state: &State, index: &mut Index, now: Timestamp) -> Pick {
        if let Some((until_at, account)) = self.first(state, index, now) {
            let block = self.longest(state, index, account, now);
            return Pick::Wait(Wait { until_at, account, block });
        }
        let explained = explain::of_request(state, self.campaign, self.request, now);
        let (campaign, candidates) = explained.unwrap_or_default();
        Pick::Unavailable(Unavailable { campaign, candidates })
    }

    /// The least instant at which somebody may send it, and who.
    fn first(
        &self,
        state: &State,
        index: &mut Index,
        now: Timestamp,
    ) -> Option<(Timestamp, AccountId)> {
        let campaign = state.open_campaign(self.slot)?;
        let last = now.plus(state.config.horizon);
        let open_until = index.rota(self.slot).lease.holds_until(now);
        let opens = |from| {
            if open_until.is_some_and(|until| from < until) {
                return Some(from).filter(|from| *from <= last);
            }
            earliest(from, last, |at, visit| {
                self.campaign_verdicts(state, campaign, at, visit);
            })
        };
        let base = opens(now)?;
        let search = Search { candidacy: self, state, campaign, last };
        match self.route {
            Route::Named { account, gone_at, .. } => {
                let own = self.allows(account).then_some(account);
                let own = search.first(own.into_iter(), self.named_purpose(), base);
                let heirs = gone_at.and_then(|gone_at| {
                    let others = self.others(state, account);
                    search.first(others, Purpose::FollowUp, base.max(gone_at))
                });
                heirs.into_iter().chain(own).min()
            }
            Route::Moved { from } => {
                search.first(self.others(state, from), Purpose::FollowUp, base)
            }
            Route::Rotation => {
                let is_open = open_until.is_some();
                self.first_in_rotation(&search, index, (base, is_open), opens)
            }
        }
    }

    /// The least instant from `base` on at which somebody of the rotation may send it, and who: of
    /// several the one with the least number. The campaign may be known to be open now; then nobody
    /// is ready, who would have got it. `opens` finds the campaign's next instant.
    fn first_in_rotation(
        &self,
        search: &Search<'_>,
        index: &mut Index,
        (base, is_open): (Timestamp, bool),
        opens: impl Fn(Timestamp) -> Option<Timestamp>,
    ) -> Option<(Timestamp, AccountId)> {
        let (state, excluded) = (search.state, self.excluded);
        let mut from = base;
        if is_open || !index.anybody_ready(state, self.slot, excluded) {
            let (ready_at, id) = index.first_waiting(state, self.slot, excluded)?;
            from = opens(base.max(ready_at))?;
            // Whoever is ready first is the answer, unless the campaign lets nobody send then.
            if from == ready_at {
                return Some((ready_at, id));
            }
        }
        if !excluded.is_empty() {
            return search.first(search.attached(), Purpose::NewLead, from);
        }
        if let Some(answer) = index.answer(self.slot) {
            return Some(answer);
        }
        let found = search.first(search.attached(), Purpose::NewLead, from)?;
        index.keep_answer(self.slot, found);
        Some(found)
    }

    /// What holds the account that comes first, the longest of it.
    fn longest(
        &self,
        state: &State,
        index: &mut Index,
        account: AccountId,
        now: Timestamp,
    ) -> Option<Block> {
        let campaign = state.open_campaign(self.slot)?;
        let slot = state.accounts.slot(&account)?;
        let record = state.accounts.at(slot).filter(|record| !record.deleted)?;
        let rules = AccountRules::of(state, record);
        let calm = index.outlook(state, slot).is_calm(now);
        let (purpose, grace) = match self.route {
            Route::Named { account: named, .. } if named == account => (self.named_purpose(), None),
            Route::Named { gone_at, .. } => (Purpose::FollowUp, gone_at),
            Route::Moved { .. } => (Purpose::FollowUp, None),
            Route::Rotation => (Purpose::NewLead, None),
        };
        let is_open = index.rota(self.slot).lease.holds_until(now).is_some();
        longest(|visit| {
            if !is_open {
                self.campaign_verdicts(state, campaign, now, visit);
            }
            if let Some(gone_at) = grace {
                let block = Block::new(Reason::GraceNotOver, Some(gone_at));
                visit(Verdict::block(block));
            }
            if calm {
                rules.pauses(now, &mut |verdict| visit(verdict));
            } else {
                rules.each(now, purpose, visit);
            }
        })
    }

    fn campaign_verdicts(
        &self,
        state: &State,
        campaign: &CampaignRecord,
        at: Timestamp,
        visit: &mut dyn FnMut(Verdict),
    ) {
        let new_lead = self.request.kind == EmailKind::NewLead;
        campaign_rules(&state.config, campaign, at, new_lead, visit);
    }

    fn allows(&self, id: AccountId) -> bool {
        !self.excluded.has(id)
    }

    fn named_purpose(&self) -> Purpose {
        named_purpose(self.request.kind == EmailKind::NewLead)
    }

    /// Those that may take over a lead from an account that is gone.
    fn others<'s>(
        &'s self,
        state: &'s State,
        from: AccountId,
    ) -> impl Iterator<Item = AccountId> + 's {
        let attached = state.open_campaign(self.slot).map(|campaign| campaign.attached.keys());
        attached.into_iter().flatten().copied().filter(move |id| {
            let takes_leads = |account: &AccountRecord| account.settings.weight.value() > 0;
            *id != from && self.allows(*id) && state.account(*id).is_some_and(takes_leads)
        })
    }
}

/// Looks for the first instant at which an account and its campaign let an email through together.
struct Search<'a> {
    candidacy: &'a Candidacy<'a>,
    state: &'a State,
    campaign: &'a CampaignRecord,
    /// It is not looked for later.
    last: Timestamp,
}

impl<'a> Search<'a> {
    fn attached(&self) -> impl Iterator<Item = AccountId> + 'a {
        let candidacy = self.candidacy;
        self.campaign.attached.keys().copied().filter(|id| candidacy.allows(*id))
    }

    /// The least instant from `from` on, and of some accounts in ascending order who may send then:
    /// of several the first.
    fn first(
        &self,
        accounts: impl Iterator<Item = AccountId>,
        purpose: Purpose,
        from: Timestamp,
    ) -> Option<(Timestamp, AccountId)> {
        let mut meetings = Meetings::new(&self.campaign.settings, from, self.last);
        let mut best: Option<(Timestamp, AccountId)> = None;
        for id in accounts {
            // Whoever comes later in the list has to be earlier.
            let last = best.map_or(self.last, |(at, _)| at.minus(Span::milliseconds(1)));
            if last < from {
                break;
            }
            let Some(account) = self.state.account(id) else { continue };
            if best.is_none() && !meetings.has(&account.settings) {
                continue;
            }
            let rules = AccountRules::of(self.state, account);
            let at = earliest(from, last, |at, visit| {
                self.candidacy.campaign_verdicts(self.state, self.campaign, at, visit);
                rules.each(at, purpose, visit);
            });
            best = at.map(|at| (at, id)).or(best);
        }
        best
    }
}

/// From when on a lead's account counts as gone: at once if it is detached or deleted, after a
/// grace time if it is suspended or broken; nothing if it is neither.
pub(crate) fn gone_at(
    state: &State,
    campaign: &CampaignRecord,
    id: AccountId,
    now: Timestamp,
) -> Option<Timestamp> {
    match state.account(id) {
        Some(account) if campaign.attached.contains_key(&id) => {
            account.down_since.map(|since| since.plus(state.config.gone_grace))
        }
        Some(_) | None => Some(now),
    }
}

/// Whether no rule of the account blocks.
fn passes(state: &State, id: AccountId, purpose: Purpose, now: Timestamp) -> bool {
    state.account(id).is_some_and(|account| AccountRules::of(state, account).pass(now, purpose))
}
