//! Who gets into a campaign of the reference model and who out, with everything there is to say.
//!
//! Knows the findings and which of them refuse; what a membership is worth is decided beside it.

use mailrota::{AccountId, CampaignId, CampaignState, Mode};

use crate::agreement_commands::report_line;
use crate::agreement_zones::{day, is_open};
use crate::model::Stand;
use crate::model_commands::{Said, TRUST};
use crate::model_state::{Member, Minute, Model, Stream};

impl Model {
    pub(crate) fn attach(
        &mut self,
        id: CampaignId,
        asked: &[AccountId],
        mode: Mode,
        now: Minute,
    ) -> Said {
        let stream = self.stream(id).ok_or("UnknownCampaign")?;
        let (report, changed) = checked(asked, |account| {
            if stream.member(account).is_some() {
                return (false, vec!["already_attached"]);
            }
            (true, self.entry_findings(stream, account, now))
        });
        let refused = report.iter().any(|(_, codes)| codes.iter().any(|code| is_error(code)));
        if refused && mode == Mode::AllOrNone {
            return Ok(format!("error Refused {}", report_line(&report, &[])));
        }
        if mode != Mode::DryRun {
            for account in &changed {
                self.sender_mut(*account).unwrap().good = true;
                let stream = self.stream_mut(id);
                let member = Member { id: *account, start: stream.time, present: false };
                let members = &mut stream.members;
                members.push(member);
                members.sort_by_key(|member| member.id);
            }
            let mut joining = changed.clone();
            joining.retain(|account| self.stand_of(*account) != Stand::Away);
            if !joining.is_empty() {
                self.let_leave(id);
            }
            self.bring_back(id, &joining);
        }
        Ok(report_line(&report, &changed))
    }

    fn entry_findings(&self, stream: &Stream, id: AccountId, now: Minute) -> Vec<&'static str> {
        let Some(sender) = self.sender(id).filter(|it| it.set.owner == stream.set.owner) else {
            return vec!["not_found_or_not_owned"];
        };
        let set = &sender.set;
        let warmup = set.warmup.clone().unwrap_or_default();
        let started = warmup.started_at.map(crate::model::minute);
        let together = (0..230 * 48).map(|half_hour| now + half_hour * 30).any(|at| {
            is_open(sender.window, set.zone, at) && is_open(stream.window, stream.set.zone, at)
        });
        let value = set.reputation.map(|standpoint| standpoint.value.value());
        let mut codes = vec![
            (set.connection.smtp.words().is_some(), "smtp_failed"),
            (set.connection.imap.words().is_some(), "imap_failed"),
            (set.suspended, "suspended"),
            (value.is_none(), "reputation_unknown"),
            (!sender.is_fresh(now), "reputation_stale"),
            (value.is_some_and(|value| value <= TRUST), "warmup_reputation_too_low"),
            (warmup.blocked.is_some(), "warmup_blocked"),
            (started.is_some_and(|at| at + 14 * 1_440 > now), "warmup_too_young"),
            (sender.allowance(day(set.zone, now)) == 0, "no_daily_capacity"),
            (!together, "window_never_open"),
        ];
        codes.retain(|(found, _)| *found);
        codes.into_iter().map(|(_, code)| code).collect()
    }

    pub(crate) fn detach(&mut self, id: CampaignId, asked: &[AccountId], mode: Mode) -> Said {
        let stream = self.stream(id).ok_or("UnknownCampaign")?;
        let stays = stream.members.iter().any(|member| !asked.contains(&member.id));
        let emptied = !stays && stream.set.state == CampaignState::Active;
        let (report, changed) = checked(asked, |account| {
            if stream.member(account).is_none() {
                return (false, vec!["not_attached"]);
            }
            let mut codes = if emptied { vec!["last_sender_of_active_campaign"] } else { vec![] };
            if self.wrote(stream, account) {
                codes.push("has_sticky_leads");
            }
            (true, codes)
        });
        let refused = report.iter().any(|(_, codes)| codes.iter().any(|code| is_error(code)));
        if refused && mode == Mode::AllOrNone {
            return Ok(format!("error Refused {}", report_line(&report, &[])));
        }
        if mode != Mode::DryRun {
            for account in &changed {
                self.leave(id, *account);
            }
            self.stream_mut(id).members.retain(|member| !changed.contains(&member.id));
        }
        Ok(report_line(&report, &changed))
    }

    /// Whether a lead that is an account's was written to by it, or given to it.
    fn wrote(&self, stream: &Stream, id: AccountId) -> bool {
        let given = stream.given.iter().map(|(lead, account, ..)| (*lead, *account));
        let emails = self.emails.iter().enumerate();
        let emails = emails.filter(|(n, it)| *n >= stream.remembered(it.request.lead));
        let ours = emails.map(|(_, it)| it).filter(|it| it.campaign == stream.set.id);
        let counted = ours.filter(|it| it.charged.is_some());
        let mut written = counted.map(|it| (it.request.lead, it.account)).chain(given);
        written.any(|(lead, by)| by == id && self.bound(stream, lead) == Some(id))
    }
}

type Report = Vec<(AccountId, Vec<&'static str>)>;

/// Looks at each account once, in the order of the request. `look` says whether its membership
/// would change, and what there is to say.
fn checked(
    asked: &[AccountId],
    look: impl Fn(AccountId) -> (bool, Vec<&'static str>),
) -> (Report, Vec<AccountId>) {
    let (mut report, mut changed) = (Report::new(), Vec::new());
    for (n, id) in asked.iter().enumerate() {
        if asked[..n].contains(id) {
            continue;
        }
        let (differs, mut codes) = look(*id);
        if differs && !codes.iter().any(|code| is_error(code)) {
            changed.push(*id);
        }
        if asked[n + 1..].contains(id) {
            codes.push("duplicate_in_request");
        }
        codes.sort_unstable();
        report.push((*id, codes));
    }
    (report, changed)
}

fn is_error(code: &str) -> bool {
    [
        "imap_failed",
        "last_sender_of_active_campaign",
        "not_found_or_not_owned",
        "reputation_stale",
        "reputation_unknown",
        "smtp_failed",
        "suspended",
        "warmup_blocked",
        "warmup_reputation_too_low",
    ]
    .contains(&code)
}
