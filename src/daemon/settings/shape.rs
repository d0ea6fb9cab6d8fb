//! What can be set, and what holds when nothing is said.
//!
//! These are plain data. Each field's comment is also the text of the schema, so it speaks to the
//! admin. No `flatten`, `untagged` or `tag` here: they lose the place of a mistake.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use channel::Secret;
use domain::{AccountId, Decimal, Money, Sku, Time, deadlines::Promised, rules::FormulaRef};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    capture::Capture,
    incidents::CancelPenalty,
    labels::LabelSellerText,
    log::Log,
    messages::{MessageText, NotifyText},
    order_rules::OrderRuleText,
    privacy::Privacy,
    promised::PromisedText,
    sellers::SellerText,
    values::{self, Buffer, Day, DurationText, EndWhen, Risk, Share, SizeText, Units},
    verify::{Verify, VerifyText},
};

/// `oneshelf.toml`, as it is written.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct Main {
    /// Where to listen.
    pub(super) listen: Listen,
    /// How channels reach the public listener from outside: `https://shop.example.com`. Hooks are
    /// registered below it. Without it, no hooks are registered.
    pub(super) public_url: Option<String>,
    /// Where everything is kept.
    pub(super) store: Store,
    /// Where calls may go.
    pub(super) network: Network,
    /// What is logged, and how.
    pub(super) log: Log,
    /// How much is taken from outside.
    pub(super) limits: Limits,
    /// Who may use the admin interface.
    pub(super) admin: Admin,
    /// How much of the stock is offered.
    pub(super) stock: StockText,
    /// Items that are more than a good on its own.
    pub(super) items: Vec<ItemText>,
    /// Where stock can lie.
    pub(super) locations: Vec<LocationText>,
    /// How orders get the location that they leave from.
    pub(super) allocation: Allocation,
    /// Who issues invoices, and what stands on documents.
    pub(super) sellers: Vec<SellerText>,
    /// What is done about incidents while nobody has chosen a way out.
    pub(super) incidents: Vec<IncidentText>,
    /// What is looked at in each order.
    pub(super) verify: VerifyText,
    /// What is done with orders that are such and such.
    pub(super) rules: Vec<OrderRuleText>,
    /// Through what messages go.
    pub(super) notify: NotifyText,
    /// What can be told to buyers, to people of the house and to programs.
    pub(super) messages: Vec<MessageText>,
    /// Who sells labels.
    pub(super) label_providers: Vec<LabelSellerText>,
    /// How often things are done.
    pub(super) schedule: Schedule,
    /// When too much happens at once.
    pub(super) breaker: Breaker,
    /// Copies of everything.
    pub(super) backup: Backup,
    /// How long what tells of people is kept, and what it is sealed with.
    pub(super) privacy: Privacy,
}

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Listen {
    /// For hooks: address and port. A reverse proxy with TLS stands before it.
    #[schemars(with = "String")]
    pub public: SocketAddr,
    /// For people and scripts: address and port, on this machine only.
    #[schemars(with = "String")]
    pub admin: SocketAddr,
}

impl Default for Listen {
    fn default() -> Listen {
        Listen {
            public: SocketAddr::from(([127, 0, 0, 1], 8080)),
            admin: SocketAddr::from(([127, 0, 0, 1], 8081)),
        }
    }
}

/// Where everything is kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Store {
    /// The folder; only one daemon may use it at a time.
    pub dir: PathBuf,
    /// With less free space than this, hooks are refused (503) and polls pause. Unset: 512 MiB, or a
    /// tenth of the disk where that is less.
    #[serde(deserialize_with = "values::optional_size")]
    #[schemars(with = "SizeText")]
    pub free_min: Option<u64>,
}

impl Default for Store {
    fn default() -> Store {
        Store {
            dir: PathBuf::from("/var/lib/oneshelf"),
            free_min: None,
        }
    }
}

/// Where calls may go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Network {
    /// Whether accounts may be reached without TLS and at private addresses: a shop in the own
    /// network, a sandbox. Otherwise only https to public addresses.
    pub allow_private: bool,
}

/// How much is taken from outside.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Limits {
    /// The longest body of a hook; a longer one gets 413.
    #[serde(deserialize_with = "values::size")]
    #[schemars(with = "SizeText")]
    pub body_bytes: u64,
    /// How many connections are held at once.
    pub connections: u32,
    /// How long the head of a request may take to arrive, and how long its body.
    #[serde(deserialize_with = "values::duration")]
    #[schemars(with = "DurationText")]
    pub read_timeout: Duration,
    /// How many signals may wait to be decided; beyond it hooks are refused (503) until some are.
    pub backlog: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            body_bytes: 1 << 20,
            connections: 512,
            read_timeout: Duration::from_secs(10),
            backlog: 10_000,
        }
    }
}

/// Who may use the admin interface.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Admin {
    /// The bearer token: at least 32 characters, best from a file or a systemd credential. Without
    /// it, the admin API refuses everything but its health.
    pub token: Option<Secret>,
}

/// `[stock]`, as it is written.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct StockText {
    /// The account whose levels are the opening stock.
    pub(super) opening: Option<String>,
    /// How many units are held back from every listing; `auto` is as many as the sales elsewhere call for.
    pub(super) buffer: Option<Buffer>,
    /// The least that a buffer tunes itself to.
    pub(super) buffer_min: Option<Units>,
    /// The most.
    pub(super) buffer_max: Option<Units>,
    /// How often more may be sold elsewhere than an automatic buffer holds, while the news is on its way.
    pub(super) oversell_risk: Option<Risk>,
    /// For experts: what is shown instead of share and buffer, over sellable, share, shared, buffer and max.
    pub(super) formula: Option<String>,
    /// Which part of what is sellable is offered.
    pub(super) share: Option<Share>,
    /// The most that a listing shows.
    pub(super) max: Option<Units>,
    /// A listing that would show less than this shows 0.
    pub(super) zero_below: Option<Units>,
    /// A listing ends when no more than this can be sold: it shows 0 until stock comes in, or a
    /// person lifts it. `never` takes back what a wider rule says.
    pub(super) end_when: Option<EndWhen>,
    /// Who alone shows the last units.
    pub(super) last_units: Option<LastUnitsText>,
    /// How many may be sold when it has run out, because it comes again: { max = 20, ships_within = "14d" }.
    pub(super) backorder: Option<BackorderText>,
    /// How many may be sold before it is out: { max = 100, available_on = "2027-01-15" }.
    pub(super) preorder: Option<PreorderText>,
    /// How long an order keeps its units without being paid. Unset: as long as its channel keeps it.
    #[serde(deserialize_with = "values::some_duration")]
    #[schemars(with = "Option<DurationText>")]
    pub(super) unpaid_for: Option<Duration>,
    /// Exceptions for accounts and SKUs.
    pub(super) rules: Vec<RuleText>,
}

/// `[[stock.rules]]`, as it is written.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct RuleText {
    /// Only on this account.
    pub(super) account: Option<String>,
    /// Only for this SKU.
    pub(super) sku: Option<String>,
    /// Only for items of this category: the merchant's word in `[[items]]`, else the channel's.
    pub(super) category: Option<String>,
    /// How many units are held back, or `auto`.
    pub(super) buffer: Option<Buffer>,
    /// The least that a buffer tunes itself to.
    pub(super) buffer_min: Option<Units>,
    /// The most.
    pub(super) buffer_max: Option<Units>,
    /// How often more may be sold elsewhere than an automatic buffer holds, while the news is on its way.
    pub(super) oversell_risk: Option<Risk>,
    /// For experts: what is shown instead of share and buffer, over sellable, share, shared, buffer and max.
    pub(super) formula: Option<String>,
    /// The most that is shown.
    pub(super) max: Option<Units>,
    /// Which part is offered.
    pub(super) share: Option<Share>,
    /// A listing that would show less than this shows 0.
    pub(super) zero_below: Option<Units>,
    /// A listing ends when no more than this can be sold.
    pub(super) end_when: Option<EndWhen>,
    /// Who alone shows the last units.
    pub(super) last_units: Option<LastUnitsText>,
    /// How many may be sold when it has run out, because it comes again: { max = 20, ships_within = "14d" }.
    pub(super) backorder: Option<BackorderText>,
    /// How many may be sold before it is out: { max = 100, available_on = "2027-01-15" }.
    pub(super) preorder: Option<PreorderText>,
    /// Whether nothing is offered at all.
    pub(super) exclude: bool,
}

/// `last_units`, as it is written.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct LastUnitsText {
    /// When less than this can be sold. 0 takes back what a wider rule says.
    pub(super) below: Option<Units>,
    /// The accounts that still show them; all others show 0.
    pub(super) only: Vec<String>,
}

/// `backorder`, as it is written.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct BackorderText {
    /// So many units of an item may be owed, over all accounts. 0 takes back what a wider rule says.
    pub(super) max: Option<Units>,
    /// So long after an order was placed it ships; not there by then, it is an incident.
    #[serde(deserialize_with = "values::some_duration")]
    #[schemars(with = "Option<DurationText>")]
    pub(super) ships_within: Option<Duration>,
}

/// `preorder`, as it is written.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct PreorderText {
    /// So many units of an item may be owed, over all accounts. 0 takes back what a wider rule says.
    pub(super) max: Option<Units>,
    /// The day on which it is there: from then on it is no preorder, and what is not there when the day
    /// is over (UTC) is an incident.
    pub(super) available_on: Option<Day>,
}

/// `[[incidents]]`, as it is written.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct IncidentText {
    /// What the timelines of orders call this rule.
    pub(super) name: Option<String>,
    /// Only of orders on this account.
    pub(super) account: Option<String>,
    /// Only incidents with this explanation, as `oneshelf incidents` shows it.
    pub(super) why: Option<String>,
    /// Only of this SKU.
    pub(super) sku: Option<String>,
    /// Only of items of this category: your word in `[[items]]`.
    pub(super) category: Option<String>,
    /// Only of orders that cost no more: `"100.00 EUR"`.
    pub(super) max_value: Option<String>,
    /// What is done, the first of these that can be: `wait`, `take-from`, `cancel-order`.
    pub(super) then: Vec<String>,
    /// How long after the incident opened.
    #[serde(deserialize_with = "values::some_duration")]
    #[schemars(with = "Option<DurationText>")]
    pub(super) after: Option<Duration>,
}

/// `[[items]]`, as it is written.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct ItemText {
    /// The stock key.
    pub(super) sku: Option<String>,
    /// What it is.
    pub(super) kind: ItemKind,
    /// What people call it.
    pub(super) title: String,
    /// What sort of thing it is, in a word of your own that rules can be about.
    pub(super) category: Option<String>,
    /// EAN, UPC or ISBN: what the audit of listings compares.
    pub(super) barcode: Option<String>,
    /// What one is to cost, once for each currency: `["12.50 EUR"]`. The audit of listings compares it.
    pub(super) prices: Vec<String>,
    /// How many decimals its quantities have: 0 for pieces, 3 for kilograms sold by the gram.
    pub(super) scale: u8,
    /// For a kit: which SKUs are in it, and how many of each.
    pub(super) components: BTreeMap<String, Units>,
}

/// `[[locations]]`, as it is written.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct LocationText {
    /// A word of your own for it.
    pub(super) id: Option<String>,
    /// What people call it.
    pub(super) name: String,
    /// What it is.
    pub(super) kind: LocationKind,
    /// Two letters, such as `DE`.
    pub(super) country: Option<String>,
    /// State, province or county, as buyers write it.
    pub(super) region: Option<String>,
    /// Other countries that it is near to, or `COUNTRY-REGION`, the nearest first.
    pub(super) near: Vec<String>,
    /// The lower, the sooner it is chosen.
    pub(super) priority: u32,
    /// The accounts that its units are sold on; all where nothing is said.
    pub(super) serves: Option<Vec<String>>,
    /// Whether orders are shipped from it.
    pub(super) ships: Option<ShipsText>,
    /// What these accounts say has left, left from here: a till that stands in it.
    pub(super) home_of: Vec<String>,
}

/// What a location is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum LocationKind {
    /// A place that goods are shipped from.
    #[default]
    Warehouse,
    /// A place where goods are sold over the counter.
    Store,
    /// A place that a channel runs, such as FBA or WFS: it serves only that channel's accounts, and we
    /// never ship from it.
    Channel,
}

/// Whether orders are shipped from a location.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ShipsText {
    /// They are.
    Yes,
    /// They are not: what lies there is sold over the counter only.
    No,
    /// Only when the other locations together cannot.
    Last,
}

/// How orders get the location that they leave from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Allocation {
    /// When a location is chosen. With one location or none, nothing is chosen by itself.
    pub when: AllocationWhen,
    /// What counts, the most important first; what is left out does not count.
    pub prefer: Vec<Preference>,
}

impl Default for Allocation {
    fn default() -> Allocation {
        Allocation {
            when: AllocationWhen::default(),
            prefer: vec![
                Preference::StoresLast,
                Preference::FewestSplits,
                Preference::SameCountry,
                Preference::Nearest,
                Preference::Priority,
            ],
        }
    }
}

/// When a location is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AllocationWhen {
    /// As soon as an order can be shipped.
    #[default]
    Ready,
    /// When a person says so, or when it is shipped.
    ByHand,
}

/// What makes one location come before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Preference {
    /// What has `ships = "last"` is chosen only when the others together cannot.
    StoresLast,
    /// The fewer parcels, the better.
    FewestSplits,
    /// It is in the country that the order goes to.
    SameCountry,
    /// It is near to where the order goes, by its `region` and `near`.
    Nearest,
    /// Its `priority` is a lower number.
    Priority,
}

/// What an item is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// Something on the shelf.
    #[default]
    Good,
    /// Several goods sold as one.
    Kit,
    /// Nothing on the shelf: never counted.
    Service,
}

/// How often things are done.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Schedule {
    /// How often each account is asked for changed orders.
    #[serde(deserialize_with = "values::duration")]
    #[schemars(with = "DurationText")]
    pub poll: Duration,
    /// How often open orders are read again by their ids.
    #[serde(deserialize_with = "values::duration")]
    #[schemars(with = "DurationText")]
    pub reread: Duration,
    /// How often the listings of each account are read.
    #[serde(deserialize_with = "values::duration")]
    #[schemars(with = "DurationText")]
    pub listings: Duration,
    /// How far back the first reading of an account's orders goes.
    #[serde(deserialize_with = "values::duration")]
    #[schemars(with = "DurationText")]
    pub orders_since: Duration,
    /// When every level is compared with what its channel shows: a cron expression with seconds.
    pub reconcile: String,
}

impl Default for Schedule {
    fn default() -> Schedule {
        Schedule {
            poll: Duration::from_secs(30),
            reread: Duration::from_secs(600),
            listings: Duration::from_secs(6 * 3600),
            orders_since: Duration::from_secs(30 * 24 * 3600),
            reconcile: "0 */15 * * * *".to_owned(),
        }
    }
}

/// Copies of everything, made while the daemon runs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Backup {
    /// The folder that has them, best on another disk. Unset: none are made.
    pub dir: Option<PathBuf>,
    /// When one is made, in UTC: a cron expression, with seconds or without.
    pub at: String,
    /// So many of the newest are kept.
    pub keep: u32,
}

impl Default for Backup {
    fn default() -> Backup {
        Backup {
            dir: None,
            at: "0 3 * * *".to_owned(),
            keep: 7,
        }
    }
}

/// When too much happens at once to the listings of an account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Breaker {
    /// At fewer listings than this it never trips.
    pub listings: u32,
    /// It trips when at least this part of an account's listings is concerned.
    pub share: Share,
    /// What happens within this time counts as at once.
    #[serde(deserialize_with = "values::duration")]
    #[schemars(with = "DurationText")]
    pub window: Duration,
}

impl Default for Breaker {
    fn default() -> Breaker {
        Breaker {
            listings: 10,
            share: Share {
                numerator: 1,
                denominator: 5,
            },
            window: Duration::from_secs(900),
        }
    }
}

/// A file in `accounts.d`, as it is written; its name is the account's id.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct AccountText {
    /// The kind of channel.
    pub(super) kind: Option<String>,
    /// How far the account is trusted.
    pub(super) mode: Mode,
    /// What its connector wants to know.
    #[schemars(with = "serde_json::Value")]
    pub(super) settings: serde_json::Map<String, serde_json::Value>,
    /// How often it is asked for changed orders, if not as `schedule.poll` says.
    #[serde(deserialize_with = "values::some_duration")]
    #[schemars(with = "Option<DurationText>")]
    pub(super) poll: Option<Duration>,
    /// How many calls a second it takes, if not as many as is usual for its kind of channel.
    #[serde(deserialize_with = "values::calls_per_second")]
    pub(super) calls_per_second: Option<u32>,
    /// How long an order keeps its units without being paid, if not as `stock.unpaid_for` says.
    #[serde(deserialize_with = "values::some_duration")]
    #[schemars(with = "Option<DurationText>")]
    pub(super) unpaid_for: Option<Duration>,
    /// Where its orders are paid, of an account that is entered by hand: `https://pay.example.com/{number}?a={amount}`.
    pub(super) pay_link: Option<String>,
    /// When money is taken that its channel has only reserved.
    pub(super) capture: Capture,
    /// What canceling an order costs there, which ranks the ways out of an incident.
    pub(super) cancel_penalty: CancelPenalty,
    /// What is looked at in its orders, if not as the main file says.
    pub(super) verify: VerifyText,
    /// How much of the stock is offered on it, if not as `[stock]` says.
    pub(super) offer: OfferText,
    /// What it promises of time.
    pub(super) promised: PromisedText,
    /// Who decides when it shows something that no order explains.
    pub(super) authority: Authority,
}

/// Who decides when an account shows something that no order explains.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Authority {
    /// How many there are.
    pub stock: Decides,
}

/// Who decides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decides {
    /// The ledger: its number is written again.
    #[default]
    Ledger,
    /// The channel: the difference becomes a movement of the stock, and all other accounts follow.
    Channel,
}

/// How far an account is trusted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Not at all: nothing is read and nothing is written.
    Off,
    /// It is read, and what would be written is shown. Nothing is written.
    #[default]
    Observe,
    /// It is read and written.
    Live,
}

/// `[offer]` of an account, as it is written.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct OfferText {
    /// How many units are held back, or `auto`.
    pub(super) buffer: Option<Buffer>,
    /// The least that a buffer tunes itself to.
    pub(super) buffer_min: Option<Units>,
    /// The most.
    pub(super) buffer_max: Option<Units>,
    /// How often more may be sold elsewhere than an automatic buffer holds, while the news is on its way.
    pub(super) oversell_risk: Option<Risk>,
    /// For experts: what is shown instead of share and buffer, over sellable, share, shared, buffer and max.
    pub(super) formula: Option<String>,
    /// Which part is offered.
    pub(super) share: Option<Share>,
    /// The most that is shown.
    pub(super) max: Option<Units>,
    /// A listing that would show less than this shows 0.
    pub(super) zero_below: Option<Units>,
    /// A listing ends when no more than this can be sold.
    pub(super) end_when: Option<EndWhen>,
}

// What it means, once nothing is wrong with it.

/// How much of the stock is offered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stock {
    /// The account whose levels are the opening stock.
    pub opening: Option<AccountId>,
    /// What holds everywhere; the weakest rule.
    pub offer: Offer,
    /// How long an order keeps its units without being paid.
    pub unpaid_for: Option<Duration>,
    /// Exceptions, in the order of the file.
    pub rules: Vec<Rule>,
}

/// Limits of what is offered; what is not said is left to the next weaker rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offer {
    /// How many units are held back; `Some(None)` is as many as are needed.
    pub buffer: Option<Option<Decimal>>,
    /// The least that an automatic buffer holds.
    pub buffer_min: Option<Decimal>,
    /// The most.
    pub buffer_max: Option<Decimal>,
    /// How often it may be too small.
    pub oversell_risk: Option<Risk>,
    /// What is computed instead of share and buffer.
    pub formula: Option<FormulaRef>,
    /// Which part is offered.
    pub share: Option<Share>,
    /// The most that is shown.
    pub max: Option<Decimal>,
    /// A listing that would show less shows 0.
    pub zero_below: Option<Decimal>,
    /// When a listing ends; `Some(None)` is never.
    pub end_when: Option<Option<Decimal>>,
    /// Who alone shows the last units.
    pub last_units: Option<LastUnits>,
    /// What may be sold when it has run out.
    pub backorder: Option<Backorder>,
    /// What may be sold before it is out.
    pub preorder: Option<Preorder>,
}

/// What may be sold when it has run out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backorder {
    /// So many units; 0 takes a wider rule back.
    pub max: Decimal,
    /// And ship so soon.
    pub ships_within: Duration,
}

/// What may be sold before it is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preorder {
    /// So many units; 0 takes a wider rule back.
    pub max: Decimal,
    /// The beginning of the day on which it is there.
    pub available_on: Time,
}

/// Who alone shows the last units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastUnits {
    /// When less than this can be sold.
    pub below: Decimal,
    /// On these accounts.
    pub only: Vec<AccountId>,
}

/// An exception.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Only on this account; on all where there is none.
    pub account: Option<AccountId>,
    /// Only for this SKU; for all where there is none.
    pub sku: Option<Sku>,
    /// Only for items of this category.
    pub category: Option<String>,
    /// What holds instead.
    pub offer: Offer,
    /// Whether nothing is offered at all.
    pub exclude: bool,
}

/// An item that is more than a good on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The stock key.
    pub sku: Sku,
    /// What it is.
    pub kind: ItemKind,
    /// What people call it; the SKU where nothing is said.
    pub title: String,
    /// What sort of thing it is.
    pub category: Option<String>,
    /// EAN, UPC or ISBN.
    pub barcode: Option<String>,
    /// What one is to cost, once for each currency.
    pub prices: Vec<Money>,
    /// How many decimals its quantities have.
    pub scale: u8,
    /// For a kit: what is in it, and how many of each. Never empty for a kit, else always.
    pub components: BTreeMap<Sku, Decimal>,
}

/// A configured shop.
#[derive(Clone, PartialEq)]
pub struct Account {
    /// The name of its file.
    pub id: AccountId,
    /// The id of its connector, which exists.
    pub kind: String,
    /// How far it is trusted.
    pub mode: Mode,
    /// What its connector wants to know, with secrets as plain texts. The connector took it.
    pub settings: serde_json::Value,
    /// How often it is asked for changed orders.
    pub poll: Option<Duration>,
    /// How many calls a second it takes, if not the usual.
    pub calls_per_second: Option<u32>,
    /// How long an order keeps its units without being paid.
    pub unpaid_for: Option<Duration>,
    /// Where its orders are paid.
    pub pay_link: Option<String>,
    /// When money is taken that its channel has only reserved.
    pub capture: Capture,
    /// What canceling an order costs there.
    pub cancel_penalty: CancelPenalty,
    /// What is looked at in its orders.
    pub verify: Verify,
    /// How much of the stock is offered on it.
    pub offer: Offer,
    /// What it promises of time.
    pub promised: Promised,
    /// Who decides when it shows something that no order explains.
    pub authority: Authority,
}

impl std::fmt::Debug for Account {
    /// Without the settings: there are secrets in them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Account {
            id,
            kind,
            mode,
            settings: _,
            poll,
            calls_per_second,
            unpaid_for,
            pay_link,
            capture,
            cancel_penalty,
            verify,
            offer,
            promised,
            authority,
        } = self;
        f.debug_struct("Account")
            .field("id", id)
            .field("kind", kind)
            .field("mode", mode)
            .field("poll", poll)
            .field("calls_per_second", calls_per_second)
            .field("unpaid_for", unpaid_for)
            .field("pay_link", pay_link)
            .field("capture", capture)
            .field("cancel_penalty", cancel_penalty)
            .field("verify", verify)
            .field("offer", offer)
            .field("promised", promised)
            .field("authority", authority)
            .finish_non_exhaustive()
    }
}
