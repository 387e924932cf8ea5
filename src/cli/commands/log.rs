//! The command `log`: the facts of a store, a line each.
//!
//! Writes while it reads, since a store may hold more than memory does.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use mailrota::{About, AccountId, CampaignId, Event, Filter, History, LeadId};
use serde_json::{Value, json};

use crate::cli::options::store_args::Log;
use crate::cli::stores::{facts, path};
use crate::cli::writing::failure::Failure;

pub(crate) fn log(args: &Log) -> Result<ExitCode, Failure> {
    path::there(&args.store)?;
    let mut filter = Filter::new();
    filter.account = args.account.map(AccountId);
    filter.campaign = args.campaign.map(CampaignId);
    filter.lead = args.lead.map(LeadId);
    if let Some((from, to)) = args.from.zip(args.to).filter(|(from, to)| to <= from) {
        return Err(Failure::new(format!(
            "--to {to} is not after --from {from}; give a later one"
        )));
    }
    (filter.from, filter.until) = (args.from, args.to);
    let mut history = History::open(&args.store).map_err(Failure::of)?;
    let mut out = BufWriter::new(io::stdout().lock());
    let mut written = Ok(());
    let read = history.facts(&filter, |sequence, event, about| {
        written = writeln!(out, "{}", line(sequence, event, about, args.json));
        written.is_ok()
    });
    match written.and_then(|()| out.flush()) {
        // Whoever read has read enough, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
        Err(error) => return Err(Failure::new(format!("cannot write the facts: {error}"))),
        Ok(()) => {}
    }
    read.map_err(Failure::of)?;
    Ok(ExitCode::SUCCESS)
}

fn line(sequence: u64, event: &Event, about: &About, as_json: bool) -> String {
    if !as_json {
        return format!("{sequence}  {}  {}", event.at, facts::told(&event.fact, about));
    }
    let mut value = serde_json::to_value(event).unwrap_or_default();
    if let Value::Object(fields) = &mut value {
        fields.insert("sequence".to_owned(), sequence.into());
        let accounts: Vec<u64> = about.accounts.iter().map(|account| account.0).collect();
        let [campaign, lead] = [about.campaign.map(|it| it.0), about.lead.map(|it| it.0)];
        let about = json!({"accounts": accounts, "campaign": campaign, "lead": lead});
        fields.insert("about".to_owned(), about);
    }
    value.to_string()
}
