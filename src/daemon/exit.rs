//! Exit codes, by sysexits, and the last words.

use std::io::Write;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Well.
    Good,
    /// With a finding: something is not as it should be, was refused, or was only shown and waits for `--yes`.
    Finding,
    /// What was handed over is not what it should be.
    Data,
    /// What was named cannot be read.
    NoInput,
    /// The daemon, or a channel, cannot be reached.
    Unreachable,
    /// By a bug of ours.
    Bug,
    /// The store cannot be used.
    Storage,
    /// We are not let in.
    Permission,
    /// The configuration cannot be used, or there is none.
    Configuration,
}

impl Exit {
    /// The number of it.
    pub fn code(self) -> u8 {
        match self {
            Exit::Good => 0,
            Exit::Finding => 1,
            Exit::Data => 65,
            Exit::NoInput => 66,
            Exit::Unreachable => 69,
            Exit::Bug => 70,
            Exit::Storage => 74,
            Exit::Permission => 77,
            Exit::Configuration => 78,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> std::process::ExitCode {
        exit.code().into()
    }
}

/// Tells a person at the terminal.
pub fn tell(text: &str) {
    // When nobody listens on standard error there is nobody to be told.
    drop(std::io::stderr().lock().write_all(text.as_bytes()));
}
