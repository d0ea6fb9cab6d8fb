//! Square: a till first, and sometimes a small web shop.
//!
//! What is sold over the counter is out of stock and in the buyer's hands before we hear of it, so a
//! completed order without fulfillments is read as wholly shipped; it is recorded, never picked.
//! Orders with a shipment, delivery or pickup follow the state of that fulfillment.
//!
//! A level is written as a physical count that is dated to the time of our belief, so that sales
//! which Square has booked since then are taken off it again and not wiped out. That is near to a
//! compare-and-set but is none, so the descriptor says that it does not compare.
//!
//! Nothing here waits, retries or reads a clock. Start reading at [`map`]; [`api`] knows the URLs,
//! [`webhook`] the signature; every capability has a file of its own.

use async_trait::async_trait;
use channel::{
    CancelOrders, Channel, ChannelError, Connector, Descriptor, ErrorKind, Port, Probe,
    PullListings, PullOrders, PushShipments, PushStock, QuantityMeaning, ReadHooks, ReadStock,
    RefundOrders, RegisterHooks, Secret, SettingsError, settings,
};
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

mod api;
mod auth;
mod cancel;
mod counters;
mod hooks;
mod listings;
mod map;
mod orders;
mod parcels;
mod refunds;
mod skus;
mod stock;
#[cfg(test)]
mod tests;
mod webhook;
mod wire;
mod words;

use api::Api;
use auth::{Access, Oauth};

/// The connector.
pub(crate) static CONNECTOR: SquareConnector = SquareConnector;

/// The connector's one value.
pub(crate) struct SquareConnector;

/// One location of a Square seller.
struct Square {
    api: Api,
    location: String,
    skus: skus::Skus,
    hooks: Option<webhook::Hooks>,
}

/// How a Square location is reached.
#[derive(Deserialize, JsonSchema)]
struct Settings {
    /// Where the API is: `https://connect.squareup.com`, or
    /// `https://connect.squareupsandbox.com` for Square's own sandbox.
    #[serde(default = "default_api_url")]
    api_url: String,
    /// The id of the location whose sales and stock this account is. One account per location.
    location_id: String,
    /// A personal access token of your application. Give either this or `oauth`.
    #[serde(default)]
    access_token: Option<Secret>,
    /// Tokens that are renewed, for an application that acts for several sellers. Give either this
    /// or `access_token`.
    #[serde(default)]
    oauth: Option<OauthSettings>,
    /// The application's own personal access token. Needed beside `oauth` only so that hooks can be
    /// subscribed to from here, which Square does not allow with a seller's token.
    #[serde(default)]
    application_token: Option<Secret>,
    /// The address at which Square delivers hooks, byte for byte as it is registered there: it is
    /// part of what Square signs, so a proxy that rewrites it must not change this. Without it,
    /// no hooks are taken and polling does all the work.
    #[serde(default)]
    notification_url: Option<String>,
    /// The signature key of the hook subscription. May be left out when the subscription is made
    /// from here: its key is then kept with the tokens.
    #[serde(default)]
    webhook_signature_key: Option<Secret>,
    /// The signature key before the last rotation, for as long as hooks signed with it may arrive
    /// (Square tries for 24 hours).
    #[serde(default)]
    webhook_signature_key_previous: Option<Secret>,
    /// The version of the API, as a date. Change it only together with a release that asks for it.
    #[serde(default = "default_square_version")]
    square_version: String,
}

/// Tokens that are renewed.
#[derive(Deserialize, JsonSchema)]
struct OauthSettings {
    /// The application's id.
    client_id: String,
    /// The application's secret.
    client_secret: Secret,
    /// The refresh token that the seller's consent gave.
    refresh_token: Secret,
}

static DESCRIPTOR: Descriptor = Descriptor {
    id: "square",
    title: "Square",
    auth: "A personal access token of your application, or OAuth tokens that are renewed by themselves.",
    // Square publishes no figures; this is what its forum calls harmless.
    quota: channel::Quota {
        per_second: 10,
        burst: 10,
        rest: None,
        said: None,
    },
    hook_topics: &[
        "catalog.version.updated",
        "inventory.count.updated",
        "oauth.authorization.revoked",
        "order.created",
        "order.fulfillment.updated",
        "order.updated",
        "payment.created",
        "payment.updated",
        "refund.created",
        "refund.updated",
    ],
    // A till sells what an unpaid order waits for.
    quantity: QuantityMeaning::Unreserved,
    // A count is dated to the time of our belief, which protects later sales but does not refuse
    // the write when the level was another one before. So levels are read and compared first.
    compares: false,
    push_batch_max: 100,
    writes_per_listing_per_day: None,
    poll_overlap_s: 300,
    // Nothing is documented; a search that is behind by this much is known of other shops.
    orders_lag_s: 5,
    subtracts_when: "When an order is paid or completed; a counter sale is both at once. An open order that nobody has paid takes nothing off.",
    is_by_hand: false,
    quirks: &[
        "Sales made while a till is offline arrive up to 72 hours late with their old creation time, so orders are searched by the time of their last change (SearchOrders).",
        "A line names a variation of the catalog but no SKU; SKUs are read from the catalog and kept for ten minutes (OrderLineItem).",
        "Orders that were not made through the API carry no version and cannot be changed from outside: ship and cancel them in Square (Order.version).",
        "A fulfillment cannot be split once it is made: a part of it that ships sets it to PREPARED with the newest tracking number, earlier numbers move to the shipping note, and the last parcel sets it to COMPLETED (Fulfillment).",
        "An order stays open after its last fulfillment is completed through the API, so the order is completed in the same call once it is paid (developer forum, topic 18972).",
        "Goods that come back later are booked as an order of their own, which is read as no sale; the money shows as a refund of the first order (OrderReturn.source_order_id).",
        "Refunds and cancellations through the API never put units back on the level.",
        "A physical count must be at most 24 hours old and not in the future; an older belief is dated 23 hours back (InventoryPhysicalCount.occurred_at).",
        "A variation that was never counted has no count at all, which is not zero: count it once in Square.",
        "Being asked too often is answered with 429 and no word about how long to wait.",
    ],
};

const EXAMPLE: &str = r#"location_id = "L88917AVBK2S5"
access_token = { file = "/etc/oneshelf/secrets/square-token" }
notification_url = "https://shop.example.com/hooks/till-berlin"
webhook_signature_key = { file = "/etc/oneshelf/secrets/square-signature-key" }
# Instead of access_token, for an application that acts for several sellers:
# oauth = { client_id = "…", client_secret = { file = "…" }, refresh_token = { file = "…" } }
# application_token = { file = "…" }
"#;

fn default_api_url() -> String {
    "https://connect.squareup.com".to_owned()
}

fn default_square_version() -> String {
    "2025-08-20".to_owned()
}

impl Connector for SquareConnector {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn schema(&self) -> schemars::Schema {
        schemars::schema_for!(Settings)
    }

    fn example(&self) -> &'static str {
        EXAMPLE
    }

    fn open(
        &self,
        settings: serde_json::Value,
        port: Port,
    ) -> Result<Box<dyn Channel>, Vec<SettingsError>> {
        let settings: Settings = settings::read(settings)?;
        let mut errors = settings.mistakes();
        let base = web_address("api_url", &settings.api_url, &mut errors);
        let access = settings.access(&mut errors);
        let (Some(base), Some(access), true) = (base, access, errors.is_empty()) else {
            return Err(errors);
        };
        let keys = [
            settings.webhook_signature_key,
            settings.webhook_signature_key_previous,
        ];
        let hooks = settings
            .notification_url
            .map(|url| webhook::Hooks::new(url, keys.into_iter().flatten().collect()));
        let version = settings.square_version;
        Ok(Box::new(Square {
            api: Api::new(port, base, version, access, settings.application_token),
            location: settings.location_id,
            skus: skus::Skus::default(),
            hooks,
        }))
    }
}

impl Settings {
    /// Everything that is wrong with the values.
    fn mistakes(&self) -> Vec<SettingsError> {
        let mut errors = Vec::new();
        if !auth::is_sendable(&self.location_id) {
            let problem = "give the id of a location, as the dashboard or ListLocations shows it";
            errors.push(SettingsError::value("location_id", problem));
        }
        let version = self.square_version.as_bytes();
        let is_date = version.len() == 10
            && version.iter().enumerate().all(|(place, byte)| match place {
                4 | 7 => *byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if !is_date {
            let problem = "give a date such as 2025-08-20";
            errors.push(SettingsError::value("square_version", problem));
        }
        if let Some(url) = &self.notification_url {
            web_address("notification_url", url, &mut errors);
        } else if self.webhook_signature_key.is_some() {
            let problem = "give the address that the key belongs to: it is part of what is signed";
            errors.push(SettingsError::value("notification_url", problem));
        }
        let tokens = [
            ("access_token", &self.access_token),
            ("application_token", &self.application_token),
        ];
        for (path, token) in tokens {
            if token
                .as_ref()
                .is_some_and(|token| !auth::is_sendable(token.expose()))
            {
                let problem = "a token is one word of printable ASCII characters";
                errors.push(SettingsError::value(path, problem));
            }
        }
        let keys = [
            ("webhook_signature_key", &self.webhook_signature_key),
            (
                "webhook_signature_key_previous",
                &self.webhook_signature_key_previous,
            ),
        ];
        for (path, key) in keys {
            if key.as_ref().is_some_and(|key| key.expose().is_empty()) {
                errors.push(SettingsError::value(
                    path,
                    "an empty key would let anybody in",
                ));
            }
        }
        errors
    }

    /// The one way to prove the account.
    fn access(&self, errors: &mut Vec<SettingsError>) -> Option<Access> {
        match (&self.access_token, &self.oauth) {
            (Some(token), None) => Some(Access::Personal(token.clone())),
            (None, Some(oauth)) => Some(Access::Oauth(Oauth::new(
                oauth.client_id.clone(),
                oauth.client_secret.clone(),
                oauth.refresh_token.clone(),
            ))),
            (None, None) => {
                let problem = "give either `access_token` or `oauth`";
                errors.push(SettingsError::value("access_token", problem));
                None
            }
            (Some(_), Some(_)) => {
                let problem = "give either `access_token` or `oauth`, not both";
                errors.push(SettingsError::value("access_token", problem));
                None
            }
        }
    }
}

/// An address over http or https.
fn web_address(path: &str, text: &str, errors: &mut Vec<SettingsError>) -> Option<Url> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Some(url),
        Ok(_) => {
            let problem = "give an address that begins with https://";
            errors.push(SettingsError::value(path, problem));
            None
        }
        Err(error) => {
            errors.push(SettingsError::value(
                path,
                format!("this is no address: {error}"),
            ));
            None
        }
    }
}

#[async_trait]
impl Channel for Square {
    async fn probe(&self) -> Result<Probe, ChannelError> {
        const OPERATION: &str = "read the location";
        let read = self.api.location(&self.location).await;
        let (answer, version) = read.map_err(|error| match error.kind {
            ErrorKind::Gone => {
                ChannelError::rejected(OPERATION, format!("there is no location {}", self.location))
            }
            ErrorKind::Retry { .. }
            | ErrorKind::Throttled { .. }
            | ErrorKind::Unauthorized { .. }
            | ErrorKind::Rejected { .. }
            | ErrorKind::Ambiguous { .. }
            | ErrorKind::Malformed { .. } => error,
        })?;
        let location = answer
            .location
            .ok_or_else(|| ChannelError::malformed(OPERATION, "no location in it"))?;
        let mut warnings = Vec::new();
        if location.status.as_deref() != Some("ACTIVE") {
            warnings.push("the location is not active in Square: activate it there".to_owned());
        }
        match &self.hooks {
            None => warnings.push(
                "without notification_url no hooks are taken: sales are seen by polling only"
                    .to_owned(),
            ),
            Some(hooks) => hooks.recall(&self.api.port().vault).await?,
        }
        let names = [location.business_name, location.name];
        Ok(Probe {
            shop: names.into_iter().flatten().collect::<Vec<_>>().join(", "),
            version,
            warnings,
        })
    }

    fn pull_orders(&self) -> Option<&dyn PullOrders> {
        Some(self)
    }

    fn read_hooks(&self) -> Option<&dyn ReadHooks> {
        self.hooks.as_ref().map(|_| self as &dyn ReadHooks)
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
        let can = self.hooks.is_some() && self.api.can_subscribe();
        can.then_some(self as &dyn RegisterHooks)
    }
}
