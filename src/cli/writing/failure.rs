//! Why a command ends without what was asked of it: what is wrong, a line each.
//!
//! Knows the lines, not who reads them.

use std::fmt::Display;

/// What is wrong, a line each.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) Vec<String>);

impl Failure {
    pub(crate) fn new(line: impl Into<String>) -> Self {
        Self(vec![line.into()])
    }

    pub(crate) fn of(error: impl Display) -> Self {
        Self::new(error.to_string())
    }

    /// Every line of a text, with the name of the file that it is about.
    pub(crate) fn each_line(file: &str, text: &str) -> Self {
        Self(text.lines().map(|line| format!("{file}: {line}")).collect())
    }
}
