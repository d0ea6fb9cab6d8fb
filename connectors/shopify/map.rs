//! From the wire to what the domain knows, without asking anybody anything.
//!
//! Every function is total: a word that we do not know becomes `Unmapped`, a number or a time that
//! cannot be read becomes [`Unreadable`], and nothing is guessed in its place.

use std::collections::BTreeMap;

use domain::{
    Currency, Decimal, ExternalId, ListingId, Money, Time,
    money::NotMoney,
    risk::Risk,
    snapshot::{
        Address, Buyer, LevelSnapshot, LineSnapshot, ListingSnapshot, OrderSnapshot, PaymentState,
        Standing, Version,
    },
    time::NotATime,
};

use super::wire;

/// Why something cannot be read, although its form is right.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error(transparent)]
    Money(#[from] NotMoney),
    #[error(transparent)]
    Time(#[from] NotATime),
    #[error("`{0}` is not a global id that ends in a number")]
    Id(String),
    #[error("the quantity {0} of a line is out of range")]
    Quantity(i64),
}

/// A whole order whose lists are complete. `location` is the global id of our location.
pub(super) fn order(order: &wire::Order, location: &str) -> Result<OrderSnapshot, Unreadable> {
    let currency = Currency::new(&order.currency_code)?;
    let money = |bag: &Option<wire::MoneyBag>| match bag {
        Some(bag) => amount(bag, currency),
        None => Ok(Money::zero(currency)),
    };
    let counts = Counts::of(order, location);
    let lines = order.line_items.nodes.iter();
    Ok(OrderSnapshot {
        external_id: ExternalId::new(order.legacy_resource_id.as_str()),
        number: order.name.clone(),
        version: Version {
            revision: 0,
            changed_at: Time::parse_utc(&order.updated_at)?,
        },
        placed_at: Time::parse_utc(&order.processed_at)?,
        standing: standing(order),
        payment: payment(order),
        words: words(order),
        currency,
        total: amount(&order.total_price_set, currency)?,
        tax: money(&order.total_tax_set)?,
        shipping: money(&order.total_shipping_price_set)?,
        discount: money(&order.total_discounts_set)?,
        refunded: money(&order.total_refunded_set)?,
        buyer: buyer(order),
        ship_to: order.shipping_address.as_ref().map(address),
        bill_to: order.billing_address.as_ref().map(address),
        lines: lines
            .map(|item| line(item, &counts, currency))
            .collect::<Result<_, _>>()?,
        note: order.note.clone().unwrap_or_default(),
        ship_by: ship_by(order)?,
        deliver_by: None,
        risk: risk(order),
        person_print: None,
        extra: None,
        gist: None,
    })
}

/// Whether it counts as a sale: every order does until it is canceled. A fulfillment status that we
/// do not know may be a way of saying "do not ship", so it is not passed over.
fn standing(order: &wire::Order) -> Standing {
    if order.cancelled_at.is_some() {
        return Standing::Canceled;
    }
    let unknown = order
        .fulfillments
        .iter()
        .find(|made| parcel(made).is_none());
    if let Some(made) = unknown {
        return Standing::Unmapped(made.status.clone());
    }
    match order.display_fulfillment_status.as_deref() {
        None
        | Some(
            "FULFILLED"
            | "FULFILLMENT_NOT_REQUIRED"
            | "IN_PROGRESS"
            | "ON_HOLD"
            | "OPEN"
            | "PARTIALLY_FULFILLED"
            | "PENDING_FULFILLMENT"
            | "REQUEST_DECLINED"
            | "RESTOCKED"
            | "SCHEDULED"
            | "UNFULFILLED",
        ) => Standing::Placed,
        Some(word) => Standing::Unmapped(word.to_owned()),
    }
}

fn payment(order: &wire::Order) -> PaymentState {
    match order.display_financial_status.as_deref() {
        Some("PENDING") => PaymentState::Pending,
        Some("AUTHORIZED") => PaymentState::Authorized,
        Some("PARTIALLY_PAID") => PaymentState::PartPaid,
        Some("PAID") => PaymentState::Paid,
        Some("PARTIALLY_REFUNDED") => PaymentState::PartRefunded,
        Some("REFUNDED") => PaymentState::Refunded,
        Some("EXPIRED" | "VOIDED") => PaymentState::Voided,
        Some(word) => PaymentState::Unmapped(word.to_owned()),
        // The shop may keep the word to itself, but says the two ends of it.
        None if order.fully_paid => PaymentState::Paid,
        None if order.unpaid => PaymentState::Pending,
        None => PaymentState::Unmapped("null".to_owned()),
    }
}

/// The worst that the shop and the apps in it say. No recommendation and no level say nothing.
fn risk(order: &wire::Order) -> Option<Risk> {
    let told = order.risk.as_ref()?;
    let recommended = match told.recommendation.as_deref() {
        None | Some("NONE") => None,
        Some("ACCEPT") => Some(Risk::Low),
        Some("INVESTIGATE") => Some(Risk::Medium),
        Some("CANCEL") => Some(Risk::High),
        Some(word) => Some(Risk::Unmapped(word.to_owned())),
    };
    let assessed = told.assessments.iter();
    let assessed = assessed.filter_map(|one| match one.risk_level.as_str() {
        "NONE" => None,
        "PENDING" => Some(Risk::Pending),
        "LOW" => Some(Risk::Low),
        "MEDIUM" => Some(Risk::Medium),
        "HIGH" => Some(Risk::High),
        word => Some(Risk::Unmapped(word.to_owned())),
    });
    Risk::worst(assessed.chain(recommended))
}

fn words(order: &wire::Order) -> BTreeMap<String, String> {
    let test = order.test.then(|| "true".to_owned());
    [
        ("financial_status", &order.display_financial_status),
        ("fulfillment_status", &order.display_fulfillment_status),
        ("return_status", &order.return_status),
        ("cancel_reason", &order.cancel_reason),
        ("source", &order.source_name),
        ("test", &test),
    ]
    .into_iter()
    .filter_map(|(key, word)| Some((key.to_owned(), word.clone()?)))
    .collect()
}

fn buyer(order: &wire::Order) -> Buyer {
    let name = |address: &Option<wire::MailingAddress>| address.as_ref()?.name.clone();
    Buyer {
        name: name(&order.shipping_address)
            .or_else(|| name(&order.billing_address))
            .unwrap_or_default(),
        email: order.email.clone().unwrap_or_default(),
        phone: order.phone.clone().unwrap_or_default(),
        handle: String::new(),
    }
}

fn address(address: &wire::MailingAddress) -> Address {
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    Address {
        name: text(&address.name),
        company: text(&address.company),
        street: [&address.address1, &address.address2]
            .into_iter()
            .flatten()
            .filter(|line| !line.trim().is_empty())
            .cloned()
            .collect(),
        city: text(&address.city),
        region: text(&address.province),
        postal_code: text(&address.zip),
        country: text(&address.country_code_v2),
        phone: text(&address.phone),
    }
}

/// The earliest date by which something that is still open must leave.
fn ship_by(order: &wire::Order) -> Result<Option<Time>, Unreadable> {
    let mut earliest = None;
    for open in &order.fulfillment_orders.nodes {
        let lines = &open.line_items.nodes;
        if !lines.iter().any(|line| line.remaining_quantity > 0) {
            continue;
        }
        if let Some(text) = &open.fulfill_by {
            let time = Time::parse_utc(text)?;
            earliest = Some(earliest.map_or(time, |before: Time| before.min(time)));
        }
    }
    Ok(earliest)
}

/// What happened to the lines, by the global ids of the lines.
#[derive(Default)]
struct Counts<'a> {
    shipped: BTreeMap<&'a str, i64>,
    /// Refunded as goods that came back.
    returned: BTreeMap<&'a str, i64>,
    /// Refunded in any way.
    refunded: BTreeMap<&'a str, i64>,
    /// Put back on a level by a refund.
    restocked: BTreeMap<&'a str, i64>,
    /// Routed to a location other than ours, whose level they were taken off.
    elsewhere: BTreeMap<&'a str, i64>,
}

impl<'a> Counts<'a> {
    fn of(order: &'a wire::Order, location: &str) -> Counts<'a> {
        let mut counts = Counts::default();
        let fulfillments = order.fulfillments.iter();
        for line in fulfillments
            .filter(|fulfillment| has_left(fulfillment))
            .flat_map(|fulfillment| &fulfillment.fulfillment_line_items.nodes)
        {
            add(
                &mut counts.shipped,
                &line.line_item,
                line.quantity.unwrap_or(0),
            );
        }
        for line in order
            .refunds
            .iter()
            .flat_map(|refund| &refund.refund_line_items.nodes)
        {
            add(&mut counts.refunded, &line.line_item, line.quantity);
            if line.restock_type == "RETURN" {
                add(&mut counts.returned, &line.line_item, line.quantity);
            }
            if line.restocked {
                add(&mut counts.restocked, &line.line_item, line.quantity);
            }
        }
        let elsewhere = order.fulfillment_orders.nodes.iter().filter(|part| {
            let at = part.assigned_location.as_ref();
            let at = at.and_then(|assigned| assigned.location.as_ref());
            part.status != "CANCELLED" && at.is_some_and(|at| at.id != location)
        });
        for line in elsewhere.flat_map(|part| &part.line_items.nodes) {
            add(&mut counts.elsewhere, &line.line_item, line.total_quantity);
        }
        counts
    }
}

fn add<'a>(counts: &mut BTreeMap<&'a str, i64>, line: &'a wire::Reference, quantity: i64) {
    let count = counts.entry(&line.id).or_default();
    *count = count.saturating_add(quantity.max(0));
}

/// What a fulfillment says of its units.
#[derive(PartialEq)]
enum Parcel {
    Sent,
    NotSent,
}

/// Nothing for a word that we do not know. The two older words for "made, not confirmed" still occur.
fn parcel(fulfillment: &wire::Fulfillment) -> Option<Parcel> {
    match fulfillment.status.as_str() {
        "SUCCESS" | "OPEN" | "PENDING" => Some(Parcel::Sent),
        "CANCELLED" | "ERROR" | "FAILURE" => Some(Parcel::NotSent),
        _ => None,
    }
}

/// Whether the units of a fulfillment count as sent.
pub(super) fn has_left(fulfillment: &wire::Fulfillment) -> bool {
    parcel(fulfillment) == Some(Parcel::Sent)
}

fn line(
    item: &wire::LineItem,
    counts: &Counts<'_>,
    currency: Currency,
) -> Result<LineSnapshot, Unreadable> {
    /// More units than any line has; beyond it sums could overflow.
    const QUANTITY_MAX: i64 = 1_000_000_000;
    for quantity in [
        item.quantity,
        item.current_quantity,
        item.unfulfilled_quantity,
    ] {
        if !(0..=QUANTITY_MAX).contains(&quantity) {
            return Err(Unreadable::Quantity(quantity));
        }
    }
    let count = |of: &BTreeMap<&str, i64>| {
        let count = of.get(item.id.as_str()).copied().unwrap_or(0);
        count.min(QUANTITY_MAX)
    };
    let shipped = count(&counts.shipped);
    // What was removed or refunded is either what never left, or what had left before.
    let removed = (item.quantity - item.current_quantity).max(0);
    let unsent = (item.quantity - shipped - item.unfulfilled_quantity).max(0);
    // Units that an edit took out, and not a refund, went back on the level.
    let edited_out = (removed - count(&counts.refunded)).max(0);
    let mut taken = item.quantity - count(&counts.restocked) - edited_out;
    if item.unfulfilled_quantity > 0 {
        // What came back from a parcel is on the level again, and what is still to be shipped is not:
        // the one must not be taken for the other.
        taken = taken.max(shipped + item.unfulfilled_quantity);
    }
    let taken = taken - count(&counts.elsewhere);
    let stocked = item.variant.as_ref();
    let stocked = stocked.and_then(|variant| variant.inventory_item.as_ref());
    let is_tracked = stocked.is_some_and(|item| item.tracked);
    let unit_price = amount(&item.original_unit_price_set, currency)?;
    let (discount, tax) = discount_and_tax(item, currency)?;
    let gross = unit_price.minor().saturating_mul(item.quantity);
    Ok(LineSnapshot {
        external_id: ExternalId::new(number_of(&item.id)?),
        sku: present(&item.sku),
        listing: match stocked {
            Some(item) => Some(ListingId::new(number_of(&item.id)?)),
            None => None,
        },
        title: item.name.clone(),
        ordered: Decimal::whole(item.quantity),
        canceled: Decimal::whole(removed.min(unsent)),
        shipped: Decimal::whole(shipped),
        returned: Decimal::whole(count(&counts.returned).min(shipped)),
        subtracted: Decimal::whole(if is_tracked {
            taken.clamp(0, item.quantity)
        } else {
            0
        }),
        // A discount is spread over the units of a line in ways that need not divide.
        unit_price: (discount.minor() == 0).then_some(unit_price),
        total: Money::from_minor(gross, currency)?.minus(discount)?,
        tax,
        requires_shipping: item.requires_shipping,
    })
}

fn discount_and_tax(
    item: &wire::LineItem,
    currency: Currency,
) -> Result<(Money, Money), Unreadable> {
    let mut discount = Money::zero(currency);
    for allocation in &item.discount_allocations {
        discount = discount.plus(amount(&allocation.allocated_amount_set, currency)?)?;
    }
    let mut tax = Money::zero(currency);
    for line in &item.tax_lines {
        tax = tax.plus(amount(&line.price_set, currency)?)?;
    }
    Ok((discount, tax))
}

/// One thing that is offered.
pub(super) fn listing(
    variant: &wire::Variant,
    currency: Currency,
) -> Result<ListingSnapshot, Unreadable> {
    let level = level(&variant.inventory_item)?;
    Ok(ListingSnapshot {
        listing: level.listing,
        sku: present(&variant.sku),
        title: variant.display_name.clone(),
        price: Some(Money::parse(&variant.price, currency)?),
        barcode: present(&variant.barcode),
        tracked: variant.inventory_item.tracked,
        level: level.level,
        categories: Vec::new(),
    })
}

/// The level of an item at our location; unknown where it is not counted or not stocked there.
pub(super) fn level(item: &wire::InventoryItem) -> Result<LevelSnapshot, Unreadable> {
    let quantities = item.inventory_level.iter();
    let available = quantities
        .flat_map(|level| &level.quantities)
        .find(|quantity| quantity.name == "available" && item.tracked);
    let changed_at = available.and_then(|quantity| quantity.updated_at.as_deref());
    Ok(LevelSnapshot {
        listing: ListingId::new(number_of(&item.id)?),
        level: available.map(|quantity| Decimal::whole(quantity.quantity)),
        changed_at: changed_at.map(Time::parse_utc).transpose()?,
    })
}

/// The number at the end of a global id.
pub(super) fn number_of(gid: &str) -> Result<&str, Unreadable> {
    let number = gid
        .strip_prefix("gid://shopify/")
        .and_then(|rest| rest.split_once('/'))
        .map(|(_, number)| number.split('?').next().unwrap_or(number));
    number
        .filter(|number| super::api::is_number(number))
        .ok_or_else(|| Unreadable::Id(gid.chars().take(80).collect()))
}

fn amount(bag: &wire::MoneyBag, currency: Currency) -> Result<Money, Unreadable> {
    Ok(Money::parse(&bag.shop_money.amount, currency)?)
}

fn present(text: &Option<String>) -> Option<String> {
    text.clone().filter(|text| !text.trim().is_empty())
}
