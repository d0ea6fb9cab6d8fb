//! A case file, and playing it again.
//!
//! The format is described in docs/operating/cases.md. Reading checks all of it before anything is
//! played; a file that is damaged, foreign or of a newer version is refused in a sentence.

use std::sync::Arc;

use domain::{Sku, Time, fact::Fact, ids::IncidentId, signal::Signal};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::StoreError;

use super::{
    kept::{NotRules, Rulebook, seed},
    play::{Played, Scene, SceneStep, play},
    tables::form_of,
    told::{Teller, event, shown},
    watched::Place,
};
use crate::rows;

/// What a file says that it is.
const FORMAT: &str = "oneshelf-case";
/// The form of files that this program writes.
const VERSION: u32 = 1;

/// A case as it is written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CaseFile {
    /// That it is one.
    pub format: String,
    /// Its form.
    pub version: u32,
    /// Which Oneshelf made it.
    pub oneshelf: String,
    /// What it is about.
    pub incident: About,
    /// What was taken out beside names, numbers and texts of people.
    pub hidden: Vec<String>,
    /// What is not in it, in sentences.
    pub left_out: Vec<String>,
    /// The rules that were in force, in the order in which they were.
    pub rules: Vec<Value>,
    /// The rows that the first step reads.
    pub start: Vec<CaseRow>,
    /// The decisions, in order.
    pub steps: Vec<CaseStep>,
}

/// What a case is about.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct About {
    /// The incident.
    pub id: IncidentId,
    /// Incidents about the same units that were open at the same time.
    pub others: Vec<IncidentId>,
    /// The items that share the units.
    pub skus: Vec<Sku>,
    /// When it opened.
    pub opened_at: Time,
    /// When it was over; nothing while it goes on.
    pub ended_at: Option<Time>,
}

/// A row as a decision found it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CaseRow {
    /// In which table.
    pub table: String,
    /// Under which key.
    pub key: Vec<String>,
    /// Whether there was none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
    /// Its value.
    #[serde(default)]
    pub value: Value,
}

/// One decision.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CaseStep {
    /// Its time.
    pub at: Time,
    /// What its ids were made from.
    pub seed: String,
    /// By which rules, counted from zero.
    pub rules: usize,
    /// Rows that it read, and that decisions about other units had changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given: Vec<CaseRow>,
    /// What it was about.
    pub signal: Value,
    /// What that turned out to be.
    pub verdict: String,
    /// What was recorded.
    pub facts: Vec<Value>,
    /// Why it is not compared, if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_compared: Option<String>,
}

/// Why a file cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum NotACase {
    /// It is no JSON, or not of the form.
    #[error("it is no case file, or a damaged one: {0}")]
    Unreadable(#[source] serde_json::Error),
    /// It is something else.
    #[error("it is no case file: make one with `oneshelf incidents export`")]
    Foreign,
    /// It is newer than this program.
    #[error(
        "it has form {0}, and this Oneshelf knows forms up to {VERSION}: play it with a newer one"
    )]
    Newer(u32),
    /// Something in it cannot be.
    #[error("{place}: {reason}")]
    Damaged {
        /// Where.
        place: String,
        /// What is wrong.
        reason: String,
    },
}

/// What came of playing a case.
#[derive(Clone, Debug, Serialize)]
pub struct Replay {
    /// What was decided, in order.
    pub steps: Vec<Told>,
    /// What became of incidents, in order.
    pub happened: Vec<Happened>,
    /// Where it first parts from the record.
    pub parts: Option<Parting>,
    /// In how many steps it does.
    pub differing: usize,
    /// How many steps were not compared.
    pub not_compared: usize,
}

/// What was decided in one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Which step, counted from one.
    pub step: usize,
    /// Its time.
    pub at: Time,
    /// What it was about, in a word.
    pub signal: String,
    /// What it was about and turned out to be, in a sentence.
    pub said: String,
    /// On which account.
    pub account: Option<String>,
    /// What the signal turned out to be this time.
    pub verdict: String,
    /// What was decided this time, in sentences.
    pub decided: Vec<String>,
    /// How many facts beside these are about items that the case is not about.
    pub elsewhere: usize,
    /// Whether it is as it was recorded; nothing where that is not compared.
    pub is_same: Option<bool>,
}

/// What became of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Happened {
    /// In which step, counted from one.
    pub step: usize,
    /// When.
    pub at: Time,
    /// What, in a sentence.
    pub said: String,
}

/// Where a case parts from its record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parting {
    /// In which step, counted from one.
    pub step: usize,
    /// How, in a sentence.
    pub how: String,
}

impl CaseFile {
    /// A file without steps.
    pub(crate) fn new(incident: About) -> CaseFile {
        CaseFile {
            format: FORMAT.to_owned(),
            version: VERSION,
            oneshelf: env!("CARGO_PKG_VERSION").to_owned(),
            incident,
            hidden: Vec::new(),
            left_out: Vec::new(),
            rules: Vec::new(),
            start: Vec::new(),
            steps: Vec::new(),
        }
    }

    /// Reads a file.
    pub fn read(text: &[u8]) -> Result<CaseFile, NotACase> {
        let value: Value = serde_json::from_slice(text).map_err(NotACase::Unreadable)?;
        if value["format"] != FORMAT {
            return Err(NotACase::Foreign);
        }
        match value["version"].as_u64() {
            Some(version) if version > u64::from(VERSION) => {
                return Err(NotACase::Newer(u32::try_from(version).unwrap_or(u32::MAX)));
            }
            Some(_) | None => {}
        }
        // From the text, so that a mistake is told with its line.
        serde_json::from_slice(text).map_err(NotACase::Unreadable)
    }

    /// What can be played of it.
    pub(crate) fn scene(&self) -> Result<Scene, NotACase> {
        let mut policies = Vec::new();
        for (at, rules) in self.rules.iter().enumerate() {
            let damaged = |reason: String| NotACase::Damaged {
                place: format!("rules {at}"),
                reason,
            };
            let book: Rulebook = read(rules).map_err(|error| damaged(error.to_string()))?;
            let policy = book.policy();
            policies.push(policy.map_err(|error: NotRules| damaged(error.to_string()))?);
        }
        let mut steps = Vec::new();
        for (at, step) in self.steps.iter().enumerate() {
            let place = || format!("step {}", at + 1);
            let damaged = |reason: String| NotACase::Damaged {
                place: place(),
                reason,
            };
            let start = if at == 0 { self.start.as_slice() } else { &[] };
            let rows = start.iter().chain(&step.given);
            let given: Result<Vec<_>, NotACase> = rows.map(|row| row.read(&place())).collect();
            if step.rules >= policies.len() {
                return Err(damaged(format!("there are no rules {}", step.rules)));
            }
            let seed = seed(&step.seed)
                .ok_or_else(|| damaged("its seed is not 32 hexadecimal digits".to_owned()))?;
            let signal: Signal = read(&step.signal)
                .map_err(|error| damaged(format!("its signal cannot be read: {error}")))?;
            steps.push(SceneStep {
                at: step.at,
                seed,
                policy: step.rules,
                given: given?,
                signal: Arc::new(signal),
            });
        }
        Ok(Scene { policies, steps })
    }

    /// Decides all of it again, and compares.
    pub async fn replay(&self) -> Result<Replay, NotACase> {
        let scene = self.scene()?;
        let mut recorded = Vec::new();
        for (at, step) in self.steps.iter().enumerate() {
            let facts: Result<Vec<Fact>, _> = step.facts.iter().map(read).collect();
            recorded.push(facts.map_err(|error| NotACase::Damaged {
                place: format!("step {}", at + 1),
                reason: format!("a fact cannot be read: {error}"),
            })?);
        }
        let played = play(&scene).await.map_err(|error| unplayable(&error))?;
        let mut replay = Replay {
            steps: Vec::new(),
            happened: Vec::new(),
            parts: None,
            differing: 0,
            not_compared: 0,
        };
        let mut teller = Teller::new(&self.incident);
        let all = self
            .steps
            .iter()
            .zip(&recorded)
            .zip(&scene.steps)
            .zip(&played);
        for (at, (((step, recorded), shown), played)) in all.enumerate() {
            let mut told = teller.tell(at + 1, &shown.signal, step, played);
            if step.not_compared.is_some() {
                replay.not_compared += 1;
            } else {
                let parting = part(&step.verdict, recorded, played);
                told.is_same = Some(parting.is_none());
                if let Some(how) = parting {
                    replay.differing += 1;
                    let how = || Parting {
                        step: at + 1,
                        how: format!("step {} ({}, {}): {how}", at + 1, step.at, told.signal),
                    };
                    replay.parts.get_or_insert_with(how);
                }
            }
            replay.steps.push(told);
        }
        replay.happened = teller.happened();
        Ok(replay)
    }
}

impl CaseRow {
    fn read(&self, place: &str) -> Result<(Place, Option<Vec<u8>>), NotACase> {
        let damaged = |reason: String| NotACase::Damaged {
            place: format!("{place}: row {} of {}", self.key.join(" "), self.table),
            reason,
        };
        let form = form_of(&self.table).ok_or_else(|| damaged("no such table".to_owned()))?;
        if self.key.len() != form.key.len() {
            let parts = form.key.len();
            return Err(damaged(format!("its key should have {parts} parts")));
        }
        let parts: Vec<&str> = self.key.iter().map(String::as_str).collect();
        let key = rows::key(&parts);
        if key.len() > store::KEY_LENGTH_MAX {
            return Err(damaged("its key is too long".to_owned()));
        }
        let value = (!self.gone).then(|| rows::encode(&self.value));
        if let Some(value) = &value {
            (form.read)(form.table, value).map_err(|error| damaged(error.to_string()))?;
        }
        Ok(((form.table, key), value))
    }
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, serde_json::Error> {
    T::deserialize(value)
}

fn unplayable(error: &StoreError) -> NotACase {
    NotACase::Damaged {
        place: "the rows".to_owned(),
        reason: error.to_string(),
    }
}

/// How what was decided differs from what was recorded, in a sentence.
fn part(verdict: &str, recorded: &[Fact], played: &Played) -> Option<String> {
    if verdict != played.verdict {
        let now = &played.verdict;
        return Some(format!(
            "it is decided as `{now}` now, and was recorded as `{verdict}`"
        ));
    }
    for (at, (was, is)) in recorded.iter().zip(&played.facts).enumerate() {
        if was == is {
            continue;
        }
        let ((was_kind, was_inner), (is_kind, is_inner)) = (event(was), event(is));
        let number = at + 1;
        if was_kind != is_kind {
            return Some(format!(
                "fact {number} is `{is_kind}` now, and was recorded as `{was_kind}`"
            ));
        }
        let (path, was, is) = difference(&was_inner, &is_inner).unwrap_or_else(|| {
            let value = |fact: &Fact| serde_json::to_value(fact).unwrap_or_default();
            difference(&value(was), &value(is)).unwrap_or_default()
        });
        return Some(format!(
            "fact {number} (`{is_kind}`): {path} is {} now, and was recorded as {}",
            shown(&is),
            shown(&was)
        ));
    }
    let (was, is) = (recorded.len(), played.facts.len());
    if was < is {
        let (kind, _) = event(played.facts.get(was)?);
        return Some(format!("`{kind}` is decided now, and was not recorded"));
    }
    if is < was {
        let (kind, _) = event(recorded.get(is)?);
        return Some(format!("`{kind}` was recorded, and is not decided now"));
    }
    None
}

/// The first place at which two values differ.
fn difference(was: &Value, is: &Value) -> Option<(String, Value, Value)> {
    if was == is {
        return None;
    }
    if let (Value::Object(before), Value::Object(after)) = (was, is) {
        for name in before.keys().chain(after.keys()) {
            let (one, two) = (&was[name.as_str()], &is[name.as_str()]);
            if let Some((path, one, two)) = difference(one, two) {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{name}.{path}")
                };
                return Some((path, one, two));
            }
        }
    }
    Some((String::new(), was.clone(), is.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_case_is_refused_in_a_sentence() {
        for (text, says) in [
            ("", "no case file, or a damaged one"),
            ("[1", "no case file, or a damaged one"),
            ("\u{0}\u{1}", "no case file, or a damaged one"),
            ("[]", "incidents export"),
            ("{\"format\": \"other\"}", "incidents export"),
            (
                "{\"format\": \"oneshelf-case\", \"version\": 9}",
                "newer one",
            ),
            (
                "{\"format\": \"oneshelf-case\", \"version\": 1}",
                "missing field",
            ),
        ] {
            let error = CaseFile::read(text.as_bytes()).expect_err(text);
            let mut said = error.to_string();
            if let Some(source) = std::error::Error::source(&error) {
                said = format!("{said}: {source}");
            }
            assert!(said.contains(says), "{text}: {said}");
        }
        assert!(CaseFile::read(b"\xff\xfe").is_err());
        let deep = "[".repeat(100_000);
        assert!(CaseFile::read(deep.as_bytes()).is_err());
    }

    #[test]
    fn a_difference_is_told_by_its_place() {
        let was = serde_json::json!({ "sku": "MUG", "tuned": { "units": 3 } });
        let is = serde_json::json!({ "sku": "MUG", "tuned": { "units": 4 } });
        let (path, was, is) = difference(&was, &is).expect("they differ");
        assert_eq!(
            (path.as_str(), was, is),
            ("tuned.units", 3.into(), 4.into())
        );
    }
}
