//! Twins of the channels: small shops that answer like the real ones.
//!
//! A [`Twin`] is a pure state machine, written from the channel's official description and sharing
//! no wire type with its connector. The same machine serves the demo over loopback HTTP, the
//! end-to-end tests, and the simulator in process under virtual time. It keeps its own truth (orders
//! placed, units sold, levels shown), and we are judged against that.
//!
//! Faults ([`faults`]) are the same for all twins and live outside them, and so do the people who buy
//! there ([`buyers`]) and the function that judges us ([`judge`]).

pub mod buyers;
pub mod ebay;
pub mod faults;
pub mod judge;
pub mod label_desk;
pub mod shop;
mod shopify;
pub mod square;
pub mod woocommerce;

use domain::{ExternalId, Sku, Time};

pub use shop::{Product, ProductKind, Shop};

/// A request, as it arrives at a twin.
pub type Request = http::Request<Vec<u8>>;
/// Its answer.
pub type Response = http::Response<Vec<u8>>;

/// One shop on a channel.
pub trait Twin: Send {
    /// The channel's id: the folder name of its connector.
    fn channel(&self) -> &'static str;

    /// The settings with which the connector of this channel reaches this shop, as JSON. Secrets are
    /// plain texts in it, and `public_url` (where hooks go) is part of the shop, not of these.
    fn settings(&self) -> serde_json::Value;

    /// Answers one request of the channel's API. Pure but for the twin's own state.
    fn handle(&mut self, request: &Request, now: Time) -> Response;

    /// The hooks that are due, each handed out once. What becomes of them is told by
    /// [`Twin::delivered`]; a real channel's rules of retry and giving up are the twin's.
    fn take_deliveries(&mut self, now: Time) -> Vec<Delivery>;

    /// The receiver answered this (nothing: it could not be reached, or was too slow).
    fn delivered(&mut self, delivery: u64, status: Option<u16>, now: Time);

    /// When the next hook is due, so that virtual time can jump there.
    fn next_delivery_at(&self) -> Option<Time>;

    /// A buyer or an admin does something in the shop itself.
    fn act(&mut self, act: &Act, now: Time) -> Result<Done, Refused>;

    /// What is true there now.
    fn truth(&self) -> Truth;

    /// The levels of [`Twin::truth`] alone, which are asked for often.
    fn levels(&self) -> std::collections::BTreeMap<Sku, i64>;

    /// This channel's way of saying "too many calls".
    fn throttled(&self) -> Response;

    /// Makes every token handed out so far invalid, as an expiry or a revocation would.
    fn expire_tokens(&mut self);
}

/// A hook on its way.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Names it in [`Twin::delivered`].
    pub id: u64,
    /// The whole request, with the absolute address of the receiver.
    pub request: http::Request<Vec<u8>>,
}

/// Something that a person does in the shop itself, past its API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// A buyer checks out. The shop refuses by its own rules when its level is too low.
    Buy {
        /// What is in the basket: SKU and whole units.
        basket: Vec<(Sku, u32)>,
        /// Whether it is paid at once.
        paid: bool,
    },
    /// An unpaid order is paid.
    Pay(ExternalId),
    /// The buyer's bank reserves the money for an unpaid order.
    Authorize(ExternalId),
    /// The bank does not reserve it any more, and has not said so.
    Lapse(ExternalId),
    /// An order is canceled by staff or buyer.
    Cancel(ExternalId),
    /// Staff ship an order, past us.
    Ship(ExternalId),
    /// Staff refund an order in full, past us.
    Refund(ExternalId),
    /// Staff edit the level of a product.
    SetLevel(Sku, i64),
    /// Staff cancel some units of an order, give their money back, and put them on sale again.
    CancelUnits(ExternalId, Sku, u32),
    /// An order that has not left is to go to another street.
    Readdress(ExternalId, String),
    /// The channel comes to take an order for fraud.
    Suspect(ExternalId),
    /// An order is deleted for good, which many channels do silently.
    Delete(ExternalId),
    /// A listing becomes odd, in a way that only some channels have.
    Make(Sku, Odd),
}

/// How a listing can be odd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Odd {
    /// Its level cannot be changed from outside.
    Locked,
    /// It can again.
    Unlocked,
    /// Its SKU is not told any more: staff never typed it in.
    Nameless,
}

/// What an [`Act`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// The order that was placed or changed.
    Order(ExternalId),
    /// A level was changed.
    Level,
}

/// Why an [`Act`] did nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// The shop shows too few of this.
    OutOfStock(Sku),
    /// There is no such product or order here.
    Unknown(String),
    /// The channel has no such thing, or not in this state.
    Impossible(&'static str),
}

/// What is true in a shop, whatever it told us.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Truth {
    /// Every order that ever counted as a sale, also canceled and deleted ones, in order of placing.
    pub orders: Vec<TrueOrder>,
    /// The level shown for each SKU that is counted.
    pub levels: std::collections::BTreeMap<Sku, i64>,
    /// Every change of a level that was written through the API, in order.
    pub level_writes: Vec<LevelWrite>,
    /// Every change of a level by which the shop itself put back what was canceled or refunded, in order.
    pub restocks: Vec<LevelWrite>,
    /// How many requests changed anything through the API.
    pub writes: u64,
    /// How many requests were answered.
    pub requests: u64,
}

/// An order as the shop knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrueOrder {
    /// Its id in the API.
    pub external_id: ExternalId,
    /// When.
    pub placed_at: Time,
    /// What: SKU and whole units.
    pub lines: Vec<(Sku, u32)>,
    /// Whether it was canceled.
    pub is_canceled: bool,
    /// Whether it was deleted.
    pub is_deleted: bool,
    /// What was shipped: parcel by parcel.
    pub shipments: Vec<TrueShipment>,
    /// What was refunded, in minor units.
    pub refunded_minor: i64,
    /// What was taken of money that was reserved, in minor units.
    pub captured_minor: i64,
    /// What of an order that stands will not leave any more. A canceled order says nothing here.
    pub given_up: Vec<(Sku, u32)>,
    /// The street that it goes to; empty where nothing is sent.
    pub street: String,
}

/// A parcel as the shop knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrueShipment {
    /// The carrier as the shop shows it.
    pub carrier: String,
    /// The tracking number as the shop shows it.
    pub tracking_number: String,
    /// What is in it; empty where the channel cannot say.
    pub lines: Vec<(Sku, u32)>,
}

/// A level that was written through the API, or by the shop itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelWrite {
    /// Of what.
    pub sku: Sku,
    /// It showed this.
    pub from: i64,
    /// This was written. A shop that counts shows less where it sold some since it was counted.
    pub to: i64,
    /// When.
    pub at: Time,
}

/// Opens a shop on a channel.
pub type OpenTwin = fn(Shop) -> Box<dyn Twin>;

/// Every twin, by its channel, in alphabetical order.
pub const TWINS: &[(&str, OpenTwin)] = &[
    ("ebay", ebay::open),
    ("shopify", shopify::open),
    ("square", square::open),
    ("woocommerce", woocommerce::open),
];
