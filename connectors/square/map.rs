//! From the wire to snapshots: total functions, and the place to review what Square's words mean.
//!
//! A counter sale is a completed order without fulfillments: its goods have left the shop before we
//! hear of it, so all of it is shipped and nothing of it is to be sent. Orders with fulfillments
//! follow their states. A word that is not in the lists here becomes `Unmapped` and holds the order;
//! nothing is guessed. The words are in [`super::words`], sums of money and counters of lines in
//! [`super::counters`].

use std::collections::BTreeMap;

use domain::{
    Currency, Decimal, ListingId, Money, Time,
    snapshot::{
        Address, Buyer, LevelSnapshot, LineSnapshot, ListingSnapshot, OrderSnapshot, PaymentState,
        Standing, Version,
    },
};

use super::{
    counters::{self, Amount, Coverage},
    wire,
    words::{LineKind, OrderState, Outcome, Stage, Way},
};

/// What a variation's SKU is, by its id; nothing when it has none.
pub(super) type SkuOf = BTreeMap<String, Option<String>>;

/// Whether the answer to a refund says that the money is on its way; nothing when it says a word
/// that we do not know.
pub(super) fn refund_is_accepted(status: Option<&str>) -> Option<bool> {
    match Outcome::of_refund(status) {
        Outcome::Promised | Outcome::Done => Some(true),
        Outcome::Failed => Some(false),
        Outcome::Unmapped(_) => None,
    }
}

/// A whole order.
pub(super) fn order(order: &wire::Order, skus: &SkuOf) -> Result<OrderSnapshot, String> {
    let currency = currency_of(order)?;
    let amount = Amount(currency);
    let state = OrderState::of(order);
    let money = Payments::of(order, amount)?;
    let is_subtracted = state == OrderState::Completed || money.has_payment;
    let ships = order
        .fulfillments
        .iter()
        .any(|fulfillment| matches!(Way::of(fulfillment), Way::Shipment | Way::Delivery));
    let lines = order.line_items.iter().enumerate();
    let lines = lines
        .map(|(index, item)| line(order, &state, index, item, is_subtracted, skus, amount))
        .collect::<Result<_, String>>()?;
    let created_at = time(order.created_at.as_deref(), "created_at")?;
    let charges = amount.read(order.total_service_charge_money.as_ref())?;
    Ok(OrderSnapshot {
        external_id: order.id.as_str().into(),
        number: given(order.reference_id.as_deref())
            .unwrap_or(&order.id)
            .to_owned(),
        version: Version {
            revision: match &order.version {
                Some(version) => counters::integer(version)?,
                None => 0,
            },
            changed_at: match order.updated_at.as_deref() {
                Some(text) => time(Some(text), "updated_at")?,
                None => created_at,
            },
        },
        placed_at: created_at,
        standing: standing(order, &state),
        payment: money.state(&state),
        words: words(order),
        currency,
        total: money.total,
        tax: amount.read(order.total_tax_money.as_ref())?,
        shipping: if ships {
            charges
        } else {
            Money::zero(currency)
        },
        discount: amount.read(order.total_discount_money.as_ref())?,
        refunded: money.refunded,
        buyer: buyer(order),
        ship_to: ship_to(order),
        bill_to: None,
        lines,
        note: note(order),
        ship_by: ship_by(order)?,
        deliver_by: deliver_by(order)?,
        risk: None,
        person_print: None,
        extra: extra(
            order,
            if ships {
                Money::zero(currency)
            } else {
                charges
            },
            amount,
        )?,
        gist: None,
    })
}

/// What else is in the total. Where one tax is within the prices and another on top, nobody can tell which part
/// of both is where.
fn extra(order: &wire::Order, charges: Money, amount: Amount) -> Result<Option<Money>, String> {
    let has_tax = |word: &str| {
        order
            .taxes
            .iter()
            .any(|tax| tax.r#type.as_deref() == Some(word))
    };
    if has_tax("ADDITIVE") && has_tax("INCLUSIVE") {
        return Ok(None);
    }
    let rounding = order.rounding_adjustment.as_ref();
    let rounding = rounding.and_then(|rounding| rounding.amount_money.as_ref());
    let parts = [
        order.total_tip_money.as_ref(),
        order.total_card_surcharge_money.as_ref(),
        rounding,
    ];
    let sum = parts
        .into_iter()
        .try_fold(charges, |sum, part| counters::sum(sum, amount.read(part)?));
    sum.map(Some)
}

/// A draft is no sale, and neither is an order that only takes goods back. A word that we do not
/// know matters only while the order is a sale.
fn standing(order: &wire::Order, state: &OrderState) -> Standing {
    match state {
        OrderState::Draft => return Standing::Draft,
        OrderState::Canceled => return Standing::Canceled,
        OrderState::Unmapped(word) => return Standing::Unmapped(word.clone()),
        OrderState::Open | OrderState::Completed => {}
    }
    if order.line_items.is_empty() && !(order.returns.is_empty() && order.refunds.is_empty()) {
        return Standing::Draft;
    }
    for fulfillment in &order.fulfillments {
        if let Way::Unmapped(word) = Way::of(fulfillment) {
            return Standing::Unmapped(word);
        }
        if let Stage::Unmapped(word) = Stage::of(fulfillment) {
            return Standing::Unmapped(word);
        }
    }
    Standing::Placed
}

/// The payments and refunds of an order, added up.
struct Payments {
    total: Money,
    paid: Money,
    refunded: Money,
    due: Money,
    has_payment: bool,
    has_failed: bool,
    is_promised: bool,
    unmapped: Option<String>,
}

impl Payments {
    fn of(order: &wire::Order, amount: Amount) -> Result<Payments, String> {
        let zero = Money::zero(amount.0);
        let total = amount.read(order.total_money.as_ref())?;
        let mut payments = Payments {
            total,
            paid: zero,
            refunded: zero,
            due: zero,
            has_payment: false,
            has_failed: false,
            is_promised: false,
            unmapped: None,
        };
        for tender in &order.tenders {
            let outcome = Outcome::of_tender(tender);
            match outcome {
                Outcome::Promised => payments.is_promised = true,
                Outcome::Done => {}
                Outcome::Failed => {
                    payments.has_failed = true;
                    continue;
                }
                Outcome::Unmapped(word) => payments.unmapped = Some(word),
            }
            payments.has_payment = true;
            payments.paid =
                counters::sum(payments.paid, amount.read(tender.amount_money.as_ref())?)?;
        }
        for refund in &order.refunds {
            match Outcome::of_refund(refund.status.as_deref()) {
                Outcome::Promised | Outcome::Done => {}
                Outcome::Failed => continue,
                Outcome::Unmapped(word) => payments.unmapped = Some(word),
            }
            let part = amount.read(refund.amount_money.as_ref())?;
            payments.refunded = counters::sum(payments.refunded, part)?;
        }
        payments.due = match &order.net_amount_due_money {
            Some(due) => amount.read(Some(due))?,
            None => counters::sum(total, amount.negated(payments.paid)?)?,
        };
        Ok(payments)
    }

    fn state(&self, state: &OrderState) -> PaymentState {
        if let Some(word) = &self.unmapped {
            return PaymentState::Unmapped(word.clone());
        }
        if self.refunded.is_positive() {
            return if self.refunded.minor() >= self.paid.minor() {
                PaymentState::Refunded
            } else {
                PaymentState::PartRefunded
            };
        }
        if *state == OrderState::Completed && !self.is_promised {
            return PaymentState::Paid;
        }
        match (self.has_payment, self.due.is_positive(), self.is_promised) {
            (false, _, _) if self.has_failed => PaymentState::Voided,
            (false, true, _) => PaymentState::Pending,
            (false, false, _) => PaymentState::Paid,
            (true, true, _) => PaymentState::PartPaid,
            (true, false, true) => PaymentState::Authorized,
            (true, false, false) => PaymentState::Paid,
        }
    }
}

/// What is still to be given back of what was paid.
pub(super) fn kept(order: &wire::Order) -> Result<Money, String> {
    let payments = Payments::of(order, Amount(currency_of(order)?))?;
    payments
        .paid
        .minus(payments.refunded)
        .map_err(|error| error.to_string())
}

/// Whether nothing is owed any more.
pub(super) fn is_paid(order: &wire::Order) -> Result<bool, String> {
    let payments = Payments::of(order, Amount(currency_of(order)?))?;
    Ok(!payments.due.is_positive() && !payments.is_promised)
}

/// One line. Square takes units off a level when they are paid for, and only for things that are in
/// its catalog.
fn line(
    order: &wire::Order,
    state: &OrderState,
    index: usize,
    item: &wire::Line,
    is_subtracted: bool,
    skus: &SkuOf,
    amount: Amount,
) -> Result<LineSnapshot, String> {
    let uid = line_uid(item, index);
    let ordered: Decimal = counters::quantity(item.quantity.as_deref(), "quantity")?;
    let coverage = Coverage::of(order, state, &uid, ordered)?;
    let variation = given(item.catalog_object_id.as_deref());
    let total = match (&item.gross_sales_money, &item.total_discount_money) {
        (Some(gross), Some(discount)) => {
            let discount = amount.negated(amount.read(Some(discount))?)?;
            counters::sum(amount.read(Some(gross))?, discount)?
        }
        (Some(gross), None) => amount.read(Some(gross))?,
        (None, _) => amount.read(item.total_money.as_ref())?,
    };
    Ok(LineSnapshot {
        external_id: uid.as_str().into(),
        sku: variation.and_then(|id| skus.get(id).cloned().flatten()),
        listing: variation.map(ListingId::new),
        title: title(item),
        ordered,
        canceled: coverage.canceled,
        shipped: coverage.shipped,
        returned: coverage.returned,
        subtracted: if is_subtracted && variation.is_some() {
            ordered
        } else {
            Decimal::ZERO
        },
        unit_price: match &item.base_price_money {
            Some(price) if item.modifiers.is_empty() => Some(amount.read(Some(price))?),
            Some(_) | None => None,
        },
        total,
        tax: amount.read(item.total_tax_money.as_ref())?,
        requires_shipping: coverage.is_handed_over && LineKind::of(item).is_thing(),
    })
}

/// The id of a line; the place in the order where Square gave it none.
pub(super) fn line_uid(item: &wire::Line, index: usize) -> String {
    match given(item.uid.as_deref()) {
        Some(uid) => uid.to_owned(),
        None => format!("line-{index}"),
    }
}

/// What an order says of a variation without options is "Regular", which nobody wants to read.
fn title(item: &wire::Line) -> String {
    let name = given(item.name.as_deref()).unwrap_or("Custom amount");
    joined(name, item.variation_name.as_deref())
}

fn joined(name: &str, variation: Option<&str>) -> String {
    match given(variation) {
        Some(variation) if variation != "Regular" && variation != name => {
            format!("{name} ({variation})")
        }
        Some(_) | None => name.to_owned(),
    }
}

/// Square's own words, beside what we make of them.
fn words(order: &wire::Order) -> BTreeMap<String, String> {
    let mut words = BTreeMap::new();
    let mut keep = |key: &str, parts: Vec<String>| {
        if !parts.is_empty() {
            words.insert(key.to_owned(), parts.join(", "));
        }
    };
    let one = |text: Option<&str>| given(text).map(str::to_owned).into_iter().collect();
    keep("state", one(order.state.as_deref()));
    keep("ticket", one(order.ticket_name.as_deref()));
    keep("location", one(order.location_id.as_deref()));
    let source = order.source.as_ref();
    keep(
        "source",
        one(source.and_then(|source| source.name.as_deref())),
    );
    let fulfillments = order.fulfillments.iter().map(|fulfillment| {
        let kind = fulfillment.kind.as_deref().unwrap_or("?");
        format!("{kind} {}", fulfillment.state.as_deref().unwrap_or("?"))
    });
    keep("fulfillment", fulfillments.collect());
    let tenders = order.tenders.iter();
    keep(
        "tender",
        tenders.filter_map(|tender| tender.kind.clone()).collect(),
    );
    let refunds = order.refunds.iter();
    keep(
        "refund",
        refunds.filter_map(|refund| refund.status.clone()).collect(),
    );
    let returns = order.returns.iter();
    keep(
        "return_of",
        returns
            .filter_map(|part| part.source_order_id.clone())
            .collect(),
    );
    words
}

fn details(fulfillment: &wire::Fulfillment) -> impl Iterator<Item = &wire::Details> {
    [
        &fulfillment.shipment_details,
        &fulfillment.delivery_details,
        &fulfillment.pickup_details,
    ]
    .into_iter()
    .flatten()
}

fn buyer(order: &wire::Order) -> Buyer {
    let recipient = order
        .fulfillments
        .iter()
        .flat_map(details)
        .find_map(|details| details.recipient.clone())
        .unwrap_or_default();
    Buyer {
        name: recipient.display_name.unwrap_or_default(),
        email: recipient.email_address.unwrap_or_default(),
        phone: recipient.phone_number.unwrap_or_default(),
        handle: String::new(),
    }
}

/// Where it goes; nothing for what is fetched or taken along.
fn ship_to(order: &wire::Order) -> Option<Address> {
    let fulfillment = order
        .fulfillments
        .iter()
        .find(|fulfillment| matches!(Way::of(fulfillment), Way::Shipment | Way::Delivery))?;
    let recipient = details(fulfillment).find_map(|details| details.recipient.clone())?;
    let address = recipient.address.unwrap_or_default();
    let names = [address.first_name, address.last_name];
    let name = given(recipient.display_name.as_deref()).map(str::to_owned);
    let street = [
        address.address_line_1,
        address.address_line_2,
        address.address_line_3,
    ];
    Some(Address {
        name: name.unwrap_or_else(|| names.into_iter().flatten().collect::<Vec<_>>().join(" ")),
        company: String::new(),
        street: street
            .into_iter()
            .flatten()
            .filter(|part| !part.trim().is_empty())
            .collect(),
        city: address.locality.unwrap_or_default(),
        region: address.administrative_district_level_1.unwrap_or_default(),
        postal_code: address.postal_code.unwrap_or_default(),
        country: address.country.unwrap_or_default(),
        phone: recipient.phone_number.unwrap_or_default(),
    })
}

/// What buyer and staff wrote: on the fulfillments, then on the lines. The note to the carrier is
/// ours to write and is left out.
fn note(order: &wire::Order) -> String {
    let on_fulfillments = order.fulfillments.iter().flat_map(details);
    let on_fulfillments = on_fulfillments.filter_map(|details| given(details.note.as_deref()));
    let on_lines = order.line_items.iter();
    let on_lines = on_lines.filter_map(|line| given(line.note.as_deref()));
    on_fulfillments
        .chain(on_lines)
        .collect::<Vec<_>>()
        .join("\n")
}

/// When what is brought to the buyer is to be there, the last of it.
fn deliver_by(order: &wire::Order) -> Result<Option<Time>, String> {
    let mut latest = None;
    for details in order.fulfillments.iter().flat_map(details) {
        if details.deliver_at.is_some() {
            let at = time(details.deliver_at.as_deref(), "fulfillment time")?;
            latest = Some(latest.map_or(at, |before: Time| before.max(at)));
        }
    }
    Ok(latest)
}

fn ship_by(order: &wire::Order) -> Result<Option<Time>, String> {
    let mut earliest = None;
    for details in order.fulfillments.iter().flat_map(details) {
        let due = [
            &details.expected_shipped_at,
            &details.deliver_at,
            &details.pickup_at,
        ];
        for text in due.into_iter().flatten() {
            let at = time(Some(text), "fulfillment time")?;
            earliest = Some(earliest.map_or(at, |before: Time| before.min(at)));
        }
    }
    Ok(earliest)
}

/// The one currency of the order's location.
fn currency_of(order: &wire::Order) -> Result<Currency, String> {
    let tenders = order.tenders.iter().map(|tender| &tender.amount_money);
    let refunds = order.refunds.iter().map(|refund| &refund.amount_money);
    let code = [&order.total_money, &order.net_amount_due_money]
        .into_iter()
        .chain(tenders)
        .chain(refunds)
        .flatten()
        .find_map(|money| money.currency.as_deref())
        .ok_or("the order names no currency")?;
    Currency::new(code).map_err(|error| error.to_string())
}

/// The variations of an item that are present at a location.
pub(super) fn listing(
    item: &wire::Item,
    variation: &wire::Object,
    location: &str,
) -> Result<Option<ListingSnapshot>, String> {
    let Some(form) = &variation.item_variation_data else {
        return Err("a variation without its data".to_owned());
    };
    if variation.is_deleted == Some(true) || !is_present(variation, location) {
        return Ok(None);
    }
    let here = form
        .location_overrides
        .iter()
        .find(|here| here.location_id.as_deref() == Some(location));
    let price = here
        .and_then(|here| here.price_money.as_ref())
        .or(form.price_money.as_ref());
    let is_tracked = here
        .and_then(|here| here.track_inventory)
        .or(form.track_inventory);
    Ok(Some(ListingSnapshot {
        listing: ListingId::new(&variation.id),
        sku: given(form.sku.as_deref()).map(str::to_owned),
        title: joined(
            item.name.as_deref().unwrap_or_default(),
            form.name.as_deref(),
        ),
        price: price.map(price_of).transpose()?,
        barcode: given(form.upc.as_deref()).map(str::to_owned),
        tracked: is_tracked.unwrap_or(false),
        level: None,
        categories: Vec::new(),
    }))
}

fn price_of(money: &wire::Money) -> Result<Money, String> {
    let code = money.currency.as_deref().unwrap_or_default();
    let currency = Currency::new(code).map_err(|error| error.to_string())?;
    Amount(currency).read(Some(money))
}

/// Whether something of the catalog is sold at a location.
pub(super) fn is_present(object: &wire::Object, location: &str) -> bool {
    let among = |ids: &[String]| ids.iter().any(|id| id == location);
    if object.present_at_all_locations.unwrap_or(true) {
        !among(&object.absent_at_location_ids)
    } else {
        among(&object.present_at_location_ids)
    }
}

/// A count, if it is of what can be sold at our location. A quantity that cannot be read is
/// unknown, which is not zero.
pub(super) fn level(count: &wire::Count, location: &str) -> Option<LevelSnapshot> {
    let is_ours = count.location_id.as_deref() == Some(location)
        && count.state.as_deref() == Some("IN_STOCK");
    let variation = given(count.catalog_object_id.as_deref()).filter(|_| is_ours)?;
    Some(LevelSnapshot {
        listing: ListingId::new(variation),
        level: count.quantity.as_deref().and_then(|text| text.parse().ok()),
        changed_at: count
            .calculated_at
            .as_deref()
            .and_then(|text| Time::parse_utc(text).ok()),
    })
}

fn time(text: Option<&str>, field: &str) -> Result<Time, String> {
    let text = text.ok_or_else(|| format!("{field} is missing"))?;
    Time::parse_utc(text).map_err(|error| format!("{field}: {error}"))
}

/// A text that is there and not empty.
pub(super) fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}
