//! What staff write beside an order, for each other.
//!
//! Free text may say something of people, so it is part of what an order says of them
//! ([`crate::person::Person`]): sealed, and erased with it. A fact says only that there is a note, and whose.

use serde::{Deserialize, Serialize};

use crate::Time;

/// The most notes of an order: all of them stand in one row.
pub const NOTES_MAX: u32 = 100;
/// The most characters of a note.
pub const NOTE_LENGTH_MAX: usize = 1000;

/// One note. Perhaps personal data: it is never logged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Its place among the notes of the order, from 1.
    pub number: u32,
    /// When it was written.
    pub at: Time,
    /// Who wrote it.
    pub by: String,
    /// What.
    pub text: NoteText,
}

/// The text of a note. It cannot be printed by accident.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteText(pub String);

impl std::fmt::Debug for NoteText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NoteText(…)")
    }
}

impl std::fmt::Debug for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Note({}, by {}, …)", self.number, self.by)
    }
}

/// Why a note is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteRefusal {
    /// There are too many.
    #[error(
        "the order has {NOTES_MAX} notes, the most that are kept: write what remains elsewhere"
    )]
    TooMany,
    /// Nobody could erase it any more.
    #[error(
        "what the order said of people is erased, and a note may say something of them: write it elsewhere"
    )]
    Erased,
}
