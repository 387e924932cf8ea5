//! Writing a snapshot down in parts of bounded size.

use std::io::{self, Write};

use crate::rotation::Engine;
use crate::store::error::JournalError;
use crate::store::journal::chain::Mark;
use crate::store::journal::documents::Sum;
use crate::store::journal::ledger::{Ledger, Line};
use crate::store::journal::seam::Head;
use crate::vocab::Timestamp;

/// How many bytes a part has at most; no writer is kept waiting for longer than it takes.
const PART_BYTES: usize = 256 * 1_024;

/// An engine's whole state as text parts and their head.
pub(crate) struct Pieces {
    pub(crate) parts: Vec<String>,
    pub(crate) lines: Vec<Line>,
    pub(crate) head: Head,
}

impl Pieces {
    /// The length of all parts.
    pub(crate) fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.len() as u64).sum()
    }
}

/// Writes an engine's state down, as it stands after a fact: the state on one line of text, what
/// was counted on the next, what the documents come to on the last.
pub(crate) fn pieces(
    place: &str,
    engine: &Engine,
    ledger: &Ledger,
    documents: Option<Sum>,
    mark: Mark,
) -> Result<Pieces, JournalError> {
    let failed = |error: io::Error| JournalError::Io {
        place: place.to_owned(),
        problem: format!("the state cannot be written down: {error}"),
    };
    let mut cutter = Cutter::default();
    let written = serde_json::to_writer(&mut cutter, &engine.snapshot()).and_then(|()| {
        cutter.write_all(b"\n").map_err(serde_json::Error::io)?;
        serde_json::to_writer(&mut cutter, ledger)?;
        let Some(documents) = documents else { return Ok(()) };
        cutter.write_all(b"\n").map_err(serde_json::Error::io)?;
        serde_json::to_writer(&mut cutter, &documents)
    });
    written.map_err(|error| failed(error.into()))?;
    let parts = cutter.finish().map_err(failed)?;
    let hash = parts.iter().fold(0, |hash, part| crc32c::crc32c_append(hash, part.as_bytes()));
    let at_ms = engine.seen().map_or(i64::MIN, Timestamp::unix_ms);
    let count = u32::try_from(parts.len()).map_err(|error| failed(io::Error::other(error)))?;
    let mut head = Head::new(mark, at_ms, count, hash, 0);
    head.seal = head.sealed();
    Ok(Pieces { parts, lines: ledger.lines(engine), head })
}

/// Cuts a text into parts between characters.
#[derive(Default)]
struct Cutter {
    parts: Vec<String>,
    open: Vec<u8>,
}

impl Cutter {
    fn cut(&mut self) -> io::Result<()> {
        let whole = match std::str::from_utf8(&self.open) {
            Ok(text) => text.len(),
            Err(error) => error.valid_up_to(),
        };
        let rest = self.open.split_off(whole);
        let part = String::from_utf8(std::mem::replace(&mut self.open, rest));
        self.parts.push(part.map_err(io::Error::other)?);
        Ok(())
    }

    fn finish(mut self) -> io::Result<Vec<String>> {
        if !self.open.is_empty() {
            self.cut()?;
        }
        if self.open.is_empty() { Ok(self.parts) } else { Err(io::ErrorKind::InvalidData.into()) }
    }
}

impl Write for Cutter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.open.extend_from_slice(bytes);
        if self.open.len() >= PART_BYTES {
            self.cut()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        let text = "añ\u{1f980}".repeat(200_000);
        for step in [1, 3, 1_000] {
            let mut cutter = Cutter::default();
            for bytes in text.as_bytes().chunks(step) {
                cutter.write_all(bytes).unwrap();
            }
            let parts = cutter.finish().unwrap();
            assert!(parts.len() > 2 && parts.iter().all(|part| part.len() < PART_BYTES + step));
            assert_eq!(parts.concat(), text);
        }
    }
}
