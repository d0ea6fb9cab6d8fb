//! What one record of the journal does to the rows.
//!
//! The committer and every replay go through here, so a row comes out the same either way.

use super::{
    compress::{Compressor, decompress},
    row::{FACT_PIECE_BYTES, encode, fact_key},
};
use crate::{
    Seq,
    journal::{
        change::{Change, RowKey, decode_signal, inbox_key},
        record::{BATCH, Head, PACKED_BATCH, PAYLOAD_LENGTH_MAX, SIGNAL},
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

/// A shorter batch is not worth the time.
const PACKED_FROM_BYTES: usize = 1024;

/// What a batch becomes as a record: its kind and its payload. It is compressed where that saves
/// something, because every byte is written twice: once as zeros ahead.
pub(crate) fn write_batch(change: &Change, compressor: &mut Compressor) -> (u8, Vec<u8>) {
    let payload = change.encode();
    if payload.len() < PACKED_FROM_BYTES {
        return (BATCH, payload);
    }
    match compressor.compress(&payload) {
        Ok(packed) if packed.len() < payload.len() => (PACKED_BATCH, packed),
        // Without the memory for it there is always the plain form.
        Ok(_) | Err(_) => (BATCH, payload),
    }
}

/// The batch of a record; nothing if it makes no sense.
pub(crate) fn read_batch(head: &Head, payload: &[u8]) -> Option<Change> {
    match head.kind {
        BATCH => Change::decode(payload),
        PACKED_BATCH => Change::decode(&decompress(payload, PAYLOAD_LENGTH_MAX).ok()?),
        _ => None,
    }
}

impl Effect {
    /// A record that is read back; nothing if it makes no sense.
    pub(crate) fn of(head: &Head, payload: &[u8]) -> Option<Effect> {
        match head.kind {
            SIGNAL => {
                decode_signal(payload).map(|(note, _)| Effect::Signal(head.seq, note.to_vec()))
            }
            BATCH | PACKED_BATCH => {
                read_batch(head, payload).map(|change| Effect::Batch(head.seq, change))
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_comes_back_packed_or_not() {
        let mut compressor = Compressor::new().unwrap();
        let mut dice = crate::dice::Dice(1);
        let noise: Vec<u8> = (0..4000).map(|_| dice.roll(256) as u8).collect();
        for (fact, kind) in [
            (vec![7; 10], BATCH),
            (b"facts are much alike ".repeat(200), PACKED_BATCH),
            (noise, BATCH),
        ] {
            let change = Change {
                facts: vec![fact],
                ..Change::default()
            };
            let (found, payload) = write_batch(&change, &mut compressor);
            let head = Head {
                length: payload.len() as u32,
                kind: found,
                key_id: 0,
                seq: Seq(1),
                group: Seq(1),
                span: 1,
                payload_crc: 0,
            };
            assert_eq!((found, read_batch(&head, &payload)), (kind, Some(change)));
            assert_eq!(read_batch(&head, &payload[1..]), None);
            assert_eq!(read_batch(&Head { kind: 9, ..head }, &payload), None);
        }
    }
}
