//! Runs commands in words on one engine and says in words what it answered.
//!
//! Knows the face of the engine and none of its rules: what is right stands in the tables. Of every
//! table this is checked without being written in it: a refusal and a question change nothing, a
//! wait is exact, and the events bring the engine back, as its snapshot does.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use mailrota::{
    Account, AccountId, AttachError, AttachReport, Block, Campaign, CampaignId, Candidate, Config,
    Connection, Engine, Event, Explanation, Fate, LeadId, Mode, Outcome, OwnerId, Pick, Request,
    ReservationId, ReserveError, SettleError, Settlement, Shards, Standing, Wait,
};
use serde_json::Value;

use crate::words_settings as settings;
use crate::words_settings::{Refusal, instant, number, numbers, span};
use crate::words_shards as shards;

/// The lines of an answer.
type Answer = Result<Vec<String>, Refusal>;

/// One engine, its history, and the codes that it ever answered with.
#[derive(Debug)]
pub(crate) struct Runner {
    engine: Engine,
    config: Config,
    events: Vec<Event>,
    now: DateTime<Utc>,
    saved: Option<(Value, Vec<Event>)>,
    shards: Option<Shards>,
    pub(crate) codes: BTreeSet<String>,
}

#[expect(clippy::unnecessary_wraps, reason = "an answer like those that may be refusals")]
fn one(text: impl Into<String>) -> Answer {
    Ok(vec![text.into()])
}

fn ok((): ()) -> Answer {
    one("ok")
}

fn listed<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    if items.is_empty() { "-".to_owned() } else { items.join(",") }
}

/// Words of a line; a quoted one may have spaces, and `x*256` stands for so many of them.
fn split(line: &str) -> Vec<String> {
    let mut quoted = false;
    let words = line.split(|c: char| {
        quoted ^= c == '"';
        c.is_whitespace() && !quoted
    });
    let words = words.filter(|word| !word.is_empty()).map(|word| word.replace('"', ""));
    let long = |word: String| match word.split_once("x*") {
        Some((name, times)) if !name.starts_with("ramp") => {
            name.to_owned() + &"x".repeat(number(times))
        }
        _ => word,
    };
    words.map(long).collect()
}

impl Runner {
    pub(crate) fn new() -> Self {
        let mut engine = Engine::new(Config::default());
        engine.record_events();
        Self {
            engine,
            config: Config::default(),
            events: Vec::new(),
            now: DateTime::UNIX_EPOCH,
            saved: None,
            shards: None,
            codes: BTreeSet::new(),
        }
    }

    /// Runs one line and returns its answer.
    pub(crate) fn run(&mut self, line: &str) -> Vec<String> {
        let words = split(line);
        let (word, rest) = words.split_first().unwrap();
        let mut before = self.engine.clone();
        let (answer, question) = match self.ask(word, rest) {
            Some(answer) => (answer, true),
            None => (self.command(word, rest), false),
        };
        self.events.extend(self.engine.take_events());
        if question {
            assert_eq!(before.snapshot(), self.engine.snapshot(), "`{line}` changed something");
        }
        answer.unwrap_or_else(|refusal| {
            // A call that is refused may have taken the clock in.
            let after = self.engine.snapshot();
            let untouched = before.snapshot() == after || before.tick(self.now).is_err();
            assert!(untouched || before.snapshot() == after, "`{line}`: refused, and done");
            self.codes.extend(refusal.codes.split(' ').map(str::to_owned));
            vec![format!("{}: {}", refusal.codes, refusal.text)]
        })
    }

    /// The history and the snapshot bring the same engine back.
    pub(crate) fn check_history(&self) {
        let snapshot = self.engine.snapshot();
        assert_eq!(self.replayed().snapshot(), snapshot, "the events tell another story");
        let text = serde_json::to_string(&snapshot).unwrap();
        let again = Engine::restore(serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(again.snapshot(), snapshot, "the snapshot reads back as another");
    }

    /// An engine to which the same happened. A clock that was looked at is no event.
    fn replayed(&self) -> Engine {
        let mut again = Engine::replay(self.config.clone(), &self.events);
        if let Some(seen) = self.engine.seen() {
            again.confirm_clock(seen.to_datetime()).unwrap();
        }
        again
    }

    fn command(&mut self, word: &str, words: &[String]) -> Answer {
        match word {
            "account" | "change" | "suspend" | "resume" | "reputation" | "connection" | "usage"
            | "due" | "hold" | "delete" => self.account(word, words),
            "at" => {
                self.now = instant(&words[0], self.now)?;
                Ok(Vec::new())
            }
            "attach" | "attach-each" | "dry-run" | "detach" | "detach-each" | "detach-dry-run" => {
                self.membership(word, words)
            }
            "batch" | "begin" | "bind" | "cancel" | "reserve" | "settle" => self.email(word, words),
            "campaign" | "change-campaign" | "delete-campaign" | "state" => {
                self.campaign(word, words)
            }
            "hold-domain" => {
                let until = self.until(&words[2])?;
                ok(self.engine.hold_domain(
                    OwnerId(number(&words[0])),
                    &words[1],
                    until,
                    self.now,
                )?)
            }
            _ => self.machine(word, words),
        }
    }

    /// What concerns the engine as a whole.
    fn machine(&mut self, word: &str, words: &[String]) -> Answer {
        match word {
            "config" => {
                let config = settings::config(words)?;
                self.check_history();
                *self =
                    Self { codes: std::mem::take(&mut self.codes), now: self.now, ..Self::new() };
                self.engine = Engine::new(config.clone());
                self.engine.record_events();
                self.config = config;
                one("ok")
            }
            "confirm-clock" => ok(self.engine.confirm_clock(self.now)?),
            "give-back-unbegun" => one(listed(self.engine.give_back_unbegun(self.now)?)),
            "replay" => {
                self.check_history();
                self.engine = self.replayed();
                self.engine.record_events();
                one("ok")
            }
            "extend" => {
                let (snapshot, before) = self.saved.clone().expect("a snapshot comes first");
                let since = serde_json::to_value(&self.events[before.len()..]).unwrap();
                let since: Vec<Event> = serde_json::from_value(damaged(since, words))?;
                let snapshot = serde_json::from_value(snapshot)?;
                let seen = self.engine.seen().expect("a snapshot came first");
                self.engine = Engine::restore_with(snapshot, since)?;
                self.engine.confirm_clock(seen.to_datetime())?;
                self.engine.record_events();
                one("ok")
            }
            "restore" => {
                let (value, events) = self.saved.clone().expect("a snapshot comes first");
                let value = damaged(value, words);
                self.engine = Engine::restore(serde_json::from_value(value)?)?;
                self.engine.record_events();
                self.events = events;
                one("ok")
            }
            "shards" => one(shards::run(&mut self.shards, &self.engine, words)?),
            "snapshot" => {
                let value = serde_json::to_value(self.engine.snapshot()).unwrap();
                self.saved = Some((value, self.events.clone()));
                one("ok")
            }
            "tick" => ok(self.engine.tick(self.now)?),
            _ => panic!("nobody knows the command `{word}`"),
        }
    }

    fn account(&mut self, word: &str, words: &[String]) -> Answer {
        let (id, rest) = (AccountId(number(&words[0])), &words[1..]);
        let (engine, now) = (&mut self.engine, self.now);
        match word {
            "account" => {
                let account = Account::new(id, OwnerId(1), format!("a{id}@acme.example"));
                ok(engine.add_account(settings::account(account, rest)?, now)?)
            }
            "change" => {
                let old = engine.account(id).cloned();
                let old = old.unwrap_or_else(|| Account::new(id, OwnerId(1), "nobody"));
                ok(engine.change_account(settings::account(old, rest)?, now)?)
            }
            "suspend" => ok(engine.suspend(id, now)?),
            "resume" => ok(engine.resume(id, now)?),
            "reputation" => {
                ok(engine.report_reputation(id, settings::reputation(&rest[0])?, now)?)
            }
            "connection" => {
                let [smtp, imap] = [&rest[0], &rest[1]].map(|text| settings::link(text));
                ok(engine.report_connection(id, Connection::new(smtp, imap), now)?)
            }
            "usage" => ok(engine.report_usage(id, number(&rest[0]), now)?),
            "due" => ok(engine.declare_follow_ups(id, rest[0].parse()?, number(&rest[1]), now)?),
            "hold" => {
                let until = self.until(&rest[0])?;
                ok(self.engine.hold_account(id, until, now)?)
            }
            _ => ok(engine.delete_account(id, now)?),
        }
    }

    fn campaign(&mut self, word: &str, words: &[String]) -> Answer {
        let (id, rest) = (CampaignId(number(&words[0])), &words[1..]);
        let (engine, now) = (&mut self.engine, self.now);
        let old = engine.campaign(id).cloned();
        let old = old.unwrap_or_else(|| Campaign::new(id, OwnerId(1)));
        match word {
            "campaign" => {
                let fresh = Campaign::new(id, OwnerId(1));
                ok(engine.add_campaign(settings::campaign(fresh, rest)?, now)?)
            }
            "change-campaign" => ok(engine.change_campaign(settings::campaign(old, rest)?, now)?),
            "state" => ok(engine.change_campaign(old.state(settings::state(&rest[0])), now)?),
            _ => ok(engine.delete_campaign(id, now)?),
        }
    }

    fn membership(&mut self, word: &str, words: &[String]) -> Answer {
        let campaign = CampaignId(number(&words[0]));
        let accounts: Vec<AccountId> = numbers(&words[1]);
        let mode = match word {
            "attach" | "detach" => Mode::AllOrNone,
            "attach-each" | "detach-each" => Mode::EachThatCan,
            _ => Mode::DryRun,
        };
        let answer = if word.starts_with("detach") {
            self.engine.detach_with(campaign, &accounts, mode, self.now)
        } else {
            self.engine.attach_with(campaign, &accounts, mode, self.now)
        };
        match answer {
            Ok(report) => {
                let mut lines = vec![format!("changed {}", listed(&report.changed))];
                lines.extend(self.findings(&report));
                Ok(lines)
            }
            Err(error) => {
                if let AttachError::Refused(report) = &error {
                    drop(self.findings(report));
                }
                Err(error.into())
            }
        }
    }

    fn findings(&mut self, report: &AttachReport) -> Vec<String> {
        let mut lines = Vec::new();
        for checked in &report.accounts {
            for finding in &checked.findings {
                self.codes.insert(format!("Finding.{}", finding.code()));
                let kind = if finding.is_error() { "error" } else { "warning" };
                lines.push(format!("{} {kind} {}: {finding}", checked.account, finding.code()));
            }
        }
        lines
    }

    fn email(&mut self, word: &str, words: &[String]) -> Answer {
        match word {
            "batch" => {
                let requests: Vec<Request> = words[1..].chunks(2).map(request).collect();
                let campaign = CampaignId(number(&words[0]));
                let picks = self.engine.reserve_batch(campaign, &requests, self.now)?;
                let mut lines = Vec::new();
                for pick in picks {
                    match self.pick(pick) {
                        Ok(answer) => lines.extend(answer),
                        Err(refusal) => lines.push(format!("{}: {}", refusal.codes, refusal.text)),
                    }
                }
                Ok(lines)
            }
            "begin" => {
                let begun = self.engine.begin(reservation(&words[0]), self.now)?;
                one(if begun.repeated { "repeated" } else { "ok" })
            }
            "bind" => {
                let [campaign, lead, account] = [0, 1, 2].map(|n| number(&words[n]));
                let (campaign, lead) = (CampaignId(campaign), LeadId(lead));
                ok(self.engine.bind_lead(campaign, lead, AccountId(account), self.now)?)
            }
            "cancel" => settled(self.engine.cancel(reservation(&words[0]), self.now)),
            "settle" => {
                let outcome = match words[1].as_str() {
                    "deferred" => Outcome::Deferred,
                    "rejected" => Outcome::Rejected,
                    "sent" => Outcome::Sent,
                    "unknown" => Outcome::Unknown,
                    other => panic!("no outcome `{other}`"),
                };
                settled(self.engine.settle(reservation(&words[0]), outcome, self.now))
            }
            _ => {
                let (campaign, request) = (CampaignId(number(&words[0])), request(&words[1..]));
                let pick = self.engine.reserve(campaign, &request, self.now);
                if let Ok(Pick::Wait(wait)) = &pick {
                    self.check_wait(campaign, &request, wait);
                }
                self.pick(pick)
            }
        }
    }

    /// Left alone, the answer stays so at every instant before `until`, and is a reservation at it.
    fn check_wait(&self, campaign: CampaignId, request: &Request, wait: &Wait) {
        let mut alone = self.engine.clone();
        let just_before = wait.until() - TimeDelta::milliseconds(1);
        let before = alone.reserve(campaign, request, just_before).unwrap();
        assert_eq!(before.until(), Some(wait.until()), "just before {}", wait.until_at);
        let then = alone.reserve(campaign, request, wait.until()).unwrap();
        assert!(then.reserved().is_some(), "at {}: {then:?}", wait.until_at);
    }

    fn pick(&mut self, pick: Result<Pick, ReserveError>) -> Answer {
        match pick? {
            Pick::Ended(r) => {
                let fate = match r.fate {
                    Fate::Settled(outcome) => outcome.to_string(),
                    fate @ (Fate::Cancelled | Fate::Lapsed | Fate::Open) => {
                        format!("{fate:?}").to_lowercase()
                    }
                };
                one(format!("ended r{} from {}: {fate}", r.id, r.account))
            }
            Pick::Reserved(r) => {
                let moved = r.moved_from.map(|from| format!(", moved from {from}"));
                let moved = moved.unwrap_or_default();
                one(format!("r{} from {} until {}{moved}", r.id, r.account, r.ends_at))
            }
            Pick::Unavailable(none) => {
                let explained = self.explained(&none.campaign, &none.candidates);
                Ok(["unavailable".to_owned()].into_iter().chain(explained).collect())
            }
            Pick::Wait(wait) => {
                let block = wait.block.map(|block| self.block(&block)).unwrap_or_default();
                one(format!("wait until {} for {}: {block}", wait.until_at, wait.account))
            }
        }
    }

    fn block(&mut self, block: &Block) -> String {
        self.codes.insert(format!("Reason.{}", block.reason.code()));
        block.to_string()
    }

    fn explained(&mut self, campaign: &[Block], candidates: &[Candidate]) -> Vec<String> {
        let campaign: Vec<_> = campaign.iter().map(|b| format!("all: {}", self.block(b))).collect();
        let mut lines = campaign;
        for candidate in candidates {
            let blocks: Vec<_> = candidate.blocks.iter().map(|b| self.block(b)).collect();
            let blocks = if blocks.is_empty() { "ready".to_owned() } else { blocks.join("; ") };
            lines.push(format!("{}: {blocks}", candidate.account));
        }
        lines
    }

    /// Answers a question; nothing if the word is none.
    fn ask(&mut self, word: &str, words: &[String]) -> Option<Answer> {
        let now = self.now;
        let engine = &self.engine;
        let id = || number(&words[0]);
        Some(match word {
            "attached" => one(listed(engine.attached(CampaignId(id())))),
            "explain" => match engine.explain(CampaignId(id()), now) {
                Ok(Explanation { campaign, candidates, .. }) => {
                    Ok(self.explained(&campaign, &candidates))
                }
                Err(error) => Err(error.into()),
            },
            "explain-request" => {
                match engine.explain_request(CampaignId(id()), &request(&words[1..]), now) {
                    Ok(Explanation { campaign, candidates, .. }) => {
                        Ok(self.explained(&campaign, &candidates))
                    }
                    Err(error) => Err(error.into()),
                }
            }
            "forecast" => self.forecast(words),
            "lead" => one(listed(engine.lead_account(CampaignId(id()), LeadId(number(&words[1]))))),
            "next-wakeup" => one(listed(engine.next_wakeup().map(|at| at.to_rfc3339()))),
            "preview" => engine
                .preview(CampaignId(id()), number(&words[1]), now)
                .map(|planned| vec![listed(planned.iter().map(|one| one.account))])
                .map_err(Refusal::from),
            "standing" => match engine.standing(AccountId(id()), now) {
                Ok(standing) => self.standing(&standing),
                Err(error) => Err(error.into()),
            },
            _ => return None,
        })
    }

    fn forecast(&self, words: &[String]) -> Answer {
        let (campaign, emails) = (CampaignId(number(&words[0])), number(&words[1]));
        let forecast = self.engine.forecast(campaign, emails, span(&words[2]), self.now)?;
        let finished = listed(forecast.finished_at);
        let mut lines = vec![format!("{} emails, finished {finished}", forecast.emails)];
        let day =
            |day: &mailrota::DayForecast| format!("{} {}: {}", day.day, day.account, day.emails);
        lines.extend(forecast.days.iter().map(day));
        Ok(lines)
    }

    fn standing(&mut self, of: &Standing) -> Answer {
        let blocks: Vec<_> = of.blocks.iter().map(|block| self.block(block)).collect();
        let ready = if blocks.is_empty() { "ready".to_owned() } else { blocks.join("; ") };
        one(format!("sent {} reserved {} of {}: {ready}", of.sent, of.reserved, of.allowance))
    }

    /// An instant, or `none`.
    fn until(&self, text: &str) -> Result<Option<DateTime<Utc>>, Refusal> {
        if text == "none" { Ok(None) } else { Ok(Some(instant(text, self.now)?)) }
    }
}

/// A value with others at some places.
fn damaged(mut value: Value, words: &[String]) -> Value {
    for (place, damage) in words.iter().filter_map(|word| word.split_once('=')) {
        let found = value.pointer_mut(place).expect("a place in it");
        *found = damage.parse().unwrap_or_else(|_| Value::from(damage));
    }
    value
}

fn settled(settlement: Result<Settlement, SettleError>) -> Answer {
    let settlement = settlement?;
    let late = settlement.late_since.map(|at| format!(", late since {at}")).unwrap_or_default();
    one(format!("{}{late}", if settlement.repeated { "repeated" } else { "ok" }))
}

fn reservation(text: &str) -> ReservationId {
    ReservationId(number(text.strip_prefix('r').unwrap_or(text)))
}

/// `new 7` or `follow 7`, with `from=1`, `not=2,3` and `key=k`.
fn request(words: &[String]) -> Request {
    let lead = LeadId(number(&words[1]));
    let request = match words[0].as_str() {
        "new" => Request::new_lead(lead),
        "follow" => Request::follow_up(lead),
        other => panic!("`{other}` is neither new nor follow"),
    };
    words[2..].iter().fold(request, |request, word| match word.split_once('=') {
        Some(("from", id)) => request.from_account(AccountId(number(id))),
        Some(("not", ids)) => request.excluding(numbers(ids)),
        Some(("key", key)) => request.key(key),
        _ => panic!("nobody knows `{word}`"),
    })
}
