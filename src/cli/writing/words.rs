//! How things are written: numbers, shares, instants, reasons, and texts that come from outside.
//!
//! Addresses and providers' words are foreign: whatever is in them, they cannot move the cursor,
//! turn the reading direction, or be taken for markup.

use std::borrow::Cow;
use std::fmt::Write;

use mailrota::{Block, Reason, Span, Timestamp, Zone};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What the reasons are called where one or two words must do.
const SHORT: [(Reason, &str); 17] = [
    (Reason::AccountHold, "hold"),
    (Reason::CampaignDailyCap, "campaign cap"),
    (Reason::CampaignNewLeadCap, "new leads cap"),
    (Reason::DailyCap, "daily cap"),
    (Reason::DomainHold, "domain hold"),
    (Reason::FormerZoneCap, "former zone"),
    (Reason::GapNotOver, "spacing"),
    (Reason::Holiday, "holiday"),
    (Reason::HourCap, "hourly limit"),
    (Reason::LongCap, "long limit"),
    (Reason::MinuteCap, "minute limit"),
    (Reason::OutOfSchedule, "window"),
    (Reason::OutsideSenderHours, "own window"),
    (Reason::PaceNotDue, "even pace"),
    (Reason::RampCap, "ramp"),
    (Reason::RollingCap, "24 h limit"),
    (Reason::SenderHoliday, "own holiday"),
];

/// One or two words for a reason.
pub(crate) fn short(reason: Reason) -> Cow<'static, str> {
    let known = SHORT.iter().find(|(known, _)| *known == reason);
    known.map_or_else(|| reason.code().replace('_', " ").into(), |(_, short)| (*short).into())
}

/// `12,345`.
pub(crate) fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 email`, `2 emails`.
pub(crate) fn count(n: u64, one: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {one}{plural}", number(n))
}

/// A part of a whole in tenths of a percent, rounded to the nearest.
pub(crate) fn tenths(part: u64, whole: u64) -> u64 {
    let (part, whole) = (u128::from(part), u128::from(whole.max(1)));
    u64::try_from((part * 2_000 + whole) / (2 * whole)).unwrap_or(u64::MAX)
}

/// `12.5%` of 125 tenths.
pub(crate) fn percent(tenths: u64) -> String {
    format!("{}.{}%", tenths / 10, tenths % 10)
}

/// A length in its two largest units, rounded down: `9 d 23 h`.
pub(crate) fn span(span: Span) -> String {
    const UNITS: [(u64, &str); 4] =
        [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")];
    let Some(first) = UNITS.iter().position(|(size, _)| span.as_ms() >= *size) else {
        return "0 s".to_owned();
    };
    let mut left = span.as_ms();
    let mut parts = Vec::new();
    for (size, name) in UNITS.iter().skip(first).take(2) {
        if left >= *size {
            parts.push(format!("{} {name}", left / size));
        }
        left %= size;
    }
    parts.join(" ")
}

/// What held for how long; for no time at all only what: `daily cap 7 d 13 h`.
pub(crate) fn held(reason: Reason, time: Span) -> String {
    let name = short(reason);
    if time.is_zero() { name.into_owned() } else { format!("{name} {}", span(time)) }
}

/// `daily cap 30/30 until 24 Nov 00:00`.
pub(crate) fn told(zone: Zone, block: &Block) -> String {
    let mut told = short(block.reason).into_owned();
    if let (Some(used), Some(max)) = (block.used, block.max) {
        let _ = write!(told, " {used}/{max}");
    }
    match block.until {
        Some(until) => {
            let _ = write!(told, " until {}", brief(zone, until));
        }
        None => told.push_str(" until somebody acts"),
    }
    told
}

/// `Friday 4 December 2026 at 08:20`, on the zone's wall.
pub(crate) fn in_full(zone: Zone, at: Timestamp) -> String {
    zone.local(at).format("%A %-d %B %Y at %H:%M").to_string()
}

/// `Fri 4 Dec 2026 08:20`.
pub(crate) fn day_and_time(zone: Zone, at: Timestamp) -> String {
    zone.local(at).format("%a %-d %b %Y %H:%M").to_string()
}

/// `4 Dec 08:20`.
pub(crate) fn brief(zone: Zone, at: Timestamp) -> String {
    zone.local(at).format("%-d %b %H:%M").to_string()
}

/// A text that somebody else wrote. Each way out of it is safe for where it goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Foreign(pub(crate) String);

impl Foreign {
    /// For a terminal.
    pub(crate) fn shown(&self) -> String {
        safe(&self.0)
    }

    /// For HTML and SVG.
    pub(crate) fn escaped(&self) -> String {
        escaped(&self.0)
    }
}

/// A foreign text with all that does not show as a character of its own replaced.
pub(crate) fn safe(text: &str) -> String {
    let shows = |c: char| !c.is_control() && (c == ' ' || c.width().is_some_and(|width| width > 0));
    text.chars().map(|c| if shows(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

/// A text with what is secret of the API keys in it left out: all that comes after their number.
pub(crate) fn without_keys(text: &str) -> String {
    const BEGINS: &str = "mr_";
    /// As many digits are no word.
    const DIGITS: usize = 8;
    let mut parts = text.split(BEGINS);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(BEGINS);
        let number = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = part.split_at(number);
        let secret = after.strip_prefix('_').unwrap_or_default();
        let rest = secret.trim_start_matches(|c: char| c.is_ascii_hexdigit());
        let is_secret = !number.is_empty() && secret.len() - rest.len() >= DIGITS;
        let (told, rest) = if is_secret { ("_…", rest) } else { ("", after) };
        out.extend([number, told, rest]);
    }
    out
}

/// A foreign text as HTML or XML shows it, within an element or a quoted attribute.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in safe(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// Cut to so many columns, with a sign that it was.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += c.width().unwrap_or_default();
        if used + 1 > columns {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

/// A foreign text in exactly so many columns.
pub(crate) fn padded(text: &str, columns: usize) -> String {
    let text = cut(text, columns);
    let pad = columns.saturating_sub(text.width());
    text + &" ".repeat(pad)
}

/// Broken into lines of at most so many columns, between words where there are any.
pub(crate) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last().map_or(0, |line| line.width());
        if line > 0 && line + 1 + word.width() > columns {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&cut(word, columns.max(1)));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_shares_read_well() {
        for (n, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(number(n), text);
        }
        for (part, whole, text) in
            [(1, 3, "33.3%"), (2, 3, "66.7%"), (1, 2_000, "0.1%"), (5, 0, "500.0%")]
        {
            assert_eq!(percent(tenths(part, whole)), text);
        }
        for (ms, text) in [
            (0, "0 s"),
            (999, "0 s"),
            (90_500, "1 min 30 s"),
            (86_400_000, "1 d"),
            (3_661_000, "1 h 1 min"),
        ] {
            assert_eq!(span(Span::milliseconds(ms)), text);
        }
    }

    #[test]
    fn foreign_text_is_only_text() {
        assert_eq!(
            escaped("<a href=\"x\">&'</a>"),
            "&lt;a href=&quot;x&quot;&gt;&amp;&#39;&lt;/a&gt;"
        );
        assert_eq!(
            safe("a\u{1b}[2Jb\u{202e}c\nd\u{200b}e"),
            "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d\u{fffd}e"
        );
        assert_eq!(safe("Jürgen 日本"), "Jürgen 日本");
    }

    #[test]
    fn keys_are_not_told() {
        for (text, told) in [
            ("a 'mr_2_a3254f60' and mr_31_a3254f60b2!", "a 'mr_2_…' and mr_31_…!"),
            ("mr_1_mr_2_a3254f60", "mr_1_mr_2_…"),
            ("mr_report_2.json mr_2026_may.db mr_", "mr_report_2.json mr_2026_may.db mr_"),
        ] {
            assert_eq!(without_keys(text), told);
        }
    }

    #[test]
    fn a_cut_text_fits_its_columns() {
        for (text, columns, cut_to) in [
            ("ana@acme", 8, "ana@acme"),
            ("ana@acme", 7, "ana@ac…"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
        ] {
            assert_eq!(cut(text, columns), cut_to);
        }
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
    }
}
