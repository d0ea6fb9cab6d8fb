//! What the tests of the settings share: a connector of their own, and files in a folder.

mod examples;
mod idle;
mod incidents;
mod labels;
mod loading;
mod locations;
mod messages;
mod mistakes;
mod order_rules;
mod owing;
mod sellers;

use std::fs;

use async_trait::async_trait;
use channel::{
    CancelOrders, Channel, ChannelError, Descriptor, Port, Probe, PullListings, PullOrders,
    PushShipments, PushStock, QuantityMeaning, ReadHooks, ReadStock, RefundOrders, RegisterHooks,
    Secret, SettingsError,
};

use super::*;

/// A connector as they all are, with settings of every sort.
struct Corner;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct CornerSettings {
    /// Where the shop is.
    url: String,
    /// The key of the API.
    key: Secret,
    /// Of which sort it is.
    #[serde(default)]
    sort: Sort,
    /// Where the goods are.
    #[serde(default)]
    places: Vec<Place>,
    #[serde(default)]
    page_size: Option<u8>,
}

#[derive(Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Sort {
    #[default]
    Shop,
    Till,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Place {
    #[expect(dead_code, reason = "only its reading is tested")]
    id: u32,
    token: Option<Secret>,
}

static DESCRIPTOR: Descriptor = Descriptor {
    id: "corner",
    title: "Corner",
    auth: "a key",
    quota: channel::Quota {
        per_second: 1,
        burst: 1,
        rest: None,
        said: None,
    },
    hook_topics: &[],
    quantity: QuantityMeaning::Available,
    compares: false,
    push_batch_max: 1,
    writes_per_listing_per_day: None,
    poll_overlap_s: 0,
    orders_lag_s: 0,
    subtracts_when: "never",
    is_by_hand: false,
    quirks: &[],
};

impl Connector for Corner {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn schema(&self) -> schemars::Schema {
        schemars::schema_for!(CornerSettings)
    }

    fn example(&self) -> &'static str {
        ""
    }

    fn open(
        &self,
        settings: serde_json::Value,
        _: Port,
    ) -> Result<Box<dyn Channel>, Vec<SettingsError>> {
        let settings: CornerSettings = channel::settings::read(settings)?;
        let mut errors = Vec::new();
        if !settings.url.starts_with("https://") {
            errors.push(SettingsError::value(
                "url",
                "the shop must be reached by https",
            ));
        }
        if !settings.key.expose().starts_with("key-") {
            let problem = format!("{} does not begin with key-", settings.key.expose());
            errors.push(SettingsError::value("key", problem));
        }
        let is_till = matches!(settings.sort, Sort::Till);
        if is_till && settings.places.iter().all(|place| place.token.is_none()) {
            errors.push(SettingsError::value(
                "places",
                "a till has a place with a token",
            ));
        }
        if settings.page_size == Some(0) {
            errors.push(SettingsError::value("page_size", "a page holds something"));
        }
        if errors.is_empty() {
            Ok(Box::new(Open))
        } else {
            Err(errors)
        }
    }
}

struct Open;

#[async_trait]
impl Channel for Open {
    async fn probe(&self) -> Result<Probe, ChannelError> {
        Err(ChannelError::rejected("probe", "nobody is there"))
    }
    fn pull_orders(&self) -> Option<&dyn PullOrders> {
        None
    }
    fn read_hooks(&self) -> Option<&dyn ReadHooks> {
        None
    }
    fn pull_listings(&self) -> Option<&dyn PullListings> {
        None
    }
    fn read_stock(&self) -> Option<&dyn ReadStock> {
        None
    }
    fn push_stock(&self) -> Option<&dyn PushStock> {
        None
    }
    fn push_shipments(&self) -> Option<&dyn PushShipments> {
        None
    }
    fn cancel_orders(&self) -> Option<&dyn CancelOrders> {
        None
    }
    fn refund_orders(&self) -> Option<&dyn RefundOrders> {
        None
    }
    fn capture_payments(&self) -> Option<&dyn channel::CapturePayments> {
        None
    }

    fn register_hooks(&self) -> Option<&dyn RegisterHooks> {
        None
    }
}

fn enough_fields(text: &str) -> Result<(), String> {
    match text.split_whitespace().count() {
        5 | 6 => Ok(()),
        fields => Err(format!("this has {fields} fields, not 6")),
    }
}

const KNOWN: Known<'static> = Known {
    connectors: &[&Corner],
    schedule: enough_fields,
    now: Time::EPOCH,
};

/// Writes files into a folder and loads them.
fn load_files(
    files: &[(&str, &str)],
    environment: &[(&str, &str)],
) -> (tempfile::TempDir, Result<Settings, LoadError>) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("accounts.d")).expect("a folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("it can be written");
    }
    let environment = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let loaded = load(folder.path(), &environment, KNOWN);
    (folder, loaded)
}

/// What is told of these files: place, problem and help of each mistake, without the folder.
fn told(files: &[(&str, &str)], environment: &[(&str, &str)]) -> Vec<String> {
    let (folder, loaded) = load_files(files, environment);
    let mistakes = match loaded {
        Ok(settings) => settings.warnings,
        Err(LoadError::Mistakes(mistakes)) => mistakes,
        Err(error @ LoadError::Absent { .. }) => panic!("{error}"),
    };
    let without_folder = |text: &str| {
        let folder = format!("{}/", folder.path().display());
        text.replace(&folder, "")
    };
    mistakes
        .iter()
        .map(|mistake| {
            let help = mistake.help.as_deref().map(|help| format!(" ({help})"));
            let line = format!(
                "{}: {}{}",
                mistake.at,
                mistake.problem,
                help.unwrap_or_default()
            );
            without_folder(&line)
        })
        .collect()
}

fn check_main(rows: &[(&str, &[&str])]) {
    for (text, wanted) in rows {
        assert_eq!(told(&[("oneshelf.toml", text)], &[]), *wanted, "{text}");
    }
}

fn check_account(rows: &[(&str, &[&str])]) {
    for (text, wanted) in rows {
        let files = [("oneshelf.toml", ""), ("accounts.d/eu-shop.toml", *text)];
        assert_eq!(told(&files, &[]), *wanted, "{text}");
    }
}
