//! Who may answer one request: the accounts that the lead, the demand and the exclusions leave.
//!
//! Knows the rules at an instant, not the order of turns.

use crate::policy::{TURN, grain};
use crate::rotation::commands::pick::ReserveError;
use crate::rotation::commands::turn::Turn;
use crate::rotation::containers::table::Slot;
use crate::rotation::index::Index;
use crate::rotation::rota::lease::Lease;
use crate::rotation::rules::verdict::Verdict;
use crate::rotation::rules::{AccountRules, Purpose, campaign_rules};
use crate::rotation::state::charge::Hints;
use crate::rotation::state::exclusion::Exclusion;
use crate::rotation::state::reservation::{EmailKind, Request};
use crate::rotation::state::{AccountRecord, CampaignRecord, State};
use crate::vocab::{AccountId, CampaignId, Timestamp};

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

    pub(super) fn campaign_verdicts(
        &self,
        state: &State,
        campaign: &CampaignRecord,
        at: Timestamp,
        visit: &mut dyn FnMut(Verdict),
    ) {
        let new_lead = self.request.kind == EmailKind::NewLead;
        campaign_rules(&state.config, campaign, at, new_lead, visit);
    }

    pub(super) fn allows(&self, id: AccountId) -> bool {
        !self.excluded.has(id)
    }

    pub(super) fn named_purpose(&self) -> Purpose {
        Purpose::named(self.request.kind == EmailKind::NewLead)
    }

    /// Those that may take over a lead from an account that is gone.
    pub(super) fn others<'s>(
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
