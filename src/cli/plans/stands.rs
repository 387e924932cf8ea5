//! How every account of a plan stands at an instant, and what holds it, as numbers.
//!
//! Emails may be sent before, so that an instant within a plan can be asked about. Computed once;
//! the table and the JSON only write it down.

use mailrota::{AccountId, Block, Timestamp, Zone};

use crate::cli::plans::course::{self, Job};
use crate::cli::plans::report::{self, Noted};
use crate::cli::plans::setup::{CAMPAIGN, Inputs};
use crate::cli::writing::failure::Failure;
use crate::cli::writing::words::Foreign;

/// An attached account at the instant.
pub(crate) struct Stand {
    pub(crate) id: AccountId,
    pub(crate) address: Foreign,
    pub(crate) cap: u32,
    pub(crate) allowance: u32,
    pub(crate) sent: u32,
    pub(crate) weight: u64,
    pub(crate) blocks: Vec<Block>,
    pub(crate) ready_at: Option<Timestamp>,
}

impl Stand {
    pub(crate) fn is_ready(&self) -> bool {
        self.blocks.is_empty()
    }
}

/// All of it.
pub(crate) struct Answer {
    pub(crate) at: Timestamp,
    pub(crate) zone: Zone,
    /// How many emails went before.
    pub(crate) sent: u64,
    pub(crate) campaign: Vec<Block>,
    pub(crate) stands: Vec<Stand>,
    pub(crate) refused: Vec<Noted>,
    pub(crate) warned: Vec<Noted>,
}

impl Answer {
    /// Sends so many emails first, as far as they can go before the instant.
    pub(crate) fn of(inputs: &Inputs, emails: u64, at: Timestamp) -> Result<Self, Failure> {
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
