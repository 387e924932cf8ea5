//! Words for settings: `cap=50 spacing=5m zone=Europe/Madrid` for accounts, campaigns and engines.
//!
//! Whatever the crate refuses comes back as its own error. A word that means nothing stops the
//! test.

use std::error::Error;

use chrono::{DateTime, TimeDelta, Utc, Weekday};
use mailrota::{
    Account, AmountError, Campaign, CampaignState, Config, Limit, Link, OwnerId, Pace, Percent,
    Provider, Ramp, Reputation, Schedule, Span, Standpoint, TimeError, Timestamp, Warmup,
    WarmupMail, Weight,
};

/// The crate's refusal: its codes from the outside in, and its text.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) codes: String,
    pub(crate) text: String,
}

impl<E: Error> From<E> for Refusal {
    fn from(error: E) -> Self {
        let kind = std::any::type_name::<E>().rsplit("::").next().unwrap();
        Self { codes: codes(kind, &format!("{error:?}")), text: error.to_string() }
    }
}

/// Errors that carry another: the variant, what the other follows, and its type.
const NESTED: [(&str, &str, &str); 4] = [
    ("Clock", "Clock(", "ClockError"),
    ("Event", "Event(", "EventError"),
    ("OutOfRange", "OutOfRange(", "TimeError"),
    ("Setting", "error: ", "SettingError"),
];

/// The codes of an error by how it prints itself: `AccountError.Clock ClockError.TooFarAhead`.
fn codes(kind: &str, debug: &str) -> String {
    let variant: String = debug.chars().take_while(char::is_ascii_alphanumeric).collect();
    if variant == kind {
        return variant;
    }
    let mut nested = NESTED.iter().filter(|(outer, _, _)| *outer == variant);
    let inner = nested.find_map(|(_, opening, inner)| {
        let (_, rest) = debug.split_once(opening)?;
        Some(format!(" {}", codes(inner, rest)))
    });
    let inner = inner.unwrap_or_default();
    format!("{kind}.{variant}{inner}")
}

/// One `name=value`.
fn pair(word: &str) -> (&str, &str) {
    word.split_once('=').unwrap_or_else(|| panic!("`{word}` is no name=value"))
}

fn no_such(word: &str) -> ! {
    panic!("nobody knows `{word}`")
}

pub(crate) fn number<N: std::str::FromStr>(text: &str) -> N {
    text.parse().ok().unwrap_or_else(|| panic!("`{text}` is no number in range"))
}

/// Every number of `1,2,3`; none of `-`.
pub(crate) fn numbers<I: From<u64>>(text: &str) -> Vec<I> {
    text.split(',').filter(|one| *one != "-").map(|one| I::from(number(one))).collect()
}

/// `90s`, `5m`, `2h`, `10d` or `250ms`.
pub(crate) fn span(text: &str) -> Span {
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(0));
    let n = number(digits);
    match unit {
        "ms" => Span::milliseconds(n),
        "s" => Span::seconds(n),
        "m" => Span::minutes(n),
        "h" => Span::hours(n),
        "d" => Span::days(n),
        _ => no_such(text),
    }
}

/// An instant, or `+5m` and `-5m` from now.
pub(crate) fn instant(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, TimeError> {
    let step = |text: &str| TimeDelta::milliseconds(i64::try_from(span(text).as_ms()).unwrap());
    match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(later), _) => Ok(now + step(later)),
        (None, Some(earlier)) => Ok(now - step(earlier)),
        (None, None) => Timestamp::parse(text).map(DateTime::from),
    }
}

pub(crate) fn reputation(text: &str) -> Result<Reputation, AmountError> {
    Reputation::new(number(text))
}

/// `verified`, or the provider's words.
pub(crate) fn link(text: &str) -> Link {
    if text == "verified" { Link::Verified } else { Link::broken(text) }
}

/// `always`, `closed`, `Mon-Fri,09:00-17:00`, or another range such as `Sun,22:00-06:00`.
fn open(schedule: Schedule, text: &str) -> Result<Schedule, Refusal> {
    let Some((day, range)) = text.split_once(',') else {
        return Ok(match text {
            "always" => Schedule::always(),
            "closed" => Schedule::closed(),
            _ => no_such(text),
        });
    };
    let (start, end) = range.split_once('-').unwrap_or((range, ""));
    if day == "Mon-Fri" {
        return Ok(Schedule::working_days(start, end)?);
    }
    let day: Weekday = day.parse().unwrap_or_else(|_| no_such(day));
    let schedule = if schedule.is_always() { Schedule::closed() } else { schedule };
    Ok(schedule.open(day, start, end)?)
}

/// `table:10,20`, `table:-`, `table:1*2000`, `step:5+2` or `factor:10*150`.
fn ramp(text: &str) -> Result<Ramp, Refusal> {
    let (kind, rest) = text.split_once(':').unwrap_or_else(|| no_such(text));
    let two = |by: char| rest.split_once(by).map(|(a, b)| (number(a), number(b)));
    Ok(match (kind, two('*'), two('+')) {
        ("table", Some((row, times)), _) => Ramp::table(vec![row; times as usize])?,
        ("table", None, _) => Ramp::table(
            rest.split(',').filter(|row| *row != "-").map(number).collect::<Vec<u32>>(),
        )?,
        ("step", _, Some((start, step))) => Ramp::step(start, step),
        ("factor", Some((start, percent)), _) => Ramp::factor(start, percent)?,
        _ => no_such(text),
    })
}

/// `8/1h`.
fn limit(text: &str) -> Result<Limit, Refusal> {
    let (max, length) = text.split_once('/').unwrap_or_else(|| no_such(text));
    Ok(Limit::rolling(number(max), span(length))?)
}

/// `90`, `90@2026-11-20T09:00:00Z` or `unknown`.
fn standpoint(text: &str) -> Result<Option<Standpoint>, Refusal> {
    let (value, measured_at) = match text.split_once('@') {
        Some((value, at)) => (value, Some(Timestamp::parse(at)?)),
        None => (text, None),
    };
    if value == "unknown" {
        return Ok(None);
    }
    Ok(Some(Standpoint { value: reputation(value)?, measured_at }))
}

fn provider(text: &str) -> Provider {
    match text {
        "google" => Provider::Google,
        "microsoft" => Provider::Microsoft,
        _ => no_such(text),
    }
}

pub(crate) fn account(account: Account, words: &[String]) -> Result<Account, Refusal> {
    words.iter().try_fold(account, |mut account, word| {
        let (name, value) = pair(word);
        match name {
            "address" => value.clone_into(&mut account.address),
            "cap" => account.daily_cap = number(value),
            "holiday" => account.schedule = account.schedule.holiday(value.parse()?),
            "imap" => account.connection.imap = link(value),
            "jitter" => account.jitter = span(value),
            "limit" => account.limits.push(limit(value)?),
            "limits" => account.limits = vec![limit(value)?; 17],
            "open" => account.schedule = open(account.schedule, value)?,
            "owner" => account.owner = OwnerId(number(value)),
            "pace" => account.pace = if value == "even" { Pace::Even } else { Pace::Asap },
            "provider" => account.provider = provider(value),
            "ramp" => account.ramp = Some(ramp(value)?),
            "reputation" => account.reputation = standpoint(value)?,
            "smtp" => account.connection.smtp = link(value),
            "spacing" => account.spacing = span(value),
            "suspended" => account.suspended = value == "yes",
            "warmup" => account.warmup = Some(Warmup::started(Timestamp::parse(value)?)),
            "warmup-blocked" => {
                account.warmup = Some(account.warmup.unwrap_or_default().blocked(value));
            }
            "warmup-mail" if value == "separate" => account.warmup_mail = WarmupMail::Separate,
            "weight" => account.weight = Weight::new(number(value))?,
            "zone" => account.zone = value.parse()?,
            _ => no_such(word),
        }
        Ok(account)
    })
}

pub(crate) fn state(text: &str) -> CampaignState {
    match text {
        "active" => CampaignState::Active,
        "draft" => CampaignState::Draft,
        "paused" => CampaignState::Paused,
        "stopped" => CampaignState::Stopped,
        _ => no_such(text),
    }
}

pub(crate) fn campaign(campaign: Campaign, words: &[String]) -> Result<Campaign, Refusal> {
    words.iter().try_fold(campaign, |mut campaign, word| {
        let (name, value) = pair(word);
        match name {
            "cap" => campaign.daily_cap = Some(number(value)),
            "holiday" => campaign.schedule = campaign.schedule.holiday(value.parse()?),
            "new-leads" => campaign.new_lead_cap = Some(number(value)),
            "open" => campaign.schedule = open(campaign.schedule, value)?,
            "owner" => campaign.owner = OwnerId(number(value)),
            "state" => campaign.state = state(value),
            "zone" => campaign.zone = value.parse()?,
            _ => no_such(word),
        }
        Ok(campaign)
    })
}

pub(crate) fn config(words: &[String]) -> Result<Config, Refusal> {
    words.iter().try_fold(Config::default(), |config, word| {
        let (name, value) = pair(word);
        Ok(match name {
            "enter-above" => config.reputation_enter_above(reputation(value)?),
            "grace" => config.gone_grace(span(value))?,
            "horizon" => config.horizon(span(value))?,
            "lead-memory" => config.lead_memory(span(value))?,
            "leap-max" => config.leap_max(span(value))?,
            "new-lead-share" => config.new_lead_share(Percent::new(number(value))?),
            "reputation-age" => config.reputation_age_max(span(value))?,
            "seed" => config.seed(number(value)),
            "stay-min" => config.reputation_stay_min(reputation(value)?),
            "ttl" => config.reservation_ttl(span(value))?,
            "warmup-age" => config.warmup_age_min(span(value))?,
            _ => no_such(word),
        })
    })
}
