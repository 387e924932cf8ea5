//! What somebody may want to be told of: a cap that is near or reached, an account that is lost, a
//! campaign that nobody may send for.
//!
//! The words only. When one is given is decided by the watch.

use crate::policy::Reason;
use crate::vocab::{AccountId, CampaignId, CivilDay, OwnerId, Timestamp};

/// Something that happened and that somebody may have to act on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Notice {
    /// When.
    pub at: Timestamp,
    /// Whose account or campaign it is about.
    pub owner: OwnerId,
    /// What.
    pub what: Noticed,
}

/// What a [`Notice`] is about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Noticed {
    /// An account cannot send any more until somebody acts, or is lost for another reason than
    /// before.
    AccountLost {
        /// Which.
        account: AccountId,
        /// What keeps it, all of it, in the order of [`Reason::ALL`].
        reasons: Vec<Reason>,
        /// Whether it was deleted.
        deleted: bool,
    },
    /// Nobody may send for an active campaign until somebody acts.
    ///
    /// What time alone brings about, as when a reputation gets too old to count, is told with the
    /// next change: of the campaign, of who is attached to it, or of the account that was known to
    /// send for it. It is told before if a new lead is refused.
    CampaignStarved {
        /// Which.
        campaign: CampaignId,
        /// What keeps its accounts or itself, each once, in the order of [`Reason::ALL`].
        reasons: Vec<Reason>,
    },
    /// An account used 90 % of what the day allows. Not told if the rest went at the same time.
    CapNear(CapUse),
    /// An account used all that the day allows.
    CapReached(CapUse),
}

/// How much of a day's allowance an account used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CapUse {
    /// Which account.
    pub account: AccountId,
    /// The civil day in its zone.
    pub day: CivilDay,
    /// Sent and reserved.
    pub used: u32,
    /// What the day permits: the cap, or the ramp below it.
    pub allowance: u32,
}
