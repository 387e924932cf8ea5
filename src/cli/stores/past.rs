//! A store as it was at an instant, account by account.
//!
//! Asks the engine that the history makes; the table and the JSON only write it down.

use mailrota::{History, QuestionError, Standing, Timestamp};

use crate::cli::writing::failure::Failure;
use crate::cli::writing::words::Foreign;

/// Every account as it was.
pub(crate) struct Past {
    pub(crate) at: Timestamp,
    pub(crate) accounts: Vec<(Foreign, Standing)>,
}

impl Past {
    pub(crate) fn of(history: &mut History, at: Timestamp) -> Result<Self, Failure> {
        let engine = history.engine_at(at.to_datetime()).map_err(Failure::of)?;
        let standing = |account: &mailrota::Account| {
            let standing = engine.standing(account.id, at.to_datetime());
            standing.map(|standing| (Foreign(account.address.clone()), standing))
        };
        let accounts = engine.accounts().map(standing).collect::<Result<_, QuestionError>>();
        match (accounts, engine.seen()) {
            (Ok(accounts), _) => Ok(Self { at, accounts }),
            (Err(QuestionError::Clock(_)), Some(seen)) => Err(Failure::new(format!(
                "--at {at} is too long after the last call, at {seen}; give an earlier one"
            ))),
            (Err(error), _) => Err(Failure::of(error)),
        }
    }
}
