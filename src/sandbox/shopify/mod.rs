//! A Shopify shop: the part of the GraphQL Admin API that sells, counts and ships.
//!
//! Requests are really read (`lexer`, `reader`), held against the shop's schema (`schema`), priced
//! and answered with what they select (`answer`). `world` and `effects` are the shop, `views` is what
//! it says of itself, `queries` and `mutations` are the roots, `acts` are people, `access` admits and meters, `hooks`
//! and `bodies` tell the outside.
//!
//! Its quirks: the search for orders lags two seconds while reading by id does not; some baskets are
//! split over two fulfillment orders; canceling is a job; a stale entry fails a whole write of
//! levels; hooks come doubled and out of order.

mod access;
mod acts;
mod answer;
mod bodies;
mod captures;
mod document;
mod effects;
mod hooks;
mod keys;
mod levels;
mod lexer;
mod mutations;
mod order;
mod queries;
mod reader;
mod schema;
mod search;
mod subscriptions;
#[cfg(test)]
mod tests;
mod views;
mod world;

use std::collections::BTreeMap;

use domain::{Sku, Time};
use serde_json::{Map, Value, json};

use crate::{Act, Delivery, Done, Refused, Request, Response, Shop, Truth, Twin};

use self::{
    access::{Access, Bucket},
    answer::{Request as Query, merge, object},
    document::Directive,
    keys::Keys,
    schema::Schema,
    world::World,
};

/// The version that this shop speaks, whichever of those that it still serves is asked for.
const VERSION: &str = "2026-10";
/// The oldest that it serves; older ones are answered with it.
const VERSION_OLDEST: &str = "2026-01";
/// A single request may cost so much.
const COST_MAX: u64 = 1000;

/// Opens a shop.
pub(crate) fn open(shop: Shop) -> Box<dyn Twin> {
    let world = World::new(&shop);
    Box::new(Shopify {
        api_url: shop.api_url.trim_end_matches('/').to_owned(),
        access: Access::new(&world.shop, &world.hooks.secret),
        world,
        schema: Schema::new(),
        bucket: Bucket::new(),
        keys: Keys::default(),
        requests: 0,
    })
}

struct Shopify {
    api_url: String,
    world: World,
    schema: Schema,
    access: Access,
    bucket: Bucket,
    keys: Keys,
    requests: u64,
}

impl Twin for Shopify {
    fn channel(&self) -> &'static str {
        "shopify"
    }

    fn settings(&self) -> Value {
        json!({
            "shop": self.world.shop,
            "api_url": self.api_url,
            "api_version": VERSION,
            "location_id": self.world.location.to_string(),
            "client_secret": self.access.client_secret,
            "client_credentials": { "client_id": self.access.client_id },
        })
    }

    fn handle(&mut self, request: &Request, now: Time) -> Response {
        self.requests += 1;
        self.world.tick(now);
        let base = url::Url::parse(&self.api_url).map(|url| url.path().to_owned());
        let base = base.unwrap_or_default();
        let path = request.uri().path();
        let path = path
            .strip_prefix(base.trim_end_matches('/'))
            .unwrap_or(path);
        if request.method() != http::Method::POST {
            return respond(404, VERSION, &json!({ "errors": "Not Found" }));
        }
        if path == "/admin/oauth/access_token" {
            return self.token(request, now);
        }
        let version = path
            .strip_prefix("/admin/api/")
            .and_then(|rest| rest.strip_suffix("/graphql.json"))
            .and_then(served);
        let Some(version) = version else {
            return respond(404, VERSION, &json!({ "errors": "Not Found" }));
        };
        let token = request.headers().get("x-shopify-access-token");
        let token = token
            .and_then(|token| token.to_str().ok())
            .unwrap_or_default();
        if !self.access.admits(token, now) {
            let errors = "[API] Invalid API key or access token (unrecognized login or wrong \
                          password)";
            return respond(401, version, &json!({ "errors": errors }));
        }
        match serde_json::from_slice::<Value>(request.body()) {
            Ok(body) if body["query"].is_string() => {
                respond(200, version, &self.graphql(&body, now))
            }
            Ok(_) | Err(_) => {
                let errors = json!({ "query": "Required parameter missing or invalid" });
                respond(400, version, &json!({ "errors": errors }))
            }
        }
    }

    fn take_deliveries(&mut self, now: Time) -> Vec<Delivery> {
        self.world.tick(now);
        self.world.hooks.take(now)
    }

    fn delivered(&mut self, delivery: u64, status: Option<u16>, now: Time) {
        self.world.hooks.delivered(delivery, status, now);
    }

    fn next_delivery_at(&self) -> Option<Time> {
        let jobs = self.world.jobs.iter().map(|job| job.due);
        jobs.chain(self.world.hooks.next_due()).min()
    }

    fn act(&mut self, act: &Act, now: Time) -> Result<Done, Refused> {
        self.world.tick(now);
        self.perform(act, now)
    }

    fn levels(&self) -> BTreeMap<Sku, i64> {
        let variants = self.world.variants.iter();
        variants
            .filter(|variant| variant.is_tracked)
            .map(|variant| (variant.sku.clone(), variant.available))
            .collect()
    }

    fn truth(&self) -> Truth {
        Truth {
            orders: self
                .world
                .orders
                .values()
                .map(|order| self.world.true_order(order))
                .collect(),
            levels: self.levels(),
            level_writes: self.world.level_writes.clone(),
            restocks: self.world.restocks.clone(),
            writes: self.world.writes,
            requests: self.requests,
        }
    }

    fn throttled(&self) -> Response {
        respond(200, VERSION, &throttled(Bucket::empty()))
    }

    fn expire_tokens(&mut self) {
        self.access.expire();
    }
}

impl Shopify {
    fn token(&mut self, request: &Request, now: Time) -> Response {
        let body = request.body();
        let form = serde_json::from_slice::<Value>(body).unwrap_or_else(|_| {
            let pairs = url::form_urlencoded::parse(body);
            let pairs = pairs.map(|(key, value)| (key.into_owned(), json!(value)));
            Value::Object(pairs.collect::<Map<_, _>>())
        });
        let (status, body) = self.access.grant(&form, now);
        respond(status, VERSION, &body)
    }

    /// One request, from its text to its answer.
    fn graphql(&mut self, body: &Value, now: Time) -> Value {
        let text = body["query"].as_str().unwrap_or_default();
        let document = match reader::read_document(text) {
            Ok(document) => document,
            Err(error) => {
                let location = json!([{ "line": error.line, "column": 1 }]);
                return json!({ "errors": [{ "message": error.message, "locations": location }] });
            }
        };
        let wanted = body["operationName"].as_str();
        let mut operations = document.operations.iter();
        let operation = match wanted {
            Some(_) => operations.find(|operation| operation.name.as_deref() == wanted),
            None if document.operations.len() == 1 => operations.next(),
            None => None,
        };
        let Some(operation) = operation else {
            return fault("An operation name is required", "BAD_REQUEST");
        };
        let errors = self.schema.check(&document, operation);
        if !errors.is_empty() {
            return json!({ "errors": errors });
        }
        let variables = match self.schema.variables(operation, &body["variables"]) {
            Ok(variables) => variables,
            Err(error) => return json!({ "errors": [error] }),
        };
        let query = Query {
            schema: &self.schema,
            document: &document,
            operation,
            variables,
        };
        let requested = match query.requested_cost() {
            Ok(cost) => cost,
            Err(message) => return fault(&message, "BAD_REQUEST"),
        };
        if requested > COST_MAX {
            let message = format!(
                "Query cost is {requested}, which exceeds the single query max cost limit \
                 ({COST_MAX})."
            );
            let mut answer = fault(&message, "MAX_COST_EXCEEDED");
            answer["errors"][0]["extensions"]["cost"] = json!(requested);
            answer["errors"][0]["extensions"]["maxCost"] = json!(COST_MAX);
            return answer;
        }
        if !self.bucket.admits(requested, now) {
            return throttled(self.bucket.extension(requested, None));
        }
        let (data, errors) = carry_out(&query, &mut self.world, &mut self.keys, now);
        let actual = query.actual_cost(&data).min(requested);
        self.bucket.charge(actual);
        let extensions = self.bucket.extension(requested, Some(actual));
        let mut answer = object([("data", data), ("extensions", extensions)]);
        if !errors.is_empty() {
            answer["errors"] = json!(errors);
        }
        answer
    }
}

/// Every root field in its order; one that fails is null and has an error.
fn carry_out(
    query: &Query<'_>,
    world: &mut World,
    keys: &mut Keys,
    now: Time,
) -> (Value, Vec<Value>) {
    let mut data = Map::new();
    let mut errors = Vec::new();
    for (field, arguments) in query.roots() {
        if field.name == "__typename" {
            let name = schema::root_type(query.operation);
            data.insert(field.key.clone(), json!(name));
            continue;
        }
        let resolved = if query.operation.is_mutation {
            let key = idempotency_key(&field.directives, &query.variables);
            mutations::resolve(world, keys, &field.name, &arguments, key.as_deref(), now)
                .map_err(|mutations::Fault(message, code)| (message, code))
        } else {
            queries::resolve(world, &field.name, &arguments, now)
                .map_err(|message| (message, "BAD_REQUEST"))
        };
        let resolved = resolved.and_then(|value| {
            let part = query.project_root(field, &value, &|gid| world.node_view(gid));
            part.map_err(|message| (message, "BAD_REQUEST"))
        });
        let value = resolved.unwrap_or_else(|(message, code)| {
            errors.push(json!({
                "message": message,
                "locations": [{ "line": field.line, "column": 1 }],
                "path": [field.key],
                "extensions": { "code": code },
            }));
            Value::Null
        });
        merge(&mut data, &field.key, value);
    }
    (Value::Object(data), errors)
}

fn idempotency_key(directives: &[Directive], variables: &Map<String, Value>) -> Option<String> {
    let directive = directives.iter().find(|one| one.name == "idempotent")?;
    let (_, key) = directive.arguments.iter().find(|(name, _)| name == "key")?;
    key.value(variables).as_str().map(str::to_owned)
}

fn served(version: &str) -> Option<&str> {
    let is_version = version.len() == 7
        && version.bytes().enumerate().all(|(at, byte)| match at {
            4 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    match version {
        "unstable" => Some(version),
        _ if !is_version || version > VERSION => None,
        _ => Some(version.max(VERSION_OLDEST)),
    }
}

fn fault(message: &str, code: &str) -> Value {
    json!({ "errors": [{ "message": message, "extensions": { "code": code } }] })
}

fn throttled(extension: Value) -> Value {
    let mut answer = fault("Throttled", "THROTTLED");
    answer["extensions"] = extension;
    answer
}

fn respond(status: u16, version: &str, body: &Value) -> Response {
    http::Response::builder()
        .status(status)
        .header("content-type", "application/json; charset=utf-8")
        .header("x-shopify-api-version", version)
        .body(body.to_string().into_bytes())
        .expect("a status and plain headers make a response")
}
