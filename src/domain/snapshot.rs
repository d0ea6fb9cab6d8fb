//! What a channel says: its whole current view of an order, a listing or a level.
//!
//! Connectors make these from wire formats; [`crate::decide`] compares them with our own state.
//! A snapshot is never a delta. Words that a connector does not know stay words
//! ([`Standing::Unmapped`]): they hold the order and are shown, never guessed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Currency, Decimal, ExternalId, ListingId, Money, Time, risk::Risk, verify::Gist};

/// A channel's whole current view of one order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderSnapshot {
    /// The channel's id of the order: with the account, what makes it one order.
    pub external_id: ExternalId,
    /// The number that buyers and staff know it by.
    pub number: String,
    /// Which view this is; an older one never overwrites a newer one.
    pub version: Version,
    /// When the buyer placed it, by the channel's clock.
    pub placed_at: Time,
    /// Whether the channel counts it as a sale.
    pub standing: Standing,
    /// What the channel says of the money.
    pub payment: PaymentState,
    /// The channel's own words, kept beside what we make of them (`status` → `on-hold`).
    pub words: BTreeMap<String, String>,
    /// The currency of every amount in here.
    pub currency: Currency,
    /// What the buyer owes or has paid in all.
    pub total: Money,
    /// Tax within or on top of it.
    pub tax: Money,
    /// Shipping.
    pub shipping: Money,
    /// Discounts, as a positive amount.
    pub discount: Money,
    /// What the channel says has been refunded in all, as a positive amount.
    pub refunded: Money,
    /// Who bought.
    pub buyer: Buyer,
    /// Where it goes; nothing for a counter sale.
    pub ship_to: Option<Address>,
    /// Where the bill goes.
    pub bill_to: Option<Address>,
    /// What was bought. A line that vanishes from a later view was removed.
    pub lines: Vec<LineSnapshot>,
    /// What the buyer wrote.
    pub note: String,
    /// By when the channel wants it shipped.
    pub ship_by: Option<Time>,
    /// By when the channel wants it delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deliver_by: Option<Time>,
    /// How likely the channel takes it to be fraud, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
    /// A fingerprint of what it said of people, where that was left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person_print: Option<u64>,
    /// What else is in the total besides lines, shipping and tax: fees, tips, rounding. Nothing where the
    /// channel does not tell all of it, because nobody can add the total up then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra: Option<Money>,
    /// What decisions go by of the people in it, where those were left out or somebody looked further.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gist: Option<Gist>,
}

impl OrderSnapshot {
    /// The same without what it says of people, but for a fingerprint of that and where it goes: enough to
    /// decide about it again.
    pub fn without_people(&self) -> OrderSnapshot {
        let mut plain = self.clone();
        plain.gist = Some(plain.gist());
        let person = plain.take_people();
        plain.person_print = Some(plain.person_print.unwrap_or_else(|| print_of(&person)));
        plain
    }

    /// What decisions go by of the people in it.
    pub fn gist(&self) -> Gist {
        let gist = self.gist.clone();
        gist.unwrap_or_else(|| Gist::of(self.ship_to.as_ref(), self.bill_to.as_ref()))
    }

    fn take_people(&mut self) -> (Buyer, Option<Address>, Option<Address>, String) {
        let place = self.ship_to.as_ref().map(Address::place);
        (
            std::mem::take(&mut self.buyer),
            std::mem::replace(&mut self.ship_to, place),
            self.bill_to.take(),
            std::mem::take(&mut self.note),
        )
    }

    /// A fingerprint of all of it.
    pub(crate) fn print(&self) -> u64 {
        print_of(self)
    }
}

/// FNV-1a over the canonical text of a value: its maps are sorted.
pub(crate) fn print_of<T: Serialize>(value: &T) -> u64 {
    let text = serde_json::to_vec(value).expect("a snapshot has only text keys");
    text.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Which view of an order this is. Ordered by the channel's own counter where it has one, else by
/// its time of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version {
    /// The channel's own revision counter; 0 where it has none.
    pub revision: i64,
    /// When the channel last changed the order, by its own clock.
    pub changed_at: Time,
}

/// Whether a channel counts an order as a sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Not, or not yet: a draft, a refused checkout.
    Draft,
    /// It does.
    Placed,
    /// It was canceled there, or its payment failed for good.
    Canceled,
    /// The channel deleted it, or moved it to its bin.
    Deleted,
    /// A word that the connector does not know.
    Unmapped(String),
}

/// What a channel says of the money for an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentState {
    /// Nothing has been paid.
    Pending,
    /// Reserved on the buyer's card, not taken.
    Authorized,
    /// Some of it was paid.
    PartPaid,
    /// All of it was paid.
    Paid,
    /// Paid, and some of it given back.
    PartRefunded,
    /// Paid, and all of it given back.
    Refunded,
    /// The authorization lapsed or was given up, or the payment failed.
    Voided,
    /// A word that the connector does not know.
    Unmapped(String),
}

/// One line of an order, as the channel sees it now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineSnapshot {
    /// The channel's id of the line.
    pub external_id: ExternalId,
    /// The SKU that the channel has for it; often missing or made up by staff.
    pub sku: Option<String>,
    /// Which of the channel's listings was sold, where it says so.
    pub listing: Option<ListingId>,
    /// What the buyer saw.
    pub title: String,
    /// How much is wanted now, before what was canceled or refunded is taken off.
    pub ordered: Decimal,
    /// How much of that was canceled or removed before it left.
    pub canceled: Decimal,
    /// How much has left, by the channel's view.
    pub shipped: Decimal,
    /// How much came back, by the channel's view.
    pub returned: Decimal,
    /// How much of it the channel has itself taken off the level that it shows for this listing.
    pub subtracted: Decimal,
    /// The price of one unit as sold, where the channel gives it exactly.
    pub unit_price: Option<Money>,
    /// The price of the line after discounts.
    pub total: Money,
    /// The tax on it.
    pub tax: Money,
    /// Whether it must be sent; false for services and downloads.
    pub requires_shipping: bool,
}

/// Who bought. Personal data: it is never logged.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buyer {
    /// The name as given.
    pub name: String,
    /// The e-mail address as given.
    pub email: String,
    /// The phone number as given.
    pub phone: String,
    /// What the channel itself calls them, where it tells that somebody is to be forgotten by that.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub handle: String,
}

/// A postal address. Personal data: it is never logged.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Who receives it.
    pub name: String,
    /// A firm, if any.
    pub company: String,
    /// Street and what follows it, in order.
    pub street: Vec<String>,
    /// The town.
    pub city: String,
    /// State, province or county.
    pub region: String,
    /// The postal code.
    pub postal_code: String,
    /// ISO 3166 alpha-2.
    pub country: String,
    /// For the carrier.
    pub phone: String,
}

impl Buyer {
    /// On one line.
    pub fn line(&self) -> String {
        joined([&self.name, &self.email, &self.phone])
    }
}

fn joined<'a>(parts: impl IntoIterator<Item = &'a String>) -> String {
    let parts = parts.into_iter().map(|part| part.trim());
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    parts.join(", ")
}

impl Address {
    /// On one line.
    pub fn line(&self) -> String {
        let town = format!("{} {}", self.postal_code, self.city);
        let parts = [&self.name, &self.company].into_iter();
        let parts = parts.chain(&self.street);
        joined(parts.chain([&town, &self.region, &self.country, &self.phone]))
    }

    /// Its country and region, which it has in common with many.
    pub(crate) fn place(&self) -> Address {
        Address {
            country: self.country.clone(),
            region: self.region.clone(),
            ..Address::default()
        }
    }
}

impl std::fmt::Debug for Buyer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Buyer(…)")
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Address({}, …)", self.country)
    }
}

/// Something that a channel offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListingSnapshot {
    /// The channel's id of it, in the form that its connector uses for pushes.
    pub listing: ListingId,
    /// The SKU that staff gave it there; nothing when they gave none.
    pub sku: Option<String>,
    /// What buyers see.
    pub title: String,
    /// The price there.
    pub price: Option<Money>,
    /// EAN, UPC or ISBN.
    pub barcode: Option<String>,
    /// Whether the channel counts stock for it; if not, no level can be pushed.
    pub tracked: bool,
    /// The level that it shows, when the listing came with one.
    pub level: Option<Decimal>,
    /// The categories that the channel has it in; empty where it does not say.
    #[serde(default)]
    pub categories: Vec<String>,
}

/// A level that a channel shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelSnapshot {
    /// Of which listing.
    pub listing: ListingId,
    /// How much; nothing when the channel keeps no count or did not say. Unknown is not zero.
    pub level: Option<Decimal>,
    /// When the channel last changed it, where it says so.
    pub changed_at: Option<Time>,
}

/// One thing that a hook or a poll tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observation {
    /// A whole order.
    Order(Box<OrderSnapshot>),
    /// This order changed, look at it.
    LookAtOrder(ExternalId),
    /// A level changed to this.
    Level(LevelSnapshot),
    /// This level changed, look at it.
    LookAtLevel(ListingId),
    /// A listing was added or changed.
    Listing(ListingSnapshot),
    /// Listings changed, look at them all.
    LookAtListings,
    /// What these orders say of people is to be erased.
    Forget(Vec<ExternalId>),
    /// So is what all orders say of somebody whom the channel calls so.
    ForgetBuyer(String),
    /// The channel withdrew our access.
    Revoked,
    /// Nothing that we use; kept for the record, with the reason.
    Nothing(String),
}
