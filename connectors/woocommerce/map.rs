//! From WooCommerce's words to ours. Pure and total: a status that is not known here stays a word.
//!
//! A refund moves no counter in the order itself; its lines are in the refund. What was refunded before
//! the order was completed never left and is `canceled`; what was refunded after came back and is
//! `returned`. So the counters of a line only grow, as the order goes on.

use std::collections::BTreeMap;

use domain::{
    Currency, Decimal, ExternalId, ListingId, Money, Time,
    money::NotMoney,
    snapshot::{
        Address, Buyer, LevelSnapshot, LineSnapshot, ListingSnapshot, OrderSnapshot, PaymentState,
        Standing, Version,
    },
};
use serde::{Deserialize, Serialize};

use super::wire::{self, Id, Text};

/// The key of our own parcels in the meta of an order.
pub(super) const PARCELS_KEY: &str = "_oneshelf_shipments";

/// A parcel, as we write it into the order's meta: what the shop knows of it, for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Parcel {
    /// The key of the push.
    pub(super) key: String,
    #[serde(default)]
    pub(super) carrier: String,
    #[serde(default)]
    pub(super) number: String,
    #[serde(default)]
    pub(super) url: String,
    /// Line ids and units.
    #[serde(default)]
    pub(super) lines: Vec<(String, Decimal)>,
}

/// What can be sold there and whether the shop counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counting {
    /// Under its own number.
    Own,
    /// Under its parent's.
    Parent,
    /// Not at all.
    No,
}

/// Why something of the shop cannot be used, in a sentence.
pub(super) type Unreadable = String;

/// An order. `refunds` are its refunds with their lines, or empty where the order names none.
pub(super) fn order(
    order: &wire::Order,
    refunds: &[wire::Refund],
) -> Result<OrderSnapshot, Unreadable> {
    let currency = Currency::new(&order.currency).map_err(|error| error.to_string())?;
    let sum = |text: &Text, what| money(text, currency, what);
    let changed_at = time(&order.date_modified_gmt)?.or(time(&order.date_created_gmt)?);
    let changed_at = changed_at.ok_or("the order has no time")?;
    let total = sum(&order.total, "total")?;
    let refunded = refunded(order, currency)?;
    let (standing, payment) = standing(order, total, refunded);
    let units = Units::of(order, refunds)?;
    let lines = order
        .line_items
        .iter()
        .map(|line| units.line(line, currency, order))
        .collect::<Result<_, _>>()?;
    Ok(OrderSnapshot {
        external_id: ExternalId::new(order.id.as_str()),
        number: order
            .number
            .filled()
            .unwrap_or(order.id.as_str())
            .to_owned(),
        version: Version {
            revision: 0,
            changed_at,
        },
        placed_at: time(&order.date_created_gmt)?.unwrap_or(changed_at),
        standing,
        payment,
        words: words(order),
        currency,
        total,
        tax: sum(&order.total_tax, "total_tax")?,
        shipping: sum(&order.shipping_total, "shipping_total")?,
        discount: sum(&order.discount_total, "discount_total")?,
        refunded,
        buyer: buyer(&order.billing),
        ship_to: address(&order.shipping),
        bill_to: address(&order.billing),
        lines,
        note: order.customer_note.as_str().to_owned(),
        ship_by: None,
        deliver_by: None,
        risk: None,
        person_print: None,
        extra: Some(fees(order, currency)?),
        gist: None,
    })
}

/// What the buyer pays besides, or has taken off: a fee may be below zero.
fn fees(order: &wire::Order, currency: Currency) -> Result<Money, Unreadable> {
    let fees = order.fee_lines.iter();
    let fees = fees.map(|fee| money(&fee.total, currency, "fee total"));
    fees.into_iter()
        .try_fold(Money::zero(currency), |sum, fee| {
            sum.plus(fee?).map_err(|error| error.to_string())
        })
}

/// What a status means. WooCommerce writes `processing` for every order that is to be sent, also
/// before the money of a cash-on-delivery order is there, so no date of payment is asked for.
fn standing(order: &wire::Order, total: Money, refunded: Money) -> (Standing, PaymentState) {
    let paid = paid(total, refunded);
    let paid_or = |otherwise| match order.date_paid_gmt.filled() {
        Some(_) => paid.clone(),
        None => otherwise,
    };
    match order.status.as_str() {
        "pending" | "on-hold" => (Standing::Placed, PaymentState::Pending),
        "processing" | "completed" => (Standing::Placed, paid),
        "refunded" => (Standing::Placed, PaymentState::Refunded),
        "cancelled" => (Standing::Canceled, paid_or(PaymentState::Voided)),
        "failed" => (Standing::Canceled, PaymentState::Voided),
        "trash" => (Standing::Deleted, paid_or(PaymentState::Pending)),
        "checkout-draft" | "auto-draft" => (Standing::Draft, PaymentState::Pending),
        word => (
            Standing::Unmapped(word.to_owned()),
            paid_or(PaymentState::Unmapped(word.to_owned())),
        ),
    }
}

fn paid(total: Money, refunded: Money) -> PaymentState {
    if !refunded.is_positive() {
        PaymentState::Paid
    } else if refunded.minor() >= total.minor() {
        PaymentState::Refunded
    } else {
        PaymentState::PartRefunded
    }
}

/// The sum of an order's refunds, which it writes as negative amounts.
fn refunded(order: &wire::Order, currency: Currency) -> Result<Money, Unreadable> {
    let mut sum = Money::zero(currency);
    for refund in &order.refunds {
        let amount = money(&refund.total, currency, "refund total")?;
        sum = sum.minus(amount).map_err(|error| error.to_string())?;
    }
    Ok(sum)
}

/// What has become of the units of each line, by line id.
struct Units {
    is_completed: bool,
    refunded_before: BTreeMap<String, Decimal>,
    refunded_after: BTreeMap<String, Decimal>,
    shipped: BTreeMap<String, Decimal>,
}

impl Units {
    fn of(order: &wire::Order, refunds: &[wire::Refund]) -> Result<Units, Unreadable> {
        let completed_at = time(&order.date_completed_gmt)?;
        let is_completed = match order.status.as_str() {
            "completed" => true,
            // The date stays when somebody moves a completed order back, which is a correction;
            // a refund of everything is not.
            "refunded" => completed_at.is_some(),
            _ => false,
        };
        let mut units = Units {
            is_completed,
            refunded_before: BTreeMap::new(),
            refunded_after: BTreeMap::new(),
            shipped: BTreeMap::new(),
        };
        for refund in refunds {
            let refunded_at = time(&refund.date_created_gmt)?;
            let is_after = match (is_completed, completed_at, refunded_at) {
                (false, _, _) => false,
                // Both are told to the second. Within one, a program took units off before it sent the rest.
                (true, Some(completed_at), Some(refunded_at)) => refunded_at > completed_at,
                (true, None, _) | (true, _, None) => true,
            };
            let sums = match is_after {
                true => &mut units.refunded_after,
                false => &mut units.refunded_before,
            };
            for line in &refund.line_items {
                let Some(id) = refunded_line(line) else {
                    continue;
                };
                let quantity = decimal(&line.quantity, "refunded quantity")?;
                let sum = sums.entry(id).or_insert(Decimal::ZERO);
                *sum = sum
                    .minus(quantity)
                    .ok_or("a refunded quantity is too large")?;
            }
        }
        for parcel in parcels(&order.meta_data) {
            for (line, quantity) in parcel.lines {
                let sum = units.shipped.entry(line).or_insert(Decimal::ZERO);
                let negated = Decimal::ZERO.minus(quantity);
                *sum = negated
                    .and_then(|negated| sum.minus(negated))
                    .ok_or("a shipped quantity is too large")?;
            }
        }
        Ok(units)
    }

    fn line(
        &self,
        line: &wire::Line,
        currency: Currency,
        order: &wire::Order,
    ) -> Result<LineSnapshot, Unreadable> {
        let of = |sums: &BTreeMap<String, Decimal>| {
            sums.get(line.id.as_str()).copied().unwrap_or(Decimal::ZERO)
        };
        let ordered = decimal(&line.quantity, "quantity")?;
        let before = least(of(&self.refunded_before), ordered);
        let after = least(of(&self.refunded_after), less(ordered, before));
        let (shipped, canceled, returned) = if self.is_completed {
            (less(ordered, before), before, after)
        } else {
            let shipped = least(of(&self.shipped), ordered);
            let canceled = least(before, less(ordered, shipped));
            (shipped, canceled, less(before, canceled))
        };
        Ok(LineSnapshot {
            external_id: ExternalId::new(line.id.as_str()),
            sku: line.sku.filled().map(str::to_owned),
            listing: listing_of(&line.product_id, &line.variation_id),
            title: line.name.as_str().to_owned(),
            ordered,
            canceled,
            shipped,
            returned,
            subtracted: subtracted(line)?,
            unit_price: Money::parse(line.price.as_str(), currency).ok(),
            total: money(&line.total, currency, "line total")?,
            tax: money(&line.total_tax, currency, "line tax")?,
            requires_shipping: order.needs_processing != Some(false),
        })
    }
}

/// The order's line that a refund's line is about.
fn refunded_line(line: &wire::RefundLine) -> Option<String> {
    let meta = line
        .meta_data
        .iter()
        .find(|meta| meta.key.as_str() == "_refunded_item_id")?;
    let text: Text = serde_json::from_value(meta.value.clone()).ok()?;
    Id::parse(text.as_str().trim()).map(|id| id.as_str().to_owned())
}

/// How much WooCommerce has taken off the level for a line. It keeps that number itself, and lowers it
/// when it puts units back.
fn subtracted(line: &wire::Line) -> Result<Decimal, Unreadable> {
    let meta = line
        .meta_data
        .iter()
        .find(|meta| meta.key.as_str() == "_reduced_stock");
    match meta {
        None => Ok(Decimal::ZERO),
        Some(meta) => {
            let text: Text = serde_json::from_value(meta.value.clone())
                .map_err(|_| "_reduced_stock is no number".to_owned())?;
            decimal(&text, "_reduced_stock")
        }
    }
}

/// Our own parcels in an order's meta. What we cannot read is not ours.
pub(super) fn parcels(meta: &[wire::Meta]) -> Vec<Parcel> {
    let Some(meta) = meta.iter().find(|meta| meta.key.as_str() == PARCELS_KEY) else {
        return Vec::new();
    };
    wire::list(&meta.value).unwrap_or_default()
}

/// More categories than a product is sensibly in, and a longer name than anybody gives one.
const CATEGORIES_MAX: usize = 50;
const CATEGORY_LENGTH_MAX: usize = 200;

/// A product that stands for itself, or a variation; nothing for what cannot be sold as it is.
pub(super) fn listing(
    product: &wire::Product,
    parent: Option<(&Id, &str)>,
    currency: Option<Currency>,
) -> Option<ListingSnapshot> {
    let listing = match (product.kind.as_str(), parent) {
        ("variable" | "grouped", _) => return None,
        (_, Some((parent, _))) => variation_id(parent, &product.id),
        ("variation", None) => variation_id(&Id::parse(product.parent_id.as_str())?, &product.id),
        (_, None) => ListingId::new(product.id.as_str()),
    };
    let name = product.name.as_str();
    let title = match parent {
        Some((_, parent)) if !name.starts_with(parent) => format!("{parent} - {name}"),
        Some(_) | None => name.to_owned(),
    };
    Some(ListingSnapshot {
        listing,
        sku: product.sku.filled().map(str::to_owned),
        title,
        price: currency.and_then(|currency| Money::parse(product.price.as_str(), currency).ok()),
        barcode: product.global_unique_id.filled().map(str::to_owned),
        tracked: counting(product) == Counting::Own,
        level: level(product),
        categories: categories(product),
    })
}

/// The names of a product's categories. A variation has those of its parent, which it does not name.
pub(super) fn categories(product: &wire::Product) -> Vec<String> {
    let all = product.categories.as_array().map_or(&[][..], Vec::as_slice);
    all.iter()
        .filter_map(|category| category["name"].as_str())
        .filter(|name| !name.trim().is_empty())
        .map(|name| name.chars().take(CATEGORY_LENGTH_MAX).collect())
        .take(CATEGORIES_MAX)
        .collect()
}

/// The level of something, under the id of its listing.
pub(super) fn level_snapshot(listing: ListingId, product: &wire::Product) -> LevelSnapshot {
    LevelSnapshot {
        listing,
        level: level(product),
        changed_at: time(&product.date_modified_gmt).ok().flatten(),
    }
}

/// The level that the shop counts for this very product; nothing when it counts none, or says none.
pub(super) fn level(product: &wire::Product) -> Option<Decimal> {
    match counting(product) {
        Counting::Own => product.stock_quantity.as_str().parse().ok(),
        Counting::Parent | Counting::No => None,
    }
}

/// Whether the shop counts a product.
pub(super) fn counting(product: &wire::Product) -> Counting {
    match product.manage_stock.as_str() {
        "1" | "true" | "yes" => Counting::Own,
        "parent" => Counting::Parent,
        _ => Counting::No,
    }
}

/// Our id of a variation: `parent/variation`, because it can be written only below its parent.
pub(super) fn variation_id(parent: &Id, variation: &Id) -> ListingId {
    ListingId::new(format!("{}/{}", parent.as_str(), variation.as_str()))
}

/// The parent, if it is a variation, and the id in the shop.
pub(super) fn split_listing(listing: &ListingId) -> Option<(Option<Id>, Id)> {
    match listing.as_str().split_once('/') {
        Some((parent, variation)) => Some((Some(Id::parse(parent)?), Id::parse(variation)?)),
        None => Some((None, Id::parse(listing.as_str())?)),
    }
}

/// Which listing a line sold; nothing for a line that staff typed in, or whose product is gone.
fn listing_of(product: &Text, variation: &Text) -> Option<ListingId> {
    let product = Id::parse(product.as_str())?;
    match Id::parse(variation.as_str()) {
        Some(variation) => Some(variation_id(&product, &variation)),
        None => Some(ListingId::new(product.as_str())),
    }
}

fn words(order: &wire::Order) -> BTreeMap<String, String> {
    let shipping = order.shipping_lines.first().map(|line| &line.method_id);
    [
        ("status", Some(order.status.as_str())),
        ("payment_method", order.payment_method.filled()),
        ("created_via", order.created_via.filled()),
        ("shipping_method", shipping.and_then(Text::filled)),
    ]
    .into_iter()
    .filter_map(|(name, word)| Some((name.to_owned(), word?.to_owned())))
    .collect()
}

fn buyer(billing: &wire::Address) -> Buyer {
    Buyer {
        name: full_name(billing),
        email: billing.email.as_str().to_owned(),
        phone: billing.phone.as_str().to_owned(),
        handle: String::new(),
    }
}

/// An address, if any of it was filled in. Countries alone are defaults of the checkout.
fn address(address: &wire::Address) -> Option<Address> {
    let owned = |text: &Text| text.as_str().to_owned();
    let street: Vec<String> = [&address.address_1, &address.address_2]
        .into_iter()
        .filter_map(Text::filled)
        .map(str::to_owned)
        .collect();
    let name = full_name(address);
    let is_empty = street.is_empty()
        && name.is_empty()
        && address.company.filled().is_none()
        && address.city.filled().is_none()
        && address.postcode.filled().is_none();
    (!is_empty).then(|| Address {
        name,
        company: owned(&address.company),
        street,
        city: owned(&address.city),
        region: owned(&address.state),
        postal_code: owned(&address.postcode),
        country: owned(&address.country),
        phone: owned(&address.phone),
    })
}

fn full_name(address: &wire::Address) -> String {
    let (first, last) = (address.first_name.as_str(), address.last_name.as_str());
    format!("{first} {last}").trim().to_owned()
}

/// A `_gmt` time, which WooCommerce writes without an offset; nothing when it is empty.
pub(super) fn time(text: &Text) -> Result<Option<Time>, Unreadable> {
    let parse = |text| Time::parse_utc(text).map_err(|error| error.to_string());
    text.filled().map(parse).transpose()
}

/// An amount; an empty one is nothing. A shop may calculate with more decimals than its currency has:
/// those are rounded to the nearest, halves away from zero.
fn money(text: &Text, currency: Currency, what: &str) -> Result<Money, Unreadable> {
    let text = text.filled().unwrap_or("0");
    match Money::parse(text, currency) {
        Err(NotMoney::TooFine { exponent, .. }) => rounded(text, usize::from(exponent), currency),
        read => read.map_err(|error| error.to_string()),
    }
    .map_err(|reason| format!("{what}: {reason}"))
}

fn rounded(text: &str, exponent: usize, currency: Currency) -> Result<Money, Unreadable> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let (kept, beyond) = fraction.split_at(fraction.len().min(exponent));
    let cut = Money::parse(&format!("{whole}.{kept}"), currency).map_err(|e| e.to_string())?;
    let is_up = beyond.bytes().next().is_some_and(|digit| digit >= b'5');
    let step = match (is_up, whole.starts_with('-')) {
        (false, _) => 0,
        (true, false) => 1,
        (true, true) => -1,
    };
    Money::from_minor(cut.minor().saturating_add(step), currency).map_err(|e| e.to_string())
}

fn decimal(text: &Text, what: &str) -> Result<Decimal, Unreadable> {
    let text = text.filled().unwrap_or("0");
    text.parse().map_err(|error| format!("{what}: {error}"))
}

/// The smaller of two quantities, and never less than none.
fn least(one: Decimal, other: Decimal) -> Decimal {
    let smaller = match other.minus(one) {
        Some(rest) if rest.parts().0 >= 0 => one,
        Some(_) | None => other,
    };
    if smaller.parts().0 < 0 {
        return Decimal::ZERO;
    }
    smaller
}

/// What is left of a quantity; `part` came from [`least`] of it.
fn less(whole: Decimal, part: Decimal) -> Decimal {
    whole.minus(part).unwrap_or(Decimal::ZERO)
}
