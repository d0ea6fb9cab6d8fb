//! The routes below `/orders`.

use domain::Time;
use serde_json::{Value, json};

use super::{
    Woo,
    api::{Answered, Call, Fail, Reply},
    orders::{Meta, Order},
};

/// The states that an order can be given.
const STATUSES: [&str; 9] = [
    "auto-draft",
    "pending",
    "processing",
    "on-hold",
    "completed",
    "cancelled",
    "refunded",
    "failed",
    "checkout-draft",
];

/// More units than anybody orders.
pub(super) const UNITS_MAX: i64 = 1_000_000;

impl Woo {
    pub(super) fn order_route(&mut self, rest: &[&str], call: &Call) -> Answered {
        let [id, below @ ..] = rest else {
            return match () {
                () if call.is_read() => self.list_orders(call),
                () if call.is_create() => self.create_order(call),
                () => Err(Fail::no_route()),
            };
        };
        match *id {
            "batch" if call.is_edit() => {
                return self.batch_of(call, |shop, id, part| match id {
                    None => shop.create_order(part),
                    Some(id) => {
                        shop.check_order(id, 400)?;
                        match part.is_delete() {
                            true => shop.delete_order(id, part),
                            false => shop.update_order(id, part),
                        }
                    }
                });
            }
            "statuses" => return Err(Fail::not_here("route /wc/v3/orders/statuses")),
            _ => {}
        }
        let id: u64 = id.parse().map_err(|_| Fail::no_route())?;
        self.check_order(id, 404)?;
        match below {
            [] if call.is_read() => Reply::ok(self.order_json(&self.orders[&id])),
            [] if call.is_edit() => self.update_order(id, call),
            [] if call.is_delete() => self.delete_order(id, call),
            ["refunds", rest @ ..] => self.refund_route(id, rest, call),
            ["notes"] => self.note_route(id, call),
            ["notes", note] => self.one_note(id, note, call),
            ["fulfillments"] if self.options.has_fulfillments => self.fulfillment_route(id, call),
            _ => Err(Fail::no_route()),
        }
    }

    fn check_order(&self, id: u64, status: u16) -> Result<(), Fail> {
        match self.orders.get(&id) {
            Some(order) if !order.is_deleted => Ok(()),
            Some(_) | None => {
                let code = "woocommerce_rest_shop_order_invalid_id";
                Err(Fail::new(status, code, "Invalid ID."))
            }
        }
    }

    fn list_orders(&self, call: &Call) -> Answered {
        let by = call.word(
            "orderby",
            &["date", "id", "include", "title", "slug", "modified"],
        )?;
        let direction = call.word("order", &["desc", "asc"])?;
        let statuses: Vec<&str> = call.param("status").unwrap_or("any").split(',').collect();
        let is_status = |word: &&str| STATUSES.contains(word) || ["any", "trash"].contains(word);
        if !statuses.iter().all(is_status) {
            let message = format!(
                "status[0] is not one of any, trash, {}.",
                STATUSES.join(", ")
            );
            return Err(Fail::parameter("status", "rest_not_in_enum", &message));
        }
        call.refuse(&["parent", "parent_exclude", "created_via"])?;
        let ids = call.ids("include");
        let bounds = self.bounds(call)?;
        let buyers = call.ids("customer");
        let goods = call.ids("product");
        let search = call.param("search").map(str::to_lowercase);
        let mut found: Vec<&Order> = self
            .orders
            .values()
            .filter(|order| !order.is_deleted)
            .filter(|order| {
                (statuses.contains(&"any") && order.is_listed())
                    || statuses.contains(&order.status.as_str())
            })
            .filter(|order| ids.as_ref().is_none_or(|ids| ids.contains(&order.id)))
            .filter(|order| bounds.hold(order.created_at, order.modified_at))
            // Everybody buys as a guest.
            .filter(|_| buyers.as_ref().is_none_or(|ids| ids.contains(&0)))
            .filter(|order| {
                goods.as_ref().is_none_or(|goods| {
                    let json = self.order_json(order);
                    let lines = json["line_items"].as_array().into_iter().flatten();
                    let mut ids =
                        lines.flat_map(|line| [&line["product_id"], &line["variation_id"]]);
                    ids.any(|id| id.as_u64().is_some_and(|id| goods.contains(&id)))
                })
            })
            .filter(|order| {
                search.as_ref().is_none_or(|text| {
                    let places = [&order.billing, &order.shipping];
                    order.id.to_string() == *text
                        || places
                            .iter()
                            .any(|place| place.to_string().to_lowercase().contains(text))
                })
            })
            .collect();
        found.sort_by_key(|order| match by {
            "modified" => (order.modified_at.seconds(), order.id),
            "date" => (order.created_at.seconds(), order.id),
            _ => (0, order.id),
        });
        if direction == "desc" {
            found.reverse();
        }
        call.page_of(
            &found,
            |order| Some(order.id),
            |order| self.order_json(order),
        )
    }

    fn create_order(&mut self, call: &Call) -> Answered {
        check_status(&call.body)?;
        let order = self.new_order("pending", "rest-api", call.now);
        let id = order.id;
        self.orders.insert(id, order);
        self.write_fields(id, call);
        self.set_status(id, "pending", call.now);
        let is_paid = call.body["set_paid"] == true;
        if let Some(status) = call.body["status"].as_str() {
            self.set_status(id, status, call.now);
        }
        if is_paid {
            self.pay(id, call.now);
        }
        self.announce("order.created", id, call.now);
        self.announce("order.updated", id, call.now);
        Reply::created(self.order_json(&self.orders[&id]))
    }

    /// The payment is complete: cash on delivery is then done with.
    pub(super) fn pay(&mut self, id: u64, now: Time) {
        let Some(order) = self.orders.get_mut(&id) else {
            return;
        };
        order.paid_at = Some(now);
        let status = match order.payment_method.as_str() {
            "cod" => "completed",
            _ => "processing",
        };
        self.set_status(id, status, now);
    }

    fn update_order(&mut self, id: u64, call: &Call) -> Answered {
        check_status(&call.body)?;
        let was_trashed = self.orders[&id].status == "trash";
        self.write_fields(id, call);
        if let Some(status) = call.body["status"].as_str()
            && self.orders[&id].status != status
        {
            self.set_status(id, status, call.now);
        }
        if call.body["set_paid"] == true {
            self.pay(id, call.now);
        }
        if let Some(order) = self.orders.get_mut(&id) {
            order.modified_at = call.now;
        }
        // An order that is brought back from the bin this way says nothing.
        if !was_trashed {
            self.announce("order.updated", id, call.now);
        }
        Reply::ok(self.order_json(&self.orders[&id]))
    }

    /// Writes everything but the status.
    fn write_fields(&mut self, id: u64, call: &Call) {
        let body = &call.body;
        if let Some(order) = self.orders.get_mut(&id) {
            for (name, field) in [
                ("billing", &mut order.billing),
                ("shipping", &mut order.shipping),
            ] {
                for (key, value) in body[name].as_object().into_iter().flatten() {
                    field[key] = value.clone();
                }
            }
            for (name, field) in [
                ("customer_note", &mut order.customer_note),
                ("payment_method", &mut order.payment_method),
                ("payment_method_title", &mut order.payment_title),
            ] {
                if let Some(text) = body[name].as_str() {
                    text.clone_into(field);
                }
            }
        }
        for meta in body["meta_data"].as_array().into_iter().flatten() {
            self.write_meta(id, meta);
        }
        for line in body["line_items"].as_array().into_iter().flatten() {
            self.write_line(id, line, call.now);
        }
    }

    /// Meta is found by id, else by key, else added; a null removes it.
    fn write_meta(&mut self, order: u64, meta: &Value) {
        let new_id = self.id_next();
        let (Some(order), Some(key)) = (self.orders.get_mut(&order), meta["key"].as_str()) else {
            return;
        };
        let place = match meta["id"].as_u64() {
            Some(id) => order.meta.iter().position(|known| known.id == id),
            None => order.meta.iter().position(|known| known.key == key),
        };
        match (place, &meta["value"]) {
            (Some(place), Value::Null) => {
                order.meta.remove(place);
            }
            (Some(place), value) => order.meta[place].value = value.clone(),
            (None, Value::Null) => {}
            (None, value) => order.meta.push(Meta {
                id: new_id,
                key: key.to_owned(),
                value: value.clone(),
            }),
        }
    }

    fn write_line(&mut self, order: u64, line: &Value, now: Time) {
        let units = line["quantity"]
            .as_i64()
            .map(|units| units.clamp(0, UNITS_MAX));
        if let Some(id) = line["id"].as_u64() {
            if let Some(units) = units {
                self.set_units(order, id, units, now);
            }
            return;
        }
        let wanted = [&line["variation_id"], &line["product_id"]];
        let by_id = wanted
            .into_iter()
            .filter_map(Value::as_u64)
            .find_map(|id| self.products.get(&id));
        let product = by_id
            .or_else(|| self.by_sku(line["sku"].as_str()?))
            .cloned();
        let units = units.unwrap_or(1);
        let new = self.new_line(product.as_ref(), units);
        let new_id = new.id;
        if let Some(order) = self.orders.get_mut(&order) {
            order.lines.push(new);
        }
        self.set_units(order, new_id, units, now);
    }

    fn delete_order(&mut self, id: u64, call: &Call) -> Answered {
        let before = self.order_json(&self.orders[&id]);
        if call.is_forced() {
            self.erase(id);
            return Reply::ok(before);
        }
        if self.orders[&id].status == "trash" {
            let code = "woocommerce_rest_already_trashed";
            let message = "The order has already been deleted.";
            return Err(Fail::new(410, code, message));
        }
        if let Some(order) = self.orders.get_mut(&id) {
            order.status = "trash".to_owned();
            order.modified_at = call.now;
        }
        self.announce("order.deleted", id, call.now);
        Reply::ok(before)
    }

    /// Deletes an order for good, which sends nothing and gives nothing back.
    pub(super) fn erase(&mut self, id: u64) {
        if let Some(order) = self.orders.get_mut(&id) {
            order.is_deleted = true;
        }
    }

    fn note_route(&mut self, id: u64, call: &Call) -> Answered {
        if call.is_create() {
            let Some(text) = call.body["note"].as_str().filter(|text| !text.is_empty()) else {
                let message = "Missing parameter(s): note";
                return Err(Fail::new(400, "rest_missing_callback_param", message));
            };
            let is_for_customer = call.body["customer_note"] == true;
            self.add_note(id, text, is_for_customer, call.now);
            let notes = self.note_json(id);
            return Reply::created(notes.last().map_or(Value::Null, |(_, note)| note.clone()));
        }
        let wanted = call.word("type", &["any", "customer", "internal"])?;
        let notes = self
            .note_json(id)
            .into_iter()
            .filter(|(is_for_customer, _)| {
                wanted == "any" || (wanted == "customer") == *is_for_customer
            });
        // The newest first, and all of them: this list has no pages.
        Reply::ok(notes.rev().map(|(_, note)| note).collect())
    }

    fn one_note(&mut self, id: u64, note: &str, call: &Call) -> Answered {
        let notes = self.note_json(id);
        let number: Option<u64> = note.parse().ok();
        let place = notes
            .iter()
            .position(|(_, json)| json["id"].as_u64() == number && number.is_some());
        let Some(place) = place else {
            let code = "woocommerce_rest_order_note_invalid_id";
            return Err(Fail::new(404, code, "Invalid resource ID."));
        };
        let json = notes[place].1.clone();
        if call.is_read() {
            return Reply::ok(json);
        }
        if !call.is_delete() {
            return Err(Fail::no_route());
        }
        if !call.is_forced() {
            let code = "woocommerce_rest_trash_not_supported";
            let message = "Webhooks do not support trashing.";
            return Err(Fail::new(501, code, message));
        }
        if let Some(order) = self.orders.get_mut(&id) {
            order.notes.remove(place);
        }
        Reply::ok(json)
    }

    fn note_json(&self, id: u64) -> Vec<(bool, Value)> {
        let notes = self.orders[&id].notes.iter();
        notes
            .map(|note| {
                let json = json!({
                    "id": note.id,
                    "author": "WooCommerce",
                    "date_created": self.local(note.created_at),
                    "date_created_gmt": note.created_at.to_naive_utc(),
                    "note": note.text,
                    "customer_note": note.is_for_customer,
                });
                (note.is_for_customer, json)
            })
            .collect()
    }

    /// The bounds of time in a query.
    pub(super) fn bounds(&self, call: &Call) -> Result<Bounds, Fail> {
        let is_gmt = call.is_true("dates_are_gmt");
        let bound = |name: &str| {
            let Some(text) = call.param(name) else {
                return Ok(None);
            };
            self.instant(text, is_gmt)
                .map(Some)
                .ok_or_else(|| Fail::parameter(name, "rest_invalid_date", "Invalid date."))
        };
        Ok(Bounds {
            after: bound("after")?,
            before: bound("before")?,
            modified_after: bound("modified_after")?,
            modified_before: bound("modified_before")?,
        })
    }

    /// The second that a text in a query means. WordPress first makes the shop's own time of it, which
    /// only a text with an offset survives, and compares that with local times, or with UTC when the
    /// query says so. A text with an offset *and* that flag is therefore off by the shop's zone.
    fn instant(&self, text: &str, is_gmt: bool) -> Option<i64> {
        let zone_s = self.options.zone_minutes * 60;
        let naive = text.trim();
        let has_offset = naive.ends_with('Z')
            || naive
                .get(10..)
                .is_some_and(|time| time.contains('+') || time.contains('-'));
        let read = Time::parse_utc(naive).ok()?.seconds();
        let local = match has_offset {
            true => read + zone_s,
            false => read,
        };
        Some(match is_gmt {
            true => local,
            false => local - zone_s,
        })
    }
}

/// Bounds of time in whole seconds, all of them exclusive.
pub(super) struct Bounds {
    after: Option<i64>,
    before: Option<i64>,
    modified_after: Option<i64>,
    modified_before: Option<i64>,
}

impl Bounds {
    pub(super) fn hold(&self, created: Time, modified: Time) -> bool {
        let (created, modified) = (created.seconds(), modified.seconds());
        self.after.is_none_or(|after| created > after)
            && self.before.is_none_or(|before| created < before)
            && self.modified_after.is_none_or(|after| modified > after)
            && self.modified_before.is_none_or(|before| modified < before)
    }
}

fn check_status(body: &Value) -> Result<(), Fail> {
    match &body["status"] {
        Value::Null => Ok(()),
        Value::String(status) if STATUSES.contains(&status.as_str()) => Ok(()),
        _ => {
            let message = "status is not one of auto-draft, pending, processing, on-hold, completed, \
                           cancelled, refunded, failed, and checkout-draft.";
            Err(Fail::parameter("status", "rest_not_in_enum", message))
        }
    }
}
