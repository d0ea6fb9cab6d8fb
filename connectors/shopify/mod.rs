//! Shopify, through the GraphQL Admin API.
//!
//! - `settings.rs` is what an admin says; `auth.rs` has the token.
//! - `api.rs` carries out operations and says what their answers mean.
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
mod captures;
mod map;
mod orders;
mod refunds;
mod settings;
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
    RefundOrders, RegisterHooks, Secret, SettingsError, http::Effect,
};
use serde_json::{Value, json};

use self::{
    api::{Api, Call, gid},
    orders::{Memory, PageSize},
    settings::Settings,
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
    // The limit is in points, 100 a second or more from a bucket of 2000, and each answer says what is
    // left; the calls are only bounded so that a shop that does not say it is not overrun.
    quota: Quota {
        per_second: 10,
        burst: 40,
        rest: Some(api::rest),
        said: Some(api::allowance),
    },
    hook_topics: webhook::TOPICS,
    quantity: QuantityMeaning::Available,
    compares: true,
    push_batch_max: 100,
    writes_per_listing_per_day: None,
    poll_overlap_s: 300,
    orders_lag_s: 10,
    subtracts_when: "an order is created: its units move from `available` to `committed`, and a \
                     fulfillment takes them from there",
    is_by_hand: false,
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
        let checked = channel::settings::read::<Settings>(settings)?.check()?;
        let version = checked.settings.api_version;
        Ok(Box::new(Shopify {
            api: Api::new(port, &checked.base_url, &version, checked.mode),
            location: gid("Location", &checked.location),
            version,
            domain: checked.settings.shop.as_deref().map(settings::domain_of),
            hook_secrets: std::iter::once(checked.settings.client_secret)
                .chain(checked.settings.previous_client_secret)
                .filter(|secret| !secret.expose().is_empty())
                .collect(),
            notify_buyer: checked.settings.notify_buyer,
            refund_on_cancel: checked.settings.refund_on_cancel,
            page_size: PageSize::new(),
            memory: Memory::default(),
        }))
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
    memory: Memory,
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

    fn capture_payments(&self) -> Option<&dyn channel::CapturePayments> {
        Some(self)
    }

    fn register_hooks(&self) -> Option<&dyn RegisterHooks> {
        Some(self)
    }
}
