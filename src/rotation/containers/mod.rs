//! What holds entries and knows no meaning of them.

pub(super) mod agenda;
mod behind;
pub(super) mod heap;
pub(super) mod leaf_list;
pub(super) mod leaves;
pub(super) mod lookup;
pub(super) mod mostly_empty;
pub(super) mod pieces;
pub(super) mod pile;
mod ring;
pub(super) mod room;
pub(super) mod segments;
pub(super) mod sorted;
pub(super) mod swept;
pub(super) mod table;
pub(super) mod told;
