//! The answer when nobody may send an email now: who may first, and when, or what holds everybody.
//!
//! Asks the rules from one instant to the next; knows not whose turn it is.

use crate::policy::{Block, Reason};
use crate::rotation::commands::blocks;
use crate::rotation::commands::candidates::{Candidacy, Route};
use crate::rotation::commands::pick::{Pick, Unavailable, Wait};
use crate::rotation::index::Index;
use crate::rotation::rules::meetings::Meetings;
use crate::rotation::rules::verdict::Verdict;
use crate::rotation::rules::{AccountRules, Purpose, earliest, longest};
use crate::rotation::state::{CampaignRecord, State};
use crate::vocab::{AccountId, Span, Timestamp};

impl Candidacy<'_> {
    /// The answer when nobody may send it now.
    pub(crate) fn later(&self, state: &State, index: &mut Index, now: Timestamp) -> Pick {
        if let Some((until_at, account)) = self.first(state, index, now) {
            let block = self.longest(state, index, account, now);
            return Pick::Wait(Wait { until_at, account, block });
        }
        let explained = blocks::of_request(state, self.campaign, self.request, now);
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
