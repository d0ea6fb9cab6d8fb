//! From eBay's words to ours. Total functions: a word that we do not know stays a word and holds the
//! order; an order that cannot be read is an error with its reason, never a guess.
//!
//! Nothing is fetched here: whoever calls brings the parcels that a partly shipped line needs.

use std::collections::BTreeMap;

use domain::{
    Currency, Decimal, ExternalId, ListingId, Money, Time,
    snapshot::{
        Address, Buyer, LineSnapshot, ListingSnapshot, OrderSnapshot, PaymentState, Standing,
        Version,
    },
};

use crate::ebay::wire;

/// How eBay spells that a line or an order has left in part.
pub(super) const IN_PROGRESS: &str = "IN_PROGRESS";
/// How eBay spells that an order is canceled.
pub(super) const CANCELED: &str = "CANCELED";
const NONE_REQUESTED: &str = "NONE_REQUESTED";

/// Whether a line of this order has left in part, so that only its parcels tell how much.
pub(super) fn needs_parcels(order: &wire::Order) -> bool {
    order
        .line_items
        .iter()
        .any(|line| line.line_item_fulfillment_status.as_deref() == Some(IN_PROGRESS))
}

/// Whether somebody wants this order canceled and it is not decided yet, so that only the single
/// order tells who and why.
pub(super) fn is_cancellation_open(order: &wire::Order) -> bool {
    match order.cancel_status.cancel_state.as_deref() {
        None | Some("" | NONE_REQUESTED | CANCELED) => false,
        Some(_) => true,
    }
}

/// An order with its parcels.
pub(super) fn order(
    order: &wire::Order,
    parcels: &[wire::Parcel],
) -> Result<OrderSnapshot, String> {
    let total = order
        .pricing_summary
        .total
        .as_ref()
        .ok_or("the order has no total")?;
    let currency = Currency::new(&total.currency).map_err(|error| error.to_string())?;
    let pricing = &order.pricing_summary;
    let standing = standing(order);
    let is_canceled = standing == Standing::Canceled;
    let is_digital = !order.fulfillment_start_instructions.is_empty()
        && order
            .fulfillment_start_instructions
            .iter()
            .all(|step| step.fulfillment_instructions_type.as_deref() == Some("DIGITAL"));
    let lines: Vec<LineSnapshot> = order
        .line_items
        .iter()
        .map(|line| map_line(line, parcels, currency, is_canceled, is_digital))
        .collect::<Result<_, _>>()?;
    let discounts = [&pricing.price_discount, &pricing.delivery_discount];
    let adjustment = optional_money(pricing.adjustment.as_ref(), currency)?;
    let fee = optional_money(pricing.fee.as_ref(), currency)?;
    Ok(OrderSnapshot {
        external_id: ExternalId::new(order.order_id.0.clone()),
        number: order.order_id.0.clone(),
        version: Version {
            revision: 0,
            changed_at: time(&order.last_modified_date)?,
        },
        placed_at: time(&order.creation_date)?,
        standing,
        payment: payment(order.order_payment_status.as_deref()),
        words: words(order),
        currency,
        total: money(total, currency)?,
        tax: optional_money(pricing.tax.as_ref(), currency)?,
        shipping: optional_money(pricing.delivery_cost.as_ref(), currency)?,
        discount: sum(discounts.into_iter().flatten(), currency)?,
        refunded: refunded(order, currency)?,
        buyer: buyer(order),
        ship_to: ship_to(order).map(address),
        bill_to: order
            .buyer
            .buyer_registration_address
            .as_ref()
            .filter(|contact| contact.contact_address.is_some())
            .map(address),
        lines,
        note: order.buyer_checkout_notes.clone().unwrap_or_default(),
        ship_by: ship_by(order),
        deliver_by: deliver_by(order),
        risk: None,
        person_print: None,
        extra: Some(adjustment.plus(fee).map_err(|error| error.to_string())?),
        gist: None,
    })
}

fn standing(order: &wire::Order) -> Standing {
    let unknown_shipping = order
        .line_items
        .iter()
        .map(|line| &line.line_item_fulfillment_status)
        .chain([&order.order_fulfillment_status])
        .flatten()
        .find(|word| !matches!(word.as_str(), "NOT_STARTED" | IN_PROGRESS | "FULFILLED"));
    if let Some(word) = unknown_shipping {
        return Standing::Unmapped(format!("fulfillment {word}"));
    }
    match order.cancel_status.cancel_state.as_deref() {
        None | Some("" | NONE_REQUESTED | IN_PROGRESS) => Standing::Placed,
        Some(CANCELED) => Standing::Canceled,
        Some(word) => Standing::Unmapped(format!("cancelState {word}")),
    }
}

/// A payment that failed can be tried again, so it voids the payment and not the order.
fn payment(word: Option<&str>) -> PaymentState {
    match word.unwrap_or_default() {
        "PENDING" => PaymentState::Pending,
        "PAID" => PaymentState::Paid,
        "PARTIALLY_REFUNDED" => PaymentState::PartRefunded,
        "FULLY_REFUNDED" => PaymentState::Refunded,
        "FAILED" => PaymentState::Voided,
        word => PaymentState::Unmapped(word.to_owned()),
    }
}

fn words(order: &wire::Order) -> BTreeMap<String, String> {
    let request = order.cancel_status.cancel_requests.last();
    let legacy = order.legacy_order_id.as_ref().map(|id| &id.0);
    let record = order.sales_record_reference.as_ref().map(|id| &id.0);
    let pairs = [
        (
            "orderFulfillmentStatus",
            order.order_fulfillment_status.as_ref(),
        ),
        ("orderPaymentStatus", order.order_payment_status.as_ref()),
        ("cancelState", order.cancel_status.cancel_state.as_ref()),
        (
            "cancelInitiator",
            request.and_then(|request| request.cancel_initiator.as_ref()),
        ),
        (
            "cancelReason",
            request.and_then(|request| request.cancel_reason.as_ref()),
        ),
        ("legacyOrderId", legacy),
        ("salesRecordReference", record),
    ];
    let mut words: BTreeMap<String, String> = pairs
        .into_iter()
        .filter_map(|(name, word)| Some((name.to_owned(), word?.clone())))
        .collect();
    let to_hub = order
        .fulfillment_start_instructions
        .iter()
        .any(|step| step.ebay_supported_fulfillment == Some(true));
    if to_hub {
        words.insert("ebaySupportedFulfillment".to_owned(), "true".to_owned());
    }
    words
}

fn map_line(
    line: &wire::Line,
    parcels: &[wire::Parcel],
    currency: Currency,
    is_canceled: bool,
    is_digital: bool,
) -> Result<LineSnapshot, String> {
    let ordered = units(&line.quantity)?;
    let shipped = match line.line_item_fulfillment_status.as_deref() {
        Some("FULFILLED") => ordered,
        Some(IN_PROGRESS) => in_parcels(line, parcels)?.min(ordered),
        _ => 0,
    };
    let cost = line
        .line_item_cost
        .as_ref()
        .map(|amount| money(amount, currency))
        .transpose()?;
    let discounted = line
        .discounted_line_item_cost
        .as_ref()
        .map(|amount| money(amount, currency))
        .transpose()?;
    let taxes = line.taxes.iter().filter_map(|tax| tax.amount.as_ref());
    let sku = line
        .sku
        .as_ref()
        .map(|sku| sku.0.clone())
        .filter(|sku| !sku.is_empty());
    Ok(LineSnapshot {
        external_id: ExternalId::new(line.line_item_id.0.clone()),
        listing: sku.clone().map(ListingId::new),
        sku,
        title: line.title.clone().unwrap_or_default(),
        ordered: Decimal::whole(ordered),
        canceled: Decimal::whole(if is_canceled { ordered - shipped } else { 0 }),
        shipped: Decimal::whole(shipped),
        returned: Decimal::ZERO,
        subtracted: Decimal::whole(if is_canceled { shipped } else { ordered }),
        unit_price: cost.and_then(|cost| unit_price(cost, ordered)),
        total: discounted.or(cost).unwrap_or(Money::zero(currency)),
        tax: sum(taxes, currency)?,
        requires_shipping: !is_digital && line.gift_details.is_none(),
    })
}

/// How many units of a line are in the parcels told of so far.
fn in_parcels(line: &wire::Line, parcels: &[wire::Parcel]) -> Result<i64, String> {
    parcels
        .iter()
        .flat_map(|parcel| &parcel.line_items)
        .filter(|packed| packed.line_item_id == line.line_item_id)
        .map(packed_units)
        .try_fold(0_i64, |sum, packed| Ok(sum.saturating_add(packed?)))
}

/// How many units a parcel holds of a line; one where it does not say.
pub(super) fn packed_units(packed: &wire::ParcelLine) -> Result<i64, String> {
    packed.quantity.as_ref().map_or(Ok(1), units)
}

/// A count of units: whole, not negative, and not beyond any stock.
pub(super) fn units(text: &wire::Text) -> Result<i64, String> {
    text.0
        .parse::<Decimal>()
        .map_err(|error| error.to_string())?
        .to_quantity(0)
        .map_err(|error| error.to_string())
        .map(domain::Quantity::units)
        .and_then(|units| match units {
            0.. => Ok(units),
            _ => Err(format!("{units} is not a count of units")),
        })
}

/// The price of one unit, if the price of all can be divided evenly.
fn unit_price(cost: Money, units: i64) -> Option<Money> {
    let minor = cost.minor();
    let even = minor.checked_rem(units)? == 0;
    even.then(|| Money::from_minor(minor.checked_div(units)?, cost.currency()).ok())?
}

fn time(text: &str) -> Result<Time, String> {
    Time::parse_utc(text).map_err(|error| error.to_string())
}

pub(super) fn money(amount: &wire::Amount, currency: Currency) -> Result<Money, String> {
    if !amount.currency.eq_ignore_ascii_case(currency.code()) {
        return Err(format!(
            "an amount in {} among amounts in {currency}",
            amount.currency.chars().take(12).collect::<String>()
        ));
    }
    Money::parse(&amount.value.0, currency).map_err(|error| error.to_string())
}

fn optional_money(amount: Option<&wire::Amount>, currency: Currency) -> Result<Money, String> {
    amount.map_or(Ok(Money::zero(currency)), |amount| money(amount, currency))
}

/// The sum of amounts, each taken as positive: eBay writes discounts below zero.
fn sum<'a>(
    amounts: impl Iterator<Item = &'a wire::Amount>,
    currency: Currency,
) -> Result<Money, String> {
    amounts
        .map(|amount| money(amount, currency))
        .try_fold(Money::zero(currency), |sum, amount| {
            let amount = amount?;
            let positive = Money::from_minor(amount.minor().abs(), currency);
            positive
                .and_then(|positive| sum.plus(positive))
                .map_err(|error| error.to_string())
        })
}

/// What has been given back. eBay lists a refund with the order, with its lines, or with both, so
/// the two sums are not added: the larger one counts. A refund on its way does not count yet.
fn refunded(order: &wire::Order, currency: Currency) -> Result<Money, String> {
    let of_order = order
        .payment_summary
        .refunds
        .iter()
        .filter(|refund| refund.refund_status.as_deref() == Some("REFUNDED"))
        .filter_map(|refund| refund.amount.as_ref());
    let of_lines = order
        .line_items
        .iter()
        .flat_map(|line| &line.refunds)
        .filter(|refund| refund.refund_date.is_some())
        .filter_map(|refund| refund.amount.as_ref());
    let (of_order, of_lines) = (sum(of_order, currency)?, sum(of_lines, currency)?);
    Ok(if of_lines.minor() > of_order.minor() {
        of_lines
    } else {
        of_order
    })
}

fn ship_to(order: &wire::Order) -> Option<&wire::Contact> {
    order
        .fulfillment_start_instructions
        .iter()
        .find_map(|step| step.shipping_step.as_ref()?.ship_to.as_ref())
}

fn buyer(order: &wire::Order) -> Buyer {
    let registered = order.buyer.buyer_registration_address.as_ref();
    let contacts = [registered, ship_to(order)];
    let text = |field: fn(&wire::Contact) -> Option<String>| {
        contacts
            .into_iter()
            .flatten()
            .find_map(field)
            .unwrap_or_default()
    };
    let name = text(|contact| contact.full_name.clone());
    Buyer {
        name: if name.is_empty() {
            order.buyer.username.clone().unwrap_or_default()
        } else {
            name
        },
        email: text(|contact| contact.email.clone()),
        phone: text(phone),
        handle: order.buyer.username.clone().unwrap_or_default(),
    }
}

fn phone(contact: &wire::Contact) -> Option<String> {
    Some(contact.primary_phone.as_ref()?.phone_number.clone()?.0)
}

fn address(contact: &wire::Contact) -> Address {
    let postal = contact.contact_address.as_ref();
    let text = |field: fn(&wire::PostalAddress) -> &Option<String>| {
        postal
            .and_then(|postal| field(postal).clone())
            .unwrap_or_default()
    };
    let street = [
        text(|postal| &postal.address_line1),
        text(|postal| &postal.address_line2),
    ];
    let state = text(|postal| &postal.state_or_province);
    Address {
        name: contact.full_name.clone().unwrap_or_default(),
        company: contact.company_name.clone().unwrap_or_default(),
        street: street.into_iter().filter(|line| !line.is_empty()).collect(),
        city: text(|postal| &postal.city),
        region: if state.is_empty() {
            text(|postal| &postal.county)
        } else {
            state
        },
        postal_code: postal
            .and_then(|postal| postal.postal_code.clone())
            .unwrap_or_default()
            .0,
        country: text(|postal| &postal.country_code),
        phone: phone(contact).unwrap_or_default(),
    }
}

/// The earliest of the lines' dates. One that cannot be read is left out: it changes no stock.
/// The latest of the dates by which eBay tells the buyer that it arrives.
fn deliver_by(order: &wire::Order) -> Option<Time> {
    let lines = order.line_items.iter();
    let told = lines.filter_map(|line| {
        let told = line.line_item_fulfillment_instructions.as_ref()?;
        told.max_estimated_delivery_date.as_deref()
    });
    told.filter_map(|text| Time::parse_utc(text).ok()).max()
}

fn ship_by(order: &wire::Order) -> Option<Time> {
    order
        .line_items
        .iter()
        .filter_map(|line| {
            line.line_item_fulfillment_instructions
                .as_ref()?
                .ship_by_date
                .as_deref()
        })
        .filter_map(|text| Time::parse_utc(text).ok())
        .min()
}

/// An inventory item with its offers.
pub(super) fn listing(
    item: &wire::Item,
    offers: &[wire::Offer],
) -> Result<ListingSnapshot, String> {
    let sku = item.sku.0.clone();
    if sku.is_empty() {
        return Err("the item has no SKU".to_owned());
    }
    let price = offers
        .iter()
        .filter_map(|offer| offer.pricing_summary.as_ref()?.price.as_ref())
        .next()
        .map(|amount| {
            let currency = Currency::new(&amount.currency).map_err(|error| error.to_string())?;
            money(amount, currency)
        })
        .transpose()?;
    let product = item.product.as_ref();
    Ok(ListingSnapshot {
        listing: ListingId::new(sku.clone()),
        sku: Some(sku),
        title: product
            .and_then(|product| product.title.clone())
            .unwrap_or_default(),
        price,
        barcode: product.and_then(|product| {
            let codes = [&product.ean, &product.upc, &product.isbn];
            codes
                .into_iter()
                .flatten()
                .map(|code| code.0.clone())
                .find(|code| !code.is_empty())
        }),
        tracked: true,
        level: level(item.availability.as_ref(), offers)?,
        categories: Vec::new(),
    })
}

/// Whether this offer is a live listing with a quantity of its own; auctions have none.
pub(super) fn is_live(offer: &wire::Offer) -> bool {
    let is_fixed = offer
        .format
        .as_deref()
        .is_none_or(|format| format == "FIXED_PRICE");
    is_fixed && offer.status.as_deref() == Some("PUBLISHED")
}

/// What buyers see. eBay shows the smaller of the item's quantity and the offer's; with several
/// live offers, the most that one of them shows. Without a live offer, what would be shown.
pub(super) fn level(
    availability: Option<&wire::Availability>,
    offers: &[wire::Offer],
) -> Result<Option<Decimal>, String> {
    let Some(quantity) = availability
        .and_then(|availability| availability.ship_to_location_availability.as_ref())
        .and_then(|ship_to| ship_to.quantity.as_ref())
    else {
        return Ok(None);
    };
    let quantity = units(quantity)?;
    let mut shown: Option<i64> = None;
    for offer in offers.iter().filter(|offer| is_live(offer)) {
        let own = offer
            .available_quantity
            .as_ref()
            .map_or(Ok(quantity), units)?;
        shown = shown.max(Some(own.min(quantity)));
    }
    Ok(Some(Decimal::whole(shown.unwrap_or(quantity))))
}
