//! A second engine, too slow and too simple to be wrong in the same way: lists and loops.
//!
//! It says who may send at an instant, whose turn it is and when somebody may, from what is
//! promised: a window is counted by going through every email there was, a place is an exact
//! fraction, and the future is found by living through it minute by minute. It shares words with
//! the crate (`Account`, `Request`) and no rule. What commands do to it is told beside it.

use mailrota::{
    AccountId, CampaignState, CivilDay, EmailKind, Fate, LeadId, Span, Timestamp, Zone,
};

use crate::agreement_zones::{day, is_open};
use crate::model_state::{Email, Minute, Model, Sender, Stream};

/// How far the model lives ahead to find the end of a wait.
pub(crate) const AHEAD: Minute = 26 * 60;

/// How an account stands in the rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stand {
    Ready,
    Resting,
    Away,
}

/// For what an account is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    FollowUp,
    Demanded,
    NewLead,
}

/// Who may take an email.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Anybody,
    AnybodyBut(AccountId),
    Only(AccountId),
}

pub(crate) fn minutes(span: Span) -> Minute {
    Minute::try_from(span.as_ms() / 60_000).unwrap()
}

pub(crate) fn minute(at: Timestamp) -> Minute {
    at.unix_ms() / 60_000
}

impl Sender {
    /// A measurement is good for a week.
    pub(crate) fn is_fresh(&self, now: Minute) -> bool {
        let measured = self.set.reputation.and_then(|standpoint| standpoint.measured_at);
        measured.is_none_or(|measured| minute(measured) + 7 * 1_440 > now)
    }

    /// The cap, or the ramp's row: one further for each day with a send, from the start again after
    /// 30 silent days.
    pub(crate) fn allowance(&self, day: CivilDay) -> u32 {
        let Some(ramp) = &self.set.ramp else { return self.set.daily_cap };
        let (mut row, mut last) = (0, None::<CivilDay>);
        for sent in self.days.iter().copied().chain([day]) {
            if last.is_some_and(|last| sent > last) {
                row = if sent.days_since(last.unwrap()) > 30 { 0 } else { row + 1 };
            }
            last = last.max(Some(sent));
        }
        ramp.allowance(row).min(self.set.daily_cap)
    }

    /// What due follow-ups leave to new leads, at least a fifth.
    fn new_leads_max(&self, day: CivilDay) -> u32 {
        let due = self.due.iter().rev().find(|(on, _)| *on == day).map_or(0, |(_, due)| *due);
        let allowance = self.allowance(day);
        allowance.saturating_sub(due).max(allowance.div_ceil(5))
    }

    pub(crate) fn weight_on(&self, day: CivilDay) -> i128 {
        let reputation = self.set.reputation.map_or(1, |standpoint| standpoint.value.value());
        let operator = i128::from(self.set.weight.value().max(1));
        i128::from(self.allowance(day).max(1)) * i128::from(reputation.max(1)) * operator
    }
}

impl Model {
    /// Whether an email that is reserved now would be one too many on a civil day that it touches.
    fn is_full(
        &self,
        (zone, now): (Zone, Minute),
        whose: impl Fn(&Email) -> bool,
        outside: &[(Minute, u32)],
        max: impl Fn(CivilDay) -> u32,
    ) -> bool {
        [day(zone, now), day(zone, now + self.ttl)].into_iter().any(|on| {
            let emails = self.emails.iter().filter(|email| {
                whose(email)
                    && match email.charged {
                        Some(charged) => day(zone, charged) == on,
                        None if email.fate != Fate::Open => false,
                        None => day(zone, email.reserved) <= on && on <= day(zone, email.ends),
                    }
            });
            let outside = outside.iter().filter(|(at, _)| day(zone, *at) == on);
            emails.count() + outside.map(|(_, n)| *n as usize).sum::<usize>() >= max(on) as usize
        })
    }

    pub(crate) fn stand(&self, sender: &Sender, now: Minute, purpose: Purpose) -> Stand {
        let set = &sender.set;
        let blocked = set.warmup.as_ref().is_some_and(|warmup| warmup.blocked.is_some());
        let held = self.domain_holds.iter().any(|(owner, domain, until)| {
            *owner == set.owner && *domain == set.domain() && *until > now
        });
        let trusted = sender.good && sender.is_fresh(now);
        let zero = purpose == Purpose::NewLead && set.weight.value() == 0;
        if set.suspended || !set.connection.is_verified() || blocked || held || zero || !trusted {
            return Stand::Away;
        }
        if sender.hold > now || !is_open(sender.window, set.zone, now) {
            return Stand::Away;
        }
        let mine = |email: &Email| email.account == set.id;
        let first = |email: &Email| mine(email) && email.request.kind == EmailKind::NewLead;
        let allowed = |day| sender.allowance(day);
        let former = sender.former.iter().filter(|(_, until)| *until > now);
        for zone in former.map(|(zone, _)| *zone).chain([set.zone]) {
            if self.is_full((zone, now), mine, &sender.outside, allowed) {
                return Stand::Away;
            }
        }
        let left = |day| sender.new_leads_max(day);
        if purpose != Purpose::FollowUp && self.is_full((set.zone, now), first, &[], left) {
            return Stand::Away;
        }
        let counts = |email: &&Email, length: Minute| {
            email.fate == Fate::Open || email.charged.is_some_and(|at| at + length > now)
        };
        let mut stand = Stand::Ready;
        for limit in &set.limits {
            let length = minutes(limit.length());
            let emails = self.emails.iter().filter(|email| mine(email) && counts(email, length));
            let outside = sender.outside.iter().filter(|(at, _)| at + length > now);
            let used = emails.count() + outside.map(|(_, n)| *n as usize).sum::<usize>();
            if used >= limit.emails() as usize {
                stand = stand.max(if length <= 60 { Stand::Resting } else { Stand::Away });
            }
        }
        let gap = minutes(set.spacing);
        let near =
            |email: &Email| counts(&email, gap) || email.counted.is_some_and(|at| at + gap > now);
        if gap > 0 && self.emails.iter().any(|email| mine(email) && near(email)) {
            stand = stand.max(Stand::Resting);
        }
        stand
    }

    /// Whether the campaign's own rules let an email go.
    fn may_go(&self, stream: &Stream, now: Minute, kind: EmailKind) -> bool {
        let set = &stream.set;
        let ours = |email: &Email| email.campaign == set.id;
        let first = |email: &Email| ours(email) && email.request.kind == EmailKind::NewLead;
        let former = stream.former.iter().filter(|(_, until)| *until > now);
        let mut zones = former.map(|(zone, _)| *zone).chain([set.zone]);
        let new_leads = set.new_lead_cap.filter(|_| kind == EmailKind::NewLead);
        set.state == CampaignState::Active
            && is_open(stream.window, set.zone, now)
            && !zones.any(|zone| {
                set.daily_cap.is_some_and(|max| self.is_full((zone, now), ours, &[], |_| max))
                    || new_leads.is_some_and(|max| self.is_full((zone, now), first, &[], |_| max))
            })
    }

    /// The account of a lead: of the last email that is out or counts, or to which it was given.
    pub(crate) fn bound(&self, stream: &Stream, lead: LeadId) -> Option<AccountId> {
        let given = stream.given.iter().filter(|(given, ..)| *given == lead);
        let given = given.map(|(_, account, before, _)| ((*before, 1), *account));
        let live =
            self.emails.iter().enumerate().skip(stream.remembered(lead)).filter(|(_, email)| {
                email.campaign == stream.set.id
                    && email.request.lead == lead
                    && (email.fate == Fate::Open || email.charged.is_some())
            });
        let live = live.map(|(n, email)| ((n + 1, 0), email.account));
        live.chain(given).max_by_key(|(order, _)| *order).map(|(_, account)| account)
    }

    /// When a lead's account counts as gone.
    pub(crate) fn gone_at(&self, stream: &Stream, id: AccountId) -> Option<Minute> {
        match self.sender(id) {
            Some(sender) if stream.member(id).is_some() => sender.down_since.map(|at| at + 120),
            Some(_) | None => Some(Minute::MIN),
        }
    }

    /// The accounts that may send this email now by all rules, and why they are asked.
    pub(crate) fn candidates(
        &self,
        stream: &Stream,
        request: &mailrota::Request,
        now: Minute,
    ) -> (Route, Vec<AccountId>) {
        let bound = self.bound(stream, request.lead);
        let route = match (request.account, bound) {
            (Some(account), _) => Route::Only(account),
            (None, None) => Route::Anybody,
            (None, Some(bound)) if self.gone_at(stream, bound).is_some_and(|at| at <= now) => {
                Route::AnybodyBut(bound)
            }
            (None, Some(bound)) => Route::Only(bound),
        };
        let fits = |sender: &Sender| match route {
            Route::Anybody => Some(Purpose::NewLead),
            Route::AnybodyBut(gone) => (sender.set.id != gone && sender.set.weight.value() > 0)
                .then_some(Purpose::FollowUp),
            Route::Only(id) if id != sender.set.id => None,
            Route::Only(_) if request.kind == EmailKind::NewLead => Some(Purpose::Demanded),
            Route::Only(_) => Some(Purpose::FollowUp),
        };
        let ids = stream.members.iter().map(|member| member.id);
        let ids = ids.filter(|id| {
            let sender = self.sender(*id).unwrap();
            !request.excluded.contains(id)
                && fits(sender).is_some_and(|why| self.stand(sender, now, why) == Stand::Ready)
        });
        let open = self.may_go(stream, now, request.kind);
        (route, if open { ids.collect() } else { Vec::new() })
    }

    /// The first minute at which somebody may send it, left alone until then.
    pub(crate) fn wait(&self, stream: &Stream, request: &mailrota::Request) -> Option<Minute> {
        let now = self.now.unwrap();
        let mut future = self.clone();
        (now + 1..=now + AHEAD).find(|at| {
            future.live_to(*at);
            !future.candidates(stream, request, *at).1.is_empty()
        })
    }
}
