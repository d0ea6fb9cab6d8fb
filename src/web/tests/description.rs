//! The description of the API: every route is in it, and what it says can be relied upon.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{openapi, routes::routes};

#[test]
fn it_describes_every_route_and_nothing_else() {
    let document = openapi();
    let described: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .expect("paths")
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().expect("a path item").keys();
            methods
                .filter(|method| *method != "parameters")
                .map(move |method| (method.to_uppercase(), path.clone()))
        })
        .collect();
    let served: BTreeSet<(String, String)> = routes()
        .iter()
        .map(|route| (route.method.to_owned(), route.path.to_owned()))
        .collect();
    assert_eq!(described, served);
    assert_eq!(
        served.len(),
        routes().len(),
        "a route is in the table twice"
    );
}

#[test]
fn it_has_the_shape_of_openapi_3_1() {
    let document = openapi();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["info"]["title"].is_string() && document["info"]["version"].is_string());
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        assert!(path.starts_with('/'), "{path}");
        let in_path: BTreeSet<&str> = item["parameters"]
            .as_array()
            .expect("parameters")
            .iter()
            .map(|parameter| parameter["name"].as_str().expect("a name"))
            .collect();
        for name in &in_path {
            assert!(
                path.contains(&format!("{{{name}}}")),
                "{path} has no {name}"
            );
        }
        assert_eq!(in_path.len(), path.matches('{').count(), "{path}");
        for (method, operation) in item.as_object().expect("an item") {
            if method == "parameters" {
                continue;
            }
            assert!(
                ids.insert(operation["operationId"].to_string()),
                "{method} {path}"
            );
            let responses = operation["responses"].as_object().expect("responses");
            assert!(responses.keys().any(|status| status.starts_with('2')));
            let is_open = operation["security"] == serde_json::json!([]);
            assert_eq!(
                is_open,
                !responses.contains_key("default"),
                "{method} {path}"
            );
        }
    }
    for reference in references(&document) {
        let target = document.pointer(reference.trim_start_matches('#'));
        assert!(target.is_some(), "{reference} leads nowhere");
    }
    for name in document["components"]["schemas"]
        .as_object()
        .expect("schemas")
        .keys()
    {
        let used = format!("#/components/schemas/{name}");
        assert!(
            references(&document).contains(&used),
            "{name} is used nowhere"
        );
    }
}

fn references(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, member)| match member.as_str() {
                Some(text) if name == "$ref" => BTreeSet::from([text.to_owned()]),
                Some(_) | None => references(member),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(references).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => BTreeSet::new(),
    }
}
