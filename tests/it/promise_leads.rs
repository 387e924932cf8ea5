//! Promise 6, one lead and one account: an outside list of who wrote to whom, in random histories.
//!
//! The list keeps every email with its end and finds the lead's account anew for each answer. It
//! shares no code with the engine.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use mailrota::{AccountId, CampaignId, LeadId, Outcome, Pick, Request, ReservationId};
use mailrota::{EmailKind, Reservation, ReserveError};
use proptest::prop_assert;

use crate::histories::{Done, Played, history};
use crate::strategies::{Verdict, holds};
use crate::world::{CAMPAIGN, account, engine, minutes, monday};

/// How long a suspended or broken account keeps its leads.
const GRACE: TimeDelta = TimeDelta::hours(2);

/// An email to a lead, or its being given to an account from outside.
#[derive(Clone, Debug)]
struct Letter {
    id: Option<ReservationId>,
    account: AccountId,
    /// Whether it surely did not go.
    spared: bool,
    ends_at: Option<DateTime<Utc>>,
}

#[derive(Default)]
struct Letters {
    to: BTreeMap<(CampaignId, LeadId), Vec<Letter>>,
    down_since: BTreeMap<AccountId, DateTime<Utc>>,
    /// A key brings a reservation of a campaign back that was deleted and added again meanwhile.
    granted: BTreeSet<ReservationId>,
}

impl Letters {
    fn note(&mut self, played: &Played, done: &Done) -> Verdict {
        self.lapse(played.now);
        match done {
            Done::Asked(campaign, request, answer) => {
                let letters = self.to.get(&(*campaign, request.lead));
                let letters = letters.map_or(&[][..], Vec::as_slice);
                match answer {
                    Ok(Pick::Reserved(granted)) => {
                        if self.granted.insert(granted.id) {
                            self.granted(played, *campaign, request, granted)?;
                        }
                    }
                    Err(ReserveError::LeadUnbound { .. }) => {
                        prop_assert!(
                            letters.iter().all(|letter| letter.spared),
                            "{request:?} is told that nobody wrote: {letters:?}"
                        );
                    }
                    Ok(_) | Err(_) => {}
                }
            }
            Done::Bound(campaign, lead, account) => {
                let bound = Letter { id: None, account: *account, spared: false, ends_at: None };
                self.to.entry((*campaign, *lead)).or_default().push(bound);
            }
            Done::CampaignDeleted(id) => self.to.retain(|(campaign, _), _| campaign != id),
            Done::Ended(id, outcome, Ok(settlement)) if !settlement.repeated => {
                let spared = matches!(outcome, None | Some(Outcome::Deferred));
                let letters = self.to.values_mut().flatten();
                for letter in letters.filter(|letter| letter.id == Some(*id)) {
                    letter.spared = spared;
                    letter.ends_at = None;
                }
            }
            Done::Ended(..) | Done::Imported(..) | Done::Other | Done::Refused(_) => {}
        }
        self.see_who_is_down(played);
        Ok(())
    }

    fn lapse(&mut self, now: DateTime<Utc>) {
        for letter in self.to.values_mut().flatten() {
            if letter.ends_at.is_some_and(|ends_at| ends_at <= now) {
                letter.ends_at = None;
            }
        }
    }

    fn see_who_is_down(&mut self, played: &Played) {
        for id in played.accounts() {
            let account = played.engine.account(id);
            let is_down = |account: &mailrota::Account| {
                account.suspended || !account.connection.is_verified()
            };
            if account.is_some_and(is_down) {
                self.down_since.entry(id).or_insert(played.now);
            } else {
                self.down_since.remove(&id);
            }
        }
    }

    /// Whether an account is detached, deleted, or down for longer than the grace time.
    fn is_gone(&self, played: &Played, campaign: CampaignId, id: AccountId) -> bool {
        let attached = played.engine.attached(campaign).any(|attached| attached == id);
        let since = self.down_since.get(&id);
        !attached || since.is_some_and(|since| *since + GRACE <= played.now)
    }

    fn granted(
        &mut self,
        played: &Played,
        campaign: CampaignId,
        request: &Request,
        granted: &Reservation,
    ) -> Verdict {
        let letters = self.to.entry((campaign, request.lead)).or_default();
        let letter = Letter {
            id: Some(granted.id),
            account: granted.account,
            spared: false,
            ends_at: Some(played.now + played.ttl),
        };
        letters.push(letter);
        let before = &self.to[&(campaign, request.lead)];
        let before = &before[..before.len() - 1];
        let writer = before.iter().rev().find(|letter| !letter.spared);
        match writer.map(|letter| letter.account) {
            None => {
                prop_assert!(granted.moved_from.is_none(), "{granted:?}: {before:?}");
                let first = granted.kind == EmailKind::NewLead || request.account.is_some();
                prop_assert!(first, "{granted:?}: {before:?}");
            }
            Some(writer) if writer == granted.account => {}
            Some(writer) => {
                let gone = self.is_gone(played, campaign, writer);
                prop_assert!(gone, "{writer:?} wrote and is not gone: {granted:?}, {before:?}");
                prop_assert!(granted.moved_from == Some(writer), "{granted:?}: {before:?}");
            }
        }
        Ok(())
    }
}

/// > A follow-up goes from the account that wrote first. A busy account waits, a gone account
/// > moves, with the reason recorded.
#[test]
fn one_lead_has_one_account() {
    holds(400, history(90), |history| {
        let mut letters = Letters::default();
        history.play(|played, done| letters.note(played, done)).map(drop)
    });
}

/// What happens to account 1, which wrote to the lead.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Broken,
    CapReached,
    Deleted,
    Detached,
    Held,
    Nothing,
    Suspended,
}

/// The same as a table: who answers a follow-up right away, and who does after the grace time.
#[test]
fn busy_waits_and_gone_moves() {
    let (first, other) = (Some(AccountId(1)), Some(AccountId(2)));
    for (fate, at_once, after_grace) in [
        (Fate::Nothing, first, first),
        (Fate::CapReached, None, None),
        (Fate::Held, None, None),
        (Fate::Broken, None, other),
        (Fate::Suspended, None, other),
        (Fate::Detached, other, other),
        (Fate::Deleted, other, other),
    ] {
        let mut engine = engine([account(1).daily_cap(2), account(2).daily_cap(1)]);
        let now = monday();
        let lead = Request::new_lead(LeadId(7));
        let wrote = engine.reserve(CAMPAIGN, &lead, now).unwrap();
        let wrote = wrote.reserved().unwrap();
        assert_eq!(wrote.account, AccountId(1));
        engine.settle(wrote.id, Outcome::Sent, now).unwrap();
        strike(&mut engine, fate);
        for (at, expected) in [(now, at_once), (now + GRACE, after_grace)] {
            let mut engine = engine.clone();
            let pick = engine.reserve(CAMPAIGN, &Request::follow_up(LeadId(7)), at).unwrap();
            let granted = pick.reserved();
            assert_eq!(granted.map(|granted| granted.account), expected, "{fate:?}: {pick:?}");
            let moved_from = granted.and_then(|granted| granted.moved_from);
            assert_eq!(moved_from.is_some(), expected == other, "{fate:?}: {pick:?}");
            assert!(expected.is_some() || pick.until().is_some(), "{fate:?} waits: {pick:?}");
        }
    }
}

fn strike(engine: &mut mailrota::Engine, fate: Fate) {
    use mailrota::{Connection, Link};
    let (id, now) = (AccountId(1), monday());
    match fate {
        Fate::Broken => {
            let broken = Connection::new(Link::broken("535 no"), Link::Verified);
            engine.report_connection(id, broken, now).unwrap();
        }
        Fate::CapReached => engine.report_usage(id, 1, now).unwrap(),
        Fate::Deleted => engine.delete_account(id, now).unwrap(),
        Fate::Detached => drop(engine.detach(CAMPAIGN, &[id], now).unwrap()),
        Fate::Held => engine.hold_account(id, Some(now + GRACE + minutes(1)), now).unwrap(),
        Fate::Nothing => {}
        Fate::Suspended => engine.suspend(id, now).unwrap(),
    }
}
