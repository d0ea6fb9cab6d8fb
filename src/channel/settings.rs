//! Reading an account's settings, with every mistake at once.

use serde::de::DeserializeOwned;

/// One mistake in an account's settings. `path` is relative to the account's table, so the caller
/// can find line and column in the file that said it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct SettingsError {
    /// The key, dotted; empty for the table itself.
    pub path: String,
    /// What is wrong, and what to do.
    pub problem: String,
    /// Whether the key itself is unknown, rather than its value wrong.
    pub is_unknown_key: bool,
}

impl SettingsError {
    /// A value that cannot be used.
    pub fn value(path: &str, problem: impl Into<String>) -> SettingsError {
        SettingsError {
            path: path.to_owned(),
            problem: problem.into(),
            is_unknown_key: false,
        }
    }
}

/// Reads settings into a connector's own type, collecting unknown keys and the first wrong value.
/// The type must not use `flatten`, `untagged` or `tag`, which lose the path.
pub fn read<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, Vec<SettingsError>> {
    let mut errors = Vec::new();
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(value, &mut track);
    let read = serde_ignored::deserialize(tracked, |path| {
        errors.push(SettingsError {
            path: path.to_string(),
            problem: "there is no such key".to_owned(),
            is_unknown_key: true,
        });
    });
    match read {
        Ok(settings) if errors.is_empty() => Ok(settings),
        Ok(_) => Err(errors),
        Err(error) => {
            let path = track.path().to_string();
            let path = if path == "." { String::new() } else { path };
            errors.push(SettingsError::value(&path, error.to_string()));
            Err(errors)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Example {
        #[expect(dead_code, reason = "only its reading is tested")]
        poll_every: u32,
    }

    #[test]
    fn unknown_keys_and_wrong_values_are_named_by_path() {
        let errors = read::<Example>(serde_json::json!({ "pol_every": 1, "poll_every": "often" }))
            .expect_err("two mistakes");
        assert!(
            errors.iter().any(|error| error.path == "poll_every"),
            "{errors:?}"
        );
        let errors = read::<Example>(serde_json::json!({ "pol_every": 1, "poll_every": 2 }))
            .expect_err("one mistake");
        assert_eq!(errors[0].path, "pol_every");
        assert!(errors[0].is_unknown_key);
    }
}
