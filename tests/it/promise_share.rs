//! Promise 4, exact share: counts are compared with shares as whole numbers, never as floats.
//!
//! Everything is sent at one instant, so that nothing but the rotation decides; accounts that rest
//! have a file of their own.

use std::collections::{BTreeMap, BTreeSet};

use mailrota::{AccountId, Engine, Mode};
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::{prop_assert, prop_assert_eq};

use crate::strategies::{Strength, Verdict, holds, pool, strength};
use crate::world::{CAMPAIGN, engine, monday, send};

/// What each account of a standing set got since the set last changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    weights: BTreeMap<AccountId, i128>,
    counts: BTreeMap<AccountId, i128>,
    all: i128,
}

impl Tally {
    pub(crate) fn new(weights: impl IntoIterator<Item = (AccountId, u64)>) -> Self {
        let weights = weights.into_iter().map(|(id, weight)| (id, i128::from(weight))).collect();
        Self { weights, ..Self::default() }
    }

    fn total(&self) -> i128 {
        self.weights.values().sum()
    }

    /// How far an account is ahead of its share, in sends times the total weight.
    fn ahead(&self, id: AccountId) -> i128 {
        let count = self.counts.get(&id).copied().unwrap_or_default();
        count * self.total() - self.weights[&id] * self.all
    }

    /// Counts a send and holds the account that sent to `bound` sends: before it for how far it was
    /// behind, which is when that is most, and after it for how far it is ahead.
    pub(crate) fn count(&mut self, id: AccountId, bound: i128) -> Verdict {
        let total = self.total();
        prop_assert!(self.weights.contains_key(&id), "{id:?} is not part of {self:?}");
        prop_assert!(-self.ahead(id) < bound * total, "{id:?} was too far behind: {self:?}");
        *self.counts.entry(id).or_default() += 1;
        self.all += 1;
        prop_assert!(self.ahead(id) < bound * total, "{id:?} is too far ahead: {self:?}");
        Ok(())
    }

    /// Holds everybody to `bound` sends.
    pub(crate) fn close(&self, bound: i128) -> Verdict {
        for id in self.weights.keys() {
            prop_assert!(self.ahead(*id).abs() < bound * self.total(), "{id:?} in {self:?}");
        }
        Ok(())
    }
}

fn ids(n: usize) -> impl Iterator<Item = AccountId> {
    (1..=n as u64).map(AccountId)
}

/// Sends `n` emails from accounts that start from equal places, until one has used up its cap.
fn exact_from_equal_places(pool: &[Strength], n: u64) -> Verdict {
    let mut engine = engine(pool.iter().zip(1..).map(|(strength, id)| strength.account(id)));
    let mut tally = Tally::new(ids(pool.len()).zip(pool.iter().map(|s| s.weight())));
    for lead in 0..n {
        let Some(id) = send(&mut engine, CAMPAIGN, lead, monday()) else { break };
        tally.count(id, 1)?;
        let cap = pool[usize::try_from(id.0 - 1).unwrap()].cap;
        if tally.counts[&id] >= i128::from(cap) {
            break;
        }
    }
    tally.close(1)
}

/// > In a campaign whose accounts are not shared, from equal places, while nobody changes or is
/// > held: every count is strictly within one send of its exact share over every prefix, for any
/// > weights.
#[test]
fn exact_share_from_equal_places() {
    holds(60, (pool(1..=40), 1_u64..600), |(pool, n)| exact_from_equal_places(&pool, n));
}

/// The same for a pool of a thousand.
#[test]
fn exact_share_of_a_thousand() {
    let n = if cfg!(debug_assertions) { 2_500 } else { 100_000 };
    holds(1, pool(1_000..=1_000), |pool| exact_from_equal_places(&pool, n));
}

/// The same over a million emails, which truncated strides do not pass.
#[test]
fn exact_share_without_drift() {
    let n = if cfg!(debug_assertions) { 20_000 } else { 1_000_000 };
    let of = |cap, operator| Strength { cap, reputation: 97, operator };
    for pool in [
        vec![of(1_000_000, 100), of(999_983, 7), of(777_777, 13), of(314_159, 1), of(7, 1)],
        vec![of(1_000_000, 100), of(1, 1)],
    ] {
        exact_from_equal_places(&pool, n).unwrap();
    }
}

/// Something that makes the set of accounts that take part, or a weight, another.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// Its daily cap becomes what it sent already.
    CapReached(usize),
    Detach(usize),
    /// A new account joins.
    Join(Strength),
    Reattach(usize),
    Resume(usize),
    Suspend(usize),
    Strength(usize, Strength),
}

fn change() -> impl Strategy<Value = Change> {
    let who = || any::<proptest::sample::Index>().prop_map(|index| index.index(1_000));
    prop_oneof![
        1 => who().prop_map(Change::CapReached),
        3 => who().prop_map(Change::Detach),
        2 => strength().prop_map(Change::Join),
        2 => who().prop_map(Change::Reattach),
        2 => who().prop_map(Change::Resume),
        2 => who().prop_map(Change::Suspend),
        3 => (who(), strength()).prop_map(|(who, strength)| Change::Strength(who, strength)),
    ]
}

/// A campaign whose set of accounts changes, with what a caller knows of it.
struct Changing {
    engine: Engine,
    members: BTreeMap<AccountId, Member>,
    leads: u64,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    strength: Strength,
    attached: bool,
    suspended: bool,
    sent: u32,
}

impl Member {
    fn takes_part(&self) -> bool {
        self.attached && !self.suspended && self.sent < self.strength.cap
    }
}

impl Changing {
    fn new(pool: &[Strength]) -> Self {
        let accounts = pool.iter().zip(1..).map(|(strength, id)| strength.account(id));
        let member = |strength| Member { strength, attached: true, suspended: false, sent: 0 };
        let members = ids(pool.len()).zip(pool.iter().copied().map(member)).collect();
        Self { engine: engine(accounts), members, leads: 0 }
    }

    fn nth(&self, n: usize) -> AccountId {
        AccountId((n % self.members.len()) as u64 + 1)
    }

    /// Makes the change; whom it lets join or come back.
    fn make(&mut self, change: Change) -> Option<AccountId> {
        let now = monday();
        match change {
            Change::CapReached(n) => {
                let (id, sent) = (self.nth(n), self.members[&self.nth(n)].sent);
                let strength = Strength { cap: sent, ..self.members[&id].strength };
                self.set(id, strength)
            }
            Change::Detach(n) => {
                let id = self.nth(n);
                let attached = self.members.values().filter(|m| m.attached).count();
                if attached > 1 {
                    self.engine.detach(CAMPAIGN, &[id], now).unwrap();
                    self.members.get_mut(&id).unwrap().attached = false;
                }
                None
            }
            Change::Join(strength) => {
                let id = AccountId(self.members.len() as u64 + 1);
                self.engine.add_account(strength.account(id.0), now).unwrap();
                let member = Member { strength, attached: false, suspended: false, sent: 0 };
                self.members.insert(id, member);
                self.attach(id)
            }
            Change::Reattach(n) => self.attach(self.nth(n)),
            Change::Resume(n) => {
                let id = self.nth(n);
                self.engine.resume(id, now).unwrap();
                let member = self.members.get_mut(&id).unwrap();
                std::mem::take(&mut member.suspended).then_some(id)
            }
            Change::Suspend(n) => {
                let id = self.nth(n);
                self.engine.suspend(id, now).unwrap();
                self.members.get_mut(&id).unwrap().suspended = true;
                None
            }
            Change::Strength(n, strength) => self.set(self.nth(n), strength),
        }
    }

    fn attach(&mut self, id: AccountId) -> Option<AccountId> {
        let each = Mode::EachThatCan;
        let report = self.engine.attach_with(CAMPAIGN, &[id], each, monday()).unwrap();
        let joined = report.changed.contains(&id);
        self.members.get_mut(&id).unwrap().attached |= joined;
        joined.then_some(id)
    }

    fn set(&mut self, id: AccountId, strength: Strength) -> Option<AccountId> {
        let member = self.members.get_mut(&id).unwrap();
        let was = member.takes_part();
        member.strength = strength;
        let account = strength.account(id.0).suspended(member.suspended);
        self.engine.change_account(account, monday()).unwrap();
        (!was && self.members[&id].takes_part()).then_some(id)
    }

    fn tally(&self) -> Tally {
        let taking_part = self.members.iter().filter(|(_, member)| member.takes_part());
        Tally::new(taking_part.map(|(id, member)| (*id, member.strength.weight())))
    }

    fn send(&mut self) -> Option<AccountId> {
        self.leads += 1;
        let id = send(&mut self.engine, CAMPAIGN, self.leads, monday())?;
        self.members.get_mut(&id).unwrap().sent += 1;
        Some(id)
    }
}

/// Sends `n` emails after a change and holds everybody to two sends, counted from the change or
/// from when somebody used up a cap; and who joined, to its share rounded up and one.
fn steady(world: &mut Changing, joined: Option<AccountId>, n: u64) -> Verdict {
    let mut tally = world.tally();
    let mut joined = joined.filter(|id| world.members[id].takes_part());
    for _ in 0..n {
        let Some(id) = world.send() else {
            prop_assert!(tally.weights.is_empty(), "nobody sends, but {tally:?} take part");
            return Ok(());
        };
        tally.count(id, 2)?;
        if joined == Some(id) {
            let share = (tally.weights[&id] * tally.all + tally.total() - 1) / tally.total();
            prop_assert!(tally.counts[&id] <= share + 1, "{id:?} joined and leads: {tally:?}");
        }
        if !world.members[&id].takes_part() {
            tally.close(2)?;
            tally = world.tally();
            joined = None;
        }
    }
    tally.close(2)
}

fn exact_after_changes(pool: &[Strength], changes: &[(Change, u64)]) -> Verdict {
    let mut world = Changing::new(pool);
    for (change, n) in changes {
        let joined = world.make(*change);
        for (id, member) in world.members.iter().filter(|(_, member)| member.takes_part()) {
            let standing = world.engine.standing(*id, monday()).unwrap();
            prop_assert_eq!(standing.weight, member.strength.weight());
        }
        steady(&mut world, joined, *n)?;
    }
    Ok(())
}

/// > Counted from any later change: within two.
///
/// > Whoever joins or comes back into an unshared campaign gets at most ceil(share × N) + 1 of the
/// > next N while the set stands still.
#[test]
fn share_counted_from_any_change() {
    let sends = prop_oneof![Just(0), 1_u64..6, 1_u64..80];
    let changes = proptest::collection::vec((change(), sends), 1..25);
    holds(250, (pool(1..=12), changes), |(pool, changes)| exact_after_changes(&pool, &changes));
}

/// All but a light one are about to leave when another joins, and one of them stays after all. The
/// one that joined does not wait for the light one's next turn, which is a thousand sends away.
#[test]
fn who_joins_beside_some_that_are_about_to_leave_is_not_put_off() {
    let of = |cap| Strength { cap, reputation: 81, operator: 1 };
    let pool = [of(1_000), of(1_000_000), of(1_000_000), of(1_000_000)];
    let changes = [
        (Change::Reattach(0), 3),
        (Change::Detach(1), 1),
        (Change::CapReached(2), 0),
        (Change::Suspend(3), 0),
        (Change::Join(of(32_676)), 0),
        (Change::Resume(3), 1_000),
    ];
    exact_after_changes(&pool, &changes).unwrap();
}

/// Equals of whom some were served when another one joins, and then some of the others leave.
fn exact_after_many_leave(n: usize, served: usize, heavy: Strength, then: (u64, u64)) -> Verdict {
    let equal = Strength { cap: 1_000, reputation: 100, operator: 1 };
    let mut world = Changing::new(&vec![equal; n]);
    let served: BTreeSet<_> = (0..served).map(|_| world.send().unwrap()).collect();
    world.make(Change::Join(heavy));
    let (sends, leave) = then;
    for _ in 0..sends {
        world.send();
    }
    let unserved = ids(n).filter(|id| !served.contains(id));
    for id in unserved.take(usize::try_from(leave).unwrap()) {
        world.make(Change::Detach(usize::try_from(id.0 - 1).unwrap()));
    }
    steady(&mut world, None, 1_000)
}

/// > Counted from any later change: within two.
///
/// The worst of changes: all who leave are owed, or all owe.
#[test]
fn share_counted_from_a_mass_that_leaves() {
    let who = (2_usize..40).prop_flat_map(|n| (Just(n), 0..n));
    let then = (1_u64..6, prop_oneof![Just(40), 0_u64..40]);
    holds(40, (who, strength(), then), |((n, served), heavy, then)| {
        exact_after_many_leave(n, served, heavy, then)
    });
}
