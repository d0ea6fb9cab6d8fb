//! What goes across the port, held against the official descriptions: requests of the connectors and
//! answers of the twins, by the OpenAPI files in the shared folder.
//!
//! Every test that uses the port checks every call in passing; without the shared folder nothing is
//! checked, and one test says so. A field that a description does not know is a mistake: what is sent
//! under a wrong name is silently lost at the real channel.

use std::{collections::BTreeMap, path::Path, sync::OnceLock};

use serde_json::Value;

/// A description, and the path below which it holds.
struct Description {
    below: &'static str,
    file: &'static str,
    json: Value,
}

/// Channels that publish a description of this kind.
const FILES: [(&str, &str, &str); 5] = [
    ("square", "", "square/square-2025-08-20.trimmed.json"),
    (
        "ebay",
        "/sell/fulfillment/v1",
        "ebay/sell_fulfillment_v1_oas3.json",
    ),
    (
        "ebay",
        "/sell/inventory/v1",
        "ebay/sell_inventory_v1_oas3.json",
    ),
    (
        "ebay",
        "/commerce/notification/v1",
        "ebay/commerce_notification_v1_oas3.json",
    ),
    (
        "ebay",
        "/developer/analytics/v1_beta",
        "ebay/developer_analytics_v1_beta_oas3.json",
    ),
];

/// What the descriptions have wrong or leave out, each known from elsewhere.
const EXCUSED: [&str; 2] = [
    // The prose of UpdateOrder names it, the list of codes does not.
    "errors[].code: \"VERSION_MISMATCH\"",
    // eBay's answers have it, and the cancellation of an order wants it.
    ".legacyOrderId is not described",
];

/// How deep a body is followed.
const DEPTH_MAX: usize = 40;

fn descriptions() -> &'static BTreeMap<&'static str, Vec<Description>> {
    static READ: OnceLock<BTreeMap<&'static str, Vec<Description>>> = OnceLock::new();
    READ.get_or_init(|| {
        let mut read: BTreeMap<&'static str, Vec<Description>> = BTreeMap::new();
        let Some(shared) = std::env::var_os("ONESHELF_SHARED") else {
            return read;
        };
        for (channel, below, file) in FILES {
            let path = Path::new(&shared).join("specs").join(file);
            let text = std::fs::read(path).expect("an official description");
            let json = serde_json::from_slice(&text).expect("JSON");
            read.entry(channel)
                .or_default()
                .push(Description { below, file, json });
        }
        read
    })
}

/// Panics if a call is not as it is described.
pub(crate) fn check(
    channel: &str,
    request: &http::Request<Vec<u8>>,
    answer: &http::Response<Vec<u8>>,
) {
    let path = request.uri().path();
    if channel == "woocommerce" {
        let wrong = wrong_in_shop(request, answer);
        assert!(wrong.is_empty(), "{} {path}: {wrong:#?}", request.method());
    }
    for description in descriptions().get(channel).into_iter().flatten() {
        let Some(rest) = path.strip_prefix(description.below) else {
            continue;
        };
        let wrong = description.wrong(rest, request, answer);
        assert!(
            wrong.is_empty(),
            "{} {path} is not as in {}: {wrong:#?}",
            request.method(),
            description.file
        );
    }
}

impl Description {
    fn wrong(
        &self,
        path: &str,
        request: &http::Request<Vec<u8>>,
        answer: &http::Response<Vec<u8>>,
    ) -> Vec<String> {
        let method = request.method().as_str().to_lowercase();
        // Whoever asks for what is nowhere is refused, which is all that there is to say.
        let Some(operation) = self.operation(path, &method) else {
            return match answer.status().as_u16() {
                400.. => Vec::new(),
                _ => vec!["no such operation".to_owned()],
            };
        };
        let mut wrong = Vec::new();
        let schema = |content: &Value| content["content"]["application/json"]["schema"].clone();
        let is_taken = answer.status().is_success();
        if let Ok(body) = serde_json::from_slice::<Value>(request.body())
            && is_taken
        {
            let described = schema(self.resolved(&operation["requestBody"]));
            self.hold(&described, &body, "request", 0, &mut wrong);
        }
        let status = answer.status().as_u16().to_string();
        let described = self.resolved(&operation["responses"][&status]);
        if described.is_null() && is_taken {
            wrong.push(format!("status {status} is not described"));
        }
        match serde_json::from_slice::<Value>(answer.body()) {
            Ok(body) if !schema(described).is_null() => {
                self.hold(&schema(described), &body, "answer", 0, &mut wrong);
            }
            Ok(body) if !is_taken => {
                let error = &self.json["components"]["schemas"]["Error"];
                for one in body["errors"].as_array().into_iter().flatten() {
                    self.hold(error, one, "answer.errors[]", 0, &mut wrong);
                }
            }
            Ok(_) | Err(_) => {}
        }
        wrong.retain(|wrong| !EXCUSED.iter().any(|excuse| wrong.contains(excuse)));
        wrong
    }

    /// The operation of a path: the one with the fewest places for parameters.
    fn operation(&self, path: &str, method: &str) -> Option<&Value> {
        let path: Vec<&str> = path.trim_end_matches('/').split('/').collect();
        let paths = self.json["paths"].as_object()?.iter();
        let mut found: Vec<(usize, &Value)> = paths
            .filter_map(|(pattern, operations)| {
                let pattern: Vec<&str> = pattern.trim_end_matches('/').split('/').collect();
                let is_free = |part: &str| part.starts_with('{');
                let pairs = pattern.iter().zip(&path);
                let mut pairs = pairs.map(|(part, segment)| is_free(part) || part == segment);
                let fits = pattern.len() == path.len() && pairs.all(|fits| fits);
                let free = pattern.iter().filter(|part| is_free(part)).count();
                let operation = operations.get(method).filter(|_| fits)?;
                Some((free, operation))
            })
            .collect();
        found.sort_by_key(|(free, _)| *free);
        found.first().map(|(_, operation)| *operation)
    }

    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(name) => match name.strip_prefix('#') {
                Some(pointer) => self.json.pointer(pointer).unwrap_or(&Value::Null),
                // Leaves that are described in a file of their own.
                None => &Value::Null,
            },
            None => schema,
        }
    }

    /// Adds everything that is wrong with a value.
    fn hold(&self, schema: &Value, value: &Value, at: &str, depth: usize, wrong: &mut Vec<String>) {
        let schema = self.resolved(schema);
        if schema.is_null() || depth > DEPTH_MAX {
            return;
        }
        if let Some(words) = schema["enum"].as_array()
            && !words.contains(value)
        {
            wrong.push(format!("{at}: {value} is not one of the words"));
        }
        let kind = match schema["type"].as_str() {
            None if schema["properties"].is_object() => "object",
            None => return,
            Some(kind) => kind,
        };
        let fits = match kind {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            _ => true,
        };
        if !fits {
            let is_nothing = value.is_null() && schema["nullable"] == true;
            if !is_nothing {
                wrong.push(format!("{at}: {value} is not a value of type {kind}"));
            }
            return;
        }
        match value {
            Value::Object(fields) => {
                for name in schema["required"].as_array().into_iter().flatten() {
                    if name.as_str().is_some_and(|name| !fields.contains_key(name)) {
                        wrong.push(format!("{at}: {name} is missing"));
                    }
                }
                for (name, value) in fields {
                    let at = format!("{at}.{name}");
                    match (
                        schema["properties"].get(name),
                        &schema["additionalProperties"],
                    ) {
                        (Some(field), _) => self.hold(field, value, &at, depth + 1, wrong),
                        (None, Value::Object(_)) => {
                            let field = &schema["additionalProperties"];
                            self.hold(field, value, &at, depth + 1, wrong);
                        }
                        (None, _) if schema["properties"].is_object() => {
                            wrong.push(format!("{at} is not described"));
                        }
                        (None, _) => {}
                    }
                }
            }
            Value::Array(values) => {
                for value in values {
                    let at = format!("{at}[]");
                    self.hold(&schema["items"], value, &at, depth + 1, wrong);
                }
            }
            Value::String(text) => {
                let length = text.chars().count() as u64;
                if schema["maxLength"].as_u64().is_some_and(|max| length > max) {
                    wrong.push(format!("{at} is too long"));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// What the real shop was seen to answer although its description does not say so.
const OBSERVED: [&str; 4] = [
    "currency_symbol",
    "date_created_gmt",
    "date_modified_gmt",
    "name",
];

/// WooCommerce publishes what its routes take and tell, in a form of its own.
fn shop_routes() -> &'static Value {
    static READ: OnceLock<Value> = OnceLock::new();
    READ.get_or_init(|| {
        let Some(shared) = std::env::var_os("ONESHELF_SHARED") else {
            return Value::Null;
        };
        let file = "specs/woocommerce/wc-v3-rest-schema-11.0.1.json";
        let text = std::fs::read(Path::new(&shared).join(file)).expect("an official description");
        serde_json::from_slice(&text).expect("JSON")
    })
}

/// The resource that a path of WooCommerce names, whether it is a list, and whether it is a batch.
fn resource(path: &str) -> Option<(&'static str, bool, bool)> {
    let rest = path.split_once("/wp-json/wc/v3/")?.1;
    let parts: Vec<&str> = rest.trim_matches('/').split('/').collect();
    Some(match parts.as_slice() {
        ["orders"] => ("orders", true, false),
        ["orders", "batch"] => ("orders", false, true),
        ["orders", _] => ("orders", false, false),
        ["orders", _, "refunds"] => ("order_refunds", true, false),
        ["orders", _, "refunds", _] => ("order_refunds", false, false),
        ["orders", _, "notes"] => ("order_notes", true, false),
        ["orders", _, "notes", _] => ("order_notes", false, false),
        ["products"] => ("products", true, false),
        ["products", "batch"] => ("products", false, true),
        ["products", _] => ("products", false, false),
        ["products", _, "variations"] => ("product_variations", true, false),
        ["products", _, "variations", "batch"] => ("product_variations", false, true),
        ["products", _, "variations", _] => ("product_variations", false, false),
        ["webhooks"] => ("webhooks", true, false),
        ["webhooks", _] => ("webhooks", false, false),
        _ => return None,
    })
}

/// Everything of a call of WooCommerce that is described nowhere.
fn wrong_in_shop(
    request: &http::Request<Vec<u8>>,
    answer: &http::Response<Vec<u8>>,
) -> Vec<String> {
    let (described, is_taken) = (shop_routes(), answer.status().is_success());
    let Some((name, is_list, is_batch)) = resource(request.uri().path()) else {
        return Vec::new();
    };
    if described.is_null() || !is_taken {
        return Vec::new();
    }
    let schema = &described[name]["schema"];
    let fields = schema.get("properties").unwrap_or(schema);
    let mut wrong = Vec::new();
    let query = request.uri().query().unwrap_or_default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let parameter = pair.split(['=', '[', '%']).next().unwrap_or_default();
        // What the front door takes on every route.
        let is_common = parameter.starts_with("oauth_")
            || matches!(parameter, "_fields" | "context" | "force")
            || parameter.starts_with("consumer_");
        let known = &described[name]["collection_params"];
        let is_described = is_list && known.get(parameter).is_some();
        if !is_common && !is_described {
            wrong.push(format!("parameter {parameter} is not described"));
        }
    }
    let mut hold = |value: &Value, at: &str| {
        for key in value
            .as_object()
            .into_iter()
            .flat_map(|fields| fields.keys())
        {
            let is_common = matches!(key.as_str(), "id" | "_links" | "force");
            let is_observed = at == "answer" && OBSERVED.contains(&key.as_str());
            if !is_common && !is_observed && fields.get(key).is_none() {
                wrong.push(format!("{at}.{key} is not described"));
            }
        }
    };
    let request = serde_json::from_slice::<Value>(request.body()).unwrap_or_default();
    let answer = serde_json::from_slice::<Value>(answer.body()).unwrap_or_default();
    for (body, at) in [(request, "request"), (answer, "answer")] {
        let lists = ["create", "update", "delete"].map(|kind| body[kind].clone());
        match &body {
            Value::Array(things) => things.iter().for_each(|thing| hold(thing, at)),
            _ if is_batch => {
                let items = lists.iter().filter_map(Value::as_array).flatten();
                let items = items.filter(|item| item.get("error").is_none());
                items.for_each(|item| hold(item, at));
            }
            body => hold(body, at),
        }
    }
    wrong
}

#[test]
fn what_is_not_described_is_found() {
    if descriptions().is_empty() {
        tests::skipped(
            "what_is_not_described_is_found",
            "ONESHELF_SHARED is not set",
        );
        return;
    }
    let square = &descriptions()["square"][0];
    let wrong = |body: &str, answer: &str| {
        let request = http::Request::post("http://127.0.0.1/v2/orders/search")
            .body(body.as_bytes().to_vec())
            .expect("a request");
        let answer = http::Response::new(answer.as_bytes().to_vec());
        square.wrong("/v2/orders/search", &request, &answer)
    };
    let fine = r#"{"location_ids":["L"],"limit":5}"#;
    assert_eq!(wrong(fine, r#"{"orders":[]}"#), Vec::<String>::new());
    for (body, answer) in [
        (r#"{"locations":["L"]}"#, "{}"),
        (r#"{"limit":"5"}"#, "{}"),
        (fine, r#"{"orders":{}}"#),
        (
            fine,
            r#"{"orders":[{"id":"O","location_id":"L","state":"LOST"}]}"#,
        ),
        (fine, r#"{"orders":[{"id":"O"}]}"#),
    ] {
        assert_eq!(wrong(body, answer).len(), 1, "{body} {answer}");
    }
}

#[test]
fn what_the_shop_does_not_take_is_found() {
    if shop_routes().is_null() {
        let why = "ONESHELF_SHARED is not set";
        return tests::skipped("what_the_shop_does_not_take_is_found", why);
    }
    let wrong = |method: &str, path: &str, body: &str, answer: &str| {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("http://127.0.0.1/wp-json/wc/v3/{path}"))
            .body(body.as_bytes().to_vec())
            .expect("a request");
        let answer = http::Response::new(answer.as_bytes().to_vec());
        wrong_in_shop(&request, &answer).len()
    };
    assert_eq!(wrong("GET", "orders?page=2&status%5B%5D=any", "", "[]"), 0);
    assert_eq!(wrong("GET", "orders?pages=2", "", "[]"), 1);
    assert_eq!(
        wrong("PUT", "products/7", r#"{"stock_quantity":1}"#, "{}"),
        0
    );
    assert_eq!(wrong("PUT", "products/7", r#"{"stock":1}"#, "{}"), 1);
    assert_eq!(wrong("GET", "orders/7", "", r#"{"id":7,"state":"x"}"#), 1);
    let batch = r#"{"update":[{"id":7,"stock":1}]}"#;
    assert_eq!(wrong("POST", "products/batch", batch, "{}"), 1);
}
