//! What the payloads of records say: a raw signal, or the rows and facts of a batch.
//!
//! Rows are named by their whole key, table and all, so that a replay needs no list of tables.
//! Expectations are not kept: they were met, and a replay never decides anything again.

use super::record::array;
use crate::{Append, Batch, Seq, Table};

/// The name of a row in the one map of all rows: the table, a zero, the key.
pub(crate) type RowKey = Vec<u8>;

/// A whole key for a row.
pub(crate) fn row_key(table: Table, key: &[u8]) -> RowKey {
    let mut whole = Vec::with_capacity(table.0.len() + 1 + key.len());
    whole.extend(table.0.as_bytes());
    whole.push(0);
    whole.extend(key);
    whole
}

/// What a batch changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    pub puts: Vec<(RowKey, Vec<u8>)>,
    pub deletes: Vec<RowKey>,
    pub facts: Vec<Vec<u8>>,
}

impl Change {
    /// A batch without its expectations.
    pub(crate) fn of(batch: Batch) -> Change {
        Change {
            puts: (batch.puts.into_iter())
                .map(|(table, key, value)| (row_key(table, &key), value))
                .collect(),
            deletes: (batch.deletes.into_iter())
                .map(|(table, key)| row_key(table, &key))
                .collect(),
            facts: batch.facts,
        }
    }

    /// How many positions it takes.
    pub(crate) fn span(&self) -> u32 {
        u32::try_from(self.facts.len().max(1)).unwrap_or(u32::MAX)
    }

    /// As a payload.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let puts = self
            .puts
            .iter()
            .map(|(key, value)| key.len() + value.len() + 8);
        let others = self
            .deletes
            .iter()
            .chain(&self.facts)
            .map(|text| text.len() + 4);
        let mut out = Vec::with_capacity(12 + puts.sum::<usize>() + others.sum::<usize>());
        count(&mut out, self.puts.len());
        for (key, value) in &self.puts {
            text(&mut out, key);
            text(&mut out, value);
        }
        count(&mut out, self.deletes.len());
        for key in &self.deletes {
            text(&mut out, key);
        }
        count(&mut out, self.facts.len());
        for fact in &self.facts {
            text(&mut out, fact);
        }
        out
    }

    /// From a payload; nothing if it is none.
    pub(crate) fn decode(payload: &[u8]) -> Option<Change> {
        let mut rest = payload;
        let mut change = Change::default();
        for _ in 0..take_count(&mut rest)? {
            let key = take_text(&mut rest)?.to_vec();
            change.puts.push((key, take_text(&mut rest)?.to_vec()));
        }
        for _ in 0..take_count(&mut rest)? {
            change.deletes.push(take_text(&mut rest)?.to_vec());
        }
        for _ in 0..take_count(&mut rest)? {
            change.facts.push(take_text(&mut rest)?.to_vec());
        }
        rest.is_empty().then_some(change)
    }
}

/// A signal as a payload.
pub(crate) fn encode_signal(signal: &Append) -> Vec<u8> {
    let mut out = Vec::with_capacity(4 + signal.note.len() + signal.body.len());
    text(&mut out, &signal.note);
    out.extend(&signal.body);
    out
}

/// The note and the body of a signal.
pub(crate) fn decode_signal(payload: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut rest = payload;
    let note = take_text(&mut rest)?;
    Some((note, rest))
}

/// The key of a signal's row in the inbox.
pub(crate) fn inbox_key(seq: Seq) -> RowKey {
    row_key(crate::INBOX, &seq.0.to_be_bytes())
}

fn count(out: &mut Vec<u8>, count: usize) {
    let count = u32::try_from(count).expect("the port's limits keep every count far below");
    out.extend(count.to_le_bytes());
}

fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    count(out, bytes.len());
    out.extend(bytes);
}

fn take_count(rest: &mut &[u8]) -> Option<u32> {
    let (head, tail) = rest.split_at_checked(4)?;
    *rest = tail;
    Some(u32::from_le_bytes(array(head, 0)))
}

fn take_text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take_count(rest)?).ok()?;
    let (head, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_read_back_and_half_of_one_is_none() {
        let change = Change {
            puts: vec![(b"t\0k".to_vec(), b"v".to_vec()), (b"t\0".to_vec(), vec![])],
            deletes: vec![b"t\0gone".to_vec()],
            facts: vec![vec![7; 300], vec![]],
        };
        let payload = change.encode();
        for length in 0..payload.len() {
            assert_eq!(Change::decode(&payload[..length]), None, "{length} bytes");
        }
        let mut longer = payload.clone();
        longer.push(0);
        assert_eq!(Change::decode(&longer), None);
        assert_eq!(Change::decode(&payload), Some(change));
        assert_eq!(Change::decode(&[255; 64]), None, "counts are not believed");
    }

    #[test]
    fn a_signal_is_read_back() {
        let signal = Append {
            body: b"body".to_vec(),
            note: b"note".to_vec(),
        };
        let payload = encode_signal(&signal);
        assert_eq!(decode_signal(&payload), Some((&b"note"[..], &b"body"[..])));
        assert_eq!(decode_signal(&payload[..3]), None);
    }
}
