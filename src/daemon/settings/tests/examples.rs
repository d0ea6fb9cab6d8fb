//! The examples in `config/`: they are good, and they show every key.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{enough_fields, *};
use crate::settings::shape::AccountText;

fn config() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config")
}

/// The example files of accounts, with their texts.
fn accounts() -> Vec<(PathBuf, String)> {
    let entries = fs::read_dir(config().join("accounts.d")).expect("there are examples");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("it can be read");
            (path, text)
        })
        .collect()
}

/// A folder with every credential that a text names.
fn credentials(texts: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for text in texts {
        for (at, start) in text.match_indices("credential = \"") {
            let name = text[at + start.len()..]
                .split('"')
                .next()
                .expect("it is quoted");
            let secret = "a-secret-that-is-long-enough-for-every-use";
            fs::write(folder.path().join(name), secret).expect("it can be written");
        }
    }
    folder
}

#[test]
fn the_examples_are_good() {
    let main = fs::read_to_string(config().join("oneshelf.toml")).expect("there is one");
    let accounts = accounts();
    let mut texts: Vec<&str> = accounts.iter().map(|(_, text)| text.as_str()).collect();
    texts.push(&main);
    let secrets = credentials(&texts);
    let environment = Environment::from([(
        "CREDENTIALS_DIRECTORY".to_owned(),
        secrets.path().display().to_string(),
    )]);
    let known = Known {
        connectors: connectors::CONNECTORS,
        schedule: enough_fields,
        now: Time::EPOCH,
    };
    let settings = match load(&config(), &environment, known) {
        Ok(settings) => settings,
        Err(error) => panic!("{}", error.render()),
    };
    assert_eq!(settings.accounts.len(), accounts.len());
    let shown: Vec<String> = settings
        .warnings
        .iter()
        // The secrets of this test may be readable by everyone.
        .filter(|warning| !warning.problem.starts_with("everyone on this machine"))
        .map(Mistake::to_string)
        .collect();
    assert!(shown.is_empty(), "{}", shown.join("\n"));
}

#[test]
fn every_channel_has_an_example() {
    let accounts = accounts();
    for connector in connectors::CONNECTORS {
        let kind = format!("kind = \"{}\"", connector.descriptor().id);
        assert!(
            accounts.iter().any(|(_, text)| text.contains(&kind)),
            "no file in config/accounts.d says {kind}"
        );
    }
}

/// The keys of a schema, from the outside in.
fn all_keys(root: &Value, path: &mut Vec<String>, found: &mut BTreeSet<String>) {
    const DEPTH_MAX: usize = 8;
    let Some(node) = schema::at(root, path).filter(|_| path.len() < DEPTH_MAX) else {
        return;
    };
    for key in schema::keys(node) {
        found.insert(key.to_owned());
        path.push(key.to_owned());
        all_keys(root, path, found);
        path.push("0".to_owned());
        all_keys(root, path, found);
        path.pop();
        path.pop();
    }
}

/// Whether a text shows a key, live or as a comment.
fn shows(text: &str, key: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim_start_matches(['#', ' ']);
        let is_key = line
            .strip_prefix(key)
            .is_some_and(|rest| rest.trim_start().starts_with('='));
        let heading = line.trim_matches(['[', ']']);
        let is_table = line.starts_with('[') && heading.split('.').any(|part| part == key);
        is_key || is_table
    })
}

#[test]
fn the_examples_show_every_key() {
    let main = fs::read_to_string(config().join("oneshelf.toml")).expect("there is one");
    let mut keys = BTreeSet::new();
    let schema = schemars::schema_for!(Main).to_value();
    all_keys(&schema, &mut Vec::new(), &mut keys);
    assert!(keys.len() > 25, "{keys:?}");
    let hidden: Vec<&String> = keys.iter().filter(|key| !shows(&main, key)).collect();
    assert!(hidden.is_empty(), "oneshelf.toml does not show {hidden:?}");

    for (path, text) in accounts() {
        let mut keys = BTreeSet::new();
        let schema = schemars::schema_for!(AccountText).to_value();
        all_keys(&schema, &mut Vec::new(), &mut keys);
        for connector in connectors::CONNECTORS {
            let kind = format!("kind = \"{}\"", connector.descriptor().id);
            if text.contains(&kind) {
                let schema = connector.schema().to_value();
                keys.extend(schema::keys(&schema).into_iter().map(str::to_owned));
            }
        }
        let hidden: Vec<&String> = keys.iter().filter(|key| !shows(&text, key)).collect();
        assert!(
            hidden.is_empty(),
            "{} does not show {hidden:?}",
            path.display()
        );
    }
}
