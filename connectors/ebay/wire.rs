//! The wire: what eBay writes, read tolerantly. Unknown fields are ignored, missing and `null` ones
//! have defaults, ids and amounts stay text.
//!
//! No word is interpreted here; that is `map`'s task.

use std::fmt;

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

/// A text, or a number as it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Text(pub(super) String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a number")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Text, E> {
                serde_json::Number::from_f64(number)
                    .map(|number| Text(number.to_string()))
                    .ok_or_else(|| E::custom("not a finite number"))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

/// `null` where a list or a container was promised is an empty one.
fn nullable<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

// Tokens.

#[derive(Deserialize)]
pub(super) struct Token {
    pub(super) access_token: Text,
    pub(super) expires_in: Option<u64>,
    pub(super) refresh_token: Option<Text>,
}

#[derive(Deserialize)]
pub(super) struct OauthRefusal {
    pub(super) error: String,
    pub(super) error_description: Option<String>,
}

// Orders.

#[derive(Debug, Deserialize)]
pub(super) struct OrderPage {
    /// Each is read on its own, so that a malformed one does not hide the others.
    #[serde(default, deserialize_with = "nullable")]
    pub(super) orders: Vec<Value>,
    pub(super) next: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Order {
    pub(super) order_id: Text,
    pub(super) legacy_order_id: Option<Text>,
    pub(super) sales_record_reference: Option<Text>,
    pub(super) creation_date: String,
    pub(super) last_modified_date: String,
    pub(super) order_fulfillment_status: Option<String>,
    pub(super) order_payment_status: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) cancel_status: CancelStatus,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) buyer: Buyer,
    pub(super) buyer_checkout_notes: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) fulfillment_start_instructions: Vec<Instruction>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) pricing_summary: Pricing,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) payment_summary: PaymentSummary,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) line_items: Vec<Line>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CancelStatus {
    pub(super) cancel_state: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) cancel_requests: Vec<CancelRequest>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CancelRequest {
    pub(super) cancel_request_id: Option<Text>,
    pub(super) cancel_initiator: Option<String>,
    pub(super) cancel_reason: Option<String>,
    pub(super) cancel_completed_date: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Buyer {
    pub(super) username: Option<String>,
    pub(super) buyer_registration_address: Option<Contact>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Instruction {
    pub(super) fulfillment_instructions_type: Option<String>,
    pub(super) ebay_supported_fulfillment: Option<bool>,
    pub(super) shipping_step: Option<ShippingStep>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShippingStep {
    pub(super) ship_to: Option<Contact>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Contact {
    pub(super) full_name: Option<String>,
    pub(super) company_name: Option<String>,
    pub(super) email: Option<String>,
    pub(super) primary_phone: Option<Phone>,
    pub(super) contact_address: Option<PostalAddress>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Phone {
    pub(super) phone_number: Option<Text>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PostalAddress {
    pub(super) address_line1: Option<String>,
    pub(super) address_line2: Option<String>,
    pub(super) city: Option<String>,
    pub(super) county: Option<String>,
    pub(super) state_or_province: Option<String>,
    pub(super) postal_code: Option<Text>,
    pub(super) country_code: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Amount {
    pub(super) value: Text,
    pub(super) currency: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pricing {
    pub(super) adjustment: Option<Amount>,
    pub(super) fee: Option<Amount>,
    pub(super) delivery_cost: Option<Amount>,
    pub(super) delivery_discount: Option<Amount>,
    pub(super) price_discount: Option<Amount>,
    pub(super) tax: Option<Amount>,
    pub(super) total: Option<Amount>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct PaymentSummary {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) payments: Vec<Payment>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) refunds: Vec<Refund>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Payment {
    pub(super) payment_date: Option<String>,
}

/// A refund of an order, or of a line (which has no status).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Refund {
    pub(super) amount: Option<Amount>,
    pub(super) refund_date: Option<String>,
    pub(super) refund_id: Option<Text>,
    pub(super) refund_status: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Line {
    pub(super) line_item_id: Text,
    pub(super) sku: Option<Text>,
    pub(super) title: Option<String>,
    pub(super) quantity: Text,
    pub(super) line_item_cost: Option<Amount>,
    pub(super) discounted_line_item_cost: Option<Amount>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) taxes: Vec<Tax>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) refunds: Vec<Refund>,
    pub(super) line_item_fulfillment_status: Option<String>,
    pub(super) line_item_fulfillment_instructions: Option<LineInstructions>,
    pub(super) gift_details: Option<Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Tax {
    pub(super) amount: Option<Amount>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LineInstructions {
    pub(super) ship_by_date: Option<String>,
    pub(super) max_estimated_delivery_date: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ParcelPage {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) fulfillments: Vec<Parcel>,
}

/// What eBay calls a shipping fulfillment.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Parcel {
    pub(super) fulfillment_id: Option<Text>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) line_items: Vec<ParcelLine>,
    pub(super) shipment_tracking_number: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ParcelLine {
    pub(super) line_item_id: Text,
    pub(super) quantity: Option<Text>,
}

// Cancellation and refund.

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Eligibility {
    pub(super) eligible: bool,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) eligible_cancel_reason: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) failure_reason: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cancellation {
    pub(super) cancel_id: Option<Text>,
    pub(super) order_eligibility_result: Option<Eligibility>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RefundAnswer {
    pub(super) refund_id: Option<Text>,
    pub(super) refund_status: Option<String>,
}

// Stock.

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ItemPage {
    /// Each is read on its own, as orders are.
    #[serde(default, deserialize_with = "nullable")]
    pub(super) inventory_items: Vec<Value>,
    pub(super) next: Option<String>,
    pub(super) total: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Item {
    pub(super) sku: Text,
    pub(super) product: Option<Product>,
    pub(super) availability: Option<Availability>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Product {
    pub(super) title: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) ean: Vec<Text>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) upc: Vec<Text>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) isbn: Vec<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Availability {
    pub(super) ship_to_location_availability: Option<ShipToLocation>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ShipToLocation {
    pub(super) quantity: Option<Text>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ItemBulk {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) responses: Vec<ItemAnswer>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ItemAnswer {
    pub(super) status_code: u16,
    pub(super) inventory_item: Option<Availabilities>,
    pub(super) sku: Option<Text>,
}

/// An inventory item where only its quantity matters.
#[derive(Debug, Deserialize)]
pub(super) struct Availabilities {
    pub(super) availability: Option<Availability>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct OfferPage {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) offers: Vec<Offer>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Offer {
    pub(super) offer_id: Text,
    pub(super) format: Option<String>,
    pub(super) status: Option<String>,
    pub(super) available_quantity: Option<Text>,
    pub(super) pricing_summary: Option<OfferPricing>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct OfferPricing {
    pub(super) price: Option<Amount>,
}

#[derive(Debug, Deserialize)]
pub(super) struct UpdateBulk {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) responses: Vec<UpdateAnswer>,
}

/// One per offer, or one per item without offers.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UpdateAnswer {
    pub(super) status_code: u16,
    pub(super) sku: Option<Text>,
    pub(super) offer_id: Option<Text>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) errors: Vec<Error>,
}

// Notifications.

#[derive(Debug, Deserialize)]
pub(super) struct PublicKey {
    pub(super) key: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AlertConfig {
    pub(super) alert_email: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct NotificationPage {
    #[serde(default, deserialize_with = "nullable")]
    destinations: Vec<NotificationThing>,
    #[serde(default, deserialize_with = "nullable")]
    subscriptions: Vec<NotificationThing>,
    #[serde(default, deserialize_with = "nullable")]
    topics: Vec<NotificationThing>,
    pub(super) next: Option<String>,
}

/// A destination, a subscription or a topic: their fields do not collide.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NotificationThing {
    pub(super) destination_id: Option<Text>,
    pub(super) subscription_id: Option<Text>,
    pub(super) topic_id: Option<Text>,
    pub(super) status: Option<String>,
    pub(super) scope: Option<String>,
    pub(super) delivery_config: Option<DeliveryConfig>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) supported_payloads: Vec<TopicPayload>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeliveryConfig {
    pub(super) endpoint: Option<String>,
    pub(super) verification_token: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TopicPayload {
    pub(super) schema_version: Option<Text>,
    pub(super) deprecated: Option<bool>,
}

impl NotificationPage {
    /// Whatever the page lists.
    pub(super) fn things(self) -> impl Iterator<Item = NotificationThing> {
        self.destinations
            .into_iter()
            .chain(self.subscriptions)
            .chain(self.topics)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Signature {
    pub(super) alg: Option<String>,
    pub(super) kid: String,
    pub(super) signature: String,
    pub(super) digest: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Notice {
    pub(super) metadata: NoticeMetadata,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) notification: NoticeBody,
}

#[derive(Debug, Deserialize)]
pub(super) struct NoticeMetadata {
    pub(super) topic: String,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct NoticeBody {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) data: Value,
}

// Refusals.

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Error {
    pub(super) error_id: Option<Text>,
    pub(super) message: Option<Value>,
    pub(super) long_message: Option<Value>,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default, deserialize_with = "nullable")]
    errors: Vec<Error>,
    /// Post-Order's spelling.
    #[serde(default, deserialize_with = "nullable")]
    error: Vec<Error>,
}

/// The errors in a body, if it is a refusal in eBay's form.
pub(super) fn errors(body: &[u8]) -> Vec<Error> {
    serde_json::from_slice::<Refusal>(body)
        .map(|refusal| refusal.errors.into_iter().chain(refusal.error).collect())
        .unwrap_or_default()
}

/// A refusal in eBay's own words, in one short line.
pub(super) fn refusal(body: &[u8]) -> String {
    let errors = errors(body);
    if errors.is_empty() {
        return short(&String::from_utf8_lossy(body));
    }
    sentence(&errors)
}

/// Errors as one short line: `32300: Invalid tracking number`.
pub(super) fn sentence(errors: &[Error]) -> String {
    const ERRORS_MAX: usize = 3;
    let texts: Vec<String> = errors
        .iter()
        .take(ERRORS_MAX)
        .map(|error| {
            let id = error.error_id.clone().unwrap_or_default().0;
            let words = [&error.long_message, &error.message]
                .into_iter()
                .flatten()
                .find_map(Error::words);
            format!("{id}: {}", words.unwrap_or("no explanation"))
        })
        .collect();
    short(&texts.join("; "))
}

impl Error {
    /// A message: a text, or in Post-Order an object with the text in it.
    fn words(message: &Value) -> Option<&str> {
        message
            .as_str()
            .or_else(|| message.get("value").and_then(Value::as_str))
            .filter(|text| !text.trim().is_empty())
    }

    /// Whether this is the error of that number.
    pub(super) fn is(&self, id: &str) -> bool {
        self.error_id.as_ref().is_some_and(|text| text.0 == id)
    }
}

fn short(text: &str) -> String {
    const LENGTH_MAX: usize = 300;
    text.chars()
        .filter(|c| !c.is_control())
        .take(LENGTH_MAX)
        .collect()
}
