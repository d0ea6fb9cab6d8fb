//! Keeps the decisions that led to an incident, and those that follow until it is over.
//!
//! Used under the decider's turn, so one decision after another. [`Recorder::note`] says which rows to
//! write with a decision, [`Recorder::settle`] that they were written; what is noted and not settled
//! never was. After a restart the memory is empty: a recording that was begun goes on, and gives all
//! rows anew.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io,
    sync::Arc,
};

use domain::{
    Sku, Time,
    book::Book,
    fact::Fact,
    ids::IncidentId,
    notes::NoteText,
    order::Order,
    signal::{Command, Signal},
};
use serde_json::Value;
use store::{Batch, Range, Store, StoreError, Table};

use super::{
    FOLLOWED_MAX, HELD_BYTES_MAX, LEAD, LEAD_BYTES_MAX, RECORDING_BYTES_MAX, RULES_BYTES_MAX,
    STEP_BYTES_MAX, STEPS_MAX, WAITING_BYTES_MAX, WAITING_MAX,
    kept::{Given, Recording, Rulebook, Step, hex},
    tables::form_of,
    watched::{Content, Place, Scanned, Seen},
};
use crate::{
    decider::Policy,
    rows::{self, key, sortable},
    shelf::Memo,
};

/// Why decisions are left out of what is kept.
const TOO_LARGE: &str = "larger than what is kept of one decision";
const TOO_EARLY: &str = "so early that there was no room for them beside the later ones";
const TOO_MANY: &str = "after as many as are kept of one incident";
const TOO_MANY_RULES: &str = "by rules that are too long to be kept";

type Puts = Vec<(Table, Vec<u8>, Vec<u8>)>;

/// A decision, with all that it takes to make it again.
pub(crate) struct Taken {
    at: Time,
    seed: [u8; 16],
    policy: Arc<Policy>,
    signal: Arc<Signal>,
    verdict: &'static str,
    seen: Seen,
    wrote: Vec<(Place, Option<Content>)>,
    facts: Vec<Fact>,
    skus: BTreeSet<Sku>,
    /// What it holds in memory.
    bytes: usize,
    /// What of it is written in any case, whatever is known of the rows that it read.
    own_bytes: usize,
}

/// What is known of a decision before it is committed.
pub(crate) struct Making<'a> {
    pub(crate) at: Time,
    pub(crate) seed: [u8; 16],
    pub(crate) policy: &'a Arc<Policy>,
    pub(crate) signal: &'a Arc<Signal>,
    pub(crate) verdict: &'static str,
    pub(crate) seen: Seen,
    pub(crate) before: &'a Book,
    pub(crate) after: &'a Book,
    pub(crate) batch: &'a Batch,
    pub(crate) memo: &'a Memo,
}

/// A recording that goes on, with what whoever plays it knows by now.
#[derive(Clone)]
struct Followed {
    recording: Recording,
    held: BTreeMap<Place, Option<Content>>,
    held_bytes: usize,
    policy: Option<Arc<Policy>>,
}

/// What a decision changes here once it is committed.
pub(crate) struct Noted {
    pub(crate) puts: Puts,
    taken: Option<Taken>,
    changed: Vec<Followed>,
}

/// Keeps decisions.
#[derive(Default)]
pub(crate) struct Recorder {
    waiting: VecDeque<Taken>,
    waiting_bytes: usize,
    /// From when on all decisions wait, but for those that are too large: since the first one, or since
    /// there was no room for one.
    whole_since: Option<Time>,
    followed: BTreeMap<IncidentId, Followed>,
}

impl Recorder {
    /// A recorder that goes on with what was begun.
    pub(crate) async fn load(store: &dyn Store) -> Result<Recorder, StoreError> {
        let mut recorder = Recorder::default();
        let page = store
            .scan(rows::RECORDINGS, Range::default(), store::SCAN_LIMIT_MAX)
            .await?;
        for (_, row) in page {
            let recording: Recording = rows::decode(rows::RECORDINGS, &row.value)?;
            if recording.ended_at.is_none() {
                let followed = Followed::new(recording);
                recorder.followed.insert(followed.recording.id, followed);
            }
        }
        Ok(recorder)
    }

    /// What is to be written with a decision. One that changes nothing leaves no trace.
    pub(crate) fn note(&self, making: Making<'_>) -> Noted {
        let mut noted = Noted {
            puts: Vec::new(),
            taken: None,
            changed: Vec::new(),
        };
        if making.batch.puts.is_empty() && making.batch.deletes.is_empty() {
            return noted;
        }
        let (before, after, at) = (making.before, making.after, making.at);
        let taken = Taken::of(making);
        let mut changed: BTreeMap<IncidentId, Followed> = BTreeMap::new();
        for (id, followed) in &self.followed {
            if !followed.recording.skus.is_disjoint(&taken.skus) {
                changed.insert(*id, followed.clone());
            }
        }
        for followed in changed.values_mut() {
            followed.widen(after);
            followed.keep(&taken, &mut noted.puts);
        }
        for (name, incident) in &after.incidents {
            let is_new = !before.incidents.contains_key(name) && incident.closed_at.is_none();
            if is_new {
                self.begin(&mut changed, &taken, after, incident, &mut noted.puts);
            }
            if incident.closed_at.is_some() {
                for followed in changed.values_mut() {
                    followed.recording.end(incident.id, at);
                }
            }
        }
        for followed in changed.values() {
            let recording = &followed.recording;
            noted.puts.push((
                rows::RECORDINGS,
                key(&[&recording.id.to_string()]),
                rows::encode(recording),
            ));
        }
        noted.changed = changed.into_values().collect();
        noted.taken = Some(taken);
        noted
    }

    /// Begins to follow an incident, or lets it join one about the same units.
    fn begin(
        &self,
        changed: &mut BTreeMap<IncidentId, Followed>,
        taken: &Taken,
        after: &Book,
        incident: &domain::incident::Incident,
        puts: &mut Puts,
    ) {
        let id = incident.id;
        let same = changed
            .values_mut()
            .find(|followed| followed.recording.skus.contains(&incident.sku));
        let recording = if let Some(followed) = same {
            followed.recording.incidents.insert(id);
            followed.recording.open.insert(id);
            followed.recording.id
        } else {
            let begun = changed
                .keys()
                .filter(|id| !self.followed.contains_key(id))
                .count();
            if self.followed.len() + begun >= FOLLOWED_MAX {
                return;
            }
            let mut followed = Followed::new(Recording {
                id,
                incidents: BTreeSet::from([id]),
                open: BTreeSet::from([id]),
                skus: BTreeSet::from([incident.sku.clone()]),
                opened_at: taken.at,
                ended_at: None,
                whole_since: self.whole_since.filter(|at| *at > taken.at.minus(LEAD)),
                steps: 0,
                bytes: 0,
                policies: 0,
                left_out: BTreeMap::new(),
            });
            followed.widen(after);
            followed.keep_lead(&self.waiting, taken, puts);
            followed.keep(taken, puts);
            changed.insert(id, followed);
            id
        };
        let of = key(&[&id.to_string()]);
        puts.push((rows::RECORDING_OF, of, rows::encode(&recording)));
    }

    /// A decision was committed.
    pub(crate) fn settle(&mut self, noted: Noted) {
        for followed in noted.changed {
            let id = followed.recording.id;
            if followed.recording.ended_at.is_some() {
                self.followed.remove(&id);
            } else {
                self.followed.insert(id, followed);
            }
        }
        let Some(taken) = noted.taken else { return };
        let since = taken.at.minus(LEAD);
        self.whole_since.get_or_insert(taken.at);
        // A large one would push all others out, and would not be kept either.
        if taken.bytes <= STEP_BYTES_MAX {
            self.waiting_bytes += taken.bytes;
            self.waiting.push_back(taken);
        }
        while self.waiting.front().is_some_and(|first| {
            first.at < since
                || self.waiting.len() > WAITING_MAX
                || self.waiting_bytes > WAITING_BYTES_MAX
        }) {
            if let Some(first) = self.waiting.pop_front() {
                self.waiting_bytes -= first.bytes;
                if first.at >= since {
                    self.whole_since = Some(first.at);
                }
            }
        }
    }

    /// A recording was deleted.
    pub(crate) fn forget(&mut self, id: IncidentId) {
        self.followed.remove(&id);
    }
}

impl Recording {
    fn end(&mut self, incident: IncidentId, at: Time) {
        if self.open.remove(&incident) && self.open.is_empty() {
            self.ended_at = Some(at);
        }
    }

    fn leave_out(&mut self, why: &str) {
        *self.left_out.entry(why.to_owned()).or_default() += 1;
    }
}

impl Taken {
    fn of(making: Making<'_>) -> Taken {
        let Making {
            at,
            seed,
            policy,
            signal,
            verdict,
            seen,
            before,
            after,
            batch,
            memo,
        } = making;
        let puts = batch.puts.iter().map(|(table, key, value)| {
            let place = (*table, key.clone());
            (place, Some(memo.share(*table, key, value)))
        });
        let deletes = batch
            .deletes
            .iter()
            .map(|(table, key)| ((*table, key.clone()), None));
        let wrote: Vec<_> = puts
            .chain(deletes)
            .filter(|((table, _), _)| form_of(table.0).is_some())
            .collect();
        let rows = seen
            .rows
            .iter()
            .map(|((_, key), value)| key.len() + value.as_ref().map_or(0, |value| value.len()));
        let changes = wrote
            .iter()
            .map(|((_, key), value)| key.len() + value.as_ref().map_or(0, |value| value.len()));
        let facts = batch.facts.iter().map(Vec::len).sum();
        let own_bytes = length(signal.as_ref()).saturating_add(facts);
        let bytes = rows.chain(changes).sum::<usize>().saturating_add(own_bytes);
        Taken {
            at,
            seed,
            policy: Arc::clone(policy),
            signal: Arc::clone(signal),
            verdict,
            seen,
            wrote,
            facts: after.facts.clone(),
            skus: touched(before, after),
            bytes,
            own_bytes,
        }
    }
}

impl Followed {
    fn new(recording: Recording) -> Followed {
        Followed {
            recording,
            held: BTreeMap::new(),
            held_bytes: 0,
            policy: None,
        }
    }

    /// What is put together with the units is concerned by what happens to them.
    fn widen(&mut self, book: &Book) {
        let kits = book.items.values().filter(|item| {
            let bill = item.bill();
            self.recording.skus.iter().any(|sku| bill.contains_key(sku))
        });
        let kits: Vec<Sku> = kits.map(|item| item.sku.clone()).collect();
        self.recording.skus.extend(kits);
    }

    /// Keeps what was decided about these units shortly before.
    fn keep_lead(&mut self, waiting: &VecDeque<Taken>, last: &Taken, puts: &mut Puts) {
        let since = last.at.minus(LEAD);
        let skus = self.recording.skus.clone();
        let concerned: Vec<&Taken> = waiting
            .iter()
            .filter(|taken| taken.at >= since && !taken.skus.is_disjoint(&skus))
            .collect();
        let (mut room, mut count) = (LEAD_BYTES_MAX, STEPS_MAX / 2);
        // Decisions about the same units read the same rows, and each form of a row is given once at most.
        let mut given: BTreeSet<(&Place, &Option<Content>)> = BTreeSet::new();
        let fits = concerned.iter().rev().take_while(|taken| {
            let rows = taken.seen.rows.iter();
            let news = rows.filter(|row| form_of(row.0.0.0).is_some() && given.insert(*row));
            let news = news
                .map(|((_, key), value)| key.len() + value.as_ref().map_or(0, |value| value.len()));
            let bytes = news.sum::<usize>().saturating_add(taken.own_bytes);
            let fits = bytes <= room && count > 0;
            room = room.saturating_sub(bytes);
            count = count.saturating_sub(1);
            fits
        });
        let fits = fits.count();
        let early = concerned.len() - fits;
        for _ in 0..early {
            self.recording.leave_out(TOO_EARLY);
        }
        for taken in concerned.into_iter().skip(early) {
            self.keep(taken, puts);
        }
    }

    /// Keeps one decision.
    fn keep(&mut self, taken: &Taken, puts: &mut Puts) {
        if self.recording.steps >= STEPS_MAX || self.recording.bytes >= RECORDING_BYTES_MAX {
            return self.recording.leave_out(TOO_MANY);
        }
        if taken.bytes > STEP_BYTES_MAX {
            return self.recording.leave_out(TOO_LARGE);
        }
        if self.held_bytes > HELD_BYTES_MAX {
            // What is forgotten is given again.
            self.held.clear();
            self.held_bytes = 0;
        }
        let id = self.recording.id.to_string();
        if self
            .policy
            .as_ref()
            .is_none_or(|known| !Arc::ptr_eq(known, &taken.policy))
        {
            let rules = rows::encode(&Rulebook::of(&taken.policy));
            if rules.len() > RULES_BYTES_MAX {
                return self.recording.leave_out(TOO_MANY_RULES);
            }
            let number = sortable(self.recording.policies.into());
            puts.push((rows::RECORDED_RULES, key(&[&id, &number]), rules));
            self.recording.policies += 1;
            self.policy = Some(Arc::clone(&taken.policy));
        }
        let step = Step {
            at: taken.at,
            seed: hex(&taken.seed),
            policy: self.recording.policies.saturating_sub(1),
            signal: without_people(&taken.signal),
            verdict: taken.verdict.to_owned(),
            given: self.give(taken),
            facts: taken.facts.clone(),
        };
        let value = rows::encode(&step);
        if value.len() > store::VALUE_LENGTH_MAX {
            self.held.clear();
            self.held_bytes = 0;
            return self.recording.leave_out(TOO_LARGE);
        }
        self.recording.bytes += value.len() as u64;
        let number = sortable(self.recording.steps);
        puts.push((rows::RECORDED_STEPS, key(&[&id, &number]), value));
        self.recording.steps += 1;
    }

    /// The rows that this decision read, as far as they are not known from the steps before.
    fn give(&mut self, taken: &Taken) -> Vec<Given> {
        let mut given = Vec::new();
        for scan in &taken.seen.scans {
            for place in self.vanished(scan) {
                given.extend(written_down(&place, None));
                self.hold(place, None);
            }
        }
        for (place, value) in &taken.seen.rows {
            if form_of(place.0.0).is_some() && self.held.get(place) != Some(value) {
                given.extend(written_down(place, value.as_deref()));
                self.hold(place.clone(), value.clone());
            }
        }
        for (place, value) in &taken.wrote {
            self.hold(place.clone(), value.clone());
        }
        given
    }

    /// Rows that the steps before gave, and that a scan did not find any more.
    fn vanished(&self, scan: &Scanned) -> Vec<Place> {
        let found: BTreeSet<&Vec<u8>> = scan.keys.iter().collect();
        let below = self.held.range((scan.table, scan.range.prefix.clone())..);
        below
            .take_while(|((table, key), _)| {
                *table == scan.table && key.starts_with(&scan.range.prefix)
            })
            .filter(|((_, key), value)| value.is_some() && scan.covers(key) && !found.contains(key))
            .map(|(place, _)| place.clone())
            .collect()
    }

    fn hold(&mut self, place: Place, value: Option<Content>) {
        let length = |value: &Option<Content>| value.as_ref().map_or(0, |value| value.len());
        self.held_bytes += place.1.len() + length(&value);
        if let Some(before) = self.held.insert(place, value) {
            self.held_bytes = self.held_bytes.saturating_sub(length(&before));
        }
    }
}

/// A row in the form in which it is kept; nothing of a hostile key, which no decision of ours made.
fn written_down((table, key): &Place, value: Option<&[u8]>) -> Option<Given> {
    let json = match value {
        Some(value) => serde_json::from_slice(value.get(1..)?).ok()?,
        None => Value::Null,
    };
    Some(Given {
        table: table.0.to_owned(),
        key: String::from_utf8(key.clone()).ok()?,
        gone: value.is_none(),
        value: json,
    })
}

/// How long something is when it is written, without writing it anywhere.
fn length<T: serde::Serialize>(value: &T) -> usize {
    struct Counter(usize);

    impl io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut counter = Counter(0);
    // One that cannot be written is as good as too long: it is not kept.
    match serde_json::to_writer(&mut counter, value) {
        Ok(()) => counter.0,
        Err(_) => STEP_BYTES_MAX + 1,
    }
}

/// The items that a decision did something to.
fn touched(before: &Book, after: &Book) -> BTreeSet<Sku> {
    let mut skus = BTreeSet::new();
    let of_order = |skus: &mut BTreeSet<Sku>, order: &Order| {
        for item in order.lines.iter().filter_map(|line| line.item.as_ref()) {
            skus.insert(item.sku.clone());
            skus.extend(item.bill.keys().cloned());
        }
    };
    for (id, order) in &after.orders {
        if before.orders.get(id) != Some(order) {
            of_order(&mut skus, order);
        }
    }
    for (id, intent) in &after.intents {
        let order = after.orders.get(&intent.order);
        if let Some(order) = order.filter(|_| before.intents.get(id) != Some(intent)) {
            of_order(&mut skus, order);
        }
    }
    let stock = after.stock.iter();
    skus.extend(
        stock
            .filter(|(sku, stock)| before.stock.get(*sku) != Some(*stock))
            .map(|(sku, _)| sku.clone()),
    );
    for (key, claim) in &after.claims {
        if before.claims.get(key) != Some(claim) {
            skus.insert(key.sku.clone());
        }
    }
    for (key, offer) in &after.offers {
        if before.offers.get(key) != Some(offer) {
            skus.insert(offer.sku.clone());
        }
    }
    for (key, listing) in &after.listings {
        if before.listings.get(key) != Some(listing) {
            skus.extend(listing.sku.clone());
        }
    }
    for (sku, item) in &after.items {
        if before.items.get(sku) != Some(item) {
            skus.insert(sku.clone());
            skus.extend(item.bill().into_keys());
        }
    }
    for (id, drift) in &after.drifts {
        if before.drifts.get(id) != Some(drift) {
            skus.insert(drift.sku.clone());
        }
    }
    for (key, incident) in &after.incidents {
        if before.incidents.get(key) != Some(incident) {
            skus.insert(key.sku.clone());
        }
    }
    skus.extend(after.movements.iter().map(|movement| movement.sku.clone()));
    skus
}

/// The signal without what it says of people, who may be erased long before the case is.
fn without_people(signal: &Signal) -> Signal {
    match signal {
        Signal::Order {
            account,
            snapshot,
            source,
        } => Signal::Order {
            account: account.clone(),
            snapshot: Box::new(snapshot.without_people()),
            source: *source,
        },
        Signal::Command(Command::Place(asked)) => {
            Signal::Command(Command::Place(Box::new(asked.without_people())))
        }
        Signal::Command(Command::Note { order, by, .. }) => Signal::Command(Command::Note {
            order: *order,
            text: NoteText::default(),
            by: by.clone(),
        }),
        other => other.clone(),
    }
}
