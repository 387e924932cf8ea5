//! A reputation as products write it: a number, a percentage, or a word.
//!
//! Knows how to read one. What an account may do with it is decided elsewhere.

use serde_json::Value;

use crate::import::fields::decimal;
use crate::vocab::Reputation;

pub(crate) const REPUTATION_RULE: &str =
    "give 0 to 100, \"95%\", or excellent, good, average, fair, poor or bad";

/// A reputation given as a word.
///
/// No product says which numbers its words stand for. The numbers here are this crate's own
/// reading: each is low within what the word may mean, so that an account is sooner held back than
/// trusted too far. A word that is not in the table is refused rather than guessed.
///
/// | word | read as |
/// |---|---|
/// | `excellent` | 95 |
/// | `good` | 85 |
/// | `average`, `fair` | 70 |
/// | `poor`, `bad` | 50 |
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ReputationWord {
    /// Little trust: `poor` or `bad`.
    Poor,
    /// Neither good nor bad: `average` or `fair`.
    Fair,
    /// Trusted: `good`.
    Good,
    /// Fully trusted: `excellent`.
    Excellent,
}

impl ReputationWord {
    /// Reads a word of the table, in any case.
    pub fn parse(word: &str) -> Option<Self> {
        match word.trim().to_ascii_lowercase().as_str() {
            "bad" | "poor" => Some(Self::Poor),
            "average" | "fair" => Some(Self::Fair),
            "good" => Some(Self::Good),
            "excellent" => Some(Self::Excellent),
            _ => None,
        }
    }

    /// The number that the word is read as, 0 to 100.
    pub const fn value(self) -> u8 {
        match self {
            Self::Poor => 50,
            Self::Fair => 70,
            Self::Good => 85,
            Self::Excellent => 95,
        }
    }
}

/// Reads `95`, `95.5` (as 95), `"95"`, `"95%"` or a word. A fraction is rounded down, so that 80.9
/// does not pass for "above 80".
pub(crate) fn reputation(value: &Value) -> Option<Reputation> {
    let number = match value.as_str() {
        Some(text) => {
            if let Some(word) = ReputationWord::parse(text) {
                return Reputation::new(word.value()).ok();
            }
            let text = text.trim();
            text.strip_suffix('%').unwrap_or(text).trim_end().to_owned()
        }
        None => value.as_number()?.to_string(),
    };
    let (whole, fraction) = decimal(&number)?;
    if whole == 100 && fraction {
        return None;
    }
    Reputation::new(u8::try_from(whole).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_reputation_is_written_in_several_ways() {
        for (value, read) in [
            (json!(0), Some(0)),
            (json!(95), Some(95)),
            (json!(100), Some(100)),
            (json!(95.0), Some(95)),
            (json!(95.5), Some(95)),
            (json!(80.999), Some(80)),
            (json!("95"), Some(95)),
            (json!("95%"), Some(95)),
            (json!(" 95 % "), Some(95)),
            (json!("95.5%"), Some(95)),
            (json!("excellent"), Some(95)),
            (json!("Good"), Some(85)),
            (json!("fair"), Some(70)),
            (json!("average"), Some(70)),
            (json!("POOR"), Some(50)),
            (json!("bad"), Some(50)),
            (json!(101), None),
            (json!(100.5), None),
            (json!(-1), None),
            (json!(1e300), None),
            (json!("95%%"), None),
            (json!("%"), None),
            (json!("0.95e2"), None),
            (json!("superb"), None),
            (json!("not good"), None),
            (json!(true), None),
            (json!([95]), None),
        ] {
            assert_eq!(reputation(&value).map(Reputation::value), read, "{value}");
        }
    }
}
