//! What people do in the shop itself: cashiers, online buyers, and staff in the dashboard.

use std::collections::BTreeMap;

use domain::{ExternalId, Sku, Time};
use serde_json::{Value, json};

use super::{
    Square,
    orders::{Fulfillment, Line, Order, Stage, State},
};
use crate::{Done, Refused, TrueShipment};

/// What an online buyer pays for shipping.
const SHIPPING_MINOR: i64 = 490;

impl Square {
    /// A counter sale: paid, completed and off the level at once. `sold_at` lies before `now` when
    /// the till was offline.
    pub(super) fn sell_over_the_counter(
        &mut self,
        basket: &[(Sku, u32)],
        sold_at: Time,
        now: Time,
    ) -> Result<ExternalId, Refused> {
        // An offline till knows no counts and sells what lies there.
        if sold_at == now {
            self.check_counts(basket)?;
        }
        let lines = self.lines(basket)?;
        let id = self.place("Square Point of Sale", lines, None, sold_at, now);
        self.take_payment(&id, "CASH", now);
        if let Some(order) = self.orders.get_mut(&id) {
            order.close(State::Completed, now);
        }
        self.tell_of_order(&id, true, now);
        self.take_off(&id, sold_at, now);
        Ok(ExternalId::new(id))
    }

    /// An online order that waits for its payment. It takes nothing off the level yet.
    pub(super) fn order_online(
        &mut self,
        basket: &[(Sku, u32)],
        now: Time,
    ) -> Result<ExternalId, Refused> {
        self.check_counts(basket)?;
        let lines = self.lines(basket)?;
        let number = self.placed.len() + 1;
        let mut fulfillment = Fulfillment {
            uid: self.ids.opaque(22),
            stage: Stage::Proposed,
            details: BTreeMap::new(),
            metadata: BTreeMap::new(),
            recipient: recipient(number),
            times: BTreeMap::new(),
        };
        fulfillment.enter(Stage::Proposed, now);
        let id = self.place("Square Online", lines, Some(fulfillment), now, now);
        self.tell_of_order(&id, true, now);
        Ok(ExternalId::new(id))
    }

    /// Refuses a basket that holds more than the counts show.
    fn check_counts(&self, basket: &[(Sku, u32)]) -> Result<(), Refused> {
        let mut wanted: BTreeMap<&Sku, u32> = BTreeMap::new();
        for (sku, units) in basket {
            let sum = wanted.entry(sku).or_default();
            *sum = sum.saturating_add(*units);
        }
        for (sku, units) in wanted {
            let variation = self.catalog.by_sku(sku);
            let variation = variation.ok_or_else(|| Refused::Unknown(sku.to_string()))?;
            let is_short = variation.ledger.level() < i64::from(units);
            if variation.is_counted && units > 0 && is_short {
                return Err(Refused::OutOfStock(sku.clone()));
            }
        }
        Ok(())
    }

    pub(super) fn lines(&mut self, basket: &[(Sku, u32)]) -> Result<Vec<Line>, Refused> {
        if basket.iter().all(|(_, units)| *units == 0) {
            return Err(Refused::Impossible("there is nothing in the basket"));
        }
        let mut lines = Vec::new();
        for (sku, units) in basket.iter().filter(|(_, units)| *units > 0) {
            let uid = self.ids.opaque(22);
            let variation = self.catalog.by_sku(sku);
            let variation = variation.ok_or_else(|| Refused::Unknown(sku.to_string()))?;
            lines.push(Line {
                uid,
                variation: variation.id.clone(),
                sku: sku.clone(),
                units: *units,
                price_minor: variation.price_minor,
            });
        }
        Ok(lines)
    }

    pub(super) fn place(
        &mut self,
        source: &'static str,
        lines: Vec<Line>,
        fulfillment: Option<Fulfillment>,
        created_at: Time,
        now: Time,
    ) -> String {
        let id = self.ids.opaque(27);
        let order = Order {
            id: id.clone(),
            created_at,
            updated_at: now,
            closed_at: None,
            version: 1,
            state: State::Open,
            source,
            lines,
            words: BTreeMap::new(),
            metadata: BTreeMap::new(),
            shipping_minor: if fulfillment.is_some() {
                SHIPPING_MINOR
            } else {
                0
            },
            fulfillment,
            tenders: Vec::new(),
            parcels: Vec::new(),
        };
        self.orders.insert(id.clone(), order);
        self.placed.push(id.clone());
        id
    }

    /// Takes the units of an order off the levels.
    fn take_off(&mut self, id: &str, sold_at: Time, now: Time) {
        let units = self.orders.get(id).map(Order::units).unwrap_or_default();
        let mut touched = Vec::new();
        for (sku, units) in units {
            let Some(variation) = self.catalog.by_sku(&sku).map(|found| found.id.clone()) else {
                continue;
            };
            if let Some(variation) = self.catalog.by_id_mut(&variation)
                && variation.is_counted
            {
                variation.ledger.change(-i64::from(units), sold_at, now);
                touched.push(variation.id.clone());
            }
        }
        self.tell_of_counts(&touched, now);
    }

    /// An open order is paid; only then its units come off the level, even below nothing. One whose
    /// shipment is over already is completed with it.
    pub(super) fn pay(&mut self, id: &ExternalId, now: Time) -> Result<Done, Refused> {
        let order = self.known(id)?;
        if order.state != State::Open || self.due_minor(order) <= 0 {
            return Err(Refused::Impossible(
                "only an open order that is not paid can be paid",
            ));
        }
        self.pay_in(id, "CARD", now);
        Ok(Done::Order(id.clone()))
    }

    /// Money comes in for an open order.
    pub(super) fn pay_in(&mut self, id: &ExternalId, kind: &'static str, now: Time) {
        self.take_payment(id.as_str(), kind, now);
        if let Some(order) = self.orders.get_mut(id.as_str()) {
            order.touch(now);
            let mut fulfillments = order.fulfillment.iter();
            if fulfillments.all(|fulfillment| fulfillment.stage.is_over()) {
                order.close(State::Completed, now);
            }
        }
        self.tell_of_order(id.as_str(), false, now);
        self.take_off(id.as_str(), now, now);
    }

    /// Staff cancel in the dashboard, which gives the money back first.
    pub(super) fn cancel_by_staff(&mut self, id: &ExternalId, now: Time) -> Result<Done, Refused> {
        let order = self.known(id)?;
        let stage = order
            .fulfillment
            .as_ref()
            .map(|fulfillment| fulfillment.stage);
        let (State::Open, Some(stage)) = (order.state, stage) else {
            return Err(Refused::Impossible(
                "only an open online order can be canceled",
            ));
        };
        if stage.is_over() {
            return Err(Refused::Impossible("it has been shipped"));
        }
        self.give_all_back(id.as_str(), "Canceled by the shop", now);
        if let Some(order) = self.orders.get_mut(id.as_str()) {
            order.touch(now);
            order.close(State::Canceled, now);
            if let Some(fulfillment) = &mut order.fulfillment {
                fulfillment.enter(Stage::Canceled, now);
            }
        }
        self.tell_of_order(id.as_str(), false, now);
        self.tell_of_fulfillment(id.as_str(), stage, now);
        Ok(Done::Order(id.clone()))
    }

    /// Staff ship in the dashboard, which shows paid orders only.
    pub(super) fn ship_by_staff(&mut self, id: &ExternalId, now: Time) -> Result<Done, Refused> {
        let order = self.known(id)?;
        let stage = order
            .fulfillment
            .as_ref()
            .map(|fulfillment| fulfillment.stage);
        let (State::Open, Some(stage)) = (order.state, stage) else {
            return Err(Refused::Impossible("there is nothing to ship"));
        };
        if self.due_minor(order) > 0 {
            return Err(Refused::Impossible("it is not paid"));
        }
        let tracking = format!("9400{:018}", self.ids.0.u64(..1_000_000_000_000_000_000));
        if let Some(order) = self.orders.get_mut(id.as_str()) {
            let lines = if order.parcels.is_empty() {
                order.units()
            } else {
                Vec::new()
            };
            order.parcels.push(TrueShipment {
                carrier: "USPS".to_owned(),
                tracking_number: tracking.clone(),
                lines,
            });
            order.touch(now);
            order.close(State::Completed, now);
            if let Some(fulfillment) = &mut order.fulfillment {
                let details = &mut fulfillment.details;
                details.insert("carrier".to_owned(), "USPS".to_owned());
                details.insert("tracking_number".to_owned(), tracking);
                if !stage.is_over() {
                    fulfillment.enter(Stage::Completed, now);
                }
            }
        }
        self.tell_of_order(id.as_str(), false, now);
        self.tell_of_fulfillment(id.as_str(), stage, now);
        Ok(Done::Order(id.clone()))
    }

    /// Staff write another street into the shipment.
    pub(super) fn readdress_by_staff(
        &mut self,
        id: &ExternalId,
        street: &str,
        now: Time,
    ) -> Result<Done, Refused> {
        let order = self.known(id)?;
        let stage = order
            .fulfillment
            .as_ref()
            .map(|fulfillment| fulfillment.stage);
        let Some(stage) = stage.filter(|stage| !stage.is_over()) else {
            return Err(Refused::Impossible("there is nothing more to ship"));
        };
        if let Some(order) = self.orders.get_mut(id.as_str()) {
            order.touch(now);
            if let Some(fulfillment) = &mut order.fulfillment {
                fulfillment.recipient["address"]["address_line_1"] = json!(street);
            }
        }
        self.tell_of_order(id.as_str(), false, now);
        self.tell_of_fulfillment(id.as_str(), stage, now);
        Ok(Done::Order(id.clone()))
    }

    /// Staff give all the money back.
    pub(super) fn refund_by_staff(&mut self, id: &ExternalId, now: Time) -> Result<Done, Refused> {
        let order = self.known(id)?;
        if self.kept_minor(order) <= 0 {
            return Err(Refused::Impossible("there is no money to give back"));
        }
        self.give_all_back(id.as_str(), "Refunded by the shop", now);
        self.tell_of_order(id.as_str(), false, now);
        Ok(Done::Order(id.clone()))
    }

    /// Staff count what is there.
    pub(super) fn count_by_staff(
        &mut self,
        sku: &Sku,
        level: i64,
        now: Time,
    ) -> Result<Done, Refused> {
        let found = self.catalog.by_sku(sku);
        let found = found.ok_or_else(|| Refused::Unknown(sku.to_string()))?;
        let id = found.id.clone();
        if !found.is_counted {
            return Err(Refused::Impossible("it is not counted"));
        }
        if level < 0 {
            return Err(Refused::Impossible("a count cannot be negative"));
        }
        if let Some(variation) = self.catalog.by_id_mut(&id) {
            variation.ledger.count(level, now, now);
        }
        self.tell_of_counts(&[id], now);
        Ok(Done::Level)
    }

    fn known(&self, id: &ExternalId) -> Result<&Order, Refused> {
        let order = self.orders.get(id.as_str());
        order.ok_or_else(|| Refused::Unknown(id.to_string()))
    }
}

fn recipient(number: usize) -> Value {
    json!({
        "display_name": format!("Sandbox Buyer {number}"),
        "email_address": format!("buyer-{number}@example.com"),
        "phone_number": format!("+49 30 555 {number:04}"),
        "address": {
            "address_line_1": format!("Example Street {number}"),
            "locality": "Berlin",
            "postal_code": "10115",
            "country": "DE",
        },
    })
}
