//! Orders that people enter: by phone, at a counter without a till, from a file.
//!
//! There is no channel behind such an account. Its orders come from whoever enters them, nothing is offered on
//! it and nobody is told of what becomes of them, so it can do nothing of all that a channel may.

use async_trait::async_trait;
use channel::{
    CancelOrders, Channel, ChannelError, Connector, Descriptor, Port, Probe, PullListings,
    PullOrders, PushShipments, PushStock, QuantityMeaning, Quota, ReadHooks, ReadStock,
    RefundOrders, RegisterHooks, SettingsError, settings,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// The connector.
pub(crate) static CONNECTOR: ManualConnector = ManualConnector;

/// The connector's one value.
pub(crate) struct ManualConnector;

/// An account without a channel.
struct Manual;

/// There is nothing to be set.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {}

static DESCRIPTOR: Descriptor = Descriptor {
    id: "manual",
    title: "Entered by hand",
    auth: "None: its orders are entered here.",
    quota: Quota {
        per_second: 1,
        burst: 1,
        rest: None,
        said: None,
    },
    hook_topics: &[],
    quantity: QuantityMeaning::Unreserved,
    compares: false,
    push_batch_max: 1,
    writes_per_listing_per_day: None,
    poll_overlap_s: 0,
    orders_lag_s: 0,
    subtracts_when: "Never: nothing is offered there.",
    is_by_hand: true,
    quirks: &[],
};

const EXAMPLE: &str = "\
# Orders that are taken by phone or in person, and entered with `oneshelf orders add` or `oneshelf import`.
kind = \"manual\"
";

impl Connector for ManualConnector {
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
        _: Port,
    ) -> Result<Box<dyn Channel>, Vec<SettingsError>> {
        let Settings {} = settings::read(settings)?;
        Ok(Box::new(Manual))
    }
}

#[async_trait]
impl Channel for Manual {
    async fn probe(&self) -> Result<Probe, ChannelError> {
        Ok(Probe {
            shop: DESCRIPTOR.title.to_owned(),
            version: String::new(),
            warnings: Vec::new(),
        })
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
