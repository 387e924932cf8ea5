//! What each command does to the reference model.
//!
//! Who may send and whose turn it is, is decided beside it; here it is only written down.

use mailrota::{
    Account, AccountId, Campaign, CampaignId, CampaignState, EmailKind, Fate, Outcome, Request,
    Standpoint,
};

use crate::agreement_commands::{
    Command, begun_line, email_line, given_back_line, settled_line, standing_line,
};
use crate::agreement_zones::{SCHEDULES, day};
use crate::fraction::fraction;
use crate::model::{AHEAD, Purpose, Stand};
use crate::model_state::{Email, Minute, Model, Sender, Stream};

/// Above this an account gets in, and at this it stays. Small, so that weights are.
pub(crate) const TRUST: u8 = 2;
pub(crate) const DAY: Minute = 1_440;
const LEAP_MAX: Minute = 400 * 1_440;

pub(crate) type Said = Result<String, &'static str>;

pub(crate) fn done() -> String {
    "done".to_owned()
}

impl Model {
    /// Carries a command out. `claims` are the waits that the engine named, which are checked where
    /// the model does not look itself.
    pub(crate) fn carry_out(
        &mut self,
        command: &Command,
        minute: Minute,
        claims: &[Option<Minute>],
    ) -> String {
        let looks = matches!(command, Command::Look(..) | Command::LookLead(..) | Command::Restart);
        let answer = if looks { self.look(command) } else { self.change(command, minute, claims) };
        answer.unwrap_or_else(|error| format!("error {error}"))
    }

    /// Whether a command is about an email that ended so long ago that it may be forgotten.
    pub(crate) fn is_too_old(&self, minute: Minute, command: &Command) -> bool {
        let now = self.now.map_or(minute, |now| now.max(minute));
        let old =
            |email: &Email| email.fate != Fate::Open && email.decided.max(email.ends) + DAY < now;
        if let Command::Settle(id, _) | Command::Cancel(id) | Command::Begin(id) = command {
            let email = self.emails.get(usize::try_from(*id).unwrap());
            return email.is_some_and(|it| it.ends.min(now) + DAY < now || old(it));
        }
        let Command::Reserve(_, requests) = command else { return false };
        requests.iter().any(|request| {
            let mut keyed = self.emails.iter().filter(|it| it.request.key.is_some());
            keyed.any(|it| it.request.key == request.key && it.reserved + DAY < now)
        })
    }

    /// Lives on to an instant: what was left open lapses when it ends.
    pub(crate) fn live_to(&mut self, now: Minute) {
        let ends = |(n, email): (usize, &Email)| {
            (email.fate == Fate::Open && email.ends <= now).then_some((email.ends, n))
        };
        while let Some((at, n)) = self.emails.iter().enumerate().filter_map(ends).min() {
            self.end(n, Fate::Lapsed, at);
        }
        self.now = Some(now);
    }

    fn end(&mut self, n: usize, fate: Fate, now: Minute) {
        let email = &mut self.emails[n];
        let counts = match fate {
            Fate::Cancelled | Fate::Open => false,
            Fate::Lapsed => true,
            Fate::Settled(outcome) => outcome != Outcome::Deferred,
        };
        (email.fate, email.decided, email.charged) = (fate, now, counts.then_some(now));
        if counts {
            email.counted = Some(now);
        }
        let (campaign, account, turn) = (email.campaign, email.account, email.turn);
        if counts {
            let senders = &mut self.senders;
            let sender = senders.iter_mut().find(|sender| sender.set.id == account).unwrap();
            sender.days.push(day(sender.set.zone, now));
        }
        if fate == Fate::Cancelled {
            self.retreat(campaign, account, turn);
        }
    }

    fn look(&self, command: &Command) -> Said {
        if let Command::Look(id, ahead) = command {
            let Some(now) = self.now else { return Ok("never asked".to_owned()) };
            let mut future = self.clone();
            future.live_to(now + ahead);
            return future.standing(*id);
        }
        if let Command::LookLead(id, lead) = command {
            return Ok(format!("{:?}", self.stream(*id).and_then(|it| self.bound(it, *lead))));
        }
        Ok(done())
    }

    fn standing(&self, id: AccountId) -> Said {
        let (sender, now) = (self.sender(id).ok_or("UnknownAccount")?, self.now.unwrap());
        let today = day(sender.set.zone, now);
        let on = |at: Minute| day(sender.set.zone, at) == today;
        let mine = self.emails.iter().filter(|email| email.account == id);
        let sent = mine.clone().filter(|email| email.charged.is_some_and(on)).count();
        let open = mine.filter(|email| email.fate == Fate::Open).count();
        let outside: u32 =
            sender.outside.iter().filter(|(at, _)| on(*at)).map(|(_, emails)| emails).sum();
        let ready = self.stand(sender, now, Purpose::NewLead) == Stand::Ready;
        let sent = u32::try_from(sent).unwrap() + outside;
        let allowance = sender.allowance(today);
        Ok(standing_line(sent, u32::try_from(open).unwrap(), allowance, sender.weight, ready))
    }

    /// Refuses a step of the clock that is too far.
    fn believe(&self, command: &Command, minute: Minute) -> Result<(), &'static str> {
        let leaps = self.now.is_some_and(|seen| minute - seen > LEAP_MAX);
        let bare = matches!(
            command,
            Command::GiveBack | Command::HoldDomain(..) | Command::Reserve(..) | Command::Tick
        );
        if !leaps || matches!(command, Command::ConfirmClock) {
            return Ok(());
        }
        Err(if bare { "TooFarAhead" } else { "Clock" })
    }

    fn change(&mut self, command: &Command, minute: Minute, claims: &[Option<Minute>]) -> Said {
        self.believe(command, minute)?;
        let now = self.now.map_or(minute, |seen| seen.max(minute));
        // What is given back is so before time passes.
        let given_back = matches!(command, Command::GiveBack).then(|| self.give_back());
        self.live_to(now);
        match command.clone() {
            Command::AddAccount(account) => match self.sender(account.id) {
                Some(_) => Err("Exists"),
                None => Ok(self.set_account(*account, now)),
            },
            Command::ChangeAccount(account) => {
                let before = self.sender(account.id).ok_or("UnknownAccount")?;
                let attached = self.attachments(account.id).next().is_some();
                if before.set.owner != account.owner && attached {
                    return Err("OwnerOfAttached");
                }
                Ok(self.set_account(*account, now))
            }
            Command::Connect(id, to) => self.edit(id, now, |account| account.connection(to)),
            Command::Suspend(id) => self.edit(id, now, |account| account.suspended(true)),
            Command::Resume(id) => self.edit(id, now, |account| account.suspended(false)),
            Command::Trust(id, value) => self.edit(id, now, |mut account| {
                let measured_at = Some(crate::agreement_zones::at(now).try_into().unwrap());
                account.reputation = Some(Standpoint { value, measured_at });
                account
            }),
            Command::Usage(id, emails) => self.note_outside(id, emails, now),
            Command::FollowUps(id, day, due) => {
                self.sender_mut(id).ok_or("UnknownAccount")?.due.push((day, due));
                Ok(done())
            }
            Command::Begin(id) => self.begin(id),
            Command::GiveBack => Ok(given_back.unwrap_or_default()),
            Command::HoldAccount(id, until) => {
                let sender = self.sender_mut(id).ok_or("UnknownAccount")?;
                sender.hold = until.unwrap_or(Minute::MIN);
                Ok(done())
            }
            Command::HoldDomain(owner, domain, until) => {
                self.domain_holds.retain(|(of, held, _)| (*of, held.as_str()) != (owner, domain));
                self.domain_holds.extend(until.map(|until| (owner, domain.to_owned(), until)));
                Ok(done())
            }
            Command::DeleteAccount(id) => self.delete_account(id),
            Command::AddCampaign(set) => self.add_campaign(set, now),
            Command::ChangeCampaign(set) => self.change_campaign(set, now),
            Command::DeleteCampaign(id) => self.delete_campaign(id),
            Command::BindLead(id, lead, account) => self.bind_lead(id, lead, account),
            Command::Attach(id, accounts, mode) => self.attach(id, &accounts, mode, now),
            Command::Detach(id, accounts, mode) => self.detach(id, &accounts, mode),
            Command::Reserve(id, requests) => {
                let asked = requests.iter().zip(claims);
                let answers = asked.map(|(request, claim)| {
                    let answer = self.reserve(id, request, now, *claim);
                    answer.unwrap_or_else(|error| format!("error {error}"))
                });
                Ok(answers.collect::<Vec<_>>().join("; "))
            }
            Command::Settle(id, outcome) => self.settle(id, Fate::Settled(outcome), now),
            Command::Cancel(id) => self.settle(id, Fate::Cancelled, now),
            Command::ConfirmClock
            | Command::Tick
            | Command::Look(..)
            | Command::LookLead(..)
            | Command::Restart => Ok(done()),
        }
    }

    /// Emails sent without the engine make a day one with a send.
    fn note_outside(&mut self, id: AccountId, emails: u32, now: Minute) -> Said {
        let sender = self.sender_mut(id).ok_or("UnknownAccount")?;
        if emails > 0 {
            sender.outside.push((now, emails));
            sender.days.push(day(sender.set.zone, now));
        }
        Ok(done())
    }

    fn attachments(&self, id: AccountId) -> impl Iterator<Item = &Stream> {
        self.streams.iter().filter(move |stream| stream.member(id).is_some())
    }

    fn edit(
        &mut self,
        id: AccountId,
        now: Minute,
        change: impl FnOnce(Account) -> Account,
    ) -> Said {
        let account = self.sender(id).ok_or("UnknownAccount")?.set.clone();
        Ok(self.set_account(change(account), now))
    }

    fn set_account(&mut self, mut set: Account, now: Minute) -> String {
        if let Some(standpoint) = &mut set.reputation {
            let latest = crate::agreement_zones::at(now).try_into().unwrap();
            standpoint.measured_at = standpoint.measured_at.map(|at| at.min(latest));
        }
        let window = SCHEDULES.iter().position(|schedule| *schedule == set.schedule).unwrap();
        let down = (set.suspended || !set.connection.is_verified()).then_some(now);
        let value = set.reputation.map_or(0, |standpoint| standpoint.value.value());
        let before = self.senders.iter().position(|sender| sender.set.id == set.id);
        let id = set.id;
        let mut sender = Sender {
            set,
            window,
            alive: true,
            weight: 1,
            good: false,
            down_since: down,
            hold: Minute::MIN,
            former: Vec::new(),
            due: Vec::new(),
            outside: Vec::new(),
            days: Vec::new(),
        };
        let fresh = sender.is_fresh(now);
        sender.good = fresh && value > TRUST;
        if let Some(before) = before {
            let old = self.senders.remove(before);
            let stays = old.alive && old.good && old.is_fresh(now) && fresh && value >= TRUST;
            sender.good |= stays;
            sender.down_since = down.map(|now| old.down_since.unwrap_or(now));
            sender.hold = old.hold;
            sender.former = old.former;
            change_zone(&mut sender.former, old.set.zone, sender.set.zone, now);
            sender.weight = old.weight;
            (sender.due, sender.outside, sender.days) = (old.due, old.outside, old.days);
        }
        let weight = sender.weight_on(day(sender.set.zone, now));
        self.senders.push(sender);
        self.reweigh(id, weight);
        done()
    }

    fn delete_account(&mut self, id: AccountId) -> Said {
        self.sender(id).ok_or("UnknownAccount")?;
        let is_last = |it: &Stream| it.members.len() == 1 && it.set.state == CampaignState::Active;
        if self.attachments(id).any(is_last) {
            return Err("LastSender");
        }
        let mut campaigns: Vec<CampaignId> = self.attachments(id).map(|it| it.set.id).collect();
        campaigns.sort_unstable();
        for campaign in &campaigns {
            self.leave(*campaign, id);
        }
        for campaign in campaigns {
            self.stream_mut(campaign).members.retain(|member| member.id != id);
        }
        let sender = self.sender_mut(id).unwrap();
        (sender.alive, sender.hold) = (false, Minute::MIN);
        Ok(done())
    }

    fn add_campaign(&mut self, set: Campaign, now: Minute) -> Said {
        if self.stream(set.id).is_some() {
            return Err("Exists");
        }
        Ok(self.set_campaign(set, now, Some(self.emails.len())))
    }

    fn change_campaign(&mut self, set: Campaign, now: Minute) -> Said {
        let before = self.stream(set.id).ok_or("UnknownCampaign")?;
        if before.set.owner != set.owner && !before.members.is_empty() {
            return Err("OwnerOfAttached");
        }
        let stopped = CampaignState::Stopped;
        if before.set.state == stopped && set.state != stopped {
            return Err("Stopped");
        }
        Ok(self.set_campaign(set, now, None))
    }

    fn delete_campaign(&mut self, id: CampaignId) -> Said {
        self.stream(id).ok_or("UnknownCampaign")?;
        let stream = self.stream_mut(id);
        stream.alive = false;
        stream.members.clear();
        Ok(done())
    }

    fn set_campaign(&mut self, set: Campaign, now: Minute, born: Option<usize>) -> String {
        let window = SCHEDULES.iter().position(|schedule| *schedule == set.schedule).unwrap();
        let Some(stream) = self.streams.iter_mut().find(|stream| stream.set.id == set.id) else {
            self.streams.push(Stream {
                set,
                window,
                alive: true,
                time: fraction(0, 1),
                members: Vec::new(),
                former: Vec::new(),
                given: Vec::new(),
                forgotten: Vec::new(),
                born: born.unwrap(),
            });
            return done();
        };
        change_zone(&mut stream.former, stream.set.zone, set.zone, now);
        (stream.set, stream.window, stream.alive) = (set, window, true);
        if let Some(born) = born {
            stream.born = born;
            stream.given.clear();
            stream.forgotten.clear();
        }
        done()
    }

    fn reserve(
        &mut self,
        id: CampaignId,
        request: &Request,
        now: Minute,
        claim: Option<Minute>,
    ) -> Said {
        if request.key.as_ref().is_some_and(|key| key.is_empty() || key.len() > 255) {
            return Err("KeyLength");
        }
        let stream = self.stream(id).ok_or("UnknownCampaign")?;
        let owner = stream.set.owner;
        let keyed = self.emails.iter().position(|email| {
            email.request.key.is_some()
                && (email.owner, &email.request.key) == (owner, &request.key)
        });
        if let Some(n) = keyed {
            let email = &self.emails[n];
            if email.campaign != id || email.request != *request {
                return Err("KeyReused");
            }
            let word = if email.fate == Fate::Open { "reserved" } else { "ended" };
            return Ok(email.line(word, n));
        }
        if request.account.is_some_and(|account| stream.member(account).is_none()) {
            return Err("AccountNotAttached");
        }
        let bound = self.bound(stream, request.lead);
        match (request.account, bound) {
            (None, None) if request.kind == EmailKind::FollowUp => return Err("LeadUnbound"),
            (Some(account), Some(bound))
                if account != bound && self.gone_at(stream, bound).is_none_or(|at| at > now) =>
            {
                return Err("LeadElsewhere");
            }
            _ => {}
        }
        let (route, able) = self.candidates(stream, request, now);
        if able.is_empty() {
            return Ok(self.later(stream, request, claim));
        }
        self.gather(id);
        let (account, time) = self.turn(self.stream(id).unwrap(), route, &able).unwrap();
        self.stream_mut(id).time = time;
        let email = Email {
            owner,
            campaign: id,
            account,
            request: request.clone(),
            reserved: now,
            ends: now + self.ttl,
            begun: false,
            fate: Fate::Open,
            decided: now,
            charged: None,
            counted: None,
            moved_from: bound.filter(|bound| *bound != account),
            turn: self.advance(id, account, now),
        };
        self.emails.push(email);
        let n = self.emails.len() - 1;
        self.forget_leads(id, now);
        Ok(self.emails[n].line("reserved", n))
    }

    /// When somebody may send it. Further ahead than the model lives, the engine's word is taken if
    /// nobody may just before it and at none of many instants on the way.
    fn later(&self, stream: &Stream, request: &Request, claim: Option<Minute>) -> String {
        let now = self.now.unwrap();
        let found = self.wait(stream, request).or_else(|| {
            let samples = (1..60).map(|n| now + AHEAD + n * n * 17);
            let samples = samples.filter(|at| claim.is_none_or(|claim| *at < claim));
            let claimed = claim.into_iter().flat_map(|claim| [claim - 1, claim]);
            samples.chain(claimed).find(|at| {
                let mut future = self.clone();
                future.live_to(*at);
                !future.candidates(stream, request, *at).1.is_empty()
            })
        });
        found.map_or_else(|| "unavailable".to_owned(), |at| format!("wait {at}"))
    }

    fn begin(&mut self, id: u64) -> Said {
        let n = usize::try_from(id).unwrap();
        let email = self.emails.get_mut(n).ok_or("UnknownReservation")?;
        match email.fate {
            Fate::Open => Ok(begun_line(std::mem::replace(&mut email.begun, true))),
            Fate::Lapsed => Err("Lapsed"),
            Fate::Cancelled | Fate::Settled(_) => Err("Ended"),
        }
    }

    /// Gives back what is out and not begun, at the instant at which the model stands.
    fn give_back(&mut self) -> String {
        let out = |n: &usize| self.emails[*n].fate == Fate::Open && !self.emails[*n].begun;
        let out: Vec<usize> = (0..self.emails.len()).filter(out).collect();
        for n in out.iter().rev() {
            self.end(*n, Fate::Cancelled, self.now.unwrap());
        }
        given_back_line(out.into_iter().map(|n| n as u64))
    }

    fn settle(&mut self, id: u64, fate: Fate, now: Minute) -> Said {
        let n = usize::try_from(id).unwrap();
        let email = self.emails.get(n).ok_or("UnknownReservation")?;
        let (before, ends) = (email.fate, email.ends);
        let late = |at: Minute| (at >= ends).then_some(ends);
        match before {
            Fate::Open | Fate::Lapsed => {
                self.end(n, fate, now);
                Ok(settled_line(false, late(now)))
            }
            before if before == fate => Ok(settled_line(true, late(email.decided))),
            Fate::Cancelled => Err("Cancelled"),
            Fate::Settled(outcome) => Ok(format!("error Settled {outcome}")),
        }
    }
}

impl Email {
    fn line(&self, word: &str, n: usize) -> String {
        email_line(word, n as u64, self.account, self.ends, self.moved_from)
    }
}

fn change_zone(
    former: &mut Vec<(mailrota::Zone, Minute)>,
    old: mailrota::Zone,
    new: mailrota::Zone,
    now: Minute,
) {
    former.retain(|(zone, _)| *zone != new);
    if old != new {
        former.push((old, now + 26 * 60));
    }
}
