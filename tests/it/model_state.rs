//! What the reference model remembers: every account, campaign and email there ever was.
//!
//! Plain lists, searched from the front; nothing is derived and nothing is forgotten.

use mailrota::{
    Account, AccountId, Campaign, CampaignId, CivilDay, Fate, LeadId, OwnerId, Request, Zone,
};

use crate::fraction::Fraction;

/// All settings and instants are whole minutes, counted from 1970.
pub(crate) type Minute = i64;

#[derive(Clone, Debug)]
pub(crate) struct Sender {
    pub(crate) set: Account,
    pub(crate) window: usize,
    pub(crate) alive: bool,
    pub(crate) weight: i128,
    /// Its reputation let it in and did not drop since.
    pub(crate) good: bool,
    pub(crate) down_since: Option<Minute>,
    pub(crate) hold: Minute,
    /// Zones it was in, and until when their days count.
    pub(crate) former: Vec<(Zone, Minute)>,
    /// Follow-ups declared due, the latest word last.
    pub(crate) due: Vec<(CivilDay, u32)>,
    /// Sent without the engine: when and how many.
    pub(crate) outside: Vec<(Minute, u32)>,
    /// Days on which it sent, for its ramp.
    pub(crate) days: Vec<CivilDay>,
}

#[derive(Clone, Debug)]
pub(crate) struct Stream {
    pub(crate) set: Campaign,
    pub(crate) window: usize,
    pub(crate) alive: bool,
    pub(crate) time: Fraction,
    /// By id.
    pub(crate) members: Vec<Member>,
    pub(crate) former: Vec<(Zone, Minute)>,
    /// Leads given to an account, how many emails there were before, and when.
    pub(crate) given: Vec<(LeadId, AccountId, usize, Minute)>,
    /// Leads that were forgotten, and how many emails there were by then.
    pub(crate) forgotten: Vec<(LeadId, usize)>,
    /// How many emails there were before it was added.
    pub(crate) born: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) id: AccountId,
    pub(crate) start: Fraction,
    pub(crate) present: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Email {
    pub(crate) owner: OwnerId,
    pub(crate) campaign: CampaignId,
    pub(crate) account: AccountId,
    pub(crate) request: Request,
    pub(crate) reserved: Minute,
    pub(crate) ends: Minute,
    pub(crate) begun: bool,
    pub(crate) fate: Fate,
    pub(crate) decided: Minute,
    /// When it counts as sent.
    pub(crate) charged: Option<Minute>,
    /// When it last counted as sent, even if that was taken back: what is given back after it
    /// lapsed keeps its pause, for it may have gone out.
    pub(crate) counted: Option<Minute>,
    /// The account that is gone, if its lead moved.
    pub(crate) moved_from: Option<AccountId>,
    /// Whether its campaign's virtual time moved with it.
    pub(crate) turn: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) ttl: Minute,
    /// How many days leads are remembered.
    pub(crate) lead_days: i64,
    /// The latest instant seen.
    pub(crate) now: Option<Minute>,
    pub(crate) senders: Vec<Sender>,
    pub(crate) streams: Vec<Stream>,
    pub(crate) emails: Vec<Email>,
    pub(crate) domain_holds: Vec<(OwnerId, String, Minute)>,
}

impl Stream {
    /// How many emails there were before those that are remembered for a lead.
    pub(crate) fn remembered(&self, lead: LeadId) -> usize {
        let forgotten = self.forgotten.iter().filter(|(of, _)| *of == lead);
        forgotten.map(|(_, before)| *before).fold(self.born, usize::max)
    }

    /// Its members and their places, for whoever looks for a fault.
    pub(crate) fn picture(&self) -> String {
        let member = |it: &Member| {
            format!("{} {}{}", it.id, it.start, if it.present { "" } else { " absent" })
        };
        let members: Vec<String> = self.members.iter().map(member).collect();
        format!("    campaign {} at {}: {}", self.set.id, self.time, members.join(", "))
    }
}

impl Model {
    /// An account that was not deleted.
    pub(crate) fn sender(&self, id: AccountId) -> Option<&Sender> {
        self.senders.iter().find(|sender| sender.alive && sender.set.id == id)
    }

    pub(crate) fn sender_mut(&mut self, id: AccountId) -> Option<&mut Sender> {
        self.senders.iter_mut().find(|sender| sender.alive && sender.set.id == id)
    }

    /// A campaign that was not deleted.
    pub(crate) fn stream(&self, id: CampaignId) -> Option<&Stream> {
        self.streams.iter().find(|stream| stream.alive && stream.set.id == id)
    }

    pub(crate) fn stream_mut(&mut self, id: CampaignId) -> &mut Stream {
        self.streams.iter_mut().find(|stream| stream.set.id == id).unwrap()
    }
}
