//! What callers write and what they are shown: bodies that are read, views that are written.
//!
//! Knows no call.

pub(super) mod account_body;
pub(super) mod account_view;
pub(super) mod answers;
pub(super) mod campaign_view;
pub(super) mod reservation_view;
pub(super) mod rotation_body;
pub(super) mod rotation_view;
pub(super) mod standing_view;
