//! Money that a buyer's bank reserves, and that the shop takes later, once, within some days.

use std::time::Duration;

use domain::{Money, Time};
use serde_json::{Value, json};

use super::{
    mutations::{Arguments, refusals, user_error},
    order::Transaction,
    views::{gid, number_of},
    world::World,
};

/// How long a bank reserves money.
const RESERVED_FOR: Duration = Duration::from_secs(7 * 24 * 3600);

/// What the shop would not take, and why.
type FieldError = (&'static str, &'static str);

impl World {
    /// The bank reserves what an unpaid order costs.
    pub(super) fn authorize(&mut self, id: u64, now: Time) -> Result<(), &'static str> {
        let order = self.orders.get(&id).ok_or("the order is gone")?;
        if order.canceled.is_some() {
            return Err("the order is canceled");
        }
        if !order.transactions.is_empty() {
            return Err("the order has a payment");
        }
        let minor = order.gross_minor(self);
        let reserved = Transaction {
            id: self.id(),
            kind: "AUTHORIZATION",
            minor,
            parent: None,
            created_at: now,
        };
        if let Some(order) = self.orders.get_mut(&id) {
            order.transactions.push(reserved);
        }
        self.touch(id, now);
        self.tell_order(id, &["orders/updated"], now);
        Ok(())
    }

    /// It was longer ago than the bank waits.
    pub(super) fn lapse(&mut self, id: u64) -> Result<(), &'static str> {
        let order = self.orders.get_mut(&id).ok_or("the order is gone")?;
        let mut made = order.transactions.iter_mut();
        let reserved = made.find(|made| made.kind == "AUTHORIZATION");
        let reserved = reserved.ok_or("nothing is reserved")?;
        reserved.created_at = reserved.created_at.minus(RESERVED_FOR + RESERVED_FOR);
        Ok(())
    }

    fn take(&mut self, id: u64, parent: u64, minor: i64, now: Time) -> u64 {
        let made = self.id();
        let costs = self.orders.get(&id).map(|order| order.current_minor(self));
        let transaction = Transaction {
            id: made,
            kind: "CAPTURE",
            minor,
            parent: Some(parent),
            created_at: now,
        };
        if let Some(order) = self.orders.get_mut(&id) {
            order.transactions.push(transaction);
            order.is_part_paid = costs.is_some_and(|costs| order.paid_minor() < costs);
        }
        self.touch(id, now);
        let topics: &[_] = match self.orders.get(&id).is_some_and(|order| order.is_part_paid) {
            true => &["orders/updated"],
            false => &["orders/updated", "orders/paid"],
        };
        self.tell_order(id, topics, now);
        made
    }
}

/// `orderCapture`.
pub(super) fn capture(world: &mut World, arguments: &Arguments, now: Time) -> Value {
    match wanted(world, &arguments["input"], now) {
        Ok((order, parent, minor)) => {
            let made = world.take(order, parent, minor, now);
            world.writes += 1;
            let view = world.capture_view(order, made);
            json!({ "transaction": view, "userErrors": [] })
        }
        Err((field, message)) => refusals(vec![user_error(&[field.to_owned()], message)]),
    }
}

/// The order, the authorization, and how much of it.
fn wanted(world: &World, input: &Value, now: Time) -> Result<(u64, u64, i64), FieldError> {
    let id = number_of("Order", &input["id"]).filter(|id| world.live(*id).is_some());
    let id = id.ok_or(("id", "Order does not exist"))?;
    let order = &world.orders[&id];
    if order.canceled.is_some() {
        return Err(("id", "Order is cancelled"));
    }
    let parent = number_of("OrderTransaction", &input["parentTransactionId"]);
    let mut made = order.transactions.iter();
    let reserved = made.find(|made| Some(made.id) == parent && made.kind == "AUTHORIZATION");
    let reserved = reserved.ok_or(("parentTransactionId", "Parent transaction is invalid"))?;
    let mut made = order.transactions.iter();
    if made.any(|made| made.parent == Some(reserved.id)) {
        let message = "Authorization transaction was captured already";
        return Err(("parentTransactionId", message));
    }
    if now.since(reserved.created_at) > RESERVED_FOR {
        return Err(("parentTransactionId", "The authorization has expired"));
    }
    if input["currency"] != Value::Null && input["currency"] != json!(world.currency.code()) {
        return Err(("currency", "Currency does not match the order"));
    }
    let amount = match &input["amount"] {
        Value::String(text) => Money::parse(text, world.currency).ok(),
        Value::Number(number) => Money::parse(&number.to_string(), world.currency).ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let amount = amount.filter(|amount| amount.is_positive());
    let amount = amount.ok_or(("amount", "Amount is invalid"))?;
    if amount.minor() > reserved.minor {
        return Err(("amount", "Amount exceeds what was authorized"));
    }
    Ok((id, reserved.id, amount.minor()))
}

impl World {
    fn capture_view(&self, order: u64, made: u64) -> Value {
        let view = self.orders.get(&order).map(|order| self.order_view(order));
        let transactions = view.map(|mut view| view["transactions"].take());
        let id = json!(gid("OrderTransaction", made));
        let found = transactions.and_then(|all| {
            let mut all = all.as_array()?.iter();
            all.find(|one| one["id"] == id).cloned()
        });
        found.unwrap_or_default()
    }
}
