//! The layers of a document: what is built in, the file, the environment. The only file that knows
//! the `config` crate.
//!
//! It merges and says nothing about meaning; where a value came from is known by [`super::places`]
//! and [`Override`].

use std::collections::BTreeMap;

use config::{Config, ConfigError, File, FileFormat};
use serde_json::Value;

/// A value that the environment sets.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Override {
    /// The variable.
    pub(super) name: String,
    /// The keys that it sets, from the outside in.
    pub(super) path: Vec<String>,
    /// What it sets them to.
    pub(super) value: Value,
}

/// The beginning of every variable that sets a key; two underscores stand between keys.
const PREFIX: &str = "ONESHELF__";

/// The values that the environment sets: `ONESHELF__STORE__DIR` is `store.dir`. A value that is a
/// number, a truth value, a list or a table in TOML is one; anything else is text.
pub(super) fn overrides(environment: &BTreeMap<String, String>) -> Vec<Override> {
    environment
        .iter()
        .filter_map(|(name, text)| {
            let keys = name.strip_prefix(PREFIX)?;
            let path = keys.split("__").map(str::to_lowercase).collect();
            Some(Override {
                name: name.clone(),
                path,
                value: parse(text),
            })
        })
        .collect()
}

fn parse(text: &str) -> Value {
    let read = || {
        let document = toml_edit::Document::parse(format!("it = {text}")).ok()?;
        // What looks like several lines of TOML is a text that happens to.
        if document.as_table().len() != 1 || document["it"].as_datetime().is_some() {
            return None;
        }
        let merged = merge(&format!("it = {text}"), &[]).ok()?;
        merged.get("it").cloned()
    };
    read().unwrap_or_else(|| Value::String(text.to_owned()))
}

/// A document with the values of the environment laid over it.
pub(super) fn merge(text: &str, overrides: &[Override]) -> Result<Value, ConfigError> {
    let mut builder = Config::builder().add_source(File::from_str(text, FileFormat::Toml));
    for entry in overrides {
        let value: config::Value = serde_json::from_value(entry.value.clone())
            .map_err(|error| ConfigError::Message(error.to_string()))?;
        builder = builder.set_override(entry.path.join("."), value)?;
    }
    builder.build()?.try_deserialize()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_environment_is_read_by_its_own_rules() {
        let environment = [
            ("ONESHELF__STORE__DIR", "/srv/shelf", json!("/srv/shelf")),
            ("ONESHELF__LIMITS__CONNECTIONS", "64", json!(64)),
            ("ONESHELF__A", "true", json!(true)),
            ("ONESHELF__B", "\"64\"", json!("64")),
            ("ONESHELF__C", "30s", json!("30s")),
            ("ONESHELF__D", "2026-01-01", json!("2026-01-01")),
            ("ONESHELF__E", "{ file = \"/t\" }", json!({ "file": "/t" })),
            ("ONESHELF__F", "1\nb = 2", json!("1\nb = 2")),
            ("ONESHELF__G", "", json!("")),
        ];
        let variables = environment
            .iter()
            .map(|(name, text, _)| ((*name).to_owned(), (*text).to_owned()))
            .chain([("ONESHELF_SHARED".to_owned(), "no".to_owned())])
            .collect();
        let read = overrides(&variables);
        assert_eq!(read.len(), environment.len());
        for (name, _, wanted) in environment {
            let found = read.iter().find(|entry| entry.name == name);
            assert_eq!(found.map(|entry| &entry.value), Some(&wanted), "{name}");
        }
        assert!(read.iter().any(|entry| entry.path == ["store", "dir"]));
    }

    #[test]
    fn the_environment_lies_over_the_file() {
        let text = "[store]\ndir = \"/a\"\nfree_min = 1\n";
        let over = Override {
            name: "ONESHELF__STORE__DIR".to_owned(),
            path: vec!["store".to_owned(), "dir".to_owned()],
            value: json!("/b"),
        };
        let merged = merge(text, &[over]).expect("both are well formed");
        assert_eq!(merged, json!({ "store": { "dir": "/b", "free_min": 1 } }));
    }
}
