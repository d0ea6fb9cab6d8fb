//! Looking a stopped store over, and making its rows anew by hand.
//!
//! The comparison folds the journal a second time with code of its own, in memory, so that a mistake
//! in [`super::state`] would show too. It takes about 150 bytes of memory for each row.

use std::{collections::BTreeMap, ops::Bound};

use super::{
    effect::read_batch,
    export_file,
    found::{Found, find_rows},
    keeper::Size,
    lock::Lock,
    open::{Parts, is_loss_noted, place},
    options::{OpenError, Opened, Options},
    row::{APPLIED_KEY, Applied, FACT_PIECE_BYTES, encode, fact_key, weight},
    stack::Stack,
};
use crate::{
    Seq,
    journal::{
        change::{Change, RowKey, decode_signal, inbox_key},
        reader::Segments,
        record::{BATCH, Head, PACKED_BATCH, SIGNAL},
    },
};

/// So many differences are told in full.
const TOLD_MAX: usize = 20;

/// What looking a store over has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// How many records the journal has.
    pub records: u64,
    /// How many rows there are, facts included.
    pub rows: u64,
    /// How many rows are not what the journal says.
    pub differences: u64,
    /// What is wrong, in sentences. Empty when all is well.
    pub sentences: Vec<String>,
    /// What is wrong with exports that no row lies over. Nothing is lost by that, and an open store makes
    /// others in their place.
    pub spare: Vec<String>,
}

/// Compares the rows of a stopped store with its journal, reading everything.
pub fn verify(options: &Options) -> Result<Findings, OpenError> {
    let _lock = Lock::take(&options.dir)?;
    let found = find_rows(options)?;
    let journal = place(options)
        .open()
        .map_err(|error| OpenError::journal(&options.dir, error))?;
    let mut findings = Findings::default();
    findings.sentences.extend(journal.repairs.iter().cloned());
    let (exports, damaged) = whole_exports(options, journal.store_id)?;
    match &found {
        Found::Sound(..) => findings.spare = damaged,
        Found::Empty(_) | Found::Unsound(_) => findings.sentences.extend(damaged),
    }
    let (rows, applied) = match found {
        Found::Sound(rows, standing) => {
            let size = Size::of(options, &rows, standing.bytes);
            findings.sentences.extend(size.sentence());
            (rows, standing.applied)
        }
        Found::Empty(_) if journal.writer.next() == Seq(1) => return Ok(findings),
        Found::Empty(_) => return Ok(findings.and("There are no rows.")),
        Found::Unsound(reason) => return Ok(findings.and(&format!("{reason}."))),
    };
    let is_complete = journal.segments.oldest() == Seq(1)
        && !journal
            .segments
            .all()
            .iter()
            .any(|segment| segment.head.is_after_loss);
    let mut fold = Fold::default();
    if !is_complete {
        let usable = exports
            .into_iter()
            .rfind(|(base, _)| base.last <= applied.last);
        let Some((base, rows)) = usable else {
            return Ok(findings.and("The journal is not complete and no export helps to compare."));
        };
        fold.rows = rows;
        fold.last = base.last;
    }
    fold.until = applied.last;
    fold.replay(&journal.segments, &mut findings, options)?;
    compare(&rows, fold, &mut findings, options)?;
    Ok(findings)
}

/// Makes the rows of a stopped store anew.
pub fn rebuild(options: &Options) -> Result<Opened, OpenError> {
    let _lock = Lock::take(&options.dir)?;
    let mut parts = Parts::open(options, Some("somebody asked for it"))?;
    parts.opened.is_after_loss |= is_loss_noted(options)?;
    Ok(parts.opened)
}

impl Findings {
    fn and(mut self, sentence: &str) -> Findings {
        self.sentences.push(sentence.to_owned());
        self
    }

    fn differs(&mut self, key: &[u8], how: &str) {
        self.differences += 1;
        if self.sentences.len() < TOLD_MAX {
            let text = format!("The row `{}` {how}.", key.escape_ascii());
            self.sentences.push(text);
        }
    }
}

type Weights = BTreeMap<RowKey, u64>;

/// Exports that can serve as a beginning, and sentences on those that cannot.
type Exports = (Vec<(Applied, Weights)>, Vec<String>);

/// Reads every export with all rows.
fn whole_exports(options: &Options, store_id: u64) -> Result<Exports, OpenError> {
    let disk = options.disk.as_ref();
    let exports =
        export_file::list(disk, &options.exports_dir()).map_err(|source| OpenError::Io {
            dir: options.dir.clone(),
            source,
        })?;
    let (mut whole, mut damaged) = (Vec::new(), Vec::new());
    for (_, path) in exports {
        let mut weights = Weights::new();
        let read = export_file::read(disk, &path, &mut |key, stored| {
            weights.insert(key.to_vec(), weight(stored));
            Ok(())
        });
        match read {
            Ok(base) if base.store_id == store_id => whole.push((base, weights)),
            Ok(_) => damaged.push(format!("`{}` belongs to another store.", path.display())),
            Err(error) => damaged.push(format!("{error}.")),
        }
    }
    Ok((whole, damaged))
}

/// The journal, folded into what every row should weigh.
#[derive(Default)]
struct Fold {
    rows: Weights,
    last: Seq,
    /// How far the rows say that they are.
    until: Seq,
    /// What later records make of rows. When the program was stopped while it brought them to disk,
    /// any of that may be there already, and the next start goes over it again.
    later: BTreeMap<RowKey, Vec<Option<u64>>>,
}

impl Fold {
    fn replay(
        &mut self,
        segments: &Segments,
        findings: &mut Findings,
        options: &Options,
    ) -> Result<(), OpenError> {
        let after = self.last;
        let replayed = segments.replay(Seq(0), &mut |head, payload| {
            findings.records += 1;
            if head.seq > after && !self.record(head, payload) {
                let text = format!("The record at position {} makes no sense.", head.seq.0);
                findings.sentences.push(text);
            }
            Ok(())
        });
        replayed.map_err(|error| OpenError::journal(&options.dir, error))
    }

    fn record(&mut self, head: &Head, payload: &[u8]) -> bool {
        match head.kind {
            SIGNAL => decode_signal(payload)
                .map(|(note, _)| self.put(inbox_key(head.seq), head.seq, note))
                .is_some(),
            BATCH | PACKED_BATCH => read_batch(head, payload)
                .map(|change| self.change(head.seq, change))
                .is_some(),
            _ => false,
        }
    }

    fn change(&mut self, at: Seq, change: Change) {
        for (key, value) in change.puts {
            self.put(key, at, &value);
        }
        for key in change.deletes {
            self.becomes(key, at, None);
        }
        for (at, fact) in (at.0..).map(Seq).zip(&change.facts) {
            self.put(
                fact_key(at, 0),
                at,
                &fact[..fact.len().min(FACT_PIECE_BYTES)],
            );
            for (n, piece) in (1..).zip(fact.chunks(FACT_PIECE_BYTES).skip(1)) {
                self.put(fact_key(at, n), at, piece);
            }
        }
    }

    fn put(&mut self, key: RowKey, at: Seq, value: &[u8]) {
        let weight = weight(&encode(&key, at, value));
        self.becomes(key, at, Some(weight));
    }

    fn becomes(&mut self, key: RowKey, at: Seq, weight: Option<u64>) {
        if at > self.until {
            self.later.entry(key).or_default().push(weight);
        } else if let Some(weight) = weight {
            self.rows.insert(key, weight);
        } else {
            self.rows.remove(&key);
        }
    }

    /// Whether a later record makes this of a row.
    fn may_be(&self, key: &[u8], weight: Option<u64>) -> bool {
        let later = self.later.get(key);
        later.is_some_and(|later| later.contains(&weight))
    }
}

fn compare(
    rows: &Stack,
    mut fold: Fold,
    findings: &mut Findings,
    options: &Options,
) -> Result<(), OpenError> {
    let walked = rows.walk(Bound::Excluded(APPLIED_KEY), &mut |key, stored| {
        findings.rows += 1;
        let is = weight(stored);
        match fold.rows.remove(key) {
            Some(right) if right == is => {}
            _ if fold.may_be(key, Some(is)) => {}
            Some(_) => findings.differs(key, "is not what the journal says"),
            None => findings.differs(key, "should not be there"),
        }
        Ok(true)
    });
    walked.map_err(|error| OpenError::rows(&options.dir, error))?;
    for key in fold.rows.keys().filter(|key| !fold.may_be(key, None)) {
        findings.differs(key, "is missing");
    }
    Ok(())
}
