//! Whose turn it is in the reference model: exact places, the least found by looking at each.
//!
//! Knows the rotation's definition and nothing of heaps; who may send is decided beside it.

use mailrota::{AccountId, CampaignId};

use crate::agreement_zones::day;
use crate::fraction::{Fraction, fraction};
use crate::model::{Purpose, Route, Stand};
use crate::model_state::{Member, Minute, Model, Stream};

impl Stream {
    pub(crate) fn member(&self, id: AccountId) -> Option<&Member> {
        self.members.iter().find(|member| member.id == id)
    }

    pub(crate) fn member_mut(&mut self, id: AccountId) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.id == id)
    }
}

impl Model {
    /// One turn of an account, by its weight.
    fn step(&self, id: AccountId) -> Fraction {
        let sender = self.senders.iter().find(|sender| sender.set.id == id).unwrap();
        fraction(1, sender.weight)
    }

    /// One email of a campaign in its virtual time, if anybody takes part.
    fn beat(&self, stream: &Stream) -> Option<Fraction> {
        let present = stream.members.iter().filter(|member| member.present);
        let total: i128 = present.map(|member| self.sender(member.id).unwrap().weight).sum();
        (total > 0).then(|| fraction(1, total))
    }

    pub(crate) fn stand_of(&self, id: AccountId) -> Stand {
        self.stand(self.sender(id).unwrap(), self.now.unwrap(), Purpose::NewLead)
    }

    /// Those that take part and may send now, with their start and their deadline.
    fn ready(&self, stream: &Stream) -> Vec<(AccountId, Fraction, Fraction)> {
        let present = stream.members.iter().filter(|member| member.present);
        let ready = present.filter(|member| self.stand_of(member.id) == Stand::Ready);
        let place =
            |member: &Member| (member.id, member.start, member.start + self.step(member.id));
        ready.map(place).collect()
    }

    /// Takes an account out of a campaign's rotation. If nobody in it is shared, what it is owed,
    /// or owes, goes to somebody on the other side of the balance.
    pub(crate) fn leave(&mut self, campaign: CampaignId, id: AccountId) {
        let stream = self.stream(campaign).unwrap();
        let Some(member) = stream.member(id).filter(|member| member.present) else { return };
        let elsewhere = |id| {
            let mut others = self.streams.iter().filter(|stream| stream.set.id != campaign);
            others.any(|stream| stream.member(id).is_some())
        };
        let unshared = !stream.members.iter().any(|member| elsewhere(member.id));
        let (now, step) = (stream.time, self.step(id));
        let owed = now - member.start;
        let mut others = self.ready(stream);
        others.retain(|(other, ..)| *other != id);
        let heir = if owed > fraction(0, 1) {
            others.retain(|(_, start, _)| *start > now);
            others.into_iter().min_by_key(|(id, start, deadline)| (*start, *deadline, *id))
        } else {
            others.retain(|(_, start, _)| *start <= now);
            others.into_iter().min_by_key(|(id, _, deadline)| (*deadline, *id))
        };
        let heir = heir.filter(|_| unshared && !owed.is_zero() && owed.abs() <= step);
        let heir = heir.map(|(heir, ..)| (heir, self.step(heir)));
        let stream = self.stream_mut(campaign);
        stream.member_mut(id).unwrap().present = false;
        if let Some((heir, heir_step)) = heir {
            let turns = owed.over(step);
            stream.member_mut(id).unwrap().start = now;
            let heir = stream.member_mut(heir).unwrap();
            heir.start = heir.start - turns * heir_step;
        }
    }

    /// Before an email goes, those that cannot take part leave, and those that can come back:
    /// sixteen by number. An email that may go from anybody but a few has as many again come back
    /// while nobody else may send.
    pub(crate) fn gather(&mut self, campaign: CampaignId, but: Option<&[AccountId]>) {
        self.let_leave(campaign);
        let members = self.stream(campaign).unwrap().members.clone();
        let mut coming: Vec<_> = members.iter().filter(|member| !member.present).collect();
        coming.retain(|member| self.stand_of(member.id) != Stand::Away);
        for some in coming.chunks(16) {
            let some: Vec<_> = some.iter().map(|member| member.id).collect();
            self.bring_back(campaign, &some);
            let ready = self.ready(self.stream(campaign).unwrap());
            if but.is_none_or(|but| ready.into_iter().any(|(id, ..)| !but.contains(&id))) {
                break;
            }
        }
    }

    /// Those that cannot take part leave.
    pub(crate) fn let_leave(&mut self, campaign: CampaignId) {
        for member in self.stream(campaign).unwrap().members.clone() {
            if member.present && self.stand_of(member.id) == Stand::Away {
                self.leave(campaign, member.id);
            }
        }
    }

    /// Accounts take part from now on, each from where it stands or from the present.
    pub(crate) fn bring_back(&mut self, campaign: CampaignId, ids: &[AccountId]) {
        let stream = self.stream(campaign).unwrap();
        let least = self.ready(stream).into_iter().map(|(_, start, _)| start).min();
        let now = stream.time.max(least.unwrap_or(stream.time));
        for id in ids {
            let member = self.stream_mut(campaign).member_mut(*id).unwrap();
            member.start = member.start.max(now);
            member.present = true;
        }
    }

    /// Whose turn it is, and to where virtual time jumps.
    pub(crate) fn turn(
        &self,
        stream: &Stream,
        route: Route,
        able: &[AccountId],
    ) -> Option<(AccountId, Fraction)> {
        let time = stream.time;
        match route {
            Route::Only(id) => Some((id, time)),
            Route::AnybodyBut(_) => {
                let order = |id: &AccountId| {
                    let start = stream.member(*id).unwrap().start.max(time - fraction(1, 1));
                    let deadline = start + self.step(*id);
                    (start > time, if start > time { start } else { deadline }, *id)
                };
                able.iter().copied().min_by_key(order).map(|id| (id, time))
            }
            Route::Anybody => {
                let ready = self.ready(stream);
                let least = ready.iter().map(|(_, start, _)| *start).min()?;
                let time = time.max(least);
                let order = |(id, start, deadline): &(AccountId, Fraction, Fraction)| {
                    let key = if *start > time { *start } else { *deadline };
                    (*start > time, key, *deadline, *id)
                };
                let able = ready.into_iter().filter(|(id, ..)| able.contains(id));
                able.min_by_key(order).map(|(id, ..)| (id, time))
            }
        }
    }

    /// Gives an account another weight; everywhere it stays as many of its turns early or late.
    pub(crate) fn reweigh(&mut self, id: AccountId, weight: i128) {
        let sender = self.senders.iter_mut().find(|sender| sender.set.id == id).unwrap();
        let old = std::mem::replace(&mut sender.weight, weight);
        for stream in &mut self.streams {
            let time = stream.time;
            if let Some(member) = stream.member_mut(id) {
                member.start = time + (member.start - time) * fraction(old, weight);
            }
        }
    }

    /// Charges a turn, in every campaign of the account. Returns whether the campaign's virtual
    /// time moved.
    pub(crate) fn advance(&mut self, campaign: CampaignId, id: AccountId, now: Minute) -> bool {
        let sender = self.sender(id).unwrap();
        self.reweigh(id, sender.weight_on(day(sender.set.zone, now)));
        let (step, beat) = (self.step(id), self.beat(self.stream(campaign).unwrap()));
        let stream = self.stream_mut(campaign);
        let time = stream.time;
        let member = stream.member_mut(id).unwrap();
        let takes_part = member.present;
        if takes_part {
            // A rested account catches up by one turn at most.
            member.start = member.start.max(time - step);
            stream.time = time + beat.unwrap();
        }
        self.shift(id, step);
        takes_part
    }

    /// Takes a turn back.
    pub(crate) fn retreat(&mut self, campaign: CampaignId, id: AccountId, turn: bool) {
        self.shift(id, fraction(0, 1) - self.step(id));
        let stream = self.streams.iter().find(|stream| stream.set.id == campaign).unwrap();
        if let Some(beat) = self.beat(stream).filter(|_| turn) {
            let stream = self.streams.iter_mut().find(|stream| stream.set.id == campaign);
            let stream = stream.unwrap();
            stream.time = stream.time - beat;
        }
    }

    fn shift(&mut self, id: AccountId, by: Fraction) {
        for member in self.streams.iter_mut().filter_map(|stream| stream.member_mut(id)) {
            member.start = member.start + by;
        }
    }
}
