//! The caller's own numbers, one type per kind, so that one cannot be taken for another.
//!
//! Knows no meaning: ids are compared and printed, never computed with.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        #[expect(clippy::exhaustive_structs, reason = "an id is a number and nothing else")]
        pub struct $name(pub u64);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl From<u64> for $name {
            fn from(id: u64) -> Self {
                Self(id)
            }
        }
    };
}

id! {
    /// One mailbox that may be sent from.
    AccountId
}
id! {
    /// A stream of emails that shares attached accounts.
    CampaignId
}
id! {
    /// The customer that an account or a campaign belongs to.
    OwnerId
}
id! {
    /// One person that a campaign writes to, possibly several times.
    LeadId
}
id! {
    /// One email's room on one account. Given out by the engine, ascending, never twice.
    ReservationId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_says_the_kind_and_display_the_number() {
        assert_eq!(format!("{:?} {}", AccountId(7), LeadId(8)), "AccountId(7) 8");
    }
}
