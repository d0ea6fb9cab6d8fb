//! Reading what channels have: when, how patiently, and what to make of a level that is not what we know.

pub mod backfill;
pub(crate) mod evidence;
mod patience;
pub mod poll;
pub mod reconcile;
mod rhythm;
