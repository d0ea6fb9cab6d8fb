//! Orders from the wire to the domain.

use domain::{
    risk::Risk,
    snapshot::{OrderSnapshot, PaymentState, Standing},
};
use serde_json::{Value, json};

use super::super::{map, schema_test, wire};

const LOCATION: &str = "gid://shopify/Location/7";

fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/order.json")).expect("JSON")
}

fn map(order: &Value) -> Result<OrderSnapshot, String> {
    let order: wire::Order =
        serde_json::from_value(order.clone()).map_err(|error| error.to_string())?;
    map::order(&order, LOCATION).map_err(|error| error.to_string())
}

fn with(changes: &[(&str, Value)]) -> Value {
    let mut order = fixture();
    for (pointer, value) in changes {
        *order.pointer_mut(pointer).expect("a place in the fixture") = value.clone();
    }
    order
}

#[test]
fn an_order_with_everything_in_it_is_read_as_written_here() {
    let order = map(&fixture()).expect("an order");
    let written = serde_json::to_value(&order).expect("JSON");
    let expected: Value =
        serde_json::from_str(include_str!("../fixtures/order.snapshot.json")).expect("JSON");
    assert_eq!(written, expected, "{written:#}");
}

#[test]
fn every_word_for_money_has_its_meaning() {
    use PaymentState::*;
    for (word, fully_paid, unpaid, expected) in [
        (json!("AUTHORIZED"), false, true, Authorized),
        (json!("EXPIRED"), false, true, Voided),
        (json!("PAID"), true, false, Paid),
        (json!("PARTIALLY_PAID"), false, false, PartPaid),
        (json!("PARTIALLY_REFUNDED"), true, false, PartRefunded),
        (json!("PENDING"), false, true, Pending),
        (json!("REFUNDED"), true, false, Refunded),
        (json!("VOIDED"), false, true, Voided),
        (
            json!("GIVEN_AWAY"),
            true,
            false,
            Unmapped("GIVEN_AWAY".to_owned()),
        ),
        (json!(null), true, false, Paid),
        (json!(null), false, true, Pending),
        (json!(null), false, false, Unmapped("null".to_owned())),
    ] {
        let order = with(&[
            ("/displayFinancialStatus", word.clone()),
            ("/fullyPaid", json!(fully_paid)),
            ("/unpaid", json!(unpaid)),
        ]);
        assert_eq!(map(&order).expect("an order").payment, expected, "{word}");
    }
}

#[test]
fn the_worst_that_is_told_of_a_risk_counts_and_nothing_is_guessed() {
    let risk = |recommendation: Value, levels: &[&str]| {
        let levels: Vec<Value> = levels
            .iter()
            .map(|level| json!({ "riskLevel": level }))
            .collect();
        let risk = json!({ "recommendation": recommendation, "assessments": levels });
        map(&with(&[("/risk", risk)])).expect("an order").risk
    };
    for (recommendation, levels, expected) in [
        (json!("NONE"), &[][..], None),
        (json!(null), &["NONE"], None),
        (json!("NONE"), &["PENDING"], Some(Risk::Pending)),
        (json!("ACCEPT"), &["LOW"], Some(Risk::Low)),
        (json!("ACCEPT"), &["LOW", "HIGH"], Some(Risk::High)),
        (json!("INVESTIGATE"), &["LOW"], Some(Risk::Medium)),
        (json!("CANCEL"), &[], Some(Risk::High)),
        (
            json!("ASK"),
            &["LOW"],
            Some(Risk::Unmapped("ASK".to_owned())),
        ),
        (
            json!("ACCEPT"),
            &["ODD"],
            Some(Risk::Unmapped("ODD".to_owned())),
        ),
    ] {
        let told = risk(recommendation.clone(), levels);
        assert_eq!(told, expected, "{recommendation} {levels:?}");
    }
    let silent = map(&with(&[("/risk", json!(null))])).expect("an order");
    assert_eq!(silent.risk, None);
}

#[test]
fn every_word_for_shipping_is_known_and_a_new_one_holds_the_order() {
    let standing = |word: Value| {
        let order = map(&with(&[("/displayFulfillmentStatus", word)])).expect("an order");
        order.standing
    };
    for word in [
        "FULFILLED",
        "FULFILLMENT_NOT_REQUIRED",
        "IN_PROGRESS",
        "ON_HOLD",
        "OPEN",
        "PARTIALLY_FULFILLED",
        "PENDING_FULFILLMENT",
        "REQUEST_DECLINED",
        "RESTOCKED",
        "SCHEDULED",
        "UNFULFILLED",
    ] {
        assert_eq!(standing(json!(word)), Standing::Placed, "{word}");
    }
    assert_eq!(standing(json!(null)), Standing::Placed);
    let new = Standing::Unmapped("DO_NOT_SHIP".to_owned());
    assert_eq!(standing(json!("DO_NOT_SHIP")), new);
    let lost = map(&with(&[("/fulfillments/0/status", json!("LOST"))])).expect("an order");
    assert_eq!(lost.standing, Standing::Unmapped("LOST".to_owned()));
    let canceled = with(&[
        ("/displayFulfillmentStatus", json!("DO_NOT_SHIP")),
        ("/cancelledAt", json!("2026-11-05T16:40:12Z")),
    ]);
    assert_eq!(
        map(&canceled).expect("an order").standing,
        Standing::Canceled
    );
}

#[test]
fn the_schema_has_no_word_that_we_do_not_know() {
    for (version, schema) in schema_test::schemas("the_schema_has_no_word_that_we_do_not_know") {
        for word in schema.words("OrderDisplayFinancialStatus") {
            let order = with(&[("/displayFinancialStatus", json!(word))]);
            let payment = map(&order).expect("an order").payment;
            assert!(
                !matches!(payment, PaymentState::Unmapped(_)),
                "{version}: {word}"
            );
        }
        for word in schema.words("OrderDisplayFulfillmentStatus") {
            let order = with(&[("/displayFulfillmentStatus", json!(word))]);
            assert_eq!(
                map(&order).expect("an order").standing,
                Standing::Placed,
                "{version}"
            );
        }
        for word in schema.words("FulfillmentStatus") {
            let order = with(&[("/fulfillments/0/status", json!(word))]);
            assert_eq!(
                map(&order).expect("an order").standing,
                Standing::Placed,
                "{version}"
            );
        }
    }
}

/// Of one tracked line: quantity, current quantity, unfulfilled; fulfillments as status and units;
/// refunds as restock type and units; units that are routed elsewhere. Then what we make of it:
/// canceled, shipped, returned, subtracted.
type Row<'a> = (
    &'a str,
    [i64; 3],
    &'a [(&'a str, i64)],
    &'a [(&'a str, i64)],
    i64,
    [i64; 4],
);

#[rustfmt::skip]
const COUNTS: &[Row<'_>] = &[
    ("just ordered",                  [5, 5, 5], &[],                              &[],                             0, [0, 0, 0, 5]),
    ("partly shipped",                [5, 5, 3], &[("SUCCESS", 2)],                &[],                             0, [0, 2, 0, 5]),
    ("shipped in two parcels",        [5, 5, 0], &[("SUCCESS", 2), ("SUCCESS", 3)], &[],                            0, [0, 5, 0, 5]),
    ("a parcel was taken back",       [5, 5, 5], &[("CANCELLED", 5)],              &[],                             0, [0, 0, 0, 5]),
    ("a parcel failed",               [5, 5, 5], &[("ERROR", 5), ("FAILURE", 5)],  &[],                             0, [0, 0, 0, 5]),
    ("a parcel is pending",           [5, 5, 0], &[("PENDING", 5)],                &[],                             0, [0, 5, 0, 5]),
    ("an edit took two out",          [5, 3, 3], &[],                              &[],                             0, [2, 0, 0, 3]),
    ("two canceled before they left", [5, 3, 3], &[],                              &[("CANCEL", 2)],                0, [2, 0, 0, 3]),
    ("all canceled, none put back",   [5, 0, 0], &[],                              &[("NO_RESTOCK", 5)],            0, [5, 0, 0, 5]),
    ("money back, still to ship",     [5, 4, 5], &[],                              &[("NO_RESTOCK", 1)],            0, [0, 0, 0, 5]),
    ("money back, nothing came back", [5, 3, 0], &[("SUCCESS", 5)],                &[("NO_RESTOCK", 2)],            0, [0, 5, 0, 5]),
    ("two came back",                 [5, 3, 0], &[("SUCCESS", 5)],                &[("RETURN", 2)],                0, [0, 5, 2, 3]),
    ("one came back, two open",       [5, 4, 2], &[("SUCCESS", 3)],                &[("RETURN", 1)],                0, [0, 3, 1, 5]),
    ("one of each",                   [5, 3, 1], &[("SUCCESS", 3)],                &[("CANCEL", 1), ("RETURN", 1)], 0, [1, 3, 1, 4]),
    ("all from elsewhere",            [5, 5, 5], &[],                              &[],                             5, [0, 0, 0, 0]),
    ("two from elsewhere",            [5, 5, 5], &[],                              &[],                             2, [0, 0, 0, 3]),
    ("more returned than shipped",    [1, 0, 0], &[("SUCCESS", 1)],                &[("RETURN", 9)],                0, [0, 1, 1, 0]),
    ("nothing ordered",               [0, 0, 0], &[],                              &[],                             0, [0, 0, 0, 0]),
];

#[test]
fn the_counters_of_a_line_follow_from_what_happened_to_it() {
    let item = json!({ "id": "gid://shopify/LineItem/11" });
    for (name, [quantity, current, unfulfilled], parcels, refunds, elsewhere, expected) in COUNTS {
        let mut line = fixture()["lineItems"]["nodes"][0].clone();
        line["quantity"] = json!(quantity);
        line["currentQuantity"] = json!(current);
        line["unfulfilledQuantity"] = json!(unfulfilled);
        let parcels = parcels.iter().map(|(status, units)| {
            json!({
                "id": "gid://shopify/Fulfillment/1", "legacyResourceId": 1, "status": status,
                "createdAt": "2026-11-04T10:00:00Z",
                "fulfillmentLineItems": { "nodes": [{ "quantity": units, "lineItem": item }] },
            })
        });
        let refunds = refunds.iter().map(|(restock, units)| {
            let restocked = matches!(*restock, "CANCEL" | "RETURN");
            json!({
                "id": "gid://shopify/Refund/1",
                "refundLineItems": { "nodes": [{
                    "quantity": units, "restockType": restock, "restocked": restocked,
                    "lineItem": item,
                }] },
            })
        });
        let part = json!({
            "id": "gid://shopify/FulfillmentOrder/1", "status": "OPEN",
            "assignedLocation": { "location": { "id": "gid://shopify/Location/8" } },
            "lineItems": { "nodes": [{
                "id": "gid://shopify/FulfillmentOrderLineItem/1", "lineItem": item,
                "totalQuantity": elsewhere, "remainingQuantity": elsewhere,
            }] },
        });
        let order = with(&[
            ("/lineItems/nodes", json!([line])),
            ("/fulfillments", parcels.collect()),
            ("/refunds", refunds.collect()),
            ("/fulfillmentOrders/nodes", json!([part])),
        ]);
        let line = map(&order).expect(name).lines.remove(0);
        let counts = [line.canceled, line.shipped, line.returned, line.subtracted];
        let counts = counts.map(|count| count.to_whole().expect("whole units"));
        assert_eq!(counts, *expected, "{name}");
    }
}

#[test]
fn what_cannot_be_read_says_why_and_is_never_guessed() {
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    for (pointer, value, reason) in [
        ("/totalPriceSet", json!(null), "null"),
        ("/totalPriceSet/shopMoney/amount", json!("a lot"), "`a lot`"),
        (
            "/totalPriceSet/shopMoney/amount",
            json!("1.005"),
            "more than the 2 decimals",
        ),
        (
            "/totalPriceSet/shopMoney/amount",
            json!("9".repeat(40)),
            "out of range",
        ),
        (
            "/totalPriceSet/shopMoney/amount",
            json!(["1"]),
            "neither a text nor a number",
        ),
        ("/currencyCode", json!("EURO"), "`EURO`"),
        ("/currencyCode", json!(17), "17"),
        ("/updatedAt", json!("yesterday"), "`yesterday`"),
        ("/processedAt", json!("\u{0}"), "is not an RFC 3339 time"),
        ("/name", deep, "sequence"),
        ("/lineItems", json!(null), "null"),
        ("/lineItems/nodes", json!([17]), "17"),
        (
            "/lineItems/nodes/0/id",
            json!("LineItem/11"),
            "`LineItem/11`",
        ),
        (
            "/lineItems/nodes/0/id",
            json!("gid://shopify/LineItem/"),
            "is not a global id",
        ),
        ("/lineItems/nodes/0/quantity", json!(-1), "-1"),
        ("/lineItems/nodes/0/quantity", json!(1.5), "1.5"),
        (
            "/lineItems/nodes/0/quantity",
            json!(i64::MAX),
            "out of range",
        ),
        (
            "/lineItems/nodes/0/quantity",
            json!(u64::MAX),
            "18446744073709551615",
        ),
        (
            "/lineItems/nodes/0/originalUnitPriceSet/shopMoney/amount",
            json!("x"),
            "`x`",
        ),
        (
            "/lineItems/nodes/0/variant/inventoryItem/id",
            json!("gid://shopify/InventoryItem/x"),
            "/x`",
        ),
        (
            "/fulfillmentOrders/nodes/0/fulfillBy",
            json!("soon"),
            "`soon`",
        ),
    ] {
        let problem = map(&with(&[(pointer, value)])).expect_err(pointer);
        assert!(problem.contains(reason), "{pointer}: {problem}");
    }
}

#[test]
fn huge_counts_of_what_happened_stay_within_bounds() {
    let order = with(&[
        (
            "/fulfillments/0/fulfillmentLineItems/nodes/0/quantity",
            json!(i64::MAX),
        ),
        (
            "/fulfillments/0/fulfillmentLineItems/nodes/1/quantity",
            json!(i64::MIN),
        ),
        (
            "/refunds/0/refundLineItems/nodes/0/quantity",
            json!(i64::MAX),
        ),
        (
            "/refunds/1/refundLineItems/nodes/0/quantity",
            json!(i64::MAX),
        ),
        (
            "/fulfillmentOrders/nodes/2/lineItems/nodes/0/totalQuantity",
            json!(i64::MAX),
        ),
    ]);
    for line in map(&order).expect("an order").lines {
        for count in [line.canceled, line.shipped, line.returned, line.subtracted] {
            assert!(
                count
                    .to_whole()
                    .is_some_and(|count| (0..=1_000_000_000).contains(&count))
            );
        }
    }
}
