//! How long a campaign's rules need not be asked again.
//!
//! Knows instants and a number of emails, and no rule.

use crate::vocab::Timestamp;

/// What a campaign surely lets through: so many emails before an instant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lease {
    pub(crate) until: Timestamp,
    pub(crate) emails: u32,
}

impl Lease {
    pub(crate) const NONE: Self = Self { until: Timestamp::MIN, emails: 0 };

    /// Until when surely no rule of the campaign blocks, if none does at `now`.
    #[inline]
    pub(crate) fn holds_until(self, now: Timestamp) -> Option<Timestamp> {
        (self.emails > 0 && now < self.until).then_some(self.until)
    }
}
