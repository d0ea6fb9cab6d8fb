//! The daemon: settings, wiring and commands around the engine.
//!
//! Start reading at [`run`] for the daemon itself, at [`demo`] for the whole on one machine, and at
//! [`settings`] for what an admin can say.

mod backups;
pub mod bench;
pub mod check;
pub mod cli;
pub mod configuration;
pub mod demo;
pub mod doctor;
mod durably;
pub mod exit;
pub mod keys;
pub mod listen;
pub mod logging;
pub mod manual;
mod outside;
pub mod rehearsal;
pub mod replay;
pub mod restore;
pub mod run;
pub mod sandbox_host;
mod scratch;
pub mod settings;
mod signals;
pub mod sim;
mod table;
mod vault;
