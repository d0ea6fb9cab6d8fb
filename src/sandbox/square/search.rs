//! Searching and reading orders.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::Time;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    Square,
    api::{Fail, array, instant},
    orders::Order,
};

/// Orders on a page when nothing else is asked for, and at most. Source: SearchOrders.
const LIMIT: u64 = 500;
const LIMIT_MAX: u64 = 1000;
/// Locations in one search. Source: SearchOrders.
const LOCATIONS_MAX: usize = 10;
/// Orders read by id in one call. Source: BatchRetrieveOrders.
const READ_MAX: usize = 100;

/// The words that may be asked for. Source: OrderState, FulfillmentType, FulfillmentState.
const STATES: [&str; 4] = ["OPEN", "COMPLETED", "CANCELED", "DRAFT"];
const TYPES: [&str; 3] = ["PICKUP", "SHIPMENT", "DELIVERY"];
const STAGES: [&str; 6] = [
    "PROPOSED",
    "RESERVED",
    "PREPARED",
    "COMPLETED",
    "CANCELED",
    "FAILED",
];

/// A search, checked.
struct Search {
    field: Field,
    is_ascending: bool,
    from: Option<Time>,
    until: Option<Time>,
    states: Option<Vec<String>>,
    fulfillment_types: Option<Vec<String>>,
    fulfillment_states: Option<Vec<String>>,
    sources: Option<Vec<String>>,
    customers: Option<Vec<String>>,
    is_here: bool,
}

/// The time that is filtered and sorted by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Created,
    Updated,
    Closed,
}

impl Field {
    fn of(self, order: &Order) -> Option<Time> {
        match self {
            Field::Created => Some(order.created_at),
            Field::Updated => Some(order.updated_at),
            Field::Closed => order.closed_at,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Field::Created => "CREATED_AT",
            Field::Updated => "UPDATED_AT",
            Field::Closed => "CLOSED_AT",
        }
    }
}

impl Square {
    pub(super) fn search_orders(&self, body: &Value) -> Result<Value, Fail> {
        let search = self.search(body)?;
        let limit = match body.get("limit") {
            None | Some(Value::Null) => LIMIT,
            Some(limit) => limit
                .as_u64()
                .filter(|limit| (1..=LIMIT_MAX).contains(limit))
                .ok_or_else(|| Fail::value("limit", "The limit must be from 1 to 1000."))?,
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let fingerprint = fingerprint(body);
        let after = cursor_of(body, &fingerprint)?;
        let mut found: Vec<(Time, &Order)> = self
            .orders
            .values()
            .filter_map(|order| Some((search.field.of(order)?, order)))
            .filter(|(at, order)| search.takes(*at, order))
            .collect();
        found.sort_by(|(one_at, one), (other_at, other)| {
            let order = (one_at, &one.id).cmp(&(other_at, &other.id));
            if search.is_ascending {
                order
            } else {
                order.reverse()
            }
        });
        let rest: Vec<&(Time, &Order)> = found
            .iter()
            .filter(|(at, order)| match &after {
                None => true,
                Some((last_at, last)) => {
                    let order = (at, &order.id).cmp(&(last_at, last));
                    if search.is_ascending {
                        order.is_gt()
                    } else {
                        order.is_lt()
                    }
                }
            })
            .collect();
        let page = &rest[..rest.len().min(limit)];
        let mut answer = json!({});
        let wants_entries = body.get("return_entries") == Some(&json!(true));
        if wants_entries && !page.is_empty() {
            answer["order_entries"] = page.iter().map(|(_, order)| self.entry(order)).collect();
        } else if !page.is_empty() {
            answer["orders"] = page.iter().map(|(_, order)| self.card(order)).collect();
        }
        if let Some((at, last)) = page.last().filter(|_| rest.len() > limit) {
            let cursor = json!([fingerprint, at.millis(), last.id]);
            answer["cursor"] = json!(BASE64_URL_SAFE_NO_PAD.encode(cursor.to_string()));
        }
        Ok(answer)
    }

    fn search(&self, body: &Value) -> Result<Search, Fail> {
        let locations = array(body, "location_ids")?;
        if locations.is_empty() || locations.len() > LOCATIONS_MAX {
            return Err(Fail::value(
                "location_ids",
                "1 to 10 locations are allowed.",
            ));
        }
        let at = |path: &str| body.pointer(path).filter(|value| !value.is_null());
        let sorted = at("/query/sort/sort_field").map(|value| value.as_str().unwrap_or_default());
        let times = "/query/filter/date_time_filter";
        let filtered = [
            (Field::Created, "created_at"),
            (Field::Updated, "updated_at"),
            (Field::Closed, "closed_at"),
        ]
        .into_iter()
        .find_map(|(field, key)| at(&format!("{times}/{key}")).map(|range| (field, range)));
        let field = match (filtered, sorted) {
            (Some((field, _)), None) if field == Field::Created => field,
            (Some((field, _)), Some(sorted)) if field.name() == sorted => field,
            (None, None | Some("CREATED_AT")) => Field::Created,
            (None, Some("UPDATED_AT")) => Field::Updated,
            (None, Some("CLOSED_AT")) => Field::Closed,
            (_, _) => {
                let detail = "The sort field must be the field that is filtered by.";
                return Err(Fail::request("BAD_REQUEST", detail).at("query.sort.sort_field"));
            }
        };
        let bound = |key: &str| {
            let text = filtered
                .and_then(|(_, range)| range.get(key))
                .and_then(Value::as_str);
            text.map(|text| instant(text, key)).transpose()
        };
        let filter = "/query/filter";
        let words =
            |path: &str, known: &[&str]| words(at(&format!("{filter}/{path}")), known, path);
        Ok(Search {
            field,
            is_ascending: at("/query/sort/sort_order") == Some(&json!("ASC")),
            from: bound("start_at")?,
            until: bound("end_at")?,
            states: words("state_filter/states", &STATES)?,
            fulfillment_types: words("fulfillment_filter/fulfillment_types", &TYPES)?,
            fulfillment_states: words("fulfillment_filter/fulfillment_states", &STAGES)?,
            sources: words("source_filter/source_names", &[])?,
            customers: words("customer_filter/customer_ids", &[])?,
            is_here: locations.iter().any(|id| id == &json!(self.location)),
        })
    }

    fn entry(&self, order: &Order) -> Value {
        json!({
            "order_id": order.id,
            "location_id": self.location,
            "version": order.version,
        })
    }

    pub(super) fn read_orders(&self, body: &Value) -> Result<Value, Fail> {
        let ids = array(body, "order_ids")?;
        if ids.is_empty() || ids.len() > READ_MAX {
            return Err(Fail::value("order_ids", "1 to 100 ids are allowed."));
        }
        let location = body.get("location_id").and_then(Value::as_str);
        let is_here = location.is_none_or(|location| location == self.location);
        let orders: Vec<Value> = ids
            .iter()
            .filter(|_| is_here)
            .filter_map(|id| self.orders.get(id.as_str()?))
            .map(|order| self.card(order))
            .collect();
        Ok(json!({ "orders": orders }))
    }

    pub(super) fn read_order(&self, id: &str) -> Result<Value, Fail> {
        match self.orders.get(id) {
            Some(order) => Ok(json!({ "order": self.card(order) })),
            None => Err(Fail::not_found("Order not found.")),
        }
    }
}

impl Search {
    fn takes(&self, at: Time, order: &Order) -> bool {
        self.is_here
            && self.from.is_none_or(|from| at >= from)
            && self.until.is_none_or(|until| at < until)
            && has(&self.states, Some(order.state.word()))
            && has(&self.sources, Some(order.source))
            // Nobody who buys here leaves a name in the directory.
            && has(&self.customers, None)
            && has(
                &self.fulfillment_types,
                order.fulfillment.as_ref().map(|_| "SHIPMENT"),
            )
            && has(
                &self.fulfillment_states,
                order.fulfillment.as_ref().map(|known| known.stage.word()),
            )
    }
}

/// Whether a word is among those that are asked for, if any are.
fn has(asked: &Option<Vec<String>>, word: Option<&str>) -> bool {
    asked
        .as_ref()
        .is_none_or(|asked| word.is_some_and(|word| asked.iter().any(|one| one == word)))
}

/// A list of words of a filter. An empty one asks for nothing.
fn words(list: Option<&Value>, known: &[&str], path: &str) -> Result<Option<Vec<String>>, Fail> {
    let field = || format!("query.filter.{}", path.replace('/', "."));
    let Some(list) = list else {
        return Ok(None);
    };
    let list = list.as_array();
    let list =
        list.ok_or_else(|| Fail::request("EXPECTED_ARRAY", "Expected an array.").at(field()))?;
    let mut words = Vec::new();
    for word in list {
        let word = word.as_str();
        let word =
            word.ok_or_else(|| Fail::request("EXPECTED_STRING", "Expected a string.").at(field()))?;
        if !known.is_empty() && !known.contains(&word) {
            let detail = format!("`{word}` is not a valid enum value.");
            return Err(Fail::request("INVALID_ENUM_VALUE", detail).at(field()));
        }
        words.push(word.to_owned());
    }
    Ok(Some(words).filter(|words| !words.is_empty()))
}

/// Names a query, so that a cursor fits only its own.
fn fingerprint(body: &Value) -> String {
    let query = json!([
        body.get("location_ids"),
        body.get("query"),
        body.get("return_entries")
    ]);
    BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(query.to_string())[..9])
}

/// Where a cursor left off.
fn cursor_of(body: &Value, fingerprint: &str) -> Result<Option<(Time, String)>, Fail> {
    let Some(cursor) = body.get("cursor").filter(|cursor| !cursor.is_null()) else {
        return Ok(None);
    };
    let cursor = cursor.as_str().ok_or_else(Fail::cursor)?;
    let bytes = BASE64_URL_SAFE_NO_PAD
        .decode(cursor)
        .map_err(|_| Fail::cursor())?;
    let (query, millis, id): (String, i64, String) =
        serde_json::from_slice(&bytes).map_err(|_| Fail::cursor())?;
    if query != fingerprint {
        return Err(Fail::cursor());
    }
    Ok(Some((Time::from_millis(millis), id)))
}
