//! Reading a value into a type with every mistake in it, not only the first.
//!
//! serde stops at the first wrong value. So a wrong value is noted, taken out, and the rest is read
//! again, until nothing is wrong: every type read here has defaults for everything.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::places::KeyPath;

/// Something wrong in a value, by the path from its root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// Which value.
    pub(super) path: KeyPath,
    /// What is wrong with it.
    pub(super) wrong: Wrong,
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wrong {
    /// Nobody reads it.
    UnknownKey,
    /// It cannot be read, in serde's words or our own.
    Value(String),
}

/// So many wrong values are told; a file with more is no configuration.
const FINDINGS_MAX: usize = 100;

/// Reads a value, and tells everything that is wrong with it. Wrong values are replaced by defaults.
pub(super) fn read<T: DeserializeOwned + Default>(value: &Value) -> (T, Vec<Finding>) {
    let mut rest = value.clone();
    let mut findings: Vec<Finding> = Vec::new();
    for _ in 0..FINDINGS_MAX {
        let mut unknown = Vec::new();
        let mut track = serde_path_to_error::Track::new();
        let tracked = serde_path_to_error::Deserializer::new(rest.clone(), &mut track);
        let read: Result<T, _> = serde_ignored::deserialize(tracked, |path| {
            unknown.push(ignored_path(&path));
        });
        let error = match read {
            Ok(read) => {
                findings.extend(unknown.into_iter().map(|path| Finding {
                    path,
                    wrong: Wrong::UnknownKey,
                }));
                return (read, findings);
            }
            Err(error) => error,
        };
        let path = error_path(&track.path());
        let is_taken_out = take_out(&mut rest, &path);
        findings.push(Finding {
            path,
            wrong: Wrong::Value(plain(&error.to_string())),
        });
        if !is_taken_out {
            break;
        }
    }
    (T::default(), findings)
}

fn ignored_path(path: &serde_ignored::Path<'_>) -> KeyPath {
    use serde_ignored::Path;
    let (parent, step) = match path {
        Path::Root => return Vec::new(),
        Path::Seq { parent, index } => (parent, Some(index.to_string())),
        Path::Map { parent, key } => (parent, Some(key.clone())),
        Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => (parent, None),
    };
    let mut steps = ignored_path(parent);
    steps.extend(step);
    steps
}

fn error_path(path: &serde_path_to_error::Path) -> KeyPath {
    use serde_path_to_error::Segment;
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(index.to_string()),
            Segment::Map { key } => Some(key.clone()),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

/// A path as a connector writes it (`lines[0].sku`, `lines.0.sku`, `token.?`).
pub(super) fn parse_path(text: &str) -> KeyPath {
    text.split(['.', '[', ']'])
        .filter(|step| !step.is_empty() && *step != "?")
        .map(str::to_owned)
        .collect()
}

/// The value at a path.
pub(super) fn get<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, step| match value {
        Value::Object(map) => map.get(step),
        Value::Array(list) => list.get(step.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })
}

/// The value at a path, to be changed.
pub(super) fn get_mut<'a>(value: &'a mut Value, path: &[String]) -> Option<&'a mut Value> {
    path.iter().try_fold(value, |value, step| match value {
        Value::Object(map) => map.get_mut(step),
        Value::Array(list) => list.get_mut(step.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })
}

/// Takes the value at a path out. A table in a list becomes an empty one, so that the others keep their
/// places; of a list of words all are taken out.
pub(super) fn take_out(value: &mut Value, path: &[String]) -> bool {
    let Some((last, outer)) = path.split_last() else {
        return false;
    };
    if matches!(get(value, outer), Some(Value::Array(list)) if !list.iter().any(Value::is_object)) {
        return take_out(value, outer);
    }
    match get_mut(value, outer) {
        Some(Value::Object(map)) => map.remove(last).is_some(),
        Some(Value::Array(list)) => {
            let element = last.parse::<usize>().ok().and_then(|at| list.get_mut(at));
            let is_news = element.as_ref().is_some_and(|e| **e != empty_table());
            element.into_iter().for_each(|e| *e = empty_table());
            is_news
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => false,
    }
}

fn empty_table() -> Value {
    Value::Object(serde_json::Map::new())
}

/// serde's sentence about a wrong value, in the words of someone who writes TOML.
pub(super) fn plain(sentence: &str) -> String {
    let parts = ["invalid type: ", "invalid value: "]
        .iter()
        .find_map(|start| sentence.strip_prefix(start))
        .and_then(|rest| rest.split_once(", expected "));
    match parts {
        Some((found, expected)) => {
            format!("expected {}, found {}", wanted(expected), seen(found))
        }
        None if sentence == "invalid socket address syntax" => {
            format!("expected {}", wanted("socket address"))
        }
        None => match sentence.strip_prefix("missing field ") {
            Some(field) => format!("the key {field} is missing"),
            None => sentence.to_owned(),
        },
    }
}

fn wanted(expected: &str) -> String {
    let words = match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "usize" => "a whole number from 0 on",
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" | "string" | "a borrowed string" => "a text",
        "a sequence" => "a list",
        "a map" => "a table",
        "socket address" => "an address and port such as \"127.0.0.1:8080\"",
        "path string" => "a path",
        other if other.starts_with("struct ") => "a table",
        other => other,
    };
    words.to_owned()
}

fn seen(found: &str) -> String {
    let quoted = |start: &str| {
        let inner = found.strip_prefix(start)?;
        Some(inner.trim_matches('`').to_owned())
    };
    if let Some(text) = quoted("string ") {
        return format!("the text {text}");
    }
    for number in ["integer ", "floating point "] {
        if let Some(digits) = quoted(number) {
            return format!("the number {digits}");
        }
    }
    match found {
        "map" => "a table".to_owned(),
        "sequence" => "a list".to_owned(),
        "null" => "nothing".to_owned(),
        other => quoted("boolean ").unwrap_or_else(|| other.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Example {
        count: u32,
        is_on: bool,
        list: Vec<Inner>,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Inner {
        name: String,
        note: Option<String>,
    }

    #[test]
    fn every_mistake_is_found_and_the_rest_is_read() {
        let value = json!({
            "count": "many", "is_on": 1, "other": {},
            "list": [{ "name": 5 }, 7, { "name": "c", "nam": 1 }, { "note": [] }],
        });
        let (read, findings) = read::<Example>(&value);
        let paths: Vec<String> = findings.iter().map(|found| found.path.join(".")).collect();
        assert_eq!(
            paths,
            [
                "count",
                "is_on",
                "list.0.name",
                "list.1",
                "list.3.note",
                "list.2.nam",
                "other"
            ]
        );
        assert_eq!((read.count, read.is_on), (0, false));
        assert_eq!(read.list[2].name, "c");
        assert_eq!(read.list[3].note, None);
        assert_eq!(
            findings[0].wrong,
            Wrong::Value("expected a whole number from 0 on, found the text \"many\"".into())
        );
    }

    #[test]
    fn a_root_that_is_no_table_is_one_mistake() {
        let (_, findings) = read::<Example>(&json!(5));
        assert_eq!(findings.len(), 1);
        assert!(findings[0].path.is_empty());
    }

    #[test]
    fn paths_of_connectors_are_read_in_every_form() {
        for text in ["lines[0].sku", "lines.0.sku", "lines.?.0.sku.?"] {
            assert_eq!(parse_path(text), ["lines", "0", "sku"], "{text}");
        }
        assert!(parse_path("").is_empty());
    }

    #[test]
    fn sentences_speak_of_toml() {
        for (sentence, told) in [
            (
                "invalid type: boolean `true`, expected a string",
                "expected a text, found true",
            ),
            (
                "invalid value: integer `-1`, expected u32",
                "expected a whole number from 0 on, found the number -1",
            ),
            ("missing field `url`", "the key `url` is missing"),
            ("it is odd", "it is odd"),
        ] {
            assert_eq!(plain(sentence), told);
        }
    }
}
