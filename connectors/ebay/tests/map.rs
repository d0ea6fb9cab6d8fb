//! From fixtures to snapshots, every documented word among them.

use domain::{
    Decimal, ListingId, Time,
    snapshot::{OrderSnapshot, PaymentState, Standing},
    verify::{Sum, add_up},
};
use serde_json::{Value, json};

use super::order;
use crate::ebay::{map, wire};

fn read(order: Value, parcels: Value) -> Result<OrderSnapshot, String> {
    let order: wire::Order = serde_json::from_value(order).map_err(|error| error.to_string())?;
    let parcels: wire::ParcelPage =
        serde_json::from_value(parcels).map_err(|error| error.to_string())?;
    map::order(&order, &parcels.fulfillments)
}

fn snapshot(order: Value) -> OrderSnapshot {
    read(order, json!({})).expect("a readable order")
}

#[test]
fn an_order_is_read_completely() {
    let order = snapshot(order());
    assert_eq!(order.external_id.as_str(), "12-34567-89012");
    assert_eq!(order.number, "12-34567-89012");
    assert_eq!(
        order.version.changed_at.to_string(),
        "2026-11-01T10:05:00.25Z"
    );
    assert_eq!(order.placed_at.to_string(), "2026-11-01T10:00:00Z");
    assert_eq!(order.standing, Standing::Placed);
    assert_eq!(order.payment, PaymentState::Paid);
    assert_eq!(order.total.to_string(), "34.40 USD");
    assert_eq!(order.tax.to_string(), "2.40 USD");
    assert_eq!(order.shipping.to_string(), "5.00 USD");
    assert_eq!(order.discount.to_string(), "3.00 USD");
    assert_eq!(order.refunded.to_string(), "0.00 USD");
    assert_eq!(order.words["legacyOrderId"], "110000000001-29000000001");
    assert_eq!(order.words["cancelState"], "NONE_REQUESTED");
    assert_eq!(order.buyer.name, "Ada Example");
    assert_eq!(order.buyer.email, "ada@example.com");
    let ship_to = order.ship_to.expect("an address");
    assert_eq!(ship_to.name, "Grace Example");
    assert_eq!(ship_to.company, "Example Works");
    assert_eq!(ship_to.street, ["2 Ship Street", "Back door"]);
    assert_eq!(ship_to.region, "Example County");
    assert_eq!(ship_to.postal_code, "62565");
    assert_eq!(ship_to.phone, "5550199");
    assert_eq!(order.bill_to.expect("an address").city, "Springfield");
    assert_eq!(order.note, "Please ring twice.");
    assert_eq!(order.ship_by, Time::parse_utc("2026-11-03T00:00:00Z").ok());
    assert_eq!(
        order.deliver_by,
        Time::parse_utc("2026-11-10T07:00:00Z").ok(),
        "the latest of its lines"
    );
    let [mugs, stickers] = order.lines.as_slice() else {
        panic!("two lines, not {}", order.lines.len());
    };
    assert_eq!(mugs.external_id.as_str(), "10000000000001");
    assert_eq!(mugs.sku.as_deref(), Some("MUG-1"));
    assert_eq!(mugs.listing, Some(ListingId::from("MUG-1")));
    assert_eq!(mugs.ordered, Decimal::whole(2));
    assert_eq!(mugs.subtracted, Decimal::whole(2));
    assert_eq!(mugs.unit_price.map(|price| price.minor()), Some(1000));
    assert_eq!(mugs.total.to_string(), "18.00 USD");
    assert_eq!(mugs.tax.to_string(), "1.40 USD");
    assert!(mugs.requires_shipping);
    assert_eq!(stickers.sku, None);
    assert_eq!(stickers.listing, None);
    assert_eq!(stickers.unit_price, None, "10.00 is no multiple of three");
}

#[test]
fn every_payment_word_has_its_meaning() {
    for (word, payment) in [
        ("PENDING", PaymentState::Pending),
        ("PAID", PaymentState::Paid),
        ("PARTIALLY_REFUNDED", PaymentState::PartRefunded),
        ("FULLY_REFUNDED", PaymentState::Refunded),
        ("FAILED", PaymentState::Voided),
        ("BARTERED", PaymentState::Unmapped("BARTERED".to_owned())),
    ] {
        let mut order = order();
        order["orderPaymentStatus"] = json!(word);
        let order = snapshot(order);
        assert_eq!(order.payment, payment, "{word}");
        assert_eq!(order.standing, Standing::Placed, "{word}");
        assert_eq!(order.lines[0].subtracted, Decimal::whole(2), "{word}");
        assert_eq!(order.words["orderPaymentStatus"], word);
    }
}

#[test]
fn every_word_of_cancellation_has_its_meaning() {
    for (word, standing, canceled, subtracted) in [
        ("NONE_REQUESTED", Standing::Placed, 0, 2),
        ("IN_PROGRESS", Standing::Placed, 0, 2),
        ("CANCELED", Standing::Canceled, 2, 0),
        (
            "SHELVED",
            Standing::Unmapped("cancelState SHELVED".to_owned()),
            0,
            2,
        ),
    ] {
        let mut order = order();
        order["cancelStatus"] = json!({ "cancelState": word });
        let order = snapshot(order);
        assert_eq!(order.standing, standing, "{word}");
        assert_eq!(order.lines[0].canceled, Decimal::whole(canceled), "{word}");
        assert_eq!(
            order.lines[0].subtracted,
            Decimal::whole(subtracted),
            "{word}"
        );
        assert_eq!(order.words["cancelState"], word);
    }
    let mut order = order();
    order["cancelStatus"] = json!({
        "cancelState": "IN_PROGRESS",
        "cancelRequests": [{ "cancelInitiator": "Buyer", "cancelReason": "ORDER_MISTAKE" }],
    });
    let order = snapshot(order);
    assert_eq!(order.words["cancelInitiator"], "Buyer");
    assert_eq!(order.words["cancelReason"], "ORDER_MISTAKE");
}

#[test]
fn every_word_of_fulfillment_has_its_meaning() {
    let parcels = json!({ "fulfillments": [
        { "lineItems": [{ "lineItemId": "10000000000001", "quantity": 1 }] },
        { "lineItems": [{ "lineItemId": "10000000000002" }] },
        { "lineItems": [{ "lineItemId": "10000000000002", "quantity": 9 }] },
    ] });
    for (word, first, second) in [
        ("NOT_STARTED", 0, 0),
        ("IN_PROGRESS", 1, 3),
        ("FULFILLED", 2, 3),
    ] {
        let mut order = order();
        for line in order["lineItems"].as_array_mut().expect("lines") {
            line["lineItemFulfillmentStatus"] = json!(word);
        }
        order["orderFulfillmentStatus"] = json!(word);
        let order = read(order, parcels.clone()).expect("a readable order");
        assert_eq!(order.lines[0].shipped, Decimal::whole(first), "{word}");
        // More than was ordered cannot have left; one is meant where no number is given.
        assert_eq!(order.lines[1].shipped, Decimal::whole(second), "{word}");
        assert_eq!(order.standing, Standing::Placed, "{word}");
    }
    for pointer in [
        "/orderFulfillmentStatus",
        "/lineItems/1/lineItemFulfillmentStatus",
    ] {
        let mut order = order();
        *order.pointer_mut(pointer).expect("a word") = json!("TELEPORTED");
        let standing = Standing::Unmapped("fulfillment TELEPORTED".to_owned());
        assert_eq!(snapshot(order).standing, standing, "{pointer}");
    }
}

#[test]
fn refunds_are_counted_once_and_when_they_are_done() {
    let amount = |value: &str| json!({ "value": value, "currency": "USD" });
    let of_order =
        |status: &str, value: &str| json!({ "refundStatus": status, "amount": amount(value) });
    let of_line =
        |date: Option<&str>, value: &str| json!({ "refundDate": date, "amount": amount(value) });
    let done = Some("2026-11-02T00:00:00.000Z");
    for (orders, lines, expected) in [
        (json!([]), json!([]), 0),
        (json!([of_order("REFUNDED", "4.00")]), json!([]), 400),
        (json!([of_order("PENDING", "4.00")]), json!([]), 0),
        (json!([of_order("FAILED", "4.00")]), json!([]), 0),
        (json!([]), json!([of_line(done, "3.00")]), 300),
        (json!([]), json!([of_line(None, "3.00")]), 0),
        (
            json!([of_order("REFUNDED", "4.00")]),
            json!([of_line(done, "4.00")]),
            400,
        ),
        (
            json!([of_order("REFUNDED", "4.00"), of_order("REFUNDED", "1.00")]),
            json!([]),
            500,
        ),
    ] {
        let mut order = order();
        order["paymentSummary"]["refunds"] = orders.clone();
        order["lineItems"][0]["refunds"] = lines.clone();
        let refunded = snapshot(order).refunded.minor();
        assert_eq!(refunded, expected, "{orders} and {lines}");
    }
}

#[test]
fn what_is_not_sent_by_post_needs_no_shipping() {
    let mut gift = order();
    gift["lineItems"][1]["giftDetails"] = json!({ "recipientEmail": "ada@example.com" });
    let gift = snapshot(gift);
    assert!(gift.lines[0].requires_shipping);
    assert!(!gift.lines[1].requires_shipping);
    let mut digital = order();
    digital["fulfillmentStartInstructions"] = json!([{ "fulfillmentInstructionsType": "DIGITAL" }]);
    let digital = snapshot(digital);
    assert!(!digital.lines[0].requires_shipping);
    assert_eq!(digital.ship_to, None);
}

#[test]
fn what_cannot_be_read_is_an_error_and_never_a_panic() {
    for (pointer, value) in [
        ("/orderId", Value::Null),
        ("/orderId", json!({})),
        ("/creationDate", json!("yesterday")),
        ("/lastModifiedDate", json!(7)),
        ("/lineItems", json!("none")),
        ("/lineItems/0/quantity", json!(-1)),
        ("/lineItems/0/quantity", json!(1.5)),
        ("/lineItems/0/quantity", json!(1e300)),
        ("/lineItems/0/quantity", json!("many")),
        ("/lineItems/0/lineItemId", json!([])),
        ("/lineItems/0/lineItemCost/value", json!("1e5")),
        ("/lineItems/0/lineItemCost/currency", json!("EUR")),
        ("/pricingSummary/total", Value::Null),
        ("/pricingSummary/total/value", json!("12.345")),
        (
            "/pricingSummary/total/value",
            json!("99999999999999999999999"),
        ),
        ("/pricingSummary/total/currency", json!("dollars")),
    ] {
        let mut order = order();
        *order.pointer_mut(pointer).expect("a field") = value.clone();
        assert!(read(order, json!({})).is_err(), "{pointer} = {value}");
    }
}

#[test]
fn missing_and_null_parts_have_defaults() {
    let mut order = order();
    for key in [
        "buyer",
        "cancelStatus",
        "fulfillmentStartInstructions",
        "paymentSummary",
    ] {
        order[key] = Value::Null;
    }
    let line = order["lineItems"][0].as_object_mut().expect("a line");
    for key in ["sku", "taxes", "refunds", "lineItemFulfillmentInstructions"] {
        line.remove(key);
    }
    line.insert("sku".to_owned(), json!(""));
    line.insert("title".to_owned(), json!("nul \u{0} in it"));
    let order = snapshot(order);
    assert_eq!(order.standing, Standing::Placed);
    assert_eq!(order.lines[0].listing, None);
    assert_eq!(order.buyer.name, "");
}

#[test]
fn buyers_see_the_smaller_of_two_numbers() {
    let item: wire::Item =
        serde_json::from_str(include_str!("../fixtures/item.json")).expect("a fixture");
    let offer: Value =
        serde_json::from_str(include_str!("../fixtures/offer.json")).expect("a fixture");
    for (change, level) in [
        (json!({}), 5),
        (json!({ "availableQuantity": 9 }), 7),
        (json!({ "availableQuantity": null }), 7),
        (json!({ "availableQuantity": 0 }), 0),
        (json!({ "status": "UNPUBLISHED" }), 7),
        (json!({ "format": "AUCTION" }), 7),
    ] {
        let mut offer = offer.clone();
        for (key, value) in change.as_object().expect("changes") {
            offer[key] = value.clone();
        }
        let offer: wire::Offer = serde_json::from_value(offer).expect("an offer");
        let listing = map::listing(&item, &[offer]).expect("a listing");
        assert_eq!(listing.level, Some(Decimal::whole(level)), "{change}");
        assert_eq!(listing.listing.as_str(), "MUG-1");
        assert_eq!(listing.barcode.as_deref(), Some("4006381333931"));
        assert_eq!(listing.price.map(|price| price.minor()), Some(1000));
        assert!(listing.tracked);
    }
    let unknown = map::level(None, &[]).expect("a level");
    assert_eq!(unknown, None, "unknown is not zero");
}

#[test]
fn what_else_is_in_a_total_is_told_so_that_it_adds_up() {
    let mut told = order();
    assert_eq!(add_up(&snapshot(told.clone())), Sum::Fits);
    told["pricingSummary"]["adjustment"] = json!({ "value": "-1.50", "currency": "USD" });
    told["pricingSummary"]["fee"] = json!({ "value": "0.25", "currency": "USD" });
    let lowered = snapshot(told.clone());
    assert_eq!(
        lowered.extra.map(|extra| extra.to_string()).as_deref(),
        Some("-1.25 USD")
    );
    told["pricingSummary"]["total"]["value"] = json!("33.15");
    assert_eq!(add_up(&snapshot(told)), Sum::Fits);
}
