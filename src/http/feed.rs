//! What is told as events: the newest of each owner, numbered, for whoever listens.
//!
//! Nobody who listens is waited for: each reads on from the last number it has. Knows no call.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;

use crate::http::calendar::instant;
use crate::rotation::{CapUse, Notice, Noticed};
use crate::vocab::{OwnerId, Timestamp};

/// How many events of an owner are kept.
pub(super) const KEPT: usize = 1_000;

/// The numbers of a life begin at its first millisecond times this, so that they rise from one life
/// to the next.
const NUMBERS_A_MS: u64 = 1_000;

/// What an event says.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = RotationEvent)]
pub(super) struct EventView {
    /// When it happened.
    at: String,
    #[serde(flatten)]
    what: What,
}

/// What happened.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
#[schema(as = RotationEventKind)]
enum What {
    /// An account cannot send until somebody acts.
    AccountLost {
        email_account_id: u64,
        /// What keeps it: codes as in refusals to send, and `deleted`.
        reasons: Vec<&'static str>,
    },
    /// Nobody may send for an active campaign until somebody acts.
    CampaignStarved {
        campaign_id: u64,
        /// What keeps its accounts or itself, each once.
        reasons: Vec<&'static str>,
    },
    /// An account used 90 % of what the day allows.
    CapNear(CapView),
    /// An account used all that the day allows.
    CapReached(CapView),
    /// Events between the last one that the caller has and the next one are no longer kept; ask how
    /// things stand.
    Missed {},
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = CapUse)]
struct CapView {
    email_account_id: u64,
    /// The civil day in its zone.
    #[schema(value_type = String, example = "2026-11-23")]
    #[serde(serialize_with = "as_display")]
    day: crate::vocab::CivilDay,
    /// Sent and reserved.
    used: u32,
    /// What the day permits: the cap, or the ramp below it.
    allowance: u32,
}

fn as_display<S: serde::Serializer>(
    value: &impl std::fmt::Display,
    to: S,
) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

/// An event as it is told.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) id: u64,
    pub(super) name: &'static str,
    pub(super) data: String,
}

/// What there is to tell somebody.
#[derive(Debug)]
pub(super) enum Found {
    /// The oldest event that is kept is not the next one for it. The number before the oldest.
    Missed(u64),
    /// What comes next, which may be nothing.
    Next(Vec<Arc<Told>>),
}

/// The events of all owners.
#[derive(Debug, Default)]
pub(super) struct Feed(Mutex<Rings>);

#[derive(Debug, Default)]
struct Rings {
    /// Before the number of every first event.
    base: u64,
    by_owner: BTreeMap<OwnerId, Ring>,
}

#[derive(Debug)]
struct Ring {
    told: VecDeque<Arc<Told>>,
    /// The newest number.
    newest: watch::Sender<u64>,
}

impl Ring {
    fn new(base: u64) -> Self {
        Self { told: VecDeque::new(), newest: watch::Sender::new(base) }
    }
}

impl Feed {
    /// Numbers events from an instant on.
    pub(super) fn begin(&self, at: Timestamp) {
        let ms = u64::try_from(at.unix_ms()).unwrap_or_default();
        self.rings().base = ms.saturating_mul(NUMBERS_A_MS);
    }

    /// Tells an owner.
    pub(super) fn tell(&self, notice: &Notice) {
        let mut rings = self.rings();
        let base = rings.base;
        let ring = rings.by_owner.entry(notice.owner).or_insert_with(|| Ring::new(base));
        let id = ring.newest.borrow().saturating_add(1);
        let (name, what) = shown(&notice.what);
        let told = Told { id, name, data: data(notice.at, what) };
        if ring.told.len() >= KEPT {
            ring.told.pop_front();
        }
        ring.told.push_back(Arc::new(told));
        ring.newest.send_replace(id);
    }

    /// Listens to an owner's events: the newest number, and whenever there is a newer one.
    pub(super) fn listen(&self, owner: OwnerId) -> watch::Receiver<u64> {
        let mut rings = self.rings();
        let base = rings.base;
        rings.by_owner.entry(owner).or_insert_with(|| Ring::new(base)).newest.subscribe()
    }

    /// Up to so many of an owner's events after a number.
    pub(super) fn after(&self, owner: OwnerId, id: u64, most: usize) -> Found {
        let rings = self.rings();
        let Some(ring) = rings.by_owner.get(&owner) else { return Found::Next(Vec::new()) };
        let newest = *ring.newest.borrow();
        let oldest = ring.told.front().map_or(newest, |told| told.id - 1);
        if id < oldest || id > newest {
            return Found::Missed(oldest);
        }
        let first = ring.told.partition_point(|told| told.id <= id);
        Found::Next(ring.told.range(first..).take(most).cloned().collect())
    }

    fn rings(&self) -> MutexGuard<'_, Rings> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is told of events that were not kept.
pub(super) fn missed(at: Timestamp) -> (&'static str, String) {
    ("missed", data(at, What::Missed {}))
}

fn data(at: Timestamp, what: What) -> String {
    serde_json::to_string(&EventView { at: instant(at), what }).unwrap_or_default()
}

fn shown(what: &Noticed) -> (&'static str, What) {
    let codes = |reasons: &[crate::policy::Reason], also: Option<&'static str>| {
        reasons.iter().map(|reason| reason.code()).chain(also).collect()
    };
    let cap = |cap: &CapUse| CapView {
        email_account_id: cap.account.0,
        day: cap.day,
        used: cap.used,
        allowance: cap.allowance,
    };
    match what {
        Noticed::AccountLost { account, reasons, deleted } => {
            let reasons = codes(reasons, deleted.then_some("deleted"));
            ("account_lost", What::AccountLost { email_account_id: account.0, reasons })
        }
        Noticed::CampaignStarved { campaign, reasons } => {
            let reasons = codes(reasons, None);
            ("campaign_starved", What::CampaignStarved { campaign_id: campaign.0, reasons })
        }
        Noticed::CapNear(used) => ("cap_near", What::CapNear(cap(used))),
        Noticed::CapReached(used) => ("cap_reached", What::CapReached(cap(used))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocab::AccountId;

    fn notice(owner: u64, account: u64) -> Notice {
        let what =
            Noticed::AccountLost { account: AccountId(account), reasons: vec![], deleted: true };
        Notice { at: Timestamp::EPOCH, owner: OwnerId(owner), what }
    }

    fn ids(found: &Found) -> Vec<u64> {
        match found {
            Found::Missed(before) => panic!("missed all up to {before}"),
            Found::Next(told) => told.iter().map(|told| told.id).collect(),
        }
    }

    #[test]
    fn an_owner_reads_on_from_any_number_that_is_kept_and_is_told_of_others() {
        let feed = Feed::default();
        feed.begin(Timestamp::from_unix_ms(7).unwrap());
        let listener = feed.listen(OwnerId(1));
        assert_eq!(*listener.borrow(), 7_000);
        let kept = u64::try_from(KEPT).unwrap();
        for account in 1..=kept + 10 {
            feed.tell(&notice(1, account));
        }
        feed.tell(&notice(2, 1));
        assert_eq!(*listener.borrow(), 7_000 + kept + 10);
        let after = |id| feed.after(OwnerId(1), id, 5);
        assert_eq!(ids(&after(7_010)), (7_011..=7_015).collect::<Vec<_>>());
        assert_eq!(ids(&after(7_000 + kept + 8)), [7_000 + kept + 9, 7_000 + kept + 10]);
        assert_eq!(ids(&after(7_000 + kept + 10)), [0; 0]);
        for lost in [0, 6_000, 7_009, 7_000 + kept + 11] {
            assert!(matches!(after(lost), Found::Missed(7_010)), "{lost}");
        }
        assert_eq!(ids(&feed.after(OwnerId(2), 7_000, 5)), [7_001]);
        assert_eq!(ids(&feed.after(OwnerId(3), 7_000, 5)), [0; 0]);
    }
}
