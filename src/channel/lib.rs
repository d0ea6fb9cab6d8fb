//! What the author of a connector sees.
//!
//! A connector is a folder under `connectors/`: it describes a kind of channel ([`Connector`]) and
//! opens accounts on it ([`Channel`]). It talks to the outside only through [`http::HttpPort`], and
//! never sleeps, retries, spawns, logs bodies, reads clocks or makes clients of its own; the engine
//! does all of that, from the error kinds in [`error`].
//!
//! What a channel cannot do is `None`: no capability has a default body, so that absence is visible
//! where it is decided.

pub mod error;
pub mod hook;
pub mod http;
pub mod settings;

use async_trait::async_trait;
use domain::{
    Decimal, ExternalId, ListingId, Money, Time,
    snapshot::{LevelSnapshot, ListingSnapshot, Observation, OrderSnapshot},
};
use serde::{Deserialize, Serialize};

pub use domain::offer::QuantityMeaning;
pub use error::{ChannelError, ErrorKind};
pub use hook::{HookAnswer, HookRefusal, HookRequest, Verdict, Verified};
pub use http::{HttpPort, Port, Secret, Vault, VaultError};
pub use settings::SettingsError;

/// A kind of channel. One static value per folder, listed in `connectors/lib.rs`.
pub trait Connector: Sync {
    /// What it is; the docs page, the capability matrix and the limits come from it.
    fn descriptor(&self) -> &'static Descriptor;

    /// The JSON schema of its settings, for editors, docs and `check`.
    fn schema(&self) -> schemars::Schema;

    /// The settings of an account as an admin would write them, with every key that is usual.
    fn example(&self) -> &'static str;

    /// Opens one account. Settings are checked completely: all mistakes at once, nothing is sent.
    fn open(
        &self,
        settings: serde_json::Value,
        port: Port,
    ) -> Result<Box<dyn Channel>, Vec<SettingsError>>;
}

/// What is the same for all accounts on a kind of channel.
#[derive(Debug)]
pub struct Descriptor {
    /// The folder's name; what `kind = "…"` says in the configuration.
    pub id: &'static str,
    /// The name that people know it by.
    pub title: &'static str,
    /// How an account proves itself, in one sentence.
    pub auth: &'static str,
    /// How fast it may be asked, before its headers say otherwise.
    pub quota: Quota,
    /// The hook topics that the connector understands; empty when the channel sends none.
    pub hook_topics: &'static [&'static str],
    /// What the number that we write means there.
    pub quantity: QuantityMeaning,
    /// Whether a write of stock can state the value that it believes to replace.
    pub compares: bool,
    /// How many listings one call may write.
    pub push_batch_max: usize,
    /// How often a listing may be written in a day, where the channel limits that.
    pub writes_per_listing_per_day: Option<u32>,
    /// How far a poll must look back before its cursor: late index, offline tills, clock skew.
    pub poll_overlap_s: u32,
    /// For how long after it was placed an order may be missing from a list of orders, though the level
    /// has its units off already. So long no difference counts as explained by nothing.
    pub orders_lag_s: u32,
    /// At which of its states the channel takes units off its level itself, in a sentence.
    pub subtracts_when: &'static str,
    /// Whether its orders are entered here by people: there is no channel behind it that knows of them.
    pub is_by_hand: bool,
    /// What surprised us, a sentence each, with its source.
    pub quirks: &'static [&'static str],
}

/// How fast a channel may be asked.
#[derive(Debug, Clone, Copy)]
pub struct Quota {
    /// Calls per second, sustained.
    pub per_second: u32,
    /// Calls at once after a pause.
    pub burst: u32,
    /// How long an answer asks us to rest before we read on, for channels that say with each answer
    /// what is left. Absent where a channel only says so when it is too late.
    pub rest: Option<fn(&http::Response) -> Option<Rest>>,
    /// What an answer says of what is left, for people to see. Absent where a channel does not say it.
    pub said: Option<fn(&http::Response) -> Option<Allowance>>,
}

/// What a channel said is left of its quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// How much is left.
    pub left: u64,
    /// Of how much, where it says so.
    pub of: Option<u64>,
    /// Of what: `points` or `calls`.
    pub unit: &'static str,
    /// How much comes back each second, where it says so.
    pub restored_per_second: Option<u64>,
}

impl Quota {
    /// Another rate, with as much at once in proportion.
    pub fn with_per_second(self, per_second: u32) -> Quota {
        let usual = u64::from(self.per_second.max(1));
        let burst = u64::from(self.burst) * u64::from(per_second) / usual;
        Quota {
            per_second,
            burst: u32::try_from(burst).unwrap_or(u32::MAX).max(1),
            ..self
        }
    }
}

/// How long to leave a channel's quota alone after an answer, so that what is urgent finds enough of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rest {
    /// For what is read as usual.
    pub usual: std::time::Duration,
    /// For what is read again only to be sure: it lives on what would be left over.
    pub leisurely: std::time::Duration,
}

/// One live account.
#[async_trait]
pub trait Channel: Send + Sync {
    /// Proves credentials and reach with harmless calls.
    async fn probe(&self) -> Result<Probe, ChannelError>;

    /// Orders by polling, which is the truth.
    fn pull_orders(&self) -> Option<&dyn PullOrders>;
    /// Hooks, which make it fast.
    fn read_hooks(&self) -> Option<&dyn ReadHooks>;
    /// What is offered there.
    fn pull_listings(&self) -> Option<&dyn PullListings>;
    /// The levels that it shows.
    fn read_stock(&self) -> Option<&dyn ReadStock>;
    /// Setting them.
    fn push_stock(&self) -> Option<&dyn PushStock>;
    /// Telling it what was shipped.
    fn push_shipments(&self) -> Option<&dyn PushShipments>;
    /// Canceling orders there.
    fn cancel_orders(&self) -> Option<&dyn CancelOrders>;
    /// Giving money back there.
    fn refund_orders(&self) -> Option<&dyn RefundOrders>;
    /// Taking money that is reserved.
    fn capture_payments(&self) -> Option<&dyn CapturePayments>;
    /// Subscribing to hooks.
    fn register_hooks(&self) -> Option<&dyn RegisterHooks>;
}

/// What a probe found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// The shop's own name for itself.
    pub shop: String,
    /// The version of its software or API.
    pub version: String,
    /// What works but should be looked at, each with what to do.
    pub warnings: Vec<String>,
}

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// What could be read.
    pub items: Vec<T>,
    /// What could not: kept and shown, and no reason to stop.
    pub malformed: Vec<Malformed>,
    /// Where the next page begins; nothing on the last one.
    pub next: Option<String>,
}

/// Something that the channel sent and that we could not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Malformed {
    /// Which order or listing, where that much could be read.
    pub external_id: Option<String>,
    /// What is wrong with it.
    pub reason: String,
    /// The thing itself.
    pub raw: String,
}

/// What a poll asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderWindow {
    /// Orders changed at or after this instant. The engine has taken the overlap off already.
    pub changed_since: Time,
    /// The `next` of the page before, with the same window.
    pub page: Option<String>,
    /// Whether everything that the window before this one handed out was taken in. Then a channel on
    /// which reading an order is dear may leave out what did not change since.
    pub is_last_kept: bool,
}

/// What a channel says of one order that was asked for by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderReading {
    /// Its whole view.
    Found(Box<OrderSnapshot>),
    /// It knows no such order: an observation, not an error.
    Gone,
    /// It answered with something that we could not read.
    Malformed(Malformed),
}

/// Reading orders.
#[async_trait]
pub trait PullOrders: Send + Sync {
    /// One page of the orders changed in a window, oldest change first where the channel can sort.
    /// Order and uniqueness are not assumed.
    async fn pull(&self, window: &OrderWindow) -> Result<Page<OrderSnapshot>, ChannelError>;

    /// Orders by their ids: one reading for each, in any order. Where the channel asks to wait on the
    /// way, the answer is what was read until then, at least one; the rest is asked for again.
    async fn read(
        &self,
        ids: &[ExternalId],
    ) -> Result<Vec<(ExternalId, OrderReading)>, ChannelError>;
}

/// Receiving hooks. Verifying and reading are synchronous and pure.
#[async_trait]
pub trait ReadHooks: Send + Sync {
    /// Whether this request comes from the channel, or is one of its challenges or pings.
    fn verify(&self, request: &HookRequest, now: Time) -> Verdict;

    /// What a verified hook tells. A body that cannot be read is kept and shown.
    fn read(&self, hook: &Verified) -> Result<Vec<Observation>, Malformed>;

    /// Fetches the public key that [`Verdict::KeyNeeded`] asked for and keeps it; channels whose
    /// signatures need no key answer with `Rejected`.
    async fn fetch_key(&self, key_id: &str) -> Result<(), ChannelError>;
}

/// Reading what is offered.
#[async_trait]
pub trait PullListings: Send + Sync {
    /// One page of all listings; `page` is the `next` of the page before.
    async fn pull(&self, page: Option<&str>) -> Result<Page<ListingSnapshot>, ChannelError>;
}

/// Reading levels.
#[async_trait]
pub trait ReadStock: Send + Sync {
    /// The levels of these listings, as fresh as the channel gives them. A listing that is not in
    /// the answer is unknown there.
    async fn read(&self, listings: &[ListingId]) -> Result<Vec<LevelSnapshot>, ChannelError>;
}

/// A level to be set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockTarget {
    /// Of which listing.
    pub listing: ListingId,
    /// To this, absolutely.
    pub quantity: Decimal,
    /// The level that we believe to replace; nothing when we have never seen one.
    pub expected: Option<Decimal>,
    /// When that belief was formed, for channels that order writes by time.
    pub believed_at: Time,
}

/// Setting levels.
#[async_trait]
pub trait PushStock: Send + Sync {
    /// Sets levels; at most [`Descriptor::push_batch_max`] of them. `key` stays the same when the
    /// same targets are sent again, so a channel with idempotency keys writes once.
    /// One answer for each target; a call that fails as a whole is an error.
    async fn push(
        &self,
        targets: &[StockTarget],
        key: &str,
    ) -> Result<Vec<(ListingId, Ack)>, ChannelError>;
}

/// What became of one item of a push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ack {
    /// It is done. `reference` is the channel's own id of what it made, if it made something.
    Applied {
        /// For shipments and refunds: their id there.
        reference: Option<ExternalId>,
    },
    /// The channel holds another value than the one that we believed; nothing was written.
    Conflict {
        /// What it holds, where it says so.
        observed: Option<Decimal>,
    },
    /// It will not do this, and trying again is useless.
    Rejected {
        /// In its own words.
        reason: String,
    },
    /// It may or may not be done; read back before trying again.
    Ambiguous,
}

/// A parcel to tell the channel about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShipmentPush {
    /// The order there.
    pub order: ExternalId,
    /// What is in it: the channel's line ids.
    pub lines: Vec<(ExternalId, Decimal)>,
    /// Who carries it, in the admin's words (`DHL`, `UPS`).
    pub carrier: Option<String>,
    /// The tracking number.
    pub tracking_number: Option<String>,
    /// Where to follow it.
    pub tracking_url: Option<String>,
    /// When it left.
    pub shipped_at: Time,
    /// Whether nothing of the order remains to be shipped after it.
    pub completes: bool,
    /// The same on every try.
    pub key: String,
}

/// Telling what was shipped.
#[async_trait]
pub trait PushShipments: Send + Sync {
    /// Whether the channel has this shipment already. Asked before every try but the first, so that
    /// a try with an unknown outcome is never simply repeated.
    async fn find(&self, shipment: &ShipmentPush) -> Result<Option<Ack>, ChannelError>;

    /// Tells it.
    async fn push(&self, shipment: &ShipmentPush) -> Result<Ack, ChannelError>;
}

/// An order to be canceled on its channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancellation {
    /// The order there.
    pub order: ExternalId,
    /// Why, for the buyer and the channel.
    pub reason: CancelReason,
    /// The same on every try.
    pub key: String,
}

/// Why an order is canceled; channels have lists of their own that these are mapped to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// The buyer asked for it.
    BuyerRequest,
    /// We cannot deliver.
    OutOfStock,
    /// The address cannot be served.
    Address,
    /// It looks like fraud.
    Fraud,
    /// None of these.
    Other,
}

/// Canceling orders on the channel.
#[async_trait]
pub trait CancelOrders: Send + Sync {
    /// Cancels a whole order. Whether it is canceled already is read by [`PullOrders::read`].
    async fn cancel(&self, cancellation: &Cancellation) -> Result<Ack, ChannelError>;
}

/// Money to be given back on the channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundPush {
    /// The order there.
    pub order: ExternalId,
    /// How much in all.
    pub amount: Money,
    /// For which lines: the channel's line ids, how many units, how much money.
    pub lines: Vec<(ExternalId, Decimal, Money)>,
    /// Whether the channel should put the units back on its level itself. We never ask for that
    /// while we push absolute levels to the same listing.
    pub restock: bool,
    /// For the buyer.
    pub reason: String,
    /// The same on every try.
    pub key: String,
    /// When it was wished, by our clock: what the channel gave back before is another refund.
    pub made_at: Time,
    /// The channel's ids of what our other wishes about this order gave back.
    pub others: Vec<ExternalId>,
}

/// Giving money back on the channel.
#[async_trait]
pub trait RefundOrders: Send + Sync {
    /// Whether the channel has this refund already. Asked before every try but the first.
    async fn find(&self, refund: &RefundPush) -> Result<Option<Ack>, ChannelError>;

    /// Gives it back.
    async fn refund(&self, refund: &RefundPush) -> Result<Ack, ChannelError>;
}

/// Reserved money to be taken on the channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapturePush {
    /// The order there.
    pub order: ExternalId,
    /// How much the order costs: what of it was taken already is not taken again.
    pub amount: Money,
    /// Stays the same over tries.
    pub key: String,
}

/// Taking money that a buyer's bank has reserved.
#[async_trait]
pub trait CapturePayments: Send + Sync {
    /// Whether the money is taken already. Asked before every try.
    async fn find(&self, capture: &CapturePush) -> Result<Option<Ack>, ChannelError>;

    /// Takes what is missing.
    async fn capture(&self, capture: &CapturePush) -> Result<Ack, ChannelError>;
}

/// One subscription to hooks, as the channel has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookState {
    /// Its topic.
    pub topic: String,
    /// The channel's id of it.
    pub external_id: String,
    /// Whether the channel delivers to it.
    pub active: bool,
    /// What we did about it just now: `kept`, `created`, `enabled`.
    pub action: String,
}

/// Subscribing to hooks.
#[async_trait]
pub trait RegisterHooks: Send + Sync {
    /// Makes every topic of the descriptor be delivered to `url`, creating what is missing and
    /// enabling what the channel switched off; other people's subscriptions are left alone.
    async fn ensure(&self, url: &str) -> Result<Vec<HookState>, ChannelError>;
}
