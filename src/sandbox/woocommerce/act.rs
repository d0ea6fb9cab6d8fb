//! Buyers at the storefront, and staff in the admin screens.
//!
//! A storefront order says that it was changed before it says that it was made. A buyer who comes too
//! late leaves a draft behind, which is announced like an order and is none.

use domain::{ExternalId, Sku, Time};
use serde_json::json;

use super::{Product, Unpaid, Woo, orders::Order, refunds::Wanted};
use crate::{Act, Done, Odd, Refused};

/// How long an order at the payment page keeps others from buying its units.
const HOLD_S: i64 = 60 * 60;

impl Woo {
    pub(super) fn carry_out(&mut self, act: &Act, now: Time) -> Result<Done, Refused> {
        match act {
            Act::Buy { basket, paid } => self.buy(basket, *paid, now),
            Act::Pay(id) => {
                let id = self.known(id)?;
                self.expect_status(
                    id,
                    &["pending", "on-hold", "failed"],
                    "it is not to be paid",
                )?;
                self.pay(id, now);
                self.changed(id, now)
            }
            Act::Cancel(id) => {
                let id = self.known(id)?;
                let open = ["pending", "on-hold", "processing", "failed"];
                self.expect_status(id, &open, "it is done with")?;
                self.set_status(id, "cancelled", now);
                self.changed(id, now)
            }
            Act::Ship(id) => {
                let id = self.known(id)?;
                self.expect_status(id, &["on-hold", "processing"], "it is not to be shipped")?;
                self.set_status(id, "completed", now);
                self.changed(id, now)
            }
            Act::Refund(id) => {
                let id = self.known(id)?;
                let paid = ["processing", "on-hold", "completed"];
                self.expect_status(id, &paid, "nothing was paid")?;
                let wanted = self.everything(id);
                self.refund(id, wanted, now)
                    .map_err(|_| Refused::Impossible("nothing is left to refund"))?;
                self.changed(id, now)
            }
            Act::CancelUnits(id, sku, units) => self.cancel_units(id, sku, *units, now),
            Act::Authorize(_) | Act::Lapse(_) => Err(Refused::Impossible("it reserves no money")),
            Act::Suspect(_) => Err(Refused::Impossible("it tells of no risk")),
            Act::Readdress(id, street) => self.readdress(id, street, now),
            Act::SetLevel(sku, level) => {
                let product = self
                    .by_sku(sku.as_str())
                    .ok_or_else(|| Refused::Unknown(sku.to_string()))?;
                if !product.is_counted {
                    return Err(Refused::Impossible("it is not counted"));
                }
                let id = product.id;
                if let Some(product) = self.products.get_mut(&id) {
                    product.stock = *level;
                }
                self.touch_product(id, now);
                Ok(Done::Level)
            }
            Act::Delete(id) => {
                let number = self.known(id)?;
                self.erase(number);
                Ok(Done::Order(id.clone()))
            }
            Act::Make(sku, Odd::Nameless) => {
                let product = self.by_sku(sku.as_str());
                let product = product.ok_or_else(|| Refused::Unknown(sku.to_string()))?;
                self.nameless.insert(product.sku.clone());
                Ok(Done::Level)
            }
            Act::Make(_, Odd::Locked | Odd::Unlocked) => {
                Err(Refused::Impossible("WooCommerce locks nothing"))
            }
        }
    }

    fn known(&self, id: &ExternalId) -> Result<u64, Refused> {
        let number = id.as_str().parse().ok();
        number
            .filter(|id| self.orders.get(id).is_some_and(|order| !order.is_deleted))
            .ok_or_else(|| Refused::Unknown(id.to_string()))
    }

    fn expect_status(
        &self,
        id: u64,
        allowed: &[&str],
        otherwise: &'static str,
    ) -> Result<(), Refused> {
        match allowed.contains(&self.orders[&id].status.as_str()) {
            true => Ok(()),
            false => Err(Refused::Impossible(otherwise)),
        }
    }

    fn readdress(&mut self, id: &ExternalId, street: &str, now: Time) -> Result<Done, Refused> {
        let number = self.known(id)?;
        let open = ["pending", "on-hold", "processing"];
        self.expect_status(number, &open, "it has left or is done with")?;
        if let Some(order) = self.orders.get_mut(&number) {
            order.shipping["address_1"] = street.into();
            order.modified_at = now;
        }
        self.changed(number, now)
    }

    /// A paid order cannot be edited, so staff refund the units and have them put back.
    fn cancel_units(
        &mut self,
        id: &ExternalId,
        sku: &Sku,
        units: u32,
        now: Time,
    ) -> Result<Done, Refused> {
        let number = self.known(id)?;
        self.expect_status(number, &["processing", "on-hold"], "it is done with")?;
        let mut all = self.everything(number);
        let order = &self.orders[&number];
        let line = order.lines.iter().find(|line| {
            let is_it = line.sku.as_deref() == Some(sku.as_str());
            is_it && line.units > i64::from(units)
        });
        let line = line.ok_or(Refused::Impossible(
            "so many of it cannot be canceled alone",
        ))?;
        let part = |minor: i64| minor * i64::from(units) / line.units;
        let (total_minor, tax_minor) = (part(line.total_minor), part(line.tax_minor));
        all.lines = vec![(line.id, i64::from(units), total_minor, tax_minor)];
        all.amount_minor = total_minor + tax_minor;
        self.refund(number, all, now)
            .map_err(|_| Refused::Impossible("so much is not left to refund"))?;
        self.changed(number, now)
    }

    fn changed(&mut self, id: u64, now: Time) -> Result<Done, Refused> {
        self.announce("order.updated", id, now);
        Ok(Done::Order(ExternalId::new(id.to_string())))
    }

    fn buy(&mut self, basket: &[(Sku, u32)], paid: bool, now: Time) -> Result<Done, Refused> {
        let mut products = Vec::new();
        for (sku, units) in basket {
            let product = self
                .by_sku(sku.as_str())
                .filter(|product| product.status == "publish")
                .ok_or_else(|| Refused::Unknown(sku.to_string()))?;
            products.push((product.clone(), i64::from(*units)));
        }
        let missing = products.iter().find(|(product, _)| {
            let same = products.iter().filter(|(other, _)| other.id == product.id);
            let wanted: i64 = same.map(|(_, units)| units).sum();
            product.is_counted && wanted > self.buyable(product, now)
        });
        let refused = missing.map(|(product, _)| product.sku.clone());
        let mut order = self.new_order("checkout-draft", "store-api", now);
        let id = order.id;
        self.address(&mut order);
        for (product, units) in &products {
            let line = self.new_line(Some(product), *units);
            order.lines.push(line);
        }
        self.orders.insert(id, order);
        self.announce("order.updated", id, now);
        if let Some(sku) = refused {
            let sku = Sku::new(&sku).map_err(|_| Refused::Unknown(sku))?;
            return Err(Refused::OutOfStock(sku));
        }
        for (product, _) in &products {
            self.remember_rush(product.id, now);
        }
        self.place(id, paid, now);
        self.announce("order.created", id, now);
        Ok(Done::Order(ExternalId::new(id.to_string())))
    }

    fn place(&mut self, id: u64, paid: bool, now: Time) {
        let Some(order) = self.orders.get_mut(&id) else {
            return;
        };
        let (method, status) = match (paid, self.options.unpaid) {
            (true, _) => ("stripe", "processing"),
            (false, Unpaid::OnHold) => ("bacs", "on-hold"),
            (false, Unpaid::Pending) => ("stripe", "pending"),
        };
        method.clone_into(&mut order.payment_method);
        order.paid_at = paid.then_some(now);
        self.set_status(id, status, now);
    }

    /// What a buyer can have of a product now.
    fn buyable(&self, product: &Product, now: Time) -> i64 {
        let level = match product.rush {
            // Whoever comes within the second of a sale is still shown what was there before it.
            Some((second, before)) if self.options.oversells && second == now.seconds() => before,
            Some(_) | None => product.stock,
        };
        let held: i64 = self
            .orders
            .values()
            .filter(|order| order.status == "pending" && order.via == "store-api")
            .filter(|order| now.seconds() - order.created_at.seconds() < HOLD_S)
            .flat_map(|order| &order.lines)
            .filter(|line| line.stocked() == product.id)
            .map(|line| line.units)
            .sum();
        level - held
    }

    fn remember_rush(&mut self, id: u64, now: Time) {
        if let Some(product) = self.products.get_mut(&id) {
            let second = now.seconds();
            if product.rush.is_none_or(|(known, _)| known != second) {
                product.rush = Some((second, product.stock));
            }
        }
    }

    /// Somebody's address, the same for billing and shipping.
    fn address(&mut self, order: &mut Order) {
        const NAMES: [(&str, &str); 4] = [
            ("Ada", "Löffler"),
            ("Ben", "Okafor"),
            ("Chloé", "Martin"),
            ("Dmitri", "Sørensen"),
        ];
        let (first, last) = NAMES[self.chance.usize(0..NAMES.len())];
        let address = json!({
            "first_name": first,
            "last_name": last,
            "company": "",
            "address_1": format!("Main Street {}", self.chance.u32(1..200)),
            "address_2": "",
            "city": "Berlin",
            "state": "",
            "postcode": format!("{:05}", self.chance.u32(10_000..14_000)),
            "country": "DE",
            "phone": "+49 30 0100",
        });
        order.shipping = address.clone();
        order.billing = address;
        order.billing["email"] = format!("buyer{}@example.com", order.id).into();
    }

    /// A refund of everything that is left, with the units back on the shelf, as the admin screen
    /// proposes it.
    fn everything(&self, id: u64) -> Wanted {
        let order = &self.orders[&id];
        let units_back = |line: u64| -> i64 {
            let refunds = order.refunds.iter().flat_map(|refund| &refund.lines);
            refunds
                .filter(|known| known.of == line)
                .map(|known| known.units)
                .sum()
        };
        Wanted {
            amount_minor: order.total_minor() - order.refunded_minor(),
            reason: String::new(),
            lines: order
                .lines
                .iter()
                .map(|line| {
                    let units = line.units - units_back(line.id);
                    (line.id, units, line.total_minor, line.tax_minor)
                })
                .filter(|(_, units, _, _)| *units > 0)
                .collect(),
            restocks: true,
            is_paid_back: true,
        }
    }
}
