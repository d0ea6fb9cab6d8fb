//! The wire of the GraphQL Admin API, as far as we select it.
//!
//! Fields that we do not know are ignored and optional ones may be missing or null; money and ids
//! stay text. Nothing is interpreted here: that is the work of [`super::map`].

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Number, Value};

/// The envelope of every answer.
#[derive(Deserialize)]
pub(super) struct Envelope {
    #[serde(default)]
    pub(super) data: Value,
    /// A list of [`Fault`]s, or a bare text when the request never reached GraphQL.
    #[serde(default)]
    pub(super) errors: Value,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) extensions: Extensions,
}

/// One entry of `errors`.
#[derive(Deserialize)]
pub(super) struct Fault {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) message: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) path: Vec<Value>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) extensions: FaultExtensions,
}

#[derive(Default, Deserialize)]
pub(super) struct FaultExtensions {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) code: String,
}

#[derive(Default, Deserialize)]
pub(super) struct Extensions {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) cost: Cost,
}

/// What a call cost and what is left; points may be written as `1000` or `1000.0`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cost {
    pub(super) requested_query_cost: Option<Number>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) throttle_status: ThrottleStatus,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ThrottleStatus {
    pub(super) maximum_available: Option<Number>,
    pub(super) currently_available: Option<Number>,
    pub(super) restore_rate: Option<Number>,
}

/// The part of an answer that says what it cost; nothing else of it is read.
#[derive(Deserialize)]
pub(super) struct Bill {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) extensions: Extensions,
}

/// A list with a cursor. Each node is read on its own, so that one bad node spoils no other.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Connection<T> {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) page_info: PageInfo,
    pub(super) nodes: Vec<T>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageInfo {
    #[serde(default)]
    pub(super) has_next_page: bool,
    pub(super) end_cursor: Option<String>,
}

impl PageInfo {
    /// Where the next page begins; nothing on the last one.
    pub(super) fn next(self) -> Option<String> {
        self.end_cursor.filter(|_| self.has_next_page)
    }
}

/// An object of which we want the id only.
#[derive(Deserialize)]
pub(super) struct Reference {
    pub(super) id: String,
}

/// `MoneyBag`, of which we read the shop's own currency.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MoneyBag {
    pub(super) shop_money: Amount,
}

#[derive(Deserialize)]
pub(super) struct Amount {
    #[serde(deserialize_with = "text")]
    pub(super) amount: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Order {
    pub(super) id: String,
    #[serde(deserialize_with = "text")]
    pub(super) legacy_resource_id: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) test: bool,
    pub(super) processed_at: String,
    pub(super) updated_at: String,
    pub(super) cancelled_at: Option<String>,
    pub(super) cancel_reason: Option<String>,
    pub(super) currency_code: String,
    pub(super) display_financial_status: Option<String>,
    pub(super) display_fulfillment_status: Option<String>,
    pub(super) return_status: Option<String>,
    pub(super) risk: Option<Risk>,
    #[serde(default)]
    pub(super) fully_paid: bool,
    #[serde(default)]
    pub(super) unpaid: bool,
    pub(super) source_name: Option<String>,
    pub(super) note: Option<String>,
    pub(super) email: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) total_price_set: MoneyBag,
    pub(super) total_tax_set: Option<MoneyBag>,
    pub(super) total_shipping_price_set: Option<MoneyBag>,
    pub(super) total_discounts_set: Option<MoneyBag>,
    pub(super) total_refunded_set: Option<MoneyBag>,
    pub(super) shipping_address: Option<MailingAddress>,
    pub(super) billing_address: Option<MailingAddress>,
    pub(super) line_items: Connection<LineItem>,
    pub(super) fulfillment_orders: Connection<FulfillmentOrder>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) fulfillments: Vec<Fulfillment>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) refunds: Vec<Refund>,
}

#[derive(Deserialize)]
pub(super) struct Risk {
    pub(super) recommendation: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) assessments: Vec<RiskAssessment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RiskAssessment {
    pub(super) risk_level: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MailingAddress {
    pub(super) name: Option<String>,
    pub(super) company: Option<String>,
    pub(super) address1: Option<String>,
    pub(super) address2: Option<String>,
    pub(super) city: Option<String>,
    pub(super) province: Option<String>,
    pub(super) zip: Option<String>,
    pub(super) country_code_v2: Option<String>,
    pub(super) phone: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LineItem {
    pub(super) id: String,
    pub(super) sku: Option<String>,
    pub(super) name: String,
    /// As ordered, with what was removed and refunded since.
    pub(super) quantity: i64,
    /// Without what was removed and refunded.
    pub(super) current_quantity: i64,
    pub(super) unfulfilled_quantity: i64,
    #[serde(default)]
    pub(super) requires_shipping: bool,
    pub(super) original_unit_price_set: MoneyBag,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) discount_allocations: Vec<DiscountAllocation>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) tax_lines: Vec<TaxLine>,
    /// Null once the product was deleted.
    pub(super) variant: Option<LineVariant>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DiscountAllocation {
    pub(super) allocated_amount_set: MoneyBag,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TaxLine {
    pub(super) price_set: MoneyBag,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LineVariant {
    pub(super) inventory_item: Option<LineInventoryItem>,
}

#[derive(Deserialize)]
pub(super) struct LineInventoryItem {
    pub(super) id: String,
    #[serde(default)]
    pub(super) tracked: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FulfillmentOrder {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) fulfill_by: Option<String>,
    pub(super) assigned_location: Option<AssignedLocation>,
    pub(super) line_items: Connection<FulfillmentOrderLine>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) supported_actions: Vec<SupportedAction>,
}

#[derive(Deserialize)]
pub(super) struct AssignedLocation {
    /// Null once the location was deleted.
    pub(super) location: Option<Reference>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FulfillmentOrderLine {
    pub(super) id: String,
    pub(super) total_quantity: i64,
    pub(super) remaining_quantity: i64,
    pub(super) line_item: Reference,
}

#[derive(Deserialize)]
pub(super) struct SupportedAction {
    pub(super) action: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Fulfillment {
    pub(super) id: String,
    #[serde(deserialize_with = "text")]
    pub(super) legacy_resource_id: String,
    pub(super) status: String,
    pub(super) created_at: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) tracking_info: Vec<TrackingInfo>,
    pub(super) fulfillment_line_items: Connection<FulfillmentLine>,
}

#[derive(Deserialize)]
pub(super) struct TrackingInfo {
    pub(super) number: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FulfillmentLine {
    pub(super) quantity: Option<i64>,
    pub(super) line_item: Reference,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) refund_line_items: Connection<RefundLine>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RefundLine {
    pub(super) quantity: i64,
    pub(super) restock_type: String,
    #[serde(default)]
    pub(super) restocked: bool,
    pub(super) line_item: Reference,
}

#[derive(Deserialize)]
pub(super) struct OrdersPage {
    pub(super) orders: Edges,
}

/// A list in which every element has a cursor of its own.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Edges {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) page_info: PageInfo,
    pub(super) edges: Vec<Edge>,
}

#[derive(Deserialize)]
pub(super) struct Edge {
    pub(super) cursor: String,
    pub(super) node: Value,
}

/// An order, as little as tells whether it must be read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Head {
    #[serde(deserialize_with = "text")]
    pub(super) legacy_resource_id: String,
    pub(super) updated_at: String,
}

/// The answer to `nodes(ids:)`: null for each that is not there.
#[derive(Deserialize)]
pub(super) struct Nodes {
    pub(super) nodes: Vec<Value>,
}

/// The answer to `rest.graphql`: what is in it depends on the type of the node.
#[derive(Deserialize)]
pub(super) struct Rest {
    pub(super) node: Option<BTreeMap<String, Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListingsPage {
    pub(super) shop: ShopCurrency,
    pub(super) product_variants: Connection<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShopCurrency {
    pub(super) currency_code: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Variant {
    pub(super) display_name: String,
    pub(super) sku: Option<String>,
    pub(super) barcode: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(super) price: String,
    pub(super) inventory_item: InventoryItem,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InventoryItem {
    pub(super) id: String,
    #[serde(default)]
    pub(super) tracked: bool,
    /// Null where the item is not stocked at our location.
    pub(super) inventory_level: Option<InventoryLevel>,
}

#[derive(Deserialize)]
pub(super) struct InventoryLevel {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) quantities: Vec<InventoryQuantity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InventoryQuantity {
    pub(super) name: String,
    pub(super) quantity: i64,
    pub(super) updated_at: Option<String>,
}

/// A refusal by a rule of the shop, in an answer with status 200.
#[derive(Deserialize)]
pub(super) struct UserError {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) code: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) field: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SetLevels {
    pub(super) inventory_set_quantities: Option<SetLevelsPayload>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SetLevelsPayload {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) user_errors: Vec<UserError>,
}

#[derive(Deserialize)]
pub(super) struct OpenFulfillmentOrders {
    pub(super) order: Option<OpenOrder>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OpenOrder {
    pub(super) fulfillment_orders: Connection<FulfillmentOrder>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) fulfillments: Vec<Fulfillment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ship {
    pub(super) fulfillment_create: Option<ShipPayload>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShipPayload {
    pub(super) fulfillment: Option<Made>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) user_errors: Vec<UserError>,
}

/// Something that a mutation made.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Made {
    #[serde(deserialize_with = "text")]
    pub(super) legacy_resource_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cancel {
    pub(super) order_cancel: Option<CancelPayload>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CancelPayload {
    pub(super) job: Option<Reference>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) order_cancel_user_errors: Vec<UserError>,
}

#[derive(Deserialize)]
pub(super) struct RefundBasis {
    pub(super) order: Option<RefundOrder>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RefundOrder {
    pub(super) currency_code: String,
    pub(super) presentment_currency_code: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) transactions: Vec<Transaction>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) refunds: Vec<MadeRefund>,
    pub(super) line_items: Connection<OpenLine>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Transaction {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) status: String,
    pub(super) gateway: Option<String>,
    pub(super) amount_set: MoneyBag,
    pub(super) parent_transaction: Option<Reference>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MadeRefund {
    #[serde(deserialize_with = "text")]
    pub(super) legacy_resource_id: String,
    pub(super) note: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OpenLine {
    pub(super) id: String,
    pub(super) unfulfilled_quantity: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RefundMade {
    pub(super) refund_create: Option<RefundPayload>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RefundPayload {
    pub(super) refund: Option<Made>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) user_errors: Vec<UserError>,
}

#[derive(Deserialize)]
pub(super) struct CaptureBasis {
    pub(super) order: Option<CaptureOrder>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CaptureOrder {
    pub(super) currency_code: String,
    pub(super) presentment_currency_code: String,
    pub(super) current_total_price_set: MoneyBag,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) transactions: Vec<Transaction>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CaptureMade {
    pub(super) order_capture: Option<CapturePayload>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CapturePayload {
    pub(super) transaction: Option<MadeCapture>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) user_errors: Vec<UserError>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MadeCapture {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) error_code: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HooksPage {
    pub(super) webhook_subscriptions: Connection<Subscription>,
}

#[derive(Deserialize)]
pub(super) struct Subscription {
    pub(super) id: String,
    pub(super) topic: String,
    pub(super) uri: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateHook {
    pub(super) webhook_subscription_create: Option<CreateHookPayload>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateHookPayload {
    pub(super) webhook_subscription: Option<Reference>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) user_errors: Vec<UserError>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Probe {
    pub(super) shop: ProbedShop,
    pub(super) location: Option<ProbedLocation>,
    pub(super) current_app_installation: Option<Installation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProbedShop {
    pub(super) name: String,
    pub(super) myshopify_domain: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProbedLocation {
    pub(super) name: String,
    #[serde(default)]
    pub(super) is_active: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Installation {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) access_scopes: Vec<Scope>,
}

#[derive(Deserialize)]
pub(super) struct Scope {
    pub(super) handle: String,
}

/// The answer of the token endpoint.
#[derive(Deserialize)]
pub(super) struct Token {
    pub(super) access_token: String,
    pub(super) expires_in: Option<u32>,
    pub(super) refresh_token: Option<String>,
}

/// The REST-shaped body of a hook, as far as we look at it.
#[derive(Deserialize)]
pub(super) struct HookBody {
    pub(super) id: Option<Number>,
    pub(super) admin_graphql_api_id: Option<String>,
    pub(super) order_id: Option<Number>,
    pub(super) order: Option<HookOrder>,
    pub(super) order_edit: Option<OrderEdit>,
    pub(super) inventory_item_id: Option<Number>,
    pub(super) location_id: Option<Number>,
    /// Null where the shop keeps no count, which is not the same as missing.
    pub(super) available: Option<i64>,
    pub(super) updated_at: Option<String>,
    pub(super) myshopify_domain: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) orders_to_redact: Vec<Number>,
}

#[derive(Deserialize)]
pub(super) struct HookOrder {
    pub(super) id: Option<Number>,
}

#[derive(Deserialize)]
pub(super) struct OrderEdit {
    pub(super) order_id: Option<Number>,
}

/// Null where a list or an object was asked for: the same as none.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + DeserializeOwned,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// A decimal or an id, which some versions write as a number: its text, never through a float.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            Err(serde::de::Error::custom("neither a text nor a number"))
        }
    }
}
