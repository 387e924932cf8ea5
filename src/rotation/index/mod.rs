//! What is derived from the facts so that a turn need not look at every account.
//!
//! For each account its outlook, for each campaign its accounts in the order of their turns. All of
//! it follows from the state and the present instant, may be thrown away and built again, and never
//! decides anything that the state does not.

pub(super) mod addresses;
mod answers;
mod renew;
pub(super) mod starved;

use crate::policy::grain;
use crate::rotation::containers::swept::Swept;
use crate::rotation::containers::table::{Hint, Slot};
use crate::rotation::index::addresses::Addresses;
use crate::rotation::index::answers::Answers;
use crate::rotation::rota::Rota;
use crate::rotation::rota::closing::Closing;
use crate::rotation::rota::lens::Lens;
use crate::rotation::rota::outlook::Outlook;
use crate::rotation::rota::scan::SCANNED_MAX;
use crate::rotation::rota::shut::LOOKS_MAX;
use crate::rotation::rules::AccountRules;
use crate::rotation::state::charge::Taken;
use crate::rotation::state::exclusion::Exclusion;
use crate::rotation::state::reservation::{Fate, Reservations};
use crate::rotation::state::{AccountRecord, State};
use crate::vocab::{AccountId, ReservationId, Span, Timestamp};

/// What happened to an account's facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Touch {
    /// Anything: every rule must be asked again.
    Changed,
    /// A reservation ended in time.
    Ended,
    /// A reservation was granted.
    Granted,
}

/// From so many accounts of a campaign on it matters that not all are looked at when their windows
/// close at once.
const FORESEEN_MIN: usize = 1_000;

/// Everything derived.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    pub(crate) now: Timestamp,
    /// By the account's slot.
    pub(super) outlooks: Vec<Outlook>,
    /// What comes after each. Empty as long as nobody's closing is foreseen.
    pub(super) closings: Vec<Closing>,
    /// Where each account may wait: campaigns, and its rows there. What no longer holds is dropped
    /// when it is looked at.
    pub(super) waits: Vec<Vec<(Slot, Slot)>>,
    /// Nothing in a copy that nobody asks for addresses.
    pub(super) addresses: Option<Addresses>,
    /// By the campaign's slot.
    rotas: Vec<Rota>,
    /// When somebody may send at the earliest, where that was asked and is known still.
    pub(super) answers: Answers,
    /// Reservations that are out by when they lapse; the first is one of them.
    lapses: Swept<ReservationId>,
    /// Of a campaign whose accounts are shared, up to so many are gone through.
    pub(crate) scanned_max: usize,
    /// Closings are foreseen once a campaign has so many accounts.
    pub(crate) foreseen_min: usize,
    pub(super) foresees: bool,
    /// So many are looked at in one call once their windows are open again.
    pub(crate) looks_max: usize,
    /// How often all rules of an account were asked.
    #[cfg(test)]
    pub(crate) asked: usize,
}

impl Index {
    pub(crate) fn new(state: &State) -> Self {
        let addresses = Some(Addresses::new(state));
        Self { addresses, ..Self::without_addresses(state) }
    }

    pub(crate) fn without_addresses(state: &State) -> Self {
        let mut index = Self {
            now: state.seen.unwrap_or(Timestamp::MIN),
            outlooks: Vec::new(),
            closings: Vec::new(),
            waits: Vec::new(),
            addresses: None,
            rotas: Vec::new(),
            answers: Answers::default(),
            lapses: Swept::default(),
            scanned_max: SCANNED_MAX,
            foreseen_min: FORESEEN_MIN,
            foresees: false,
            looks_max: LOOKS_MAX,
            #[cfg(test)]
            asked: 0,
        };
        for (id, slot) in state.accounts.slots() {
            index.grow(slot);
            if let Some(account) = state.account(id) {
                let rules = AccountRules::of(state, account);
                index.outlooks[slot.index()] = Outlook::of(rules, index.now);
            }
        }
        for open in state.reservations.open() {
            index.opened(open.id, open.ends_at);
        }
        for (_, slot) in state.campaigns.slots() {
            let Some(campaign) = state.campaigns.at(slot) else { continue };
            let accounts: Vec<AccountId> = campaign.attached.keys().copied().collect();
            let campaigns = |id: &AccountId| state.account(*id).map_or(0, |of| of.campaigns.len());
            let shared = accounts.iter().filter(|id| campaigns(id) > 1);
            // Where those that rest belong depends on it.
            index.rota(slot).shared = shared.count();
            index.attached(state, slot, &accounts);
        }
        index
    }

    /// A campaign's rota.
    #[inline]
    pub(crate) fn rota(&mut self, campaign: Slot) -> &mut Rota {
        if self.rotas.len() <= campaign.index() {
            self.rotas.resize_with(campaign.index() + 1, Rota::default);
        }
        &mut self.rotas[campaign.index()]
    }

    /// Forgets all that was derived for a campaign that was deleted.
    pub(crate) fn dismiss(&mut self, campaign: Option<Slot>) {
        if let Some(campaign) = campaign {
            *self.rota(campaign) = Rota::default();
            self.forget_answer(campaign);
        }
    }

    /// A campaign's rota with what it has to see, and nothing if there is no such campaign.
    #[inline]
    pub(crate) fn open<'a>(
        &'a mut self,
        state: &'a State,
        campaign: Slot,
    ) -> Option<(&'a mut Rota, Lens<'a>)> {
        let record = state.campaigns.at(campaign)?;
        self.rota(campaign);
        let lens = Lens {
            attached: &record.attached,
            outlooks: &self.outlooks,
            closings: &self.closings,
            waits: &mut self.waits,
            campaign,
            now: self.now,
            virtual_time: grain(record.virtual_time.at()),
        };
        Some((&mut self.rotas[campaign.index()], lens))
    }

    /// Brings a campaign up to the present: whose outlook ends is looked at anew, and who waited
    /// for an instant by now is let up.
    pub(crate) fn arrive(&mut self, state: &State, campaign: Slot) {
        let (now, most) = (self.now, self.scanned_max);
        let accounts = || state.campaigns.at(campaign).map_or(0, |of| of.attached.len());
        if self.rota(campaign).is_to_change(|| accounts() <= most) {
            if let Some((rota, mut lens)) = self.open(state, campaign) {
                rota.change(&mut lens);
            }
        }
        if self.rota(campaign).is_calm(now) {
            return;
        }
        while let Some((row, account)) = self.rota(campaign).flipped(now) {
            self.look_again(state, campaign, row, account);
        }
        for (row, account) in self.rota(campaign).staying(now) {
            self.look_again(state, campaign, row, account);
        }
        let mut few = self.looks_max;
        while let Some((row, account)) = self.rota(campaign).shut_by_now(now, &mut few) {
            self.look_again(state, campaign, row, account);
        }
        if let Some((rota, mut lens)) = self.open(state, campaign) {
            rota.wake(&mut lens);
        }
    }

    /// Sees to it that an account stands in a campaign by its present outlook.
    fn look_again(&mut self, state: &State, campaign: Slot, row: Slot, account: Slot) {
        self.grow(account);
        let ends = self.outlooks[account.index()].flips_at <= self.now;
        // Whoever is told of a new outlook seats it by that.
        if ends && self.renew(state, account) {
            return;
        }
        if let Some((rota, mut lens)) = self.open(state, campaign) {
            rota.seat_anew(&mut lens, row);
        }
    }

    /// Whether somebody who takes part may send now and is not excluded.
    pub(crate) fn anybody_present(
        &mut self,
        state: &State,
        campaign: Slot,
        excluded: Exclusion<'_>,
    ) -> bool {
        let open = self.open(state, campaign);
        open.is_some_and(|(rota, mut lens)| rota.next(&mut lens, excluded).is_some())
    }

    /// Whether somebody may send now whom the request does not exclude.
    pub(crate) fn anybody_ready(
        &mut self,
        state: &State,
        campaign: Slot,
        excluded: Exclusion<'_>,
    ) -> bool {
        if self.anybody_present(state, campaign, excluded) {
            return true;
        }
        let mut aside = Vec::new();
        let mut found = false;
        while let Some((at, (id, row), account)) = self.rota(campaign).first_absent() {
            if at > self.now {
                break;
            }
            if !self.outlook(state, account).is_ready(self.now) {
                self.look_again(state, campaign, row, account);
            } else if excluded.has(id) {
                aside.extend(self.rota(campaign).put_aside());
            } else {
                found = true;
                break;
            }
        }
        self.rota(campaign).put_back(aside);
        found
    }

    /// The first of those that wait whom the request does not exclude, and until when it waits.
    pub(crate) fn first_waiting(
        &mut self,
        state: &State,
        campaign: Slot,
        excluded: Exclusion<'_>,
    ) -> Option<(Timestamp, AccountId)> {
        let (rota, mut lens) = self.open(state, campaign)?;
        let mut found = rota.first_waiting(&mut lens, excluded);
        let now = self.now;
        while let Some((row, account)) = self.rota(campaign).shut_before(found, now) {
            self.look_again(state, campaign, row, account);
            let ready_at = self.outlook(state, account).ready_at;
            let id = self.rota(campaign).seat(row).map(|seat| seat.id);
            let id = id.filter(|id| ready_at < Timestamp::MAX && !excluded.has(*id));
            // Nobody else was looked at, so all others are ready when they were.
            found = found.into_iter().chain(id.map(|id| (ready_at, id))).min();
        }
        found
    }

    /// The outlook of an account at the present.
    pub(crate) fn outlook(&mut self, state: &State, account: Slot) -> Outlook {
        self.grow(account);
        if self.outlooks[account.index()].flips_at <= self.now {
            self.renew(state, account);
        }
        self.outlooks[account.index()]
    }

    /// Whether surely nothing but a pause can hold an account now.
    pub(crate) fn is_calm(&self, account: Slot) -> bool {
        self.outlooks.get(account.index()).is_some_and(|outlook| outlook.is_calm(self.now))
    }

    /// Puts an account where it belongs in a campaign.
    pub(crate) fn place(&mut self, state: &State, campaign: Slot, account: AccountId, hint: Hint) {
        if let Some((rota, mut lens)) = self.open(state, campaign) {
            if let Some(row) = lens.attached.find(&account, hint) {
                rota.seat_anew(&mut lens, row);
            }
        }
    }

    /// Takes in a turn that was taken.
    #[expect(clippy::inline_always, reason = "a part of every turn")]
    #[inline(always)]
    pub(crate) fn taken(&mut self, state: &State, taken: Taken) {
        self.touch(state, taken.account, Touch::Granted);
        let record = state.accounts.at(taken.account);
        let spacing = record.map_or(Span::ZERO, |record| record.settings.spacing);
        let Some((rota, mut lens)) = self.open(state, taken.campaign) else { return };
        rota.lease.emails = rota.lease.emails.saturating_sub(1);
        // At once, so that nobody here stands before its start but for turns elsewhere.
        let Some(row) = taken.row else { return };
        // Until its email is sent it waits for that, which mostly is not long.
        let rests_until = lens.now.plus(spacing);
        rota.served(&mut lens, row, rests_until);
        rota.fetch(lens.outlooks, |row, account| {
            let attached = lens.attached.at(row).map_or(0, |of| u64::from(of.present));
            let waits = lens.waits.get(account.index()).map_or(0, Vec::len) as u64;
            attached ^ waits ^ state.accounts.at(account).map_or(0, AccountRecord::read)
        });
    }

    /// Takes accounts in that are attached to a campaign.
    pub(crate) fn attached(&mut self, state: &State, campaign: Slot, ids: &[AccountId]) {
        let count = state.campaigns.at(campaign).map_or(0, |of| of.attached.len());
        if count >= self.foreseen_min && !self.foresees {
            self.begin_to_foresee(state);
        }
        let Some((rota, mut lens)) = self.open(state, campaign) else { return };
        rota.make_room(ids.len());
        for id in ids {
            if let (Some(row), Some(slot)) = (lens.attached.slot(id), state.accounts.slot(id)) {
                rota.add(&mut lens, row, slot);
            }
        }
    }

    /// Takes an account out that is detached from a campaign.
    pub(crate) fn detached(&mut self, campaign: Slot, row: Slot, shared: bool) {
        self.forget_answer(campaign);
        if let Some(rota) = self.rotas.get_mut(campaign.index()) {
            rota.remove(row);
            rota.shared -= usize::from(shared);
        }
    }

    /// Who has to leave a campaign's rotation, by number.
    pub(crate) fn leaving(&mut self, state: &State, campaign: Slot) -> Vec<AccountId> {
        let mut leaving = Vec::new();
        let now = self.now;
        while let Some((row, account)) = self.rota(campaign).next_shut(now) {
            self.look_again(state, campaign, row, account);
        }
        for row in self.rota(campaign).take_leaving() {
            let Some(account) = self.rota(campaign).account(row) else { continue };
            let away = self.outlook(state, account).away();
            let attached = state.campaigns.at(campaign).and_then(|of| of.attached.row(row));
            match attached {
                Some((id, attachment)) if away && attachment.present => leaving.push(*id),
                Some(_) | None => {}
            }
        }
        leaving.sort_unstable();
        leaving.dedup();
        leaving
    }

    /// Who comes back to a campaign's rotation next, by number, and not more than so many. They are
    /// nowhere until they are placed.
    pub(crate) fn coming(&mut self, state: &State, campaign: Slot, most: usize) -> Vec<AccountId> {
        let mut coming = Vec::new();
        while coming.len() < most {
            let now = self.now;
            let Some(((id, row), account)) = self.rota(campaign).next_coming(now) else { break };
            if self.outlook(state, account).away() {
                self.look_again(state, campaign, row, account);
            } else {
                // What was found about it may have put it back among those that come.
                self.rota(campaign).lift(row);
                coming.push(id);
            }
        }
        coming
    }

    pub(crate) fn opened(&mut self, id: ReservationId, ends_at: Timestamp) {
        self.lapses.push(ends_at, id);
    }

    /// Forgets reservations that are no longer out, up to the first that is.
    #[inline]
    pub(crate) fn closed(&mut self, reservations: &Reservations) {
        let is_open = |id| reservations.get(id).is_some_and(|of| of.fate == Fate::Open);
        self.lapses.drop_over(|id| !is_open(id));
    }

    /// A reservation that has ended by itself, the oldest first.
    pub(crate) fn lapsed(&self) -> Option<(Timestamp, ReservationId)> {
        self.lapses.first().filter(|(ends_at, _)| *ends_at <= self.now)
    }

    /// When the next reservation lapses.
    pub(crate) fn next_lapse(&self) -> Option<Timestamp> {
        self.lapses.first().map(|(ends_at, _)| ends_at)
    }
}
