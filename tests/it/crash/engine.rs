//! The durable engine as a subject: callers on many threads that tell every answer they got, and
//! what must hold when the store is opened again.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use chrono::{DateTime, TimeDelta, Utc};
use mailrota::{
    Account, AccountId, Campaign, DurableEngine, DurableError, Fate, LeadId, Limit, Options, Pick,
    Recovery, Request, Reservation, ReservationId, Span, StoreError, Timestamp,
};
use rand::Rng;
use rand::SeedableRng;
use rand_pcg::Pcg64;

use crate::crash::ledger::{ENDS, Email, End, Ledger, Mark, RULES};
use crate::crash::worker::{Subject, Task, acked};
use crate::world::{CAMPAIGN, OWNER, monday};

/// A service whose reservations stay out over a crash.
pub(crate) const KEEPING: Subject = Subject {
    name: "keeping",
    work: |task| work(task, Recovery::Keep),
    check: |folder, lines| check(folder, lines, Recovery::Keep),
};

/// A service whose callers mark each email just before it goes; what they did not mark is given
/// back after a crash.
pub(crate) const MARKING: Subject = Subject {
    name: "marking",
    work: |task| work(task, Recovery::GiveBackUnbegun),
    check: |folder, lines| check(folder, lines, Recovery::GiveBackUnbegun),
};

/// Between the instants of two calls: a day has more of them than the accounts may send.
const STEP: TimeDelta = TimeDelta::minutes(5);
/// Leads of one life begin at a multiple of this.
const LEADS: u64 = 1_000_000;

/// The store's file in a folder.
pub(crate) fn path(folder: &Path) -> PathBuf {
    folder.join("mailrota.db")
}

/// Snapshots and the forgetting of facts happen within a run.
pub(crate) fn options(recovery: Recovery) -> Options {
    Options::default().snapshot_every(60).history(Span::hours(2)).recovery(recovery)
}

fn instant(at_ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at_ms).unwrap()
}

/// Each lead is asked for once, so its key names the reservation for ever.
fn request(lead: u64) -> Request {
    Request::new_lead(LeadId(lead)).key(format!("lead-{lead}"))
}

fn work(task: &Task, recovery: Recovery) {
    // A clock that stepped back is taken for the latest instant that the store has seen.
    let options = options(recovery);
    let engine = DurableEngine::open(path(&task.folder), &options, monday()).unwrap();
    match service(&engine, task, recovery == Recovery::GiveBackUnbegun, &acked) {
        Ok(()) => engine.close().unwrap(),
        Err(error) => println!("refused: {error:?}"),
    }
}

/// Works with as many callers as the task says, until its steps are done or the store refuses, and
/// tells every answer before the caller who got it goes on.
pub(crate) fn service(
    engine: &DurableEngine,
    task: &Task,
    marks: bool,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<(), StoreError> {
    let from = engine.seen().map_or(monday(), Timestamp::to_datetime);
    if engine.attached(CAMPAIGN).len() < RULES.len() {
        set_up(engine, from)?;
    }
    tell("ready");
    if task.life > 0 {
        ask_again(engine, task, from, tell)?;
    }
    let calls = AtomicU64::new(0);
    thread::scope(|scope| {
        let start = |thread| {
            let rng = Pcg64::seed_from_u64(task.seed * 1_000_003 + task.life * 64 + thread);
            let caller = Caller { engine, rng, calls: &calls, from, marks, tell };
            scope.spawn(move || caller.run(task))
        };
        let callers: Vec<_> = (0..task.threads).map(start).collect();
        callers.into_iter().try_for_each(|caller| caller.join().unwrap())
    })
}

/// A service that comes back asks first for what it had asked for: what the life before got no
/// answer to may be there. From this answer on it must stay.
fn ask_again(
    engine: &DurableEngine,
    task: &Task,
    now: DateTime<Utc>,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<(), StoreError> {
    for call in 0..200 {
        let lead = (task.life - 1) * LEADS + call;
        let pick = answered(engine.reserve(CAMPAIGN, &request(lead), now))?.unwrap();
        let (Pick::Ended(found) | Pick::Reserved(found)) = pick else { continue };
        tell(&reserved(&found));
        let end = match found.fate {
            Fate::Cancelled => End::Cancelled,
            Fate::Settled(outcome) => End::Settled(outcome),
            Fate::Lapsed | Fate::Open => continue,
        };
        let (word, _) = ENDS.iter().find(|(_, known)| *known == end).unwrap();
        tell(&format!("asks {} {word} {}", found.id.0, found.decided_at.unix_ms()));
        tell(&format!("ended {}", found.id.0));
    }
    Ok(())
}

/// What is told of an answer with a reservation.
fn reserved(granted: &Reservation) -> String {
    let Reservation { id, account, lead, .. } = granted;
    let (from, until) = (granted.reserved_at.unix_ms(), granted.ends_at.unix_ms());
    format!("reserved {} {} {} {from} {until}", id.0, account.0, lead.0)
}

/// Repeated after a crash in the middle of it, it ends as if there had been none.
fn set_up(engine: &DurableEngine, now: DateTime<Utc>) -> Result<(), StoreError> {
    if engine.campaign(CAMPAIGN).is_none() {
        answered(engine.add_campaign(Campaign::new(CAMPAIGN, OWNER), now))?.unwrap();
    }
    for rule in &RULES {
        let account = Account::new(AccountId(rule.account), OWNER, "ana@acme.example");
        let account = account.daily_cap(u32::try_from(rule.daily_cap).unwrap());
        let mut account = account.spacing(Span::milliseconds(rule.spacing_ms.unsigned_abs()));
        if let Some(most) = rule.per_hour {
            account = account.limit(Limit::per_hour(u32::try_from(most).unwrap()));
        }
        if engine.account(account.id).is_none() {
            answered(engine.add_account(account, now))?.unwrap();
        }
    }
    let ids = RULES.map(|rule| AccountId(rule.account));
    answered(engine.attach(CAMPAIGN, &ids, now))?.unwrap();
    Ok(())
}

/// The engine's own answer, if the store let it out.
fn answered<T, E>(answer: Result<T, DurableError<E>>) -> Result<Result<T, E>, StoreError> {
    match answer {
        Ok(answer) => Ok(Ok(answer)),
        Err(DurableError::Engine(error)) => Ok(Err(error)),
        Err(DurableError::Store(error)) => Err(error),
    }
}

/// One thread of a sending service.
struct Caller<'a> {
    engine: &'a DurableEngine,
    rng: Pcg64,
    /// How many calls all threads have made, which is their clock.
    calls: &'a AtomicU64,
    from: DateTime<Utc>,
    /// Whether it marks an email before it sends it.
    marks: bool,
    tell: &'a (dyn Fn(&str) + Sync),
}

impl Caller<'_> {
    fn run(mut self, task: &Task) -> Result<(), StoreError> {
        loop {
            let call = self.calls.fetch_add(1, Ordering::Relaxed);
            if call >= task.steps {
                return Ok(());
            }
            let lead = task.life * LEADS + call;
            let pick = self.engine.reserve(CAMPAIGN, &request(lead), self.at(call));
            match answered(pick)?.unwrap() {
                Pick::Reserved(granted) => self.send(&granted)?,
                Pick::Ended(_) | Pick::Unavailable(_) | Pick::Wait(_) => {}
            }
        }
    }

    fn at(&self, call: u64) -> DateTime<Utc> {
        self.from + STEP * i32::try_from(call).unwrap()
    }

    fn now(&self) -> DateTime<Utc> {
        self.at(self.calls.load(Ordering::Relaxed))
    }

    fn send(&mut self, granted: &Reservation) -> Result<(), StoreError> {
        let id = &granted.id;
        (self.tell)(&reserved(granted));
        let (word, end) = match self.rng.random_range(0..20) {
            // Nobody ever reports on it.
            0 => return Ok(()),
            1..=4 => ENDS[self.rng.random_range(0..ENDS.len())],
            _ => ENDS[3],
        };
        if self.marks && end != End::Cancelled {
            (self.tell)(&format!("begins {}", id.0));
            if answered(self.engine.begin(*id, self.now()))?.is_err() {
                return Ok(());
            }
            (self.tell)(&format!("begun {}", id.0));
        }
        let now = self.now();
        (self.tell)(&format!("asks {} {word} {}", id.0, now.timestamp_millis()));
        let settled = match end {
            End::Cancelled => self.engine.cancel(*id, now),
            End::Settled(outcome) => self.engine.settle(*id, outcome, now),
        };
        if answered(settled)?.is_ok() {
            (self.tell)(&format!("ended {}", id.0));
        }
        Ok(())
    }
}

/// Opens the store and takes all the room that is left: with it no maximum is passed, and no number
/// is given out twice. Then asks for everything that was answered. In this order, since the key of
/// a reservation that was lost would otherwise get the same one again from the same rotation.
pub(crate) fn check(folder: &Path, lines: &[&str], recovery: Recovery) -> Result<(), String> {
    let ledger = Ledger::read(lines, recovery == Recovery::GiveBackUnbegun)?;
    ledger.holds()?;
    let now = if ledger.latest == 0 { monday() } else { instant(ledger.latest) };
    let engine = DurableEngine::open(path(folder), &options(recovery), now);
    let engine = engine.map_err(|why| format!("does not open: {why}"))?;
    if ledger.is_ready {
        let mut with_more = ledger.clone();
        take_all(&engine, &mut with_more, now)?;
        with_more.holds().map_err(|why| format!("with what was left: {why}"))?;
        for (id, email) in &ledger.emails {
            is_there(&engine, &ledger, *id, now).map_err(|why| format!("{id} {email:?}: {why}"))?;
        }
    } else {
        set_up(&engine, now).map_err(|why| why.to_string())?;
    }
    engine.close().map_err(|why| why.to_string())
}

/// The reservation's key leads to it, and its end is the one that was answered.
fn is_there(
    engine: &DurableEngine,
    ledger: &Ledger,
    id: u64,
    now: DateTime<Utc>,
) -> Result<(), String> {
    let email = &ledger.emails[&id];
    // Older keys may be forgotten.
    if email.ends_at < now.timestamp_millis() - 20 * 3_600_000 {
        return Ok(());
    }
    let found = engine.reserve(CAMPAIGN, &request(email.lead), now);
    let found = match found.map_err(|why| why.to_string())? {
        Pick::Ended(found) | Pick::Reserved(found) => found,
        Pick::Unavailable(_) | Pick::Wait(_) => return Err("is lost".to_owned()),
    };
    let (account, from) = (found.account.0, found.reserved_at.unix_ms());
    if (found.id, account, from) != (ReservationId(id), email.account, email.reserved_at) {
        return Err(format!("is another: {found:?}"));
    }
    let asked = email.asked.map(|(end, _)| match end {
        End::Cancelled => Fate::Cancelled,
        End::Settled(outcome) => Fate::Settled(outcome),
    });
    let is_sound = asked == Some(found.fate)
        || match found.fate {
            Fate::Cancelled => ledger.marks && email.mark < Mark::Set && !email.ended,
            Fate::Lapsed => !email.ended,
            Fate::Open => !email.ended && (!ledger.marks || email.mark > Mark::None),
            Fate::Settled(_) => false,
        };
    if is_sound { Ok(()) } else { Err(format!("ended otherwise: {found:?}")) }
}

/// Reserves until nobody may send any more.
fn take_all(engine: &DurableEngine, ledger: &mut Ledger, now: DateTime<Utc>) -> Result<(), String> {
    let room: usize = RULES.iter().map(|rule| rule.daily_cap + 1).sum();
    let first = u64::MAX / 2;
    let requests: Vec<_> = (0..room as u64).map(|n| Request::new_lead(LeadId(first + n))).collect();
    let last = ledger.emails.last_key_value().map_or(0, |(id, _)| id + 1);
    let picks = engine.reserve_batch(CAMPAIGN, &requests, now).map_err(|why| why.to_string())?;
    for pick in picks {
        let pick = pick.map_err(|why| why.to_string())?;
        let Some(granted) = pick.reserved() else { continue };
        let Reservation { id, account, lead, reserved_at, ends_at, .. } = granted;
        let email = Email {
            account: account.0,
            lead: lead.0,
            reserved_at: reserved_at.unix_ms(),
            ends_at: ends_at.unix_ms(),
            asked: None,
            ended: false,
            mark: Mark::Set,
        };
        if id.0 < last || ledger.emails.insert(id.0, email).is_some() {
            return Err(format!("number {id} is given out twice"));
        }
    }
    Ok(())
}
