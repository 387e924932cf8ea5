//! A paper ledger of what a sending service was told, over all lives of its store, and the promises
//! held against it.
//!
//! Shares no code with the engine. An email counts from the instant of its grant, unless its sender
//! was about to report that it did not leave, or was not told that it may begin; that is never more
//! than the engine counts, so what passes a maximum here has passed it there.

use std::collections::BTreeMap;

use mailrota::Outcome;

/// What one account may do. Days are those of UTC.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) account: u64,
    pub(crate) daily_cap: usize,
    pub(crate) per_hour: Option<usize>,
    pub(crate) spacing_ms: i64,
}

/// The accounts of the crash tests.
pub(crate) const RULES: [Rule; 4] = [
    Rule { account: 1, daily_cap: 30, per_hour: None, spacing_ms: 0 },
    Rule { account: 2, daily_cap: 30, per_hour: Some(4), spacing_ms: 0 },
    Rule { account: 3, daily_cap: 40, per_hour: None, spacing_ms: 15 * 60_000 },
    Rule { account: 4, daily_cap: 50, per_hour: None, spacing_ms: 0 },
];

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// How a reservation is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Cancelled,
    Settled(Outcome),
}

/// The words for ends, in the lines of a worker.
pub(crate) const ENDS: [(&str, End); 5] = [
    ("cancelled", End::Cancelled),
    ("deferred", End::Settled(Outcome::Deferred)),
    ("rejected", End::Settled(Outcome::Rejected)),
    ("sent", End::Settled(Outcome::Sent)),
    ("unknown", End::Settled(Outcome::Unknown)),
];

/// A reservation that was answered.
#[derive(Clone, Debug)]
pub(crate) struct Email {
    pub(crate) account: u64,
    pub(crate) lead: u64,
    pub(crate) reserved_at: i64,
    pub(crate) ends_at: i64,
    /// The end that its sender was about to report, and when.
    pub(crate) asked: Option<(End, i64)>,
    /// Whether the report was answered.
    pub(crate) ended: bool,
    pub(crate) mark: Mark,
}

/// How far a sender that marks its sends came before it handed the email over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mark {
    /// It had not asked for a mark, and did not send if it asks for marks at all.
    None,
    /// It had asked and got no answer, so it did not send.
    Asked,
    /// It had the answer, and may have sent the email.
    Set,
}

/// Everything that was answered, by the reservation's number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    /// Whether senders mark what they begin, and the rest is given back after a crash.
    pub(crate) marks: bool,
    pub(crate) emails: BTreeMap<u64, Email>,
    /// Whether the accounts were there before anybody asked for one.
    pub(crate) is_ready: bool,
    /// The latest instant of any answer.
    pub(crate) latest: i64,
}

impl Ledger {
    /// Reads the lines of all lives, one after the other.
    pub(crate) fn read(lines: &[&str], marks: bool) -> Result<Self, String> {
        let mut ledger = Self { marks, ..Self::default() };
        for line in lines {
            let words: Vec<_> = line.split(' ').collect();
            let number = |place: usize| {
                let word = words.get(place).and_then(|word| word.parse::<i64>().ok());
                word.ok_or_else(|| format!("told: {line}"))
            };
            let id = number(1).unwrap_or_default().unsigned_abs();
            match words[0] {
                "ready" => ledger.is_ready = true,
                "reserved" => {
                    let email = Email {
                        account: number(2)?.unsigned_abs(),
                        lead: number(3)?.unsigned_abs(),
                        reserved_at: number(4)?,
                        ends_at: number(5)?,
                        asked: None,
                        ended: false,
                        mark: Mark::None,
                    };
                    ledger.latest = ledger.latest.max(email.reserved_at);
                    // Asked for again by its key, it is the same.
                    let known = ledger.emails.entry(id).or_insert_with(|| email.clone());
                    if !known.is_same(&email) {
                        return Err(format!("{line}, and before: {known:?}"));
                    }
                }
                "asks" => {
                    let email = ledger.emails.get_mut(&id).ok_or(*line)?;
                    let end = ENDS.iter().find(|(word, _)| *word == words[2]).ok_or(*line)?;
                    email.asked = Some((end.1, number(3)?));
                    ledger.latest = ledger.latest.max(number(3)?);
                }
                "begins" => ledger.emails.get_mut(&id).ok_or(*line)?.mark = Mark::Asked,
                "begun" => ledger.emails.get_mut(&id).ok_or(*line)?.mark = Mark::Set,
                "ended" => ledger.emails.get_mut(&id).ok_or(*line)?.ended = true,
                _ => return Err(format!("told: {line}")),
            }
        }
        Ok(ledger)
    }

    /// Holds every account to its rule, and every number to the order of time.
    pub(crate) fn holds(&self) -> Result<(), String> {
        let instants = self.emails.values().map(|email| email.reserved_at);
        if !instants.is_sorted() {
            return Err("a later reservation has an earlier instant".to_owned());
        }
        RULES.iter().try_for_each(|rule| self.keeps(rule))
    }

    fn keeps(&self, rule: &Rule) -> Result<(), String> {
        let counts = |email: &&Email| {
            let given_back = self.marks && email.mark < Mark::Set;
            email.account == rule.account && email.counts() && !given_back
        };
        let emails: Vec<_> = self.emails.values().filter(counts).collect();
        for (n, email) in emails.iter().enumerate() {
            let at = email.reserved_at;
            let since = |from: i64| n + 1 - emails.partition_point(|e| e.reserved_at < from);
            let today = since(at - at % DAY_MS);
            let this_hour = since(at - HOUR_MS + 1);
            if today > rule.daily_cap || this_hour > rule.per_hour.unwrap_or(usize::MAX) {
                return Err(format!("{today} today, {this_hour} in the hour, for {rule:?}"));
            }
        }
        for pair in emails.windows(2) {
            let distance = pair[1].reserved_at - pair[0].sent_at();
            if distance < rule.spacing_ms {
                return Err(format!("{distance} ms apart, for {rule:?}: {pair:?}"));
            }
        }
        Ok(())
    }
}

impl Email {
    /// Whether both are answers about one reservation.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let told = |email: &Self| (email.account, email.lead, email.reserved_at, email.ends_at);
        told(self) == told(other)
    }

    /// Whether it may have left.
    fn counts(&self) -> bool {
        let spared = [End::Cancelled, End::Settled(Outcome::Deferred)];
        self.asked.is_none_or(|(end, _)| !spared.contains(&end))
    }

    /// The earliest instant that the engine can take for that of the send.
    fn sent_at(&self) -> i64 {
        let reported = self.asked.map_or(self.ends_at, |(_, at)| at.max(self.reserved_at));
        if rule_has_spacing(self.account) { reported.min(self.ends_at) } else { self.reserved_at }
    }
}

/// Without spacing, several emails of an account are out at a time.
fn rule_has_spacing(account: u64) -> bool {
    RULES.iter().any(|rule| rule.account == account && rule.spacing_ms > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// > Over all lives no cap is passed and no spacing broken.
    #[test]
    fn a_broken_promise_is_seen() {
        let line = |id: u64, account: u64, minute: i64| {
            let at = minute * 60_000;
            format!("reserved {id} {account} {id} {at} {}", at + 600_000)
        };
        let holds = |lines: &[String]| {
            let lines: Vec<_> = lines.iter().map(String::as_str).collect();
            Ledger::read(&lines, false).and_then(|ledger| ledger.holds())
        };
        let many = |count| (0..count).map(|n| line(n, 1, 1)).collect::<Vec<_>>();
        assert_eq!(holds(&many(30)), Ok(()));
        assert!(holds(&many(31)).unwrap_err().starts_with("31 today"));
        let spared = ["asks 3 deferred 60001".to_owned()];
        assert_eq!(holds(&[many(31), spared.into()].concat()), Ok(()));
        let hour = |count| (0..count).map(|n| line(n, 2, 7)).collect::<Vec<_>>();
        assert_eq!(holds(&[hour(4), [line(9, 2, 67)].into()].concat()), Ok(()));
        assert!(holds(&[hour(4), [line(9, 2, 66)].into()].concat()).is_err());
        // It lapses after ten minutes, and fifteen more must pass.
        assert!(holds(&[line(0, 3, 0), line(1, 3, 24)]).unwrap_err().starts_with("840000 ms"));
        assert_eq!(holds(&[line(0, 3, 0), line(1, 3, 25)]), Ok(()));
        let early = "asks 0 sent 120000".to_owned();
        assert_eq!(holds(&[line(0, 3, 0), early, line(1, 3, 17)]), Ok(()));
        assert!(holds(&[line(0, 1, 5), line(0, 2, 5)]).unwrap_err().contains("before"));
        assert_eq!(holds(&[line(0, 1, 5), line(0, 1, 5)]), Ok(()));
        assert!(holds(&[line(0, 1, 5), line(1, 1, 4)]).is_err());
    }
}
