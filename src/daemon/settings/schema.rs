//! Reading a JSON schema by the path of a value: which keys there are, what is a secret.
//!
//! It knows as much of JSON Schema as `schemars` writes for plain structs, and answers "nothing
//! known" to everything else.

use serde_json::Value;

/// The schema of the value at a path.
pub(super) fn at<'a>(root: &'a Value, path: &[String]) -> Option<&'a Value> {
    let mut node = resolve(root, root);
    for step in path {
        let property = node.get("properties").and_then(|all| all.get(step));
        let entry = || {
            node.get("additionalProperties")
                .filter(|schema| schema.is_object())
        };
        let element = || step.parse::<usize>().ok().and_then(|_| node.get("items"));
        node = resolve(root, property.or_else(entry).or_else(element)?);
    }
    Some(node)
}

/// Follows references, and takes what an optional value is when it is there.
fn resolve<'a>(root: &'a Value, mut node: &'a Value) -> &'a Value {
    const HOPS_MAX: usize = 16;
    for _ in 0..HOPS_MAX {
        let target = node
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|name| root.pointer(name.strip_prefix('#')?));
        let choice = node
            .get("anyOf")
            .and_then(Value::as_array)
            .and_then(|choices| choices.iter().find(|choice| !is_null(choice)));
        match target.or(choice) {
            Some(next) => node = next,
            None => break,
        }
    }
    node
}

fn is_null(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("null")
}

/// The keys that a table may have; empty when anything goes.
pub(super) fn keys(node: &Value) -> Vec<&str> {
    let properties = node.get("properties").and_then(Value::as_object);
    properties
        .into_iter()
        .flat_map(|all| all.keys().map(String::as_str))
        .collect()
}

/// The keys that a table must have.
pub(super) fn required(node: &Value) -> Vec<&str> {
    let names = node.get("required").and_then(Value::as_array);
    names
        .into_iter()
        .flat_map(|all| all.iter().filter_map(Value::as_str))
        .collect()
}

/// The words that a text may be; empty when it is free.
pub(super) fn words(node: &Value) -> Vec<&str> {
    let listed = node.get("enum").and_then(Value::as_array);
    let listed = listed.into_iter().flatten().filter_map(Value::as_str);
    let described = node.get("oneOf").and_then(Value::as_array);
    let described = described.into_iter().flatten().flat_map(|choice| {
        let one = choice.get("const").and_then(Value::as_str);
        let many = choice.get("enum").and_then(Value::as_array);
        one.into_iter()
            .chain(many.into_iter().flatten().filter_map(Value::as_str))
    });
    listed.chain(described).collect()
}

/// Whether the value must not be shown.
pub(super) fn is_secret(node: &Value) -> bool {
    node.get("format").and_then(Value::as_str) == Some("password")
}

/// Whether the value is a table of its own.
pub(super) fn is_table(node: &Value) -> bool {
    node.get("type").and_then(Value::as_str) == Some("object")
}

/// What a key of a table is for: the first paragraph of its comment.
pub(super) fn purpose<'a>(table: &'a Value, key: &str) -> Option<&'a str> {
    let property = table.get("properties")?.get(key)?;
    let text = property.get("description")?.as_str()?;
    text.split("\n\n").next()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split('/').map(str::to_owned).collect()
    }

    #[test]
    fn schemas_are_walked() {
        let root = json!({
            "type": "object",
            "properties": {
                "key": { "type": "string", "format": "password", "description": "A.\n\nB." },
                "mode": { "oneOf": [{ "const": "a" }, { "enum": ["b", "c"] }] },
                "list": { "type": "array", "items": { "$ref": "#/$defs/Entry" } },
                "some": { "anyOf": [{ "type": "null" }, { "$ref": "#/$defs/Entry" }] },
                "map": { "type": "object", "additionalProperties": { "enum": ["x"] } },
            },
            "required": ["key"],
            "$defs": {
                "Entry": { "type": "object", "properties": { "sku": {} } },
                "Loop": { "$ref": "#/$defs/Loop" },
            },
        });
        let node = |text: &str| at(&root, &path(text));
        assert!(node("key").is_some_and(is_secret));
        assert_eq!(purpose(&root, "key"), Some("A."));
        assert_eq!(node("mode").map(words), Some(vec!["a", "b", "c"]));
        assert_eq!(node("list/3").map(keys), Some(vec!["sku"]));
        assert_eq!(node("some").map(keys), Some(vec!["sku"]));
        assert!(node("some").is_some_and(is_table));
        assert_eq!(node("map/any").map(words), Some(vec!["x"]));
        assert_eq!(node("none"), None);
        assert_eq!(required(&root), ["key"]);
        let looping = json!({ "$ref": "#" });
        assert!(at(&looping, &[]).is_some());
    }
}
