//! The REST API: which route is which, who may take it, and the forms of every refusal.

use std::collections::BTreeMap;

use domain::Time;
use serde_json::{Value, json};

use super::{Woo, auth::Login};
use crate::{Request, Response};

/// A request that was understood.
pub(super) struct Call {
    pub(super) method: String,
    pub(super) query: BTreeMap<String, String>,
    pub(super) body: Value,
    pub(super) now: Time,
}

/// An answer before it is written.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Value,
    /// How many things there are in all, on an answer that is a page of them.
    pub(super) total: Option<(usize, usize)>,
}

/// What the shop refuses, in its own form.
#[derive(Debug, Clone)]
pub(super) struct Fail {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
    pub(super) data: Value,
}

pub(super) type Answered = Result<Reply, Fail>;

impl Fail {
    pub(super) fn new(status: u16, code: &str, message: &str) -> Fail {
        Fail {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
            data: json!({ "status": status }),
        }
    }

    /// A parameter of the wrong kind.
    pub(super) fn parameter(name: &str, code: &str, message: &str) -> Fail {
        Fail {
            data: json!({
                "status": 400,
                "params": { name: message },
                "details": { name: { "code": code, "message": message, "data": null } },
            }),
            ..Fail::new(
                400,
                "rest_invalid_param",
                &format!("Invalid parameter(s): {name}"),
            )
        }
    }

    pub(super) fn no_route() -> Fail {
        let message = "No route was found matching the URL and request method.";
        Fail::new(404, "rest_no_route", message)
    }

    /// Something that the real shop has, and this sandbox does not.
    pub(super) fn not_here(what: &str) -> Fail {
        let message = format!("This sandbox has no {what}.");
        Fail::new(501, "woocommerce_rest_not_in_sandbox", &message)
    }

    pub(super) fn body(&self) -> Value {
        json!({ "code": self.code, "message": self.message, "data": self.data })
    }
}

impl Reply {
    pub(super) fn ok(body: Value) -> Answered {
        Ok(Reply {
            status: 200,
            body,
            total: None,
        })
    }

    pub(super) fn created(body: Value) -> Answered {
        Ok(Reply {
            status: 201,
            body,
            total: None,
        })
    }
}

impl Call {
    /// A parameter of the query.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// A list of ids in the query, separated by commas.
    pub(super) fn ids(&self, name: &str) -> Option<Vec<u64>> {
        let text = self.param(name)?;
        Some(
            text.split(',')
                .filter_map(|id| id.trim().parse().ok())
                .collect(),
        )
    }

    /// One page of things, as the query asks for it.
    pub(super) fn page(&self, things: &[Value]) -> Answered {
        self.page_of(things, |thing| thing["id"].as_u64(), Value::clone)
    }

    /// The same of things that are only written as far as they are on the page.
    pub(super) fn page_of<T>(
        &self,
        things: &[T],
        id: impl Fn(&T) -> Option<u64>,
        json: impl Fn(&T) -> Value,
    ) -> Answered {
        let number = |name: &str, otherwise: usize| match self.param(name) {
            None => Ok(otherwise),
            Some(text) => text.parse::<usize>().map_err(|_| {
                let message = format!("{name} is not of type integer.");
                Fail::parameter(name, "rest_invalid_type", &message)
            }),
        };
        let (page, per_page) = (number("page", 1)?, number("per_page", 10)?);
        if !(1..=100).contains(&per_page) {
            let message = "per_page must be between 1 (inclusive) and 100 (inclusive)";
            return Err(Fail::parameter("per_page", "rest_out_of_bounds", message));
        }
        if page == 0 {
            let message = "page must be greater than or equal to 1";
            return Err(Fail::parameter("page", "rest_out_of_bounds", message));
        }
        let offset = match self.param("offset") {
            None => (page - 1).saturating_mul(per_page),
            Some(_) => number("offset", 0)?,
        };
        let excluded = self.ids("exclude").unwrap_or_default();
        let is_shown = |thing: &&T| !id(thing).is_some_and(|id| excluded.contains(&id));
        let found: Vec<&T> = things.iter().filter(is_shown).collect();
        let shown = found.iter().skip(offset).take(per_page);
        let shown: Vec<Value> = shown.map(|thing| json(thing)).collect();
        Ok(Reply {
            status: 200,
            body: shown.into(),
            total: Some((found.len(), found.len().div_ceil(per_page))),
        })
    }

    /// Refuses a filter that the real shop has and this one has not, because a list that silently
    /// holds too much is worse than none.
    pub(super) fn refuse(&self, filters: &[&str]) -> Result<(), Fail> {
        match filters.iter().find(|name| self.param(name).is_some()) {
            Some(name) => Err(Fail::not_here(&format!("filter {name}"))),
            None => Ok(()),
        }
    }

    /// The same call for one item of a batch.
    pub(super) fn part(&self, method: &str, body: Value) -> Call {
        Call {
            method: method.to_owned(),
            query: BTreeMap::new(),
            body,
            now: self.now,
        }
    }

    /// One of the words that a parameter allows.
    pub(super) fn word<'a>(&'a self, name: &str, words: &[&'a str]) -> Result<&'a str, Fail> {
        let word = self.param(name).unwrap_or(words[0]);
        if words.contains(&word) {
            return Ok(word);
        }
        let message = format!("{name} is not one of {}.", words.join(", "));
        Err(Fail::parameter(name, "rest_not_in_enum", &message))
    }

    pub(super) fn is_read(&self) -> bool {
        self.method == "GET"
    }

    /// `POST`, `PUT` and `PATCH` on a thing are the same to WordPress.
    pub(super) fn is_edit(&self) -> bool {
        matches!(self.method.as_str(), "POST" | "PUT" | "PATCH")
    }

    pub(super) fn is_create(&self) -> bool {
        self.method == "POST"
    }

    pub(super) fn is_delete(&self) -> bool {
        self.method == "DELETE"
    }

    pub(super) fn is_forced(&self) -> bool {
        self.is_true("force") || self.body["force"] == true
    }

    /// Whether a flag of the query is on. WordPress reads `True`, as Python writes it, like `true`.
    pub(super) fn is_true(&self, name: &str) -> bool {
        self.param(name)
            .is_some_and(|flag| matches!(flag.to_ascii_lowercase().as_str(), "true" | "1"))
    }
}

impl Woo {
    /// Answers a request.
    pub(super) fn answer(&mut self, request: &Request, now: Time) -> Response {
        let answered = self.understand(request, now);
        let mut reply = answered.unwrap_or_else(|fail| Reply {
            status: fail.status,
            body: fail.body(),
            total: None,
        });
        if reply.status < 400 {
            reply.body = selected(request, reply.body);
        }
        let mut response = http::Response::builder()
            .status(reply.status)
            .header("content-type", "application/json; charset=UTF-8");
        if let Some((total, pages)) = reply.total {
            response = response
                .header("x-wp-total", total.to_string())
                .header("x-wp-totalpages", pages.to_string());
            if let Some(links) = self.links(request, pages) {
                response = response.header("link", links);
            }
        }
        response
            .body(php_json(&reply.body).into_bytes())
            .expect("a response of numbers and constants")
    }

    fn understand(&mut self, request: &Request, now: Time) -> Answered {
        let path = request.uri().path().trim_matches('/');
        let root = url::Url::parse(&self.shop.api_url).ok();
        let root = root.as_ref().map_or("", |url| url.path().trim_matches('/'));
        let below = path.strip_prefix(root).unwrap_or(path).trim_matches('/');
        let segments: Vec<&str> = below.split('/').collect();
        let Some((&"wp-json", route)) = segments.split_first() else {
            return Err(Fail::no_route());
        };
        if route.is_empty() {
            return Reply::ok(self.index());
        }
        if route == ["wc", "v3"] {
            return Reply::ok(namespace());
        }
        let (space, resource) = match route {
            [space @ ("wc" | "wc-shipment-tracking"), "v3", resource @ ..] => (*space, resource),
            _ => return Err(Fail::no_route()),
        };
        let call = Call {
            method: request.method().to_string(),
            query: folded(request.uri().query().unwrap_or("")),
            body: read_body(request.body())?,
            now,
        };
        match self.login(request, now) {
            Login::Merchant => {}
            Login::Nobody => return Err(denied(&call, resource)),
            Login::Wrong(message) => {
                let code = "woocommerce_rest_authentication_error";
                return Err(Fail::new(401, code, message));
            }
        }
        let reply = self.route(space, resource, &call)?;
        let is_write = !call.is_read() && resource.first() != Some(&"webhooks");
        self.writes += u64::from(is_write);
        Ok(reply)
    }

    fn route(&mut self, space: &str, resource: &[&str], call: &Call) -> Answered {
        match (space, resource) {
            ("wc", ["orders", rest @ ..]) => self.order_route(rest, call),
            ("wc", ["products", rest @ ..]) => self.product_route(rest, call),
            ("wc", ["webhooks", rest @ ..]) => self.webhook_route(rest, call),
            ("wc", ["settings", group, id]) if call.is_read() => self.setting(group, id),
            ("wc", ["system_status"]) if call.is_read() => Reply::ok(json!({
                "environment": { "version": self.version(), "home_url": self.shop.api_url },
                "settings": { "currency": self.currency.code() },
            })),
            ("wc-shipment-tracking", ["orders", id, "shipment-trackings"])
                if self.options.has_shipment_tracking =>
            {
                self.tracking_route(id, call)
            }
            ("wc", [family, ..]) if ELSEWHERE.contains(family) => {
                Err(Fail::not_here(&format!("route /wc/v3/{family}")))
            }
            _ => Err(Fail::no_route()),
        }
    }

    /// Where the pages before and after this one are.
    fn links(&self, request: &Request, pages: usize) -> Option<String> {
        let query = request.uri().query().unwrap_or("");
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        let (pages_asked, others): (Vec<_>, Vec<_>) = pairs.partition(|(name, _)| name == "page");
        let page: usize = pages_asked
            .last()
            .map_or(Ok(1), |(_, page)| page.parse())
            .ok()?;
        let origin = url::Url::parse(&self.shop.api_url).ok()?;
        let origin = origin.origin().ascii_serialization();
        let link = |page: usize, rel: &str| {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(&others);
            query.append_pair("page", &page.to_string());
            let (path, query) = (request.uri().path(), query.finish());
            format!("<{origin}{path}?{query}>; rel=\"{rel}\"")
        };
        let before = (page > 1).then(|| link((page - 1).min(pages.max(1)), "prev"));
        let after = (page < pages).then(|| link(page + 1, "next"));
        let links: Vec<String> = before.into_iter().chain(after).collect();
        (!links.is_empty()).then(|| links.join(", "))
    }

    /// Carries out a batch: each item as a call of its own, with an answer of its own.
    pub(super) fn batch_of(
        &mut self,
        call: &Call,
        one: impl Fn(&mut Woo, Option<u64>, &Call) -> Answered,
    ) -> Answered {
        let kinds = [("create", "POST"), ("update", "PUT"), ("delete", "DELETE")];
        let items = |name: &str| call.body[name].as_array().map_or(0, Vec::len);
        if kinds.iter().map(|(name, _)| items(name)).sum::<usize>() > BATCH_MAX {
            return Err(Fail::new(
                413,
                "woocommerce_rest_request_entity_too_large",
                "Unable to accept more than 100 items for this request.",
            ));
        }
        let mut answers = json!({});
        for (name, method) in kinds {
            let Some(items) = call.body[name].as_array() else {
                continue;
            };
            let mut done = Vec::new();
            for item in items {
                let id = item["id"].as_u64().or(item.as_u64());
                let mut body = if item.is_object() {
                    item.clone()
                } else {
                    json!({})
                };
                if method == "DELETE" {
                    body["force"] = json!(true);
                }
                let id = id
                    .filter(|_| method != "POST")
                    .or((method != "POST").then_some(0));
                let answer = one(self, id, &call.part(method, body));
                done.push(match answer {
                    Ok(reply) => reply.body,
                    Err(fail) => json!({ "id": id.unwrap_or(0), "error": fail.body() }),
                });
            }
            answers[name] = json!(done);
        }
        Reply::ok(answers)
    }

    /// The public front page.
    fn index(&self) -> Value {
        json!({
            "name": format!("Shop {}", self.shop.name),
            "description": "",
            "url": self.shop.api_url,
            "home": self.shop.api_url,
            "gmt_offset": self.options.zone_minutes / 60,
            "namespaces": ["wc/v1", "wc/v2", "wc/v3", "wp/v2"],
        })
    }

    fn setting(&self, group: &str, id: &str) -> Answered {
        let value = match (group, id) {
            ("general", "woocommerce_currency") => self.currency.code(),
            ("products", "woocommerce_manage_stock") => "yes",
            _ => {
                let code = "rest_setting_setting_invalid";
                return Err(Fail::new(404, code, "Invalid setting."));
            }
        };
        Reply::ok(json!({ "id": id, "value": value, "default": "", "type": "select" }))
    }
}

/// The most items that one batch may have.
const BATCH_MAX: usize = 100;

/// Families of routes that a shop has, and this one has not.
const ELSEWHERE: [&str; 12] = [
    "coupons",
    "customers",
    "data",
    "payment_gateways",
    "refunds",
    "reports",
    "settings",
    "shipping",
    "shipping_methods",
    "system_status",
    "taxes",
    "variations",
];

/// The front page of the namespace: what this shop has of it.
fn namespace() -> Value {
    let routes = [
        ("/wc/v3/orders", "GET POST"),
        ("/wc/v3/orders/(?P<id>[\\d]+)", "GET POST PUT PATCH DELETE"),
        ("/wc/v3/orders/batch", "POST PUT PATCH"),
        ("/wc/v3/orders/(?P<order_id>[\\d]+)/notes", "GET POST"),
        ("/wc/v3/orders/(?P<order_id>[\\d]+)/refunds", "GET POST"),
        ("/wc/v3/products", "GET POST"),
        (
            "/wc/v3/products/(?P<id>[\\d]+)",
            "GET POST PUT PATCH DELETE",
        ),
        ("/wc/v3/products/batch", "POST PUT PATCH"),
        ("/wc/v3/products/(?P<product_id>[\\d]+)/variations", "GET"),
        ("/wc/v3/webhooks", "GET POST"),
        (
            "/wc/v3/webhooks/(?P<id>[\\d]+)",
            "GET POST PUT PATCH DELETE",
        ),
    ];
    let routes = routes.map(|(route, methods)| {
        let methods: Vec<&str> = methods.split(' ').collect();
        let route = route.to_owned();
        (route, json!({ "namespace": "wc/v3", "methods": methods }))
    });
    let routes: serde_json::Map<String, Value> = routes.into_iter().collect();
    json!({ "namespace": "wc/v3", "routes": routes })
}

/// A query by its names. A list may come as one text with commas, as `name[]`, or as `name[0]`; of a
/// plain name that comes twice the last counts.
fn folded(query: &str) -> BTreeMap<String, String> {
    let mut folded: BTreeMap<String, String> = BTreeMap::new();
    let mut lists: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()).into_owned() {
        match name.split_once('[') {
            Some((head, place)) if !head.is_empty() => {
                let list = lists.entry(head.to_owned()).or_default();
                let place = match place {
                    "]" => format!("{:06}", list.len()),
                    place => format!("{place:0>7}"),
                };
                list.insert(place, value);
            }
            Some(_) | None => {
                folded.insert(name, value);
            }
        }
    }
    for (name, list) in lists {
        let values: Vec<String> = list.into_values().collect();
        folded.insert(name, values.join(","));
    }
    folded
}

/// The fields that `_fields` asks for: `id`, or `billing.email` for one of an object.
fn selected(request: &Request, body: Value) -> Value {
    let query = folded(request.uri().query().unwrap_or(""));
    let asked = query.get("_fields").map_or("", String::as_str);
    let asked: Vec<&str> = asked.split(',').map(str::trim).collect();
    let asked: Vec<&str> = asked.into_iter().filter(|name| !name.is_empty()).collect();
    match body {
        _ if asked.is_empty() => body,
        Value::Array(things) => things
            .into_iter()
            .map(|thing| pick(&thing, &asked))
            .collect(),
        thing => pick(&thing, &asked),
    }
}

fn pick(thing: &Value, asked: &[&str]) -> Value {
    let Some(fields) = thing.as_object() else {
        return thing.clone();
    };
    let picked = fields.iter().filter_map(|(name, value)| {
        if asked.contains(&name.as_str()) {
            return Some((name.clone(), value.clone()));
        }
        let below: Vec<&str> = asked
            .iter()
            .filter_map(|field| field.strip_prefix(name.as_str())?.strip_prefix('.'))
            .collect();
        (!below.is_empty()).then(|| (name.clone(), pick(value, &below)))
    });
    Value::Object(picked.collect())
}

/// The body as JSON; nothing is an empty object.
fn read_body(bytes: &[u8]) -> Result<Value, Fail> {
    if bytes.is_empty() {
        return Ok(json!({}));
    }
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(fields)) => Ok(Value::Object(fields)),
        Ok(_) | Err(_) => Err(Fail::new(
            400,
            "rest_invalid_json",
            "Invalid JSON body passed.",
        )),
    }
}

/// What somebody unknown is told.
fn denied(call: &Call, resource: &[&str]) -> Fail {
    let (what, message) = match call.method.as_str() {
        "GET" if resource.len() == 1 => ("view", "Sorry, you cannot list resources."),
        "GET" => ("view", "Sorry, you cannot view this resource."),
        "POST" if resource.last() == Some(&"batch") => (
            "batch",
            "Sorry, you are not allowed to batch manipulate this resource.",
        ),
        "POST" => ("create", "Sorry, you are not allowed to create resources."),
        "DELETE" => (
            "delete",
            "Sorry, you are not allowed to delete this resource.",
        ),
        _ => ("edit", "Sorry, you are not allowed to edit this resource."),
    };
    Fail::new(401, &format!("woocommerce_rest_cannot_{what}"), message)
}

/// JSON as PHP writes it: slashes and everything beyond ASCII are escaped.
pub(super) fn php_json(value: &Value) -> String {
    let plain = value.to_string();
    let mut text = String::with_capacity(plain.len() + plain.len() / 8);
    let mut pair = [0_u16; 2];
    for character in plain.chars() {
        match character {
            '/' => text.push_str("\\/"),
            other if other.is_ascii() => text.push(other),
            other => {
                for unit in other.encode_utf16(&mut pair) {
                    text.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    text
}
