//! The answers as people and programs get them: for a terminal, as a page, a picture, or JSON.
//!
//! Everything in them was counted before. Knows no options and no command.

pub(super) mod html;
pub(super) mod json;
mod picture;
mod sentences;
pub(super) mod svg;
pub(super) mod text;
