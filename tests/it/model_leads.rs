//! To whom leads are given in the reference model, and when that is forgotten.
//!
//! Who writes to a lead is found anew from the emails each time, beside it.

use std::collections::BTreeSet;

use mailrota::{AccountId, CampaignId, Fate, LeadId};

use crate::model_commands::{DAY, Said, done};
use crate::model_state::{Minute, Model};

impl Model {
    pub(crate) fn bind_lead(&mut self, id: CampaignId, lead: LeadId, account: AccountId) -> Said {
        let before = self.emails.len();
        let stream = self.stream(id).ok_or("UnknownCampaign")?;
        stream.member(account).ok_or("AccountNotAttached")?;
        let now = self.now.unwrap();
        self.stream_mut(id).given.push((lead, account, before, now));
        self.forget_leads(id, now);
        Ok(done())
    }

    /// Whoever was last written to on a day too long ago is forgotten.
    pub(crate) fn forget_leads(&mut self, id: CampaignId, now: Minute) {
        let kept_from = now.div_euclid(DAY) - self.lead_days;
        let stream = self.stream(id).unwrap();
        let to = |lead: LeadId| {
            let emails = self.emails.iter().skip(stream.remembered(lead));
            emails.filter(move |email| (email.campaign, email.request.lead) == (id, lead))
        };
        let old = |lead: &LeadId| {
            let given = stream.given.iter().filter(|(given, ..)| given == lead);
            let last = to(*lead).map(|email| email.reserved.max(email.decided));
            let last = last.chain(given.map(|(.., at)| *at)).max();
            let out = to(*lead).any(|email| email.fate == Fate::Open);
            !out && last.is_some_and(|last| last.div_euclid(DAY) < kept_from)
        };
        let written = self.emails.iter().skip(stream.born).filter(|email| email.campaign == id);
        let leads = written.map(|email| email.request.lead);
        let leads: BTreeSet<LeadId> = leads.chain(stream.given.iter().map(|it| it.0)).collect();
        let old: Vec<LeadId> = leads.into_iter().filter(old).collect();
        let before = self.emails.len();
        let stream = self.stream_mut(id);
        stream.given.retain(|(lead, ..)| !old.contains(lead));
        stream.forgotten.extend(old.into_iter().map(|lead| (lead, before)));
    }
}
