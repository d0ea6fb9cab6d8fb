//! The wire: what Square writes, as far as we read it.
//!
//! Everything is optional that Square may leave out, unknown keys are ignored, `null` is the same as
//! absent, and numbers stay text until [`super::map`] reads them. Nothing here decides anything.

use serde::{Deserialize, Deserializer};
use serde_json::{Number, Value};

/// An amount in minor units.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Money {
    pub(super) amount: Option<Number>,
    pub(super) currency: Option<String>,
}

/// A sale, a return, or an exchange.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Order {
    pub(super) id: String,
    #[serde(default)]
    pub(super) location_id: Option<String>,
    #[serde(default)]
    pub(super) reference_id: Option<String>,
    #[serde(default)]
    pub(super) ticket_name: Option<String>,
    #[serde(default)]
    pub(super) source: Option<Source>,
    #[serde(default)]
    pub(super) state: Option<String>,
    #[serde(default)]
    pub(super) version: Option<Number>,
    #[serde(default)]
    pub(super) created_at: Option<String>,
    #[serde(default)]
    pub(super) updated_at: Option<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) line_items: Vec<Line>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) fulfillments: Vec<Fulfillment>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) tenders: Vec<Tender>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) refunds: Vec<Refund>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) returns: Vec<Return>,
    #[serde(default)]
    pub(super) total_money: Option<Money>,
    #[serde(default)]
    pub(super) total_tax_money: Option<Money>,
    #[serde(default)]
    pub(super) total_discount_money: Option<Money>,
    #[serde(default)]
    pub(super) total_service_charge_money: Option<Money>,
    #[serde(default)]
    pub(super) total_tip_money: Option<Money>,
    #[serde(default)]
    pub(super) total_card_surcharge_money: Option<Money>,
    #[serde(default)]
    pub(super) rounding_adjustment: Option<Rounding>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) taxes: Vec<Tax>,
    #[serde(default)]
    pub(super) net_amount_due_money: Option<Money>,
}

/// What was rounded away or on top, where small coins are not taken.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Rounding {
    pub(super) amount_money: Option<Money>,
}

/// A tax that applies to an order.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Tax {
    /// `ADDITIVE` or `INCLUSIVE`.
    pub(super) r#type: Option<String>,
}

/// Where an order comes from.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Source {
    pub(super) name: Option<String>,
}

/// A line of an order.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Line {
    pub(super) uid: Option<String>,
    pub(super) name: Option<String>,
    pub(super) variation_name: Option<String>,
    pub(super) quantity: Option<String>,
    pub(super) note: Option<String>,
    pub(super) catalog_object_id: Option<String>,
    pub(super) item_type: Option<String>,
    #[serde(deserialize_with = "null_is_empty")]
    pub(super) modifiers: Vec<Value>,
    pub(super) base_price_money: Option<Money>,
    pub(super) gross_sales_money: Option<Money>,
    pub(super) total_tax_money: Option<Money>,
    pub(super) total_discount_money: Option<Money>,
    pub(super) total_money: Option<Money>,
}

/// How some or all lines of an order reach the buyer.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Fulfillment {
    pub(super) uid: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) state: Option<String>,
    pub(super) line_item_application: Option<String>,
    #[serde(deserialize_with = "null_is_empty")]
    pub(super) entries: Vec<Entry>,
    #[serde(deserialize_with = "null_is_empty")]
    pub(super) metadata: std::collections::BTreeMap<String, String>,
    pub(super) shipment_details: Option<Details>,
    pub(super) pickup_details: Option<Details>,
    pub(super) delivery_details: Option<Details>,
}

/// So much of one line, in one fulfillment.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Entry {
    pub(super) line_item_uid: Option<String>,
    pub(super) quantity: Option<String>,
}

/// The details of a fulfillment; its three types have most of them in common.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Details {
    pub(super) recipient: Option<Recipient>,
    pub(super) carrier: Option<String>,
    pub(super) tracking_number: Option<String>,
    pub(super) shipping_note: Option<String>,
    pub(super) note: Option<String>,
    pub(super) expected_shipped_at: Option<String>,
    pub(super) pickup_at: Option<String>,
    pub(super) deliver_at: Option<String>,
}

/// Who receives it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Recipient {
    pub(super) display_name: Option<String>,
    pub(super) email_address: Option<String>,
    pub(super) phone_number: Option<String>,
    pub(super) address: Option<Address>,
}

/// A postal address.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Address {
    pub(super) address_line_1: Option<String>,
    pub(super) address_line_2: Option<String>,
    pub(super) address_line_3: Option<String>,
    pub(super) locality: Option<String>,
    pub(super) administrative_district_level_1: Option<String>,
    pub(super) postal_code: Option<String>,
    pub(super) country: Option<String>,
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
}

/// A payment towards an order.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Tender {
    pub(super) id: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) payment_id: Option<String>,
    pub(super) amount_money: Option<Money>,
    pub(super) card_details: Option<CardDetails>,
}

/// What is particular to a card.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct CardDetails {
    pub(super) status: Option<String>,
}

/// A refund within an order.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Refund {
    pub(super) status: Option<String>,
    pub(super) amount_money: Option<Money>,
}

/// Goods that came back.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Return {
    pub(super) source_order_id: Option<String>,
    #[serde(deserialize_with = "null_is_empty")]
    pub(super) return_line_items: Vec<ReturnLine>,
}

/// So much of one line came back.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct ReturnLine {
    pub(super) source_line_item_uid: Option<String>,
    pub(super) quantity: Option<String>,
}

/// A page of a search. The orders are read one by one, so that a bad one spoils no other.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Orders {
    #[serde(deserialize_with = "null_is_empty")]
    pub(super) orders: Vec<Value>,
    pub(super) cursor: Option<String>,
}

/// One order, as read or after an update.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct OneOrder {
    pub(super) order: Option<Value>,
}

/// A page of the catalog.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Objects {
    #[serde(deserialize_with = "null_is_empty")]
    pub(super) objects: Vec<Value>,
    pub(super) cursor: Option<String>,
}

/// A thing in the catalog: an item with its variations, or a variation.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Object {
    pub(super) id: String,
    #[serde(default)]
    pub(super) is_deleted: Option<bool>,
    #[serde(default)]
    pub(super) present_at_all_locations: Option<bool>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) present_at_location_ids: Vec<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) absent_at_location_ids: Vec<String>,
    #[serde(default)]
    pub(super) item_data: Option<Item>,
    #[serde(default)]
    pub(super) item_variation_data: Option<Variation>,
}

/// What several variations have in common.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Item {
    pub(super) name: Option<String>,
    #[serde(deserialize_with = "null_is_empty")]
    pub(super) variations: Vec<Value>,
}

/// What can be bought and counted.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Variation {
    pub(super) name: Option<String>,
    pub(super) sku: Option<String>,
    pub(super) upc: Option<String>,
    pub(super) price_money: Option<Money>,
    pub(super) track_inventory: Option<bool>,
    #[serde(deserialize_with = "null_is_empty")]
    pub(super) location_overrides: Vec<LocationOverride>,
}

/// What differs at one location.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct LocationOverride {
    pub(super) location_id: Option<String>,
    pub(super) price_money: Option<Money>,
    pub(super) track_inventory: Option<bool>,
}

/// Counts, after a read or a write.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Counts {
    #[serde(deserialize_with = "null_is_empty")]
    pub(super) counts: Vec<Count>,
    pub(super) cursor: Option<String>,
}

/// How much of a variation is in one state at one location.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Count {
    pub(super) catalog_object_id: Option<String>,
    pub(super) location_id: Option<String>,
    pub(super) state: Option<String>,
    pub(super) quantity: Option<String>,
    pub(super) calculated_at: Option<String>,
}

/// A refund that was asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct OneRefund {
    pub(super) refund: Option<PaymentRefund>,
}

/// A page of refunds.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Refunds {
    #[serde(deserialize_with = "null_is_empty")]
    pub(super) refunds: Vec<PaymentRefund>,
    pub(super) cursor: Option<String>,
}

/// A refund of a payment.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct PaymentRefund {
    pub(super) id: Option<String>,
    pub(super) status: Option<String>,
    pub(super) payment_id: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) amount_money: Option<Money>,
}

/// A location: a shop, a till.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct OneLocation {
    pub(super) location: Option<Location>,
}

/// What a location says of itself.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Location {
    pub(super) name: Option<String>,
    pub(super) business_name: Option<String>,
    pub(super) status: Option<String>,
}

/// A page of hook subscriptions.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Subscriptions {
    #[serde(deserialize_with = "null_is_empty")]
    pub(super) subscriptions: Vec<Subscription>,
    pub(super) cursor: Option<String>,
}

/// One hook subscription, as made or changed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct OneSubscription {
    pub(super) subscription: Option<Subscription>,
}

/// A hook subscription. Its key is a secret: this type is never printed.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Subscription {
    pub(super) id: Option<String>,
    pub(super) enabled: Option<bool>,
    #[serde(deserialize_with = "null_is_empty")]
    pub(super) event_types: Vec<String>,
    pub(super) notification_url: Option<String>,
    pub(super) signature_key: Option<String>,
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Subscription({:?}, …)", self.id)
    }
}

/// New tokens.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Tokens {
    pub(super) access_token: Option<String>,
    pub(super) refresh_token: Option<String>,
    pub(super) expires_at: Option<String>,
}

/// Why Square will not do something.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Errors {
    #[serde(deserialize_with = "null_is_empty")]
    pub(super) errors: Vec<Error>,
}

/// One reason.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Error {
    pub(super) code: Option<String>,
    pub(super) detail: Option<String>,
    pub(super) field: Option<String>,
}

/// The envelope of a hook.
#[derive(Debug, Deserialize)]
pub(super) struct Event {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) data: Option<EventBody>,
}

/// What a hook is about; the keys that `object` holds depend on the kind of event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct EventBody {
    pub(super) object: Option<Value>,
}

/// What all events about an order, a payment or a refund have in common.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AboutOrder {
    pub(super) order_id: Option<String>,
    pub(super) location_id: Option<String>,
}

fn null_is_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}
