//! What somebody outside writes down of the engine's answers: no grant makes one too many.
//!
//! Knows only answers and the settings in force, not the model.

use std::collections::{BTreeMap, btree_map};

use mailrota::{AccountId, Engine, Fate, Outcome, ReservationId, Span};

use crate::agreement_commands::{Answer, Command};
use crate::agreement_zones::day;
use crate::model::{minute, minutes};
use crate::model_state::Minute;

/// One email as its worker saw it.
struct Entry {
    account: AccountId,
    ends: Minute,
    begun: bool,
    /// How and when it was settled.
    settled: Option<(Fate, Minute)>,
}

#[derive(Default)]
pub(crate) struct Ledger {
    entries: BTreeMap<ReservationId, Entry>,
    /// Sent without the engine.
    outside: Vec<(AccountId, Minute, u32)>,
}

impl Ledger {
    /// Notes an answer. Fails if a grant makes one too many.
    pub(crate) fn note(
        &mut self,
        engine: &Engine,
        command: &Command,
        answer: &Answer,
    ) -> Result<(), String> {
        let Some(now) = engine.seen().map(minute) else { return Ok(()) };
        let fate = if let Command::Settle(id, outcome) = command {
            Some((*id, Fate::Settled(*outcome)))
        } else if let Command::Cancel(id) = command {
            Some((*id, Fate::Cancelled))
        } else {
            None
        };
        if let Some((id, fate)) =
            fate.filter(|_| answer.line.starts_with("settled, repeated false"))
        {
            self.entries.get_mut(&ReservationId(id)).unwrap().settled = Some((fate, now));
        }
        let given_back = answer.line.strip_prefix("given back ").filter(|line| *line != "[]");
        for id in given_back.into_iter().flat_map(|line| line.trim_matches(['[', ']']).split(", "))
        {
            let entry = self.entries.get_mut(&ReservationId(id.parse().unwrap())).unwrap();
            if entry.begun {
                return Err(format!("#{id} was begun, and is given back"));
            }
            entry.settled = Some((Fate::Cancelled, now));
        }
        if let Command::Begin(id) = command {
            if answer.line == "begun, repeated false" {
                self.entries.get_mut(&ReservationId(*id)).unwrap().begun = true;
            }
        }
        if let Command::Usage(id, emails) = command {
            if answer.line == "done" {
                self.outside.push((*id, now, *emails));
            }
        }
        let mut granted = Vec::new();
        for it in &answer.reservations {
            let entry = Entry {
                account: it.account,
                ends: minute(it.ends_at),
                begun: false,
                settled: None,
            };
            if let btree_map::Entry::Vacant(place) = self.entries.entry(it.id) {
                place.insert(entry);
                granted.push((it.id, it.account));
            }
        }
        granted.into_iter().try_for_each(|(id, account)| self.check(engine, id, account, now))
    }

    /// When an email counts as sent, at the latest; nothing while it is out or if it was not sent.
    fn sent_at(entry: &Entry, now: Minute) -> Option<Minute> {
        match entry.settled {
            Some((Fate::Cancelled | Fate::Settled(Outcome::Deferred), _)) => None,
            Some((_, at)) => Some(at),
            None => (entry.ends <= now).then_some(entry.ends),
        }
    }

    fn check(
        &self,
        engine: &Engine,
        id: ReservationId,
        account: AccountId,
        now: Minute,
    ) -> Result<(), String> {
        let set = engine.account(account).ok_or("granted to nobody")?;
        let mine = || self.entries.iter().filter(|(_, entry)| entry.account == account);
        let out = |entry: &Entry| entry.settled.is_none() && entry.ends > now;
        let used = |counts: &dyn Fn(Minute) -> bool| -> u32 {
            let emails = mine()
                .filter(|(_, entry)| out(entry) || Self::sent_at(entry, now).is_some_and(counts));
            let outside = self.outside.iter().filter(|(of, at, _)| *of == account && counts(*at));
            u32::try_from(emails.count()).unwrap() + outside.map(|(_, _, n)| n).sum::<u32>()
        };
        for limit in &set.limits {
            let length = minutes(limit.length());
            let used = used(&|at| at + length > now);
            if used > limit.emails() {
                return Err(format!("{account} used {used} of {limit}"));
            }
        }
        let today = day(set.zone, now);
        let used = used(&|at| day(set.zone, at) == today);
        if used > set.daily_cap {
            return Err(format!("{account} used {used} of {} on {today}", set.daily_cap));
        }
        let gap = minutes(set.spacing);
        let near = mine().any(|(other, entry)| {
            let recent = Self::sent_at(entry, now).is_some_and(|at| at + gap > now);
            *other != id && (out(entry) || recent)
        });
        if set.spacing > Span::ZERO && near {
            return Err(format!("{account} sends again within {}", set.spacing));
        }
        Ok(())
    }
}
