//! Changed rows in memory, in front of the rows on disk.
//!
//! The journal has them already, so they need not be on disk to be durable. A row that changes ten times
//! before it is brought there is written once, and an inbox row that comes and goes meanwhile never.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, btree_map as map},
    convert::Infallible,
    iter::Peekable,
    ops::Bound,
    sync::Arc,
};

use super::{
    base::Base,
    effect::{Effect, Touch},
    pieces,
    rows::{EachRow, Rows, RowsError},
    stack::{Frozen, Stack},
    way::Way,
};
use crate::{Table, journal::change::RowKey};

/// What keeping a row in memory costs, besides its key and value.
pub(crate) const ROW_COST_BYTES: usize = 100;

/// A key, and what is stored under it; nothing where the row is gone.
pub(crate) type Shown<'a> = (&'a [u8], Option<&'a [u8]>);

/// Rows that were put, and keys of rows that were deleted.
#[derive(Default)]
pub(crate) struct Memtable {
    rows: BTreeMap<RowKey, Entry>,
    bytes: usize,
}

struct Entry {
    /// Nothing where the row is gone.
    stored: Option<Vec<u8>>,
    /// Nothing is beneath it, so that its end leaves no trace.
    is_new: bool,
}

impl Memtable {
    /// About how much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Every row that was put, and with nothing every one that was deleted, in the order of their keys;
    /// and whether nothing is beneath it for certain.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Shown<'_>, bool)> {
        let rows = self.rows.iter();
        rows.map(|(key, entry)| ((key.as_slice(), entry.stored.as_deref()), entry.is_new))
    }

    fn get(&self, key: &[u8]) -> Option<Option<&[u8]>> {
        self.rows.get(key).map(|entry| entry.stored.as_deref())
    }

    fn touch(&mut self, key: RowKey, touch: Touch) {
        let is_new = match &touch {
            Touch::Make(_) => true,
            Touch::Put(_) | Touch::Delete => false,
        };
        let stored = touch.stored();
        match self.rows.entry(key) {
            map::Entry::Vacant(place) => {
                if stored.is_some() || !is_new {
                    let entry = Entry { stored, is_new };
                    self.bytes += cost(place.key(), &entry);
                    place.insert(entry);
                }
            }
            map::Entry::Occupied(mut place) => {
                self.bytes -= cost(place.key(), place.get());
                if stored.is_none() && place.get().is_new {
                    place.remove();
                } else {
                    place.get_mut().stored = stored;
                    self.bytes += cost(place.key(), place.get());
                }
            }
        }
    }

    fn range(&self, from: Bound<&[u8]>, way: Way) -> impl Iterator<Item = Shown<'_>> + use<'_> {
        let mut range = self.rows.range::<[u8], _>(way.range(from));
        let next = std::iter::from_fn(move || way.next(&mut range));
        next.map(|(key, entry)| (key.as_slice(), entry.stored.as_deref()))
    }
}

fn cost(key: &RowKey, entry: &Entry) -> usize {
    key.len() + entry.stored.as_ref().map_or(0, Vec::len) + ROW_COST_BYTES
}

/// All rows: those in memory over those on disk.
pub(crate) struct Layers {
    fresh: Memtable,
    /// On its way to the disk, which may have any part of it by now.
    draining: Arc<Memtable>,
    disk: Arc<Stack>,
    /// A part of what is on disk that does not change any more.
    frozen: Option<Frozen>,
    /// Tables that have had a row in several pieces. Few do, so in most nobody looks for pieces.
    in_pieces: BTreeSet<Vec<u8>>,
}

impl Layers {
    pub(crate) fn new(disk: Stack) -> Result<Layers, RowsError> {
        Ok(Layers {
            fresh: Memtable::default(),
            draining: Arc::default(),
            in_pieces: pieces::tables(&disk)?,
            disk: Arc::new(disk),
            frozen: None,
        })
    }

    /// Whether a table may have rows in several pieces.
    pub(crate) fn may_have_pieces(&self, table: Table) -> bool {
        self.in_pieces.contains(table.0.as_bytes())
    }

    /// The rows on disk alone.
    pub(crate) fn disk(&self) -> Arc<Stack> {
        Arc::clone(&self.disk)
    }

    /// About how much memory the rows take that changed since the last [`Layers::begin_drain`].
    pub(crate) fn fresh_bytes(&self) -> usize {
        self.fresh.bytes()
    }

    /// Changes rows.
    pub(crate) fn apply(&mut self, effect: Effect) {
        let Ok(()) = effect.each(|key, touch| {
            if let Some(table) = pieces::table_of(&key)
                && !self.in_pieces.contains(table)
            {
                self.in_pieces.insert(table.to_vec());
            }
            self.fresh.touch(key, touch);
            Ok::<_, Infallible>(())
        });
    }

    /// What changes goes to a new place from now on.
    pub(crate) fn freeze(&mut self, above: Arc<Stack>, frozen: Frozen) {
        self.disk = above;
        self.frozen = Some(frozen);
    }

    /// What does not change any more.
    pub(crate) fn frozen(&self) -> Option<Frozen> {
        self.frozen.clone()
    }

    /// There is an export of that, which is as good. Gives back what is not needed any more.
    pub(crate) fn rebase(&mut self, base: Arc<Base>) -> Vec<Arc<Rows>> {
        let (disk, retired) = self.disk.over(base);
        self.disk = Arc::new(disk);
        self.frozen = None;
        retired
    }

    /// What is to go to the disk now. It is read from here until [`Layers::end_drain`].
    pub(crate) fn begin_drain(&mut self) -> Arc<Memtable> {
        self.draining = Arc::new(std::mem::take(&mut self.fresh));
        Arc::clone(&self.draining)
    }

    /// The disk has all of it.
    pub(crate) fn end_drain(&mut self) {
        self.draining = Arc::default();
    }

    /// The value of a row.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RowsError> {
        let in_memory = self.fresh.get(key).or_else(|| self.draining.get(key));
        match in_memory {
            Some(stored) => Ok(stored.map(<[u8]>::to_vec)),
            None => self.disk.get(key),
        }
    }

    /// Shows rows in the order of their keys, from a bound on, until told to stop.
    pub(crate) fn walk(&self, from: Bound<&[u8]>, each: EachRow<'_>) -> Result<(), RowsError> {
        self.go(from, Way::Forth, each)
    }

    /// The same, in either order.
    pub(crate) fn go(
        &self,
        from: Bound<&[u8]>,
        way: Way,
        each: EachRow<'_>,
    ) -> Result<(), RowsError> {
        let mut in_memory = Merged {
            above: self.fresh.range(from, way).peekable(),
            below: self.draining.range(from, way).peekable(),
            way,
        }
        .peekable();
        let mut wants_more = true;
        let mut show = |key: &[u8], stored: Option<&[u8]>| match stored {
            Some(stored) => each(key, stored),
            None => Ok(true),
        };
        self.disk.go(from, way, &mut |key, stored| {
            let mut shown = Some(stored);
            while let Some((before, stored)) =
                in_memory.next_if(|(other, _)| way.order(other, key).is_le())
            {
                if before == key {
                    shown = stored;
                    break;
                }
                wants_more = show(before, stored)?;
                if !wants_more {
                    return Ok(false);
                }
            }
            wants_more = show(key, shown)?;
            Ok(wants_more)
        })?;
        while wants_more && let Some((key, stored)) = in_memory.next() {
            wants_more = show(key, stored)?;
        }
        Ok(())
    }
}

/// Rows of two tables in the order of their keys. What is above hides what is below.
struct Merged<A: Iterator, B: Iterator> {
    above: Peekable<A>,
    below: Peekable<B>,
    way: Way,
}

impl<'a, A, B> Iterator for Merged<A, B>
where
    A: Iterator<Item = Shown<'a>>,
    B: Iterator<Item = Shown<'a>>,
{
    type Item = Shown<'a>;

    fn next(&mut self) -> Option<Shown<'a>> {
        let order = match (self.above.peek(), self.below.peek()) {
            (Some((above, _)), Some((below, _))) => self.way.order(above, below),
            (_, None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        match order {
            Ordering::Less => self.above.next(),
            Ordering::Greater => self.below.next(),
            Ordering::Equal => {
                self.below.next();
                self.above.next()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::row::encode, *};
    use crate::{Seq, dice::Dice, journal::change::Change};

    type Model = BTreeMap<RowKey, Vec<u8>>;

    fn effect(at: Seq, dice: &mut Dice) -> Effect {
        let key = |dice: &mut Dice| vec![b'k', b'0' + dice.roll(12) as u8];
        let change = match dice.roll(3) {
            0 => return Effect::Signal(at, vec![dice.roll(256) as u8]),
            1 => Change {
                puts: vec![(key(dice), vec![dice.roll(256) as u8])],
                ..Change::default()
            },
            _ => Change {
                deletes: vec![key(dice)],
                ..Change::default()
            },
        };
        Effect::Batch(at, change)
    }

    fn check(layers: &Layers, model: &Model, dice: &mut Dice, what: &str) {
        let from = [b'k', b'0' + dice.roll(14) as u8];
        let from = match dice.roll(3) {
            0 => Bound::Unbounded,
            1 => Bound::Included(&from[..]),
            _ => Bound::Excluded(&from[..]),
        };
        let limit = 1 + dice.roll(20) as usize;
        let mut shown: Vec<(RowKey, Vec<u8>)> = Vec::new();
        let way = [Way::Forth, Way::Back][dice.roll(2) as usize];
        let walked = layers.go(from, way, &mut |key, stored| {
            shown.push((key.to_vec(), stored.to_vec()));
            Ok(shown.len() < limit)
        });
        walked.unwrap();
        let mut right = model.range::<[u8], _>(way.range(from));
        let right: Vec<_> = std::iter::from_fn(|| way.next(&mut right))
            .take(limit)
            .map(|(key, stored)| (key.clone(), stored.clone()))
            .collect();
        assert_eq!(shown, right, "{what}, {way:?} from {from:?}");
        for key in model.keys() {
            assert_eq!(layers.get(key).unwrap().as_ref(), model.get(key), "{what}");
        }
        assert_eq!(layers.get(b"none").unwrap(), None);
    }

    #[test]
    fn memory_over_disk_is_what_was_written_however_far_the_disk_is() {
        for seed in 0..60 {
            let mut dice = Dice(seed);
            let dir = tempfile::tempdir().unwrap();
            let disk = Stack::new(Rows::open(dir.path(), 1024 * 1024).unwrap(), Vec::new());
            let mut layers = Layers::new(disk).unwrap();
            let disk = layers.disk();
            let mut model = Model::new();
            let mut on_its_way: Vec<(RowKey, Option<Vec<u8>>)> = Vec::new();
            for at in 1..120 {
                match dice.roll(8) {
                    0 if on_its_way.is_empty() => {
                        let table = layers.begin_drain();
                        let rows = table.iter();
                        on_its_way = rows
                            .map(|((key, stored), _)| (key.to_vec(), stored.map(<[u8]>::to_vec)))
                            .collect();
                    }
                    1 | 2 => {
                        // The disk takes a part of it, in whatever order.
                        for _ in 0..=dice.roll(4) {
                            let Some((key, stored)) = on_its_way.pop() else {
                                layers.end_drain();
                                break;
                            };
                            let rows = disk.top().unwrap();
                            rows.apply(&[(&key[..], stored.as_deref())]).unwrap();
                        }
                    }
                    _ => {
                        let effect = effect(Seq(at), &mut dice);
                        let again = match &effect {
                            Effect::Signal(at, note) => Effect::Signal(*at, note.clone()),
                            Effect::Batch(at, change) => Effect::Batch(*at, change.clone()),
                        };
                        layers.apply(effect);
                        let Ok(()) = again.each(|key, touch| {
                            match touch.stored() {
                                Some(stored) => model.insert(key, stored),
                                None => model.remove(&key),
                            };
                            Ok::<_, Infallible>(())
                        });
                    }
                }
                check(
                    &layers,
                    &model,
                    &mut dice,
                    &format!("seed {seed}, step {at}"),
                );
            }
        }
    }

    #[test]
    fn what_comes_and_goes_in_memory_leaves_no_trace() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Stack::new(Rows::open(dir.path(), 1024 * 1024).unwrap(), Vec::new());
        let mut layers = Layers::new(disk).unwrap();
        let inbox = crate::journal::change::inbox_key(Seq(1));
        let gone = |key: &RowKey| {
            let deletes = vec![key.clone()];
            let change = Change {
                deletes,
                ..Change::default()
            };
            Effect::Batch(Seq(2), change)
        };
        layers.apply(Effect::Signal(Seq(1), b"note".to_vec()));
        assert_eq!(
            layers.get(&inbox).unwrap(),
            Some(encode(&inbox, Seq(1), b"note"))
        );
        layers.apply(gone(&inbox));
        let is_left = |layers: &Layers| layers.fresh.get(&inbox).is_some();
        assert!(!is_left(&layers));
        // But what may be beneath it must be covered.
        layers.apply(Effect::Signal(Seq(1), b"note".to_vec()));
        layers.begin_drain();
        layers.apply(gone(&inbox));
        assert!(is_left(&layers) && layers.get(&inbox).unwrap().is_none());
        let bytes = layers.fresh_bytes();
        assert!(bytes > 0);
        layers.begin_drain();
        assert_eq!(layers.fresh_bytes(), 0);
    }
}
