//! The Fulfillment API: orders in lists and alone, parcels, refunds.

use std::time::Duration;

use domain::{Currency, Money, Time};
use serde_json::{Value, json};

use crate::{
    Response,
    ebay::{
        Ebay,
        api::{self, Asked, No, Refusal},
        digits,
        orders::{Order, Parcel, Refund},
        stamp,
    },
};

const ORDERS: [&str; 1] = ["sell.fulfillment"];
const REFUNDS: [&str; 1] = ["sell.finances"];
const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 200;
const IDS_MAX: usize = 50;
const HISTORY: Duration = Duration::from_secs(731 * 86_400);
const WINDOW_DEFAULT: Duration = Duration::from_secs(90 * 86_400);
const COMMENT_MAX: usize = 100;
/// eBay takes a shipping date up to three days ahead.
const AHEAD: Duration = Duration::from_secs(3 * 86_400);
/// What a parcel without tracking is called.
const UNTRACKED: &str = "999";

/// What a list of orders is narrowed to.
struct Filter {
    created: Option<(Time, Option<Time>)>,
    modified: Option<(Time, Option<Time>)>,
    status: Option<Vec<&'static str>>,
}

impl Ebay {
    pub(super) fn fulfillment(
        &mut self,
        asked: &Asked<'_>,
        path: &[&str],
        now: Time,
    ) -> Result<Response, No> {
        let scopes: &[&str] = match path {
            ["order", _, "issue_refund"] => &REFUNDS,
            _ => &ORDERS,
        };
        let grant = self.granted(asked, scopes, now)?;
        if !grant.is_seller {
            return Err(Box::new(api::empty(403)));
        }
        match (asked.method.as_str(), path) {
            ("GET", ["order"]) => self.list_orders(asked, now),
            ("GET", ["order", id]) => {
                let order = self.find(id, Refusal::fulfillment(32_100, "Invalid order ID"))?;
                let order = &self.orders[order];
                Ok(api::answer(200, &order.to_json(&self.shop.api_url, true)))
            }
            ("GET", ["order", id, "shipping_fulfillment"]) => {
                let order = self.find(id, Refusal::fulfillment(32_100, "Invalid order ID"))?;
                let parcels: Vec<Value> = self.orders[order]
                    .parcels
                    .iter()
                    .map(Parcel::to_json)
                    .collect();
                let body = json!({ "total": parcels.len(), "fulfillments": parcels });
                Ok(api::answer(200, &body))
            }
            ("GET", ["order", id, "shipping_fulfillment", parcel]) => {
                let order = self.find(id, Refusal::fulfillment(32_100, "Invalid order ID"))?;
                let mut parcels = self.orders[order].parcels.iter();
                let found = parcels.find(|known| known.id == *parcel);
                found
                    .map(|parcel| api::answer(200, &parcel.to_json()))
                    .ok_or_else(api::not_found)
            }
            (_, ["payment_dispute" | "payment_dispute_summary", ..]) => {
                Err(api::not_here("payment disputes"))
            }
            ("POST", ["order", id, "shipping_fulfillment"]) => self.ship(asked, id, now),
            ("POST", ["order", id, "issue_refund"]) => self.issue_refund(asked, id, now),
            _ => Err(api::not_found()),
        }
    }

    /// Where an order is. An id of another form is a bad request, a well-formed one merely unknown.
    fn find(&self, id: &str, bad: Refusal) -> Result<usize, No> {
        let parts: Vec<&str> = id.split('-').collect();
        let is_formed = parts.iter().map(|part| part.len()).eq([2, 5, 5])
            && parts
                .iter()
                .all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
        if !is_formed {
            return Err(api::refuse(400, bad.with("orderId", id)));
        }
        let found = self.orders.iter().position(|order| order.id == id);
        found.ok_or_else(api::not_found)
    }

    fn list_orders(&self, asked: &Asked<'_>, now: Time) -> Result<Response, No> {
        let url = &self.shop.api_url;
        if let Some(ids) = asked.parameter("orderIds") {
            let ids: Vec<&str> = ids.split(',').collect();
            if ids.len() > IDS_MAX {
                let refusal = Refusal::fulfillment(30_900, "Exceeded maximum number of order IDs");
                return Err(api::refuse(400, refusal));
            }
            let found = self
                .orders
                .iter()
                .filter(|order| ids.contains(&order.id.as_str()));
            let orders: Vec<Value> = found.map(|order| order.to_json(url, false)).collect();
            let body = json!({ "total": orders.len(), "orders": orders });
            return Ok(api::answer(200, &body));
        }
        let bad = |error_id, message: &str, value: &str| {
            api::refuse(
                400,
                Refusal::fulfillment(error_id, message).with("value", value),
            )
        };
        let limit = match asked.parameter("limit").map(|text| (text, text.parse())) {
            None => LIMIT_DEFAULT,
            Some((_, Ok(limit @ 1..=LIMIT_MAX))) => limit,
            Some((text, _)) => return Err(bad(31_100, "Invalid limit", text)),
        };
        let offset = match asked.parameter("offset").map(|text| (text, text.parse())) {
            None => 0,
            Some((_, Ok(offset))) => offset,
            Some((text, Err(_))) => return Err(bad(31_000, "Invalid offset", text)),
        };
        let filter = read_filter(asked.parameter("filter").unwrap_or_default(), now)?;
        let mut chosen: Vec<&Order> = self
            .orders
            .iter()
            .filter(|order| filter.lets_through(order))
            .collect();
        chosen.sort_by_key(|order| (order.modified, order.id.clone()));
        let page: Vec<Value> = chosen
            .iter()
            .skip(offset)
            .take(limit)
            .map(|order| order.to_json(url, false))
            .collect();
        let link = |offset: usize| {
            let filter = asked.parameter("filter").map(|filter| {
                let filter = url::form_urlencoded::byte_serialize(filter.as_bytes());
                format!("filter={}&", filter.collect::<String>())
            });
            let filter = filter.unwrap_or_default();
            format!("{url}/sell/fulfillment/v1/order?{filter}limit={limit}&offset={offset}")
        };
        let mut body = json!({
            "href": link(offset),
            "total": chosen.len(),
            "limit": limit,
            "offset": offset,
            "orders": page,
        });
        if offset > 0 {
            body["prev"] = json!(link(offset.saturating_sub(limit)));
        }
        if offset.saturating_add(limit) < chosen.len() {
            body["next"] = json!(link(offset + limit));
        }
        Ok(api::answer(200, &body))
    }

    fn ship(&mut self, asked: &Asked<'_>, id: &str, now: Time) -> Result<Response, No> {
        let index = self.find(id, Refusal::fulfillment(32_100, "Invalid Order Id"))?;
        let body = asked.json()?;
        let order = &self.orders[index];
        let lines = packed(&body, order)?;
        let (carrier, tracking) = tracking(&body)?;
        let shipped = match body.get("shippedDate").map(Value::as_str) {
            None => now,
            Some(text) => text
                .and_then(|text| Time::parse_utc(text).ok())
                .filter(|at| *at <= now.plus(AHEAD))
                .ok_or_else(|| refuse(400, 32_500, "Invalid shipped date"))?,
        };
        let is_known = order
            .parcels
            .iter()
            .any(|parcel| tracking.is_some() && parcel.tracking == tracking);
        let is_too_much = lines.iter().any(|(line, units)| {
            let rest = order.unshipped();
            let rest = rest.iter().find(|(id, _)| id == line);
            rest.is_none_or(|(_, rest)| units > rest)
        });
        if order.is_canceled() || is_known || is_too_much {
            return Err(refuse(409, 32_600, "Invalid input data"));
        }
        let parcel = Parcel {
            id: tracking.clone().unwrap_or_else(|| UNTRACKED.to_owned()),
            carrier,
            tracking,
            shipped: stamp(shipped),
            lines,
        };
        let location = format!(
            "{}/sell/fulfillment/v1/order/{id}/shipping_fulfillment/{}",
            self.shop.api_url, parcel.id
        );
        self.writes += 1;
        self.add_parcel(index, parcel, now);
        Ok(api::created(&location))
    }

    /// Adds a parcel and tells the seller's application of its lines.
    pub(super) fn add_parcel(&mut self, index: usize, parcel: Parcel, now: Time) {
        let order = &mut self.orders[index];
        order.modified = order.modified.max(now);
        for (line, _) in &parcel.lines {
            let data = json!({
                "orderId": order.id,
                "lineItemId": line,
                "trackingNumber": parcel.tracking,
                "shippingCarrierCode": parcel.carrier,
            });
            self.hooks.notify("ITEM_MARKED_SHIPPED", data, now);
        }
        order.parcels.push(parcel);
    }

    fn issue_refund(&mut self, asked: &Asked<'_>, id: &str, now: Time) -> Result<Response, No> {
        let index = self.find(id, Refusal::fulfillment(34_913, "Can not find the order."))?;
        let body = asked.json()?;
        let order = &self.orders[index];
        let reason = body.get("reasonForRefund").and_then(Value::as_str);
        let is_reason = matches!(
            reason,
            Some(
                "BUYER_CANCEL"
                    | "SELLER_CANCEL"
                    | "ITEM_NOT_RECEIVED"
                    | "BUYER_RETURN"
                    | "ITEM_NOT_AS_DESCRIBED"
                    | "OTHER_ADJUSTMENT"
                    | "SHIPPING_DISCOUNT"
            )
        );
        if !is_reason {
            return Err(refuse(400, 34_903, "The refund reason must be specified."));
        }
        let comment = body.get("comment").and_then(Value::as_str);
        if comment.is_some_and(|comment| comment.chars().count() > COMMENT_MAX) {
            return Err(refuse(400, 34_921, "The comment exceeds the length limit."));
        }
        let parts = refund_parts(&body, order)?;
        let sum: i64 = parts.iter().map(|(_, minor)| minor).sum();
        let rest = order.total_minor() - order.refunded_minor();
        if order.paid.is_none() {
            return Err(refuse(
                409,
                34_929,
                "You cannot refund this order yet since the buyer payment has not been processed.",
            ));
        }
        if rest == 0 {
            return Err(refuse(400, 34_917, "This order was already refunded."));
        }
        if order.is_refund_pending() || order.is_canceled() {
            return Err(refuse(
                400,
                34_922,
                "Refund can't be issued while previous refund is processing.",
            ));
        }
        if sum > rest {
            return Err(refuse(
                400,
                34_915,
                "The refund amount exceeds order amount.",
            ));
        }
        let refund_id = digits(&mut self.rng, 10);
        let order = &mut self.orders[index];
        for (line, minor) in parts {
            order.refunds.push(Refund {
                id: refund_id.clone(),
                minor,
                line,
                issued: now,
                settled: false,
            });
        }
        order.modified = order.modified.max(now);
        self.writes += 1;
        let body = json!({ "refundId": refund_id, "refundStatus": "PENDING" });
        Ok(api::answer(200, &body))
    }
}

fn refuse(status: u16, error_id: u32, message: &str) -> No {
    api::refuse(status, Refusal::fulfillment(error_id, message))
}

/// What a parcel holds: what it says, or everything that remains.
fn packed(body: &Value, order: &Order) -> Result<Vec<(String, u32)>, No> {
    let Some(lines) = body.get("lineItems").and_then(Value::as_array) else {
        return Ok(order.unshipped());
    };
    let mut packed: Vec<(String, u32)> = Vec::new();
    for line in lines {
        let id = line.get("lineItemId").and_then(Value::as_str);
        let known = id.filter(|id| order.lines.iter().any(|line| line.id == *id));
        let Some(id) = known else {
            return Err(refuse(400, 32_200, "Invalid line item id"));
        };
        let units = match line.get("quantity") {
            None => 1,
            Some(units) => units
                .as_u64()
                .and_then(|units| u32::try_from(units).ok())
                .filter(|units| *units > 0)
                .ok_or_else(|| refuse(400, 32_600, "Invalid input data"))?,
        };
        if packed.iter().any(|(other, _)| other == id) {
            return Err(refuse(400, 32_210, "Duplicate line item in the request"));
        }
        packed.push((id.to_owned(), units));
    }
    if packed.is_empty() {
        return Err(refuse(400, 32_600, "Invalid input data"));
    }
    Ok(packed)
}

/// Carrier and number: both or neither, and the number in letters and digits.
fn tracking(body: &Value) -> Result<(Option<String>, Option<String>), No> {
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let bad = || refuse(400, 32_300, "Invalid shipment tracking number or carrier");
    match (text("shippingCarrierCode"), text("trackingNumber")) {
        (None, None) => Ok((None, None)),
        (Some(carrier), Some(number)) => {
            let is_plain = !number.is_empty()
                && number.bytes().all(|byte| byte.is_ascii_alphanumeric())
                && !carrier.is_empty();
            if is_plain {
                Ok((Some(carrier), Some(number)))
            } else {
                Err(bad())
            }
        }
        (Some(_), None) | (None, Some(_)) => Err(bad()),
    }
}

/// What is to be refunded: the line, or none for the order, and how much.
fn refund_parts(body: &Value, order: &Order) -> Result<Vec<(Option<String>, i64)>, No> {
    let minor = |amount: &Value| -> Result<i64, No> {
        let value = amount.get("value").and_then(Value::as_str);
        let value =
            value.ok_or_else(|| refuse(400, 34_906, "The amount value must be specified."))?;
        let code = amount.get("currency").and_then(Value::as_str);
        let code =
            code.ok_or_else(|| refuse(400, 34_908, "The amount currency must be specified."))?;
        if Currency::new(code) != Ok(order.currency) {
            return Err(refuse(400, 34_909, "The amount currency isn't correct."));
        }
        Money::parse(value, order.currency)
            .ok()
            .filter(|money| money.is_positive())
            .map(Money::minor)
            .ok_or_else(|| {
                refuse(
                    400,
                    34_907,
                    "The amount value must be positive and within two decimals.",
                )
            })
    };
    match (body.get("orderLevelRefundAmount"), body.get("refundItems")) {
        (Some(amount), None) => Ok(vec![(None, minor(amount)?)]),
        (None, Some(Value::Array(items))) if !items.is_empty() => items
            .iter()
            .map(|item| {
                let id = item.get("lineItemId").and_then(Value::as_str);
                let line = order.lines.iter().find(|line| Some(line.id.as_str()) == id);
                let line =
                    line.ok_or_else(|| refuse(400, 34_914, "Can't find the item in the order."))?;
                let minor = minor(item.get("refundAmount").unwrap_or(&Value::Null))?;
                let refunds = order.refunds.iter();
                let before: i64 = refunds
                    .filter(|refund| refund.line.as_deref() == id)
                    .map(|refund| refund.minor)
                    .sum();
                if before + minor > line.minor() {
                    return Err(refuse(
                        409,
                        34_924,
                        "The item refund amount exceeds the item remaining amount.",
                    ));
                }
                Ok((Some(line.id.clone()), minor))
            })
            .collect(),
        _ => Err(refuse(
            400,
            34_905,
            "Either orderLevelRefundAmount or refundItems must be specified.",
        )),
    }
}

/// Reads `name:[from..to],name:{A|B}`.
fn read_filter(text: &str, now: Time) -> Result<Filter, No> {
    let mut filter = Filter {
        created: None,
        modified: None,
        status: None,
    };
    for criterion in text.split(',').filter(|criterion| !criterion.is_empty()) {
        let (name, value) = criterion.split_once(':').unwrap_or((criterion, ""));
        match name {
            "creationdate" => filter.created = Some(read_range(value, now)?),
            "lastmodifieddate" => filter.modified = Some(read_range(value, now)?),
            "orderfulfillmentstatus" => filter.status = Some(read_status(value)?),
            _ => return Err(refuse(400, 30_700, "Invalid filter name")),
        }
    }
    if filter.created.is_some() {
        filter.modified = None;
    }
    if filter.created.is_none() && filter.modified.is_none() {
        filter.created = Some((now.minus(WINDOW_DEFAULT), None));
    }
    Ok(filter)
}

fn read_range(value: &str, now: Time) -> Result<(Time, Option<Time>), No> {
    let inner = value
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .and_then(|inner| inner.split_once(".."));
    let Some((from, to)) = inner else {
        return Err(refuse(400, 30_800, "Invalid filter value"));
    };
    if from.is_empty() {
        return Err(refuse(400, 30_820, "Start date is missing"));
    }
    let read = |text: &str| -> Result<Time, No> {
        let is_utc = text.ends_with('Z') && text.contains('T') && text.contains('.');
        Time::parse_utc(text)
            .ok()
            .filter(|_| is_utc)
            .ok_or_else(|| refuse(400, 30_810, "Invalid date format"))
    };
    let from = read(from)?;
    let to = if to.is_empty() { None } else { Some(read(to)?) };
    if from > now || to.is_some_and(|to| to > now) {
        return Err(refuse(
            400,
            30_850,
            "Start and end dates can't be in the future",
        ));
    }
    if to.is_some_and(|to| to < from) {
        return Err(refuse(400, 30_840, "Start date should be before end date"));
    }
    if from < now.minus(HISTORY) {
        return Err(refuse(
            400,
            30_830,
            "Time range between start date and end date must be within '2' years.",
        ));
    }
    Ok((from, to))
}

fn read_status(value: &str) -> Result<Vec<&'static str>, No> {
    match value {
        "{NOT_STARTED|IN_PROGRESS}" => Ok(vec!["NOT_STARTED", "IN_PROGRESS"]),
        "{FULFILLED|IN_PROGRESS}" => Ok(vec!["FULFILLED", "IN_PROGRESS"]),
        _ => Err(refuse(400, 30_800, "Invalid filter value")),
    }
}

impl Filter {
    fn lets_through(&self, order: &Order) -> bool {
        let within = |range: &Option<(Time, Option<Time>)>, at: Time| {
            range.is_none_or(|(from, to)| at >= from && to.is_none_or(|to| at <= to))
        };
        within(&self.created, order.placed)
            && within(&self.modified, order.modified)
            && self
                .status
                .as_ref()
                .is_none_or(|wanted| order.has_fulfillment_status(wanted))
    }
}
