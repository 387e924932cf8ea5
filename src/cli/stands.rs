//! How every account of a plan stands at an instant, and what holds it, as numbers.
//!
//! Emails may be sent before, so that an instant within a plan can be asked about. Computed once;
//! the table and the JSON only write it down.

use mailrota::{AccountId, Block, Timestamp, Zone};

use crate::cli::Failure;
use crate::cli::course::{self, Job};
use crate::cli::report::{self, Noted};
use crate::cli::setup::{CAMPAIGN, Inputs};
use crate::cli::words::Foreign;

/// An attached account at the instant.
pub(super) struct Stand {
    pub(super) id: AccountId,
    pub(super) address: Foreign,
    pub(super) cap: u32,
    pub(super) allowance: u32,
    pub(super) sent: u32,
    pub(super) weight: u64,
    pub(super) blocks: Vec<Block>,
    pub(super) ready_at: Option<Timestamp>,
}

impl Stand {
    pub(super) fn is_ready(&self) -> bool {
        self.blocks.is_empty()
    }
}

/// All of it.
pub(super) struct Answer {
    pub(super) at: Timestamp,
    pub(super) zone: Zone,
    /// How many emails went before.
    pub(super) sent: u64,
    pub(super) campaign: Vec<Block>,
    pub(super) stands: Vec<Stand>,
    pub(super) refused: Vec<Noted>,
    pub(super) warned: Vec<Noted>,
}

impl Answer {
    /// Sends so many emails first, as far as they can go before the instant.
    pub(super) fn of(inputs: &Inputs, emails: u64, at: Timestamp) -> Result<Self, Failure> {
        let mut world = inputs.world(None)?;
        let members = world.members();
        let mut job =
            Job { emails, start: inputs.start, stop: at, watch: None, progress: &mut |_| {} };
        let course = course::run(&mut world.engine, &members, &mut job)?;
        let now = at.to_datetime();
        let mut stands = Vec::new();
        for id in members {
            let standing = world.engine.standing(id, now).map_err(Failure::of)?;
            let address = world.engine.account(id).map(|account| account.address.clone());
            stands.push(Stand {
                id,
                address: Foreign(address.unwrap_or_default()),
                cap: standing.daily_cap,
                allowance: standing.allowance,
                sent: standing.sent,
                weight: standing.weight,
                blocks: standing.blocks,
                ready_at: standing.ready_at,
            });
        }
        let campaign = world.engine.explain(CAMPAIGN, now).map_err(Failure::of)?.campaign;
        let (refused, warned) = report::notes(inputs, &world);
        let (zone, sent) = (inputs.campaign.zone, course.sends.len() as u64);
        Ok(Self { at, zone, sent, campaign, stands, refused, warned })
    }
}
