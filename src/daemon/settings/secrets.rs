//! Secrets in a configuration: where they may stand, and fetching them from there.
//!
//! A secret is written as `{ file = "…" }`, `{ credential = "…" }` (systemd's `LoadCredential=`) or
//! `{ env = "…" }`. Written in clear it works, with a warning. Nothing here prints a secret.

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

/// Where secrets can be fetched from.
const PLACES: [&str; 3] = ["file", "credential", "env"];

/// The variable in which a service manager says where credentials are.
pub(super) const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// The longest secret; a private key is a tenth of it.
const LENGTH_MAX: u64 = 64 * 1024;

/// What stands in for a secret that is not here: long enough for any, and nobody's.
const STAND_IN: &str = "a-stand-in-for-a-secret-that-is-not-here";

/// Whether secrets are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Each must be where it is said to be.
    All,
    /// Something stands in for those that are not there: nobody will be called.
    None,
}

/// What was fetched.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fetched {
    /// The secret, without the line break at its end.
    pub(super) text: String,
    /// What should be looked at.
    pub(super) warning: Option<String>,
}

/// Why nothing was fetched.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// The key within the table that is wrong, if it is one of them.
    pub(super) key: Option<String>,
    /// What is wrong.
    pub(super) problem: String,
    /// What to do.
    pub(super) help: Option<String>,
    /// Whether it is written rightly, and only not here.
    pub(super) is_absent: bool,
}

/// What stands in for a secret that is not here; what is written wrongly stays wrong.
pub(super) fn stand_in(refused: Refused, need: Need) -> Result<Fetched, Refused> {
    match need {
        Need::None if refused.is_absent => Ok(Fetched {
            text: STAND_IN.to_owned(),
            warning: None,
        }),
        Need::None | Need::All => Err(refused),
    }
}

/// Whether a table is the place of a secret and nothing else.
pub(super) fn is_place(table: &Map<String, Value>) -> bool {
    table.len() == 1 && table.keys().all(|key| PLACES.contains(&key.as_str()))
}

/// Fetches the secret that a table speaks of.
pub(super) fn fetch(
    table: &Map<String, Value>,
    environment: &BTreeMap<String, String>,
) -> Result<Fetched, Refused> {
    let mut keys = table.iter();
    let (Some((place, value)), None) = (keys.next(), keys.next()) else {
        return Err(refuse(
            None,
            "a secret stands in one place",
            Some("write one of { file = \"…\" }, { credential = \"…\" } or { env = \"…\" }"),
        ));
    };
    let Some(name) = value.as_str() else {
        return Err(refuse(Some(place), "expected a text", None));
    };
    let fetched = match place.as_str() {
        "file" => read_file(Path::new(name)),
        "credential" => credential_file(name, environment).and_then(|file| read_file(&file)),
        "env" => match environment.get(name) {
            Some(text) => Ok(Fetched {
                text: text.clone(),
                warning: None,
            }),
            None => Err(Refused {
                is_absent: true,
                ..refuse(
                    Some("env"),
                    &format!("the variable {name} is not set"),
                    None,
                )
            }),
        },
        other => Err(refuse(
            Some(other),
            &format!("a secret cannot come from `{other}`"),
            super::mistakes::suggestion_or_list(other, &PLACES, "it can come from").as_deref(),
        )),
    }?;
    if fetched.text.is_empty() {
        return Err(refuse(Some(place), "there is nothing in it", None));
    }
    Ok(fetched)
}

fn refuse(key: Option<&str>, problem: &str, help: Option<&str>) -> Refused {
    Refused {
        key: key.map(str::to_owned),
        problem: problem.to_owned(),
        help: help.map(str::to_owned),
        is_absent: false,
    }
}

fn credential_file(name: &str, environment: &BTreeMap<String, String>) -> Result<PathBuf, Refused> {
    if name.is_empty() || name.contains('/') || name.starts_with('.') {
        return Err(refuse(
            Some("credential"),
            "a credential has the name of a file, without a folder",
            None,
        ));
    }
    let folder = environment.get(CREDENTIALS).ok_or_else(|| Refused {
        is_absent: true,
        ..refuse(
            Some("credential"),
            "there are no credentials here: CREDENTIALS_DIRECTORY is not set, and there is no folder \
             `credentials` beside oneshelf.toml",
            Some(&format!(
                "write the secret to credentials/{name}; a service gets it by \
                 LoadCredential={name}:/etc/oneshelf/credentials/{name}"
            )),
        )
    })?;
    Ok(Path::new(folder).join(name))
}

fn read_file(path: &Path) -> Result<Fetched, Refused> {
    let wrong = |problem: String| Refused {
        key: None,
        problem,
        help: None,
        is_absent: false,
    };
    let cannot = |error: std::io::Error| Refused {
        is_absent: true,
        ..wrong(format!("cannot read {}: {error}", path.display()))
    };
    // Looked at before it is opened: opening a pipe would wait for its writer.
    let metadata = fs::metadata(path).map_err(cannot)?;
    if !metadata.is_file() {
        return Err(wrong(format!("{} is not a file", path.display())));
    }
    let file = fs::File::open(path).map_err(cannot)?;
    let mut bytes = Vec::new();
    file.take(LENGTH_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(cannot)?;
    if bytes.len() as u64 > LENGTH_MAX {
        return Err(wrong(format!(
            "{} is too long for a secret",
            path.display()
        )));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| wrong(format!("{} is not text (UTF-8)", path.display())))?;
    let is_open = metadata.permissions().mode() & 0o004 != 0;
    Ok(Fetched {
        text: text.trim_end_matches(['\n', '\r']).to_owned(),
        warning: is_open.then(|| format!("everyone on this machine can read {}", path.display())),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_fetched_from_three_places() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("token");
        fs::write(&file, "geheim\n").expect("it can be written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("it is ours");
        let environment = BTreeMap::from([
            ("TOKEN".to_owned(), "aus der Umgebung".to_owned()),
            ("EMPTY".to_owned(), String::new()),
            (
                "CREDENTIALS_DIRECTORY".to_owned(),
                folder.path().display().to_string(),
            ),
        ]);
        let fetch = |value: Value| {
            fetch(value.as_object().expect("a table"), &environment)
                .map(|fetched| fetched.text)
                .map_err(|refused| refused.problem)
        };
        assert_eq!(fetch(json!({ "file": file })), Ok("geheim".into()));
        assert_eq!(fetch(json!({ "credential": "token" })), Ok("geheim".into()));
        assert_eq!(
            fetch(json!({ "env": "TOKEN" })),
            Ok("aus der Umgebung".into())
        );
        for (value, problem) in [
            (json!({ "env": "NONE" }), "NONE is not set"),
            (json!({ "env": "EMPTY" }), "nothing in it"),
            (json!({ "file": "/none" }), "cannot read /none"),
            (json!({ "file": "/" }), "is not a file"),
            (json!({ "file": 5 }), "expected a text"),
            (json!({ "fil": "x" }), "cannot come from `fil`"),
            (json!({ "credential": "../x" }), "without a folder"),
            (json!({ "file": "a", "env": "b" }), "in one place"),
            (json!({}), "in one place"),
        ] {
            let refused = fetch(value.clone()).expect_err("it is refused");
            assert!(refused.contains(problem), "{value}: {refused}");
        }
    }

    #[test]
    fn something_stands_in_for_what_is_not_here_and_for_nothing_that_is_wrong() {
        let environment = BTreeMap::new();
        for (value, stands_in) in [
            (json!({ "env": "NONE" }), true),
            (json!({ "file": "/none" }), true),
            (json!({ "credential": "admin-token" }), true),
            (json!({ "credential": "../x" }), false),
            (json!({ "file": "/" }), false),
            (json!({ "fil": "x" }), false),
            (json!({ "env": 5 }), false),
        ] {
            let table = value.as_object().expect("a table");
            let refused = || fetch(table, &environment).expect_err("it is not here");
            assert_eq!(
                stand_in(refused(), Need::None).is_ok(),
                stands_in,
                "{value}"
            );
            assert!(stand_in(refused(), Need::All).is_err(), "{value}");
        }
    }

    #[test]
    fn a_secret_that_everyone_can_read_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("token");
        fs::write(&file, "geheim").expect("it can be written");
        for (mode, is_told) in [(0o644, true), (0o640, false), (0o600, false)] {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("it is ours");
            let fetched = read_file(&file).expect("it can be read");
            assert_eq!(fetched.warning.is_some(), is_told, "{mode:o}");
        }
    }
}
