//! Where a text goes: to the standard output, to the standard error, or to a file; and how wide it
//! may be.
//!
//! Knows texts, not what they say.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use anstream::{AutoStream, ColorChoice};

use crate::cli::options::args::Color;
use crate::cli::writing::failure::Failure;
use crate::cli::writing::words;

/// Writes one line to the standard error, without the keys that somebody may have pasted. If nobody
/// listens there, nobody is told.
pub(crate) fn complain(line: &str) {
    let line = words::without_keys(&words::safe(line));
    let _ = writeln!(io::stderr(), "mailrota: {line}");
}

/// Writes a text with colours to the standard output, without them where they are not wanted.
pub(crate) fn show(text: &str, color: Color) -> Result<(), Failure> {
    let choice = match color {
        Color::Always => ColorChoice::AlwaysAnsi,
        Color::Auto => AutoStream::choice(&io::stdout()),
        Color::Never => ColorChoice::Never,
    };
    let mut stdout = AutoStream::new(io::stdout(), choice);
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        // Whoever read has read enough, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::new(format!("cannot write the report: {error}"))),
        Ok(()) => Ok(()),
    }
}

/// Writes a file; `-` is the standard output.
pub(crate) fn save(path: &Path, text: &str) -> Result<(), Failure> {
    if path == Path::new("-") {
        return show(text, Color::Never);
    }
    fs::write(path, text)
        .map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))
}

/// The columns to draw in.
pub(crate) fn width(asked: Option<u16>) -> usize {
    const DEFAULT: u16 = 100;
    let terminal = || terminal_size::terminal_size().map(|(width, _)| width.0);
    let drawn = io::stdout().is_terminal();
    usize::from(asked.or_else(|| terminal().filter(|_| drawn)).unwrap_or(DEFAULT).max(60))
}
