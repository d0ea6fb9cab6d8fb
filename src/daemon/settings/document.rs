//! One file of a configuration with the environment laid over it, and what is wrong in it.
//!
//! It gives every mistake its place: the variable that set the value, or line and column in the
//! file. What is right or wrong is for others to say.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    layers::{self, Override},
    mistakes::{self, At, Mistake, Severity},
    places::{KeyPath, Part, Source},
    read::{self, Wrong},
    schema, secrets,
};

/// The schema of what stands at a path; a longer path goes before a shorter one.
pub(super) type Schema = (KeyPath, Value);

/// A file with the environment laid over it.
pub(super) struct Document {
    source: Source,
    overrides: Vec<Override>,
    schemas: Vec<Schema>,
    /// What stands in it, secrets fetched.
    value: Value,
    /// The texts of its secrets, so that no message repeats one.
    secrets: Vec<String>,
    wrong: BTreeSet<KeyPath>,
    mistakes: Vec<Mistake>,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nothing was said.
    Default,
    /// A line of a file.
    File {
        /// The path as it was given.
        name: String,
        /// Counted from 1.
        line: usize,
    },
    /// A variable of the environment.
    Environment {
        /// Its name.
        name: String,
    },
}

impl Document {
    /// Reads a text. What is not TOML at all is one mistake.
    pub(super) fn open(
        name: &str,
        text: &str,
        overrides: Vec<Override>,
        schemas: Vec<Schema>,
    ) -> Result<Document, Box<Mistake>> {
        let name = name.to_owned();
        let mistake = |at, problem| {
            Box::new(Mistake {
                severity: Severity::Error,
                at,
                key: String::new(),
                problem,
                help: None,
            })
        };
        let source = Source::parse(name.clone(), text.to_owned()).map_err(|syntax| {
            let at = At::File {
                name: name.clone(),
                excerpt: syntax.excerpt,
            };
            mistake(at, format!("this is not TOML: {}", syntax.problem))
        })?;
        let value = layers::merge(text, &overrides).map_err(|error| {
            let problem = format!("the file and the environment do not go together: {error}");
            mistake(At::Whole { name }, problem)
        })?;
        Ok(Document {
            source,
            overrides,
            schemas,
            value,
            secrets: Vec::new(),
            wrong: BTreeSet::new(),
            mistakes: Vec::new(),
        })
    }

    /// What stands at a path.
    pub(super) fn get(&self, path: &[String]) -> Option<&Value> {
        read::get(&self.value, path)
    }

    /// What is known of the value at a path.
    fn schema_at(&self, path: &[String]) -> Option<&Value> {
        let (start, root) = self
            .schemas
            .iter()
            .filter(|(start, _)| path.starts_with(start))
            .max_by_key(|(start, _)| start.len())?;
        schema::at(root, path.get(start.len()..)?)
    }

    /// Reads all of it, and tells what is wrong.
    pub(super) fn read<T: DeserializeOwned + Default>(&mut self) -> T {
        let (read, findings) = read::read(&self.value);
        for found in findings {
            match found.wrong {
                Wrong::UnknownKey => self.tell_unknown(&found.path),
                Wrong::Value(problem) => self.tell_value(&found.path, problem),
            }
        }
        read
    }

    /// Fetches the secrets at and below a path, tells which stand there in clear, and keeps all from
    /// being shown.
    pub(super) fn fetch_secrets(
        &mut self,
        path: &[String],
        environment: &BTreeMap<String, String>,
        need: secrets::Need,
    ) {
        self.hide_secrets(path);
        let mut paths = Vec::new();
        if let Some(value) = self.get(path) {
            collect_paths(value, &mut path.to_vec(), &mut paths);
        }
        for path in paths {
            let node = self.schema_at(&path);
            let is_secret = node.is_some_and(schema::is_secret);
            let may_be_fetched = node.is_none_or(|node| !schema::is_table(node));
            match self.get(&path) {
                Some(Value::Object(table))
                    if is_secret || may_be_fetched && secrets::is_place(table) =>
                {
                    let fetched = secrets::fetch(&table.clone(), environment)
                        .or_else(|refused| secrets::stand_in(refused, need));
                    self.take_secret(&path, fetched);
                }
                Some(Value::String(text)) if is_secret => {
                    self.secrets.push(text.clone());
                    if self.override_of(&path).is_none() {
                        self.warn_of_clear_text(&path);
                    }
                }
                Some(_) | None => {}
            }
        }
    }

    fn take_secret(&mut self, path: &KeyPath, fetched: Result<secrets::Fetched, secrets::Refused>) {
        match fetched {
            Ok(fetched) => {
                if let Some(warning) = fetched.warning {
                    self.tell(Severity::Warning, path, Part::Value, warning, None);
                }
                self.secrets.push(fetched.text.clone());
                if let Some(slot) = read::get_mut(&mut self.value, path) {
                    *slot = Value::String(fetched.text);
                }
            }
            Err(refused) => {
                let mut at = path.clone();
                let is_known = refused.key.is_none() || refused.help.is_none();
                at.extend(refused.key);
                let part = if is_known { Part::Value } else { Part::Key };
                self.tell(Severity::Error, &at, part, refused.problem, refused.help);
                self.wrong.insert(path.clone());
                read::take_out(&mut self.value, path);
            }
        }
    }

    fn warn_of_clear_text(&mut self, path: &KeyPath) {
        let help = "put it into a file that only root can read, and write \
                    { credential = \"…\" } or { file = \"…\" } here";
        self.tell(
            Severity::Warning,
            path,
            Part::Value,
            "a secret stands here in clear".to_owned(),
            Some(help.to_owned()),
        );
    }

    /// Keeps values below a path from being shown, but for those that are known and no secrets.
    fn hide_secrets(&mut self, path: &[String]) {
        let below: Vec<KeyPath> = self.source.below(path).cloned().collect();
        for path in below {
            let node = self.schema_at(&path);
            let is_leaf = !self
                .source
                .below(&path)
                .any(|other| other.len() > path.len());
            if is_leaf && node.is_none_or(schema::is_secret) && !self.is_in_place(&path) {
                self.source.hide(&path);
            }
        }
    }

    /// Whether a value is the name of a secret's place, and not the secret.
    fn is_in_place(&self, path: &[String]) -> bool {
        let table = path.split_last().and_then(|(_, outer)| self.get(outer));
        table
            .and_then(Value::as_object)
            .is_some_and(secrets::is_place)
    }

    /// Takes a value out of what is read from here on.
    pub(super) fn take_out(&mut self, path: &[String]) -> bool {
        read::take_out(&mut self.value, path)
    }

    /// Whether something at, above or below a path was told to be wrong.
    pub(super) fn is_wrong(&self, path: &[String]) -> bool {
        let related = |wrong: &KeyPath| wrong.starts_with(path) || path.starts_with(wrong);
        self.wrong.iter().any(related)
    }

    /// Whether exactly this was told to be wrong.
    pub(super) fn is_wrong_at(&self, path: &[String]) -> bool {
        self.wrong.contains(path)
    }

    /// Tells of a key that nobody reads.
    pub(super) fn tell_unknown(&mut self, path: &[String]) {
        let Some((key, table)) = path.split_last() else {
            return;
        };
        let node = self.schema_at(table);
        let known = node.map(schema::keys).unwrap_or_default();
        let help = match (table.is_empty(), key.as_str()) {
            (true, "accounts" | "account") => {
                Some("each account has a file of its own: accounts.d/<account>.toml".to_owned())
            }
            // A word that other programs use, and that could mean "never show less than this".
            (false, "floor") if known.contains(&"zero_below") => {
                Some("write zero_below = 3: an offer below that is shown as 0".to_owned())
            }
            _ => mistakes::suggestion_or_list(key, &known, "there are"),
        };
        let problem = if table.is_empty() {
            format!("there is no key `{key}`")
        } else {
            format!("there is no key `{key}` in `{}`", table.join("."))
        };
        self.tell(Severity::Error, path, Part::Key, problem, help);
    }

    /// Tells of a value that cannot be used.
    pub(super) fn tell_value(&mut self, path: &[String], problem: String) {
        let node = self.schema_at(path);
        let words = node.map(schema::words).unwrap_or_default();
        let word = self.get(path).and_then(Value::as_str);
        let (problem, help) = match word {
            None if node.is_some_and(schema::is_secret) => (
                "expected a text, or a place such as { file = \"…\" }".to_owned(),
                None,
            ),
            Some(word) if !words.is_empty() => (
                format!("\"{word}\" is not one of {}", words.join(", ")),
                mistakes::suggestion(word, &words),
            ),
            None if !words.is_empty() => {
                let choice = format!("one of {}", words.join(", "));
                (problem.replace("string or map", &choice), None)
            }
            Some(_) | None => (problem, None),
        };
        self.tell(Severity::Error, path, Part::Value, problem, help);
    }

    /// Tells of something wrong at a path.
    pub(super) fn tell(
        &mut self,
        severity: Severity,
        path: &[String],
        part: Part,
        problem: String,
        help: Option<String>,
    ) {
        if severity == Severity::Error {
            self.wrong.insert(path.to_vec());
        }
        let at = match self.override_of(path) {
            Some(name) => At::Environment { name },
            None => At::File {
                name: self.source.name.clone(),
                excerpt: self.source.show(path, part),
            },
        };
        self.mistakes.push(Mistake {
            severity,
            at,
            key: path.join("."),
            problem: self.without_secrets(problem),
            help,
        });
    }

    /// Tells of something wrong at a part of a text, where that can be found; else at all of it.
    pub(super) fn tell_within(
        &mut self,
        path: &[String],
        part: Option<std::ops::Range<usize>>,
        problem: String,
        help: Option<String>,
    ) {
        self.tell(Severity::Error, path, Part::Value, problem, help);
        let text = self.get(path).and_then(Value::as_str);
        let excerpt = text
            .zip(part)
            .and_then(|(text, part)| self.source.show_within(path, text, part));
        if let (Some(found), Some(told)) = (excerpt, self.mistakes.last_mut())
            && let At::File { excerpt, .. } = &mut told.at
        {
            *excerpt = found;
        }
    }

    fn without_secrets(&self, mut text: String) -> String {
        const LENGTH_MIN: usize = 4;
        for secret in self
            .secrets
            .iter()
            .filter(|secret| secret.len() >= LENGTH_MIN)
        {
            text = text.replace(secret.as_str(), "…");
        }
        text
    }

    fn override_of(&self, path: &[String]) -> Option<String> {
        let sets = |entry: &&Override| path.starts_with(&entry.path);
        self.overrides
            .iter()
            .find(sets)
            .map(|entry| entry.name.clone())
    }

    /// The line of the file that sets this.
    pub(super) fn line_of(&self, path: &[String]) -> Option<usize> {
        self.source.line_of(path)
    }

    /// Where every value in it came from, by its key.
    pub(super) fn origins(&self, prefix: &str) -> BTreeMap<String, Origin> {
        let mut paths = Vec::new();
        collect_paths(&self.value, &mut Vec::new(), &mut paths);
        let origin = |path: &KeyPath| match self.override_of(path) {
            Some(name) => Origin::Environment { name },
            None => Origin::File {
                name: self.source.name.clone(),
                line: self.source.line_of(path).unwrap_or(1),
            },
        };
        paths
            .iter()
            .filter(|path| self.override_of(path).is_some() || self.source.has(path))
            .map(|path| (format!("{prefix}{}", path.join(".")), origin(path)))
            .collect()
    }

    /// How every value in it reads, by its key. A secret is there, and does not read.
    pub(super) fn readings(&self, prefix: &str) -> BTreeMap<String, Option<String>> {
        let mut paths = Vec::new();
        collect_paths(&self.value, &mut Vec::new(), &mut paths);
        let mut readings = BTreeMap::new();
        for path in paths {
            let outer = path.split_last().and_then(|(_, outer)| self.get(outer));
            let value = self.get(&path);
            let is_of_a_list = outer.is_some_and(|outer| is_leaf(outer) && outer.is_array());
            let Some(value) = value.filter(|value| is_leaf(value) && !is_of_a_list) else {
                continue;
            };
            let text = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            // What nobody knows may be one as well.
            let node = self.schema_at(&path);
            let is_secret =
                node.is_none_or(schema::is_secret) || self.without_secrets(text.clone()) != text;
            let reading = (!is_secret).then_some(text);
            readings.insert(format!("{prefix}{}", path.join(".")), reading);
        }
        readings
    }

    /// What is wrong, in the order of the file; the environment last.
    pub(super) fn into_mistakes(mut self) -> Vec<Mistake> {
        self.mistakes.sort_by_key(|mistake| match &mistake.at {
            At::Whole { .. } => (0, 0, 0),
            At::File { excerpt, .. } => (1, excerpt.line, excerpt.column),
            At::Environment { .. } => (2, 0, 0),
        });
        self.mistakes
    }
}

/// Whether a value is shown in one piece: no table, and no list of tables.
fn is_leaf(value: &Value) -> bool {
    match value {
        Value::Object(_) => false,
        Value::Array(list) => list.iter().all(|inner| !inner.is_object()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// The paths of a value and of everything in it.
fn collect_paths(value: &Value, path: &mut KeyPath, paths: &mut Vec<KeyPath>) {
    if !path.is_empty() {
        paths.push(path.clone());
    }
    let entries: Vec<(String, &Value)> = match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, inner)| (key.clone(), inner))
            .collect(),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(index, inner)| (index.to_string(), inner))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    for (step, inner) in entries {
        path.push(step);
        collect_paths(inner, path, paths);
        path.pop();
    }
}
