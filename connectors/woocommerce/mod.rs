//! WooCommerce, REST API v3: shops of version 10 and 11, measured on 10.9.4 and 11.0.1.
//!
//! - `api.rs` builds and signs requests, and is the only file that knows addresses.
//! - `wire.rs` reads what the shop writes; `map.rs` makes our words of it.
//! - `orders.rs`, `stock.rs` and `effects.rs` are what can be done there.
//! - `webhook.rs` proves and reads hooks, and subscribes to them.
//!
//! It never trusts a hook's topic or delivery id, never writes a status without having read the order
//! just before, and never takes somebody else's 404 for a deletion.

mod api;
mod effects;
mod map;
mod orders;
mod stock;
mod webhook;
mod wire;

#[cfg(test)]
mod tests;

use std::sync::{Mutex, PoisonError};

use channel::{
    CancelOrders, Channel, ChannelError, Connector, Descriptor, ErrorKind, Port, Probe,
    PullListings, PullOrders, PushShipments, PushStock, QuantityMeaning, Quota, ReadHooks,
    ReadStock, RefundOrders, RegisterHooks, Secret, SettingsError, settings,
};
use domain::Currency;
use serde::Deserialize;
use url::Url;

use api::Api;

/// This connector, for the list of all of them.
pub(super) static CONNECTOR: WooCommerce = WooCommerce;

/// The kind of channel.
pub(super) struct WooCommerce;

/// How many products one call writes. The shop takes a hundred, but fifty keep it busy for seconds.
const BATCH_MAX: usize = 50;

/// The topics that we subscribe to.
const TOPICS: &[&str] = &[
    "order.created",
    "order.updated",
    "order.deleted",
    "order.restored",
    "product.created",
    "product.updated",
    "product.deleted",
    "product.restored",
];

static DESCRIPTOR: Descriptor = Descriptor {
    id: "woocommerce",
    title: "WooCommerce",
    auth: "A consumer key and secret with read and write rights: HTTP Basic over https, OAuth 1.0a \
           signatures over plain http.",
    quota: Quota {
        per_second: 10,
        burst: 20,
        rest: None,
        said: None,
    },
    hook_topics: TOPICS,
    quantity: QuantityMeaning::Available,
    compares: false,
    push_batch_max: BATCH_MAX,
    writes_per_listing_per_day: None,
    poll_overlap_s: 120,
    orders_lag_s: 0,
    subtracts_when: "When an order becomes processing, on-hold or completed; pending takes nothing. \
                     Given back when it becomes cancelled or pending, from version 11 also failed.",
    is_by_hand: false,
    quirks: &[
        "Hooks wait for WP-Cron: up to a minute in a healthy shop, for ever in a broken one \
         (measured on 10.9.4 and 11.0.1).",
        "A hook that failed is never sent again, and the seventh failure in a row switches its \
         webhook off (measured).",
        "The delivery id is a hash of webhook and second: different orders share it (measured).",
        "A refused checkout leaves a checkout-draft and sends order.updated for it: no sale \
         (measured).",
        "Deleting an order for good sends nothing, and it just vanishes from every list (measured).",
        "The storefront accepts more orders than it has units when buyers come at once (measured).",
        "There is no compare-and-set for stock: the last writer wins (measured).",
        "Adding a note moves neither the time of change nor a hook (measured).",
        "A level is ignored while stock management is switched off in the shop's settings (read in \
         the source).",
        "A refund that is too large is answered with 500, although nothing happened (measured).",
    ],
};

/// The settings of an account.
#[derive(Deserialize, schemars::JsonSchema)]
struct Settings {
    /// The address of the shop, with its path if it has one, without `/wp-json`.
    url: String,
    /// The consumer key of an administrator or shop manager, `ck_…`, with read and write rights
    /// (WooCommerce, Settings, Advanced, REST API).
    consumer_key: String,
    /// The consumer secret that belongs to the key, `cs_…`.
    consumer_secret: Secret,
    /// The secret that the shop signs its hooks with: any random text of your own. The webhooks that
    /// Oneshelf registers get it.
    webhook_secret: Secret,
    /// The secret before the last change, still believed until all webhooks have the new one.
    #[serde(default)]
    webhook_secret_previous: Option<Secret>,
    /// How buyers learn of a parcel: `note` (a customer note), `shipment_tracking` (the extension of
    /// that name), or `fulfillments` (the feature of that name).
    #[serde(default)]
    tracking: Telling,
    /// Whether a refund is carried out through the shop's payment provider, or only recorded.
    #[serde(default)]
    refund_through_gateway: bool,
    /// How requests prove who sends them: `auto` by the address, `basic`, or `oauth` for a shop behind
    /// a proxy that hides https from it.
    #[serde(default)]
    login: Login,
}

/// How buyers learn of a parcel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Telling {
    /// A note on the order, which the shop mails to the buyer.
    #[default]
    Note,
    /// An entry of the Shipment Tracking extension.
    ShipmentTracking,
    /// A fulfillment of the feature of that name, off by default in version 11.
    Fulfillments,
}

/// How requests prove who sends them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Login {
    /// `basic` over https, `oauth` over http.
    #[default]
    Auto,
    /// Key and secret in a header; works over https only.
    Basic,
    /// A signature in the query; works over both.
    Oauth,
}

/// One shop.
struct Woo {
    api: Api,
    is_open_http: bool,
    tracking: Telling,
    refund_through_gateway: bool,
    /// What new webhooks get.
    webhook_secret: Secret,
    /// What signs: decoded, the newest first.
    hook_secrets: Vec<Secret>,
    currency: Mutex<Option<Currency>>,
}

impl Connector for WooCommerce {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn schema(&self) -> schemars::Schema {
        schemars::schema_for!(Settings)
    }

    fn example(&self) -> &'static str {
        r#"url = "https://shop.example.com"
consumer_key = "ck_0000000000000000000000000000000000000000"
consumer_secret = "cs_0000000000000000000000000000000000000000"
webhook_secret = "a long random text of your own"
tracking = "note"
refund_through_gateway = false
"#
    }

    fn open(
        &self,
        settings: serde_json::Value,
        port: Port,
    ) -> Result<Box<dyn Channel>, Vec<SettingsError>> {
        let settings: Settings = settings::read(settings)?;
        let mut errors = Vec::new();
        let url = match base(&settings.url) {
            Ok(url) => Some(url),
            Err(problem) => {
                errors.push(SettingsError::value("url", problem));
                None
            }
        };
        check_secrets(&settings, &mut errors);
        let Some(url) = url.filter(|_| errors.is_empty()) else {
            return Err(errors);
        };
        let is_http = url.scheme() == "http";
        if is_http && settings.login == Login::Basic {
            let problem = "WooCommerce refuses `basic` over plain http; use https or `oauth`";
            return Err(vec![SettingsError::value("login", problem)]);
        }
        let hook_secrets = [
            Some(&settings.webhook_secret),
            settings.webhook_secret_previous.as_ref(),
        ];
        Ok(Box::new(Woo {
            is_open_http: is_http && !is_loopback(&url),
            api: Api {
                port,
                base: url.as_str().trim_end_matches('/').to_owned(),
                is_signed: match settings.login {
                    Login::Auto => is_http,
                    Login::Basic => false,
                    Login::Oauth => true,
                },
                key: settings.consumer_key.trim().to_owned(),
                secret: Secret::new(settings.consumer_secret.expose().trim()),
            },
            tracking: settings.tracking,
            refund_through_gateway: settings.refund_through_gateway,
            hook_secrets: hook_secrets
                .into_iter()
                .flatten()
                .map(webhook::signing_secret)
                .collect(),
            webhook_secret: settings.webhook_secret,
            currency: Mutex::new(None),
        }))
    }
}

/// The address of a shop, or what is wrong with it.
fn base(text: &str) -> Result<Url, String> {
    let url = Url::parse(text.trim())
        .map_err(|error| format!("{error}; write it like `https://shop.example.com`"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("it must begin with `https://` or `http://`".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it must end before `?` and `#`".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it must not hold a login; use `consumer_key`".to_owned());
    }
    if url.path().contains("/wp-json") {
        return Err("it must end before `/wp-json`".to_owned());
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// An empty secret would let anybody sign, and one in a header must be text.
fn check_secrets(settings: &Settings, errors: &mut Vec<SettingsError>) {
    const LENGTH_MIN: usize = 8;
    let mut check = |path: &str, text: &str, length_min: usize| {
        if text.trim().len() < length_min {
            let problem = format!("it must have at least {length_min} characters");
            errors.push(SettingsError::value(path, problem));
        } else if text.chars().any(char::is_control) {
            errors.push(SettingsError::value(path, "it holds control characters"));
        }
    };
    check("consumer_key", &settings.consumer_key, 1);
    check("consumer_secret", settings.consumer_secret.expose(), 1);
    check(
        "webhook_secret",
        settings.webhook_secret.expose(),
        LENGTH_MIN,
    );
    if let Some(previous) = &settings.webhook_secret_previous {
        check("webhook_secret_previous", previous.expose(), LENGTH_MIN);
    }
}

impl Woo {
    /// The shop's currency, if it was asked for before.
    fn known_currency(&self) -> Option<Currency> {
        *self.currency.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember_currency(&self, currency: Currency) {
        *self.currency.lock().unwrap_or_else(PoisonError::into_inner) = Some(currency);
    }
}

#[async_trait::async_trait]
impl Channel for Woo {
    async fn probe(&self) -> Result<Probe, ChannelError> {
        // The one call that must work: everything else rests on it.
        let query = [("per_page", "1".to_owned())];
        let _: Vec<serde_json::Value> = self.api.get("read orders", "wc/v3/orders", &query).await?;
        let mut warnings = Vec::new();
        if self.is_open_http {
            warnings.push(
                "the shop is asked over plain http: requests are signed, but everybody on the way \
                 can read the orders; use https"
                    .to_owned(),
            );
        }
        let index = optional(self.api.index().await, &mut warnings)?;
        let fields = [("_fields", "environment".to_owned())];
        let status: Option<wire::SystemStatus> = optional(
            self.api
                .get(
                    "read the version of the shop",
                    "wc/v3/system_status",
                    &fields,
                )
                .await,
            &mut warnings,
        )?;
        let route = "wc/v3/settings/products/woocommerce_manage_stock";
        let managed: Option<wire::Setting> = optional(
            self.api
                .get("read whether the shop counts stock", route, &[])
                .await,
            &mut warnings,
        )?;
        if managed.is_some_and(|setting| setting.value.as_str() != "yes") {
            warnings.push(
                "stock management is switched off in the shop, which then ignores every level: \
                 switch it on under WooCommerce, Settings, Products, Inventory"
                    .to_owned(),
            );
        }
        let shop = index.and_then(|index| index.name.filled().map(str::to_owned));
        let version = status.and_then(|s| s.environment.version.filled().map(str::to_owned));
        Ok(Probe {
            shop: shop.unwrap_or_else(|| self.api.base.clone()),
            version: version.unwrap_or_else(|| "unknown".to_owned()),
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
        None
    }

    fn register_hooks(&self) -> Option<&dyn RegisterHooks> {
        Some(self)
    }
}

/// What a probe can do without: a refusal becomes a warning.
fn optional<T>(
    read: Result<T, ChannelError>,
    warnings: &mut Vec<String>,
) -> Result<Option<T>, ChannelError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) => match error.kind {
            ErrorKind::Retry { .. } | ErrorKind::Throttled { .. } => Err(error),
            ErrorKind::Unauthorized { .. }
            | ErrorKind::Gone
            | ErrorKind::Rejected { .. }
            | ErrorKind::Ambiguous { .. }
            | ErrorKind::Malformed { .. } => {
                warnings.push(error.to_string());
                Ok(None)
            }
        },
    }
}
