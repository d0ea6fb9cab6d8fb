//! What an admin says about an account, and every mistake in it.
//!
//! Nothing is sent to find one.

use channel::{Secret, SettingsError};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{api::is_number, auth::Mode};

/// An account's settings.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(super) struct Settings {
    /// The shop's own name: `eu-shop` of `eu-shop.myshopify.com`. Hooks of other shops that use the
    /// same app are told apart by it.
    pub(super) shop: Option<String>,
    /// Where the shop is reached, if not at `https://{shop}.myshopify.com`.
    pub(super) api_url: Option<String>,
    /// The version of the API: a year and a month that begins a quarter.
    #[serde(default = "default_version")]
    pub(super) api_version: String,
    /// The location whose levels are read and written: its number or its global id.
    #[serde(deserialize_with = "text_or_number")]
    #[schemars(with = "String")]
    pub(super) location_id: String,
    /// The client secret of the app: it signs hooks.
    pub(super) client_secret: Secret,
    /// The client secret before the last rotation, while hooks may still be signed with it.
    pub(super) previous_client_secret: Option<Secret>,
    /// The Admin API access token of a custom app. Exactly one of `access_token`,
    /// `client_credentials` and `refresh` is needed.
    pub(super) access_token: Option<Secret>,
    /// An app of the shop's own organization, which gets a token for 24 hours as often as needed.
    pub(super) client_credentials: Option<ClientCredentials>,
    /// An expiring offline token, whose pair is rotated at each use.
    pub(super) refresh: Option<Refresh>,
    /// Whether the shop itself writes to the buyer when something is shipped, canceled or refunded.
    #[serde(default = "default_notify")]
    pub(super) notify_buyer: bool,
    /// Whether canceling an order there also gives back what was paid. Without it a refund is a
    /// step of its own.
    #[serde(default)]
    pub(super) refund_on_cancel: bool,
}

/// Where a token is bought with.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(super) struct ClientCredentials {
    /// The client id of the app.
    client_id: String,
    /// Its client secret, if it is another than the one that signs hooks.
    client_secret: Option<Secret>,
}

/// Where a token is rotated from.
#[derive(Debug, Deserialize, schemars::JsonSchema)]
pub(super) struct Refresh {
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

/// Settings without mistakes, and what follows from them.
pub(super) struct Checked {
    pub(super) settings: Settings,
    /// Where the shop is reached, without a slash at the end.
    pub(super) base_url: String,
    /// The number of our location.
    pub(super) location: String,
    pub(super) mode: Mode,
}

impl Settings {
    /// All mistakes at once, or none.
    pub(super) fn check(self) -> Result<Checked, Vec<SettingsError>> {
        let mut errors = Vec::new();
        let base_url = base_url(&self).map_err(|error| errors.push(error));
        let location = self
            .location_id
            .strip_prefix("gid://shopify/Location/")
            .unwrap_or(&self.location_id)
            .to_owned();
        if !is_number(&location) {
            errors.push(SettingsError::value(
                "location_id",
                "write the number of the location, or gid://shopify/Location/ and the number",
            ));
        }
        if !is_version(&self.api_version) {
            errors.push(SettingsError::value(
                "api_version",
                "write a year and a month, such as 2026-10",
            ));
        }
        if self.client_secret.expose().is_empty() {
            errors.push(SettingsError::value(
                "client_secret",
                "without it no hook can be believed; copy it from the app's settings",
            ));
        }
        let mode = mode(&self).map_err(|error| errors.push(error));
        match (base_url, mode) {
            (Ok(base_url), Ok(mode)) if errors.is_empty() => Ok(Checked {
                settings: self,
                base_url,
                location,
                mode,
            }),
            (Ok(_) | Err(()), Ok(_) | Err(())) => Err(errors),
        }
    }
}

/// The domain that the shop has in hooks.
pub(super) fn domain_of(shop: &str) -> String {
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
