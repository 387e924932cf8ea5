//! What operators do to accounts and campaigns, and attaching: each answer is checked against what
//! was there before.

use std::collections::BTreeSet;

use mailrota::{
    AccountId, AttachError, AttachReport, CampaignId, CampaignState, Connection, Engine, Finding,
    LeadId, Link, Mode, OwnerId, Reputation, Span, Timestamp,
};

use crate::World;
use crate::inputs::Command;

fn link(broken: bool) -> Link {
    if broken { Link::broken("no") } else { Link::Verified }
}

impl World {
    pub(crate) fn operate(&mut self, clock: Timestamp, command: &Command) {
        let now = clock.to_datetime();
        let hold = |minutes: &Option<u16>| {
            let until = minutes.map(|n| self.now.plus(Span::minutes(u64::from(n))));
            (until, until.map(Timestamp::to_datetime))
        };
        match command {
            Command::AddAccount(id, shape) | Command::ChangeAccount(id, shape) => {
                let add = matches!(command, Command::AddAccount(..));
                let account = shape.account(id.id(), self.start);
                let there = self.engine.account(id.id()).cloned();
                let attached = self.campaigns_of(id.id());
                let done = self.both(|engine| match add {
                    true => engine.add_account(account.clone(), now),
                    false => engine.change_account(account.clone(), now),
                });
                let moved = there.as_ref().is_some_and(|old| old.owner != account.owner);
                let refused = add == there.is_some() || (moved && !attached.is_empty());
                assert_eq!(done.is_err(), refused, "{done:?}");
                if !refused {
                    self.ledger.account_set(account.id, account.zone, self.now);
                }
            }
            Command::AddCampaign(id, shape) | Command::ChangeCampaign(id, shape) => {
                let add = matches!(command, Command::AddCampaign(..));
                let campaign = shape.campaign(id.id(), self.start);
                let there = self.engine.campaign(id.id()).cloned();
                let empty = self.engine.attached(id.id()).next().is_none();
                let done = self.both(|engine| match add {
                    true => engine.add_campaign(campaign.clone(), now),
                    false => engine.change_campaign(campaign.clone(), now),
                });
                let refused = add == there.is_some()
                    || there.is_some_and(|old| {
                        let revived = old.state == CampaignState::Stopped
                            && campaign.state != CampaignState::Stopped;
                        revived || (old.owner != campaign.owner && !empty)
                    });
                assert_eq!(done.is_err(), refused, "{done:?}");
                if !refused {
                    self.ledger.campaign_set(campaign.id, campaign.zone, self.now);
                }
            }
            Command::Bind(campaign, lead, account) => {
                let (campaign, lead) = (campaign.id(), LeadId(lead.0));
                let bound = self.both(|e| e.bind_lead(campaign, lead, account.id(), now));
                let attached = self.engine.attached(campaign).any(|id| id == account.id());
                assert_eq!(bound.is_ok(), attached);
                if attached {
                    assert_eq!(self.engine.lead_account(campaign, lead), Some(account.id()));
                }
            }
            Command::DeleteCampaign(id) => {
                let there = self.engine.campaign(id.id()).is_some();
                assert_eq!(self.both(|engine| engine.delete_campaign(id.id(), now)).is_ok(), there);
                assert_eq!(self.engine.attached(id.id()).count(), 0);
            }
            Command::HoldDomain(owner, acme, minutes) => {
                let owner = OwnerId(u64::from(*owner));
                let domain = if *acme { "acme.example" } else { "mail.example" };
                let (until, at) = hold(minutes);
                self.both(|e| e.hold_domain(owner, domain, at, now)).expect("a good clock");
                let key = (owner, domain.to_owned());
                match until {
                    Some(until) => self.ledger.domain_holds.insert(key, until),
                    None => self.ledger.domain_holds.remove(&key),
                };
            }
            _ => self.one_account(clock, command),
        }
    }

    /// What is said about one account succeeds if it is there.
    fn one_account(&mut self, clock: Timestamp, command: &Command) {
        let now = clock.to_datetime();
        let (Command::Connection(id, _)
        | Command::DeleteAccount(id)
        | Command::Due(id, _, _)
        | Command::HoldAccount(id, _)
        | Command::Reputation(id, _)
        | Command::Suspend(id, _)
        | Command::Usage(id, _)) = command
        else {
            panic!("not about one account: {command:?}");
        };
        let id = id.id();
        let there = self.engine.account(id).is_some();
        let done = match command {
            Command::Connection(_, bits) => {
                let connection = Connection::new(link(bits.0 & 1 > 0), link(bits.0 & 2 > 0));
                self.both(|engine| engine.report_connection(id, connection.clone(), now))
            }
            Command::DeleteAccount(_) => return self.delete(clock, id, there),
            Command::Due(_, days, due) => {
                let zone = self.engine.account(id).map(|account| account.zone).unwrap_or_default();
                let day = zone.civil_day(self.now).plus_days(i32::from(*days % 3));
                let due = u32::try_from(due.0).expect("small");
                self.both(|engine| engine.declare_follow_ups(id, day, due, now))
            }
            Command::HoldAccount(_, minutes) => {
                let until = minutes.map(|n| self.now.plus(Span::minutes(u64::from(n))));
                let at = until.map(Timestamp::to_datetime);
                let done = self.both(|engine| engine.hold_account(id, at, now));
                match until.filter(|_| there) {
                    Some(until) => self.ledger.holds.insert(id, until),
                    None => self.ledger.holds.remove(&id),
                };
                done
            }
            Command::Reputation(_, value) => {
                let value = Reputation::new(u8::try_from(value.0).expect("small"));
                let value = value.expect("to 100");
                self.both(|engine| engine.report_reputation(id, value, now))
            }
            Command::Suspend(_, true) => self.both(|engine| engine.suspend(id, now)),
            Command::Suspend(_, false) => self.both(|engine| engine.resume(id, now)),
            Command::Usage(_, emails) => {
                let emails = u32::try_from(emails.0).expect("small");
                if there {
                    self.ledger.usage_reported(id, emails, self.now);
                }
                self.both(|engine| engine.report_usage(id, emails, now))
            }
            other => panic!("not about one account: {other:?}"),
        };
        assert_eq!(done.is_ok(), there, "{done:?}");
    }

    fn campaigns_of(&self, account: AccountId) -> Vec<CampaignId> {
        let all = (0..3).map(CampaignId);
        all.filter(|id| self.engine.attached(*id).any(|id| id == account)).collect()
    }

    fn delete(&mut self, clock: Timestamp, id: AccountId, there: bool) {
        let last_of = self.campaigns_of(id).into_iter().find(|campaign| {
            let active = |c: &mailrota::Campaign| c.state == CampaignState::Active;
            self.engine.attached(*campaign).count() == 1
                && self.engine.campaign(*campaign).is_some_and(active)
        });
        let done = self.both(|engine| engine.delete_account(id, clock.to_datetime()));
        assert_eq!(done.is_ok(), there && last_of.is_none(), "{done:?}");
        if done.is_ok() {
            self.ledger.holds.remove(&id);
            assert!(self.campaigns_of(id).is_empty() && self.engine.account(id).is_none());
        }
    }

    /// Attaches or detaches those whose bit is set, and one that does not exist with the highest.
    pub(crate) fn membership(
        &mut self,
        clock: Timestamp,
        campaign: CampaignId,
        bits: u64,
        mode: Mode,
        attach: bool,
    ) {
        let now = clock.to_datetime();
        let bit = |n: &u64| bits >> n & 1 > 0;
        let asked: Vec<AccountId> = (0..6).filter(bit).map(AccountId).collect();
        let members = |engine: &Engine| engine.attached(campaign).collect::<BTreeSet<_>>();
        let ask = |engine: &mut Engine, mode: Mode| match attach {
            true => engine.attach_with(campaign, &asked, mode, now),
            false => engine.detach_with(campaign, &asked, mode, now),
        };
        let before = members(&self.engine);
        let told = ask(&mut self.engine.clone(), Mode::DryRun);
        let answer = self.both(|engine| ask(engine, mode));
        let after = members(&self.engine);
        let Ok(told) = told else {
            assert_eq!(answer, told, "only a missing campaign refuses a dry run");
            assert!(matches!(answer, Err(AttachError::UnknownCampaign { .. })));
            return;
        };
        self.check_findings(campaign, &told, attach);
        let refused = told.accounts.iter().any(mailrota::Checked::is_refused);
        let delta: BTreeSet<_> = before.symmetric_difference(&after).copied().collect();
        let changed: BTreeSet<_> = told.changed.iter().copied().collect();
        match (mode, refused) {
            (Mode::AllOrNone, true) => {
                assert!(matches!(answer, Err(AttachError::Refused(_))) && delta.is_empty());
            }
            (Mode::DryRun, _) => assert!(delta.is_empty() && answer == Ok(told)),
            (Mode::AllOrNone, false) | (Mode::EachThatCan, _) => {
                assert!(delta == changed && answer == Ok(told), "{delta:?} {answer:?}");
            }
        }
        let active = |c: &mailrota::Campaign| c.state == CampaignState::Active;
        if self.engine.campaign(campaign).is_some_and(active) {
            assert!(before.is_empty() || !after.is_empty(), "an active campaign was emptied");
        }
        if mode == Mode::AllOrNone && !refused {
            let mut again = self.engine.clone();
            let repeated = ask(&mut again, mode).expect("what was taken is taken again");
            assert!(repeated.changed.is_empty() && again.snapshot() == self.engine.snapshot());
        }
    }

    /// A foreign account and a missing one read alike.
    fn check_findings(&self, campaign: CampaignId, report: &AttachReport, attach: bool) {
        let owner = self.engine.campaign(campaign).map(|campaign| campaign.owner);
        for checked in &report.accounts {
            let account = self.engine.account(checked.account);
            if account.map(|account| account.owner) != owner {
                let only = if attach { Finding::NotFoundOrNotOwned } else { Finding::NotAttached };
                assert_eq!(checked.findings, [only]);
            }
        }
    }
}
