//! Making a case file of what is kept of an incident: names out, and played once to see that it still
//! says the same.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use domain::{
    Time, decide::fingerprint, fact::Fact, ids::IncidentId, incident::Incident,
    locations::Location, signal::Signal,
};
use serde_json::Value;
use store::{Range, Store, StoreError};

pub use super::redact::Hide;
use super::{
    KEPT_FOR, LEAD, RECORDINGS_MAX,
    kept::{Given, Recording, Rulebook, Step, seed},
    node::{Kind, Node},
    play::{Played, Scene, SceneStep, play},
    redact::{Collector, Replacer},
    replay::{About, CaseFile, CaseRow, CaseStep, NotACase},
    tables::form_of,
};
use crate::{
    Engine,
    ports::condition,
    rows::{self, key, prefix},
    views,
};

/// How many rows are read, or deleted, at once.
const CHUNK: usize = 200;
/// Why a step is not compared.
const UNLIKE: &str = "without names it is decided otherwise than it was with them";

/// Why there is no case.
#[derive(Debug, thiserror::Error)]
pub enum NoCase {
    /// There is no such incident.
    #[error("there is no incident {0}")]
    NoIncident(IncidentId),
    /// Nothing was kept of it.
    #[error(
        "nothing was kept of incident {0}: it opened before this version ran, was over long ago, or too \
         many were open at the same time"
    )]
    NotKept(IncidentId),
    /// What was kept cannot be played.
    #[error("what was kept of the incident cannot be played: {0}")]
    Unplayable(#[from] NotACase),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// A case file of an incident.
    pub async fn export_case(&self, id: IncidentId, hide: Hide) -> Result<CaseFile, NoCase> {
        // One at a time: each holds all that was kept of an incident several times.
        let _alone = self.exporting.lock().await;
        let Some((recording, rules, steps)) = load(self.store.as_ref(), id).await? else {
            let known = views::incidents::detail(self, id).await?;
            return Err(match known {
                Some(_) => NoCase::NotKept(id),
                None => NoCase::NoIncident(id),
            });
        };
        let key = rows::key(&[&id.to_string()]);
        let row = self.store.get(rows::INCIDENTS, &key).await?;
        let incident: Option<Incident> = row
            .map(|row| rows::decode(rows::INCIDENTS, &row.value))
            .transpose()?;
        let incident = incident.ok_or(NoCase::NoIncident(id))?;
        Draft::new(recording, rules, steps, hide)?
            .file(&incident)
            .await
    }

    /// Deletes what was kept of incidents that were over long ago, and the oldest of too many.
    pub(crate) async fn sweep_recordings(&self) -> Result<(), StoreError> {
        let now = self.ports.clock.now();
        let all = self
            .store
            .scan(rows::RECORDINGS, Range::default(), store::SCAN_LIMIT_MAX)
            .await?;
        let mut recordings: Vec<Recording> = Vec::new();
        for (_, row) in &all {
            recordings.push(rows::decode(rows::RECORDINGS, &row.value)?);
        }
        for id in to_forget(recordings, now) {
            self.forget_recording(id).await?;
        }
        Ok(())
    }

    async fn forget_recording(&self, id: IncidentId) -> Result<(), StoreError> {
        self.decider
            .between(async |recorder| {
                if let Some(recorder) = recorder {
                    recorder.forget(id);
                }
                forget(self.store.as_ref(), id).await
            })
            .await
    }
}

/// Which recordings are to be deleted.
fn to_forget(mut recordings: Vec<Recording>, now: Time) -> Vec<IncidentId> {
    let limit = now.minus(KEPT_FOR);
    // Those that are over go first, and among them the oldest.
    recordings.sort_by_key(|recording| (recording.ended_at.is_none(), recording.opened_at));
    let over = recordings.len().saturating_sub(RECORDINGS_MAX);
    let forgotten = recordings.iter().enumerate().filter(|(at, recording)| {
        *at < over || recording.ended_at.is_some_and(|ended| ended < limit)
    });
    forgotten.map(|(_, recording)| recording.id).collect()
}

/// Deletes a recording; its own row last, so that what a crash leaves is found again.
async fn forget(store: &dyn Store, id: IncidentId) -> Result<(), StoreError> {
    let name = id.to_string();
    for table in [rows::RECORDED_STEPS, rows::RECORDED_RULES] {
        loop {
            let range = Range {
                prefix: prefix(&[&name]),
                after: None,
            };
            let page = store.scan(table, range, CHUNK).await?;
            if page.is_empty() {
                break;
            }
            let deletes = page.into_iter().map(|(key, _)| (table, key)).collect();
            let batch = store::Batch {
                deletes,
                ..store::Batch::default()
            };
            store.commit(batch).await?;
        }
    }
    let Some(row) = store.get(rows::RECORDINGS, &key(&[&name])).await? else {
        return Ok(());
    };
    let recording: Recording = rows::decode(rows::RECORDINGS, &row.value)?;
    let mut deletes = vec![(rows::RECORDINGS, key(&[&name]))];
    let of = recording.incidents.iter();
    deletes.extend(of.map(|id| (rows::RECORDING_OF, key(&[&id.to_string()]))));
    let batch = store::Batch {
        deletes,
        ..store::Batch::default()
    };
    store.commit(batch).await.map(|_| ())
}

type Loaded = (Recording, Vec<Rulebook>, Vec<Step>);

async fn load(store: &dyn Store, id: IncidentId) -> Result<Option<Loaded>, StoreError> {
    let of = store
        .get(rows::RECORDING_OF, &key(&[&id.to_string()]))
        .await?;
    let Some(of) = of else { return Ok(None) };
    let of: IncidentId = rows::decode(rows::RECORDING_OF, &of.value)?;
    let name = of.to_string();
    let Some(row) = store.get(rows::RECORDINGS, &key(&[&name])).await? else {
        return Ok(None);
    };
    let recording = rows::decode(rows::RECORDINGS, &row.value)?;
    let rules = all(store, rows::RECORDED_RULES, &name).await?;
    let steps = all(store, rows::RECORDED_STEPS, &name).await?;
    Ok(Some((recording, rules, steps)))
}

/// All rows below a recording; how many there can be is limited where they are written.
async fn all<T: serde::de::DeserializeOwned>(
    store: &dyn Store,
    table: store::Table,
    name: &str,
) -> Result<Vec<T>, StoreError> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let range = Range {
            prefix: prefix(&[name]),
            after,
        };
        let page = store.scan(table, range, CHUNK).await?;
        for (_, row) in &page {
            found.push(rows::decode(table, &row.value)?);
        }
        after = page.last().map(|(key, _)| key.clone());
        if page.len() < CHUNK {
            return Ok(found);
        }
    }
}

/// A case that is being made.
struct Draft {
    recording: Recording,
    rules: Vec<Rulebook>,
    steps: Vec<Step>,
    hide: Hide,
    replacer: Replacer,
    /// What stands for the fingerprint of a view of an order.
    fingerprints: BTreeMap<u64, u64>,
}

impl Draft {
    fn new(
        recording: Recording,
        rules: Vec<Rulebook>,
        steps: Vec<Step>,
        hide: Hide,
    ) -> Result<Draft, NoCase> {
        let mut collector = Collector::new(hide, rules.iter().flat_map(words));
        for book in &rules {
            collector.see(&tree(book)?);
        }
        for sku in &recording.skus {
            collector.see_text(Kind::Sku, sku.as_str());
        }
        let mut prints = BTreeSet::new();
        for step in &steps {
            collector.see(&tree(&step.signal)?);
            collector.see(&tree(&step.facts)?);
            for row in &step.given {
                see_row(&mut collector, row)?;
                prints.extend(row.value["fingerprint"].as_u64());
            }
        }
        let mut draft = Draft {
            recording,
            rules,
            steps,
            hide,
            replacer: collector.replacer(),
            // A fingerprint is made from names too, and says nothing once it is a number.
            fingerprints: prints.into_iter().zip(1..).collect(),
        };
        draft.take_fingerprints()?;
        Ok(draft)
    }

    /// The same view must be known as the same without its names.
    fn take_fingerprints(&mut self) -> Result<(), NoCase> {
        let mut prints = BTreeMap::new();
        for step in &self.steps {
            let Signal::Order { snapshot, .. } = &step.signal else {
                continue;
            };
            let Ok(Signal::Order {
                snapshot: plain, ..
            }) = serde_json::from_value(self.said(&tree(&step.signal)?))
            else {
                continue;
            };
            prints.insert(fingerprint(snapshot), fingerprint(&plain));
        }
        self.fingerprints.extend(prints);
        Ok(())
    }

    fn said(&self, node: &Node) -> Value {
        node.json(&mut |kind, text| self.replacer.say(kind, text))
    }

    async fn file(self, incident: &Incident) -> Result<CaseFile, NoCase> {
        let played = play(&self.scene()?).await?;
        let mut file = CaseFile::new(self.about(incident));
        file.hidden = hidden(self.hide);
        file.left_out = left_out(&self.recording);
        for book in &self.rules {
            file.rules.push(self.said(&tree(book)?));
        }
        for step in &self.steps {
            file.steps.push(self.step(step)?);
        }
        if let Some(first) = file.steps.first_mut() {
            file.start = std::mem::take(&mut first.given);
        }
        let plain = play(&file.scene()?).await?;
        let recorded = self.steps.iter().zip(&played).zip(&plain);
        for (written, ((step, played), plain)) in file.steps.iter_mut().zip(recorded) {
            let is_so = played.verdict == step.verdict && played.facts == step.facts;
            if is_so && are_alike(played, plain)? {
                let facts = plain.facts.iter().map(serde_json::to_value);
                written.facts = facts
                    .collect::<Result<_, _>>()
                    .map_err(NotACase::Unreadable)?;
            } else if is_so {
                written.not_compared = Some(UNLIKE.to_owned());
            }
        }
        Ok(file)
    }

    fn about(&self, incident: &Incident) -> About {
        let id = incident.id;
        let others = self.recording.incidents.iter();
        About {
            id,
            others: others.filter(|other| **other != id).copied().collect(),
            skus: self
                .recording
                .skus
                .iter()
                .map(|sku| self.sku(sku))
                .collect(),
            opened_at: incident.opened_at,
            ended_at: incident.closed_at,
        }
    }

    fn sku(&self, sku: &domain::Sku) -> domain::Sku {
        let said = self.replacer.say(Kind::Sku, sku.as_str());
        said.parse().unwrap_or_else(|_| sku.clone())
    }

    fn step(&self, step: &Step) -> Result<CaseStep, NoCase> {
        let given: Result<_, NoCase> = step.given.iter().map(|row| self.row(row)).collect();
        let facts = step
            .facts
            .iter()
            .map(|fact: &Fact| Ok(self.said(&tree(fact)?)));
        Ok(CaseStep {
            at: step.at,
            seed: step.seed.clone(),
            rules: step.policy as usize,
            given: given?,
            signal: self.said(&tree(&step.signal)?),
            verdict: step.verdict.clone(),
            facts: facts.collect::<Result<_, NoCase>>()?,
            not_compared: None,
        })
    }

    fn row(&self, row: &Given) -> Result<CaseRow, NoCase> {
        let form = form_of(&row.table).ok_or_else(|| unknown(row))?;
        let parts = row.key.split('\0').zip(form.key);
        let mut value = match row.gone {
            true => Value::Null,
            false => self.said(&(form.read)(form.table, &rows::encode(&row.value))?),
        };
        let print = value["fingerprint"].as_u64();
        if let Some(print) = print.and_then(|print| self.fingerprints.get(&print)) {
            value["fingerprint"] = (*print).into();
        }
        Ok(CaseRow {
            table: row.table.clone(),
            key: parts
                .map(|(part, kind)| self.replacer.say(*kind, part))
                .collect(),
            gone: row.gone,
            value,
        })
    }

    /// The case with all its names, to see whether this version still decides it so.
    fn scene(&self) -> Result<Scene, NoCase> {
        let mut policies = Vec::new();
        for book in &self.rules {
            let policy = book.clone().policy().map_err(|error| NotACase::Damaged {
                place: "the rules".to_owned(),
                reason: error.to_string(),
            });
            policies.push(policy?);
        }
        let mut steps = Vec::new();
        for step in &self.steps {
            let mut given = Vec::new();
            for row in &step.given {
                let form = form_of(&row.table).ok_or_else(|| unknown(row))?;
                let place = (form.table, row.key.as_bytes().to_vec());
                given.push((place, (!row.gone).then(|| rows::encode(&row.value))));
            }
            steps.push(SceneStep {
                at: step.at,
                seed: seed(&step.seed).unwrap_or_default(),
                policy: step.policy as usize,
                given,
                signal: Arc::new(step.signal.clone()),
            });
        }
        Ok(Scene { policies, steps })
    }
}

/// Whether two decisions differ in nothing but names.
fn are_alike(one: &Played, two: &Played) -> Result<bool, NoCase> {
    let are_facts = tree(&one.facts)?.is_like(&tree(&two.facts)?);
    Ok(are_facts && one.verdict == two.verdict)
}

fn see_row(collector: &mut Collector, row: &Given) -> Result<(), NoCase> {
    let form = form_of(&row.table).ok_or_else(|| unknown(row))?;
    for (part, kind) in row.key.split('\0').zip(form.key) {
        collector.see_text(*kind, part);
    }
    if !row.gone {
        collector.see(&(form.read)(form.table, &rows::encode(&row.value))?);
    }
    Ok(())
}

fn unknown(row: &Given) -> NotACase {
    NotACase::Damaged {
        place: format!("a row of `{}`", row.table),
        reason: "no such table is part of a case".to_owned(),
    }
}

fn tree<T: serde::Serialize + ?Sized>(value: &T) -> Result<Node, NoCase> {
    let tree = Node::of(value).map_err(|error| NotACase::Damaged {
        place: "what was kept".to_owned(),
        reason: error.to_string(),
    });
    Ok(tree?)
}

/// The words of rules that are compared with what channels and buyers write.
fn words(book: &Rulebook) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    words.extend(
        book.rules
            .rules
            .iter()
            .filter_map(|rule| rule.category.clone()),
    );
    let near = |place: &Location| {
        let parts = place.near.iter().flat_map(|near| {
            let region = near
                .split_once('-')
                .map(|(country, region)| [country, region]);
            region.into_iter().flatten().chain([near.as_str()])
        });
        let own = place.country.iter().chain(&place.region);
        let own = own.map(String::as_str);
        parts.chain(own).map(str::to_owned).collect::<Vec<_>>()
    };
    words.extend(book.locations.iter().flat_map(near));
    for rule in &book.incidents {
        words.extend(rule.category.iter().chain(&rule.why).cloned());
    }
    for rule in &book.order_rules {
        // What a condition compares with, and what one rule leaves for another.
        words.push(rule.name.clone());
        words.push(format!("rule:{}", rule.name));
        words.extend(rule.then.hold.iter().map(|hold| hold.reason.clone()));
        words.extend(rule.then.tag.iter().cloned());
        let ask = rule.then.hold.iter().filter_map(|hold| hold.ask.as_ref());
        words.extend(
            ask.chain(&rule.then.notify)
                .map(|notice| notice.message.clone()),
        );
        let condition = rule.when.as_ref();
        words.extend(
            condition
                .into_iter()
                .flat_map(|one| condition::texts_of(one.0.text())),
        );
    }
    words
}

fn hidden(hide: Hide) -> Vec<String> {
    let hidden = [(hide.skus, "skus"), (hide.accounts, "accounts")];
    let hidden = hidden.into_iter().filter(|(is_hidden, _)| *is_hidden);
    hidden.map(|(_, word)| word.to_owned()).collect()
}

fn left_out(recording: &Recording) -> Vec<String> {
    let before = match recording.whole_since {
        Some(at) => format!("before {at}, which is as far back as memory went"),
        None => format!(
            "more than {} minutes before the incident",
            LEAD.as_secs() / 60
        ),
    };
    let mut said = vec![format!(
        "What was decided {before}, or about other units: what it changed is given where it was read."
    )];
    let counted = recording.left_out.iter();
    said.extend(counted.map(|(why, count)| format!("{count} decisions: {why}.")));
    if recording.ended_at.is_none() {
        said.push(
            "What comes later: the incident, or one that is told together with it, is not over."
                .to_owned(),
        );
    }
    said
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn recording(opened_s: i64, ended_s: Option<i64>) -> Recording {
        let opened_at = Time::from_seconds(opened_s);
        let mut ids = domain::IdSource::new(opened_at, [3; 16]);
        let id = IncidentId::next(&mut ids);
        Recording {
            id,
            incidents: BTreeSet::from([id]),
            open: BTreeSet::new(),
            skus: BTreeSet::new(),
            opened_at,
            ended_at: ended_s.map(Time::from_seconds),
            whole_since: None,
            steps: 0,
            bytes: 0,
            policies: 0,
            left_out: BTreeMap::new(),
        }
    }

    #[test]
    fn what_is_kept_is_bounded_in_time_and_number() {
        let day = 24 * 3600;
        let now = Time::from_seconds(1_800_000_000);
        let seconds = |before: i64| 1_800_000_000 - before;
        let fresh = recording(seconds(40 * day), Some(seconds(29 * day)));
        let old = recording(seconds(50 * day), Some(seconds(31 * day)));
        let open = recording(seconds(90 * day), None);
        let forgotten = to_forget(vec![fresh, old.clone(), open], now);
        assert_eq!(forgotten, [old.id]);
        assert!(KEPT_FOR > Duration::from_secs(29 * 24 * 3600));
        let many: Vec<Recording> = (0..RECORDINGS_MAX as i64 + 2)
            .map(|at| recording(seconds(day) + at, (at != 0).then_some(seconds(3600) + at)))
            .collect();
        // The oldest is open, and stays.
        let expected = [many[1].id, many[2].id];
        assert_eq!(to_forget(many, now), expected);
    }
}
