//! The description of the API in OpenAPI 3.1, made from the table of routes.

use serde_json::{Map, Value, json};

use crate::{
    access::Access,
    problem,
    routes::{Gives, Route, routes},
    schemas,
    write::KEY_HEADER,
};

/// What a query may hold: name, schema, and what it means.
const PARAMETERS: &[(&str, &str, &str)] = &[
    ("account", "string", "Only of this account."),
    ("external_id", "string", "Only with this id on its channel."),
    ("phase", "string", "Only in this phase."),
    (
        "what",
        "string",
        "Only differences of this: `price`, `title` or `barcode`.",
    ),
    ("tag", "string", "Only with this tag, which a rule gave it."),
    ("name", "string", "The name of what is meant."),
    (
        "q",
        "string",
        "Only with this number, id, SKU or tracking number; where none is called so, what begins so.",
    ),
    (
        "newest_first",
        "boolean",
        "The newest first; otherwise the oldest.",
    ),
    (
        "since",
        "string",
        "Only of this time or later: RFC 3339. For units at risk also how long ago, as `24h`: how they \
         developed since then.",
    ),
    (
        "step",
        "string",
        "How long a step is, in whole minutes, hours or days: `15m`, `1h`, `1d`.",
    ),
    (
        "at",
        "string",
        "As it was at this time: RFC 3339, or how long ago, as `2h ago`.",
    ),
    (
        "within",
        "string",
        "What is over within this time: `36h`, `7d`; two days when it is not said.",
    ),
    ("sku", "string", "Only of this item."),
    (
        "days",
        "integer",
        "Of so many days, today included: 7, 30 or 90; 30 when it is not said.",
    ),
    (
        "parked",
        "boolean",
        "Only those that wait for a person, or only the others.",
    ),
    (
        "suppressed",
        "boolean",
        "Only those that are told nothing, or only the others.",
    ),
    (
        "state",
        "string",
        "Only in this state: `parked` or `waiting` of what is to be sent or read; of what is due `late`, `at_risk`, \
         `today` or `later`; how far it is of a task. All when it is not said.",
    ),
    (
        "open",
        "boolean",
        "Only those that are open, or only those that are settled.",
    ),
    ("hide_skus", "boolean", "Take SKUs out too."),
    (
        "hide_accounts",
        "boolean",
        "Take the names of accounts out too.",
    ),
    (
        "dry_run",
        "boolean",
        "Change nothing, and answer with a WritePreview.",
    ),
    ("by", "string", "Who does it."),
    (
        "by_hand",
        "boolean",
        "Whether it was seen to where it was bought already.",
    ),
    (
        "provider",
        "string",
        "Of this provider of labels; of the only one when it is not said.",
    ),
    (
        "format",
        "string",
        "`pdf` or `html`; what `Accept` prefers when it is not said, else PDF.",
    ),
    (
        "language",
        "string",
        "`en`, `de` or `es`; that of the order when it is not said.",
    ),
    ("shipment", "string", "Of this parcel."),
    (
        "orders",
        "string",
        "The ids of the orders, with commas between them.",
    ),
    ("sequence", "string", "`by_order` or `by_location`."),
    ("line", "integer", "Only of this line."),
    (
        "location",
        "string",
        "Only at this location; of a dry run, as if it were named.",
    ),
    (
        "cursor",
        "string",
        "The `next` of the page before, unchanged.",
    ),
    (
        "limit",
        "integer",
        "How many items a page has at most: 1 to 200, 50 when it is not said.",
    ),
];

/// The whole description.
pub fn openapi() -> Value {
    let mut paths = Map::new();
    for route in routes() {
        let path = paths
            .entry(route.path)
            .or_insert_with(|| json!({ "parameters": in_path(route.path) }));
        path[route.method.to_ascii_lowercase()] = operation(&route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Oneshelf admin API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Orders, stock and listings of all accounts. Quantities are in whole units; \
                what was never counted is null, which is not zero. Lists come in pages: pass `next` on \
                as `cursor` until it is null. A page may hold fewer items than its limit.",
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": schemas::all(),
            "responses": { "Problem": {
                "description": "It was not done. `code` says why, and `type` is a page about it.",
                "content": { problem::CONTENT_TYPE: { "schema": schemas::reference("Problem") } },
            } },
        },
    })
}

fn in_path(path: &str) -> Vec<Value> {
    let names = path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let parameter = |name: &str| {
        json!({
            "name": name,
            "in": "path",
            "required": true,
            "schema": { "type": if name == "line" { "integer" } else { "string" } },
        })
    };
    names.map(parameter).collect()
}

fn operation(route: &Route) -> Value {
    let status = route.status.to_string();
    let mut operation = json!({
        "summary": route.summary,
        "operationId": operation_id(route),
        "responses": { status: answer(route) },
    });
    match route.access {
        Access::Open => operation["security"] = json!([]),
        Access::Token => {
            let problem = json!({ "$ref": "#/components/responses/Problem" });
            operation["responses"]["default"] = problem;
        }
    }
    let mut parameters: Vec<Value> = route.query.iter().copied().map(in_query).collect();
    if route.method != "GET" {
        parameters.push(json!({
            "name": KEY_HEADER,
            "in": "header",
            "description": "The same key with the same request is done once, and answered the same.",
            "schema": { "type": "string", "maxLength": 200 },
        }));
    }
    if !parameters.is_empty() {
        operation["parameters"] = json!(parameters);
    }
    if let Some(schema) = route.takes {
        operation["requestBody"] = json!({
            "required": schema != "Nothing",
            "content": { "application/json": { "schema": schemas::reference(schema) } },
        });
    }
    operation
}

fn in_query(name: &str) -> Value {
    let known = PARAMETERS.iter().find(|(known, ..)| *known == name);
    let (_, kind, description) = known.expect("a test looks every parameter up");
    let schema = match *kind {
        "date-time" => json!({ "type": "string", "format": "date-time" }),
        kind => json!({ "type": kind }),
    };
    json!({ "name": name, "in": "query", "description": description, "schema": schema })
}

fn answer(route: &Route) -> Value {
    let content = match route.gives {
        // A write that is only tried answers with what it would do.
        Gives::One(schema) if route.query.contains(&"dry_run") => {
            let either = [schema, "WritePreview"].map(schemas::reference);
            json!({ "application/json": { "schema": { "oneOf": either } } })
        }
        Gives::One(schema) => {
            json!({ "application/json": { "schema": schemas::reference(schema) } })
        }
        Gives::Page(schema) => json!({ "application/json": { "schema": {
            "type": "object",
            "properties": {
                "items": { "type": "array", "items": schemas::reference(schema) },
                "next": { "oneOf": [{ "type": "string" }, { "type": "null" }] },
            },
            "required": ["items", "next"],
            "additionalProperties": false,
        } } }),
        Gives::Drawn => {
            let file = json!({ "schema": { "type": "string", "format": "binary" } });
            let page = json!({ "schema": { "type": "string" } });
            json!({ "application/pdf": file, "text/html": page })
        }
        Gives::Text(kind) => json!({ kind: { "schema": { "type": "string" } } }),
    };
    json!({ "description": "It was done.", "content": content })
}

/// `GET /api/v1/orders/{order}/timeline` is `get_orders_order_timeline`.
fn operation_id(route: &Route) -> String {
    let path = route.path.trim_start_matches("/api/v1");
    let words = path
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let mut id = route.method.to_ascii_lowercase();
    for word in words {
        id.push('_');
        id.push_str(word);
    }
    id
}
