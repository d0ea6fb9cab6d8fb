//! Shopify, through the GraphQL Admin API.
//!
//! - `api.rs` carries out operations and says what their answers mean; `auth.rs` has the token.
//! - `orders.rs`, `stock.rs`, `shipments.rs`, `refunds.rs` and `webhook.rs` are the capabilities.
//! - `wire.rs` is what the shop says, `map.rs` what it means; `queries/` is what we ask.
//!
//! Ids: an order and its lines are known by their numbers (the `legacyResourceId`, which is also the
//! end of the global id), because hooks name orders so. A listing is known by the number of its
//! inventory item alone, not of its variant: levels, and the hooks about them, belong to the item.
//!
//! It must never write `on_hand`, never write a level without saying what it replaces if that is
//! known, and never ask the shop to put units back on a level that we write ourselves.

mod api;
mod auth;
mod map;
mod orders;
mod refunds;
mod shipments;
mod stock;
mod webhook;
mod wire;

#[cfg(test)]
mod schema_test;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use channel::{
    CancelOrders, Channel, ChannelError, Connector, Descriptor, Port, Probe, PullListings,
    PullOrders, PushShipments, PushStock, QuantityMeaning, Quota, ReadHooks, ReadStock,
    RefundOrders, RegisterHooks, Secret, SettingsError, http::Effect, settings,
};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use self::{
    api::{Api, Call, gid, is_number},
    auth::Mode,
    orders::PageSize,
};

/// The connector.
pub(crate) static CONNECTOR: ShopifyConnector = ShopifyConnector;

/// See the module.
pub(crate) struct ShopifyConnector;

const PROBE: &str = include_str!("queries/probe.graphql");

/// What we do there needs these; the probe says which are missing.
const SCOPES: &[&str] = &[
    "read_orders",
    "write_orders",
    "read_products",
    "read_inventory",
    "write_inventory",
    "read_locations",
    "read_merchant_managed_fulfillment_orders",
    "write_merchant_managed_fulfillment_orders",
];

static DESCRIPTOR: Descriptor = Descriptor {
    id: "shopify",
    title: "Shopify",
    auth: "a custom app's access token, an app's client credentials (a token a day), or an \
           expiring offline token that is rotated hourly",
    // 100 points a second from a bucket of 2000; our calls cost some 50 points each.
    quota: Quota {
        per_second: 2,
        burst: 20,
    },
    hook_topics: webhook::TOPICS,
    quantity: QuantityMeaning::Available,
    compares: true,
    push_batch_max: 100,
    writes_per_listing_per_day: None,
    poll_overlap_s: 300,
    subtracts_when: "an order is created: its units move from `available` to `committed`, and a \
                     fulfillment takes them from there",
    quirks: &[
        "The search behind polling is an index that lags by seconds, so polls look back five \
         minutes; reading by id does not lag. (shopify.dev, search of orders)",
        "One stale entry fails a whole write of levels and nothing is written; the rest is sent \
         again without it. (shopify.dev/changelog/concurrency-protection-features)",
        "`changeFromQuantity` must be in every entry, also as null, and `@idempotent` on every \
         mutation of stock or refunds, although the schema requires neither. \
         (shopify.dev/changelog, 2026-04)",
        "A throttled call is answered with status 200 and the code THROTTLED. \
         (shopify.dev/docs/apps/build/apis/graphql-admin/rate-limits)",
        "Only the body of a hook is signed, not its topic. \
         (shopify.dev/docs/apps/build/webhooks/verify-deliveries)",
        "Canceling an order is a job: the answer says that it was accepted, not that it is done.",
    ],
};

/// An account's settings.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
struct Settings {
    /// The shop's own name: `eu-shop` of `eu-shop.myshopify.com`. Hooks of other shops that use the
    /// same app are told apart by it.
    shop: Option<String>,
    /// Where the shop is reached, if not at `https://{shop}.myshopify.com`.
    api_url: Option<String>,
    /// The version of the API: a year and a month that begins a quarter.
    #[serde(default = "default_version")]
    api_version: String,
    /// The location whose levels are read and written: its number or its global id.
    #[serde(deserialize_with = "text_or_number")]
    #[schemars(with = "String")]
    location_id: String,
    /// The client secret of the app: it signs hooks.
    client_secret: Secret,
    /// The client secret before the last rotation, while hooks may still be signed with it.
    previous_client_secret: Option<Secret>,
    /// The Admin API access token of a custom app. Exactly one of `access_token`,
    /// `client_credentials` and `refresh` is needed.
    access_token: Option<Secret>,
    /// An app of the shop's own organization, which gets a token for 24 hours as often as needed.
    client_credentials: Option<ClientCredentials>,
    /// An expiring offline token, whose pair is rotated at each use.
    refresh: Option<Refresh>,
    /// Whether the shop itself writes to the buyer when something is shipped, canceled or refunded.
    #[serde(default = "default_notify")]
    notify_buyer: bool,
    /// Whether canceling an order there also gives back what was paid. Without it a refund is a
    /// step of its own.
    #[serde(default)]
    refund_on_cancel: bool,
}

/// Where a token is bought with.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
struct ClientCredentials {
    /// The client id of the app.
    client_id: String,
    /// Its client secret, if it is another than the one that signs hooks.
    client_secret: Option<Secret>,
}

/// Where a token is rotated from.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
struct Refresh {
    /// The client id of the app.
    client_id: String,
    /// The refresh token that came with the first access token; later ones are kept by us.
    refresh_token: Secret,
}

fn default_version() -> String {
    "2026-10".to_owned()
}

fn default_notify() -> bool {
    true
}

/// Ids are long numbers that people write with and without quotes.
fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) => Ok(text.trim().to_owned()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            Err(serde::de::Error::custom("expected a number or a text"))
        }
    }
}

impl Connector for ShopifyConnector {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn schema(&self) -> schemars::Schema {
        schemars::schema_for!(Settings)
    }

    fn example(&self) -> &'static str {
        r#"shop = "eu-shop"
api_version = "2026-10"
location_id = "74931245"
client_secret = { credential = "eu-shop-client-secret" }
access_token = { credential = "eu-shop-access-token" }
notify_buyer = true
refund_on_cancel = false
"#
    }

    fn open(&self, settings: Value, port: Port) -> Result<Box<dyn Channel>, Vec<SettingsError>> {
        let settings: Settings = settings::read(settings)?;
        let mut errors = Vec::new();
        let base_url = base_url(&settings).unwrap_or_else(|error| {
            errors.push(error);
            String::new()
        });
        let location = settings
            .location_id
            .strip_prefix("gid://shopify/Location/")
            .unwrap_or(&settings.location_id);
        if !is_number(location) {
            errors.push(SettingsError::value(
                "location_id",
                "write the number of the location, or gid://shopify/Location/ and the number",
            ));
        }
        if !is_version(&settings.api_version) {
            errors.push(SettingsError::value(
                "api_version",
                "write a year and a month, such as 2026-10",
            ));
        }
        if settings.client_secret.expose().is_empty() {
            errors.push(SettingsError::value(
                "client_secret",
                "without it no hook can be believed; copy it from the app's settings",
            ));
        }
        let mode = mode(&settings).map_err(|error| errors.push(error));
        let Ok(mode) = mode else {
            return Err(errors);
        };
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Box::new(Shopify {
            api: Api::new(port, &base_url, &settings.api_version, mode),
            location: gid("Location", location),
            version: settings.api_version.clone(),
            domain: settings.shop.as_deref().map(domain_of),
            hook_secrets: std::iter::once(settings.client_secret)
                .chain(settings.previous_client_secret)
                .filter(|secret| !secret.expose().is_empty())
                .collect(),
            notify_buyer: settings.notify_buyer,
            refund_on_cancel: settings.refund_on_cancel,
            page_size: PageSize::new(),
        }))
    }
}

fn domain_of(shop: &str) -> String {
    let shop = shop.trim();
    format!("{}.myshopify.com", shop.trim_end_matches(".myshopify.com"))
}

fn base_url(settings: &Settings) -> Result<String, SettingsError> {
    if let Some(shop) = &settings.shop {
        let name = shop.trim().trim_end_matches(".myshopify.com");
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if name.is_empty() || !name.bytes().all(is_name) {
            return Err(SettingsError::value(
                "shop",
                "write the part before .myshopify.com: letters, digits and hyphens",
            ));
        }
    }
    match (&settings.api_url, &settings.shop) {
        (Some(text), _) => match url::Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "https" | "http") && url.has_host() => {
                Ok(text.trim_end_matches('/').to_owned())
            }
            Ok(_) | Err(_) => Err(SettingsError::value(
                "api_url",
                "write an address that begins with https://",
            )),
        },
        (None, Some(shop)) => Ok(format!("https://{}", domain_of(shop))),
        (None, None) => Err(SettingsError::value(
            "shop",
            "say which shop it is: the part before .myshopify.com",
        )),
    }
}

fn is_version(text: &str) -> bool {
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    text == "unstable"
        || text.split_once('-').is_some_and(|(year, month)| {
            year.len() == 4 && month.len() == 2 && digits(year) && digits(month)
        })
}

fn mode(settings: &Settings) -> Result<Mode, SettingsError> {
    match (
        &settings.access_token,
        &settings.client_credentials,
        &settings.refresh,
    ) {
        (Some(token), None, None) => Ok(Mode::Fixed(token.clone())),
        (None, Some(credentials), None) => Ok(Mode::ClientCredentials {
            client_id: credentials.client_id.clone(),
            client_secret: credentials
                .client_secret
                .clone()
                .unwrap_or_else(|| settings.client_secret.clone()),
        }),
        (None, None, Some(refresh)) => Ok(Mode::Refresh {
            client_id: refresh.client_id.clone(),
            client_secret: settings.client_secret.clone(),
            first: refresh.refresh_token.clone(),
        }),
        (None, None, None) => Err(SettingsError::value(
            "access_token",
            "give one of `access_token`, `client_credentials` and `refresh`",
        )),
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) | (None, Some(_), Some(_)) => {
            Err(SettingsError::value(
                "access_token",
                "give only one of `access_token`, `client_credentials` and `refresh`",
            ))
        }
    }
}

/// One live shop.
struct Shopify {
    api: Api,
    /// The global id of our location.
    location: String,
    /// The version that was asked for.
    version: String,
    /// The shop's own domain, where the settings name it.
    domain: Option<String>,
    hook_secrets: Vec<Secret>,
    notify_buyer: bool,
    refund_on_cancel: bool,
    page_size: PageSize,
}

#[async_trait]
impl Channel for Shopify {
    async fn probe(&self) -> Result<Probe, ChannelError> {
        const OPERATION: &str = "probe the shop";
        let reply = self
            .api
            .try_call::<wire::Probe>(Call {
                operation: OPERATION,
                effect: Effect::None,
                document: PROBE,
                variables: json!({ "location": self.location }),
            })
            .await?;
        let found = reply.data;
        let location = found.location.ok_or_else(|| {
            ChannelError::rejected(OPERATION, "the shop has no location with this location_id")
        })?;
        let mut warnings = Vec::new();
        if !location.is_active {
            warnings.push(format!(
                "The location `{}` is deactivated; choose another location_id.",
                location.name
            ));
        }
        let version = reply.version.unwrap_or_else(|| self.version.clone());
        if version != self.version {
            warnings.push(format!(
                "The shop answers with API version {version} instead of {}; set api_version to one \
                 that it still serves.",
                self.version
            ));
        }
        let scopes = found.current_app_installation.map(|app| app.access_scopes);
        for scope in SCOPES {
            let is_granted = scopes
                .iter()
                .flatten()
                // Whoever may write may read.
                .any(|granted| {
                    granted.handle == *scope
                        || granted.handle.replacen("write_", "read_", 1) == *scope
                });
            if !is_granted {
                warnings.push(format!(
                    "The app lacks the access scope `{scope}`; grant it in the app's settings."
                ));
            }
        }
        if let (Some(theirs), Some(ours)) = (&found.shop.myshopify_domain, &self.domain)
            && !theirs.eq_ignore_ascii_case(ours)
        {
            warnings.push(format!(
                "The shop calls itself {theirs}, not {ours}; correct `shop`, or its hooks are passed \
                 over."
            ));
        }
        Ok(Probe {
            shop: found.shop.name,
            version,
            warnings,
        })
    }

    fn pull_orders(&self) -> Option<&dyn PullOrders> {
        Some(self)
    }

    fn read_hooks(&self) -> Option<&dyn ReadHooks> {
        Some(self)
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

    fn register_hooks(&self) -> Option<&dyn RegisterHooks> {
        Some(self)
    }
}
