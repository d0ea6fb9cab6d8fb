//! The bodies of hooks: the shape of the older REST API, snake case, ids as numbers.

use domain::Time;
use serde_json::{Value, json};

use super::{
    order::{Fulfillment, Order, Refund},
    world::{World, to_seconds},
};

/// REST times carry an offset.
fn time(time: Time) -> String {
    to_seconds(time).to_string().replace('Z', "+00:00")
}

impl World {
    pub(super) fn tell_order(&mut self, id: u64, topics: &[&str], now: Time) {
        let Some(order) = self.orders.get(&id) else {
            return;
        };
        let body = self.order_body(order);
        let event = self.hooks.uuid();
        for topic in topics {
            self.hooks.emit(topic, &event, &body, now);
        }
    }

    /// A fulfillment of an order.
    pub(super) fn tell_fulfillment(&mut self, id: u64, made: u64, topic: &str, now: Time) {
        let found = self.orders.get(&id).and_then(|order| {
            let found = order.fulfillments.iter().find(|one| one.id == made)?;
            Some((order, found))
        });
        let Some((order, made)) = found else {
            return;
        };
        let body = self.fulfillment_body(order, made);
        let event = self.hooks.uuid();
        self.hooks.emit(topic, &event, &body, now);
    }

    /// The newest refund of an order.
    pub(super) fn tell_refund(&mut self, id: u64, now: Time) {
        let made = self
            .orders
            .get(&id)
            .and_then(|order| Some((order, order.refunds.last()?)));
        let Some((order, made)) = made else {
            return;
        };
        let body = self.refund_body(order, made);
        let event = self.hooks.uuid();
        self.hooks.emit("refunds/create", &event, &body, now);
    }

    pub(super) fn tell_deleted(&mut self, id: u64, now: Time) {
        let event = self.hooks.uuid();
        self.hooks
            .emit("orders/delete", &event, &json!({ "id": id }), now);
    }

    pub(super) fn tell_level(&mut self, place: usize, now: Time) {
        let variant = &self.variants[place];
        let body = json!({
            "inventory_item_id": variant.item,
            "location_id": self.location,
            "available": variant.available,
            "updated_at": time(variant.changed_at),
            "admin_graphql_api_id": super::views::level_gid(self, place),
        });
        let event = self.hooks.uuid();
        self.hooks
            .emit("inventory_levels/update", &event, &body, now);
    }

    fn order_body(&self, order: &Order) -> Value {
        let fulfillment_status = match order.fulfillment_status() {
            "FULFILLED" => json!("fulfilled"),
            "PARTIALLY_FULFILLED" => json!("partial"),
            _ => Value::Null,
        };
        let canceled = order.canceled.as_ref();
        let gross = order.gross_minor(self);
        json!({
            "id": order.id,
            "admin_graphql_api_id": format!("gid://shopify/Order/{}", order.id),
            "name": format!("#{}", order.number),
            "number": order.number - 1000,
            "order_number": order.number,
            "created_at": time(order.placed_at),
            "processed_at": time(order.placed_at),
            "updated_at": time(order.updated_at),
            "cancelled_at": canceled.map(|(at, _)| time(*at)),
            "cancel_reason": canceled.map(|(_, reason)| reason.to_ascii_lowercase()),
            "closed_at": null,
            "confirmed": true,
            "test": false,
            "currency": self.currency.code(),
            "presentment_currency": self.currency.code(),
            "total_price": self.money(gross).amount(),
            "subtotal_price": self.money(gross - order.shipping_minor).amount(),
            "total_tax": self.money(World::tax_minor(gross)).amount(),
            "total_discounts": self.money(0).amount(),
            "taxes_included": true,
            "financial_status": order.financial_status().to_ascii_lowercase(),
            "fulfillment_status": fulfillment_status,
            "email": super::views::email(order),
            "phone": null,
            "note": null,
            "source_name": "web",
            "tags": "",
            "location_id": null,
            "line_items": (0..order.lines.len())
                .map(|line| self.line_body(order, line))
                .collect::<Vec<_>>(),
            "fulfillments": order.fulfillments
                .iter()
                .map(|made| self.fulfillment_body(order, made))
                .collect::<Vec<_>>(),
            "refunds": order.refunds
                .iter()
                .map(|made| self.refund_body(order, made))
                .collect::<Vec<_>>(),
            "shipping_address": super::views::address(order),
            "billing_address": super::views::address(order),
        })
    }

    fn line_body(&self, order: &Order, at: usize) -> Value {
        let line = &order.lines[at];
        let variant = &self.variants[line.variant];
        json!({
            "id": line.id,
            "admin_graphql_api_id": format!("gid://shopify/LineItem/{}", line.id),
            "sku": variant.sku.as_str(),
            "title": variant.title,
            "variant_title": variant.variation,
            "name": super::views::name(variant),
            "quantity": line.quantity,
            "current_quantity": line.quantity - line.removed,
            "fulfillable_quantity": order.unfulfilled(at),
            "fulfillment_status": match (order.shipped(at), order.unfulfilled(at)) {
                (0, _) => Value::Null,
                (_, 0) => json!("fulfilled"),
                _ => json!("partial"),
            },
            "price": variant.price.amount(),
            "product_id": variant.product,
            "variant_id": variant.id,
            "variant_inventory_management": variant.is_tracked.then_some("shopify"),
            "requires_shipping": variant.is_tracked,
            "gift_card": false,
            "taxable": true,
        })
    }

    fn fulfillment_body(&self, order: &Order, made: &Fulfillment) -> Value {
        json!({
            "id": made.id,
            "admin_graphql_api_id": format!("gid://shopify/Fulfillment/{}", made.id),
            "order_id": order.id,
            "status": made.status().to_ascii_lowercase(),
            "created_at": time(made.created_at),
            "updated_at": time(made.updated_at),
            "location_id": self.location,
            "tracking_company": made.tracking.company,
            "tracking_number": made.tracking.number(),
            "tracking_numbers": made.tracking.numbers,
            "tracking_url": made.tracking.urls.first(),
            "tracking_urls": made.tracking.urls,
            "line_items": made.lines
                .iter()
                .map(|(_, line, units)| {
                    let mut body = self.line_body(order, *line);
                    body["quantity"] = json!(units);
                    body
                })
                .collect::<Vec<_>>(),
        })
    }

    fn refund_body(&self, order: &Order, made: &Refund) -> Value {
        json!({
            "id": made.id,
            "admin_graphql_api_id": format!("gid://shopify/Refund/{}", made.id),
            "order_id": order.id,
            "created_at": time(made.created_at),
            "processed_at": time(made.created_at),
            "note": made.note,
            "refund_line_items": made.lines
                .iter()
                .map(|line| json!({
                    "id": line.id,
                    "line_item_id": order.lines[line.line].id,
                    "quantity": line.quantity,
                    "restock_type": line.restock_type.to_ascii_lowercase(),
                }))
                .collect::<Vec<_>>(),
            "transactions": [],
        })
    }
}
