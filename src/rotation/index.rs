//! What is derived from the facts so that a turn need not look at every account.
//!
//! For each account its standing now and when that may change; for each campaign its accounts in
//! the order of their turns, and the others by the instant at which they are ready again. All of it
//! follows from the state and the present instant, may be thrown away and built again, and never
//! decides anything that the state does not.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::ops::Bound;

use priority_queue::PriorityQueue;

use crate::policy::grain;
use crate::rotation::rules::{AccountRules, Purpose, earliest};
use crate::rotation::state::State;
use crate::vocab::{AccountId, CampaignId, ReservationId, Span, Timestamp};

/// Look-ups by key only; the order of a hash table is never seen.
type Queue<T> = PriorityQueue<T, Reverse<(Timestamp, T)>, BuildHasherDefault<DefaultHasher>>;

/// How far ahead an account's readiness is looked for; answers are bounded by the horizon.
const AHEAD: Span = Span::days(800);

/// Whether an account takes part in the rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// It comes back at the present, owed nothing.
    Away,
    /// It may send now.
    Ready,
    /// It pauses and keeps its place.
    Resting,
}

#[derive(Clone, Copy, Debug)]
struct Standing {
    presence: Presence,
    /// The least instant at which it may send a new lead, as far as its own rules go.
    ready_at: Timestamp,
}

/// Where an account is found in a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Arriving,
    Ready { start: i128, deadline: i128 },
    Waiting(Timestamp),
}

/// One campaign's accounts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rota {
    /// Ready, all of them: by virtual start.
    starts: BTreeSet<(i128, AccountId)>,
    /// Those of them whose start has come: by deadline.
    eligible: BTreeSet<(i128, AccountId)>,
    /// The virtual time by which they are told apart; nothing before the first time.
    sorted_at: Option<i128>,
    /// Not ready: by the instant at which they are.
    pub(crate) waiting: BTreeSet<(Timestamp, AccountId)>,
    /// Part of the rotation by their standing, but not taken in yet.
    pub(crate) arriving: BTreeSet<AccountId>,
    /// No longer part of the rotation by their standing, but not taken out yet.
    pub(crate) leaving: BTreeSet<AccountId>,
    /// Attached accounts that are attached to other campaigns too.
    pub(crate) shared: BTreeSet<AccountId>,
    slots: BTreeMap<AccountId, Slot>,
}

/// Everything derived.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    pub(crate) now: Timestamp,
    standings: BTreeMap<AccountId, Standing>,
    due: Queue<AccountId>,
    lapses: Queue<ReservationId>,
    rotas: BTreeMap<CampaignId, Rota>,
}

impl Index {
    pub(crate) fn new(state: &State) -> Self {
        let mut index = Self {
            now: state.seen.unwrap_or(Timestamp::MIN),
            standings: BTreeMap::new(),
            due: Queue::default(),
            lapses: Queue::default(),
            rotas: BTreeMap::new(),
        };
        for (id, account) in &state.accounts {
            for open in &account.usage.open {
                index.lapses.push(open.id, Reverse((open.ends_at, open.id)));
            }
            index.touch(state, *id);
        }
        index
    }

    pub(crate) fn rota(&self, campaign: CampaignId) -> Option<&Rota> {
        self.rotas.get(&campaign)
    }

    pub(crate) fn rota_mut(&mut self, campaign: CampaignId) -> &mut Rota {
        self.rotas.entry(campaign).or_default()
    }

    /// A reservation that has ended by itself, the oldest first.
    pub(crate) fn lapsed(&self) -> Option<(Timestamp, ReservationId)> {
        let (_, Reverse(first)) = self.lapses.peek()?;
        (first.0 <= self.now).then_some(*first)
    }

    pub(crate) fn opened(&mut self, id: ReservationId, ends_at: Timestamp) {
        self.lapses.push(id, Reverse((ends_at, id)));
    }

    pub(crate) fn closed(&mut self, id: ReservationId) {
        self.lapses.remove(&id);
    }

    /// The next instant at which something changes by itself.
    pub(crate) fn next_wakeup(&self) -> Option<Timestamp> {
        let lapse = self.lapses.peek().map(|(_, Reverse((at, _)))| *at);
        let change = self.due.peek().map(|(_, Reverse((at, _)))| *at);
        lapse.into_iter().chain(change).min()
    }

    /// Brings every account up to the present whose standing may have changed by itself.
    pub(crate) fn advance(&mut self, state: &State) {
        while let Some((id, Reverse((at, _)))) = self.due.peek() {
            if *at > self.now {
                break;
            }
            let id = *id;
            self.touch(state, id);
        }
    }

    /// Looks at an account anew, after a change of its facts or with time.
    pub(crate) fn touch(&mut self, state: &State, id: AccountId) {
        self.standings.remove(&id);
        self.due.remove(&id);
        let Some(account) = state.account(id) else { return };
        let rules = AccountRules::of(state, account);
        let mut presence = Presence::Ready;
        let mut changes_at: Option<Timestamp> = None;
        rules.each(self.now, Purpose::NewLead, |verdict| {
            changes_at = changes_at.into_iter().chain(verdict.changes_at).min();
            presence = match (presence, verdict.block) {
                (presence, None) => presence,
                (Presence::Away, Some(_)) => Presence::Away,
                (_, Some(block)) if block.reason.is_rest() => Presence::Resting,
                (_, Some(_)) => Presence::Away,
            };
        });
        let ready_at = if presence == Presence::Ready {
            self.now
        } else {
            let far = self.now.plus(AHEAD);
            earliest(self.now, far, |at, visit| rules.each(at, Purpose::NewLead, visit))
                .unwrap_or(Timestamp::MAX)
        };
        if let Some(at) = changes_at.filter(|at| *at > self.now) {
            self.due.push(id, Reverse((at, id)));
        }
        self.standings.insert(id, Standing { presence, ready_at });
        for campaign in &account.campaigns {
            self.place(state, *campaign, id);
        }
    }

    /// Puts an account where it belongs in a campaign.
    pub(crate) fn place(&mut self, state: &State, campaign_id: CampaignId, id: AccountId) {
        self.displace(campaign_id, id);
        let Some(campaign) = state.campaigns.get(&campaign_id) else { return };
        let (Some(attachment), Some(account)) = (campaign.attached.get(&id), state.account(id))
        else {
            return;
        };
        let Some(standing) = self.standings.get(&id).copied() else { return };
        let rota = self.rotas.entry(campaign_id).or_default();
        if account.campaigns.len() > 1 {
            rota.shared.insert(id);
        }
        match (standing.presence, attachment.present) {
            (Presence::Away, true) => {
                rota.leaving.insert(id);
            }
            (Presence::Ready | Presence::Resting, false) => {
                rota.arriving.insert(id);
            }
            (Presence::Away, false) | (Presence::Ready | Presence::Resting, true) => {}
        }
        let slot = match (standing.presence, attachment.present) {
            (Presence::Away | Presence::Resting, _) => Slot::Waiting(standing.ready_at),
            (Presence::Ready, false) => Slot::Arriving,
            (Presence::Ready, true) => {
                let start = grain(account.start(attachment));
                Slot::Ready { start, deadline: grain(account.deadline(attachment)) }
            }
        };
        rota.insert(id, slot);
    }

    /// Takes an account out of a campaign's order.
    pub(crate) fn displace(&mut self, campaign: CampaignId, id: AccountId) {
        let Some(rota) = self.rotas.get_mut(&campaign) else { return };
        match rota.slots.remove(&id) {
            Some(Slot::Ready { start, deadline }) => {
                rota.eligible.remove(&(deadline, id));
                rota.starts.remove(&(start, id))
            }
            Some(Slot::Waiting(ready_at)) => rota.waiting.remove(&(ready_at, id)),
            Some(Slot::Arriving) | None => false,
        };
        rota.arriving.remove(&id);
        rota.leaving.remove(&id);
        rota.shared.remove(&id);
    }
}

impl Rota {
    fn insert(&mut self, id: AccountId, slot: Slot) {
        match slot {
            Slot::Arriving => {}
            Slot::Ready { start, deadline } => {
                self.starts.insert((start, id));
                if self.sorted_at.is_some_and(|now| start <= now) {
                    self.eligible.insert((deadline, id));
                }
            }
            Slot::Waiting(ready_at) => {
                self.waiting.insert((ready_at, id));
            }
        }
        self.slots.insert(id, slot);
    }

    /// Tells those whose start has come at `now` from the others. Virtual time may have gone back,
    /// after a turn that was cancelled.
    pub(crate) fn sort(&mut self, now: i128) {
        let before = self.sorted_at.replace(now);
        let after =
            |at: Option<i128>| at.map_or(Bound::Unbounded, |at| Bound::Excluded(beyond(at)));
        let until = |at: i128| Bound::Included(beyond(at));
        let deadline = |(_, id): &(i128, AccountId)| match self.slots.get(id) {
            Some(Slot::Ready { deadline, .. }) => Some((*deadline, *id)),
            Some(Slot::Arriving | Slot::Waiting(_)) | None => None,
        };
        match before {
            Some(before) if before > now => {
                let ahead = self.starts.range((after(Some(now)), until(before)));
                for key in ahead.filter_map(deadline) {
                    self.eligible.remove(&key);
                }
            }
            before => {
                let come = self.starts.range((after(before), until(now)));
                self.eligible.extend(come.filter_map(deadline));
            }
        }
    }

    /// Those whose start has come, by deadline.
    pub(crate) fn eligible(&self) -> impl Iterator<Item = AccountId> + '_ {
        self.eligible.iter().map(|(_, id)| *id)
    }

    /// All that are ready, by start.
    pub(crate) fn by_start(&self) -> impl DoubleEndedIterator<Item = (i128, AccountId)> + '_ {
        self.starts.iter().copied()
    }

    /// Whether anybody in the order may send now.
    pub(crate) fn anybody_ready(&self, excluded: &[AccountId]) -> bool {
        self.ready().any(|id| !excluded.contains(&id))
    }

    /// Those that may send now.
    pub(crate) fn ready(&self) -> impl Iterator<Item = AccountId> + '_ {
        let arriving = self.arriving.iter().copied();
        let arriving = arriving.filter(|id| self.slots.get(id) == Some(&Slot::Arriving));
        self.starts.iter().map(|(_, id)| *id).chain(arriving)
    }
}

/// Behind everybody who starts at `at`.
const fn beyond(at: i128) -> (i128, AccountId) {
    (at, AccountId(u64::MAX))
}
