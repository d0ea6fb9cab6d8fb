//! eBay: the Sell APIs (Fulfillment, Inventory), the Notification API, and Post-Order cancellation.
//!
//! An account is one seller and one application. Polling the Fulfillment API is the truth; a
//! notification only names an order to look at. Only listings that were made through the Inventory
//! API, or migrated to it, have levels that can be set.
//!
//! It must never replace an inventory item (that erases what staff wrote), never send an order id
//! into a path unchecked, and never use a refresh token that it has not stored.
//!
//! Start at [`Ebay`]; `api` builds every request, `map` makes our words of eBay's.

mod aftersales;
mod api;
mod auth;
mod map;
mod orders;
mod register;
mod shipments;
mod stock;
#[cfg(test)]
mod tests;
mod webhook;
mod wire;

use async_trait::async_trait;
use channel::{
    CancelOrders, Channel, ChannelError, Connector, Descriptor, Port, Probe, PullListings,
    PullOrders, PushShipments, PushStock, ReadHooks, ReadStock, RefundOrders, RegisterHooks,
    Secret, SettingsError,
};
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use crate::ebay::{api::Api, auth::Tokens, stock::OfferCache, webhook::Hooks};

/// The kind of channel, for the list in `connectors/lib.rs`.
pub(crate) static CONNECTOR: EbayConnector = EbayConnector;

/// What opens accounts on eBay.
pub(crate) struct EbayConnector;

static DESCRIPTOR: Descriptor = Descriptor {
    id: "ebay",
    title: "eBay",
    auth: "An application's client id and secret, and the seller's refresh token from the consent page.",
    quota: channel::Quota {
        per_second: 10,
        burst: 50,
        rest: None,
        said: None,
    },
    hook_topics: &[
        "ORDER_CONFIRMATION",
        "ITEM_MARKED_SHIPPED",
        "MARKETPLACE_ACCOUNT_DELETION",
        "AUTHORIZATION_REVOCATION",
    ],
    quantity: channel::QuantityMeaning::Available,
    compares: false,
    push_batch_max: stock::BATCH_MAX,
    writes_per_listing_per_day: Some(250),
    poll_overlap_s: 600,
    // Nothing is documented; a search that is behind by this much is known of other shops.
    orders_lag_s: 5,
    subtracts_when: "When the buyer commits to buy, paid or not; it gives the units back when the order is canceled.",
    is_by_hand: false,
    quirks: &[
        "Buyers see the smaller of the item's ship-to-home quantity and the offer's available quantity; a push sets both (Inventory API, ShipToLocationAvailability).",
        "A listing can be revised 250 times a day and is then closed to revisions until the next (Inventory API, bulkUpdatePriceQuantity).",
        "Listings made on the site or through the Trading API are not visible here until they are migrated with bulkMigrateListing (Inventory API).",
        "A list of orders never tells why one is being canceled; the single order does (Fulfillment API, getOrders).",
        "A list of inventory items pages by page number, a list of orders by record (Inventory and Fulfillment API).",
        "Quantity 0 keeps a listing alive only with the seller's out-of-stock setting on; without it eBay ends the listing (Inventory API).",
        "Tracking numbers are letters and digits only; spaces and hyphens of the label are left out (Fulfillment API, createShippingFulfillment).",
        "A refund does not repeat our comment when it is read back; it is found by its amount (Fulfillment API, OrderRefund).",
        "For sellers in the EU and the UK, eBay demands digitally signed calls for refunds and cancellations, which are not sent; do these in Seller Hub (eBay, Digital Signatures for APIs).",
    ],
};

/// The settings of an account.
#[derive(Deserialize, JsonSchema)]
struct Settings {
    /// Where the API is: eBay itself, its sandbox, or a stand-in.
    #[serde(default = "default_api_url")]
    api_url: String,
    /// The application's client id ("App ID").
    client_id: String,
    /// The application's client secret ("Cert ID").
    client_secret: Secret,
    /// The seller's refresh token, granted with the scopes sell.fulfillment, sell.inventory,
    /// sell.finances and commerce.notification.subscription. If eBay replaces it, the replacement
    /// is kept until another one is configured here.
    refresh_token: Secret,
    /// The marketplace of the account.
    #[serde(default = "default_marketplace_id")]
    marketplace_id: String,
    /// A text of our own choice, 32 to 80 letters, digits, `_` or `-`, by which this endpoint
    /// proves to eBay that it is ours. Without it and `endpoint_url` there are no notifications.
    #[serde(default)]
    verification_token: Option<Secret>,
    /// The address that eBay sends notifications to, byte for byte as it is registered there.
    #[serde(default)]
    endpoint_url: Option<String>,
    /// Where eBay writes to when it cannot deliver notifications; it demands one before the first
    /// subscription.
    #[serde(default)]
    alert_email: Option<String>,
    /// The inventory location that holds the stock, if the account uses several.
    #[serde(default)]
    merchant_location_key: Option<String>,
}

fn default_api_url() -> String {
    "https://api.ebay.com".to_owned()
}

fn default_marketplace_id() -> String {
    "EBAY_US".to_owned()
}

/// One live account.
pub(crate) struct Ebay {
    api: Api,
    offers: OfferCache,
    hooks: Option<Hooks>,
    alert_email: Option<String>,
    merchant_location_key: Option<String>,
    marketplace_id: String,
}

impl Connector for EbayConnector {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn schema(&self) -> schemars::Schema {
        schemars::schema_for!(Settings)
    }

    fn example(&self) -> &'static str {
        r#"api_url = "https://api.ebay.com"
client_id = "MyShop-Oneshelf-PRD-0123456789ab-01234567"
client_secret = { file = "/etc/oneshelf/secrets/ebay-client-secret" }
refresh_token = { file = "/etc/oneshelf/secrets/ebay-refresh-token" }
marketplace_id = "EBAY_US"
verification_token = { file = "/etc/oneshelf/secrets/ebay-verification-token" }
endpoint_url = "https://shop.example.com/hooks/ebay-us"
alert_email = "stock@example.com"
"#
    }

    fn open(
        &self,
        settings: serde_json::Value,
        port: Port,
    ) -> Result<Box<dyn Channel>, Vec<SettingsError>> {
        let settings: Settings = channel::settings::read(settings)?;
        let errors = mistakes(&settings);
        if !errors.is_empty() {
            return Err(errors);
        }
        let base = settings.api_url.trim_end_matches('/').to_owned();
        let tokens = Tokens::new(
            port.clone(),
            &base,
            settings.client_id,
            settings.client_secret,
            settings.refresh_token,
        );
        let hooks = settings
            .verification_token
            .zip(settings.endpoint_url)
            .map(|(token, endpoint)| Hooks::new(token, endpoint));
        Ok(Box::new(Ebay {
            api: Api::new(port, base, settings.marketplace_id.clone(), tokens),
            offers: OfferCache::default(),
            hooks,
            alert_email: settings.alert_email,
            merchant_location_key: settings.merchant_location_key,
            marketplace_id: settings.marketplace_id,
        }))
    }
}

/// Everything that is wrong with the settings, all at once.
fn mistakes(settings: &Settings) -> Vec<SettingsError> {
    let mut errors = Vec::new();
    let mut wrong = |path: &str, problem: &str| errors.push(SettingsError::value(path, problem));
    if !is_plain_url(&settings.api_url) {
        wrong(
            "api_url",
            "this must be an http or https address without query, such as https://api.ebay.com",
        );
    }
    for (path, text) in [
        ("client_id", settings.client_id.as_str()),
        ("client_secret", settings.client_secret.expose()),
        ("refresh_token", settings.refresh_token.expose()),
    ] {
        if text.trim().is_empty() {
            wrong(path, "this must not be empty");
        }
    }
    let marketplace = settings.marketplace_id.as_str();
    let is_marketplace = marketplace.starts_with("EBAY_")
        && marketplace
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    if !is_marketplace {
        wrong(
            "marketplace_id",
            "this must be one of eBay's marketplaces, such as EBAY_US or EBAY_DE",
        );
    }
    match (&settings.verification_token, &settings.endpoint_url) {
        (Some(token), _) if !is_verification_token(token.expose()) => wrong(
            "verification_token",
            "this must be 32 to 80 letters, digits, `_` or `-`",
        ),
        (Some(_), None) => wrong(
            "endpoint_url",
            "this is missing; it belongs to `verification_token`",
        ),
        (None, Some(_)) => wrong(
            "verification_token",
            "this is missing; it belongs to `endpoint_url`",
        ),
        (Some(_), Some(_)) | (None, None) => {}
    }
    if let Some(endpoint) = &settings.endpoint_url
        && !is_plain_url(endpoint)
    {
        wrong(
            "endpoint_url",
            "this must be an address such as https://shop.example.com/hooks/ebay",
        );
    }
    if settings.merchant_location_key.as_deref() == Some("") {
        wrong(
            "merchant_location_key",
            "this must not be empty; leave the key out",
        );
    }
    errors
}

fn is_plain_url(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    })
}

fn is_verification_token(text: &str) -> bool {
    (32..=80).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

#[async_trait]
impl Channel for Ebay {
    async fn probe(&self) -> Result<Probe, ChannelError> {
        let orders = self.api.newest_order().await?;
        let items = self.api.inventory_items(0, 1).await?;
        let mut warnings = Vec::new();
        if items.total == Some(0) {
            warnings.push(
                "The Inventory API shows no item: migrate the listings with bulkMigrateListing, \
                 or their stock cannot be kept."
                    .to_owned(),
            );
        }
        if self.hooks.is_none() {
            warnings.push(
                "There are no notifications: set verification_token and endpoint_url to hear of \
                 orders at once."
                    .to_owned(),
            );
        }
        let seller = orders
            .orders
            .first()
            .and_then(|order| order.get("sellerId"))
            .and_then(serde_json::Value::as_str);
        Ok(Probe {
            shop: seller.unwrap_or(&self.marketplace_id).to_owned(),
            version: "Fulfillment v1, Inventory v1, Notification v1".to_owned(),
            warnings,
        })
    }

    fn pull_orders(&self) -> Option<&dyn PullOrders> {
        Some(self)
    }

    fn read_hooks(&self) -> Option<&dyn ReadHooks> {
        self.hooks.is_some().then_some(self)
    }

    fn pull_listings(&self) -> Option<&dyn PullListings> {
        Some(self)
    }

    fn read_stock(&self) -> Option<&dyn ReadStock> {
        Some(self)
    }

    fn push_stock(&self) -> Option<&dyn PushStock> {
        Some(self)
    }

    fn push_shipments(&self) -> Option<&dyn PushShipments> {
        Some(self)
    }

    fn cancel_orders(&self) -> Option<&dyn CancelOrders> {
        Some(self)
    }

    fn refund_orders(&self) -> Option<&dyn RefundOrders> {
        Some(self)
    }

    fn capture_payments(&self) -> Option<&dyn channel::CapturePayments> {
        None
    }

    fn register_hooks(&self) -> Option<&dyn RegisterHooks> {
        self.hooks.is_some().then_some(self)
    }
}
