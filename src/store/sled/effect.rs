//! What one record of the journal does to the rows.
//!
//! The committer and every replay go through here, so a row comes out the same either way.

use super::row::{FACT_PIECE_BYTES, encode, fact_key};
use crate::{
    Seq,
    journal::{
        change::{Change, RowKey, decode_signal, inbox_key},
        record::{BATCH, Head, SIGNAL},
    },
};

/// A record, as the rows see it.
pub(crate) enum Effect {
    /// A signal came in, with this note.
    Signal(Seq, Vec<u8>),
    /// A batch was carried out.
    Batch(Seq, Change),
}

/// What becomes of one row.
pub(crate) enum Touch {
    /// It is stored like this.
    Put(Vec<u8>),
    /// The same, and nobody has ever written a row under that key.
    Make(Vec<u8>),
    /// It is gone.
    Delete,
}

impl Effect {
    /// A record that is read back; nothing if it makes no sense.
    pub(crate) fn of(head: &Head, payload: &[u8]) -> Option<Effect> {
        match head.kind {
            SIGNAL => {
                decode_signal(payload).map(|(note, _)| Effect::Signal(head.seq, note.to_vec()))
            }
            BATCH => Change::decode(payload).map(|change| Effect::Batch(head.seq, change)),
            _ => None,
        }
    }

    /// The last position it takes.
    pub(crate) fn last(&self) -> Seq {
        match self {
            Effect::Signal(at, _) => *at,
            Effect::Batch(at, change) => Seq(at.0 + u64::from(change.span()) - 1),
        }
    }

    /// Shows every row that it touches, until there is an error.
    pub(crate) fn each<E>(
        self,
        mut touch: impl FnMut(RowKey, Touch) -> Result<(), E>,
    ) -> Result<(), E> {
        let (at, change) = match self {
            Effect::Signal(at, note) => {
                let key = inbox_key(at);
                let stored = encode(&key, at, &note);
                return touch(key, Touch::Make(stored));
            }
            Effect::Batch(at, change) => (at, change),
        };
        for (key, value) in change.puts {
            let stored = encode(&key, at, &value);
            touch(key, Touch::Put(stored))?;
        }
        for key in change.deletes {
            touch(key, Touch::Delete)?;
        }
        for (at, fact) in (at.0..).map(Seq).zip(&change.facts) {
            let mut pieces = fact.chunks(FACT_PIECE_BYTES).collect::<Vec<_>>();
            if pieces.is_empty() {
                pieces.push(&[]);
            }
            for (piece, bytes) in (0..).zip(pieces) {
                let key = fact_key(at, piece);
                let stored = encode(&key, at, bytes);
                touch(key, Touch::Make(stored))?;
            }
        }
        Ok(())
    }
}

impl Touch {
    /// What is stored then; nothing where the row is gone.
    pub(crate) fn stored(self) -> Option<Vec<u8>> {
        match self {
            Touch::Put(stored) | Touch::Make(stored) => Some(stored),
            Touch::Delete => None,
        }
    }
}
