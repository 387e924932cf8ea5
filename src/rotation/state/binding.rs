//! Which account writes to one lead, and which did before.
//!
//! Knows one lead. When it is forgotten is decided beside it.

use serde::{Deserialize, Serialize};

use crate::vocab::{AccountId, ReservationId, Span, Timestamp};

/// An account that writes to a lead, or is about to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Binding {
    pub(crate) account: AccountId,
    /// The first reservation for it; later ones belong to it up to the next binding's.
    pub(crate) since: ReservationId,
    /// Reservations that are out.
    pub(crate) open: u32,
    /// Emails that count as sent.
    pub(crate) counted: u32,
    /// The day on which an email to the lead was last reserved or ended, or it was given away.
    pub(crate) touched: Day,
    /// Whether the lead was given to it by hand.
    pub(crate) given: bool,
}

/// A day of universal time. The first of the year 1 is 1, and nothing was ever touched on day 0.
pub(crate) type Day = u32;

pub(crate) fn day(at: Timestamp) -> Day {
    let days = at.since(Timestamp::MIN).as_ms() / Span::days(1).as_ms();
    Day::try_from(days + 1).unwrap_or(Day::MAX)
}

impl Binding {
    pub(crate) fn new(account: AccountId, since: ReservationId, at: Timestamp) -> Self {
        Self { account, since, open: 0, counted: 0, touched: day(at), given: false }
    }

    /// Whether this account wrote, or is taken to have.
    pub(crate) const fn wrote(&self) -> bool {
        self.given || self.counted > 0
    }
}

/// Who writes to one lead: the last binding; those before it, oldest first, if it gives the lead
/// back. Nearly every lead has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bindings {
    pub(crate) last: Binding,
    earlier: Option<Box<Earlier>>,
}

/// Bindings before the last, apart and behind a single word, since there are many leads.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Earlier(Box<[Binding]>);

impl Bindings {
    pub(crate) fn new(binding: Binding) -> Self {
        Self { last: binding, earlier: None }
    }

    pub(crate) fn of(mut all: Vec<Binding>) -> Option<Self> {
        let last = all.pop()?;
        let earlier = Some(all).filter(|all| !all.is_empty());
        Some(Self { last, earlier: earlier.map(|all| Box::new(Earlier(all.into()))) })
    }

    pub(crate) fn earlier(&self) -> &[Binding] {
        self.earlier.as_deref().map_or(&[], |earlier| &earlier.0)
    }

    /// The binding that so many are before.
    pub(crate) fn nth_mut(&mut self, n: usize) -> &mut Binding {
        let earlier = self.earlier.as_deref_mut().and_then(|earlier| earlier.0.get_mut(n));
        earlier.unwrap_or(&mut self.last)
    }

    pub(crate) fn all(&self) -> impl DoubleEndedIterator<Item = &Binding> {
        self.earlier().iter().chain([&self.last])
    }

    /// Adds a binding behind the last.
    pub(crate) fn push(&mut self, binding: Binding) {
        let earlier = Earlier(self.all().copied().collect());
        *self = Self { last: binding, earlier: Some(Box::new(earlier)) };
    }

    /// Whether nothing of the lead was touched on that day or later, and nothing is out.
    #[inline]
    pub(crate) fn is_older(&self, than: Day) -> bool {
        self.last.touched < than && self.all().all(|binding| binding.open == 0)
    }
}
