//! Every refusal says what is so, and what to do.

use std::collections::BTreeSet;

use super::super::*;
use crate::{
    Currency, Decimal, ListingId, Money, Quantity,
    billing::BillRefusal,
    delivery::DeliveryRefusal,
    fulfillment::FulfillmentRefusal,
    ids::{
        ArrivalId, CountId, DocumentNumber, DriftId, IncidentId, IntentId, ReturnId, SellerId,
        SeriesId, ShipmentId, TaskId,
    },
    issuing::{DocumentRefusal, Kind},
    item::ItemRefusal,
    notes::NoteRefusal,
    payment::PaymentRefusal,
    placement::PlacementRefusal,
    quantity::NotAQuantity,
    returns::ReturnRefusal,
    stock::{Condition, LocationId},
};

/// One of each, with what the refusals of other modules say at their worst: a hint of one word.
#[expect(clippy::too_many_lines, reason = "one of each, and each is its data")]
fn one_of_each() -> Vec<Refusal> {
    let mut ids = IdSource::new(Time::EPOCH, [1; 16]);
    let sku: Sku = "MUG".parse().expect("a SKU");
    let (order, account) = (OrderId::next(&mut ids), AccountId::new("web"));
    let (location, two) = (LocationId::new("main"), Quantity::of(2));
    let whole = Decimal::whole(2);
    let (shipment, at) = (ShipmentId::next(&mut ids), location.clone());
    let mut all = vec![
        Refusal::NoOrder(order),
        Refusal::NoLine { order, line: 1 },
        Refusal::NoItem(sku.clone()),
        Refusal::NotStocked(sku.clone()),
        Refusal::ItemInUse(sku.clone()),
        Refusal::TooMany {
            line: 1,
            left: two,
            asked: two,
        },
        Refusal::NothingToShip,
        Refusal::NotCovered {
            line: 1,
            sku: sku.clone(),
            missing: two,
        },
        Refusal::Phase {
            phase: "held",
            hint: "lift the hold first",
        },
        Refusal::AlreadyShipped,
        Refusal::RefundTooLarge("1.00 EUR".to_owned()),
        Refusal::NotHeld,
        Refusal::Note(NoteRefusal::TooMany),
        Refusal::Note(NoteRefusal::Erased),
        Refusal::NoShipment { order, shipment },
        Refusal::NoReturn {
            order,
            id: ReturnId::next(&mut ids),
        },
        Refusal::NoTask {
            order,
            task: TaskId::next(&mut ids),
        },
        Refusal::NoLocation {
            location: location.clone(),
            known: vec![location.clone()],
        },
        Refusal::NotServed {
            location: location.clone(),
            account: account.clone(),
        },
        Refusal::ChannelOwned(location.clone()),
        Refusal::NotThere {
            sku: sku.clone(),
            location: location.clone(),
            condition: Condition::Sellable,
            there: two,
            asked: two,
        },
        Refusal::NothingMoves("it is there already: choose another location"),
        Refusal::NotFree {
            sku: sku.clone(),
            location: location.clone(),
            free: whole,
            asked: whole,
        },
        Refusal::NoPlace(order),
        Refusal::NothingPromised(order),
        Refusal::Promised {
            sku: sku.clone(),
            location,
            free: whole,
            asked: whole,
        },
        Refusal::NoArrival {
            sku: sku.clone(),
            arrival: ArrivalId::next(&mut ids),
        },
        Refusal::NoCount(CountId::next(&mut ids)),
        Refusal::CountOpen {
            count: CountId::next(&mut ids),
            location: LocationId::new("main"),
            by: "ann".to_owned(),
            opened_at: Time::EPOCH,
        },
        Refusal::CountOver(CountId::next(&mut ids)),
        Refusal::NotInCount(sku.clone()),
        Refusal::AsOf {
            as_of: Time::EPOCH,
            reason: "it was counted later: count it again",
        },
        Refusal::RecountFirst(vec![sku.clone()]),
        Refusal::NotParked,
        Refusal::NotToBeDropped("it is on its way just now"),
        Refusal::TooManyMessages(order),
        Refusal::IncidentOver {
            incident: IncidentId::next(&mut ids),
        },
        Refusal::NotGivingWay {
            order,
            reason: "it was promised none of the item",
        },
        Refusal::NoHelp {
            way: crate::incident::Way::Split,
            reason: "all of the order is missing",
        },
        Refusal::CannotCancelUnits {
            reason: "all of the order is missing; cancel the order",
        },
        Refusal::NoDrift(DriftId::next(&mut ids)),
        Refusal::CannotTake {
            listing: ListingId::new("1"),
            reason: "the item was never counted; adjust it",
        },
        Refusal::NotTripped(account.clone()),
        Refusal::NotEnded,
        Refusal::WouldEnd {
            sku: sku.clone(),
            sellable: whole,
            end_when: whole,
        },
        Refusal::UnderWay,
        Refusal::NotByHand(account),
        Refusal::ReferenceUsed {
            reference: "A-7".to_owned(),
            order,
        },
        Refusal::NotOpen {
            line: 1,
            left: whole,
        },
    ];
    all.extend(placements().map(Refusal::Placement));
    all.extend(payments().map(Refusal::Payment));
    all.extend(after_sales(shipment));
    all.extend(fulfillment(&at, &sku));
    all.extend(documents().map(Refusal::Document));
    let component = sku.clone();
    all.extend(
        [
            ItemRefusal::EmptyKit(sku.clone()),
            ItemRefusal::NotPositive {
                kit: sku.clone(),
                component: component.clone(),
            },
            ItemRefusal::Nested {
                kit: sku.clone(),
                component,
            },
            ItemRefusal::Scale(sku),
        ]
        .map(Refusal::Item),
    );
    let quantities = [
        NotAQuantity::Syntax("x".to_owned()),
        NotAQuantity::Range,
        NotAQuantity::Implausible { most: 2 },
        NotAQuantity::NotPositive,
        NotAQuantity::TooFine { item_scale: 0 },
    ];
    all.extend(quantities.map(|source| Refusal::Quantity { line: 1, source }));
    all
}

fn placements() -> [PlacementRefusal; 10] {
    let (units, price) = (Decimal::whole(2), super::reports::eur(501));
    let (sum, said) = (super::reports::eur(1002), super::reports::eur(1000));
    let dollar = Money::zero(Currency::new("USD").expect("a currency"));
    [
        PlacementRefusal::NoLines,
        PlacementRefusal::NoUnits(1),
        PlacementRefusal::Nameless(1),
        PlacementRefusal::NoPrice(1),
        PlacementRefusal::Inexact(1, units, price),
        PlacementRefusal::LineDiffers {
            line: 1,
            units,
            price,
            sum,
            said,
        },
        PlacementRefusal::TotalDiffers { sum, said },
        PlacementRefusal::Negative("the discount"),
        PlacementRefusal::Money(price.plus(dollar).expect_err("they are mixed")),
        PlacementRefusal::OtherItem(1),
    ]
}

fn after_sales(shipment: ShipmentId) -> Vec<Refusal> {
    let (line, left) = (1, Decimal::whole(2));
    let deliveries = [
        DeliveryRefusal::Ahead(Time::EPOCH),
        DeliveryRefusal::TooMany(shipment),
        DeliveryRefusal::NoTrouble(shipment),
        DeliveryRefusal::NothingNamed,
        DeliveryRefusal::NotOut { line, left },
        DeliveryRefusal::Withdrawn,
        DeliveryRefusal::NothingToDrop,
    ];
    let of = "that came in and were not looked at";
    let returns = [
        ReturnRefusal::NothingOut,
        ReturnRefusal::TooManyReturns,
        ReturnRefusal::WindowOver(Time::EPOCH),
        ReturnRefusal::NothingToRefund,
        ReturnRefusal::TooManyRefunds,
        ReturnRefusal::BeyondWorth("1.00 EUR".to_owned()),
        ReturnRefusal::NothingToCome,
        ReturnRefusal::NothingToCheck,
        ReturnRefusal::TooMany { line, left, of },
        ReturnRefusal::NothingInstead,
        ReturnRefusal::TooManyItems,
        ReturnRefusal::NoPrice,
        ReturnRefusal::BadItem {
            sku: "MUG".parse().expect("a SKU"),
            reason: "it must be more than nothing".to_owned(),
        },
        ReturnRefusal::Withdrawn,
        ReturnRefusal::Over,
        ReturnRefusal::CheckFirst { line, left },
    ];
    let deliveries = deliveries.into_iter().map(Refusal::Delivery);
    deliveries
        .chain(returns.into_iter().map(Refusal::Return))
        .collect()
}

fn fulfillment(location: &LocationId, sku: &Sku) -> Vec<Refusal> {
    let (line, left) = (1, Decimal::whole(2));
    let refusals = [
        FulfillmentRefusal::NothingToOpen(" at berlin".to_owned()),
        FulfillmentRefusal::ComponentsApart(line),
        FulfillmentRefusal::TooMany(100, "tasks"),
        FulfillmentRefusal::Over,
        FulfillmentRefusal::Beyond {
            line,
            left,
            of: "to be picked",
        },
        FulfillmentRefusal::NotInTask(line),
        FulfillmentRefusal::Nothing("nothing of it lies loose: pick it first"),
        FulfillmentRefusal::WhichItem(line, "MUG, PLATE".to_owned()),
        FulfillmentRefusal::NotOfLine(line, sku.clone()),
        FulfillmentRefusal::NoParcel(1),
        FulfillmentRefusal::Gone(1),
        FulfillmentRefusal::HoldsStopped(1),
        FulfillmentRefusal::Labeled(1, "00340".to_owned()),
        FulfillmentRefusal::NotLabeled(1),
        FulfillmentRefusal::Weight(0),
        FulfillmentRefusal::EmptyLabel,
        FulfillmentRefusal::OneNumber(2),
        FulfillmentRefusal::NotMergeable("these are at two"),
        FulfillmentRefusal::UnderWork(location.clone()),
    ];
    refusals.into_iter().map(Refusal::Fulfillment).collect()
}

fn documents() -> [DocumentRefusal; 16] {
    let (sum, total) = (super::reports::eur(1002), super::reports::eur(1000));
    let dollar = Currency::new("USD").expect("a currency");
    let number = DocumentNumber::new("RE-1");
    [
        DocumentRefusal::NotASale,
        DocumentRefusal::NoSeller(AccountId::new("web")),
        DocumentRefusal::Bill(BillRefusal::NoLines),
        DocumentRefusal::Bill(BillRefusal::TooManyLines(9_000)),
        DocumentRefusal::Bill(BillRefusal::Differs {
            sum,
            with_tax: sum,
            total,
        }),
        DocumentRefusal::Bill(BillRefusal::Negative("the discount")),
        DocumentRefusal::Bill(BillRefusal::PaidUnknown),
        DocumentRefusal::NoInvoice,
        DocumentRefusal::Beyond {
            number: number.clone(),
            left: sum,
        },
        DocumentRefusal::NotPositive,
        DocumentRefusal::NotOnInvoice {
            number: number.clone(),
            line: 3,
        },
        DocumentRefusal::BeyondUnits {
            number: number.clone(),
            line: 3,
            left: Decimal::whole(1),
        },
        DocumentRefusal::NoRefund(IntentId::next(&mut IdSource::new(Time::EPOCH, [1; 16]))),
        DocumentRefusal::OtherCurrency {
            number,
            invoice: sum.currency(),
            asked: dollar,
        },
        DocumentRefusal::OthersSeries {
            series: SeriesId::new("RE-"),
            seller: SellerId::new("main"),
            kind: Kind::Invoice,
        },
        DocumentRefusal::TooMany,
    ]
}

fn payments() -> [PaymentRefusal; 7] {
    let some = super::reports::eur(100);
    [
        PaymentRefusal::NotPositive,
        PaymentRefusal::Currency {
            order: some.currency(),
            payment: Currency::new("USD").expect("a currency"),
        },
        PaymentRefusal::BeyondReserved(some),
        PaymentRefusal::BeyondTaken(some),
        PaymentRefusal::BeyondRefunded(some),
        PaymentRefusal::TooMany,
        PaymentRefusal::Sum("it is too large".to_owned()),
    ]
}

/// What stands behind the last colon, semicolon or comma: what to do.
fn hint(text: &str) -> &str {
    let at = text.rfind([':', ';', ',']).map_or(text.len(), |at| at + 1);
    text.get(at..).unwrap_or_default().trim()
}

#[test]
fn every_refusal_says_what_to_do() {
    let all = one_of_each();
    let words: BTreeSet<&str> = all.iter().map(Refusal::word).collect();
    // The words of all refusals stand in one match, so one that is new is missed here.
    let arms = include_str!("../arms.rs").matches("=> \"").count();
    let here = include_str!("../arms.rs");
    let refusals = here.matches("            Refusal::").count();
    assert!(arms > refusals, "the match is still there");
    assert_eq!(words.len(), refusals, "one of each: {words:?}");
    for refusal in &all {
        let text = refusal.to_string();
        let hint = hint(&text);
        assert!(
            hint.split_whitespace().count() >= 2,
            "`{text}` does not say what to do"
        );
        assert!(!text.ends_with('.'), "`{text}` is no sentence in a log");
        assert!(
            text.chars()
                .next()
                .is_some_and(|first| !first.is_uppercase())
                || text.starts_with("MUG"),
            "`{text}` begins small"
        );
    }
}

/// The hint stands behind the last mark, and what has no mark has none.
#[test]
fn a_refusal_without_a_hint_is_found() {
    for (text, expected) in [
        ("it is so", ""),
        ("it is so:", ""),
        ("line 1: it is so; do that instead", "do that instead"),
    ] {
        assert_eq!(hint(text), expected, "{text}");
    }
}
