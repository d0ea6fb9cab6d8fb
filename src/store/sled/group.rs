//! The writes that share one sync.
//!
//! They are planned one after the other: an expectation is held against the rows and against what the
//! earlier ones of the group will have done. A batch that meets a conflict is not part of the journal;
//! it is answered with the others, when what it was compared with is durable.

use std::collections::BTreeMap;

use tokio::sync::OwnedSemaphorePermit;

use super::{
    committer::{Answer, Write, reply},
    compress::Compressor,
    effect::{Effect, write_batch},
    memtable::Layers,
    row::decode,
    shared::Shared,
};
use crate::{
    Append, Batch, Expect, Seq, StoreError,
    journal::{
        change::{Change, RowKey, encode_signal, inbox_key, row_key},
        record::{Draft, SIGNAL},
    },
};

/// What one group writes and whom it answers.
pub(crate) struct Group {
    /// The records, in order.
    pub drafts: Vec<Draft>,
    next: Seq,
    effects: Vec<Effect>,
    versions: BTreeMap<RowKey, Option<Seq>>,
    replies: Vec<Reply>,
}

enum Reply {
    Appended(Answer<Vec<Seq>>, Vec<Seq>, OwnedSemaphorePermit),
    Committed(Answer<Seq>, Result<Seq, StoreError>, OwnedSemaphorePermit),
}

impl Group {
    pub(crate) fn new(next: Seq) -> Group {
        Group {
            drafts: Vec::new(),
            next,
            effects: Vec::new(),
            versions: BTreeMap::new(),
            replies: Vec::new(),
        }
    }

    /// Adds a write. An error means that the rows cannot be read, so the whole group fails.
    pub(crate) fn plan(
        &mut self,
        shared: &Shared,
        write: Write,
        compressor: &mut Compressor,
    ) -> Result<(), StoreError> {
        match write {
            Write::Append {
                signals,
                answer,
                permit,
            } => {
                let seqs = signals.into_iter().map(|one| self.signal(one)).collect();
                self.replies.push(Reply::Appended(answer, seqs, permit));
                Ok(())
            }
            Write::Commit {
                batch,
                answer,
                permit,
            } => {
                let met = self.meets(shared, &batch.expects);
                let answered = match &met {
                    Ok(None) => Ok(self.batch(batch, compressor)),
                    Ok(Some(table)) => Err(StoreError::Conflict { table: *table }),
                    Err(error) => Err(error.clone()),
                };
                self.replies
                    .push(Reply::Committed(answer, answered, permit));
                met.map(|_| ())
            }
        }
    }

    /// Makes the changes of the group to the rows.
    pub(crate) fn apply(&mut self, rows: &mut Layers) {
        for effect in self.effects.drain(..) {
            rows.apply(effect);
        }
    }

    /// Tells everybody how it went.
    pub(crate) fn answer(self, done: Result<(), StoreError>) {
        for one in self.replies {
            // The permit is given back with the answer, not before.
            match one {
                Reply::Appended(answer, seqs, _permit) => {
                    reply(answer, done.clone().map(|()| seqs));
                }
                Reply::Committed(answer, answered, _permit) => {
                    reply(answer, done.clone().and(answered));
                }
            }
        }
    }

    fn signal(&mut self, signal: Append) -> Seq {
        let at = self.next;
        self.draft(SIGNAL, 1, encode_signal(&signal));
        self.versions.insert(inbox_key(at), Some(at));
        self.effects.push(Effect::Signal(at, signal.note));
        at
    }

    fn batch(&mut self, batch: Batch, compressor: &mut Compressor) -> Seq {
        let at = self.next;
        let change = Change::of(batch);
        let (kind, payload) = write_batch(&change, compressor);
        self.draft(kind, change.span(), payload);
        for (key, _) in &change.puts {
            self.versions.insert(key.clone(), Some(at));
        }
        for key in &change.deletes {
            self.versions.insert(key.clone(), None);
        }
        self.effects.push(Effect::Batch(at, change));
        at
    }

    fn draft(&mut self, kind: u8, span: u32, payload: Vec<u8>) {
        let draft = Draft {
            kind,
            seq: self.next,
            span,
            payload,
        };
        self.next = draft.next();
        self.drafts.push(draft);
    }

    /// The table of the first row that is not as expected.
    fn meets(
        &self,
        shared: &Shared,
        expects: &[Expect],
    ) -> Result<Option<crate::Table>, StoreError> {
        for expect in expects {
            let key = row_key(expect.table, &expect.key);
            let version = match self.versions.get(&key) {
                Some(version) => *version,
                None => shared.read_rows(|rows| {
                    let stored = rows.get(&key)?;
                    stored
                        .map(|stored| Ok(decode(&key, &stored)?.version))
                        .transpose()
                })?,
            };
            if version != expect.version {
                return Ok(Some(expect.table));
            }
        }
        Ok(None)
    }
}
