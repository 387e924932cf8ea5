//! What holds one email: the blocks of its campaign and of each attached account.
//!
//! Asks every rule; knows no order of turns.

use crate::policy::{Block, Reason};
use crate::rotation::commands::candidates::{Candidacy, Route};
use crate::rotation::commands::pick::{Candidate, ReserveError};
use crate::rotation::rules::{AccountRules, Purpose, campaign_rules, earliest};
use crate::rotation::state::State;
use crate::rotation::state::reservation::{EmailKind, Request};
use crate::vocab::{CampaignId, Timestamp};

/// What holds an account, and the least instant within the horizon at which nothing of its own
/// does.
pub(crate) fn asked(
    state: &State,
    rules: AccountRules<'_>,
    purpose: Purpose,
    at: Timestamp,
) -> (Vec<Block>, Option<Timestamp>) {
    let mut blocks = Vec::new();
    rules.each(at, purpose, |verdict| blocks.extend(verdict.block));
    let last = at.plus(state.config.horizon);
    let ready_at = earliest(at, last, |at, visit| rules.each(at, purpose, visit));
    (blocks, ready_at)
}

pub(crate) fn campaign_blocks(
    state: &State,
    id: CampaignId,
    at: Timestamp,
    new_lead: bool,
) -> Vec<Block> {
    let mut blocks = Vec::new();
    if let Some(campaign) = state.campaign(id) {
        campaign_rules(&state.config, campaign, at, new_lead, |v| blocks.extend(v.block));
        if campaign.attached.is_empty() {
            blocks.push(Block::new(Reason::NoSenders, None));
        }
    }
    blocks
}

/// What holds the campaign, and each of its accounts, from sending one email.
pub(crate) fn of_request(
    state: &State,
    campaign: CampaignId,
    request: &Request,
    at: Timestamp,
) -> Result<(Vec<Block>, Vec<Candidate>), ReserveError> {
    let candidacy = Candidacy::new(state, campaign, request, at)?;
    let new_lead = request.kind == EmailKind::NewLead;
    let attached = state.campaign(campaign).map(|campaign| campaign.attached.keys());
    let attached = attached.into_iter().flatten().filter_map(|id| state.account(*id));
    let candidates = attached
        .map(|account| {
            let id = account.settings.id;
            let (purpose, other) = match candidacy.route {
                Route::Named { account, gone_at, .. } if account != id => {
                    let block = match gone_at {
                        Some(gone_at) => Block::new(Reason::GraceNotOver, Some(gone_at)),
                        None => Block::new(Reason::LeadElsewhere, None),
                    };
                    (Purpose::FollowUp, Some(block))
                }
                Route::Named { .. } => (Purpose::named(new_lead), None),
                Route::Moved { .. } => (Purpose::FollowUp, None),
                Route::Rotation => (Purpose::NewLead, None),
            };
            let (mut blocks, mut ready_at) =
                asked(state, AccountRules::of(state, account), purpose, at);
            blocks.extend(other);
            // What has no weight takes over no lead, after the grace time neither.
            let takes_over = match candidacy.route {
                Route::Moved { .. } => true,
                Route::Named { account, gone_at, .. } => account != id && gone_at.is_some(),
                Route::Rotation => false,
            };
            if takes_over && account.settings.weight.value() == 0 {
                blocks.push(Block::new(Reason::WeightZero, None));
                ready_at = None;
            }
            if candidacy.excluded.has(id) {
                blocks.push(Block::new(Reason::Excluded, None));
            }
            Candidate { account: id, blocks, ready_at }
        })
        .collect();
    Ok((campaign_blocks(state, campaign, at, new_lead), candidates))
}
