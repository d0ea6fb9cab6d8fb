//! What buyers and staff do in the shop itself, past its API.

use domain::{ExternalId, Sku, Time};

use crate::{Act, Done, Refused};

use super::{
    Shopify,
    order::{Line, Order, Tracking},
    world::CancelJob,
};

impl Shopify {
    /// Somebody does something in the shop.
    pub(super) fn perform(&mut self, act: &Act, now: Time) -> Result<Done, Refused> {
        match act {
            Act::Buy { basket, paid } => {
                let id = self.world.buy(basket, *paid, now)?;
                Ok(Done::Order(ExternalId::new(id.to_string())))
            }
            Act::SetLevel(sku, level) => {
                let place = self.world.variant_of(sku);
                let place = place.ok_or_else(|| Refused::Unknown(sku.to_string()))?;
                let variant = &self.world.variants[place];
                if !variant.is_tracked {
                    return Err(Refused::Impossible("the product is not counted"));
                }
                let change = level - variant.available;
                self.world.move_level(place, change, 0, now);
                Ok(Done::Level)
            }
            Act::Pay(id) => self.on_order(id, now, Shopify::pay),
            Act::Authorize(id) => {
                self.on_order(id, now, |shop, id, now| shop.world.authorize(id, now))
            }
            Act::Lapse(id) => self.on_order(id, now, |shop, id, _| shop.world.lapse(id)),
            Act::Cancel(id) => self.on_order(id, now, Shopify::cancel),
            Act::Ship(id) => self.on_order(id, now, Shopify::ship),
            Act::Refund(id) => self.on_order(id, now, Shopify::refund),
            Act::CancelUnits(id, sku, units) => {
                let (sku, units) = (sku.clone(), i64::from(*units));
                self.on_order(id, now, move |shop, id, now| {
                    shop.cancel_units(id, &sku, units, now)
                })
            }
            Act::Readdress(id, street) => {
                let street = street.clone();
                self.on_order(id, now, move |shop, id, now| {
                    shop.readdress(id, street, now);
                    Ok(())
                })
            }
            Act::Suspect(id) => self.on_order(id, now, |shop, id, now| {
                shop.suspect(id, now);
                Ok(())
            }),
            Act::Delete(id) => self.on_order(id, now, Shopify::delete),
            Act::Make(..) => Err(Refused::Impossible("nothing on Shopify is odd")),
        }
    }

    fn on_order(
        &mut self,
        id: &ExternalId,
        now: Time,
        act: impl FnOnce(&mut Shopify, u64, Time) -> Result<(), &'static str>,
    ) -> Result<Done, Refused> {
        let unknown = || Refused::Unknown(id.to_string());
        let number: u64 = id.as_str().parse().map_err(|_| unknown())?;
        if self.world.live(number).is_none() {
            return Err(unknown());
        }
        act(self, number, now).map_err(Refused::Impossible)?;
        Ok(Done::Order(id.clone()))
    }

    fn order(&self, id: u64) -> &Order {
        &self.world.orders[&id]
    }

    fn pay(&mut self, id: u64, now: Time) -> Result<(), &'static str> {
        self.world.pay(id, now)
    }

    /// Staff cancel with restock and give the money back.
    fn cancel(&mut self, id: u64, now: Time) -> Result<(), &'static str> {
        let order = self.order(id);
        if order.canceled.is_some() {
            return Err("the order is canceled");
        }
        if order.shipments().next().is_some() {
            return Err("something of the order was shipped");
        }
        let job = CancelJob {
            id: String::new(),
            due: now,
            order: id,
            reason: "CUSTOMER".to_owned(),
            restock: true,
            refund: true,
        };
        self.world.cancel(&job, now);
        Ok(())
    }

    fn ship(&mut self, id: u64, now: Time) -> Result<(), &'static str> {
        let open = self.world.open_units(id);
        if open.is_empty() {
            return Err("nothing is left to ship");
        }
        let number = self.world.chance.u32(10_000_000..100_000_000);
        let tracking = Tracking {
            company: Some("Other".to_owned()),
            numbers: vec![format!("STAFF{number}")],
            urls: Vec::new(),
        };
        self.world.ship(id, &open, tracking, now);
        Ok(())
    }

    /// Staff refund everything: what was not shipped goes back on the shelf, the rest is let go.
    fn refund(&mut self, id: u64, now: Time) -> Result<(), &'static str> {
        let payments = self.world.refundable(id);
        if payments.is_empty() {
            return Err("there is nothing to give back");
        }
        let order = self.order(id);
        let mut lines = Vec::new();
        for (place, line) in order.lines.iter().enumerate() {
            let open = order.unfulfilled(place).min(line.quantity - line.removed);
            let rest = line.quantity - line.removed - open;
            for (units, restock_type) in [(open, "CANCEL"), (rest, "NO_RESTOCK")] {
                if units > 0 {
                    lines.push((place, units, restock_type.to_owned()));
                }
            }
        }
        self.world.refund(id, lines, payments, None, now);
        Ok(())
    }

    /// Staff refund units that did not leave, and put them on sale again.
    fn cancel_units(
        &mut self,
        id: u64,
        sku: &Sku,
        units: i64,
        now: Time,
    ) -> Result<(), &'static str> {
        let Some((payment, left)) = self.world.refundable(id).first().copied() else {
            return Err("there is nothing to give back");
        };
        let order = self.order(id);
        let is_it = |line: &Line| self.world.variants[line.variant].sku == *sku;
        let place = order.lines.iter().position(is_it);
        let place = place.filter(|place| order.unfulfilled(*place) >= units);
        let place = place.ok_or("so many of it are not open")?;
        let price = self.world.variants[order.lines[place].variant]
            .price
            .minor();
        let payments = vec![(payment, (price * units).min(left))];
        let lines = vec![(place, units, "CANCEL".to_owned())];
        self.world.refund(id, lines, payments, None, now);
        Ok(())
    }

    fn readdress(&mut self, id: u64, street: String, now: Time) {
        if let Some(order) = self.world.orders.get_mut(&id) {
            order.street = Some(street);
        }
        self.world.touch(id, now);
        self.world.tell_order(id, &["orders/updated"], now);
    }

    fn suspect(&mut self, id: u64, now: Time) {
        if let Some(order) = self.world.orders.get_mut(&id) {
            order.is_suspect = true;
        }
        self.world.touch(id, now);
        self.world.tell_order(id, &["orders/updated"], now);
    }

    /// Staff may delete what is canceled, and what nothing was shipped of.
    fn delete(&mut self, id: u64, now: Time) -> Result<(), &'static str> {
        let order = self.order(id);
        if order.canceled.is_none() && order.shipments().next().is_some() {
            return Err("something of the order was shipped");
        }
        self.world.delete(id, now);
        Ok(())
    }
}
