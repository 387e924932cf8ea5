//! Engines behind locks, for a service with many threads: each owner always in the same one.
//!
//! Locks are here and nowhere else, outside the core in which equal histories give equal answers:
//! in what order two threads come is chance. Starts no thread, reads no clock, knows no rule.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use crate::rotation::{Config, Engine};
use crate::vocab::OwnerId;

/// Several engines, each behind its own lock. Clones are handles to the same engines.
///
/// Threads that work for owners in different shards do not wait for each other; two threads in one
/// shard are no faster than one. A few shards for each core that sends are enough.
///
/// ```
/// # use std::num::NonZeroUsize;
/// # use mailrota::{Account, AccountId, Campaign, CampaignId, Config, LeadId, Outcome, OwnerId};
/// # use mailrota::{Request, Shards};
/// # let now = chrono::DateTime::UNIX_EPOCH;
/// let shards = Shards::new(Config::default(), NonZeroUsize::new(8).ok_or("no shards")?);
/// let work = |id: u64| {
///     let (owner, account, campaign) = (OwnerId(id), AccountId(id), CampaignId(id));
///     let pick = shards.with(owner, |engine| {
///         engine.add_account(Account::new(account, owner, "ana@acme.example"), now)?;
///         engine.add_campaign(Campaign::new(campaign, owner), now)?;
///         engine.attach(campaign, &[account], now)?;
///         let pick = engine.reserve(campaign, &Request::new_lead(LeadId(1)), now)?;
///         Ok::<_, Box<dyn std::error::Error>>(pick)
///     })??;
///     let granted = pick.reserved().ok_or("nobody is ready")?;
///     // Hand the email to SMTP here, where the shard is not locked.
///     shards.with(owner, |engine| engine.settle(granted.id, Outcome::Sent, now))??;
///     Ok::<_, Box<dyn std::error::Error>>(())
/// };
/// std::thread::scope(|scope| {
///     for owner in [1, 2] {
///         scope.spawn(move || work(owner).expect("both accounts are ready"));
///     }
/// });
/// let sent = |id| shards.with(OwnerId(id), |engine| engine.standing(AccountId(id), now));
/// assert_eq!((sent(1)??.sent, sent(2)??.sent), (1, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// **Numbers.** Each engine counts its reservations by itself: those of two owners may have equal
/// numbers if the owners are in two shards, and never if they are in one. Keep the owner beside the
/// number; settled through another owner, it may be somebody else's email. Accounts and campaigns
/// belong to one owner and are reached through it. Give them numbers that no other owner's have:
/// equal ones work only while the owners happen to be in different shards.
///
/// **What is written down.** How many shards there are is part of what is stored: with another
/// number, owners are looked for elsewhere. Store it with the snapshots, in their shards' order.
/// Take and write events inside the closure, or those of two threads change places.
///
/// **Panics.** A closure that panics poisons its shard, since nobody knows how far it came. From
/// then on nobody gets that engine, but [`ShardError::Poisoned`], until another is put in its place
/// with [`replace`](Self::replace). The other shards go on.
#[derive(Clone)]
pub struct Shards {
    engines: Arc<[Shard]>,
    count: NonZeroUsize,
}

/// Shares no cache line with the next engine, nor the pair of lines that some processors fetch.
#[repr(align(128))]
struct Shard(Mutex<Engine>);

/// A shard that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShardError {
    /// A closure panicked in it, and its engine may be half changed.
    Poisoned {
        /// Which shard.
        shard: usize,
    },
}

impl fmt::Display for ShardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Poisoned { shard } = self;
        write!(f, "shard {shard} is poisoned by a panic; rebuild its engine and call replace")
    }
}

impl std::error::Error for ShardError {}

/// Engines that cannot be put into shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LayoutError {
    /// There is no engine at all.
    Empty,
    /// This shard is not poisoned; another engine in its place would forget what it did.
    InOrder(usize),
    /// An account or a campaign is not where its owner is looked for.
    Misplaced {
        /// Whose it is.
        owner: OwnerId,
        /// The shard it was given for.
        found: usize,
        /// The shard it belongs in.
        shard: usize,
    },
    /// There is no shard of this number.
    UnknownShard(usize),
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("there are no engines; give at least one"),
            Self::InOrder(shard) => write!(f, "shard {shard} is not poisoned; keep its engine"),
            Self::Misplaced { owner, found, shard } => write!(
                f,
                "owner {owner} is in shard {found} but belongs in shard {shard}; give as many \
                 engines as were stored, in their order"
            ),
            Self::UnknownShard(shard) => write!(f, "no shard {shard}; give a number below count"),
        }
    }
}

impl std::error::Error for LayoutError {}

impl Shards {
    /// So many engines without accounts or campaigns, with one configuration.
    pub fn new(config: Config, count: NonZeroUsize) -> Self {
        let engines = std::iter::repeat_n(config, count.get()).map(Engine::new);
        Self { engines: engines.map(|engine| Shard(engine.into())).collect(), count }
    }

    /// These engines, each in the shard of its place in the list.
    ///
    /// # Errors
    /// [`LayoutError::Empty`] without engines, and [`LayoutError::Misplaced`] if an account or a
    /// campaign is not in its owner's shard, as when the order or the number of the engines is not
    /// what it was.
    pub fn from_engines(engines: Vec<Engine>) -> Result<Self, LayoutError> {
        let count = NonZeroUsize::new(engines.len()).ok_or(LayoutError::Empty)?;
        for (place, engine) in engines.iter().enumerate() {
            check(engine, place, count)?;
        }
        let engines = engines.into_iter().map(|engine| Shard(engine.into()));
        Ok(Self { engines: engines.collect(), count })
    }

    /// How many shards there are.
    pub const fn count(&self) -> NonZeroUsize {
        self.count
    }

    /// The shard of an owner: the first output of `SplitMix64` seeded with the owner's number,
    /// modulo how many shards there are. The same on every platform and in every version.
    pub const fn shard_of(&self, owner: OwnerId) -> usize {
        home(owner, self.count)
    }

    /// Works with the owner's engine and lets nobody else in meanwhile: while the closure waits,
    /// all owners of the shard do, and if it calls these shards again, it may never return. The
    /// owner is only looked up; what the closure does for another owner is not noticed.
    ///
    /// # Errors
    /// [`ShardError::Poisoned`] if a closure panicked in that shard; then this one was not called.
    pub fn with<R>(
        &self,
        owner: OwnerId,
        work: impl FnOnce(&mut Engine) -> R,
    ) -> Result<R, ShardError> {
        self.enter(self.shard_of(owner), work)
    }

    /// Works with every engine in turn: ticks, snapshots, figures. One is locked at a time, so what
    /// comes back is not of one instant, which it need not be since no owner is in two shards. A
    /// poisoned shard is left out and says so in its place.
    #[must_use = "a poisoned shard was left out"]
    pub fn each<R>(
        &self,
        mut work: impl FnMut(usize, &mut Engine) -> R,
    ) -> Vec<Result<R, ShardError>> {
        let shards = 0..self.count.get();
        shards.map(|shard| self.enter(shard, |engine| work(shard, engine))).collect()
    }

    /// Puts a rebuilt engine in the place of a poisoned one. It must know everything that was
    /// answered, or caps may be passed: one replayed from all events, or restored from a snapshot
    /// as new as the last answer. Let one thread see to a shard, from the error to here: the second
    /// of two is refused, but not if the shard was poisoned anew in between.
    ///
    /// # Errors
    /// [`LayoutError`] if there is no such shard, something in the engine belongs in another, or
    /// the shard is not poisoned.
    pub fn replace(&self, shard: usize, engine: Engine) -> Result<(), LayoutError> {
        let Shard(lock) = self.engines.get(shard).ok_or(LayoutError::UnknownShard(shard))?;
        check(&engine, shard, self.count)?;
        let Err(poisoned) = lock.lock() else { return Err(LayoutError::InOrder(shard)) };
        let mut held = poisoned.into_inner();
        *held = engine;
        // Under the lock, so that nobody sees the new engine refused or the old one let in.
        lock.clear_poison();
        Ok(())
    }

    fn enter<R>(&self, shard: usize, work: impl FnOnce(&mut Engine) -> R) -> Result<R, ShardError> {
        let Shard(lock) = &self.engines[shard];
        let mut engine = lock.lock().map_err(|_| ShardError::Poisoned { shard })?;
        Ok(work(&mut engine))
    }
}

impl fmt::Debug for Shards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shards").field("count", &self.count).finish_non_exhaustive()
    }
}

fn check(engine: &Engine, found: usize, count: NonZeroUsize) -> Result<(), LayoutError> {
    let accounts = engine.accounts().map(|account| account.owner);
    let owners = accounts.chain(engine.campaigns().map(|campaign| campaign.owner));
    let mut homes = owners.map(|owner| (owner, home(owner, count)));
    let stray = homes.find(|(_, shard)| *shard != found);
    stray.map_or(Ok(()), |(owner, shard)| Err(LayoutError::Misplaced { owner, found, shard }))
}

#[expect(clippy::cast_possible_truncation, reason = "a remainder of a usize fits into one")]
const fn home(owner: OwnerId, count: NonZeroUsize) -> usize {
    (mix(owner.0) % count.get() as u64) as usize
}

/// The first output of `SplitMix64` with this seed. Owners are numbered in order, with steps, or
/// with a region in their last digits; without mixing, such numbers would crowd into few shards.
const fn mix(seed: u64) -> u64 {
    let sum = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let half = (sum ^ (sum >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let full = (half ^ (half >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    full ^ (full >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mix_is_as_published_and_shards_have_lines_of_their_own() {
        assert_eq!((mix(0), mix(1_234_567)), (0xe220_a839_7b1d_cdaf, 6_457_827_717_110_365_317));
        assert_eq!((align_of::<Shard>(), size_of::<Shard>() % 128), (128, 0));
    }
}
