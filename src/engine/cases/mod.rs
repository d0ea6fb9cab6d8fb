//! Cases: what led to an incident, kept so that it can be played again on another machine.
//!
//! Nobody knows of a decision that it will matter until units are missing. So the last decisions wait in
//! memory ([`recorder`]), and when an incident opens, those about the same units are kept in its own
//! commit, and the later ones with theirs, until it is over. Each is kept with its time, the source of
//! its ids, its signal, and the rows that it read ([`watched`]): a row that a decision about other units
//! had changed is simply given, so any choice of decisions can be played exactly. [`export`] takes the
//! names out, [`replay`] decides again through the very same decider, and compares; [`told`] says it in
//! sentences.
//!
//! Nothing here decides, and nothing that fails here stops a decision.

pub mod export;
pub(crate) mod kept;
pub(crate) mod node;
pub(crate) mod play;
pub(crate) mod recorder;
mod redact;
pub mod replay;
pub(crate) mod tables;
mod told;
pub(crate) mod watched;

use std::time::Duration;

/// How long before an incident decisions are kept.
pub const LEAD: Duration = Duration::from_secs(3600);
/// The most decisions that wait in memory.
pub const WAITING_MAX: usize = 4000;
/// The most that they may hold, in bytes.
pub const WAITING_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The most that is kept of one decision; a larger one is left out.
pub const STEP_BYTES_MAX: usize = 512 * 1024;
/// The most that is kept of the time before an incident.
pub const LEAD_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The most decisions that are kept of one incident.
pub const STEPS_MAX: u64 = 2000;
/// The most bytes that are kept of one incident.
pub const RECORDING_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// The most that is remembered of what the steps of one incident give.
pub const HELD_BYTES_MAX: usize = 2 * 1024 * 1024;
/// The longest form of the rules that is kept.
pub const RULES_BYTES_MAX: usize = 768 * 1024;
/// The most incidents that are followed at the same time.
pub const FOLLOWED_MAX: usize = 50;
/// The most incidents of which something is kept.
pub const RECORDINGS_MAX: usize = 200;
/// How long something is kept after an incident is over.
pub const KEPT_FOR: Duration = Duration::from_secs(30 * 24 * 3600);
/// The longest file that is read again.
pub const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
