//! The daemon: settings, wiring and commands around the engine.
//!
//! Start reading at [`settings`].

pub mod settings;
