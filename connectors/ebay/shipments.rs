//! Telling eBay what was shipped: one call per parcel.
//!
//! A parcel cannot be corrected or withdrawn there, so before a second try its list is read.

use async_trait::async_trait;
use channel::{Ack, ChannelError, PushShipments, ShipmentPush};
use domain::ExternalId;
use http::StatusCode;
use serde_json::{Value, json};

use crate::ebay::{Ebay, api, map, wire};

const OPERATION: &str = "tell of a shipment";
/// What eBay calls a carrier that is not in its list.
const OTHER: &str = "Other";
/// What eBay calls everything that its order does not allow, and what that mostly is.
const INVALID_INPUT: &str = "32600";
const INVALID_INPUT_MEANS: &str = "perhaps the order is being canceled there, or its lines were marked as \
                                   shipped there already";
/// The longest name of a carrier of our own that is compared with the table.
const CARRIER_MAX: usize = 60;

/// What admins write, in capital letters and digits only, and eBay's code for it (Trading API,
/// ShippingCarrierCodeType).
const CARRIERS: &[(&str, &str)] = &[
    ("AUSTRALIAPOST", "AustraliaPost"),
    ("BARTOLINI", "Bartolini"),
    ("BPOST", "BPost"),
    ("BRT", "Bartolini"),
    ("CHINAPOST", "ChinaPost"),
    ("CHRONOPOST", "Chronopost"),
    ("CORREOS", "Correos"),
    ("DEUTSCHEPOST", "DeutschePost"),
    ("DHL", "DHL"),
    ("DHLEXPRESS", "DHL"),
    ("DHLPAKET", "DHL"),
    ("FEDEX", "FedEx"),
    ("HERMES", "Hermes"),
    ("ILOXX", "iLoxx"),
    ("NACEX", "Nacex"),
    ("PARCELFORCE", "Parcelforce"),
    ("ROYALMAIL", "RoyalMail"),
    ("SEUR", "Seur"),
    ("UPS", "UPS"),
    ("USPS", "USPS"),
];

#[async_trait]
impl PushShipments for Ebay {
    async fn find(&self, shipment: &ShipmentPush) -> Result<Option<Ack>, ChannelError> {
        let order = order_id(shipment)?;
        let tracking = tracking_number(shipment);
        let wanted = match packed(shipment) {
            Ok(lines) => lines,
            Err(_) => return Ok(None),
        };
        let parcels = self.api.parcels(order).await?;
        Ok(parcels
            .into_iter()
            .find(|parcel| is_same(parcel, tracking.as_deref(), &wanted))
            .map(|parcel| Ack::Applied {
                reference: parcel.fulfillment_id.map(|id| ExternalId::new(id.0)),
            }))
    }

    async fn push(&self, shipment: &ShipmentPush) -> Result<Ack, ChannelError> {
        let order = order_id(shipment)?;
        let lines = match packed(shipment) {
            Ok(lines) => lines,
            Err(reason) => return Ok(Ack::Rejected { reason }),
        };
        // A parcel in the future is refused, and our clock may be ahead of eBay's.
        let shipped_at = shipment.shipped_at.min(self.api.now());
        let answer = self
            .api
            .create_parcel(order, body(shipment, &lines, &api::stamp(shipped_at)))
            .await?;
        if answer.status().is_success() {
            return Ok(Ack::Applied {
                reference: api::made(&answer).map(ExternalId::new),
            });
        }
        let mut reason = wire::refusal(answer.body());
        if answer.status() == StatusCode::CONFLICT {
            if let Some(found) = self.find(shipment).await? {
                return Ok(found);
            }
            if reason.starts_with(INVALID_INPUT) {
                reason.push_str("; ");
                reason.push_str(INVALID_INPUT_MEANS);
            }
        }
        Ok(Ack::Rejected { reason })
    }
}

fn order_id(shipment: &ShipmentPush) -> Result<&str, ChannelError> {
    let id = shipment.order.as_str();
    if api::is_id(id) {
        Ok(id)
    } else {
        Err(ChannelError::new(OPERATION, channel::ErrorKind::Gone))
    }
}

/// The lines of a parcel in whole units, sorted; or why eBay cannot be told of it.
fn packed(shipment: &ShipmentPush) -> Result<Vec<(&str, i64)>, String> {
    if shipment.lines.is_empty() {
        return Err("a parcel without lines would ship the whole order".to_owned());
    }
    let mut lines = shipment
        .lines
        .iter()
        .map(|(line, quantity)| match quantity.to_whole() {
            Some(units @ 1..) => Ok((line.as_str(), units)),
            Some(_) | None => Err(format!("eBay ships whole units, not {quantity}")),
        })
        .collect::<Result<Vec<_>, _>>()?;
    lines.sort_unstable();
    Ok(lines)
}

fn body(shipment: &ShipmentPush, lines: &[(&str, i64)], shipped_at: &str) -> Value {
    let lines: Vec<Value> = lines
        .iter()
        .map(|(line, units)| json!({ "lineItemId": line, "quantity": units }))
        .collect();
    let mut body = json!({ "lineItems": lines, "shippedDate": shipped_at });
    // The two come as a pair or not at all.
    if let Some(number) = tracking_number(shipment) {
        body["trackingNumber"] = json!(number);
        body["shippingCarrierCode"] = json!(carrier(shipment.carrier.as_deref()));
    }
    body
}

/// A tracking number as eBay takes it: letters and digits only.
fn tracking_number(shipment: &ShipmentPush) -> Option<String> {
    let number = stripped(shipment.tracking_number.as_deref()?);
    (!number.is_empty()).then_some(number)
}

fn stripped(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// eBay's code of a carrier.
fn carrier(name: Option<&str>) -> &'static str {
    let name: String = name.unwrap_or_default().chars().take(CARRIER_MAX).collect();
    let name = stripped(&name).to_ascii_uppercase();
    CARRIERS
        .iter()
        .find(|(ours, _)| *ours == name)
        .map_or(OTHER, |(_, code)| code)
}

/// Whether eBay's parcel is ours: by its tracking number, or without one by exactly its content.
fn is_same(parcel: &wire::Parcel, tracking: Option<&str>, wanted: &[(&str, i64)]) -> bool {
    let theirs = parcel
        .shipment_tracking_number
        .as_ref()
        .map(|number| stripped(&number.0))
        .filter(|number| !number.is_empty());
    match (tracking, theirs) {
        (Some(ours), Some(theirs)) => ours.eq_ignore_ascii_case(&theirs),
        (Some(_), None) | (None, Some(_)) => false,
        (None, None) => {
            let content: Result<Vec<(&str, i64)>, String> = parcel
                .line_items
                .iter()
                .map(|line| Ok((line.line_item_id.0.as_str(), map::packed_units(line)?)))
                .collect();
            content.is_ok_and(|mut content| {
                content.sort_unstable();
                content == wanted
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carriers_have_codes_and_strangers_are_other() {
        for (name, code) in [
            (Some("DHL"), "DHL"),
            (Some("dhl Paket"), "DHL"),
            (Some("Royal Mail"), "RoyalMail"),
            (Some("FedEx"), "FedEx"),
            (Some("Post of Nowhere"), "Other"),
            (Some(""), "Other"),
            (None, "Other"),
        ] {
            assert_eq!(carrier(name), code, "{name:?}");
        }
        assert!(CARRIERS.is_sorted(), "the table is kept in order");
    }
}
