//! The course of a plan: every email reserved and settled on the engine, on a clock of its own, and
//! what held each account in between.
//!
//! An account that may send does, so that all its time until its next send is held by something:
//! a rule of its own, the campaign's window or the campaign's caps. Of several, the one that lasts
//! longest is charged.

use std::collections::BTreeMap;

use mailrota::{
    AccountId, Campaign, Engine, LeadId, Outcome, Pick, Reason, Request, Span, Timestamp,
    Unavailable,
};

use crate::cli::plans::setup::CAMPAIGN;
use crate::cli::writing::failure::Failure;

/// One email that went.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Send {
    pub(crate) at: Timestamp,
    /// Which of the attached accounts, by place.
    pub(crate) member: usize,
}

/// How it went.
#[derive(Debug, Default)]
pub(crate) struct Course {
    pub(crate) sends: Vec<Send>,
    /// Why no more could go, if not all did and time did not run out.
    pub(crate) stuck: Option<Unavailable>,
    /// For each attached account, what held it for how long until the last email of the plan.
    pub(crate) held: Vec<BTreeMap<Reason, Span>>,
}

impl Course {
    pub(crate) fn last_at(&self) -> Option<Timestamp> {
        self.sends.last().map(|send| send.at)
    }
}

/// What to do and how to watch it.
pub(crate) struct Job<'a> {
    pub(crate) emails: u64,
    pub(crate) start: Timestamp,
    /// Emails that could only go later than this are left alone.
    pub(crate) stop: Timestamp,
    /// Whether it is noted what holds the accounts; it takes about as long again.
    pub(crate) watch: Option<&'a Campaign>,
    /// Told now and then how many have gone.
    pub(crate) progress: &'a mut dyn FnMut(u64),
}

/// How often progress is told.
const PROGRESS_EVERY: u64 = 4_096;
/// The most pieces of one wait that are told apart.
const PIECES_MAX: usize = 1_000;

/// Sends a number of emails, each the moment it may go.
pub(crate) fn run(
    engine: &mut Engine,
    members: &[AccountId],
    job: &mut Job<'_>,
) -> Result<Course, Failure> {
    let mut course = Course::default();
    let mut watch = job.watch.map(|campaign| Watch::new(campaign, engine, members, job.start));
    let mut at = job.start;
    let mut gone = 0;
    // The last instant there is stands for all that would come after it; nothing goes at it.
    while gone < job.emails && at < Timestamp::MAX {
        let request = Request::new_lead(LeadId(gone + 1));
        match engine.reserve(CAMPAIGN, &request, at.to_datetime()).map_err(Failure::of)? {
            Pick::Reserved(reservation) => {
                let now = at.to_datetime();
                engine.settle(reservation.id, Outcome::Sent, now).map_err(Failure::of)?;
                if let Ok(member) = members.binary_search(&reservation.account) {
                    course.sends.push(Send { at, member });
                    if let Some(watch) = &mut watch {
                        watch.sent(engine, member, reservation.account, at);
                    }
                }
                gone += 1;
                if gone % PROGRESS_EVERY == 0 {
                    (job.progress)(gone);
                }
            }
            Pick::Wait(wait) if wait.until_at > at && wait.until_at <= job.stop => {
                at = wait.until_at;
            }
            Pick::Unavailable(unavailable) => {
                course.stuck = Some(unavailable);
                break;
            }
            Pick::Ended(_) | Pick::Wait(_) => break,
        }
    }
    if let Some(watch) = watch {
        course.held = watch.finish(course.last_at().unwrap_or(job.start));
    }
    Ok(course)
}

/// A stretch of time in which one thing holds an account longest.
struct Piece {
    from: Timestamp,
    until: Timestamp,
    reason: Reason,
}

/// Notes what holds each account between its sends.
struct Watch<'a> {
    campaign: &'a Campaign,
    held: Vec<BTreeMap<Reason, Span>>,
    /// What will hold each account if it is left alone, from its last send to when it is free.
    ahead: Vec<Vec<Piece>>,
    free_at: Vec<Timestamp>,
}

impl<'a> Watch<'a> {
    fn new(
        campaign: &'a Campaign,
        engine: &Engine,
        members: &[AccountId],
        start: Timestamp,
    ) -> Self {
        let mut watch = Self {
            campaign,
            held: vec![BTreeMap::new(); members.len()],
            ahead: members.iter().map(|_| Vec::new()).collect(),
            free_at: vec![start; members.len()],
        };
        for (member, id) in members.iter().enumerate() {
            watch.look_ahead(engine, member, *id, start);
        }
        watch
    }

    fn sent(&mut self, engine: &Engine, member: usize, id: AccountId, at: Timestamp) {
        self.charge(member, at);
        self.look_ahead(engine, member, id, at);
    }

    fn finish(mut self, end: Timestamp) -> Vec<BTreeMap<Reason, Span>> {
        for member in 0..self.held.len() {
            self.charge(member, end);
        }
        self.held
    }

    /// Enters what held an account until `end`.
    fn charge(&mut self, member: usize, end: Timestamp) {
        let held = &mut self.held[member];
        let mut add = |reason, span: Span, for_ever| {
            if !span.is_zero() || for_ever {
                let sum = held.entry(reason).or_default();
                *sum = sum.plus(span);
            }
        };
        for piece in self.ahead[member].drain(..) {
            let held = piece.until.min(end).since(piece.from);
            // What never ends is told even if the plan is over at once for it.
            add(piece.reason, held, piece.until == Timestamp::MAX && piece.from <= end);
        }
        // Nothing of its own held it any more, and it did not send: the campaign's caps did.
        let reason = if self.campaign.daily_cap.is_some() {
            Reason::CampaignDailyCap
        } else {
            Reason::CampaignNewLeadCap
        };
        add(reason, end.since(self.free_at[member]), false);
    }

    /// Notes what holds an account from `at` on if nothing else happens.
    fn look_ahead(&mut self, engine: &Engine, member: usize, id: AccountId, at: Timestamp) {
        let mut from = at;
        while self.ahead[member].len() < PIECES_MAX {
            let Some((reason, until)) = self.longest(engine, id, from) else { break };
            self.ahead[member].push(Piece { from, until, reason });
            from = until;
            if until == Timestamp::MAX {
                break;
            }
        }
        self.free_at[member] = from;
    }

    fn longest(
        &self,
        engine: &Engine,
        id: AccountId,
        at: Timestamp,
    ) -> Option<(Reason, Timestamp)> {
        let standing = engine.standing(id, at.to_datetime()).ok()?;
        let own = standing.blocks.iter().map(|block| (block.until, block.reason));
        let (zone, schedule) = (self.campaign.zone, &self.campaign.schedule);
        let (open, changes_at) = schedule.at(zone, at);
        let closed =
            if schedule.is_holiday(zone, at) { Reason::Holiday } else { Reason::OutOfSchedule };
        let shut = (!open).then_some((changes_at, closed));
        let (_, until, reason) = own
            .chain(shut)
            .map(|(until, reason)| (until.unwrap_or(Timestamp::MAX), reason))
            .filter(|(until, _)| *until > at)
            // A pace only fills what other rules leave.
            .map(|(until, reason)| (reason != Reason::PaceNotDue, until, reason))
            .max_by_key(|(before_pace, until, _)| (*before_pace, *until))?;
        // When the window closes, that may last longer.
        let closes_at = changes_at.filter(|_| open).unwrap_or(Timestamp::MAX);
        Some((reason, until.min(closes_at)))
    }
}
