//! Telling a shop what was shipped, canceling, and giving money back.
//!
//! WooCommerce has no idempotency keys, so every step is found again before it is taken:
//!
//! 1. One `PUT` writes our parcel into the order's meta (under the key of the push) and, with the last
//!    parcel, the status. The same `PUT` twice is the same as once.
//! 2. Then the buyer is told, by the one write that is not: a note, a tracking entry or a fulfillment.
//!    It carries a short reference of the key and is looked for first.
//!
//! A shipment is done when both are there. Broken off between them, `find` sees nothing whole, and the
//! next `push` finds what is there and adds what is missing.

use channel::{
    Ack, CancelOrders, Cancellation, ChannelError, PushShipments, RefundOrders, RefundPush,
    ShipmentPush,
};
use domain::{ExternalId, Money};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    Telling, Woo,
    map::{self, PARCELS_KEY, Parcel},
    wire::{self, Id},
};

#[async_trait::async_trait]
impl PushShipments for Woo {
    async fn find(&self, shipment: &ShipmentPush) -> Result<Option<Ack>, ChannelError> {
        let id = order_id(&shipment.order, "find a shipment")?;
        let order: wire::Order = self.api.order(&id).await?;
        if !is_written(&order, shipment) {
            return Ok(None);
        }
        let told = self.find_told(&id, shipment).await?;
        Ok(told.map(|reference| Ack::Applied { reference }))
    }

    async fn push(&self, shipment: &ShipmentPush) -> Result<Ack, ChannelError> {
        let id = order_id(&shipment.order, "push a shipment")?;
        let order: wire::Order = self.api.order(&id).await?;
        // Completing an order that is over would bring it back to life.
        if matches!(
            order.status.as_str(),
            "cancelled" | "failed" | "refunded" | "trash" | "checkout-draft" | "auto-draft"
        ) {
            return Ok(refuse(&order, "it cannot be shipped"));
        }
        if !is_written(&order, shipment) {
            let body = written(&order, shipment);
            self.api.update_order("push a shipment", &id, &body).await?;
        }
        let reference = match self.find_told(&id, shipment).await? {
            Some(reference) => reference,
            None => Some(self.tell(&id, &order, shipment).await?),
        };
        Ok(Ack::Applied { reference })
    }
}

impl Woo {
    /// Whether the buyer has been told; with the shop's id of what tells it, where there is one.
    async fn find_told(
        &self,
        order: &Id,
        shipment: &ShipmentPush,
    ) -> Result<Option<Option<ExternalId>>, ChannelError> {
        let mark = mark(&shipment.key);
        match self.tracking {
            Telling::Note => {
                let notes = self.api.notes(order).await?;
                let is_told = notes.iter().any(|note| note.note.as_str().contains(&mark));
                Ok(is_told.then_some(None))
            }
            Telling::ShipmentTracking => {
                let Some(number) = &shipment.tracking_number else {
                    // The extension knows nothing but numbers; the status has said the rest.
                    return Ok(Some(None));
                };
                let entries: Vec<wire::Tracking> = self
                    .api
                    .get("read tracking entries", &trackings(order), &[])
                    .await?;
                let entry = entries
                    .iter()
                    .find(|entry| entry.tracking_number.as_str() == number);
                Ok(entry.map(|entry| entry.tracking_id.filled().map(ExternalId::new)))
            }
            Telling::Fulfillments => {
                let answer: Value = self
                    .api
                    .get("read fulfillments", &fulfillments(order), &[])
                    .await?;
                let found = unwrap_list(&answer, "fulfillments")?;
                let ours = found.into_iter().find(|fulfillment| {
                    let mut meta = fulfillment.meta_data.iter();
                    meta.any(|meta| {
                        meta.key.as_str() == MARK_KEY && meta.value.as_str() == Some(&mark)
                    })
                });
                Ok(ours.map(|fulfillment| Some(ExternalId::new(fulfillment.id.as_str()))))
            }
        }
    }

    /// Tells the buyer.
    async fn tell(
        &self,
        id: &Id,
        order: &wire::Order,
        shipment: &ShipmentPush,
    ) -> Result<ExternalId, ChannelError> {
        let operation = "push a shipment";
        let carrier = shipment.carrier.as_deref().unwrap_or("");
        let number = shipment.tracking_number.as_deref().unwrap_or("");
        let url = shipment.tracking_url.as_deref().unwrap_or("");
        match self.tracking {
            Telling::Note => {
                let route = format!("wc/v3/orders/{}/notes", id.as_str());
                let body = json!({ "note": note(order, shipment), "customer_note": true });
                let made: wire::Named = self.api.add(operation, &route, &body).await?;
                Ok(ExternalId::new(made.id.as_str()))
            }
            Telling::ShipmentTracking => {
                let shipped_at = shipment.shipped_at.to_naive_utc();
                let body = json!({
                    "custom_tracking_provider": carrier,
                    "custom_tracking_link": url,
                    "tracking_number": number,
                    "date_shipped": shipped_at.split('T').next().unwrap_or(""),
                });
                let made: wire::Tracking = self.api.add(operation, &trackings(id), &body).await?;
                Ok(ExternalId::new(made.tracking_id.as_str()))
            }
            Telling::Fulfillments => {
                let items: Vec<Value> = shipment
                    .lines
                    .iter()
                    .filter_map(|(line, units)| {
                        let line = Id::parse(line.as_str())?;
                        Some(json!({ "item_id": line.number(), "qty": units.to_whole()? }))
                    })
                    .collect();
                let meta = |key: &str, value: Value| json!({ "key": key, "value": value });
                let body = json!({
                    "status": "fulfilled",
                    "is_fulfilled": true,
                    "meta_data": [
                        meta("_items", items.into()),
                        meta("_tracking_number", number.into()),
                        meta("_shipment_provider", carrier.into()),
                        meta("_tracking_url", url.into()),
                        meta(MARK_KEY, mark(&shipment.key).into()),
                    ],
                });
                let answer: Value = self.api.add(operation, &fulfillments(id), &body).await?;
                let inner = answer.get("fulfillment").unwrap_or(&answer);
                let made = wire::Named::deserialize(inner).map_err(|error| {
                    let reason = error.to_string();
                    ChannelError::new(operation, channel::ErrorKind::Ambiguous { reason })
                })?;
                Ok(ExternalId::new(made.id.as_str()))
            }
        }
    }
}

/// The key of our reference in the meta of a fulfillment.
const MARK_KEY: &str = "_oneshelf_reference";

/// Whether the order says everything that step one writes.
fn is_written(order: &wire::Order, shipment: &ShipmentPush) -> bool {
    let is_known = map::parcels(&order.meta_data)
        .iter()
        .any(|parcel| parcel.key == shipment.key);
    is_known && (!shipment.completes || order.status == "completed")
}

/// The fields of the order with our parcel among them; those of earlier pushes stay.
fn written(order: &wire::Order, shipment: &ShipmentPush) -> Value {
    let mut parcels = map::parcels(&order.meta_data);
    if parcels.iter().all(|parcel| parcel.key != shipment.key) {
        let lines = shipment.lines.iter();
        parcels.push(Parcel {
            key: shipment.key.clone(),
            carrier: shipment.carrier.clone().unwrap_or_default(),
            number: shipment.tracking_number.clone().unwrap_or_default(),
            url: shipment.tracking_url.clone().unwrap_or_default(),
            lines: lines
                .map(|(line, units)| (line.as_str().to_owned(), *units))
                .collect(),
        });
    }
    let mut meta = json!({ "key": PARCELS_KEY, "value": parcels });
    let known = order
        .meta_data
        .iter()
        .find(|meta| meta.key.as_str() == PARCELS_KEY);
    if let Some(id) = known.and_then(|known| known.id.as_ref()) {
        meta["id"] = id.number();
    }
    let mut body = json!({ "meta_data": [meta] });
    if shipment.completes && order.status != "completed" {
        body["status"] = "completed".into();
    }
    body
}

/// What the buyer reads.
fn note(order: &wire::Order, shipment: &ShipmentPush) -> String {
    let mut note = "Shipped".to_owned();
    if let Some(carrier) = &shipment.carrier {
        note.push_str(&format!(" with {carrier}"));
    }
    if let Some(number) = &shipment.tracking_number {
        note.push_str(&format!(", tracking number {number}"));
    }
    let items: Vec<String> = shipment
        .lines
        .iter()
        .map(|(id, units)| {
            let mut lines = order.line_items.iter();
            let line = lines.find(|line| line.id.as_str() == id.as_str());
            let name = line.map_or("item", |line| {
                line.sku.filled().unwrap_or(line.name.as_str())
            });
            format!("{units} x {name}")
        })
        .collect();
    if !items.is_empty() {
        note.push_str(&format!(": {}", items.join(", ")));
    }
    note.push('.');
    if let Some(url) = &shipment.tracking_url {
        note.push_str(&format!(" Follow it at {url} ."));
    }
    note.push_str(&format!(" ({})", mark(&shipment.key)));
    note
}

/// A short reference of a key that people can bear to read: the shop's texts are found again by it.
fn mark(key: &str) -> String {
    let hash = Sha256::digest(key.as_bytes());
    let hex: String = hash.iter().take(6).map(|b| format!("{b:02x}")).collect();
    format!("ref os-{hex}")
}

fn trackings(order: &Id) -> String {
    let id = order.as_str();
    format!("wc-shipment-tracking/v3/orders/{id}/shipment-trackings")
}

fn fulfillments(order: &Id) -> String {
    format!("wc/v3/orders/{}/fulfillments", order.as_str())
}

/// A list, or an object with the list under a name.
fn unwrap_list(answer: &Value, name: &str) -> Result<Vec<wire::Fulfillment>, ChannelError> {
    let inner = answer.get(name).unwrap_or(answer);
    wire::list(inner)
        .map_err(|error| ChannelError::malformed("read fulfillments", error.to_string()))
}

#[async_trait::async_trait]
impl CancelOrders for Woo {
    async fn cancel(&self, cancellation: &Cancellation) -> Result<Ack, ChannelError> {
        let operation = "cancel an order";
        let id = order_id(&cancellation.order, operation)?;
        let order: wire::Order = self.api.order(&id).await?;
        match order.status.as_str() {
            "cancelled" => return Ok(Ack::Applied { reference: None }),
            // A write revives an order from the bin, without a hook.
            "trash" | "completed" | "refunded" => {
                return Ok(refuse(&order, "it cannot be canceled"));
            }
            _ => {}
        }
        let body = json!({ "status": "cancelled" });
        self.api.update_order(operation, &id, &body).await?;
        Ok(Ack::Applied { reference: None })
    }
}

#[async_trait::async_trait]
impl RefundOrders for Woo {
    async fn find(&self, refund: &RefundPush) -> Result<Option<Ack>, ChannelError> {
        let id = order_id(&refund.order, "find a refund")?;
        let order: wire::Order = self.api.order(&id).await?;
        let mark = mark(&refund.key);
        let ours = order
            .refunds
            .iter()
            .find(|made| made.reason.as_str().contains(&mark));
        Ok(ours.map(|made| Ack::Applied {
            reference: Some(ExternalId::new(made.id.as_str())),
        }))
    }

    async fn refund(&self, refund: &RefundPush) -> Result<Ack, ChannelError> {
        let operation = "refund an order";
        let id = order_id(&refund.order, operation)?;
        let order: wire::Order = self.api.order(&id).await?;
        if order.currency != refund.amount.currency().code() {
            return Ok(refuse(&order, "it is in another currency"));
        }
        let mut lines = Vec::new();
        for (line, units, money) in &refund.lines {
            let line = order
                .line_items
                .iter()
                .find(|known| known.id.as_str() == line.as_str());
            let Some((line, units)) = line.zip(units.to_whole()) else {
                return Ok(refuse(&order, "it has no such line, or not in such units"));
            };
            lines.push(refund_line(line, units, *money));
        }
        let body = json!({
            "amount": refund.amount.amount(),
            "reason": format!("{} ({})", refund.reason, mark(&refund.key)).trim(),
            "api_refund": self.refund_through_gateway,
            "api_restock": refund.restock,
            "line_items": lines,
        });
        let route = format!("wc/v3/orders/{}/refunds", id.as_str());
        let made: wire::Named = self.api.add(operation, &route, &body).await?;
        Ok(Ack::Applied {
            reference: Some(ExternalId::new(made.id.as_str())),
        })
    }
}

/// A line of a refund. WooCommerce wants the amount without tax, and each tax apart: what is given back
/// is split as the line itself was, and rounding goes to the amount without tax.
fn refund_line(line: &wire::Line, units: i64, money: Money) -> Value {
    let currency = money.currency();
    let minor = |text: &str| Money::parse(text, currency).map_or(0, Money::minor);
    let taxes: Vec<(&Id, i64)> = line
        .taxes
        .iter()
        .map(|tax| (&tax.id, minor(tax.total.as_str())))
        .filter(|(_, tax)| *tax > 0)
        .collect();
    let whole = minor(line.total.as_str()) + taxes.iter().map(|(_, tax)| tax).sum::<i64>();
    let mut without_tax = money.minor();
    let mut refund_tax = Vec::new();
    for (id, tax) in taxes {
        // Amounts are bounded far below where the product of two leaves 128 bits.
        let share = i128::from(money.minor()) * i128::from(tax) / i128::from(whole.max(1));
        let share = i64::try_from(share).unwrap_or(0);
        without_tax -= share;
        refund_tax.push(json!({ "id": id.number(), "refund_total": text(share, money) }));
    }
    json!({
        "id": line.id.number(),
        "quantity": units,
        "refund_total": text(without_tax, money),
        "refund_tax": refund_tax,
    })
}

/// Minor units as the decimal text that WooCommerce takes for a number.
fn text(minor: i64, like: Money) -> String {
    Money::from_minor(minor, like.currency()).map_or_else(|_| like.amount(), Money::amount)
}

fn order_id(id: &ExternalId, operation: &'static str) -> Result<Id, ChannelError> {
    Id::parse(id.as_str())
        .ok_or_else(|| ChannelError::rejected(operation, "the shop numbers its orders"))
}

fn refuse(order: &wire::Order, what: &str) -> Ack {
    Ack::Rejected {
        reason: format!(
            "the order is {} in the shop: {what}",
            order.status.chars().take(60).collect::<String>()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_is_split_as_the_line_was() {
        let line: wire::Line = serde_json::from_value(json!({
            "id": 60, "quantity": 4, "total": "22.00", "total_tax": "2.20",
            "taxes": [{ "id": 1, "total": "1.98" }, { "id": 2, "total": "0.22" }],
        }))
        .expect("a line");
        let usd = domain::Currency::new("USD").expect("a currency");
        let money = |text| Money::parse(text, usd).expect("money");
        assert_eq!(
            refund_line(&line, 1, money("6.05")),
            json!({
                "id": 60, "quantity": 1, "refund_total": "5.51",
                "refund_tax": [
                    { "id": 1, "refund_total": "0.49" },
                    { "id": 2, "refund_total": "0.05" },
                ],
            })
        );
    }
}
