//! Holds a value against a schema of the description; knows as much of JSON Schema as that uses.

use serde_json::Value;

/// What is wrong with a value, each with its place; empty when it fits.
pub(super) fn misfits(document: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        let target = document.pointer(name.trim_start_matches('#'));
        let target = target.unwrap_or_else(|| panic!("{name} leads nowhere"));
        return misfits(document, target, value, at);
    }
    if let Some(choices) = schema.get("oneOf").and_then(Value::as_array) {
        let tries: Vec<_> = choices
            .iter()
            .map(|choice| misfits(document, choice, value, at))
            .collect();
        let fitting = tries.iter().filter(|wrong| wrong.is_empty()).count();
        return match fitting {
            1 => Vec::new(),
            _ => tries.into_iter().flatten().collect(),
        };
    }
    let mut wrong = Vec::new();
    if let Some(kind) = schema.get("type").and_then(Value::as_str) {
        let fits = match kind {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "null" => value.is_null(),
            other => panic!("{other} is no type"),
        };
        if !fits {
            wrong.push(format!("{at}: {value} is no {kind}"));
        }
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array)
        && !words.contains(value)
    {
        wrong.push(format!("{at}: {value} is none of the words"));
    }
    if schema.get("format").and_then(Value::as_str) == Some("date-time")
        && !value
            .as_str()
            .is_some_and(|text| text.ends_with('Z') && text.parse::<domain::Time>().is_ok())
    {
        wrong.push(format!("{at}: {value} is no time"));
    }
    if let (Some(of), Some(items)) = (schema.get("items"), value.as_array()) {
        for (index, item) in items.iter().enumerate() {
            wrong.extend(misfits(document, of, item, &format!("{at}[{index}]")));
        }
    }
    if let Some(members) = value.as_object() {
        let required = schema.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            if !members.contains_key(name) {
                wrong.push(format!("{at}: {name} is missing"));
            }
        }
        for (name, member) in members {
            let at = format!("{at}.{name}");
            let property = schema.get("properties").and_then(|known| known.get(name));
            match (property, schema.get("additionalProperties")) {
                (Some(of), _) => wrong.extend(misfits(document, of, member, &at)),
                (None, Some(Value::Bool(false))) => wrong.push(format!("{at} is not described")),
                (None, Some(of)) if of.is_object() => {
                    wrong.extend(misfits(document, of, member, &at));
                }
                (None, _) => {}
            }
        }
    }
    wrong
}

#[test]
fn what_does_not_fit_is_found() {
    let document = serde_json::json!({ "a": { "type": "integer" } });
    let schema = serde_json::json!({
        "type": "object",
        "properties": {
            "n": { "$ref": "#/a" },
            "t": { "oneOf": [{ "type": "string", "format": "date-time" }, { "type": "null" }] },
            "l": { "type": "array", "items": { "type": "string", "enum": ["x"] } },
        },
        "required": ["n"],
        "additionalProperties": false,
    });
    for (value, is_fit) in [
        (serde_json::json!({ "n": 1, "t": null, "l": ["x"] }), true),
        (
            serde_json::json!({ "n": 1, "t": "2026-11-21T10:00:00Z" }),
            true,
        ),
        (serde_json::json!({ "t": null }), false),
        (serde_json::json!({ "n": "1" }), false),
        (serde_json::json!({ "n": 1.5 }), false),
        (serde_json::json!({ "n": 1, "t": "today" }), false),
        (serde_json::json!({ "n": 1, "l": ["y"] }), false),
        (serde_json::json!({ "n": 1, "more": 1 }), false),
        (serde_json::json!([]), false),
    ] {
        assert_eq!(
            misfits(&document, &schema, &value, "").is_empty(),
            is_fit,
            "{value}"
        );
    }
}
