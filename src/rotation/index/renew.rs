//! Keeps what is derived of each account up to date, and tells the campaigns that have to know.
//!
//! Knows when rules must be asked again, and no order of turns.

use crate::rotation::containers::table::Slot;
use crate::rotation::index::{Index, Touch};
use crate::rotation::rota::closing::Closing;
use crate::rotation::rota::outlook::Outlook;
use crate::rotation::rules::AccountRules;
use crate::rotation::state::State;

impl Index {
    /// Looks at an account after a change of its facts.
    pub(crate) fn touch(&mut self, state: &State, account: Slot, touch: Touch) {
        self.grow(account);
        self.forget_answers(state, account);
        let Some(record) = state.accounts.at(account) else { return };
        if touch != Touch::Changed && !record.deleted {
            let rules = AccountRules::of(state, record);
            let new = &mut self.outlooks[account.index()];
            let (old_ready_at, old_at, old_turn) = (new.ready_at, new.at, new.next - new.at);
            if new.shift(rules, self.now, touch == Touch::Granted) {
                let moves = new.at < old_at || new.turns_otherwise(old_turn);
                if new.ready_at < old_ready_at {
                    self.hurry(state, account);
                }
                if moves {
                    self.tell(state, account, true);
                }
                return;
            }
        }
        self.renew(state, account);
    }

    /// Asks every rule of an account. Returns whether its campaigns were told.
    pub(super) fn renew(&mut self, state: &State, account: Slot) -> bool {
        let Some(record) = state.accounts.at(account).filter(|record| !record.deleted) else {
            let mut none = Outlook::NONE;
            none.succeed(&self.outlooks[account.index()]);
            self.outlooks[account.index()] = none;
            self.foresee(account, Closing::UNSURE);
            return false;
        };
        #[cfg(test)]
        {
            self.asked += 1;
        }
        let rules = AccountRules::of(state, record);
        let mut new = Outlook::of(rules, self.now);
        let closing = if self.foresees { new.foresee(rules, self.now) } else { Closing::UNSURE };
        let closes_otherwise = self.foresee(account, closing);
        new.succeed(&self.outlooks[account.index()]);
        let old = std::mem::replace(&mut self.outlooks[account.index()], new);
        if new.ready_at < old.ready_at {
            self.hurry(state, account);
        }
        let moves = new.at < old.at || new.turns_otherwise(old.next - old.at);
        let closes_otherwise =
            closes_otherwise || closing.is_sure() && new.flips_at != old.flips_at;
        let sooner = new.flips_at < old.flips_at || closes_otherwise;
        let tells = moves || new.away() != old.away() || sooner;
        if tells {
            self.tell(state, account, moves);
        }
        tells
    }

    /// Foresees when windows close, from now on.
    #[cold]
    pub(super) fn begin_to_foresee(&mut self, state: &State) {
        self.foresees = true;
        for (id, account) in state.accounts.slots() {
            let Some(outlook) = self.outlooks.get_mut(account.index()) else { continue };
            let Some(record) = state.account(id).filter(|_| outlook.flips_at > self.now) else {
                continue;
            };
            let closing = outlook.foresee(AccountRules::of(state, record), self.now);
            self.foresee(account, closing);
        }
    }

    /// Notes what comes after an account's outlook. Says whether that is otherwise than it was.
    fn foresee(&mut self, account: Slot, closing: Closing) -> bool {
        if self.closings.is_empty() && closing.is_sure() {
            self.closings.resize(self.outlooks.len(), Closing::UNSURE);
        }
        let noted = self.closings.get_mut(account.index());
        noted.is_some_and(|noted| std::mem::replace(noted, closing) != closing)
    }

    /// Tells the account's campaigns what they must know of its new outlook.
    fn tell(&mut self, state: &State, account: Slot, moves: bool) {
        let Some((id, record)) = state.accounts.row(account) else { return };
        for campaign in record.campaigns.iter() {
            let Some(slot) = state.campaigns.slot(campaign) else { continue };
            let row = state.campaigns.at(slot).and_then(|campaign| campaign.attached.slot(id));
            let (Some(row), Some((rota, mut lens))) = (row, self.open(state, slot)) else {
                continue;
            };
            rota.told(&mut lens, row, moves);
        }
    }

    /// Lets an account up where it waits for longer than it has to.
    fn hurry(&mut self, state: &State, account: Slot) {
        if self.waits[account.index()].is_empty() {
            return;
        }
        let mut waits = std::mem::take(&mut self.waits[account.index()]);
        waits.sort_unstable();
        waits.dedup();
        for (campaign, row) in waits.drain(..) {
            if let Some((rota, mut lens)) = self.open(state, campaign) {
                rota.hurry(&mut lens, row, account);
            }
        }
        // The list keeps its memory for the next pause.
        if self.waits[account.index()].is_empty() {
            self.waits[account.index()] = waits;
        }
    }

    pub(super) fn grow(&mut self, account: Slot) {
        if self.outlooks.len() <= account.index() {
            self.outlooks.resize(account.index() + 1, Outlook::NONE);
            self.waits.resize(account.index() + 1, Vec::new());
            if !self.closings.is_empty() {
                self.closings.resize(account.index() + 1, Closing::UNSURE);
            }
        }
    }
}
