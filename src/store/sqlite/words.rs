//! What SQLite says, in the journal's words.

use rusqlite::{Error, ErrorCode, ffi};

use crate::store::error::JournalError;

/// The journal's error for one of SQLite's.
pub(crate) fn said(place: &str, error: &Error) -> JournalError {
    let (place, problem) = (place.to_owned(), error.to_string());
    let code = error.sqlite_error().map(|error| (error.code, error.extended_code));
    match code {
        Some((_, ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC)) => {
            JournalError::SyncFailed { place, problem }
        }
        Some((ErrorCode::DiskFull, _)) => JournalError::Full { place },
        Some((ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _)) => {
            JournalError::Busy { place }
        }
        // The last: a number that is taken, as by somebody who wrote without the lock.
        Some((ErrorCode::DatabaseCorrupt | ErrorCode::ConstraintViolation, _)) => {
            damaged(place, problem)
        }
        Some((ErrorCode::NotADatabase, _)) => JournalError::NotAStore { place, problem },
        None if is_foreign(error) => damaged(place, problem),
        Some(_) | None => JournalError::Io { place, problem },
    }
}

/// Whether a value is of another kind than any that was written.
fn is_foreign(error: &Error) -> bool {
    matches!(
        error,
        Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
            | Error::Utf8Error(..)
    )
}

fn damaged(place: String, problem: String) -> JournalError {
    JournalError::Damaged { place, sequence: None, problem }
}
